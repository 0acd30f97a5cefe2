/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_match.c - the syntax of matches, "did you mean", and values made fit for messages.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/cleanup.h"
#include "user/policy/match.h"
#include "user/policy/problems.h"
#include "user/policy/scalar.h"
#include "user/policy/suggest.h"

#define S16 "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"
#define N32 "abcdefghijklmnopqrstuvwxyz012345"
#define N31 "abcdefghijklmnopqrstuvwxyz01234"
#define M32 "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

static const char *const good[] = {
	"GET /",
	"* /**",
	"M-SEARCH /a",
	M32 " /a",
	"GET /api/v1/users/{id}",
	"POST /{a}/{b:int}/{c_1-x:uuid}/*/**/z",
	"GET " S16,
	"GET /" N32 N32,
	"GET /{" N32 N31 "}",
	"GET /~a.b-c_d!$&'()+,=:@|^",
	"GET /caf\xc3\xa9", /* decoded, as requests are */
	"GET /...",
	"GET /.well-known/x",
};

static const struct {
	const char *match, *message, *hint;
} bad[] = {
	{"", "the match has no method", "as in \"GET /api/v1/users\"; * is any method"},
	{" /a", "the match has no method", "as in \"GET /api/v1/users\"; * is any method"},
	{"/a", "the match \"/a\" has no method", "as in \"GET /api/v1/users\"; * is any method"},
	{"GET", "the match \"GET\" has no path", "one space, then a path that begins with /"},
	{"GET ", "the match \"GET \" has no path", "one space, then a path that begins with /"},
	{"GET  /a", "the match \"GET  /a\" has no path",
	 "one space, then a path that begins with /"},
	{"GET a", "the match \"GET a\" has no path", "one space, then a path that begins with /"},
	{"GET\t/a", "\"GET\\x09/a\" is not a method",
	 "a method is upper-case letters, or * for any"},
	{"get /a", "\"get\" is not a method", "GET: methods are upper case"},
	{"m-Search /a", "\"m-Search\" is not a method", "M-SEARCH: methods are upper case"},
	{"** /a", "\"**\" is not a method", "a method is upper-case letters, or * for any"},
	{"1GET /a", "\"1GET\" is not a method", "a method is upper-case letters, or * for any"},
	{"GET,POST /a", "\"GET,POST\" is not a method",
	 "a method is upper-case letters, or * for any"},
	{M32 "A /a", "the method \"" M32 "A\" is longer than 32 bytes", ""},
	{"GET //a", "the path has an empty segment", "write one slash between segments"},
	{"GET //", "the path has an empty segment", "write one slash between segments"},
	{"GET /a/", "the path has an empty segment",
	 "a trailing slash changes nothing: leave it out"},
	{"GET /./a", "the segment \".\" is never seen",
	 "requests have no dot segments left when they are compared"},
	{"GET /a/..", "the segment \"..\" is never seen",
	 "requests have no dot segments left when they are compared"},
	{"GET /a%20b", "the segment \"a%20b\" contains '%'",
	 "write the segment decoded: requests are decoded before they are compared"},
	{"GET /a;v=1", "the segment \"a;v=1\" contains ';'",
	 "path parameters make a path ambiguous (service key ambiguousPath)"},
	{"GET /a\\b", "the segment \"a\\b\" contains '\\'",
	 "a backslash makes a path ambiguous (service key ambiguousPath)"},
	{"GET /a?b=1", "the segment \"a?b=1\" contains '?'",
	 "the query is no part of the path: leave it out"},
	{"GET /a#b", "the segment \"a#b\" contains '#'",
	 "the query is no part of the path: leave it out"},
	{"GET /a b", "the segment \"a b\" contains ' '",
	 "one space between method and path, none in the path; * is any segment"},
	{"GET /a\x7f", "the segment \"a\\x7f\" contains a control character", ""},
	{"GET /v*", "the segment \"v*\" contains '*'",
	 "* is a whole segment, ** any number of them: write /v1/*, not /v1*"},
	{"GET /***", "the segment \"***\" contains '*'",
	 "* is a whole segment, ** any number of them: write /v1/*, not /v1*"},
	{"GET /**/a/**", "the path has ** twice", "use * for single segments"},
	{"GET " S16 "/a", "the path has more than 16 segments", "end it with **"},
	{"GET " S16 "/**", "the path has more than 16 segments", "end it with **"},
	{"GET /" N32 N32 "6",
	 "the segment \"" N32 N31 "…\" is longer "
	 "than 64 bytes",
	 "use * or a parameter"},
	{"GET /{", "the segment \"{\" contains '{'",
	 "a parameter is a whole segment: {name}, {name:int}, {name:uuid}"},
	{"GET /a{b}", "the segment \"a{b}\" contains '{'",
	 "a parameter is a whole segment: {name}, {name:int}, {name:uuid}"},
	{"GET /{a}.json", "the segment \"{a}.json\" mixes a parameter with text",
	 "a parameter is a whole segment: {name}, {name:int}, {name:uuid}"},
	{"GET /{}", "the parameter \"{}\" has no valid name",
	 "letters, digits, _ and -, beginning with a letter or _"},
	{"GET /{:int}", "the parameter \"{:int}\" has no valid name",
	 "letters, digits, _ and -, beginning with a letter or _"},
	{"GET /{1a}", "the parameter \"{1a}\" has no valid name",
	 "letters, digits, _ and -, beginning with a letter or _"},
	{"GET /{a b}", "the parameter \"{a b}\" has no valid name",
	 "letters, digits, _ and -, beginning with a letter or _"},
	{"GET /{" N32 N32 "}",
	 "the parameter \"{" N32 "abcdefghijklmnopqrstuvwxyz0123…\" has no "
	 "valid name",
	 "letters, digits, _ and -, beginning with a letter or _"},
	{"GET /{a:uid}", "the parameter \"{a:uid}\" has no known type", "did you mean \"uuid\"?"},
	{"GET /{a:Int}", "the parameter \"{a:Int}\" has no known type", "did you mean \"int\"?"},
	{"GET /{a:}", "the parameter \"{a:}\" has no known type", "int or uuid, or none"},
	{"GET /{a:string}", "the parameter \"{a:string}\" has no known type",
	 "int or uuid, or none"},
	{"GET /{a}/b/{a:int}", "two parameters are named \"a\"", ""},
};

