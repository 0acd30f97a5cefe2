/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * masked.h - the two kinds of text in this agent. `struct raw` is bytes from the network: it stays
 * in the inspector. `struct masked` is text that may be shown, logged and stored; only masked.c
 * makes one, and what leaves an inspector takes nothing else.
 *
 * Masking keeps what identifies a kind ("AKIA", "eyJ", a mail's domain) and the length, never
 * enough to use or guess the value; control and bidirectional characters never pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view of bytes from the network; borrowed, not terminated. p may be NULL when n is 0. */
struct raw {
	const char *p;
	size_t n;
};
#define RAW(literal) ((struct raw){(literal), sizeof(literal) - 1})

#define MASKED_TEXT 200
struct masked {
	char text[MASKED_TEXT]; /* printable ASCII, terminated, padded with zeroes */
};

/* Text of our own (a rule's name, a number): asserted to be a string the program holds. */
struct masked masked_own(const char *text);
__attribute__((format(printf, 1, 2))) struct masked masked_format(const char *fmt, ...);

/*
 * A secret or personal value: its first `keep` characters (at most 4, and at most a fifth of it),
 * an ellipsis and its length: "AKIA...(20)".
 */
struct masked masked_value(struct raw value, size_t keep);
/* "j...@example.com"; anything that is not an address: masked_value(, 0). */
struct masked masked_email(struct raw value);
/* Last four digits only: "************1111". */
struct masked masked_digits(struct raw value);

/*
 * A request's path (no query): each segment that could identify somebody or something is replaced:
 * digits and UUIDs by {id}, mail addresses, long or high-entropy segments by {...}. Plain words and
 * version numbers stay. A query is told by its parameter names only: "?page=...&token=...".
 */
struct masked masked_path(struct raw target);
/*
 * A token that names a protocol element (method, header name, media type, host): kept if it is of
 * RFC 9110 token characters, '/', ';', '=', '.', ':' and at most `max` long, else masked_value().
 */
struct masked masked_token(struct raw token, size_t max);

bool raw_equal(struct raw a, struct raw b);
bool raw_equal_nocase(struct raw a, struct raw b); /* ASCII */
