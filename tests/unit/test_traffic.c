/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_traffic.c - stored requests on a real file system: what is found again, what goes by age and
 * size, a broken file, a newer one, a disk that is full, a writer that is killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/base/worker.h"
#include "user/store/traffic.h"
#include "user/store/traffic_private.h"

#define SECOND 1000000000ll
#define NOW    (1780000000ll * SECOND)

static char dir[] = "/tmp/glacis-test-traffic-XXXXXX";
static char path[sizeof(dir) + 32];
static struct traffic_store *store;

static int begin(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/" TRAFFIC_FILE_NAME, dir);
	return traffic_open(dir, &store);
}

static int end(void **state)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char name[sizeof(path) + 8];

	(void)state;
	traffic_close(store);
	store = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
	return rmdir(dir);
}

static void reopen(void)
{
	traffic_close(store);
	assert_int_equal(traffic_open(dir, &store), 0);
}

static struct traffic_row row_of(const char *source, const char *operation, int64_t time_ns)
{
	struct traffic_row row = {
		.time_ns = time_ns,
		.service = traffic_name(store, "shop"),
		.operation = traffic_name(store, operation),
		.status = 200,
		.response_bytes = 1234,
		.total_us = 77,
		.flags = 5,
	};

	assert_int_equal(addr_parse(source, &row.source), 0);
	return row;
}

static void put(const char *source, const char *operation, uint64_t principal, int64_t time_ns)
{
	struct traffic_row row = row_of(source, operation, time_ns);

	row.principal = principal;
	assert_int_equal(traffic_put(store, &row, 1), 0);
}

static struct traffic_row last;
static size_t seen;

static bool note(const struct traffic_row *row, void *userdata)
{
	(void)userdata;
	last = *row;
	return ++seen < 1000;
}

static size_t count(struct traffic_query query)
{
	seen = 0;
	if (!query.to_ns)
		query.to_ns = INT64_MAX;
	query.max = query.max ? query.max : 1000;
	assert_int_equal(traffic_each(store, &query, note, NULL), 0);
	return seen;
}

static size_t count_source(const char *text)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return count((struct traffic_query){
		.by = TRAFFIC_SOURCE, .source = prefix.addr, .prefix_len = prefix.len});
}

static void what_is_put_is_found(void **state)
{
	struct traffic_row row = row_of("192.0.2.7", "GET /a", NOW);
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	row.principal = UINT64_MAX; /* a hash uses all bits */
	row.marks[0] = traffic_name(store, "email");
	row.marks[1] = traffic_name(store, "iban");
	assert_int_equal(traffic_put(store, &row, 1), 0);
	put("192.0.2.8", "GET /a", 0, NOW + SECOND);
	put("2001:db8:1:2::7", "GET /b", 9, NOW + 2 * SECOND);
	put("2001:db8:1:2:ffff::", "GET /b", 9, NOW + 3 * SECOND);
	put("2001:db8:1:3::1", "GET /b", 9, NOW + 4 * SECOND);
	reopen();
	assert_int_equal(count_source("192.0.2.7"), 1);
	row.id = last.id;
	assert_memory_equal(&last, &row, sizeof(row));
	assert_string_equal(traffic_text(store, last.operation), "GET /a");
	assert_string_equal(traffic_text(store, last.marks[1]), "iban");
	assert_int_equal(count_source("192.0.2.0/24"), 2);
	assert_int_equal(count_source("192.0.2.9"), 0);
	/* a source is a /64; IPv4 and IPv6 do not meet */
	assert_int_equal(count_source("2001:db8:1:2::/64"), 2);
	assert_int_equal(count_source("::/0"), 3);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_PRINCIPAL, .principal = 9}), 3);
	assert_int_equal(
		count((struct traffic_query){.by = TRAFFIC_PRINCIPAL, .principal = UINT64_MAX}), 1);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_PRINCIPAL, .principal = 0}), 0);
	assert_int_equal(count((struct traffic_query){
				 .by = TRAFFIC_OPERATION,
				 .operation = traffic_name(store, "GET /b"),
				 .service = traffic_name(store, "shop"),
			 }),
			 3);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 5);
	/* newest first, both ends included */
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL, .max = 1}), 1);
	assert_true(last.time_ns == NOW + 4 * SECOND);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL,
						      .from_ns = NOW + SECOND,
						      .to_ns = NOW + 2 * SECOND}),
			 2);
}

