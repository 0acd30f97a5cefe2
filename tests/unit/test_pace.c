/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_pace.c - when the keeper looks at the kernel's records next: less often when none come, at
 * once while the ring could fill up; and what is done in the same wakeup, how often.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "user/keeper/pace.h"

static void slower_when_nothing_comes(void **state)
{
	struct pace pace = {};

	(void)state;
	for (int i = 1; i < PACE_EMPTY; i++)
		assert_int_equal(pace_next(&pace, 0), PACE_MS);
	for (int i = 0; i < 100; i++)
		assert_int_equal(pace_next(&pace, 0), PACE_IDLE_MS);
	assert_int_equal(pace_next(&pace, 1), PACE_MS);
	for (int i = 1; i < PACE_EMPTY; i++)
		assert_int_equal(pace_next(&pace, 0), PACE_MS);
	assert_int_equal(pace_next(&pace, -5), PACE_IDLE_MS); /* a failed look found nothing */
}

static void many_do_not_fill_the_ring(void **state)
{
	struct pace pace = {};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(pace_next(&pace, PACE_BUSY), PACE_BUSY_MS);
	assert_int_equal(pace_next(&pace, PACE_BUSY - 1), PACE_MS);
	assert_int_equal(pace_next(&pace, 0), PACE_MS);
}

/* Looks every step ms for a little more than 100 s; how often it was due. */
static unsigned times(unsigned step)
{
	uint64_t due_ms = 5000 + 1000;
	unsigned n = 0;

	for (uint64_t now_ms = 5000; now_ms <= 105200; now_ms += step)
		n += pace_is_due(&due_ms, now_ms, 1000);
	return n;
}

static void once_a_second_is_once_a_second(void **state)
{
	uint64_t due_ms = 6000;

	(void)state;
	assert_int_equal(times(20), 100);
	assert_int_equal(times(100), 100);
	assert_int_equal(times(200), 100);
	assert_int_equal(times(203), 100); /* a timer is always late */
	assert_false(pace_is_due(&due_ms, 5949, 1000));
	assert_true(pace_is_due(&due_ms, 5950, 1000));
	assert_int_equal(due_ms, 7000);
	/* stopped for a minute: once, not sixty times */
	assert_true(pace_is_due(&due_ms, 67000, 1000));
	assert_int_equal(due_ms, 68000);
	assert_false(pace_is_due(&due_ms, 67100, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slower_when_nothing_comes),
		cmocka_unit_test(many_do_not_fill_the_ring),
		cmocka_unit_test(once_a_second_is_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
