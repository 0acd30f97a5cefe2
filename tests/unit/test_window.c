/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_window.c - counting in a window with a fake clock: every edge, random arrivals against a
 * list, idle times and the wrap of the epochs. The table: test_window_table.c; several callers at
 * once: test_window_between.c, test_window_threads.c.
 */
#include "tests/unit/window_fixture.h"

/* W = 9 s, so that sub-windows are seconds: each row is a clock and what must come of it. */
static void every_edge(void **state)
{
	static const struct {
		uint64_t now_ns;
		int verdict;
		uint32_t sum, retry_s, peek_after;
	} rows[] = {
		{100 * S, WINDOW_ADMITTED, 1, 1, 1},
		{101 * S - 1, WINDOW_ADMITTED, 2, 1, 2},
		{101 * S, WINDOW_ADMITTED, 3, 1, 3},
		{101 * S + 1, WINDOW_OVER, 3, 9, 3}, /* the two of second 100 leave at 110 */
		{108 * S + 1, WINDOW_OVER, 3, 2, 3},
		{109 * S, WINDOW_OVER, 3, 1, 3},
		{110 * S - 1, WINDOW_OVER, 3, 1, 3}, /* still 100 s .. 109.99 s: more than W */
		{110 * S, WINDOW_ADMITTED, 2, 1, 2},
		{110 * S, WINDOW_ADMITTED, 3, 1, 3},
		{110 * S, WINDOW_OVER, 3, 1, 3}, /* second 101 leaves at 111 */
		{111 * S, WINDOW_ADMITTED, 3, 1, 3},
		{111 * S, WINDOW_OVER, 3, 9, 3},
		{119 * S + S / 2, WINDOW_OVER, 3, 1, 3},
		{120 * S, WINDOW_ADMITTED, 2, 1, 2},
		{120 * S + 1, WINDOW_ADMITTED, 3, 1, 3},
		{1000 * S, WINDOW_ADMITTED, 1, 1, 1},
	};
	struct window_ask ask = ask_of(7, 9 * S, 3);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct window_result result;
		uint32_t retry_s = 99;

		assert_int_equal(window_admit(&ask, rows[i].now_ns, &result), rows[i].verdict);
		assert_int_equal(result.sum, rows[i].sum);
		if (rows[i].verdict == WINDOW_OVER)
			assert_int_equal(result.retry_s, rows[i].retry_s);
		assert_int_equal(window_peek(&ask, rows[i].now_ns, &retry_s), rows[i].peek_after);
		assert_int_equal(retry_s == 0, rows[i].peek_after < 3);
	}
}

/* After the promised seconds one more is admitted, and a second earlier not. */
static void retry_is_true(void **state)
{
	struct window_result result;

	(void)state;
	for (uint32_t window_s = 1; window_s <= 900; window_s = window_s * 3 + 1) {
		uint64_t now_ns = 5000 * S + 123456789, then_ns;
		struct window_ask ask = ask_of(window_s, window_s * S, 4);

		for (int i = 0; i < 4; i++, now_ns += window_s * S / 7)
			assert_int_equal(window_admit(&ask, now_ns, &result), WINDOW_ADMITTED);
		assert_int_equal(window_admit(&ask, now_ns, &result), WINDOW_OVER);
		then_ns = now_ns + result.retry_s * S;
		if (result.retry_s > 1)
			assert_int_equal(window_admit(&ask, then_ns - S, &result), WINDOW_OVER);
		assert_int_equal(window_admit(&ask, then_ns, &result), WINDOW_ADMITTED);
	}
}

