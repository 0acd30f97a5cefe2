/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_literals.c - what the pass over many bytes at a time finds is what looking for each literal
 * at each place finds, and with the installed rules what Vectorscan finds; nothing is read outside
 * of the bytes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/base/cleanup.h"
#include "user/detect/literals.h"
#include "user/detect/text.h"

#define UNUSED __attribute__((unused))
#define TEXTS  400
#define BYTES  20000

static uint64_t seed = 88172645463325252ull;
static unsigned chance(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % below);
}

/* Which literal ends where, as many times as it is told. */
struct told {
	uint8_t *times; /* [id * (bytes + 1) + end] */
	size_t n, bytes, texts;
};

static void note(unsigned id, size_t end, void *userdata)
{
	struct told *told = userdata;

	assert_true(id < told->texts && end <= told->bytes);
	told->times[id * (told->bytes + 1) + end]++;
	told->n++;
}

static bool stands(const struct literal_text *text, const char *p)
{
	return text->ignore_case ? strncasecmp(p, text->bytes, text->n) == 0
				 : memcmp(p, text->bytes, text->n) == 0;
}

/* How many there are; each of them was told once. */
static size_t all_told(const struct literal_text *texts, size_t n, const struct told *told,
		       const char *bytes, size_t size)
{
	size_t there = 0;

	for (size_t id = 0; id < n; id++) {
		for (size_t end = texts[id].n; end <= size; end++) {
			if (!stands(&texts[id], bytes + end - texts[id].n))
				continue;
			assert_int_equal(told->times[id * (told->bytes + 1) + end], 1);
			there++;
		}
	}
	return there;
}

static size_t compare(const struct literal_text *texts, size_t n, const char *bytes, size_t size)
{
	_cleanup_free_ char *exact = malloc(size ?: 1); /* a read past it is seen */
	struct literals *literals;
	struct told told = {.bytes = size, .texts = n};

	assert_int_equal(literals_new(texts, n, &literals), 0);
	told.times = calloc(n, size + 1);
	assert_true(exact && told.times);
	memcpy(exact, bytes, size);
	literals_find(literals, (struct raw){exact, size}, note, &told);
	assert_int_equal(told.n, all_told(texts, n, &told, bytes, size));
	free(told.times);
	literals_free(literals);
	return told.n;
}

static bool here(void)
{
	const struct literal_text one = {"abc", 3, false};
	struct literals *literals;

	if (literals_new(&one, 1, &literals) < 0) {
		printf("# this processor is none for it: Vectorscan finds the literals\n");
		return false;
	}
	literals_free(literals);
	return true;
}

/* Literals of `letters` letters from `first` on, all different (text_build.c makes them so). */
static size_t make(struct literal_text *texts, size_t n, char first, unsigned letters)
{
	static char room[TEXTS][24];
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		struct literal_text text = {
			room[made], 3 + chance(4) + (chance(3) ? 0 : chance(14)), chance(2)};
		bool again = false;

		for (size_t j = 0; j < text.n; j++)
			room[made][j] = (char)(first + (char)chance(letters));
		for (size_t j = 0; j < made; j++)
			again |= texts[j].n == text.n &&
				 strncasecmp(room[j], room[made], text.n) == 0;
		if (!again)
			texts[made++] = text;
	}
	return made;
}

/* Few letters, so that literals stand everywhere, in each other, and over the ends of blocks. */
static void test_chance(void **state UNUSED)
{
	static const struct {
		char first;
		unsigned letters;
	} sets[] = {{'a', 2}, {'a', 4}, {'a', 20}, {' ', 95}, {(char)0xc0, 3}};
	struct literal_text texts[TEXTS];
	static char bytes[BYTES];
	size_t found = 0;

	if (!here())
		return;
	for (unsigned round = 0; round < 60; round++) {
		char first = sets[round % 5].first;
		unsigned letters = sets[round % 5].letters;
		size_t n = make(texts, 1 + chance(TEXTS), first, letters), size;

		size = round < 40 ? chance(400) : BYTES - chance(200);
		for (size_t i = 0; i < size; i++) {
			bytes[i] = (char)(first + (char)chance(letters));
			if (chance(5) == 0 && bytes[i] >= 'a' && bytes[i] <= 'z')
				bytes[i] -= 'a' - 'A';
		}
		found += compare(texts, n, bytes, size);
	}
	assert_in_range(found, 10000, 100000000);
}

