/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_libs_known.c - the files that were looked into: a library is found whatever else is mapped
 * on the host, and what has none makes no room for itself there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "user/kern/libs_known.h"

static struct known table[KNOWN_SLOTS];

/* The i-th hash of a set. */
static uint64_t in_set(uint64_t set, uint64_t i)
{
	return set + (i + 1) * (KNOWN_SLOTS / KNOWN_WAYS);
}

static void test_both_kinds(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	assert_null(known_find(table, in_set(5, 0), 0));
	known_remember(table, in_set(5, 0), 3, 0);
	known_remember(table, in_set(5, 1), 0, 0);
	assert_int_equal(known_find(table, in_set(5, 0), 1)->library, 3);
	assert_int_equal(known_find(table, in_set(5, 1), 1)->library, 0);
	/* a library is known for good, nothing for a while */
	assert_int_equal(known_find(table, in_set(5, 0), 10ull * FORGOTTEN_MS)->library, 3);
	assert_null(known_find(table, in_set(5, 1), FORGOTTEN_MS));
	/* what it is may change: no second entry */
	known_remember(table, in_set(5, 1), 4, 2);
	known_remember(table, in_set(5, 0), 0, 2);
	assert_int_equal(known_find(table, in_set(5, 1), 3)->library, 4);
	assert_int_equal(known_find(table, in_set(5, 0), 3)->library, 0);
	known_forget_library(table, 4);
	assert_null(known_find(table, in_set(5, 1), 3));
	assert_non_null(known_find(table, in_set(5, 0), 3));
}

static void test_room(void **state)
{
	unsigned found = 0;

	(void)state;
	memset(table, 0, sizeof(table));
	known_remember(table, in_set(9, 0), 7, 0);
	/* the oldest without a library goes, the library stays */
	for (uint64_t i = 1; i < 100; i++)
		known_remember(table, in_set(9, i), 0, i);
	assert_int_equal(known_find(table, in_set(9, 0), 100)->library, 7);
	for (uint64_t i = 1; i < 100; i++)
		found += known_find(table, in_set(9, i), 100) != NULL;
	assert_int_equal(found, KNOWN_WAYS - 1);
	assert_non_null(known_find(table, in_set(9, 99), 100));
	/* a set of libraries: another one replaces the oldest, a file without one nothing */
	for (uint64_t i = 1; i < KNOWN_WAYS; i++)
		known_remember(table, in_set(9, 200 + i), (uint32_t)(10 + i), 100 + i);
	known_remember(table, in_set(9, 300), 0, 200);
	assert_null(known_find(table, in_set(9, 300), 200));
	assert_int_equal(known_find(table, in_set(9, 0), 200)->library, 7);
	known_remember(table, in_set(9, 301), 20, 201);
	assert_int_equal(known_find(table, in_set(9, 301), 201)->library, 20);
	assert_null(known_find(table, in_set(9, 0), 201));
	assert_int_equal(known_find(table, in_set(9, 201), 201)->library, 11);
}

/* A host with a hundred containers of sixty files: every library is found after all were seen. */
static void test_host(void **state)
{
	uint64_t seed = 88172645463325252ull, libraries[200];

	(void)state;
	memset(table, 0, sizeof(table));
	for (uint64_t i = 0; i < 6000; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (i % 30 == 0)
			libraries[i / 30] = seed;
		known_remember(table, seed, i % 30 == 0 ? 1 + (uint32_t)(i % 2) : 0, i);
	}
	for (size_t i = 0; i < 200; i++)
		assert_non_null(known_find(table, libraries[i], 6000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_kinds),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
