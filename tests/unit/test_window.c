/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_window.c - the window table with a fake clock, one caller at a time (threads:
 * test_window_threads.c), and callers that come in between at every place where they can.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/abi.h"

/* Lets a test run other callers in the middle of one: before every look at a line, and between. */
static void come_between(void);
static struct gl_window_line *line_at(void *lines, uint32_t index);
#define WINDOW_TEST_DELAY()     come_between()
#define WINDOW_LINE(ctx, index) line_at(ctx, index)
#include "include/glacis/window.h"
#include "user/base/cleanup.h"

#define S     1000000000ULL
#define LINES (GL_WINDOW_SHARED + 64)

static const struct gl_key key = {0x1111, 0x2222};
static struct gl_window_line table[LINES] __attribute__((aligned(64)));

static void (*between)(void);
static unsigned delays_left;

static void come_between(void)
{
	if (delays_left && --delays_left == 0)
		between();
}

static struct gl_window_line *line_at(void *lines, uint32_t index)
{
	come_between();
	return &((struct gl_window_line *)lines)[index];
}

static int setup(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	delays_left = 0;
	return 0;
}

static uint64_t sub_of(uint64_t window_ns)
{
	return (window_ns + 8) / 9;
}

static struct window_ask ask_in(uint32_t lines, uint64_t subject, uint64_t window_ns,
				uint32_t limit)
{
	struct window_ask ask;

	window_ask_init(&ask, &key, WINDOW_SOURCE, 1, 2, sub_of(window_ns), limit, lines, 0,
			subject);
	ask.table = table;
	return ask;
}

static struct window_ask ask_of(uint64_t subject, uint64_t window_ns, uint32_t limit)
{
	return ask_in(LINES, subject, window_ns, limit);
}

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

static void a_name_is_all_of_its_parts(void **state)
{
	struct window_ask a, b;

	(void)state;
	window_ask_init(&a, &key, WINDOW_SOURCE, 1, 2, S, 5, LINES, 3, 4);
#define DIFFERS(...)                                                                               \
	do {                                                                                       \
		window_ask_init(&b, __VA_ARGS__);                                                  \
		assert_true(a.own.tag != b.own.tag);                                               \
	} while (0)
	DIFFERS(&key, WINDOW_PRINCIPAL, 1, 2, S, 5, LINES, 3, 4);
	DIFFERS(&key, WINDOW_SOURCE, 2, 1, S, 5, LINES, 3, 4);
	DIFFERS(&key, WINDOW_SOURCE, 1, 3, S, 5, LINES, 3, 4);
	DIFFERS(&key, WINDOW_SOURCE, 1, 2, S + 1, 5, LINES, 3, 4);
	DIFFERS(&key, WINDOW_SOURCE, 1, 2, S, 5, LINES, 4, 3);
	DIFFERS(&key, WINDOW_SOURCE, 1, 2, S, 5, LINES, 3, 5);
	DIFFERS(&(struct gl_key){key.k0, key.k1 + 1}, WINDOW_SOURCE, 1, 2, S, 5, LINES, 3, 4);
	/* N is the policy's: a changed limit goes on counting. */
	window_ask_init(&b, &key, WINDOW_SOURCE, 1, 2, S, 6, LINES, 3, 4);
	assert_true(a.own.tag == b.own.tag && a.own.set == b.own.set);
}

static void spots_stay_in_their_regions(void **state)
{
	uint32_t most = 0;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		struct window_ask ask = ask_of(i, (i % 100 + 1) * S, 5);

		assert_true(ask.own.tag && ask.parent.tag);
		assert_int_equal(ask.own.set % GL_WINDOW_WAYS, 0);
		assert_true(ask.own.set + GL_WINDOW_WAYS <= LINES - GL_WINDOW_SHARED);
		assert_int_equal(ask.parent.set % GL_WINDOW_WAYS, 0);
		assert_in_range(ask.parent.set, LINES - GL_WINDOW_SHARED, LINES - GL_WINDOW_WAYS);
		most = ask.parent.set > most ? ask.parent.set : most;
	}
	assert_in_range(most, LINES - 64, LINES - GL_WINDOW_WAYS);
}

