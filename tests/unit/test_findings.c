/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_findings.c - statements: the same one is counted, the table is bounded, ids only grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/detect/findings.h"

static struct findings *findings;

static int setup(void **state)
{
	(void)state;
	return findings_new(&findings);
}

static int teardown(void **state)
{
	(void)state;
	findings_free(findings);
	return 0;
}

static struct finding about(unsigned subject, int64_t wall_ns)
{
	struct finding f = {.control = "REV-13", .rule = "nosniff", .service = "shop"};

	snprintf(f.subject, sizeof(f.subject), "GET /%u", subject);
	snprintf(f.request, sizeof(f.request), "r%u", (unsigned)wall_ns);
	f.last_wall_ns = wall_ns;
	return f;
}

static void test_same_is_counted(void **state)
{
	struct finding f = about(1, 10), other = about(1, 20);
	const struct finding *kept;

	(void)state;
	assert_int_equal(findings_put(findings, &f, &kept), 1);
	assert_int_equal(kept->id, 1);
	assert_int_equal(findings_put(findings, &other, &kept), 0);
	assert_int_equal(kept->count, 2);
	assert_int_equal(kept->first_wall_ns, 10);
	assert_int_equal(kept->last_wall_ns, 20);
	assert_string_equal(kept->request, "r20");
	other.more = 4;
	assert_int_equal(findings_put(findings, &other, &kept), 0);
	assert_int_equal(kept->count, 7);
	other.more = 0;
	snprintf(other.service, sizeof(other.service), "pay");
	assert_int_equal(findings_put(findings, &other, NULL), 1);
	snprintf(other.rule, sizeof(other.rule), "hsts");
	assert_int_equal(findings_put(findings, &other, NULL), 1);
	snprintf(other.control, sizeof(other.control), "API-01");
	assert_int_equal(findings_put(findings, &other, NULL), 1);
	assert_int_equal(findings_count(findings), 4);
	assert_ptr_equal(findings_find(findings, 1), kept);
	assert_null(findings_find(findings, 5));
}

static void test_bounded(void **state)
{
	struct finding f;

	(void)state;
	for (unsigned i = 0; i < FINDINGS_MAX; i++) {
		f = about(i, 100 + i);
		assert_int_equal(findings_put(findings, &f, NULL), 1);
	}
	assert_int_equal(findings_evicted(findings), 0);
	/* the first one is stated again: the second is the one not stated for longest */
	f = about(0, 1000000);
	assert_int_equal(findings_put(findings, &f, NULL), 0);
	f = about(FINDINGS_MAX, 1000001);
	assert_int_equal(findings_put(findings, &f, NULL), 1);
	assert_int_equal(findings_evicted(findings), 1);
	assert_int_equal(findings_count(findings), FINDINGS_MAX);
	assert_non_null(findings_find(findings, 1));
	assert_null(findings_find(findings, 2));
	f = about(1, 1000002);
	assert_int_equal(findings_put(findings, &f, NULL), 1);
	for (size_t i = 1; i < findings_count(findings); i++)
		assert_true(findings_at(findings, i - 1)->id < findings_at(findings, i)->id);
	assert_null(findings_at(findings, FINDINGS_MAX));
}

static void count_one(const struct finding *finding, void *userdata)
{
	(void)finding;
	(*(unsigned *)userdata)++;
}

static void test_dirty_and_restored(void **state)
{
	struct finding f = about(1, 10);
	unsigned n = 0;

	(void)state;
	f.id = 7;
	f.count = 3;
	findings_restore(findings, &f);
	findings_restore(findings, &f);
	assert_int_equal(findings_count(findings), 1);
	findings_each_dirty(findings, count_one, &n);
	assert_int_equal(n, 0);
	assert_int_equal(findings_put(findings, &f, NULL), 0);
	assert_int_equal(findings_find(findings, 7)->count, 4);
	findings_each_dirty(findings, count_one, &n);
	assert_int_equal(n, 1);
	findings_stored(findings);
	findings_each_dirty(findings, count_one, &n);
	assert_int_equal(n, 1);
	f = about(2, 11);
	assert_int_equal(findings_put(findings, &f, NULL), 1);
	assert_int_equal(findings_at(findings, 1)->id, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dirty_and_restored, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
