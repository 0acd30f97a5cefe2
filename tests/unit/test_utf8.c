/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_utf8.c - what is UTF-8 stays as it is, what is not becomes it, and nothing is cut in half.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/utf8.h"

static void mended(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"plain", "plain"},
		{"\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"a\xff", "a?"},
		{"\xc3", "?"},
		{"\xe2\x82", "??"},
		{"\xc0\x80x", "??x"}, /* a NUL in two bytes */
		{"\xed\xa0\x80", "???"}, /* a surrogate */
		{"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
		{"\x80\xc3\xa5", "?\xc3\xa5"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "%s", rows[i][0]);
		utf8_mend(text);
		assert_string_equal(text, rows[i][1]);
		utf8_copy(text, sizeof(text), rows[i][0]);
		assert_string_equal(text, rows[i][1]);
	}
}

static void never_half_a_character(void **state)
{
	const char from[] = "a\xe2\x82\xac\xff";
	char to[8];

	(void)state;
	for (size_t size = 1; size < sizeof(to); size++) {
		json_t *value;

		memset(to, 'x', sizeof(to));
		utf8_copy(to, size, from);
		assert_true(strlen(to) < size);
		value = json_string(to);
		assert_non_null(value);
		json_decref(value);
	}
	utf8_copy(to, 4, from);
	assert_string_equal(to, "a");
	utf8_copy(to, 5, from);
	assert_string_equal(to, "a\xe2\x82\xac");
}

/* jansson says what UTF-8 is: all texts of three bytes out of those where it turns. */
static void as_jansson_says(void **state)
{
	static const unsigned char turns[] = {0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
					      0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
					      0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
	const size_t n = ARRAY_SIZE(turns);
	size_t kept = 0;

	(void)state;
	for (size_t i = 0; i < n * n * n * n; i++) {
		const char text[] = {(char)turns[i % n], (char)turns[i / n % n],
				     (char)turns[i / n / n % n], (char)turns[i / n / n / n], '\0'};
		char copy[sizeof(text)];
		json_t *value = json_string(text);

		memcpy(copy, text, sizeof(text));
		utf8_mend(copy);
		assert_int_equal(strcmp(copy, text) == 0, value != NULL);
		kept += value != NULL;
		json_decref(value);
		value = json_string(copy);
		assert_non_null(value);
		json_decref(value);
	}
	assert_true(kept > 100 && kept < n * n * n * n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mended),
		cmocka_unit_test(never_half_a_character),
		cmocka_unit_test(as_jansson_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