/* --------------------------------------------------------------------------------------------
 * Against a list of all admissions
 */
struct history {
	uint64_t *at_ns;
	size_t n, room;
};

static void history_add(struct history *history, uint64_t now_ns)
{
	if (history->n == history->room) {
		history->room = history->room * 2 + 64;
		history->at_ns = realloc(history->at_ns, history->room * sizeof(*history->at_ns));
		assert_non_null(history->at_ns);
	}
	history->at_ns[history->n++] = now_ns;
}

/* Admissions of the sub-windows that count at now_ns. */
static uint32_t history_sum(const struct history *history, uint64_t now_ns, uint64_t sub_ns)
{
	uint64_t epoch = now_ns / sub_ns;
	uint32_t sum = 0;

	for (size_t i = history->n; i > 0; i--) {
		/* In order but for the last few, who were interrupted. */
		if (history->at_ns[i - 1] / sub_ns + WINDOW_BACK >= epoch)
			sum++;
		else if (history->n - i > 8)
			break;
	}
	return sum;
}

/* Most admissions in any closed window of length W. */
static size_t history_most(const struct history *history, uint64_t window_ns)
{
	size_t most = 0;

	for (size_t i = 0, j = 0; i < history->n; i++) {
		while (history->at_ns[i] - history->at_ns[j] > window_ns)
			j++;
		if (i - j + 1 > most)
			most = i - j + 1;
	}
	return most;
}

struct random {
	uint64_t s;
};

static uint64_t rnd(struct random *random, uint64_t below)
{
	random->s ^= random->s << 13;
	random->s ^= random->s >> 7;
	random->s ^= random->s << 17;
	return (random->s * 0x2545f4914f6cdd1dULL >> 20) % below;
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

/* --------------------------------------------------------------------------------------------
 * The table: sets, parents, eviction
 */
#define ONE_SET (GL_WINDOW_SHARED + GL_WINDOW_WAYS)

static void a_full_set_falls_to_the_parent(void **state)
{
	struct window_ask ask;
	struct window_result result;
	uint32_t lines = 0;

	(void)state;
	for (uint64_t i = 0; i < GL_WINDOW_WAYS; i++) {
		ask = ask_in(ONE_SET, i, 9 * S, 3);
		assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_ADMITTED);
		assert_int_equal(result.flags, WINDOW_CLAIMED);
		lines |= 1u << result.index;
	}
	assert_int_equal(lines, 0xf);
	ask = ask_in(ONE_SET, 50, 9 * S, 3);
	for (uint32_t n = 1; n <= 3; n++) {
		assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_ADMITTED);
		assert_int_equal(result.sum, n);
		assert_int_equal(result.flags, WINDOW_SHARED | (n == 1 ? WINDOW_CLAIMED : 0));
		assert_in_range(result.index, GL_WINDOW_WAYS, ONE_SET - 1);
	}
	assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_OVER);
	assert_int_equal(result.flags, WINDOW_SHARED);
	assert_int_equal(window_peek(&ask, 100 * S, NULL), 3);
	/* Never more than WINDOW_PARENTS times N for all that do not fit. */
	for (uint64_t i = 100, n = 0; i < 1100; i++) {
		ask = ask_in(ONE_SET, i, 9 * S, 3);
		n += window_admit(&ask, 100 * S, &result) == WINDOW_ADMITTED;
		assert_true(n <= 3 * WINDOW_PARENTS - 3);
	}
	/* Who has a line goes on as before. */
	ask = ask_in(ONE_SET, 0, 9 * S, 3);
	assert_int_equal(window_admit(&ask, 101 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.sum, 2);
}

