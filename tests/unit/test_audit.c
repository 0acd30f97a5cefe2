/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_audit.c - whatever is done to the audit is found: a byte of any column flipped, a record
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

/* Each column of each record: one character or one bit more. */
static void test_changed(void **state)
{
	static const char *const columns[] = {"time",   "uid",   "pid",  "origin",  "what",
					      "before", "after", "hash", "previous"};
	unsigned found = 0;

	(void)state;
	for (int id = 1; id <= RECORDS; id++)
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
			struct audit_check check;
			bool number = c < 3;

			sql("CREATE TABLE was AS SELECT * FROM audit WHERE id = %d", id);
			if (number)
				sql("UPDATE audit SET %s = %s + 1 WHERE id = %d", columns[c],
				    columns[c], id);
			else
				sql("UPDATE audit SET %s = ifnull(%s, '') || 'x' WHERE id = %d",
				    columns[c], columns[c], id);
			check = checked();
			found += !check.ok;
			assert_in_range(check.bad, id, id + 1);
			sql("UPDATE audit SET %s = (SELECT %s FROM was) WHERE id = %d", columns[c],
			    columns[c], id);
			sql("DROP TABLE was");
			assert_true(checked().ok);
		}
	assert_int_equal(found, RECORDS * ARRAY_SIZE(columns));
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
		cmocka_unit_test_setup_teardown(test_taken_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_from_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beginning_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsigned, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