/* One literal at every place of short and long bytes, whole and one byte short of it. */
static void test_every_place(void **state UNUSED)
{
	static const char *const some[] = {"xyz", "Wxyz", "pass_word",
					   "-----BEGIN PRIVATE KEY-----"};
	static char bytes[BYTES];

	if (!here())
		return;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct literal_text text = {some[i], strlen(some[i]), false};

		for (size_t at = 0; at < 200; at++) {
			memset(bytes, 0, sizeof(bytes));
			memcpy(bytes + at, some[i], text.n);
			assert_int_equal(compare(&text, 1, bytes, at + text.n), 1);
			assert_int_equal(compare(&text, 1, bytes, at + text.n + 1), 1);
			assert_int_equal(compare(&text, 1, bytes, at + text.n - 1), 0);
			assert_int_equal(compare(&text, 1, bytes, 300), 1);
		}
		for (size_t at = 4096 - 40; at < 4096 + 40; at++) {
			memset(bytes, 0, sizeof(bytes));
			memcpy(bytes + at, some[i], text.n);
			assert_int_equal(compare(&text, 1, bytes, 8192), 1);
		}
	}
}

/* Upper and lower case are one where that was said, and only letters are. */
static void test_case(void **state UNUSED)
{
	static const struct literal_text texts[] = {{"api_key", 7, true},
						    {"Api_key", 7, false},
						    {"x@[z", 4, true},
						    {"tokens", 6, true}};
	static const char bytes[] =
		"API_KEY Api_key api_KEY API\x7fKEY x@[z X@[Z x`{z TOKENS t\x4fken";

	if (!here())
		return;
	assert_int_equal(compare(texts, 4, bytes, sizeof(bytes) - 1), 3 + 1 + 2 + 1);
	assert_int_equal(compare(texts, 4, bytes, 0), 0);
}

static void test_too_short(void **state UNUSED)
{
	const struct literal_text texts[] = {{"abcd", 4, false}, {"ab", 2, false}};
	struct literals *literals = NULL;

	assert_int_equal(literals_new(texts, 2, &literals), -ENOTSUP);
	assert_null(literals);
	literals_free(NULL);
}

/* --- two ways ----------------------------------------------------------------------------------
 */

static struct rules *rules;

struct list {
	struct {
		const struct rule *rule;
		size_t begin, end;
	} items[256];
	size_t n;
};

static void list_note(const struct text_match *match, void *userdata)
{
	struct list *list = userdata;

	assert_true(list->n < 256);
	list->items[list->n].rule = match->rule;
	list->items[list->n].begin = match->begin;
	list->items[list->n++].end = match->end;
}

/* A value of a rule, with what the rule asks for before it, or letters of chance. */
static size_t piece(char *to, size_t size)
{
	const struct rule *rule = &rules->items[chance((unsigned)rules->n)];
	size_t n = 0;

	if (rule->n_patterns == 0 || chance(4) == 0) {
		for (; n < chance(200); n++)
			to[n] = (char)(0x20 + chance(0x60));
		return n;
	}
	if (rule->near.n)
		n = (size_t)snprintf(to, size, "\"%s\":\"",
				     rule->near.items[chance((unsigned)rule->near.n)]);
	else if (rule->keywords.n)
		n = (size_t)snprintf(to, size, "%s ", rule->keywords.items[0]);
	n += token_pattern_sample(&rule->patterns[chance((unsigned)rule->n_patterns)], chance,
				  to + n, size - n);
	to[n++] = '"';
	return n;
}

/* Values of all rules in a row, cut anywhere: found, or not, whatever finds the literals. */
static void test_two_ways(void **state UNUSED)
{
	struct text *text, *other;
	static char value[20000];
	size_t found = 0;

	assert_int_equal(rules_load("deploy/rules", NULL, NULL, &rules), 0);
	assert_int_equal(text_new(rules, &text), 0);
	assert_int_equal(text_new_by(rules, TEXT_VECTORSCAN, &other), 0);
	for (unsigned round = 0; round < 3000; round++) {
		struct list list = {0}, list_other = {0};
		size_t n = 0;

		while (n < 8000 && chance(12))
			n += piece(value + n, 12000);
		n -= n > 0 ? chance((unsigned)(n < 40 ? n : 40)) : 0;
		text_each(text, (struct raw){value, n}, WHERE_FILE, ~0u, 0, list_note, &list);
		text_each(other, (struct raw){value, n}, WHERE_FILE, ~0u, 0, list_note,
			  &list_other);
		assert_int_equal(list.n, list_other.n);
		assert_memory_equal(list.items, list_other.items, list.n * sizeof(list.items[0]));
		found += list.n;
	}
	assert_in_range(found, 3000, 100000);
	text_free(text);
	text_free(other);
	rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chance),   cmocka_unit_test(test_every_place),
		cmocka_unit_test(test_case),     cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_two_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