/* From the parent to a line of its own: with the counts, so that N stays N. */
static void leaving_the_parent(void **state)
{
	struct window_ask first, ask;
	struct window_result result;

	(void)state;
	for (uint64_t i = 0; i < GL_WINDOW_WAYS; i++) {
		first = ask_in(ONE_SET, i, 9 * S, 3);
		/* Only the last one stays in use. */
		assert_int_equal(window_admit(&first, 100 * S + (i == 3 ? 5 * S : 0), &result),
				 WINDOW_ADMITTED);
	}
	ask = ask_in(ONE_SET, 50, 9 * S, 3);
	assert_int_equal(window_admit(&ask, 105 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(window_admit(&ask, 110 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.flags, WINDOW_SHARED); /* expired at 110, but not by the grace */
	assert_int_equal(window_admit(&ask, 112 * S - 1, &result), WINDOW_ADMITTED);
	assert_int_equal(result.flags, WINDOW_SHARED);
	assert_int_equal(window_admit(&ask, 112 * S, &result), WINDOW_OVER);
	assert_int_equal(result.flags, WINDOW_CLAIMED | WINDOW_EVICTED);
	assert_int_equal(result.sum, 3);
	assert_in_range(result.index, 0, GL_WINDOW_WAYS - 1);
	assert_int_equal(window_admit(&ask, 115 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.flags, 0);
	assert_int_equal(result.sum, 3);
}

/* Restarting one's own expired line takes nothing along, whoever used the parent meanwhile. */
static void restarting_ones_own(void **state)
{
	struct window_ask ask = ask_of(7, 9 * S, 3);
	struct window_result result;

	(void)state;
	for (int i = 0; i < 4; i++)
		(void)window_admit(&ask, 100 * S, &result);
	table[ask.parent.set] = (struct gl_window_line){.tag = ask.parent.tag, .last = 110};
	table[ask.parent.set].expires_s = 120;
	table[ask.parent.set].slots[110 % 12] = 110u << WINDOW_COUNT_BITS | 3;
	assert_int_equal(window_admit(&ask, 110 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.flags, WINDOW_CLAIMED);
	assert_int_equal(result.sum, 1);
}

static void all_parents_taken(void **state)
{
	struct window_ask ask = ask_in(ONE_SET, 50, 9 * S, 3);
	struct window_result result;

	(void)state;
	for (uint32_t i = 0; i < ONE_SET; i++)
		table[i] = (struct gl_window_line){.tag = (i + 1) << 8, .expires_s = 1000};
	assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_BUSY);
	assert_int_equal(window_peek(&ask, 100 * S, NULL), 0);
	assert_int_equal(window_admit(&ask, 1002 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(result.flags, WINDOW_CLAIMED | WINDOW_EVICTED);
}

static void a_lock_left_behind(void **state)
{
	struct window_ask ask = ask_of(7, 9 * S, 3);
	struct window_result result;

	(void)state;
	table[ask.own.set].tag = 100 << 1 | WINDOW_LOCKED;
	assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_BUSY);
	assert_int_equal(window_admit(&ask, 103 * S - 1, &result), WINDOW_BUSY);
	assert_int_equal(window_admit(&ask, 103 * S, &result), WINDOW_ADMITTED);
	assert_int_equal(table[ask.own.set].tag & ~WINDOW_TAG_MASK, 0);
	/* 128 seconds later it looks as new: three more seconds, and not for good. */
	setup(NULL);
	table[ask.own.set].tag = 100 << 1 | WINDOW_LOCKED;
	assert_int_equal(window_admit(&ask, 228 * S, &result), WINDOW_BUSY);
	assert_int_equal(window_admit(&ask, 231 * S, &result), WINDOW_ADMITTED);
	/* A line found needs no lock. */
	table[ask.own.set].tag |= (231 & 127) << 1 | WINDOW_LOCKED;
	assert_int_equal(window_admit(&ask, 231 * S, &result), WINDOW_ADMITTED);
}

static void peeking_changes_nothing(void **state)
{
	static struct gl_window_line before[LINES];
	struct window_ask ask = ask_of(7, 9 * S, 3), absent = ask_of(8, 9 * S, 3);
	struct window_result result;

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		(void)window_admit(&ask, (100 + i) * S, &result);
	memcpy(before, table, sizeof(table));
	for (uint64_t now = 90; now < 200; now++) {
		(void)window_peek(&ask, now * S, NULL);
		assert_int_equal(window_peek(&absent, now * S, NULL), 0);
	}
	assert_memory_equal(before, table, sizeof(table));
	assert_int_equal(window_peek(&ask, 110 * S, NULL), 2);
}

static void nothing_at_all(void **state)
{
	struct window_ask ask = ask_of(7, 9 * S, 3);
	struct window_result result;

	(void)state;
	ask.sub_ns = 0;
	assert_int_equal(window_admit(&ask, 100 * S, &result), WINDOW_BUSY);
	assert_int_equal(window_peek(&ask, 100 * S, NULL), 0);
	assert_int_equal(window_admit(NULL, 100 * S, &result), WINDOW_BUSY);
	assert_int_equal(window_admit(&ask, 100 * S, NULL), WINDOW_BUSY);
	window_undo(NULL, NULL);
}

/* --------------------------------------------------------------------------------------------
 * Other callers come in between, at every place they can. Subject 0 is the one that is interrupted.
 */
#define SUBJECTS     12
#define CROWD_LIMIT  2
#define CROWD_WINDOW (9 * S)

static struct crowd {
	struct random random;
	uint32_t lines;
	uint64_t now_ns; /* of those who come between */
	uint64_t slack_ns; /* how long ago they may have read it */
	struct history admitted[SUBJECTS];
	uint32_t shared, evicted, stale, busy;
} crowd;

static void crowd_ask(uint32_t subject, uint64_t now_ns)
{
	struct window_ask ask = ask_in(crowd.lines, subject, CROWD_WINDOW, CROWD_LIMIT);
	struct window_result result;

	switch (window_admit(&ask, now_ns, &result)) {
	case WINDOW_ADMITTED:
		history_add(&crowd.admitted[subject], now_ns);
		crowd.shared += result.flags & WINDOW_SHARED ? 1 : 0;
		crowd.evicted += result.flags & WINDOW_EVICTED ? 1 : 0;
		break;
	case WINDOW_STALE:
		crowd.stale++;
		break;
	case WINDOW_BUSY:
		crowd.busy++;
		break;
	case WINDOW_OVER:
		break;
	}
}

static void the_crowd_asks(void)
{
	uint64_t n = 1 + rnd(&crowd.random, 8);

	for (uint64_t i = 0; i < n; i++) {
		uint32_t subject =
			rnd(&crowd.random, 2) ? 0 : (uint32_t)rnd(&crowd.random, SUBJECTS);
		uint64_t slow_ns = rnd(&crowd.random, 3) ? 0 : rnd(&crowd.random, crowd.slack_ns);

		crowd_ask(subject, crowd.now_ns - slow_ns);
		crowd.now_ns += rnd(&crowd.random, 3);
	}
}

static void only_subject_0_asks(void)
{
	for (int i = 0; i < 4; i++)
		crowd_ask(0, crowd.now_ns);
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void nobody_had_too_much(void)
{
	for (uint32_t i = 0; i < SUBJECTS; i++) {
		struct history *history = &crowd.admitted[i];

		if (history->n)
			qsort(history->at_ns, history->n, sizeof(uint64_t), compare_times);
		assert_true(history_most(history, CROWD_WINDOW) <= CROWD_LIMIT);
	}
}

/* Subject 0 reads the clock, and is interrupted at the n-th place by those whose clocks are later.
 */
static bool interrupted(unsigned n, uint64_t later_ns, void (*by)(void))
{
	uint64_t now_ns = crowd.now_ns;
	bool happened;

	crowd.now_ns += later_ns;
	between = by;
	delays_left = n;
	crowd_ask(0, now_ns);
	happened = delays_left == 0;
	delays_left = 0;
	return happened;
}

static void crowd_begin(uint32_t lines, uint64_t seed)
{
	setup(NULL);
	for (uint32_t i = 0; i < SUBJECTS; i++)
		crowd.admitted[i].n = 0;
	crowd.random.s = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	crowd.lines = lines;
	crowd.now_ns = 100 * S;
}

static void crowd_end(void)
{
	for (uint32_t i = 0; i < SUBJECTS; i++) {
		free(crowd.admitted[i].at_ns);
		crowd.admitted[i] = (struct history){0};
	}
}

/* With a line of its own it may sleep any time, and nothing of it is left behind. */
static void asleep_in_the_middle(void **state)
{
	static const uint64_t sleeps_s[] = {0, 1, 2, 3, 9, 10, 11, 12, 13, 24, 4096, 12288};
	unsigned happened = 0;

	(void)state;
	for (unsigned filled = 0; filled < 5; filled++) {
		for (unsigned n = 1; n <= 40; n++) {
			for (size_t i = 0; i < ARRAY_SIZE(sleeps_s); i++) {
				struct window_ask ask = ask_of(0, CROWD_WINDOW, CROWD_LIMIT);
				uint32_t held, given;

				crowd_begin(LINES, 1);
				for (unsigned k = 0; k < filled % 4; k++, crowd.now_ns += 5 * S)
					crowd_ask(0, crowd.now_ns);
				if (filled == 4) /* this very second */
					crowd_ask(0, crowd.now_ns);
				happened += interrupted(n, sleeps_s[i] * S, only_subject_0_asks);
				held = window_peek(&ask, crowd.now_ns, NULL);
				given = history_sum(&crowd.admitted[0], crowd.now_ns, ask.sub_ns);
				/* Past the wrap of the epochs, one too many for W at worst. */
				if (sleeps_s[i] < 4096)
					assert_int_equal(held, given);
				else
					assert_in_range(held, given, given + 1);
				crowd.now_ns += S;
				only_subject_0_asks();
				nobody_had_too_much();
			}
		}
	}
	print_message("%u times somebody came between\n", happened);
	assert_in_range(happened, 400, 1920);
	crowd_end();
}

/* Twelve subjects, four lines, lines that expire just then; nobody slower than the grace. */
static void a_crowd_in_one_set(void **state)
{
	unsigned happened = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 6000; seed++) {
		crowd_begin(ONE_SET, seed);
		crowd.slack_ns = WINDOW_GRACE_S * S / 2;
		for (int i = 0; i < 16; i++) {
			the_crowd_asks();
			crowd.now_ns += rnd(&crowd.random, 3) ? rnd(&crowd.random, S)
							      : rnd(&crowd.random, 14 * S);
			if (!rnd(&crowd.random, 4)) /* to the edge, where lines expire */
				crowd.now_ns -= crowd.now_ns % S + rnd(&crowd.random, 3);
			happened +=
				interrupted(1 + (unsigned)rnd(&crowd.random, 50),
					    rnd(&crowd.random, WINDOW_GRACE_S * S), the_crowd_asks);
		}
		nobody_had_too_much();
	}
	print_message("%u times between; %u shared, %u evicted, %u stale, %u busy\n", happened,
		      crowd.shared, crowd.evicted, crowd.stale, crowd.busy);
	assert_true(happened > 5000 && crowd.shared > 10000 && crowd.evicted > 1000);
	assert_true(crowd.stale > 100 && crowd.busy > 10);
	crowd_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_edge, setup),
		cmocka_unit_test_setup(retry_is_true, setup),
		cmocka_unit_test_setup(zero_and_huge_limits, setup),
		cmocka_unit_test_setup(an_old_clock_is_stale, setup),
		cmocka_unit_test_setup(undo_gives_back, setup),
		cmocka_unit_test_setup(a_name_is_all_of_its_parts, setup),
		cmocka_unit_test_setup(spots_stay_in_their_regions, setup),
		cmocka_unit_test_setup(random_arrivals, setup),
		cmocka_unit_test_setup(the_floor_when_saturated, setup),
		cmocka_unit_test_setup(after_any_sleep_the_window_is_empty, setup),
		cmocka_unit_test_setup(at_the_wrap_exactly, setup),
		cmocka_unit_test_setup(a_trickle_past_the_wrap, setup),
		cmocka_unit_test_setup(what_a_dead_caller_left, setup),
		cmocka_unit_test_setup(a_full_set_falls_to_the_parent, setup),
		cmocka_unit_test_setup(leaving_the_parent, setup),
		cmocka_unit_test_setup(restarting_ones_own, setup),
		cmocka_unit_test_setup(all_parents_taken, setup),
		cmocka_unit_test_setup(a_lock_left_behind, setup),
		cmocka_unit_test_setup(peeking_changes_nothing, setup),
		cmocka_unit_test_setup(nothing_at_all, setup),
		cmocka_unit_test_setup(asleep_in_the_middle, setup),
		cmocka_unit_test_setup(a_crowd_in_one_set, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
