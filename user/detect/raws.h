/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raws.h - reading struct raw without copying: cutting, trimming, tokens of field values, the pairs
 * of a query or form. Bounded by construction: every step shortens a view of bytes that are there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "user/base/masked.h"

static inline char raw_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool raw_is(struct raw r, struct raw what)
{
	return r.n == what.n && (r.n == 0 || memcmp(r.p, what.p, r.n) == 0);
}

/* `what` is lower case. */
static inline bool raw_is_nocase(struct raw r, struct raw what)
{
	if (r.n != what.n)
		return false;
	for (size_t i = 0; i < r.n; i++)
		if (raw_lower(r.p[i]) != what.p[i])
			return false;
	return true;
}

static inline struct raw raw_from(struct raw r, size_t at)
{
	return at >= r.n ? (struct raw){0} : (struct raw){r.p + at, r.n - at};
}

static inline struct raw raw_first(struct raw r, size_t n)
{
	return (struct raw){r.p, n < r.n ? n : r.n};
}

static inline bool raw_begins(struct raw r, struct raw with)
{
	return r.n >= with.n && raw_is(raw_first(r, with.n), with);
}

static inline bool raw_begins_nocase(struct raw r, struct raw with)
{
	return r.n >= with.n && raw_is_nocase(raw_first(r, with.n), with);
}

static inline bool raw_ends(struct raw r, struct raw with)
{
	return r.n >= with.n && raw_is(raw_from(r, r.n - with.n), with);
}

static inline bool raw_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct raw raw_trim(struct raw r)
{
	while (r.n && raw_blank(r.p[0]))
		r = raw_from(r, 1);
	while (r.n && raw_blank(r.p[r.n - 1]))
		r.n--;
	return r;
}

/* Where `c` is; r.n if nowhere. */
static inline size_t raw_index(struct raw r, char c)
{
	const char *at = r.n ? memchr(r.p, c, r.n) : NULL;

	return at ? (size_t)(at - r.p) : r.n;
}

/* What is before `c`, and *rest what is after it (nothing, if there is no `c`). */
static inline struct raw raw_cut(struct raw r, char c, struct raw *ret_rest)
{
	size_t at = raw_index(r, c);

	*ret_rest = raw_from(r, at + 1);
	return raw_first(r, at);
}

static inline bool raw_has(struct raw r, struct raw what)
{
	return r.n && memmem(r.p, r.n, what.p, what.n);
}

/* `what` is lower case; for short texts. */
static inline bool raw_has_nocase(struct raw r, struct raw what)
{
	for (; r.n >= what.n; r = raw_from(r, 1))
		if (raw_begins_nocase(r, what))
			return true;
	return false;
}

/* Digits only; what does not fit is UINT64_MAX. */
static inline bool raw_number(struct raw r, uint64_t *ret_value)
{
	uint64_t value = 0;
	bool over = false;

	for (size_t i = 0; i < r.n; i++) {
		if (r.p[i] < '0' || r.p[i] > '9')
			return false;
		over |= __builtin_mul_overflow(value, 10, &value);
		over |= __builtin_add_overflow(value, (uint64_t)(r.p[i] - '0'), &value);
	}
	if (!r.n)
		return false;
	*ret_value = over ? UINT64_MAX : value;
	return true;
}

/* A member of a comma-separated list; `token` is lower case. */
static inline bool raw_list_has(struct raw list, struct raw token)
{
	while (list.n)
		if (raw_is_nocase(raw_trim(raw_cut(list, ',', &list)), token))
			return true;
	return false;
}

/* The next "name=value" of what `separator` separates; false at the end. Value may be absent. */
static inline bool raw_pair(struct raw *rest, char separator, struct raw *ret_name,
			    struct raw *ret_value)
{
	while (rest->n) {
		struct raw pair = raw_cut(*rest, separator, rest);

		if (!pair.n)
			continue;
		*ret_name = raw_trim(raw_cut(pair, '=', ret_value));
		*ret_value = raw_trim(*ret_value);
		return true;
	}
	return false;
}

/* A parameter of a field value ("; name=value", quotes taken off); `name` is lower case. */
static inline bool raw_parameter(struct raw value, struct raw name, struct raw *ret_value)
{
	struct raw key, text;

	raw_cut(value, ';', &value);
	while (raw_pair(&value, ';', &key, &text)) {
		if (!raw_is_nocase(key, name))
			continue;
		if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
			text = (struct raw){text.p + 1, text.n - 2};
		*ret_value = text;
		return true;
	}
	return false;
}

/* Whether it is one of `n` texts, all lower case. */
static inline bool raw_one_of(struct raw r, const struct raw *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (raw_is_nocase(r, texts[i]))
			return true;
	return false;
}
#define RAW_ONE_OF(r, texts) raw_one_of(r, texts, sizeof(texts) / sizeof((texts)[0]))
/* for tables, where a compound literal is no constant */
#define RAW_INIT(literal)                                                                          \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}
