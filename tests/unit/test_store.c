/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_store.c - the store on a real file system: migration, a newer version's file, a broken one,
 * a full disk, and a writer that is killed: what was committed is there, what was not is not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "tests/unit/store_fixture.h"

#define ROUNDS 50
#define SECOND 1000000000ull

static void raw(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_fresh(void **state)
{
	struct store *store = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(store_open(dir, &store), 0);
	assert_null(store_trouble(store));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(put(store, 7, "x"), 0);
	assert_int_equal(store_counts(store).transactions, 1);
	/* nothing outside of a transaction */
	assert_int_equal(store_remove_decision(store, 7), -EIO);
	store_close(store);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(count_decisions(store), 1);
	store_close(store);
}

static void note_tally(const struct store_tally *tally, void *userdata)
{
	uint64_t *n = userdata;

	assert_string_equal(tally->control, "REV-13");
	n[0]++;
	n[1] += tally->count;
	n[2] += tally->last_id;
	if (strcmp(tally->service, "shop") == 0)
		assert_int_equal(tally->last_ns, 9);
}

static void test_migration(void **state)
{
	uint64_t tallies[3] = {};
	struct store *store = NULL;
	const struct store_tls_value value = {"shop", "versions", "1.3", 1, 2, 3};

	(void)state;
	raw("CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT "
	    "ROWID;"
	    "CREATE TABLE decisions (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT "
	    "NULL, verdict TEXT NOT NULL, origin TEXT NOT NULL, reason TEXT NOT NULL, created "
	    "INTEGER NOT NULL, expires INTEGER NOT NULL, expires_boot INTEGER NOT NULL, boot_id "
	    "TEXT NOT NULL) STRICT;"
	    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, "
	    "origin "
	    "TEXT NOT NULL, uid INTEGER NOT NULL, pid INTEGER NOT NULL, what TEXT NOT NULL, before "
	    "TEXT, after TEXT) STRICT;"
	    "CREATE TABLE findings (id INTEGER PRIMARY KEY, control TEXT NOT NULL, rule TEXT NOT "
	    "NULL, service TEXT NOT NULL, subject TEXT NOT NULL, severity INTEGER NOT NULL, "
	    "evidence TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER "
	    "NOT NULL) STRICT;"
	    "INSERT INTO findings VALUES (1,'REV-13','r','shop','s',2,'e',1,7,10),"
	    "(2,'REV-13','r','shop','t',1,'e',1,9,5), (3,'REV-13','r','pay','t',1,'e',1,2,4),"
	    "(4,'API-07','r','shop','t',0,'e',1,2,1000);"
	    "INSERT INTO decisions VALUES (41,'source','192.0.2.9','ban','manual','r',1,2,3,'b');"
	    "PRAGMA user_version = 1;");
	assert_int_equal(store_open(dir, &store), 0);
	assert_null(store_trouble(store));
	assert_int_equal(count_decisions(store), 1);
	/* what the findings came to is known from them; those of severity info do not count */
	assert_int_equal(store_each_tally(store, note_tally, tallies), 0);
	assert_int_equal(tallies[0], 2);
	assert_int_equal(tallies[1], 19);
	assert_int_equal(tallies[2], 2 + 3);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put_tls_value(store, &value), 0);
	assert_int_equal(store_commit(store), 0);
	store_close(store);
}

static void test_newer_is_left_alone(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t n_before, n_after;
	struct store *store = NULL;

	(void)state;
	raw("CREATE TABLE of_tomorrow (x); PRAGMA user_version = 99;");
	assert_int_equal(file_read(path, 1 << 20, &before, &n_before), 0);
	assert_int_equal(store_open(dir, &store), 0);
	assert_non_null(strstr(store_trouble(store), "newer version"));
	assert_int_equal(store_counts(store).failed, 1);
	assert_int_equal(put(store, 1, "x"), -EIO);
	assert_false(store_tick(store, 1000 * SECOND));
	store_close(store);
	assert_int_equal(each_file("damaged", NULL), 0);
	assert_int_equal(file_read(path, 1 << 20, &after, &n_after), 0);
	/* the journal mode alone may be noted in the header */
	assert_int_equal(n_before, n_after);
	assert_memory_equal(before + 100, after + 100, n_before - 100);
}

static void test_broken_is_set_aside(void **state)
{
	struct store *store = NULL;

	(void)state;
	assert_int_equal(
		file_write_atomic(path, "this is no database at all, by any means", 40, 0600), 0);
	assert_int_equal(store_open(dir, &store), 0);
	assert_null(store_trouble(store));
	assert_int_equal(store_counts(store).set_aside, 1);
	assert_int_equal(store_epoch(store), 1);
	assert_int_equal(each_file("damaged", NULL), 1);
	assert_int_equal(put(store, 1, "x"), 0);
	store_close(store);
}

