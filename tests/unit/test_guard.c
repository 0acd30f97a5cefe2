/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_guard.c - the response guard finds what a slow matcher finds, nothing else, once, in the
 * piece that has the last byte, however the text is cut; its tables are made right or not at all.
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

#include "tests/unit/guard_reference.h"
#include "user/base/cleanup.h"

#define UNUSED __attribute__((unused))

static const uint64_t everywhere[GL_GUARD_SERVICES / 64] = {~0ull, ~0ull, ~0ull, ~0ull};

struct made {
	struct guard_pattern patterns[GL_GUARD_PATTERNS];
	size_t n;
	struct gl_guard guard;
};

static uint64_t chance_state;

static uint32_t chance(uint32_t below)
{
	chance_state = chance_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(chance_state >> 33) % below;
}

static struct guard_pattern parse(const char *text)
{
	struct guard_pattern pattern;
	const char *fault = "";

	if (guard_pattern_parse(text, &pattern, &fault))
		fail_msg("%s: %s", text, fault);
	return pattern;
}

static struct made *make(const char *const *texts, size_t n)
{
	_cleanup_(guard_builder_freep) struct guard_builder *builder = NULL;
	struct made *made = calloc(1, sizeof(*made));
	int which;

	assert_non_null(made);
	assert_int_equal(guard_builder_new(&builder), 0);
	for (size_t i = 0; i < n; i++) {
		made->patterns[i] = parse(texts[i]);
		assert_int_equal(guard_builder_add(builder, &made->patterns[i], texts[i],
						   GL_GUARD_SECRET, everywhere),
				 (int)i);
	}
	made->n = n;
	assert_int_equal(guard_builder_build(builder, &made->guard, &which), 0);
	return made;
}

static struct made *make_formats(void)
{
	const char *texts[GL_GUARD_PATTERNS];

	for (size_t i = 0; i < guard_formats_n; i++)
		texts[i] = guard_formats[i].pattern;
	return make(texts, guard_formats_n);
}

/* A text that matches, each optional symbol taken or not by chance. */
static size_t example(const struct guard_pattern *pattern, uint8_t *out)
{
	size_t n = 0;

	for (unsigned i = 0; i < pattern->n;) {
		unsigned byte = chance(256);

		if (pattern->skip[i] && chance(2)) {
			i = pattern->skip[i] - 1u;
			continue;
		}
		while (!guard_set_has(&pattern->symbols[i], byte))
			byte = (byte + 1) & 255;
		out[n++] = (uint8_t)byte;
		i++;
	}
	return n;
}

/* The whole text in pieces of at most `most` bytes (0: of any), nothing cut. */
static size_t count_places(const struct made *made, const uint8_t *text, size_t n, uint32_t most)
{
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));
	size_t at = 0;

	assert_non_null(s);
	s->guard = &made->guard;
	s->look = GL_GUARD_ALL;
	while (at < n) {
		size_t piece = most == 1 ? 1 : 1 + chance(most ?: 400);

		if (piece > n - at)
			piece = n - at;
		assert_true(guard_stream_put(s, text + at, piece));
		at += piece;
	}
	return s->places;
}

/* Where the stream ended, and that no byte of the hit's piece had left. */
static void assert_cut(const struct made *made, const uint8_t *text, size_t n, size_t first_end,
		       uint32_t most)
{
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));
	size_t at = 0;

	assert_non_null(s);
	s->guard = &made->guard;
	s->look = s->cut = GL_GUARD_ALL;
	while (at < n) {
		size_t piece = most == 1 ? 1 : 1 + chance(most ?: 400);

		if (piece > n - at)
			piece = n - at;
		if (!guard_stream_put(s, text + at, piece))
			break;
		at += piece;
	}
	if (first_end == SIZE_MAX) {
		assert_int_equal(at, n);
		return;
	}
	if (at >= first_end)
		fail_msg("%zu bytes had left, the first secret ends at %zu", at, first_end);
	assert_in_range(s->hit_end, first_end, at + 400);
}

