/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_rules.c - rule files: every error with its place, one error and there are no rules; and the
 * language of patterns.
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

#include "user/base/cleanup.h"
#include "user/detect/text.h"

#define UNUSED __attribute__((unused))

#define RULE(more)                                                                                 \
	"rules:\n  - {id: a, about: b, control: REV-17, where: [file], pattern: 'abcd'" more "}\n"

static const struct {
	const char *text;
	size_t errors, warnings;
	const char *first; /* of the problems, as printed */
} files[] = {
	{RULE(""), 0, 0, ""},
	{"defaults: {control: REV-17, where: [file]}\nrules:\n  - {id: a, about: b, pattern: "
	 "'abc'}\n",
	 0, 0, ""},
	{"rules: []\n", 0, 0, ""},
	{"allow: [xyz]\n", 0, 0, ""},
	{"- a\n", 1, 0, "t:1:1: error: expected a map, got a list"},
	{"rules: 1\n", 1, 0, "t:1:8: error: expected a list of rules"},
	{"ruels: []\n", 1, 0,
	 "t:1:8: error: there is no key \"ruels\" here (at ruels)\n"
	 "    hint: did you mean \"rules\"?"},
	{RULE(", colour: red"), 1, 0, "t:2:80: error: there is no key \"colour\" here"},
	{RULE(", severity: hihg"), 1, 0,
	 "t:2:82: error: \"hihg\" is not known here (at "
	 "rules[0].severity)\n    hint: did you mean \"high\"?"},
	{RULE(", entropy: 9"), 1, 0, "t:2:81: error: expected bits per character"},
	{RULE(", entropy: high"), 1, 0, "t:2:81: error: expected bits per character"},
	{RULE(", near: [ab]"), 1, 0, "t:2:78: error: \"ab\" is too short"},
	{RULE(", keywords: []"), 1, 0, "t:2:82: error: expected a list of 1 to 64 texts"},
	{RULE(", form: card"), 1, 0, "t:2:5: error: a rule of a form has no pattern"},
	{"rules:\n  - {}\n", 5, 0, "t:2:5: error: the rule has no id"},
	{"rules:\n  - x\n", 1, 0, "t:2:5: error: expected a rule"},
	{RULE("") "  - {id: a, about: b, control: REV-17, where: [file], pattern: 'abcd'}\n", 1, 0,
	 "t:3:10: error: the id a is there already, at t:2"},
	{"rules:\n  - {id: A b, about: c, control: rev17, where: [flie], pattern: '(a'}\n", 4, 0,
	 "t:2:10: error: \"A b\" is no id"},
	{"rules:\n  - {id: a, about: b, control: REV-17, where: [file], pattern: '[0-9]{8}'}\n", 0,
	 1,
	 "t:2:64: warning: a: the pattern has no literal: it is tried at every byte, and slows "
	 "all of it (at rules[0].pattern)\n    hint: give it three or more fixed characters in a "
	 "row, or `near` words"},
	{"rules:\n  - {id: a, about: b, control: REV-17, where: [file], pattern: 'x_[0-9]{8}'}\n",
	 0, 1, "t:2:64: warning: a: the pattern's longest literal has 2 characters"},
	/* a long word is found by its begin, however short that is */
	{"rules:\n  - {id: a, about: b, control: REV-17, where: [file], pattern: "
	 "'x_[0-9]{13}'}\n",
	 0, 0, ""},
	{"rules:\n  - {id: a, about: b, control: REV-17, where: [file], pattern: "
	 "'x_[0-9]{13}', openBegin: true}\n",
	 0, 1, "t:2:64: warning: a: the pattern's longest literal has 2 characters"},
	{"rules:\n  - {id: a, id: b, about: b, control: REV-17, where: [file], pattern: 'abcd'}\n",
	 1, 0, "t:2:13: error: "},
};

