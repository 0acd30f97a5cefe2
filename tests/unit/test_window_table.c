/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_window_table.c - whose line is whose: names, sets, parents, eviction, the claim lock.
 */
#include "tests/unit/window_fixture.h"

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

/* What a connection remembers is used for that very name, under that very key, and nothing else. */
static void only_the_same_name_is_known(void **state)
{
	struct gl_key other[] = {{key.k0 + 1, key.k1}, {key.k0, key.k1 + 1}};
	__u64 word = window_name_word(WINDOW_SOURCE, 1, 2);
	struct window_known known = {};
	struct window_ask a, b;

	(void)state;
	assert_false(window_is_known(&known, &(struct gl_key){}, word, 0, 0, 0));
	window_ask_init(&a, &key, WINDOW_SOURCE, 1, 2, S, 5, LINES, 3, 4);
	window_know(&known, &key, word, S, 3, 4, a.hash);
	assert_true(window_is_known(&known, &key, word, S, 3, 4));
	memset(&b, 0xff, sizeof(b));
	window_ask_at(&b, known.hash, WINDOW_SOURCE, 2, S, 5, LINES);
	assert_memory_equal(&a.own, &b.own, sizeof(a.own));
	assert_memory_equal(&a.parent, &b.parent, sizeof(a.parent));
	assert_true(a.hash == b.hash && a.limit == b.limit && a.sub_ns == b.sub_ns);
	assert_false(window_is_known(&known, &other[0], word, S, 3, 4));
	assert_false(window_is_known(&known, &other[1], word, S, 3, 4));
	assert_false(
		window_is_known(&known, &key, window_name_word(WINDOW_PRINCIPAL, 1, 2), S, 3, 4));
	assert_false(window_is_known(&known, &key, window_name_word(WINDOW_SOURCE, 2, 2), S, 3, 4));
	assert_false(window_is_known(&known, &key, window_name_word(WINDOW_SOURCE, 1, 3), S, 3, 4));
	assert_false(window_is_known(&known, &key, word, S + 1, 3, 4));
	assert_false(window_is_known(&known, &key, word, S, 4, 4));
	assert_false(window_is_known(&known, &key, word, S, 3, 3));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_name_is_all_of_its_parts, setup),
		cmocka_unit_test_setup(only_the_same_name_is_known, setup),
		cmocka_unit_test_setup(spots_stay_in_their_regions, setup),
		cmocka_unit_test_setup(a_full_set_falls_to_the_parent, setup),
		cmocka_unit_test_setup(leaving_the_parent, setup),
		cmocka_unit_test_setup(restarting_ones_own, setup),
		cmocka_unit_test_setup(all_parents_taken, setup),
		cmocka_unit_test_setup(a_lock_left_behind, setup),
		cmocka_unit_test_setup(peeking_changes_nothing, setup),
		cmocka_unit_test_setup(nothing_at_all, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