static void check_text(const struct made *made, const uint8_t *text, size_t n)
{
	static const uint32_t most[] = {1, 2, 7, 63, 64, 65, 0};
	size_t first_end, places;

	places = reference_count(made->patterns, made->n, text, n, &first_end);
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		size_t found = count_places(made, text, n, most[i]);

		if (found != places)
			fail_msg("found %zu of %zu in pieces up to %u: %.*s", found, places,
				 most[i], (int)n, text);
		assert_cut(made, text, n, first_end, most[i]);
	}
}

/* ------------------------------------------------------------------------------------------- */
static void test_formats_build(void **state UNUSED)
{
	_cleanup_free_ struct made *made = make_formats();

	print_message("# %zu formats: %u states, %u rows, %u classes, %u grams\n", guard_formats_n,
		      made->guard.n_states, made->guard.n_rows, made->guard.n_classes,
		      made->guard.n_grams);
	assert_true(guard_formats_n >= 25);
	assert_true(made->guard.n_states < GL_GUARD_STATES / 2);
	assert_true(made->guard.n_rows < GL_GUARD_ROWS / 2);
	assert_true(made->guard.n_classes <= GL_GUARD_CLASSES);
	assert_int_equal(made->guard.n_patterns, guard_formats_n);
}

/* Each format: found under its own name at every offset of a split; with its last byte missing,
 * not. */
static void test_formats_split(void **state UNUSED)
{
	_cleanup_free_ struct made *made = make_formats();
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	for (size_t i = 0; i < made->n; i++) {
		uint8_t text[200] = "HTTP/1.1 200 OK\r\n\r\n{\"x\": \"";
		size_t at = strlen((char *)text), n = example(&made->patterns[i], text + at) + at;
		size_t end = at + reference_match(&made->patterns[i], 0, text + at, n - at);

		for (size_t split = 0; split <= n; split++) {
			memset(s, 0, sizeof(*s));
			s->guard = &made->guard;
			s->look = s->cut = GL_GUARD_ALL;
			if (guard_stream_put(s, text, split) &&
			    guard_stream_put(s, text + split, n - split))
				fail_msg("%s is missed, split at %zu", guard_formats[i].name,
					 split);
			assert_int_equal(s->pattern, i);
			assert_true(s->behind < end);
			assert_int_equal(s->hit_end, end);
		}
		memset(s, 0, sizeof(*s));
		s->guard = &made->guard;
		s->look = s->cut = GL_GUARD_ALL;
		assert_true(guard_stream_put(s, text, end - 1));
	}
}

/* Two matching texts with their bytes changed, dropped and repeated by chance, and no text at all.
 */
static void test_formats_mutated(void **state UNUSED)
{
	_cleanup_free_ struct made *made = make_formats();

	chance_state = 1;
	for (size_t round = 0; round < 1500; round++) {
		uint8_t text[600];
		size_t n = chance(100);

		for (size_t i = 0; i < n; i++)
			text[i] = (uint8_t)(32 + chance(95));
		for (int k = 0; k < 4; k++) {
			n += example(&made->patterns[chance((uint32_t)made->n)], text + n);
			if (chance(3) == 0)
				text[n++] = (uint8_t)chance(256);
		}
		for (uint32_t changes = chance(3); changes--;)
			text[chance((uint32_t)n)] = (uint8_t)(32 + chance(95));
		check_text(made, text, n);
	}
}

/* Patterns that begin in each other and texts of few bytes: every kind of overlap. */
static void test_overlaps(void **state UNUSED)
{
	static const char *const texts[] = {"aaaa",           "aaab[ab]{3}",   "abab",
					    "ab{2,5}a{1,3}b", "[ab]{4}c",      "bc[abc]{2,9}a",
					    "cccccc",         "a[bc]{0,40}aab"};
	static const char *const alphabets[] = {"a", "ab", "abc", "abcd"};
	_cleanup_free_ struct made *made = make(texts, sizeof(texts) / sizeof(texts[0]));

	chance_state = 2;
	for (size_t round = 0; round < 3000; round++) {
		const char *alphabet = alphabets[chance(4)];
		uint8_t text[300];
		size_t n = 1 + chance(sizeof(text) - 1);

		for (size_t i = 0; i < n; i++)
			text[i] = (uint8_t)alphabet[chance((uint32_t)strlen(alphabet))];
		check_text(made, text, n);
	}
}