static void test_files(void **state UNUSED)
{
	unsigned bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct problems problems = {0};
		struct rules *rules = (struct rules *)1;
		char *printed = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&printed, &size);
		int r;

		assert_int_equal(problems_init(&problems, "t"), 0);
		r = rules_read(files[i].text, strlen(files[i].text), &problems, &rules);
		problems_sort(&problems);
		problems_print(&problems, out);
		fclose(out);
		if (strncmp(printed, files[i].first, strlen(files[i].first)) != 0)
			print_error("%s\n%s", files[i].text, printed);
		bad += strncmp(printed, files[i].first, strlen(files[i].first)) != 0;
		assert_int_equal(problems.errors, files[i].errors);
		assert_int_equal(problems.n - problems.errors, files[i].warnings);
		assert_int_equal(r, files[i].errors ? -EINVAL : 0);
		if (r == 0)
			rules_free(rules);
		else
			assert_ptr_equal(rules, (struct rules *)1); /* untouched */
		problems_clear(&problems);
		free(printed);
	}
	assert_int_equal(bad, 0);
}

static void test_load(void **state UNUSED)
{
	struct rules *rules = NULL;

	assert_int_equal(rules_load("/nonexistent", NULL, NULL, &rules), -ENOENT);
	assert_int_equal(rules_load("tests/unit/detect", NULL, NULL, &rules), -ENOENT);
	assert_null(rules);
	assert_int_equal(rules_load("deploy/rules/hashes.yaml", NULL, NULL, &rules), 0);
	assert_non_null(rules_find(rules, "bcrypt-hash"));
	assert_null(rules_find(rules, "aws-access-key"));
	rules_free(rules);
	rules_free(NULL);
}

/* --- patterns --------------------------------------------------------------------------------- */

static const struct {
	const char *pattern, *text;
	long begin, end; /* of the value; -1: it is not there */
} patterns[] = {
	{"abc", "xx abc yy", 3, 6},
	{"abc", "xxabc", -1, 0}, /* a word goes on before it */
	{"abc", "abcd", -1, 0},
	{"abc", "\\nabc", 2, 5}, /* the n is of an escape */
	{"ab[0-9]{3}", "ab123", 0, 5},
	{"ab[0-9]{3}", "ab12", -1, 0},
	{"ab[0-9]{3}", "ab1234", -1, 0},
	{"ab[0-9]{2,3}", "ab12.", 0, 4},
	{"ab[0-9]{2,}", "ab123456", 0, 8},
	{"abc([0-9]+)z", "abc12z", 3, 5},
	{"[0-9]{2}:abc[xy]", "12:abcx", 0, 7},
	{"[0-9]{2}:abc[xy]", "1:abcx", -1, 0},
	{"[0-9]*abc", "abc", 0, 3},
	{"a?bcd", "bcd", 0, 3},
	{"a?bcd", "abcd", 0, 4},
	{"[0-9a]*a1bc", "11aa1bc", 0, 7}, /* gives back what it took */
	{"abc[^ ]+", "abc!? x", 0, 5},
	{"abc[]x]+", "abc]x]", 0, 6},
	{"abc[x\\]]+", "abc]x]", 0, 6},
	{"abc[x-]+", "abc-x", 0, 5},
	{"\\$2a\\$\\d\\d", "$2a$10", 0, 6},
	{"abc\\s\\w+", "abc\tx_1", 0, 7},
};

static void test_patterns(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct token_pattern pattern;
		struct token_match match = {0};
		const char *why, *text = patterns[i].text, *anchor;
		size_t at, n = strlen(text);
		_cleanup_free_ char *exact = malloc(n);
		bool found;

		memcpy(exact, text, n);
		assert_int_equal(
			token_pattern_parse(patterns[i].pattern, false, &pattern, &at, &why), 0);
		anchor = memmem(text, n, pattern.anchor, pattern.anchor_size);
		found = anchor && token_pattern_match(&pattern, (struct raw){exact, n},
						      (size_t)(anchor - text), &match);
		if (found != (patterns[i].begin >= 0))
			print_error("%s in %s\n", patterns[i].pattern, text);
		assert_int_equal(found, patterns[i].begin >= 0);
		if (!found)
			continue;
		assert_int_equal(match.value_begin, patterns[i].begin);
		assert_int_equal(match.value_end, patterns[i].end);
	}
}

