/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_json_walk.c - JSON token by token against a library's verdict, cut at every byte, and what
 * the shape of an answer is read from; names of fields found by length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/detect/heads.h"
#include "user/detect/json_shape.h"
#include "user/detect/json_walk.h"
#include "user/detect/raws.h"

static enum json_token ending(const char *text, size_t n)
{
	char *copy = malloc(n ?: 1); /* of its size: a byte read too far is seen */
	struct json_walk w;
	enum json_token token;

	assert_non_null(copy);
	memcpy(copy, text, n);
	json_begin(&w, (struct raw){copy, n});
	while ((token = json_next(&w)) >= WALK_OBJECT)
		;
	assert_int_equal(json_next(&w), token);
	free(copy);
	return token;
}

static const char *const good[] = {
	"{}",
	"[]",
	" { \"a\" : [ 1 , -2.5e+10 , true , false , null , \"x\" ] , \"b\" : { } } \n",
	"\"text\"",
	"[\"\\u00e4\\n\\\\\\\"\\/\", \"0123456789012345678901234567890\\t\"]",
	"[0,-0,0.5,1E5,1e-5,123456789]",
	"[[[[[[[[]]]]]]]]",
	"[{\"a\":[{\"b\":[]}]},[]]",
	"true",
	"null",
};

static const char *const bad[] = {
	"{,}",      "[1,]",
	"[,1]",     "{\"a\"}",
	"{\"a\":}", "{\"a\":1,}",
	"{a:1}",    "[01]",
	"[1.]",     "[.5]",
	"[1e]",     "[+1]",
	"[--1]",    "[tru]",
	"[nulll]",  "[\"\\x\"]",
	"[\"\t\"]", "[\"\\u12g4\"]",
	"[1 2]",    "{\"a\" 1}",
	"[}",       "{]",
	"'a'",      "[1]]",
	"{} {}",    "<html>",
	"[1.2.3]",  "{\"a\":1 \"b\":2}",
	"\x01",
};

/* Valid ends; cut anywhere before its end it is cut, never bad. */
static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = strlen(good[i]);
		size_t value = raw_trim((struct raw){good[i], n}).p +
			       raw_trim((struct raw){good[i], n}).n - good[i];

		assert_int_equal(ending(good[i], n), WALK_END);
		for (size_t cut = 0; cut < value; cut++)
			assert_int_equal(ending(good[i], cut), WALK_CUT);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *theirs = json_loads(bad[i], JSON_DECODE_ANY, NULL);
		enum json_token ours = ending(bad[i], strlen(bad[i]));

		assert_null(theirs); /* the library agrees that it is bad */
		if (ours != WALK_BAD && ours != WALK_MORE)
			fail_msg("%s: %d", bad[i], ours);
	}
	assert_int_equal(ending("{} {}", 5), WALK_MORE);
	assert_int_equal(ending("[1]]", 4), WALK_MORE);
}

static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH + 4];

	(void)state;
	memset(text, '[', JSON_DEPTH);
	memset(text + JSON_DEPTH, ']', JSON_DEPTH);
	assert_int_equal(ending(text, 2 * JSON_DEPTH), WALK_END);
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	assert_int_equal(ending(text, 2 * JSON_DEPTH + 2), WALK_BAD);
}

static void test_tokens(void **state)
{
	static const uint8_t expected[] = {
		WALK_OBJECT,     WALK_KEY,        WALK_ARRAY, WALK_NUMBER, WALK_STRING,
		WALK_ARRAY_END,  WALK_KEY,        WALK_NULL,  WALK_KEY,    WALK_OBJECT,
		WALK_OBJECT_END, WALK_OBJECT_END, WALK_END,
	};
	static const uint8_t depths[] = {1, 1, 2, 2, 2, 1, 1, 1, 1, 2, 1, 0, 0};
	struct json_walk w;

	(void)state;
	json_begin(&w, RAW("{\"a\":[1,\"x\"],\"b\":null,\"c\":{}}"));
	for (size_t i = 0; i < sizeof(expected); i++) {
		assert_int_equal(json_next(&w), expected[i]);
		assert_int_equal(w.depth, depths[i]);
	}
}

/* Where the first value ends if it is skipped; 0: it does not. */
static size_t skipped(const char *text, size_t n)
{
	char *copy = malloc(n ?: 1);
	struct json_walk w;
	size_t at = 0;

	assert_non_null(copy);
	memcpy(copy, text, n);
	json_begin(&w, (struct raw){copy, n});
	json_next(&w);
	if (json_skip(&w) != WALK_CUT)
		at = (size_t)(w.p - copy);
	free(copy);
	return at;
}

/*
 * A container behind any number of bytes, with what could mislead in it, so that every piece of it
 * comes to lie on every place of a block.
 */
