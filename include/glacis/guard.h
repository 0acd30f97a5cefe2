/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard.h - the response guard: finds a policy's forbidden texts in the bytes a server is about to
 * send, however they are cut into writes or segments.
 *
 * Helper-free: the wire door, the tls door, host tests and fuzzers compile it. Not here: which
 * bytes are content (chunk framing is not), what a hit means, how a connection is cut. The tables
 * come from user/policy/guard*.c (abi_guard.h).
 *
 * A call scans up to GUARD_BYTES bytes behind the last 64 of the same stream, its carry. Four bytes
 * at every position are looked up by hash, 64 positions without a branch; the automaton runs only
 * where that says "maybe", from where the pattern would begin.
 *
 * What is promised: a hit for every position of the stream where a pattern of the groups asked for
 * begins, in the call that has the match's last byte, and in no other; how the stream was cut makes
 * no difference. Of two patterns that begin at one place the shorter one is reported. A text of
 * which a part never came by (a hole in the stream) is not found: guard_forget() there, and say so.
 *
 * How to drive it: guard_begin(), put the bytes at text->bytes + GUARD_AT, guard_run(),
 * guard_end().
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

#define GUARD_BYTES 16384 /* of one call */
#define GUARD_BLOCK 64
#define GUARD_AT    GL_GUARD_REACH /* where they lie in the text; before them the carry */
/* a last block may begin with the last byte, and words are read beyond it */
#define GUARD_TEXT (GUARD_AT + GUARD_BYTES + GUARD_BLOCK)

/* The kernel loops with bpf_loop, the host with for: callbacks are the body of both. */
#ifndef GUARD_LOOP
#define GUARD_LOOP(n, callback, ctx)                                                               \
	do {                                                                                       \
		for (__u32 guard_i = 0; guard_i < (n); guard_i++)                                  \
			if (callback(guard_i, ctx))                                                \
				break;                                                             \
	} while (0)
#endif

/* What a stream has to remember between two calls. Zeroed: its beginning. */
struct guard_carry {
	__u8 bytes[GL_GUARD_REACH]; /* its last ones, right-aligned */
	__u32 n; /* how many of them there are */
	__u32 reserved;
};

/*
 * Working memory of one call; in the kernel the value of a map. How far it is lives here too: on
 * the stack it would be a constant to the verifier, which then walks every byte.
 */
struct guard_text {
	__u8 bytes[GUARD_TEXT];
	__u64 candidates; /* of this block: bit k, its position k */
	__u32 from, end; /* the stream's bytes in `bytes` */
	__u32 block; /* offset of the block */
	__u32 at; /* the automaton's place */
	__u32 state;
	__u32 back; /* what led here: a gram so many bytes behind the beginning */
	__u32 hits; /* places where a text that ends the scan was found: 0 or 1 */
	__u32 would; /* places where one was that is only looked for */
	__u32 pattern; /* the first of them: of those that end it, if there is one */
	__u32 hit_end; /* one past its last byte, counted from the call's first */
};

enum guard_result {
	GUARD_CLEAN,
	GUARD_HIT, /* a blocked text ends in these bytes */
	GUARD_UNSCANNED, /* they were not seen: nothing is known */
};

struct guard_scan {
	const struct gl_guard *guard;
	struct guard_text *text;
	__u32 service; /* index in services[] */
	__u32 look, cut; /* enum gl_guard_group: those looked for, those that end the scan */
	__u32 reserved;
};

/* Four and eight bytes anywhere; the kernel's targets load unaligned. */
typedef __u32 __attribute__((may_alias)) guard_word;
typedef __u64 __attribute__((may_alias)) guard_long;

static __always_inline __u32 guard_load(const __u8 *at)
{
#ifdef __bpf__
	return *(const guard_word *)at;
#else
	__u32 w;

	__builtin_memcpy(&w, at, sizeof(w));
	return w;
#endif
}

/* The slot of four bytes in gram[]. */
static __always_inline __u32 guard_hash(__u32 four)
{
	return (four * 2654435761u) >> 16;
}

static __always_inline void guard_copy(__u8 *to, const __u8 *from)
{
#ifdef __bpf__
#pragma clang loop unroll(full)
	for (int i = 0; i < GL_GUARD_REACH / 8; i++)
		((guard_long *)to)[i] = ((const guard_long *)from)[i];
#else
	__builtin_memcpy(to, from, GL_GUARD_REACH);
#endif
}

/* The stream has a hole here: what was before it does not go on behind it. */
static __always_inline void guard_forget(struct guard_carry *carry)
{
	carry->n = 0;
}

/* `pattern` ends with the byte before s->text->at: does it count? 1 = this start is done with. */
static __always_inline int guard_accept(struct guard_scan *s, __u32 pattern)
{
	const struct gl_guard_pattern *p = at_index(s->guard->patterns, GL_GUARD_PATTERNS, pattern);
	const __u64 *services;

	if (!p)
		return 1;
	services = at_index(p->services, GL_GUARD_SERVICES / 64, s->service / 64);
	if (!services || !(*services >> (s->service & 63) & 1) || !(p->groups & s->look))
		return 0;
	/* all of it went by before; or another gram was met in it, and its own counts it */
	if (s->text->at <= GUARD_AT || p->back != s->text->back)
		return 1;
	if (p->groups & s->cut)
		s->text->hits++;
	else if (s->text->would++)
		return 1;
	s->text->pattern = pattern;
	s->text->hit_end = s->text->at - GUARD_AT;
	return 1;
}

