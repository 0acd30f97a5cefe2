/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pattern.c - "POST /api/v1/users/{id:uuid}" to symbols. What is a valid match is match.c's.
 */
#include "user/policy/routes.h"

#include <errno.h>
#include <string.h>

static bool is_text(const char *text, size_t len, const char *what)
{
	return len == strlen(what) && memcmp(text, what, len) == 0;
}

static bool has_type(const char *text, size_t len, const char *type)
{
	size_t n = strlen(type);

	return len >= n && memcmp(text + len - n, type, n) == 0;
}

static struct symbol symbol_literal(const char *text, size_t len, bool fold)
{
	struct symbol symbol = {.kind = SYMBOL_LITERAL, .len = (uint8_t)len};

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		symbol.text[i] = fold && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return symbol;
}

static struct symbol symbol_of(const char *text, size_t len, bool fold)
{
	if (is_text(text, len, "*"))
		return (struct symbol){.kind = SYMBOL_ANY};
	if (is_text(text, len, "**"))
		return (struct symbol){.kind = SYMBOL_MANY};
	if (text[0] != '{')
		return symbol_literal(text, len, fold);
	if (has_type(text, len, ":int}"))
		return (struct symbol){.kind = SYMBOL_INT};
	if (has_type(text, len, ":uuid}"))
		return (struct symbol){.kind = SYMBOL_UUID};
	return (struct symbol){.kind = SYMBOL_ANY};
}

int pattern_parse(const char *text, bool fold, struct pattern *ret_pattern,
		  struct match_fault *ret_fault)
{
	size_t method = strcspn(text, " ");
	struct pattern pattern = {};
	const char *at;
	int err;

	err = match_check(text, ret_fault);
	if (err)
		return err;
	/* methods are case-sensitive in every service (RFC 9110 section 9.1) */
	pattern.symbols[pattern.n++] = symbol_of(text, method, false);
	for (at = text + method + 1; *at == '/' && at[1];) {
		size_t len = strcspn(++at, "/");

		pattern.symbols[pattern.n++] = symbol_of(at, len, fold);
		at += len;
	}
	*ret_pattern = pattern;
	return 0;
}