/* Across the blocks, the end of the longest call, and beyond it. */
static void test_places(void **state UNUSED)
{
	_cleanup_free_ struct made *made = make_formats();
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));
	_cleanup_free_ uint8_t *text = malloc(2 * GUARD_BYTES);
	uint8_t secret[GL_GUARD_REACH + 1];
	size_t n = 0;

	assert_non_null(s);
	assert_non_null(text);
	for (size_t i = 0; i < made->n; i++)
		if (!strcmp(guard_formats[i].name, "sendgrid-key"))
			n = example(&made->patterns[i], secret);
	assert_int_equal(n, 64);
	for (size_t at = 0; at < 2 * GUARD_BYTES - n; at += at < 300 ? 1 : 61) {
		memset(text, 'x', 2 * GUARD_BYTES);
		memcpy(text + at, secret, n);
		memset(s, 0, sizeof(*s));
		s->guard = &made->guard;
		s->look = GL_GUARD_ALL;
		assert_true(guard_stream_put(s, text, GUARD_BYTES));
		assert_int_equal(s->places, at + n <= GUARD_BYTES);
		assert_true(guard_stream_put(s, text + GUARD_BYTES, GUARD_BYTES));
		assert_int_equal(s->places, 1);
	}
}

/* A hole ends what was before it. */
static void test_hole(void **state UNUSED)
{
	_cleanup_free_ struct made *made = make_formats();
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));
	static const uint8_t key[] = "AKIA"
				     "ABCDEFGHIJKLMNOP";

	assert_non_null(s);
	s->guard = &made->guard;
	s->look = GL_GUARD_ALL;
	assert_true(guard_stream_put(s, key, 10));
	guard_forget(&s->carry);
	assert_true(guard_stream_put(s, key + 10, 10));
	assert_int_equal(s->places, 0);
	assert_true(guard_stream_put(s, key, 10));
	assert_true(guard_stream_put(s, key + 10, 10));
	assert_int_equal(s->places, 1);
}

static void test_member(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool hit;
	} rows[] = {
		{"{\"password_hash\":1}", true},
		{"{\"password_hash\" : 1}", true},
		{"{\"password_hash\"\r\n:1}", true},
		{"[\"password_hash\"]", false},
		{"{\"a\":\"password_hash\"}", false},
		{"{\"xpassword_hash\":1}", false},
		{"{\"password_hashes\":1}", false},
		{"password_hash: 1", false},
		{"{\"a\\\"b\":1}", true},
		{"{\"a\"b\":1}", false},
		{"{\"k\":1}", true},
		{"{\"K\":1}", false},
	};
	static const char *const names[] = {"password_hash", "a\"b", "k"};
	_cleanup_(guard_builder_freep) struct guard_builder *builder = NULL;
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));
	_cleanup_free_ struct gl_guard *guard = calloc(1, sizeof(*guard));
	struct guard_pattern pattern;
	char longest[80];
	int which;

	assert_non_null(s);
	assert_non_null(guard);
	assert_int_equal(guard_builder_new(&builder), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(guard_pattern_member(names[i], &pattern), 0);
		assert_true(guard_builder_add(builder, &pattern, names[i], GL_GUARD_FIELD,
					      everywhere) >= 0);
	}
	assert_int_equal(guard_builder_build(builder, guard, &which), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(s, 0, sizeof(*s));
		s->guard = guard;
		s->look = s->cut = GL_GUARD_FIELD;
		if (guard_stream_put(s, (const uint8_t *)rows[i].text, strlen(rows[i].text)) ==
		    rows[i].hit)
			fail_msg("%s is %s", rows[i].text, rows[i].hit ? "missed" : "a hit");
	}
	memset(longest, 'n', sizeof(longest));
	longest[59] = '\0';
	assert_int_equal(guard_pattern_member(longest, &pattern), 0);
	longest[59] = 'n';
	longest[60] = '\0';
	assert_int_equal(guard_pattern_member(longest, &pattern), -E2BIG);
}

