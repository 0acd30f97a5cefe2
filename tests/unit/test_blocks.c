/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_blocks.c - sixty-four bytes at a time say what one after the other says, for every byte at
 * every place and for bytes of chance; nothing is read behind them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "user/detect/blocks.h"

#define UNUSED __attribute__((unused))

static void same(const char *bytes)
{
	struct text_bits text, text_plain;
	struct json_bits json, json_plain;
	const struct blocks_way *ways;
	size_t n = blocks_ways(&ways);

	blocks_text_plain(bytes, 1, &text_plain);
	blocks_json_plain(bytes, &json_plain);
	for (size_t i = 0; i < n; i++) {
		memset(&text, 0xa5, sizeof(text));
		memset(&json, 0xa5, sizeof(json));
		ways[i].text(bytes, 1, &text);
		assert_memory_equal(&text, &text_plain, sizeof(text));
		ways[i].json(bytes, &json);
		assert_memory_equal(&json, &json_plain, sizeof(json));
	}
	blocks_text(bytes, 1, &text);
	assert_memory_equal(&text, &text_plain, sizeof(text));
	blocks_json(bytes, &json);
	assert_memory_equal(&json, &json_plain, sizeof(json));
}

static void test_every_byte(void **state UNUSED)
{
	char *bytes = malloc(BLOCK_BYTES); /* a read past it is seen */

	assert_non_null(bytes);
	for (unsigned c = 0; c < 256; c++) {
		for (unsigned at = 0; at < BLOCK_BYTES; at++) {
			memset(bytes, 0, BLOCK_BYTES);
			bytes[at] = (char)c;
			same(bytes);
		}
	}
	free(bytes);
}

static void test_chance(void **state UNUSED)
{
	uint64_t chance = 88172645463325252ull;
	char bytes[BLOCK_BYTES];

	for (unsigned round = 0; round < 20000; round++) {
		for (unsigned i = 0; i < BLOCK_BYTES; i++) {
			chance ^= chance << 13;
			chance ^= chance >> 7;
			chance ^= chance << 17;
			bytes[i] = (char)(round % 2 ? chance : 0x20 + chance % 0x60);
		}
		same(bytes);
	}
}

/* What the plain ones say is right, for they are what the others are compared with. */
static void test_meaning(void **state UNUSED)
{
	static const char bytes[] =
		"0aZ_-. @\"\\{[}]9:...............................................";
	struct text_bits text;
	struct json_bits json;

	assert_int_equal(sizeof(bytes) - 1, BLOCK_BYTES - 1);
	blocks_text_plain(bytes, 1, &text);
	assert_int_equal(text.digits, 1 | 1 << 14);
	assert_int_equal(text.uppers, 1 << 2);
	assert_int_equal(text.words, 0xf | 1 << 14);
	assert_int_equal(text.gaps, 1 << 4 | 1 << 6);
	assert_int_equal(text.ats, 1 << 7);
	assert_int_equal(text.colons, 1 << 15);
	assert_int_equal(text.dots, 0x7fffffffffff0020ull);
	blocks_json_plain(bytes, &json);
	assert_int_equal(json.quotes, 1 << 8);
	assert_int_equal(json.slashes, 1 << 9);
	assert_int_equal(json.opens, 1 << 10 | 1 << 11);
	assert_int_equal(json.closes, 1 << 12 | 1 << 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_chance),
		cmocka_unit_test(test_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