/* The automaton takes a byte. 1 = stop. */
static inline long guard_step(__u32 i, struct guard_scan *s)
{
	const __u16 *row, *next, *accept;
	const __u8 *byte;

	(void)i;
	if (s->text->at >= s->text->end)
		return 1;
	byte = at_index(s->text->bytes, GUARD_TEXT, s->text->at);
	row = at_index(s->guard->row, GL_GUARD_STATES, s->text->state);
	if (!byte || !row)
		return 1;
	next = at_index(s->guard->next, GL_GUARD_ROWS * GL_GUARD_CLASSES,
			*row * GL_GUARD_CLASSES + s->guard->byte_class[*byte]);
	if (!next || !*next)
		return 1;
	s->text->state = (s->text->state + *next) & 0xffff;
	s->text->at++;
	accept = at_index(s->guard->accept, GL_GUARD_STATES, s->text->state);
	return accept && *accept ? guard_accept(s, *accept - 1u) : 0;
}

static __always_inline __u32 guard_lowest(__u64 bits)
{
	__u32 k = 0;

	for (int width = 32; width; width >>= 1) {
		if (!(bits & ((1ull << width) - 1))) {
			bits >>= width;
			k += width;
		}
	}
	return k;
}

/* The next candidate of the block. 1 = stop. */
static inline long guard_candidate(__u32 i, struct guard_scan *s)
{
	const __u8 *at;
	__u32 back, place;

	(void)i;
	if (!s->text->candidates || s->text->hits)
		return 1;
	place = s->text->block + guard_lowest(s->text->candidates);
	s->text->candidates &= s->text->candidates - 1;
	at = at_index(s->text->bytes, GUARD_TEXT - 4, place);
	if (!at)
		return 1;
	back = s->guard->gram[guard_hash(guard_load(at))] & GL_GUARD_GRAM_BACK;
	if (place < s->text->from + back)
		return 0;
	s->text->back = back;
	s->text->at = place - back;
	s->text->state = GL_GUARD_START;
	GUARD_LOOP(GL_GUARD_REACH, guard_step, s);
	return 0;
}

/* 64 positions. 1 = stop. The barriers keep clang from spilling all 64 loads. */
static inline long guard_block(__u32 i, struct guard_scan *s)
{
	__u32 block = s->text->block, any = 0;
	const __u8 *gram = s->guard->gram, *at;
	__u64 candidates = 0;

	(void)i;
	if (block >= s->text->end)
		return 1;
	at = at_index(s->text->bytes, GUARD_AT + GUARD_BYTES, block);
	if (!at || block > GUARD_AT + GUARD_BYTES - GUARD_BLOCK)
		return 1;
#pragma GCC unroll 64
	for (int k = 0; k < GUARD_BLOCK; k++) {
		any |= gram[guard_hash(guard_load(at + k))];
		opaque(any);
	}
	if (any) {
#pragma GCC unroll 64
		for (int k = 0; k < GUARD_BLOCK; k++) {
			__u64 there = gram[guard_hash(guard_load(at + k))] / GL_GUARD_GRAM;

			candidates |= there << k;
			opaque(candidates);
		}
		s->text->candidates = candidates;
		GUARD_LOOP(GUARD_BLOCK, guard_candidate, s);
	}
	s->text->block = block + GUARD_BLOCK;
	return s->text->hits != 0;
}

/* Makes the text ready for the stream's next bytes, which the caller puts at GUARD_AT. */
static __always_inline void guard_begin(struct guard_text *text, const struct guard_carry *carry)
{
	guard_copy(text->bytes, carry->bytes);
}

/*
 * Scans the n bytes that were put there. `s` names guard, text, service and groups. With a hit of
 * s->cut it stops: GUARD_HIT. Hits of s->look alone are counted.
 */
static __always_inline int guard_run(struct guard_scan *s, const struct guard_carry *carry, __u32 n)
{
	s->text->from = carry->n < GUARD_AT ? GUARD_AT - carry->n : 0;
	s->text->end = GUARD_AT + n;
	s->text->block = carry->n ? 0 : GUARD_AT;
	s->text->candidates = 0;
	s->text->hits = 0;
	s->text->would = 0;
	s->text->pattern = 0;
	s->text->hit_end = 0;
	if (n > GUARD_BYTES)
		return GUARD_UNSCANNED;
	GUARD_LOOP(GUARD_TEXT / GUARD_BLOCK, guard_block, s);
	return s->text->hits ? GUARD_HIT : GUARD_CLEAN;
}

/* The n bytes are behind: what the next call has to know of them. */
static __always_inline void guard_end(struct guard_carry *carry, const struct guard_text *text,
				      __u32 n)
{
	__u32 had = carry->n;

	opaque(n);
	if (n > GUARD_BYTES) {
		carry->n = 0;
		return;
	}
	guard_copy(carry->bytes, text->bytes + n);
	carry->n = had + n < GL_GUARD_REACH ? had + n : GL_GUARD_REACH;
}