static void test_full(void **state)
{
	_cleanup_free_ char *large = calloc(1, 200001);
	struct store *store = NULL;

	(void)state;
	memset(large, 'x', 200000);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(put(store, 1, "x"), 0);
	assert_int_equal(sqlite3_exec(store->db, "PRAGMA max_page_count = 20", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(put(store, 2, large), -ENOSPC);
	assert_non_null(strstr(store_trouble(store), "full"));
	assert_int_equal(store_counts(store).failed, 1);
	/* not hammered: at once nothing is tried, later it is, and works */
	assert_int_equal(put(store, 2, large), -EIO);
	assert_true(store_tick(store, 100 * SECOND));
	assert_null(store_trouble(store));
	assert_int_equal(count_decisions(store), 1);
	assert_int_equal(put(store, 2, large), 0);
	assert_int_equal(count_decisions(store), 2);
	store_close(store);
}

static void test_read_only(void **state)
{
	struct store *store = NULL;

	(void)state;
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(sqlite3_exec(store->db, "PRAGMA query_only = ON", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(put(store, 1, "x"), -EROFS);
	assert_non_null(store_trouble(store));
	assert_true(store_tick(store, 100 * SECOND));
	assert_int_equal(count_decisions(store), 0);
	assert_int_equal(put(store, 1, "x"), 0);
	store_close(store);
}

static void test_rollback(void **state)
{
	const struct store_audit bad = {.origin = NULL, .what = "x"}; /* NOT NULL */
	struct store *store = NULL;

	(void)state;
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_put_number(store, "a", 5), 0);
	assert_int_equal(store_add_audit(store, &bad), 0);
	assert_true(store_commit(store) < 0);
	assert_true(store_tick(store, 100 * SECOND));
	assert_int_equal(store_number(store, "a"), 0);
	store_close(store);
}

/* Commits ids from `first` on, telling each when it is committed. */
static void write_forever(uint32_t first, int fd)
{
	struct store *store = NULL;

	store_open(dir, &store);
	for (uint32_t id = first;; id++) {
		if (put(store, id, "killed in between") < 0 || write(fd, &id, sizeof(id)) < 0)
			_exit(1);
	}
}

static void test_a_killed_writer_loses_nothing(void **state)
{
	static uint8_t told[100000], stored[100000];
	uint32_t next = 1, id;
	unsigned n = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct store *store = NULL;
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0)
			write_forever(next, fds[1]);
		close(fds[1]);
		/* somewhere in the middle of its work */
		for (int i = 0; i <= round % 7; i++)
			assert_int_equal(read(fds[0], &id, sizeof(id)), sizeof(id)), told[id] = 1;
		usleep((useconds_t)(round * 37 % 900)); /* sleep: when it is killed varies */
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &id, sizeof(id)) == sizeof(id))
			told[id] = 1;
		close(fds[0]);
		next = id + 2; /* one may be committed and untold */
		assert_int_equal(store_open(dir, &store), 0);
		assert_null(store_trouble(store));
		memset(stored, 0, sizeof(stored));
		assert_int_equal(store_each_decision(store, note_id, stored), 0);
		for (size_t i = 0; i < sizeof(told); i++)
			assert_true(stored[i] >= told[i]);
		assert_int_equal(store_counts(store).set_aside, 0);
		store_close(store);
	}
	for (size_t i = 0; i < sizeof(told); i++)
		n += told[i];
	assert_in_range(n, ROUNDS, sizeof(told));
}

static void put_findings(struct store *store, uint64_t from, uint64_t n, int64_t last_ns)
{
	assert_int_equal(store_begin(store), 0);
	for (uint64_t i = from; i < from + n; i++) {
		const struct store_finding f = {.id = i,
						.count = 1,
						.control = "REV-13",
						.rule = "r",
						.service = "shop",
						.subject = "GET /",
						.evidence = "e",
						.request = "",
						.first_ns = last_ns,
						.last_ns = last_ns};
		const struct store_alert a = {.id = i,
					      .count = 1,
					      .kind = "forbidden",
					      .control = "ALR-02",
					      .service = "shop",
					      .operation = "",
					      .subject = "s",
					      .source = "",
					      .data = "{}",
					      .state = 2,
					      .last_ns = last_ns,
					      .incident = i % 2};

		store_put_finding(store, &f);
		store_put_alert(store, &a);
	}
	assert_int_equal(store_commit(store), 0);
}

static void count_finding(const struct store_finding *finding, void *userdata)
{
	uint64_t *n = userdata;

	n[0]++;
	n[1] = finding->id; /* the newest is the last */
}

static void count_alert(const struct store_alert *alert, void *userdata)
{
	uint64_t *n = userdata;

	n[0]++;
	n[1] = alert->id;
}