static void zero_and_huge_limits(void **state)
{
	struct window_ask none = ask_of(1, 9 * S, 0), much = ask_of(2, 9 * S, UINT32_MAX);
	struct window_result result;
	struct gl_window_line *line;

	(void)state;
	assert_int_equal(window_admit(&none, 100 * S, &result), WINDOW_OVER);
	assert_int_equal(result.retry_s, 10);
	assert_int_equal(window_admit(&much, 100 * S, &result), WINDOW_ADMITTED);
	line = &table[result.index];
	line->slots[100 % GL_WINDOW_SLOTS] += WINDOW_LIMIT_MAX - 2;
	assert_int_equal(window_admit(&much, 100 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.sum, WINDOW_LIMIT_MAX);
	assert_int_equal(window_admit(&much, 100 * S, &result), WINDOW_OVER);
	assert_int_equal(window_current(&line->slots[4], 100), WINDOW_LIMIT_MAX);
}

static void an_old_clock_is_stale(void **state)
{
	struct window_ask ask = ask_of(7, 9 * S, 3);
	struct window_result result;
	struct gl_window_line before;

	(void)state;
	assert_int_equal(window_admit(&ask, 101 * S, &result), WINDOW_ADMITTED);
	before = table[result.index];
	assert_int_equal(window_admit(&ask, 101 * S - 1, &result), WINDOW_STALE);
	assert_memory_equal(&before, &table[result.index], sizeof(before));
	assert_int_equal(window_admit(&ask, 101 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.sum, 2);
}

static void undo_gives_back(void **state)
{
	struct window_ask ask = ask_of(7, 9 * S, 2), other = ask_of(8, 9 * S, 2);
	struct window_result first, second, result;

	(void)state;
	assert_int_equal(window_admit(&ask, 100 * S, &first), WINDOW_ADMITTED);
	assert_int_equal(window_admit(&ask, 103 * S, &second), WINDOW_ADMITTED);
	assert_int_equal(window_admit(&ask, 104 * S, &result), WINDOW_OVER);
	window_undo(&ask, &first);
	assert_int_equal(window_peek(&ask, 104 * S, NULL), 1);
	window_undo(&ask, &first); /* nothing left to give */
	assert_int_equal(window_peek(&ask, 104 * S, NULL), 1);
	assert_int_equal(window_admit(&ask, 104 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(window_admit(&ask, 104 * S, &result), WINDOW_OVER);
	/* Another subject's result, or a line that changed hands: nothing. */
	second.tag = other.own.tag;
	window_undo(&ask, &second);
	assert_int_equal(window_peek(&ask, 104 * S, NULL), 2);
}

/* Bursts, trickles and pauses of up to some windows. */
static uint64_t random_gap(struct random *random, uint64_t window_ns, uint32_t limit)
{
	switch (rnd(random, 20)) {
	case 0:
		return rnd(random, 3 * window_ns);
	case 1:
		return window_ns; /* exactly, to meet the edges */
	case 2:
	case 3:
		return sub_of(window_ns) * rnd(random, 4);
	case 4 ... 9:
		return rnd(random, window_ns / limit + 1);
	default:
		return rnd(random, window_ns / (limit * 20ULL) + 1);
	}
}

static void random_arrivals(void **state)
{
	static const uint32_t limits[] = {1, 2, 3, 7, 100};
	static const uint64_t windows_s[] = {1, 10, 60, 900, 86400 * 7};
	uint64_t admitted = 0, over = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct random random = {(seed + 1) * 0x9e3779b97f4a7c15ULL};
		uint32_t limit = limits[seed % ARRAY_SIZE(limits)];
		uint64_t window_ns = windows_s[seed / 5 % ARRAY_SIZE(windows_s)] * S;
		uint64_t now_ns = S + rnd(&random, 86400 * S);
		struct window_ask ask = ask_of(seed, window_ns, limit);
		struct history history = {0};

		setup(NULL);
		for (int i = 0; i < 4000; i++) {
			struct window_result result;
			enum window_verdict verdict;
			uint32_t before = history_sum(&history, now_ns, ask.sub_ns);

			verdict = window_admit(&ask, now_ns, &result);
			/* Exactly where there is room: the floor is N in any 10 sub-windows. */
			assert_int_equal(verdict, before < limit ? WINDOW_ADMITTED : WINDOW_OVER);
			if (verdict == WINDOW_ADMITTED)
				history_add(&history, now_ns);
			assert_int_equal(result.sum, before + (verdict == WINDOW_ADMITTED));
			admitted += verdict == WINDOW_ADMITTED;
			over += verdict == WINDOW_OVER;
			now_ns += random_gap(&random, window_ns, limit);
		}
		assert_true(history_most(&history, window_ns) <= limit);
		free(history.at_ns);
	}
	print_message("%llu admitted, %llu over\n", (unsigned long long)admitted,
		      (unsigned long long)over);
	assert_true(admitted > 50000 && over > 50000);
}

/*
 * A client that never stops gets N in any 10 sub-windows in a row, so never less than N in any
 * 11/9 W, and in the long run 9/10 of N per W.
 */
static void the_floor_when_saturated(void **state)
{
	const uint32_t limit = 100;
	const uint64_t window_ns = 900 * S, step_ns = window_ns / 9000;
	struct window_ask ask = ask_of(1, window_ns, limit);
	struct history history = {0};
	uint64_t start_ns = 12345 * S, now_ns = start_ns;

	(void)state;
	for (int i = 0; i < 200000; i++, now_ns += step_ns) {
		struct window_result result;

		if (window_admit(&ask, now_ns, &result) == WINDOW_ADMITTED)
			history_add(&history, now_ns);
	}
	assert_int_equal(history_most(&history, window_ns), limit);
	for (size_t i = limit; i < history.n; i++)
		assert_true(history.at_ns[i] - history.at_ns[i - limit] <=
			    11 * ask.sub_ns + step_ns);
	assert_in_range(history.n, limit * 9 / 10 * ((now_ns - start_ns) / window_ns),
			limit * ((now_ns - start_ns) / window_ns + 1));
	free(history.at_ns);
}

/* --------------------------------------------------------------------------------------------
 * 12 bits of epoch: nothing old comes back, nothing new is forgotten
 */
static void after_any_sleep_the_window_is_empty(void **state)
{
	(void)state;
	for (uint64_t window_s = 1; window_s <= 900; window_s *= 30) {
		for (uint64_t sleep = 10; sleep < 5 * 12288; sleep += sleep < 40 ? 1 : 1023) {
			struct window_ask ask = ask_of(window_s, window_s * S, 5);
			struct window_result result;
			uint64_t start_ns = 5000 * ask.sub_ns;

			setup(NULL);
			for (uint64_t i = 0; i < 10; i++)
				(void)window_admit(&ask, start_ns + i * ask.sub_ns / 3, &result);
			assert_int_equal(
				window_admit(&ask, start_ns + (sleep + 4) * ask.sub_ns, &result),
				WINDOW_ADMITTED);
			assert_int_equal(result.sum, 1);
		}
	}
}

/* Sleeps that are a multiple of the wrap, where an old slot looks exactly like the current one. */
static void at_the_wrap_exactly(void **state)
{
	static const uint64_t sleeps[] = {4095, 4096, 4097, 8192, 12287, 12288, 12289, 24576};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		struct window_ask ask = ask_of(i, 1 * S, 5);
		struct window_result result;
		uint64_t now_ns = 777 * ask.sub_ns;

		for (int n = 0; n < 7; n++)
			(void)window_admit(&ask, now_ns, &result);
		now_ns += sleeps[i] * ask.sub_ns;
		for (uint32_t n = 1; n <= 5; n++) {
			assert_int_equal(window_admit(&ask, now_ns, &result), WINDOW_ADMITTED);
			assert_int_equal(result.sum, n);
		}
		assert_int_equal(window_admit(&ask, now_ns, &result), WINDOW_OVER);
	}
}

/* A trickle that never lets the line expire, and never touches the slots a burst once filled. */
static void a_trickle_past_the_wrap(void **state)
{
	struct window_ask ask = ask_of(1, 900 * S, 5);
	struct window_result result;
	uint64_t epoch = 1001;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(window_admit(&ask, (epoch + 1) * ask.sub_ns, &result),
				 WINDOW_ADMITTED);
	for (int i = 0; i < 40000; i++) {
		epoch += 6; /* two slots of the ring, over and over */
		assert_int_equal(window_admit(&ask, epoch * ask.sub_ns, &result), WINDOW_ADMITTED);
		assert_int_equal(result.sum, i == 0 ? 5 : 2);
	}
	assert_int_equal(result.flags & WINDOW_CLAIMED, 0);
}

/* A writer killed before it cleared: the old count counts again, for W and not for good. */
static void what_a_dead_caller_left(void **state)
{
	struct window_ask ask = ask_of(1, 9 * S, 2);
	struct window_result result;
	struct gl_window_line *line;

	(void)state;
	assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_ADMITTED);
	line = &table[result.index];
	/* As if of second 102 - 12288: looks like second 102's. */
	line->slots[102 % GL_WINDOW_SLOTS] = 102u << WINDOW_COUNT_BITS | 2;
	assert_int_equal(window_admit(&ask, 103 * S, &result), WINDOW_OVER);
	assert_int_equal(window_admit(&ask, 112 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(window_admit(&ask, 112 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(window_admit(&ask, 112 * S, &result), WINDOW_OVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_edge, setup),
		cmocka_unit_test_setup(retry_is_true, setup),
		cmocka_unit_test_setup(zero_and_huge_limits, setup),
		cmocka_unit_test_setup(an_old_clock_is_stale, setup),
		cmocka_unit_test_setup(undo_gives_back, setup),
		cmocka_unit_test_setup(random_arrivals, setup),
		cmocka_unit_test_setup(the_floor_when_saturated, setup),
		cmocka_unit_test_setup(after_any_sleep_the_window_is_empty, setup),
		cmocka_unit_test_setup(at_the_wrap_exactly, setup),
		cmocka_unit_test_setup(a_trickle_past_the_wrap, setup),
		cmocka_unit_test_setup(what_a_dead_caller_left, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
