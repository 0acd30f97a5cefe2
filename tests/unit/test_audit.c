/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_audit.c - whatever is done to the audit is found: any byte of any column flipped, a record
 * taken out of the middle, off the end, put in; an old database under the new end, an old end, a
 * head of another key. And nothing is found where nothing was done, over restarts and retention.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/keeper/audit.h"

#define RECORDS 20

static char dir[32];
static struct store *store;
static struct audit *audit;

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *text = path[turn++ % 4];

	snprintf(text, sizeof(path[0]), "%s/%s", dir, name);
	return text;
}

static void open_all(void)
{
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(audit_open(store, dir, &audit), 0);
}

static void close_all(void)
{
	audit_close(audit);
	store_close(store);
	audit = NULL;
	store = NULL;
}

static void write_records(int n)
{
	static const struct audit_actor actor = {.origin = "api", .uid = 7, .pid = 8};

	for (int i = 0; i < n; i++)
		assert_int_equal(audit_write(audit, &actor, "block", json_pack("{s:i}", "i", i),
					     i % 3 ? NULL : json_pack("{s:s}", "ttl", "1h")),
				 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/glacis-audit.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	open_all();
	write_records(RECORDS);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"glacis.db", "glacis.db-wal", "glacis.db-shm",
					    "audit.key", "audit.pub",     "audit.head",
					    "copy.db",   "copy.head",     "copy.key"};

	(void)state;
	close_all();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(in_dir(names[i]));
	return rmdir(dir);
}

