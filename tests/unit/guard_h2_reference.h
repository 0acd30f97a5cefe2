/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_h2_reference.h - guard_h2.h driven over frames in pieces, held against a parse of the
 * whole: the same bytes are content of the same streams, and what is remembered of a stream is its
 * own last bytes. For test_guard_h2.c and fuzz_guard_h2.c; says no by aborting.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/guard_h2.h"

#define REFERENCE_STREAMS 256

/* Content by stream, as the whole says. */
struct h2_reference {
	struct {
		uint32_t id;
		uint8_t *bytes;
		size_t n, seen; /* there; passed by the driver so far */
	} streams[REFERENCE_STREAMS];
	size_t n_streams, content;
};

static inline size_t h2_reference_stream(struct h2_reference *r, uint32_t id)
{
	for (size_t i = 0; i < r->n_streams; i++)
		if (r->streams[i].id == id)
			return i;
	if (r->n_streams == REFERENCE_STREAMS)
		abort();
	r->streams[r->n_streams].id = id;
	return r->n_streams++;
}

/* False: more streams than it has room for. */
static inline bool h2_reference_read(struct h2_reference *r, const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at + GUARD_H2_HEAD <= size) {
		const uint8_t *head = bytes + at;
		size_t length = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
		uint32_t id = (uint32_t)(head[5] & 127) << 24 | (uint32_t)head[6] << 16 |
			      (uint32_t)head[7] << 8 | head[8];

		at += GUARD_H2_HEAD;
		if (length > GUARD_H2_LENGTH || (head[3] == GUARD_H2_DATA && !id))
			return true;
		if (length > size - at)
			length = size - at;
		if (head[3] == GUARD_H2_DATA) {
			size_t s;

			if (r->n_streams == REFERENCE_STREAMS)
				return false;
			s = h2_reference_stream(r, id);
			r->streams[s].bytes =
				realloc(r->streams[s].bytes, r->streams[s].n + length + 1);
			if (!r->streams[s].bytes)
				abort();
			memcpy(r->streams[s].bytes + r->streams[s].n, bytes + at, length);
			r->streams[s].n += length;
			r->content += length;
		}
		at += length;
	}
	return true;
}

static inline void h2_reference_free(struct h2_reference *r)
{
	for (size_t i = 0; i < r->n_streams; i++)
		free(r->streams[i].bytes);
}

/* n bytes of content: the stream's next, and the carry is what ends where they begin. */
static inline void h2_reference_content(struct h2_reference *r, struct guard_h2 *h,
					struct guard_carry *carry, const uint8_t *bytes, size_t n,
					size_t *remembered)
{
	size_t s = h2_reference_stream(r, h->stream), seen = r->streams[s].seen;

	if (n > r->streams[s].n - seen || memcmp(r->streams[s].bytes + seen, bytes, n) != 0)
		abort();
	if (carry->n > seen || memcmp(carry->bytes + GL_GUARD_REACH - carry->n,
				      r->streams[s].bytes + seen - carry->n, carry->n) != 0)
		abort();
	*remembered += seen && carry->n;
	for (size_t i = 0; i < n; i++) {
		memmove(carry->bytes, carry->bytes + 1, GL_GUARD_REACH - 1);
		carry->bytes[GL_GUARD_REACH - 1] = bytes[i];
		carry->n += carry->n < GL_GUARD_REACH;
	}
	r->streams[s].seen += n;
}

/* In pieces of 1 .. `most` bytes; *ret_remembered: pieces of a stream whose beginning was known. */
static inline size_t h2_reference_drive(struct h2_reference *r, const uint8_t *bytes, size_t size,
					size_t most, size_t *ret_remembered)
{
	struct guard_h2 h = {.on = 1};
	struct guard_carry carry = {0};
	size_t at = 0, content = 0, piece = 0;

	*ret_remembered = 0;
	while (at < size && h.on) {
		size_t n, left = guard_h2_left(&h);

		piece = piece % most + 1;
		n = size - at < piece ? size - at : piece;
		if (!left) {
			size_t taken = guard_h2_head(&h, &carry, bytes + at, (uint32_t)n);

			if (!taken || taken > n)
				abort();
			at += taken;
			continue;
		}
		if (n > left)
			n = left;
		if (guard_h2_content(&h)) {
			h2_reference_content(r, &h, &carry, bytes + at, n, ret_remembered);
			content += n;
		}
		guard_h2_passed(&h, (uint32_t)n);
		at += n;
	}
	return content;
}
