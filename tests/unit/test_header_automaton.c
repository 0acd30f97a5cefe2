/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_header_automaton.c - every name is found, in any case, and nothing near it; names the
 * compiler must refuse.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/header_automaton.h"

#define UNUSED __attribute__((unused))

static struct gl_header_automaton automaton;
static uint8_t accepted(const struct gl_header_automaton *a, uint8_t start, const char *name)
{
	uint8_t state = start;

	for (; *name; name++)
		state = a->next[state][a->byte_class[(unsigned char)*name]];
	return a->accept[state];
}

static int build_names(char **headers, size_t n_headers, char **cookies, size_t n_cookies)
{
	const struct policy_strings h = {headers, n_headers}, c = {cookies, n_cookies};
	const char *name = NULL;

	return header_automaton_build(&h, &c, &automaton, &name);
}

static void test_header_names(void **state UNUSED)
{
	static const char *const names[] = {
#define NAME(value, text) [value] = text,
		GL_HEADER_LIST(NAME)
#undef NAME
	};
	const struct gl_header_automaton *a = &automaton;

	assert_int_equal(build_names((char *[]){"x-shop-key"}, 1, (char *[]){"sid"}, 1), 0);
	for (uint8_t i = 1; i < ARRAY_SIZE(names); i++)
		assert_int_equal(accepted(a, a->start, names[i]), i);
	assert_int_equal(accepted(a, a->start, "CONTENT-Length"), GL_HEADER_CONTENT_LENGTH);
	assert_int_equal(accepted(a, a->start, "X-Shop-Key"), GL_HEADER_API_KEY);
	assert_int_equal(accepted(a, a->cookie_start, "SID"), GL_HEADER_SESSION_COOKIE);
	assert_int_equal(accepted(a, a->cookie_start, "x-shop-key"), 0);
	assert_int_equal(accepted(a, a->start, "sid"), 0);
	assert_int_equal(accepted(a, a->start, ""), 0);
	assert_int_equal(accepted(a, a->start, "content-lengt"), 0);
	assert_int_equal(accepted(a, a->start, "content-lengthh"), 0);
	assert_int_equal(accepted(a, a->start, "content_length"), 0);
	for (int b = 0; b < 256; b++) {
		bool token = b > 0x20 && b < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", b);

		assert_int_equal(!!a->byte_class[b], token);
		assert_in_range(a->byte_class[b], 0, GL_HEADER_CLASSES - 1);
	}
}

static void test_header_names_refused(void **state UNUSED)
{
	char letters[8][64], *names[8];

	assert_int_equal(build_names((char *[]){"connection"}, 1, NULL, 0), -EEXIST);
	assert_int_equal(build_names((char *[]){"Authorization"}, 1, NULL, 0), -EEXIST);
	assert_int_equal(build_names((char *[]){"x key"}, 1, NULL, 0), -EINVAL);
	assert_int_equal(build_names((char *[]){""}, 1, NULL, 0), -EINVAL);
	assert_int_equal(build_names(NULL, 0, (char *[]){"a=b"}, 1), -EINVAL);
	assert_int_equal(build_names((char *[]){"a", "A", "ab"}, 3, (char *[]){"connection"}, 1),
			 0);
	for (int i = 0; i < 8; i++) {
		memset(letters[i], 'a' + i, 63);
		letters[i][63] = '\0';
		names[i] = letters[i];
	}
	assert_int_equal(build_names(names, 2, NULL, 0), 0);
	assert_int_equal(build_names(names, 8, NULL, 0), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_names),
		cmocka_unit_test(test_header_names_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
