/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_proven.c - proven.h: what is proven, for how long, and who goes when a set is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "include/glacis/proven.h"

#define SLOTS 64u
#define NOW   1000000u

static struct gl_proven table[SLOTS] __attribute__((aligned(64)));

static int setup(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	return 0;
}

/* The n-th principal of one set. */
static uint64_t same_set(uint32_t n)
{
	return 0xabc0000000000000ULL | (n + 1);
}

static void marked_is_proven_for_a_day(void **state)
{
	(void)state;
	assert_false(proven_is(table, SLOTS, 7, NOW));
	assert_int_equal(proven_mark(table, SLOTS, 7, NOW), PROVEN_NEW);
	assert_true(proven_is(table, SLOTS, 7, NOW));
	assert_true(proven_is(table, SLOTS, 7, NOW + GL_PROVEN_TTL_S));
	assert_false(proven_is(table, SLOTS, 7, NOW + GL_PROVEN_TTL_S + 1));
	assert_false(proven_is(table, SLOTS, 8, NOW));
	/* A clock a little behind the one that marked is no reason to doubt. */
	assert_true(proven_is(table, SLOTS, 7, NOW - 1));
}

static void nobody_is_never_proven(void **state)
{
	(void)state;
	assert_false(proven_is(table, SLOTS, 0, NOW));
	assert_int_equal(proven_mark(table, SLOTS, 0, NOW), PROVEN_KNOWN);
	assert_false(proven_is(table, SLOTS, 0, NOW));
	proven_forget(table, SLOTS, 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_true(table[i].principal == 0 && table[i].seen_s == 0);
}

static void refreshed_once_a_minute(void **state)
{
	(void)state;
	assert_int_equal(proven_mark(table, SLOTS, 7, NOW), PROVEN_NEW);
	assert_int_equal(proven_mark(table, SLOTS, 7, NOW + PROVEN_REFRESH_S - 1), PROVEN_KNOWN);
	assert_false(proven_is(table, SLOTS, 7, NOW + GL_PROVEN_TTL_S + 1));
	assert_int_equal(proven_mark(table, SLOTS, 7, NOW + PROVEN_REFRESH_S), PROVEN_KNOWN);
	assert_true(proven_is(table, SLOTS, 7, NOW + PROVEN_REFRESH_S + GL_PROVEN_TTL_S));
	assert_false(proven_is(table, SLOTS, 7, NOW + PROVEN_REFRESH_S + GL_PROVEN_TTL_S + 1));
}

static void forgotten_counts_for_its_source(void **state)
{
	(void)state;
	proven_mark(table, SLOTS, same_set(0), NOW);
	proven_mark(table, SLOTS, same_set(1), NOW);
	proven_forget(table, SLOTS, same_set(0));
	proven_forget(table, SLOTS, same_set(2));
	assert_false(proven_is(table, SLOTS, same_set(0), NOW));
	assert_true(proven_is(table, SLOTS, same_set(1), NOW));
	assert_int_equal(proven_mark(table, SLOTS, same_set(0), NOW), PROVEN_NEW);
}

static void a_full_set_loses_its_oldest(void **state)
{
	static const uint32_t ages[PROVEN_WAYS] = {30, 40, 10, 20};

	(void)state;
	for (uint32_t i = 0; i < PROVEN_WAYS; i++)
		assert_int_equal(proven_mark(table, SLOTS, same_set(i), NOW - ages[i]), PROVEN_NEW);
	assert_int_equal(proven_mark(table, SLOTS, same_set(4), NOW), PROVEN_EVICTED);
	for (uint32_t i = 0; i <= PROVEN_WAYS; i++)
		assert_int_equal(proven_is(table, SLOTS, same_set(i), NOW), i != 1);
	/* The next oldest; and all of one second still lose exactly one. */
	assert_int_equal(proven_mark(table, SLOTS, same_set(5), NOW), PROVEN_EVICTED);
	assert_false(proven_is(table, SLOTS, same_set(0), NOW));
	setup(NULL);
	for (uint32_t i = 0; i < PROVEN_WAYS; i++)
		proven_mark(table, SLOTS, same_set(i), NOW);
	assert_int_equal(proven_mark(table, SLOTS, same_set(4), NOW), PROVEN_EVICTED);
	for (uint32_t i = 0, n = 0; i <= PROVEN_WAYS; i++) {
		n += proven_is(table, SLOTS, same_set(i), NOW);
		assert_true(i < PROVEN_WAYS || n == PROVEN_WAYS);
	}
	/* An expired one is no loss. */
	assert_int_equal(proven_mark(table, SLOTS, same_set(6), NOW + GL_PROVEN_TTL_S + 1),
			 PROVEN_NEW);
}

static void other_sets_are_untouched(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < SLOTS / PROVEN_WAYS; i++)
		proven_mark(table, SLOTS, i << 22 | 1, NOW);
	for (uint32_t i = 0; i < 100; i++)
		proven_mark(table, SLOTS, 0ULL << 22 | (i + 2), NOW + i);
	for (uint64_t i = 1; i < SLOTS / PROVEN_WAYS; i++)
		assert_true(proven_is(table, SLOTS, i << 22 | 1, NOW));
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_true(table[i].principal != 0 || i % PROVEN_WAYS != 0);
}

/* Whatever threads do to one set, what stands there was proven by somebody. */
static void *hammer(void *userdata)
{
	uint32_t thread = (uint32_t)(uintptr_t)userdata;

	for (uint32_t i = 0; i < 200000; i++) {
		uint64_t principal = same_set((i * 7 + thread) % 9);

		if (i % 3)
			proven_mark(table, SLOTS, principal, NOW + i / 1000);
		else
			proven_forget(table, SLOTS, principal);
		(void)proven_is(table, SLOTS, principal, NOW);
	}
	return NULL;
}

static void races_are_harmless(void **state)
{
	pthread_t threads[3];
	uint32_t set = proven_set(same_set(0), SLOTS);

	(void)state;
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)i), 0);
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (uint32_t i = 0; i < SLOTS; i++) {
		uint64_t p = table[i].principal;

		if (i < set || i >= set + PROVEN_WAYS)
			assert_true(p == 0 && table[i].seen_s == 0);
		else
			assert_true(p == 0 || (p >= same_set(0) && p <= same_set(8)));
		assert_true(table[i].seen_s == 0 ||
			    (table[i].seen_s >= NOW && table[i].seen_s < NOW + 200));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(marked_is_proven_for_a_day, setup),
		cmocka_unit_test_setup(nobody_is_never_proven, setup),
		cmocka_unit_test_setup(refreshed_once_a_minute, setup),
		cmocka_unit_test_setup(forgotten_counts_for_its_source, setup),
		cmocka_unit_test_setup(a_full_set_loses_its_oldest, setup),
		cmocka_unit_test_setup(other_sets_are_untouched, setup),
		cmocka_unit_test_setup(races_are_harmless, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