static void test_good(void **state)
{
	struct match_fault fault = {.message = "untouched"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(match_check(good[i], &fault), 0);
		assert_string_equal(fault.message, "untouched");
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct match_fault fault;

		assert_int_equal(match_check(bad[i].match, &fault), -EINVAL);
		assert_string_equal(fault.message, bad[i].message);
		assert_string_equal(fault.hint, bad[i].hint);
	}
}

static void test_has_parameter(void **state)
{
	static const char match[] = "GET /{id}/x/{user-id:uuid}";

	(void)state;
	assert_true(match_has_parameter(match, "id"));
	assert_true(match_has_parameter(match, "user-id"));
	assert_false(match_has_parameter(match, "user"));
	assert_false(match_has_parameter(match, "x"));
	assert_false(match_has_parameter(match, "uuid"));
	assert_false(match_has_parameter("GET /id", "id"));
}

/* The hint for a word among candidates, or "". */
static void assert_suggests(const char *word, const char *expected)
{
	static const char *const words[] = {
		"ports", "name", "trustedProxies", "http2", "ambiguousPath", "auth", "per",
		"ban",   "max",  "general",        "1.2"};
	struct suggestion suggestion;
	char buffer[64];

	suggest_begin(&suggestion, word);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		suggest_offer(&suggestion, words[i]);
	assert_string_equal(suggest_hint(&suggestion, buffer, sizeof(buffer)) ?: "", expected);
}