static void old_rows_go(void **state)
{
	const struct traffic_limits week = {.age_s = 7 * 86400, .bytes = 1ull << 30};

	(void)state;
	for (int i = 0; i < 10; i++)
		put("192.0.2.7", "GET /a", 0, NOW + i * 86400 * SECOND);
	traffic_prune(store, &week, NOW + 9 * 86400 * SECOND);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 8);
	traffic_prune(store, &week, NOW + 9 * 86400 * SECOND);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 8);
	traffic_prune(store, &week, NOW + 999 * 86400 * SECOND);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 0);
	traffic_prune(store, &week, NOW);
	put("192.0.2.7", "GET /a", 0, NOW);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 1);
}

static void settle(void)
{
	assert_true(worker_wait(store->writer, store->ticket, 60000));
}

static uint64_t pruned(const struct traffic_limits *limits, int64_t now_ns)
{
	traffic_prune(store, limits, now_ns);
	settle();
	return traffic_counts(store).pruned;
}

/* Where nothing comes or goes, one call of ten looks; where it does, or limits change, each one. */
static void an_idle_store_is_looked_at_less(void **state)
{
	const struct traffic_limits week = {.age_s = 7 * 86400, .bytes = 1ull << 30};
	const struct traffic_limits second = {.age_s = 1, .bytes = 1ull << 30};
	const int64_t late = NOW + 30 * 86400 * SECOND;

	(void)state;
	assert_int_equal(traffic_start(store), 0);
	put("192.0.2.7", "GET /a", 0, NOW);
	settle();
	assert_int_equal(pruned(&week, NOW), 0);
	for (int i = 1; i < 10; i++)
		assert_int_equal(pruned(&week, late), 0);
	assert_int_equal(pruned(&week, late), 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(pruned(&week, late), 1);
	put("192.0.2.7", "GET /a", 0, NOW);
	settle();
	assert_int_equal(pruned(&week, late), 2);
	put("192.0.2.7", "GET /a", 0, late);
	settle();
	for (int i = 0; i < 3; i++)
		assert_int_equal(pruned(&week, late), 2);
	assert_int_equal(pruned(&second, late + 10 * SECOND), 3);
}

/* The file stays about as large as it may be, and the newest rows stay in it. */
static void the_file_is_bounded(void **state)
{
	const struct traffic_limits small = {.age_s = 86400, .bytes = 4u << 20};
	struct traffic_row *rows = calloc(4096, sizeof(*rows));
	uint64_t bytes = 0;

	(void)state;
	assert_non_null(rows);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < 4096; i++)
			rows[i] =
				row_of("192.0.2.7", "GET /a", NOW + (round * 4096 + i) * 1000000ll);
		assert_int_equal(traffic_put(store, rows, 4096), 0);
		traffic_prune(store, &small, NOW + 300 * SECOND);
		bytes = traffic_counts(store).bytes;
		assert_true(bytes < small.bytes + (1u << 20));
	}
	assert_true(bytes > small.bytes / 4);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL, .max = 1}), 1);
	assert_true(last.time_ns == NOW + (30 * 4096 - 1) * 1000000ll);
	free(rows);
}

static void a_broken_file_is_begun_anew(void **state)
{
	static const char garbage[] = "this is no database, and not a short one either ...........";

	(void)state;
	put("192.0.2.7", "GET /a", 0, NOW);
	traffic_close(store);
	assert_int_equal(file_write_atomic(path, garbage, sizeof(garbage), 0600), 0);
	assert_int_equal(traffic_open(dir, &store), 0);
	assert_null(traffic_trouble(store));
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 0);
	put("192.0.2.7", "GET /a", 0, NOW);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 1);
}