static void test_skip(void **state)
{
	static const char tricky[] = "{\"a\\\\\":\"]}\\\"}\",\"b\":[{},[\"{[\"]],\"\\\\\\\"\":1}";
	char text[512];

	(void)state;
	for (size_t pad = 0; pad < 200; pad++) {
		size_t n = 0, inner;

		text[n++] = '[';
		memset(text + n, ' ', pad);
		n += pad;
		memcpy(text + n, tricky, sizeof(tricky) - 1);
		inner = n + sizeof(tricky) - 1;
		text[inner] = ']';
		assert_int_equal(ending(text, inner + 1), WALK_END);
		for (size_t more = 0; more < 80; more += 13) {
			memset(text + inner + 1, '}', more); /* not looked at */
			assert_int_equal(skipped(text, inner + 1 + more), inner + 1);
		}
		for (size_t cut = 1; cut <= inner; cut += 7)
			assert_int_equal(skipped(text, cut), 0);
	}
}

static void test_text(void **state)
{
	static const struct {
		struct raw escaped;
		const char *text;
	} cases[] = {
		{RAW_INIT("plain"), "plain"},
		{RAW_INIT("a\\n\\t\\\"\\\\\\/b"), "a\n\t\"\\/b"},
		{RAW_INIT("\\u0041\\u00e4\\u20AC"), "A\xc3\xa4\xe2\x82\xac"},
		{RAW_INIT("\\ud83d\\ude00"), "\xf0\x9f\x98\x80"},
		{RAW_INIT("\\ud83d!"), "\xef\xbf\xbd!"},
		{RAW_INIT("\\ude00\\ud83d"), "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = json_text(cases[i].escaped, text, sizeof(text));

		assert_string_equal(text, cases[i].text);
		assert_int_equal(n, strlen(cases[i].text));
	}
	assert_int_equal(json_text(RAW("abcdef"), text, 4), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(json_text(RAW("ab\\u20ac"), text, 4), 2); /* not half a character */
	assert_int_equal(json_text(RAW("a\\u0000b"), text, sizeof(text)), 3);
}

static struct json_shape shape_of(const char *text)
{
	struct json_shape shape;

	json_shape_read(&shape, (struct raw){text, strlen(text)});
	return shape;
}

static void test_shape(void **state)
{
	struct json_shape s;

	(void)state;
	s = shape_of("{\"type\":\"t\",\"status\":404,\"title\":7,\"x\":{\"detail\":\"no\"}}");
	assert_int_equal(s.members & SHAPE_PROBLEM, SHAPE_TYPE | SHAPE_STATUS | SHAPE_TITLE);
	assert_int_equal(s.wrong, SHAPE_TITLE);
	assert_int_equal(s.status, 404);
	assert_int_equal(s.root, WALK_OBJECT);

	s = shape_of("{\"data\":[1,2],\"users\":[{\"a\":[1,2,3,4]},{},{}],\"v\":[1,2,3,4,5]}");
	assert_int_equal(s.items, 3);
	assert_true(raw_is(s.list, RAW("users")));
	assert_false(s.items_more);

	s = shape_of("[[1,2,3],[4]]");
	assert_int_equal(s.items, 2);
	assert_int_equal(s.list.n, 0);

	s = shape_of("{\"items\":[1,2,3");
	assert_int_equal(s.ending, WALK_CUT);
	assert_true(s.items_more);
	assert_int_equal(s.items, 2); /* whether the third is whole is not known */

	s = shape_of("not json");
	assert_int_equal(s.ending, WALK_BAD);
	assert_int_equal(s.root, WALK_BAD);
	assert_int_equal(s.members | s.items, 0);
}

static void test_heads(void **state)
{
	struct fields fields = {0};
	struct heads heads;

	(void)state;
	for (size_t i = 1; i < HEAD_MAX; i++)
		assert_true(heads_name(i - 1).n <= heads_name(i).n);
	/* each one is found by its own name, beside a name of each length that is none */
	for (size_t i = 0; i < HEAD_MAX; i++) {
		fields.field[fields.n++].name = heads_name(i);
		fields.field[fields.n++].name =
			(struct raw){"????????????????????????????????????????????????????", i};
	}
	fields.field[fields.n++].name = RAW("ALLOW");
	heads_read(&heads, &fields);
	for (size_t i = 0; i < HEAD_MAX; i++)
		assert_ptr_equal(heads.first[i], &fields.field[2 * i]);
	assert_ptr_equal(heads_next(&fields, heads.first[HEAD_ALLOW], HEAD_ALLOW),
			 &fields.field[2 * HEAD_MAX]);
	assert_null(heads_next(&fields, heads.first[HEAD_TE], HEAD_TE));
}

static void test_numbers(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_true(raw_number(RAW("18446744073709551615"), &value) && value == UINT64_MAX);
	assert_true(raw_number(RAW("18446744073709551616"), &value) && value == UINT64_MAX);
	assert_true(raw_number(RAW("99999999999999999999999999"), &value) && value == UINT64_MAX);
	assert_true(raw_number(RAW("0000000000000000000000000012"), &value) && value == 12);
	assert_false(raw_number(RAW(""), &value));
	assert_false(raw_number(RAW("-1"), &value));
	assert_false(raw_number(RAW("1x"), &value));
	assert_int_equal(value, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_depth),   cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_skip),    cmocka_unit_test(test_text),
		cmocka_unit_test(test_shape),   cmocka_unit_test(test_heads),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