static void test_suggestions(void **state)
{
	(void)state;
	assert_suggests("prots", "did you mean \"ports\"?"); /* neighbours swapped: 1 */
	assert_suggests("port", "did you mean \"ports\"?");
	assert_suggests("trusted_proxies", "did you mean \"trustedProxies\"?");
	assert_suggests("TRUSTEDPROXIES", "did you mean \"trustedProxies\"?");
	assert_suggests("genral", "did you mean \"general\"?");
	assert_suggests("pr", "did you mean \"per\"?");
	assert_suggests("mx", "did you mean \"max\"?");
	assert_suggests("bar", "did you mean \"ban\"?");
	assert_suggests("path", ""); /* two of four from auth */
	assert_suggests("x", "");
	assert_suggests("", "");
	assert_suggests("1.3", ""); /* numbers have no neighbours */
	assert_suggests("a word that is longer than every candidate and than the longest word the "
			"comparison takes",
			"");
}

static void test_quotes(void **state)
{
	(void)state;
	assert_string_equal(problem_quote("").text, "\"\"");
	assert_string_equal(problem_quote("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80").text,
			    "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
	assert_string_equal(problem_quote("\x1b[31m\a\t\n\x7f").text,
			    "\"\\x1b[31m\\x07\\x09\\x0a\\x7f\"");
	assert_string_equal(problem_quote("\xc2\x9b\xe2\x80\xae\xef\xbb\xbf").text,
			    "\"\\x9b\\u202e\\ufeff\"");
	/* not UTF-8: alone, cut short, overlong */
	assert_string_equal(problem_quote("\xff\xc3").text, "\"\\xff\\xc3\"");
	assert_string_equal(problem_quote("\xc0\xaf").text, "\"\\xc0\\xaf\"");
	/* 63 bytes fit, of 64 the last is cut, and no character in two */
	assert_string_equal(problem_quote(N32 N31).text, "\"" N32 N31 "\"");
	assert_string_equal(problem_quote(N32 N32).text, "\"" N32 N31 "…\"");
	assert_string_equal(problem_quote(N31 N31 "\xe2\x82\xac!").text,
			    "\"" N31 N31 "\xe2\x82\xac…\"");
}

static void test_scalars(void **state)
{
	static const struct {
		const char *text;
		enum scalar_type type;
	} rows[] = {
		{"", SCALAR_NULL},        {"~", SCALAR_NULL},         {"null", SCALAR_NULL},
		{"nul", SCALAR_STRING},   {"true", SCALAR_BOOL},      {"FALSE", SCALAR_BOOL},
		{"tRUE", SCALAR_STRING},  {"yes", SCALAR_STRING},     {"off", SCALAR_STRING},
		{"0", SCALAR_INT},        {"-1", SCALAR_INT},         {"+1", SCALAR_INT},
		{"007", SCALAR_INT},      {"0o17", SCALAR_INT},       {"0o18", SCALAR_STRING},
		{"0x1F", SCALAR_INT},     {"0xG", SCALAR_STRING},     {"0x", SCALAR_STRING},
		{"-", SCALAR_STRING},     {"1.5", SCALAR_FLOAT},      {"1.", SCALAR_FLOAT},
		{".5", SCALAR_FLOAT},     {".", SCALAR_STRING},       {"1e3", SCALAR_FLOAT},
		{"1e", SCALAR_STRING},    {"1.5E-3", SCALAR_FLOAT},   {".inf", SCALAR_FLOAT},
		{"-.inf", SCALAR_FLOAT},  {".nan", SCALAR_FLOAT},     {"inf", SCALAR_STRING},
		{"1.2.3", SCALAR_STRING}, {"100/15m", SCALAR_STRING}, {"15m", SCALAR_STRING},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (scalar_resolve(rows[i].text) != rows[i].type)
			fail_msg("%s is %d", rows[i].text, scalar_resolve(rows[i].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_bad),
		cmocka_unit_test(test_has_parameter), cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_quotes),        cmocka_unit_test(test_scalars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
