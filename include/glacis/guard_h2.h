/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_h2.h - HTTP/2 frames for the response guard (RFC 9113 section 4.1): which of a server's
 * bytes are content, and of which stream, so that a text that two DATA frames share is found.
 *
 * Helper-free: the tls door, host tests and the fuzzer compile it. Not here: heads (HPACK is the
 * inspectors'), padding (it is taken for content: a padded frame ends what came before it).
 *
 * How to drive it: guard_h2_begins() on a server's first nine bytes; then, until the bytes are used
 * up, guard_h2_head() while guard_h2_left() is 0, and that many bytes of payload to
 * guard_h2_passed(). guard_h2_content() says whether they are content; *carry is their stream's.
 */
#pragma once

#include "include/glacis/guard.h"

#define GUARD_H2_HEAD    9
#define GUARD_H2_STREAMS 4 /* with a beginning that is remembered, beside the one at hand */
#define GUARD_H2_LENGTH  (1u << 20) /* longer frames are none: no client asks for them */
enum { GUARD_H2_DATA = 0, GUARD_H2_SETTINGS = 4 };

struct guard_h2_stream {
	__u32 id; /* 0 = free */
	__u32 reserved;
	struct guard_carry carry;
};

struct guard_h2 {
	__u32 left; /* of the frame's payload */
	__u32 stream; /* whose carry is at hand */
	__u8 on; /* the bytes are frames */
	__u8 have; /* bytes of the next frame's head */
	__u8 data; /* the frame is of content */
	__u8 next; /* the stream that makes room */
	__u8 head[12];
	struct guard_h2_stream streams[GUARD_H2_STREAMS];
};

/* A server begins with SETTINGS (RFC 9113 section 3.4), HTTP/1 with "HTTP/". */
static __always_inline int guard_h2_begins(const __u8 *head)
{
	return !head[0] && !head[1] && head[2] % 6 == 0 && head[3] == GUARD_H2_SETTINGS &&
	       !head[4] && !head[5] && !head[6] && !head[7] && !head[8];
}

/* The carry of another stream is at hand from now on. */
static __always_inline void guard_h2_turn(struct guard_h2 *h, struct guard_carry *carry, __u32 id)
{
	struct guard_h2_stream *own = 0, *there = 0, *room;

	if (h->stream == id)
		return;
#pragma GCC unroll 4
	for (int i = 0; i < GUARD_H2_STREAMS; i++) {
		if (h->streams[i].id == h->stream)
			own = &h->streams[i];
		if (h->streams[i].id == id)
			there = &h->streams[i];
	}
	/* the one it comes from has room for the one it goes to */
	room = there ? there : own;
	if (!room)
		room = at_index(h->streams, GUARD_H2_STREAMS, h->next++ % GUARD_H2_STREAMS);
	if (room) {
		struct guard_carry back = *carry;

		if (there)
			*carry = there->carry;
		else
			guard_forget(carry);
		room->carry = back;
		room->id = h->stream;
	}
	h->stream = id;
}

/* The head of a frame is complete. */
VERIFIED_ONCE int guard_h2_frame(struct guard_h2 *h, struct guard_carry *carry)
{
	__u32 id;

	if (!h || !carry)
		return 0;
	id = (__u32)(h->head[5] & 127) << 24 | h->head[6] << 16 | h->head[7] << 8 | h->head[8];
	h->have = 0;
	h->left = (__u32)h->head[0] << 16 | h->head[1] << 8 | h->head[2];
	h->data = h->head[3] == GUARD_H2_DATA;
	/* content of no stream (RFC 9113 section 6.1): these are no frames */
	if (h->left > GUARD_H2_LENGTH || (h->data && !id)) {
		h->on = 0;
		h->left = 0;
	} else if (h->data) {
		guard_h2_turn(h, carry, id);
	}
	return 0;
}

/* Takes what the next frame's head still needs of the n bytes; how many that were. */
static __always_inline __u32 guard_h2_head(struct guard_h2 *h, struct guard_carry *carry,
					   const __u8 *bytes, __u32 n)
{
	__u32 taken = 0;

#pragma GCC unroll 9
	for (__u32 i = 0; i < GUARD_H2_HEAD; i++) {
		__u8 *to = at_index(h->head, GUARD_H2_HEAD, h->have);

		if (i >= n || !to)
			break;
		*to = bytes[i];
		h->have++;
		taken++;
	}
	if (h->have >= GUARD_H2_HEAD)
		guard_h2_frame(h, carry);
	return taken;
}

static __always_inline __u32 guard_h2_left(const struct guard_h2 *h)
{
	return h->left;
}

static __always_inline int guard_h2_content(const struct guard_h2 *h)
{
	return h->data;
}

/* n <= guard_h2_left() bytes of payload went by. */
static __always_inline void guard_h2_passed(struct guard_h2 *h, __u32 n)
{
	h->left -= n;
}
