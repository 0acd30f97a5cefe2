/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_repeats.c - findings that say the same again: told at once, then once a second with their
 * number; every statement is in exactly one record, whatever shares a slot and whenever it ends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/inspector/repeats.h"

#define S 1000000000ull

struct told {
	size_t n;
	uint64_t statements;
	struct report_finding last;
};

static void tell(struct report_finding *report, void *userdata)
{
	struct told *told = userdata;

	told->n++;
	told->statements += 1ull + report->more;
	told->last = *report;
}

static struct transaction *transaction(uint16_t op, uint32_t source)
{
	struct transaction *tx = calloc(1, sizeof(*tx));

	assert_non_null(tx);
	tx->op = op;
	tx->source.w[3] = source;
	return tx;
}

static void take(struct repeats *repeats, struct transaction *tx, const struct detection *d,
		 uint64_t now_ns, unsigned number)
{
	tx->conn = number;
	snprintf(tx->request_id, sizeof(tx->request_id), "req-%u", number);
	repeats_take(repeats, tx, d, now_ns);
}

static const struct detection sniff = {.control = "REV-13",
				       .rule = "nosniff-missing",
				       .severity = FINDING_LOW,
				       .part = PART_RESPONSE_HEAD};
static const struct detection secret = {.control = "REV-01",
					.rule = "aws-key",
					.severity = FINDING_HIGH,
					.part = PART_RESPONSE_BODY};

static void test_once_a_second(void **state)
{
	struct transaction *tx = transaction(1, 1);
	struct told told = {};
	struct repeats *repeats;

	(void)state;
	assert_int_equal(repeats_new(tell, &told, &repeats), 0);
	take(repeats, tx, &sniff, S, 1);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.last.more, 0);
	assert_string_equal(told.last.request_id, "req-1");
	for (unsigned i = 2; i <= 10; i++)
		take(repeats, tx, &sniff, S + i, i);
	assert_int_equal(told.n, 1);
	assert_int_equal(repeats_waiting(repeats), 9);
	repeats_tick(repeats, 2 * S - 1);
	assert_int_equal(told.n, 1);
	repeats_tick(repeats, 2 * S);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.last.more, 8);
	assert_string_equal(told.last.request_id, "req-10");
	assert_int_equal(told.last.conn, 10);
	assert_int_equal(repeats_waiting(repeats), 0);
	repeats_tick(repeats, 9 * S); /* nothing waits */
	assert_int_equal(told.n, 2);
	take(repeats, tx, &sniff, 9 * S, 11); /* after a pause: at once */
	assert_int_equal(told.n, 3);
	assert_int_equal(told.last.more, 0);
	repeats_free(repeats);
	assert_int_equal(told.statements, 11);
	free(tx);
}

static void test_what_differs_is_told(void **state)
{
	struct transaction *tx = transaction(1, 1), *other_op = transaction(2, 1),
			   *other_source = transaction(1, 2);
	struct detection with = sniff;
	struct told told = {};
	struct repeats *repeats;

	(void)state;
	with.evidence = masked_own("absent");
	assert_int_equal(repeats_new(tell, &told, &repeats), 0);
	take(repeats, tx, &sniff, S, 1);
	take(repeats, other_op, &sniff, S, 2);
	take(repeats, other_source, &sniff, S, 3);
	take(repeats, tx, &with, S, 4);
	assert_int_equal(told.n, 4);
	assert_int_equal(told.statements, 4);
	repeats_free(repeats);
	free(tx);
	free(other_op);
	free(other_source);
}

static void test_high_is_never_held(void **state)
{
	struct transaction *tx = transaction(1, 1);
	struct told told = {};
	struct repeats *repeats;

	(void)state;
	assert_int_equal(repeats_new(tell, &told, &repeats), 0);
	for (unsigned i = 1; i <= 5; i++) {
		take(repeats, tx, &secret, S, i);
		assert_int_equal(told.n, i);
		assert_int_equal(told.last.conn, i);
	}
	repeats_free(repeats);
	assert_int_equal(told.statements, 5);
	free(tx);
}

/* More sources than slots, at any time: no statement is lost, none is told twice. */
static void test_every_statement_once(void **state)
{
	struct transaction *tx = transaction(1, 1);
	struct told told = {};
	struct repeats *repeats;
	uint32_t random = 1;

	(void)state;
	assert_int_equal(repeats_new(tell, &told, &repeats), 0);
	for (unsigned i = 1; i <= 200000; i++) {
		random = random * 1664525u + 1013904223u;
		tx->source.w[3] = random >> 28 ? (random >> 8) % 100 : random >> 8;
		take(repeats, tx, random & 64 ? &sniff : &secret, i * (S / 50000), i);
		if (i % 5000 == 0)
			repeats_tick(repeats, i * (S / 50000));
		assert_int_equal(told.statements + repeats_waiting(repeats), i);
	}
	assert_true(told.n < 150000);
	repeats_free(repeats);
	assert_int_equal(told.statements, 200000);
	free(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_a_second),
		cmocka_unit_test(test_what_differs_is_told),
		cmocka_unit_test(test_high_is_never_held),
		cmocka_unit_test(test_every_statement_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
