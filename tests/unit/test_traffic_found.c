/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_traffic_found.c - what rules found goes to the request it was found in, whichever of the two
 * comes first, and to no other one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspect/transaction.h"
#include "user/keeper/traffic.h"

#define EARLY 256 /* findings that are kept for requests to come */

static char dir[] = "/tmp/glacis-test-found-XXXXXX";
static struct intern *intern;
static struct traffic *traffic;

static int begin(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	if (intern_new(&intern) < 0)
		return -1;
	return traffic_new(dir, &traffic);
}

static int end(void **state)
{
	static const char *const names[] = {TRAFFIC_FILE_NAME, TRAFFIC_FILE_NAME "-wal",
					    TRAFFIC_FILE_NAME "-shm"};
	char path[sizeof(dir) + 64];

	(void)state;
	traffic_free(traffic);
	intern_free(intern);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static void request(const char *id)
{
	struct report_transaction tx = {.begin_wall_ns = 1780000000000000000ll};

	snprintf(tx.request_id, sizeof(tx.request_id), "%s", id);
	snprintf(tx.path.text, sizeof(tx.path.text), "/%s", id);
	traffic_add(traffic, &tx, intern);
}

struct sought {
	const char *path;
	unsigned rows, marks;
	bool rule;
};

static bool look(const struct traffic_row *row, void *userdata)
{
	struct traffic_store *store = traffic_store(traffic);
	struct sought *sought = userdata;

	if (strcmp(traffic_text(store, row->path), sought->path) != 0)
		return true;
	sought->rows++;
	for (int i = 0; i < TRAFFIC_MARKS && row->marks[i]; i++) {
		sought->marks++;
		if (strcmp(traffic_text(store, row->marks[i]), "rule") == 0)
			sought->rule = true;
	}
	return true;
}

/* Of one request with this path: how many marks; that one is "rule" where there is any. */
static unsigned marks(const char *path)
{
	const struct traffic_query all = {.by = TRAFFIC_ALL, .to_ns = INT64_MAX, .max = 1000000};
	struct sought sought = {.path = path};

	assert_int_equal(traffic_each(traffic_store(traffic), &all, look, &sought), 0);
	assert_int_equal(sought.rows, 1);
	assert_int_equal(sought.rule, sought.marks > 0);
	return sought.marks;
}

static void before_and_after(void **state)
{
	(void)state;
	traffic_found(traffic, "early", "rule");
	request("one");
	request("early");
	request("waiting");
	traffic_found(traffic, "waiting", "rule");
	traffic_found(traffic, "waiting", "rule"); /* the same again */
	traffic_found(traffic, "waiting", "another");
	assert_int_equal(marks("/one"), 0);
	assert_int_equal(marks("/early"), 1);
	assert_int_equal(marks("/waiting"), 2);
	traffic_found(traffic, "one", "rule"); /* it is stored */
	assert_int_equal(marks("/one"), 1);
	traffic_found(traffic, "", "rule"); /* of no request */
	request("");
	assert_int_equal(marks("/"), 0);
}

/* Several of one request, and of one that came between; none is left over for a later one. */
static void taken_once(void **state)
{
	(void)state;
	traffic_found(traffic, "a", "rule");
	traffic_found(traffic, "b", "rule");
	traffic_found(traffic, "a", "another");
	request("a");
	request("c");
	request("b");
	assert_int_equal(marks("/a"), 2);
	assert_int_equal(marks("/b"), 1);
	assert_int_equal(marks("/c"), 0);
	traffic_found(traffic, "d", "rule");
	request("d");
	assert_int_equal(marks("/d"), 1);
}

/* The oldest makes room; the others are found after it. */
static void early_ones_are_bounded(void **state)
{
	char id[16];

	(void)state;
	for (int i = 0; i <= EARLY; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		traffic_found(traffic, id, "rule");
	}
	for (int i = 0; i <= EARLY; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		request(id);
	}
	assert_int_equal(marks("/r0"), 0);
	assert_int_equal(marks("/r1"), 1);
	assert_int_equal(marks("/r2"), 1);
	assert_int_equal(marks("/r256"), 1);
	traffic_found(traffic, "late", "rule");
	request("late");
	assert_int_equal(marks("/late"), 1);
}

/* As many are known as can wait, twice; a place that is used again is not the older request's. */
static void many_are_known(void **state)
{
	char id[16];

	(void)state;
	for (int i = 0; i < 3 * TRAFFIC_WAITING_MAX; i++) {
		if (i && i % TRAFFIC_WAITING_MAX == 0)
			traffic_store(traffic); /* stores them */
		snprintf(id, sizeof(id), "r%d", i);
		request(id);
	}
	traffic_found(traffic, "r8191", "rule"); /* the last of those that are forgotten */
	traffic_found(traffic, "r8192", "rule");
	traffic_found(traffic, "r16383", "rule");
	traffic_found(traffic, "r16384", "rule");
	traffic_found(traffic, "r24575", "rule");
	assert_int_equal(marks("/r8191"), 0);
	assert_int_equal(marks("/r8192"), 1);
	assert_int_equal(marks("/r16383"), 1);
	assert_int_equal(marks("/r16384"), 1);
	assert_int_equal(marks("/r24575"), 1);
	traffic_store(traffic);
	traffic_found(traffic, "r24575", "another");
	assert_int_equal(marks("/r24575"), 2);
	assert_int_equal(marks("/r0"), 0);
	assert_int_equal(traffic_lost(traffic), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(before_and_after, begin, end),
		cmocka_unit_test_setup_teardown(taken_once, begin, end),
		cmocka_unit_test_setup_teardown(early_ones_are_bounded, begin, end),
		cmocka_unit_test_setup_teardown(many_are_known, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