/* Groups and services: what is not looked for here does not count, and hides nothing behind it. */
static void test_masks(void **state UNUSED)
{
	const uint64_t first[4] = {1}, last[4] = {0, 0, 0, 1ull << 63};
	const struct guard_pattern shorter = parse("secret"), longer = parse("secret[0-9]{2}");
	_cleanup_(guard_builder_freep) struct guard_builder *builder = NULL;
	_cleanup_free_ struct guard_stream *s = calloc(1, sizeof(*s));
	_cleanup_free_ struct gl_guard *guard = calloc(1, sizeof(*guard));
	static const struct {
		uint32_t look, cut, service;
		size_t would;
		bool passes;
		uint32_t pattern;
	} rows[] = {
		{GL_GUARD_ALL, 0, 0, 1, true, 0},
		{GL_GUARD_ALL, 0, 255, 1, true, 1},
		{GL_GUARD_ALL, 0, 3, 0, true, 0},
		{GL_GUARD_TRACE, 0, 0, 0, true, 0},
		{GL_GUARD_SECRET, 0, 0, 1, true, 0},
		{GL_GUARD_SECRET, 0, 255, 0, true, 0},
		{GL_GUARD_TRACE, GL_GUARD_TRACE, 255, 0, false, 1},
		{GL_GUARD_ALL, GL_GUARD_SECRET, 255, 1, true, 1},
		{GL_GUARD_ALL, GL_GUARD_SECRET, 0, 0, false, 0},
	};
	int which;

	assert_non_null(s);
	assert_non_null(guard);
	assert_int_equal(guard_builder_new(&builder), 0);
	assert_int_equal(guard_builder_add(builder, &shorter, "a", GL_GUARD_SECRET, first), 0);
	assert_int_equal(guard_builder_add(builder, &longer, "b", GL_GUARD_TRACE, last), 1);
	assert_int_equal(guard_builder_build(builder, guard, &which), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(s, 0, sizeof(*s));
		s->guard = guard;
		s->look = rows[i].look;
		s->cut = rows[i].cut;
		s->service = rows[i].service;
		assert_int_equal(guard_stream_put(s, (const uint8_t *)"a secret42", 10),
				 rows[i].passes);
		assert_int_equal(s->places, rows[i].would);
		assert_int_equal(s->pattern, rows[i].pattern);
	}
}

static void test_pattern_faults(void **state UNUSED)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{"abc", -EINVAL},
		{"abcd", 0},
		{"ab[c", -EINVAL},
		{"abcd\\", -EINVAL},
		{"a{65}", -E2BIG},
		{"a{64}", 0},
		{"ab{2,1}c", -EINVAL},
		{"a{0}bcde", -EINVAL},
		{"a{x}bcd", -EINVAL},
		{"a{1,3}bc", -EINVAL},
		{"abc[z-a]", -EINVAL},
		{"a{2", -EINVAL},
		{"a{9999999999999}", -E2BIG},
		{"a{2,62}bcd", -E2BIG},
		{"[", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guard_pattern pattern = {.n = 99};
		const char *fault = NULL;
		int err = guard_pattern_parse(rows[i].text, &pattern, &fault);

		if (err != rows[i].err)
			fail_msg("%s: %d", rows[i].text, err);
		assert_int_equal(err == -EINVAL, fault != NULL);
		if (err)
			assert_int_equal(pattern.n, 99);
	}
}

/* Tables that are too small for the patterns say so. */
static void test_too_many(void **state UNUSED)
{
	_cleanup_(guard_builder_freep) struct guard_builder *builder = NULL;
	_cleanup_free_ struct gl_guard *guard = calloc(1, sizeof(*guard));
	struct guard_pattern pattern;
	int n = 0, which;

	assert_non_null(guard);
	assert_int_equal(guard_builder_new(&builder), 0);
	for (;; n++) {
		char name[64];

		snprintf(name, sizeof(name), "%dthis name has nothing to do with its neighbour%d",
			 n * 7919, n);
		assert_int_equal(guard_pattern_member(name, &pattern), 0);
		if (guard_builder_add(builder, &pattern, name, GL_GUARD_FIELD, everywhere) < 0)
			break;
	}
	assert_int_equal(n, GL_GUARD_PATTERNS);
	assert_int_equal(guard_builder_build(builder, guard, &which), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats_build),   cmocka_unit_test(test_formats_split),
		cmocka_unit_test(test_formats_mutated), cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_places),          cmocka_unit_test(test_hole),
		cmocka_unit_test(test_member),          cmocka_unit_test(test_masks),
		cmocka_unit_test(test_pattern_faults),  cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