static void test_wrong_patterns(void **state UNUSED)
{
	static const char *const wrong[] = {
		"",       "a(b",  "a)b",     "(a)(b)", "a{",  "a{2",
		"a{3,2}", "a{0}", "a{9999}", "a**",    "*a",  "[a",
		"[b-a]",  "a|b",  "a.b",     "^a",     "a$",  "\\",
		"\\b",    "()a",  "a{x}",    "((a))",  "[\\", "a{99999999999999999999}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct token_pattern pattern = {.n = 77};
		const char *why = NULL;
		size_t at = 999;

		assert_int_equal(token_pattern_parse(wrong[i], false, &pattern, &at, &why),
				 -EINVAL);
		assert_non_null(why);
		assert_true(at <= strlen(wrong[i]));
		assert_int_equal(pattern.n, 77);
	}
}

static const struct {
	const char *pattern;
	enum pattern_by by;
	bool open_begin;
	uint8_t ahead;
} words[] = {
	{"ab[0-9]{13}", BY_WORD, false, 0},
	{"ab[0-9]{12}", BY_LITERAL, false, 0},
	{"ab[0-9]{13}", BY_LITERAL, true, 0},
	{"ab[0-9-]{13}", BY_LITERAL, false, 0},
	{"[0-9]ab[0-9]{13}", BY_LITERAL, false,
	 0}, /* the word is longer than what is known of it */
	{"a\\.[0-9]{15}", BY_WORD_BEHIND, false, 2},
	{"a\\.[0-9]{15}", BY_WORD_BEHIND, true, 2},
	{"abc[0-9]{2}[.:][0-9a-f]{20}", BY_WORD_BEHIND, false, 6},
	{"abc[0-9]{2,3}[.:][0-9a-f]{20}", BY_LITERAL, false, 0},
	{"abc[0-9]{2}[.a][0-9a-f]{20}", BY_LITERAL, false, 0},
	{"abc", BY_LITERAL, false, 0},
};

static void test_words(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct token_pattern pattern;
		const char *why;
		size_t at;

		assert_int_equal(token_pattern_parse(words[i].pattern, false, &pattern, &at, &why),
				 0);
		pattern.open_begin = words[i].open_begin;
		token_pattern_by(&pattern);
		assert_int_equal(pattern.by, words[i].by);
		if (pattern.by == BY_WORD_BEHIND)
			assert_int_equal(pattern.ahead, words[i].ahead);
		assert_int_equal(token_pattern_parse(words[i].pattern, true, &pattern, &at, &why),
				 0);
		token_pattern_by(&pattern);
		assert_int_equal(pattern.by, BY_LITERAL);
	}
}

/* A pattern made to be slow, on a text made for it: it ends soon, and finds nothing. */
static void test_steps(void **state UNUSED)
{
	struct token_pattern pattern;
	struct token_match match;
	static char text[100000];
	const char *why;
	size_t at;

	memset(text, 'x', sizeof(text));
	memcpy(text, "abc", 3);
	assert_int_equal(
		token_pattern_parse("abc[x]*[x]*[x]*[x]*[x]*[x]*[x]*y", false, &pattern, &at, &why),
		0);
	for (unsigned i = 0; i < 1000; i++)
		assert_false(
			token_pattern_match(&pattern, (struct raw){text, sizeof(text)}, 0, &match));
}

/* Without a literal a rule works all the same. */
static void note(const struct text_match *match, void *userdata)
{
	*(size_t *)userdata += match->begin == 2 && match->end == 10;
}

static void test_unanchored(void **state UNUSED)
{
	static const char file[] = "rules:\n  - {id: a, about: b, control: REV-17, where: [file], "
				   "pattern: '[0-9]{8}'}\n";
	struct problems problems = {0};
	struct rules *rules = NULL;
	struct text *text = NULL;
	size_t hits = 0;

	assert_int_equal(problems_init(&problems, "t"), 0);
	assert_int_equal(rules_read(file, sizeof(file) - 1, &problems, &rules), 0);
	assert_int_equal(text_new(rules, &text), 0);
	text_each(text, RAW("x 12345678 y"), WHERE_FILE, ~0u, 0, note, &hits);
	assert_int_equal(hits, 1);
	text_each(text, RAW("x 123456789 y"), WHERE_FILE, ~0u, 0, note, &hits);
	assert_int_equal(hits, 1);
	text_free(text);
	text_free(NULL);
	rules_free(rules);
	problems_clear(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),    cmocka_unit_test(test_load),
		cmocka_unit_test(test_patterns), cmocka_unit_test(test_wrong_patterns),
		cmocka_unit_test(test_steps),    cmocka_unit_test(test_unanchored),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
