/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_walk.h - JSON (RFC 8259) token by token, from a view that may be cut anywhere: no tree, no
 * allocation, a depth of at most 64, every byte read at most once. Strings are given as they stand,
 * escapes included; json_text() undoes them into a buffer of the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/base/masked.h"

#define JSON_DEPTH 64

enum json_token {
	WALK_END, /* the value is complete, nothing but blanks follows */
	WALK_CUT, /* the bytes end inside the value */
	WALK_BAD, /* this is no JSON, or deeper than JSON_DEPTH */
	WALK_MORE, /* the value is complete, and something follows: not read */
	WALK_OBJECT,
	WALK_OBJECT_END,
	WALK_ARRAY,
	WALK_ARRAY_END,
	WALK_KEY,
	WALK_STRING,
	WALK_NUMBER,
	WALK_TRUE,
	WALK_FALSE,
	WALK_NULL,
};

struct json_walk {
	const char *p, *end;
	uint64_t objects; /* bit d: the container at depth d + 1 is an object */
	uint8_t depth; /* containers open, after the token given last */
	uint8_t expect; /* of json_walk.c */
	uint8_t last; /* the first of END, CUT, BAD, MORE is given for ever */
	bool escaped; /* the string given last has escapes */
	struct raw
		text; /* of the KEY, STRING or NUMBER given last; of a CUT string: what is there */
};

void json_begin(struct json_walk *walk, struct raw bytes);
enum json_token json_next(struct json_walk *walk);

/*
 * Behind WALK_OBJECT or WALK_ARRAY: to its end, several times faster than token by token, for only
 * quotes and brackets are looked at: what is between may be no JSON. Returns its END, or WALK_CUT.
 */
enum json_token json_skip(struct json_walk *walk);

/* Whether the container opened last, or that holds the token given last, is an object. */
static inline bool json_in_object(const struct json_walk *walk)
{
	return walk->depth && walk->objects >> (walk->depth - 1) & 1;
}

/* A token that is a value or opens one. */
static inline bool json_is_value(enum json_token token)
{
	return token == WALK_OBJECT || token == WALK_ARRAY || token >= WALK_STRING;
}

/*
 * The text with escapes undone, as UTF-8, terminated, cut at `size`. Returns its length. A lone
 * surrogate becomes U+FFFD.
 */
size_t json_text(struct raw text, char *buffer, size_t size);