static void sql(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sql(const char *fmt, ...)
{
	char text[512], *error = NULL;
	sqlite3 *db;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_int_equal(sqlite3_open(in_dir("glacis.db"), &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", text, error);
	sqlite3_close(db);
}

static int count(const char *query)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db;
	int n;

	assert_int_equal(sqlite3_open(in_dir("glacis.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	n = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return n;
}

static struct audit_check checked(void)
{
	struct audit_check check;

	assert_int_equal(audit_verify(audit, &check), 0);
	assert_int_equal(check.ok, !check.problem);
	return check;
}

static void copy(const char *from, const char *to)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	assert_int_equal(file_read(in_dir(from), 64 << 20, &data, &size), 0);
	assert_int_equal(file_write_atomic(in_dir(to), data, size, 0600), 0);
}

static void test_whole(void **state)
{
	struct audit_check check = checked();
	struct stat st;

	(void)state;
	assert_true(check.ok);
	assert_int_equal(check.records, RECORDS);
	assert_int_equal(check.unsigned_records, 0);
	assert_int_equal(check.head.last, RECORDS);
	close_all();
	open_all();
	check = checked();
	assert_true(check.ok);
	assert_int_equal(check.records, RECORDS);
	write_records(1);
	assert_int_equal(checked().records, RECORDS + 1);
	assert_int_equal(stat(in_dir("audit.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(in_dir("audit.pub"), &st), 0);
}

/* One value of a record with one of its bits the other way. */
static void put_value(sqlite3 *db, const char *column, int id, const char *bytes, int n,
		      sqlite3_int64 number)
{
	sqlite3_stmt *statement = NULL;
	char text[96];

	snprintf(text, sizeof(text), "UPDATE audit SET %s = ?1 WHERE id = ?2", column);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
	if (n < 0)
		sqlite3_bind_int64(statement, 1, number);
	else
		sqlite3_bind_text(statement, 1, bytes, n, SQLITE_TRANSIENT);
	sqlite3_bind_int(statement, 2, id);
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
}

static unsigned found(int id)
{
	struct audit_check check = checked();

	if (check.ok)
		return 0;
	assert_in_range(check.bad, id, id + 1);
	return 1;
}

/* Each byte of a text, each bit of a number; *ret_tried of them. */
static unsigned change_value(sqlite3 *db, const char *column, int id, unsigned *ret_tried)
{
	sqlite3_stmt *statement = NULL;
	unsigned n_found = 0, tried = 0;
	sqlite3_int64 number;
	char query[96], *bytes;
	int n;

	snprintf(query, sizeof(query), "SELECT %s FROM audit WHERE id = %d", column, id);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	n = sqlite3_column_type(statement, 0) == SQLITE_INTEGER
		    ? -1
		    : sqlite3_column_bytes(statement, 0);
	number = sqlite3_column_int64(statement, 0);
	bytes = strndup(n > 0 ? (const char *)sqlite3_column_text(statement, 0) : "",
			n > 0 ? (size_t)n : 0);
	sqlite3_finalize(statement);
	for (int i = 0; i < (n < 0 ? 63 : n); i++, tried++) {
		if (n >= 0)
			bytes[i] ^= 1;
		put_value(db, column, id, bytes, n, n < 0 ? number ^ 1ll << i : 0);
		n_found += found(id);
		if (n >= 0)
			bytes[i] ^= 1;
	}
	if (tried)
		put_value(db, column, id, bytes, n, number);
	free(bytes);
	*ret_tried = tried;
	return n_found;
}

/* Each byte of each text and each bit of each number of each record. */
static void test_changed(void **state)
{
	static const char *const columns[] = {"time",   "uid",   "pid",  "origin",  "what",
					      "before", "after", "hash", "previous"};
	unsigned changed = 0, n_found = 0;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(in_dir("glacis.db"), &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	for (int id = 1; id <= RECORDS; id++)
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
			unsigned tried = 0;

			n_found += change_value(db, columns[c], id, &tried);
			changed += tried;
			assert_true(checked().ok);
		}
	sqlite3_close(db);
	assert_true(changed > RECORDS * (3 * 63 + 128)); /* numbers, and two hashes */
	assert_int_equal(n_found, changed);
}

/* What was nothing becomes something. */
static void test_filled_in(void **state)
{
	int empty = count("SELECT count(*) FROM audit WHERE after IS NULL"), n = 0;

	(void)state;
	for (int id = 1; id <= RECORDS; id++) {
		sql("UPDATE audit SET after = 'x' WHERE id = %d AND after IS NULL", id);
		if (!checked().ok) {
			assert_in_range(checked().bad, id, id + 1);
			n++;
		}
		sql("UPDATE audit SET after = NULL WHERE id = %d AND after = 'x'", id);
		assert_true(checked().ok);
	}
	assert_true(empty > 0);
	assert_int_equal(n, empty);
}

static void test_taken_out(void **state)
{
	struct audit_check check;

	(void)state;
	sql("DELETE FROM audit WHERE id = %d", RECORDS);
	check = checked();
	assert_string_equal(check.problem, "the record that was signed last is not in it");
	/* the agent that finds it says so on record and goes on with a new chain */
	close_all();
	open_all();
	check = checked();
	assert_true(check.ok);
	assert_int_equal(check.records, 1);
	write_records(3);
	sql("DELETE FROM audit WHERE id = %d", RECORDS + 1);
	assert_string_equal(checked().problem, "records before it are missing");
}

static void test_taken_from_the_middle(void **state)
{
	struct audit_check check;

	(void)state;
	sql("DELETE FROM audit WHERE id = 7");
	check = checked();
	assert_string_equal(check.problem, "records before it are missing");
	assert_int_equal(check.bad, 8);
	sql("UPDATE audit SET id = id - 1 WHERE id > 7");
	assert_false(checked().ok);
	assert_int_equal(checked().bad, 7);
}

static void test_beginning_gone(void **state)
{
	(void)state;
	sql("DELETE FROM audit WHERE id <= 3");
	assert_string_equal(checked().problem, "records before it are missing");
	assert_int_equal(checked().bad, 4);
}

static void test_old_files(void **state)
{
	(void)state;
	copy("glacis.db", "copy.db");
	copy("audit.head", "copy.head");
	close_all();
	copy("glacis.db", "copy.db");
	open_all();
	write_records(5);
	assert_true(checked().ok);
	copy("audit.head", "copy.key"); /* the new end */
	rename(in_dir("copy.head"), in_dir("audit.head"));
	assert_string_equal(checked().problem, "the signed end is an older one");
	rename(in_dir("copy.key"), in_dir("audit.head"));
	assert_true(checked().ok);
	close_all();
	unlink(in_dir("glacis.db-wal"));
	unlink(in_dir("glacis.db-shm"));
	rename(in_dir("copy.db"), in_dir("glacis.db"));
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(audit_open(store, dir, &audit), 0);
	/* found at the start, and on record */
	assert_int_equal(count("SELECT count(*) FROM audit WHERE what = 'audit broken'"
			       " AND before LIKE '%signed last is not in it%'"),
			 1);
	assert_true(checked().ok);
	assert_int_equal(checked().records, 1);
}

static void test_heads(void **state)
{
	_cleanup_free_ char *head = NULL;
	size_t size;

	(void)state;
	assert_int_equal(file_read(in_dir("audit.head"), 4096, &head, &size), 0);
	for (size_t i = 0; i < size; i++) {
		head[i] ^= 1;
		assert_int_equal(file_write_atomic(in_dir("audit.head"), head, size, 0600), 0);
		assert_false(checked().ok);
		head[i] ^= 1;
	}
	assert_int_equal(file_write_atomic(in_dir("audit.head"), head, size, 0600), 0);
	assert_true(checked().ok);
	unlink(in_dir("audit.head"));
	assert_string_equal(checked().problem, "the signed end is missing (audit.head)");
	/* another key: its end is not ours */
	assert_int_equal(file_write_atomic(in_dir("audit.head"), head, size, 0600), 0);
	close_all();
	unlink(in_dir("audit.key"));
	open_all();
	assert_int_equal(checked().records, 1);
	close_all();
	assert_int_equal(chmod(in_dir("audit.key"), 0644), 0);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(audit_open(store, dir, &audit), -EPERM);
	assert_int_equal(chmod(in_dir("audit.key"), 0600), 0);
	assert_int_equal(audit_open(store, dir, &audit), 0);
}

/* An agent that died between the commit and the signature. */
static void test_unsigned(void **state)
{
	struct audit_check check;

	(void)state;
	copy("audit.head", "copy.head");
	write_records(2);
	close_all();
	rename(in_dir("copy.head"), in_dir("audit.head"));
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(audit_open(store, dir, &audit), 0);
	check = checked();
	assert_true(check.ok);
	assert_int_equal(check.records, RECORDS + 3); /* "audit unsigned" is one */
	assert_int_equal(check.unsigned_records, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filled_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_from_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beginning_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsigned, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