static void raw(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_newer_file_is_left_alone(void **state)
{
	struct traffic_row row;

	(void)state;
	put("192.0.2.7", "GET /a", 0, NOW);
	traffic_close(store);
	raw("PRAGMA user_version = 99");
	assert_int_equal(traffic_open(dir, &store), 0);
	assert_non_null(strstr(traffic_trouble(store), "newer version"));
	row = row_of("192.0.2.7", "GET /a", NOW);
	assert_int_equal(traffic_put(store, &row, 1), -EIO);
	assert_int_equal(traffic_counts(store).failed, 1);
	traffic_close(store);
	raw("PRAGMA user_version = 1");
	assert_int_equal(traffic_open(dir, &store), 0);
	assert_int_equal(count((struct traffic_query){.by = TRAFFIC_ALL}), 1);
}

/* Somebody else's transaction: the rows are lost and counted, and it is tried again. */
static void what_cannot_be_written_is_counted(void **state)
{
	const struct traffic_limits limits = {.age_s = 86400, .bytes = 1u << 30};
	struct traffic_row row = row_of("192.0.2.7", "GET /new", NOW);
	sqlite3 *db = NULL;

	(void)state;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_true(traffic_put(store, &row, 1) < 0);
	assert_int_equal(traffic_counts(store).failed, 1);
	assert_non_null(traffic_trouble(store));
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	for (int i = 0; i < 10; i++)
		traffic_prune(store, &limits, NOW);
	assert_null(traffic_trouble(store));
	row = row_of("192.0.2.7", "GET /new", NOW);
	assert_int_equal(traffic_put(store, &row, 1), 0);
	assert_int_equal(count_source("192.0.2.7"), 1);
	assert_string_equal(traffic_text(store, last.operation), "GET /new");
}

static void names_are_bounded(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(traffic_name(store, ""), 0);
	for (int i = 1; i < TRAFFIC_NAMES_MAX; i++) {
		snprintf(text, sizeof(text), "/path/%d", i);
		assert_int_equal(traffic_name(store, text), i);
	}
	assert_int_equal(traffic_name(store, "one more"), 0);
	assert_int_equal(traffic_name(store, "/path/77"), 77);
	assert_string_equal(traffic_text(store, 0), "");
	assert_string_equal(traffic_text(store, UINT32_MAX), "");
	put("192.0.2.7", "one more", 0, NOW);
	reopen();
	assert_int_equal(traffic_name(store, "/path/77"), 77);
	assert_int_equal(count_source("192.0.2.7"), 1);
}

/* What traffic_put() said is stored is there after SIGKILL. */
static void a_killed_writer_loses_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		int told[2], n = 0, got;
		pid_t pid;

		assert_int_equal(pipe(told), 0);
		pid = fork();
		if (pid == 0) {
			traffic_close(store);
			if (traffic_open(dir, &store) < 0)
				_exit(1);
			for (int i = 1;; i++) {
				put("192.0.2.7", "GET /a", (uint64_t)round + 1, NOW + i);
				if (write(told[1], &i, sizeof(i)) != sizeof(i))
					_exit(1);
			}
		}
		close(told[1]);
		for (int i = 0; i <= round && read(told[0], &got, sizeof(got)) == sizeof(got); i++)
			n = got;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(told[0], &got, sizeof(got)) == sizeof(got))
			n = got;
		close(told[0]);
		reopen();
		assert_true(count((struct traffic_query){.by = TRAFFIC_PRINCIPAL,
							 .principal = (uint64_t)round + 1}) >=
			    (size_t)(n < 1000 ? n : 1000));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_put_is_found, begin, end),
		cmocka_unit_test_setup_teardown(old_rows_go, begin, end),
		cmocka_unit_test_setup_teardown(an_idle_store_is_looked_at_less, begin, end),
		cmocka_unit_test_setup_teardown(the_file_is_bounded, begin, end),
		cmocka_unit_test_setup_teardown(a_broken_file_is_begun_anew, begin, end),
		cmocka_unit_test_setup_teardown(a_newer_file_is_left_alone, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_counted, begin, end),
		cmocka_unit_test_setup_teardown(names_are_bounded, begin, end),
		cmocka_unit_test_setup_teardown(a_killed_writer_loses_nothing, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
