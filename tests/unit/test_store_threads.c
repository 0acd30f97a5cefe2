/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_store_threads.c - the store with its threads: order, a disk that does not answer, a batch
 * that can never be written, closing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/eventfd.h>

#include "tests/unit/store_fixture.h"
static struct store *start(int *ret_fd)
{
	struct store *store = NULL;

	*ret_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(*ret_fd >= 0);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(store_start(store, *ret_fd), 0);
	return store;
}

static void test_a_thread_writes(void **state)
{
	struct store *store;
	uint64_t n = 0;
	int fd;

	(void)state;
	store = start(&fd);
	for (uint32_t id = 1; id <= 100; id++)
		assert_int_equal(put(store, id, "x"), 0);
	assert_int_equal(store_ticket(store), 100);
	assert_true(store_settle(store, 10000));
	assert_true(store_is_written(store, 100));
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	assert_in_range(n, 1, 100);
	assert_int_equal(count_decisions(store), 100);
	assert_int_equal(store_counts(store).transactions, 100);
	store_close(store);
	close(fd);
}

/* Somebody holds the file: nobody waits, everything that was taken is written in the end. */
static void test_a_disk_that_does_not_answer(void **state)
{
	_cleanup_free_ char *large = calloc(1, 500001);
	const struct store_audit audit = {.origin = "api", .what = "x"};
	unsigned taken = 0, refused = 0;
	struct store *store;
	sqlite3 *db = NULL;
	int fd, r;

	(void)state;
	memset(large, 'x', 500000);
	store = start(&fd);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (uint32_t id = 1; id <= 60; id++) {
		r = put(store, id, large);
		assert_true(r == 0 || r == -ENOBUFS);
		taken += r == 0;
		refused += r < 0;
	}
	assert_true(taken >= 10 && refused >= 10);
	assert_int_equal(store_counts(store).refused, refused);
	assert_false(store_settle(store, 50));
	/* reading goes on: nothing is there yet */
	assert_int_equal(count_decisions(store), 0);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_true(store_settle(store, 20000));
	assert_int_equal(count_decisions(store), taken);
	assert_int_equal(store_counts(store).dropped, 0);
	/* there is room again */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_add_audit(store, &audit), 0);
	assert_int_equal(store_commit(store), 0);
	assert_true(store_settle(store, 20000));
	assert_int_equal(store_audits_waiting(store), 0);
	store_close(store);
	close(fd);
}

/* What can never be written does not keep the rest from it. */
static void test_a_batch_without_hope(void **state)
{
	const struct store_audit bad = {.origin = NULL, .what = "x"}; /* NOT NULL */
	struct store *store;
	int fd;

	(void)state;
	store = start(&fd);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_add_audit(store, &bad), 0);
	assert_int_equal(store_commit(store), 0);
	assert_true(store_settle(store, 10000));
	assert_int_equal(store_counts(store).dropped, 1);
	assert_int_equal(store_audits_waiting(store), 0);
	assert_null(store_trouble(store));
	assert_int_equal(put(store, 1, "x"), 0);
	assert_true(store_settle(store, 10000));
	assert_int_equal(count_decisions(store), 1);
	store_close(store);
	close(fd);
}

/* Closing writes what was taken. */
static void test_closing_writes(void **state)
{
	struct store *store;
	int fd;

	(void)state;
	store = start(&fd);
	for (uint32_t id = 1; id <= 50; id++)
		assert_int_equal(put(store, id, "x"), 0);
	store_close(store);
	close(fd);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(count_decisions(store), 50);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_a_thread_writes),
		TEST(test_a_disk_that_does_not_answer),
		TEST(test_a_batch_without_hope),
		TEST(test_closing_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