static uint64_t findings_in(struct store *store, size_t max)
{
	uint64_t n[2] = {};

	assert_int_equal(store_each_finding(store, max, count_finding, n), 0);
	return n[0];
}

/* By age to the row; by size the oldest first, and what an incident is made of stays. */
static void test_retention(void **state)
{
	uint64_t removed = 1, total = 0, n[2] = {};
	struct store *store;

	(void)state;
	assert_int_equal(store_open(dir, &store), 0);
	put_findings(store, 1, 3000, 100);
	put_findings(store, 3001, 500, 200);
	assert_int_equal(store_retain(store, 100, 0, &removed), 0);
	assert_int_equal(removed, 0); /* as old as that is not older */
	do {
		assert_int_equal(store_retain(store, 150, 0, &removed), 0);
		total += removed;
	} while (removed);
	assert_int_equal(total, 6000);
	assert_int_equal(findings_in(store, 10000), 500);
	assert_int_equal(findings_in(store, 7), 7);
	put_findings(store, 4001, 4000, 300);
	assert_true(store_bytes(store) > 300000);
	assert_int_equal(store_retain(store, 0, 1ull << 30, &removed), 0);
	assert_int_equal(removed, 0);
	while (store_bytes(store) > 500000 && removed != 1) {
		removed = 1;
		assert_int_equal(store_retain(store, 0, 500000, &removed), 0);
		if (!removed)
			break;
	}
	assert_true(findings_in(store, 10000) < 4500);
	assert_int_equal(store_each_alert(store, 10000, count_alert, n), 0);
	assert_true(n[0] >= 2250); /* every other one is of an incident */
	assert_true(n[1] >= 7999);
	store_close(store);
}

struct past {
	unsigned n;
	int64_t first, last;
	bool with_text;
};

static void note_policy(const struct store_policy *p, void *userdata)
{
	struct past *past = userdata;

	past->first = past->n ? past->first : p->id;
	past->last = p->id;
	past->n++;
	past->with_text = p->text != NULL;
	/* of "spec: {}" */
	assert_string_equal(p->hash,
			    "b171adef546482dfb1100b86eadad750db5768a4b2350c6f571ee3a210ce8c36");
}

/* In their order, with their texts when one is asked for; the newest 500 outlive a start. */
static void test_policies(void **state)
{
	const struct store_policy p = {
		.name = "shop", .file = "shop.yaml", .origin = "api", .text = "spec: {}", .uid = 7};
	struct store *store = NULL;
	struct past past = {};

	(void)state;
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(store_put_policy(store, &p), -EIO); /* outside of a transaction */
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < STORE_POLICIES_KEPT + 20; i++)
		assert_int_equal(store_put_policy(store, &p), 0);
	assert_int_equal(store_commit(store), 0);
	store_close(store);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(store_each_policy(store, 0, 1000, note_policy, &past), 0);
	assert_int_equal(past.n, STORE_POLICIES_KEPT);
	assert_int_equal(past.first, STORE_POLICIES_KEPT + 20);
	assert_int_equal(past.last, 21);
	assert_false(past.with_text);
	past = (struct past){};
	assert_int_equal(store_each_policy(store, 100, 10, note_policy, &past), 0);
	assert_int_equal(past.n, 10);
	assert_int_equal(past.first, 99);
	past = (struct past){};
	assert_int_equal(store_get_policy(store, 99, note_policy, &past), 0);
	assert_int_equal(past.n, 1);
	assert_true(past.with_text);
	assert_int_equal(store_get_policy(store, 1, note_policy, &past), 0);
	assert_int_equal(past.n, 1);
	store_close(store);
}

static void note_attestation(const struct store_attestation *a, void *userdata)
{
	uint64_t *n = userdata;

	n[0]++;
	n[1] += (uint64_t)a->expires_s;
}

/* The last ones replace those before. */
static void test_attestations(void **state)
{
	const struct store_attestation a = {"PRE-14", "o", "e", "2027-01-01", 100, 1};
	const struct store_attestation b = {"PRE-15", "o", "e", "2027-01-01", 10, 1};
	struct store *store = NULL;
	uint64_t n[2] = {};

	(void)state;
	assert_int_equal(store_open(dir, &store), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_begin(store), 0);
		assert_int_equal(store_clear_attestations(store), 0);
		assert_int_equal(store_put_attestation(store, i ? &b : &a), 0);
		assert_int_equal(store_commit(store), 0);
	}
	assert_int_equal(store_each_attestation(store, note_attestation, n), 0);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 10);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_fresh),
		TEST(test_migration),
		TEST(test_newer_is_left_alone),
		TEST(test_broken_is_set_aside),
		TEST(test_full),
		TEST(test_read_only),
		TEST(test_rollback),
		TEST(test_retention),
		TEST(test_a_killed_writer_loses_nothing),
		TEST(test_policies),
		TEST(test_attestations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
