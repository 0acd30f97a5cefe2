/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scalar.c - what an unquoted scalar is: null, bool, int, float or string. No values are made here.
 */
#include "user/policy/scalar.h"

#include <string.h>

#include "user/base/cleanup.h"

#define DIGITS "0123456789"

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

/* [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+ */
static bool is_int(const char *text)
{
	const char *digits = DIGITS;

	if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
		digits = text[1] == 'o' ? "01234567" : DIGITS "abcdefABCDEF";
		text += 2;
	} else if (text[0] == '-' || text[0] == '+') {
		text++;
	}
	return *text && !text[strspn(text, digits)];
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? | [-+]?.inf | .nan */
static bool is_float(const char *text)
{
	static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
	size_t whole, fraction = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (is_one_of(text, words, ARRAY_SIZE(words)))
		return true;
	whole = strspn(text, DIGITS);
	text += whole;
	if (*text == '.') {
		fraction = strspn(text + 1, DIGITS);
		text += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*text != 'e' && *text != 'E')
		return !*text;
	text++;
	if (*text == '-' || *text == '+')
		text++;
	return *text && !text[strspn(text, DIGITS)];
}

enum scalar_type scalar_resolve(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE"};

	if (is_one_of(text, nulls, ARRAY_SIZE(nulls)))
		return SCALAR_NULL;
	if (is_one_of(text, bools, ARRAY_SIZE(bools)))
		return SCALAR_BOOL;
	if (is_int(text))
		return SCALAR_INT;
	return is_float(text) ? SCALAR_FLOAT : SCALAR_STRING;
}
