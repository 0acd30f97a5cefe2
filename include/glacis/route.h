/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route.h - method and path to operation: the walk over the compiled automaton of struct gl_policy,
 * a byte at a time, resumable at any byte (all state is in struct route_walk, plain data).
 *
 * It normalizes while it walks (architecture.md "Paths") and says when a path has more than one
 * reading. Called by the head parser (http.h), through it by the doors, by the policy compiler for
 * the keys of literals, and by tests. Not here: which services exist, what an ambiguous path means
 * for the verdict (admit.h), how the automaton is made (user/policy/routes.h).
 *
 * One reading, and where servers leave it:
 * - Percent escapes are decoded, all of them once, as servers do before they route. An escape that
 *   makes a delimiter ('/', '\', ';', NUL), a dot segment or another escape ("%252f"), and a broken
 *   one, is ambiguous.
 * - "." and ".." are removed (RFC 3986 section 5.2.4). ".." above the root is clamped there, as the
 *   RFC does, and ambiguous: nginx answers 400. ".." after "//" is ambiguous, too: the RFC pops the
 *   empty segment, servers that merge slashes pop the one before.
 * - Empty segments are dropped, so a trailing slash changes nothing.
 * - ';' (parameters for some servers, a name for others), '\', '#', space, control and non-ASCII
 *   bytes that came raw are taken as they are, and ambiguous.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"
#include "include/glacis/siphash.h"

#define ROUTE_LITERAL_MAX 64 /* bytes; longer segments are never literals */
#define ROUTE_SHORT_MAX   7 /* bytes of a segment that is its own key */

/* Why a path is ambiguous (bits). */
enum route_ambiguity {
	ROUTE_AMB_DELIMITER = 1, /* %2F %5C %3B %00 */
	ROUTE_AMB_ESCAPE = 2, /* '%' without two hexadecimal digits */
	ROUTE_AMB_TWICE = 4, /* %25 before a hexadecimal digit: an escape once more */
	ROUTE_AMB_DOTS = 8, /* a dot segment spelt with %2E */
	ROUTE_AMB_RAW = 16, /* ; \ # space, control, non-ASCII */
	ROUTE_AMB_ABOVE = 32, /* ".." above the root */
	ROUTE_AMB_EMPTY = 64, /* ".." in a path with empty segments */
	ROUTE_AMB_DEEP = 128, /* more than GL_PATH_DEPTH segments */
};

enum route_flags {
	ROUTE_BEGUN = 1, /* the first slash is behind */
	ROUTE_EMPTY = 2, /* an empty segment was dropped */
	ROUTE_ESCAPED_DOT = 4, /* this segment has a dot that was %2E */
};

/* What the next byte belongs to, if not to the segment. */
enum route_pending {
	ROUTE_PLAIN,
	ROUTE_HEX1, /* after '%' */
	ROUTE_HEX2, /* after '%' and a digit */
	ROUTE_TWICE, /* after %25 */
	ROUTE_QUERY, /* after '?': nothing counts any more */
};

struct route_walk {
	struct siphash segment; /* tail: last 0..7 bytes; len: bytes; v0..v3 valid from 8 on */
	__u64 dashes; /* bit n: byte n of the segment is '-' */
	__u16 stack[GL_PATH_DEPTH + 1]; /* [n] = state after n segments; [0] after the method */
	__u8 depth;
	__u8 types; /* enum route_byte_class bits all bytes of the segment have */
	__u8 pending; /* enum route_pending */
	__u8 hex; /* first digit of an escape */
	__u8 fold; /* 0x20: letters are folded; 0: not */
	__u8 flags; /* enum route_flags */
	__u16 ambiguous; /* enum route_ambiguity */
	__u8 reserved[6];
};
_Static_assert(sizeof(struct route_walk) == 104, "no padding, and small enough for a socket");
_Static_assert(GL_STATES_MAX <= 65536, "a state fits the stack's entries");

enum route_byte_class {
	ROUTE_C_DIGIT = 0x01,
	ROUTE_C_HEX_DASH = 0x02, /* hexadecimal digit or '-' */
	ROUTE_C_DOT = 0x04,
	ROUTE_C_DASH = 0x08,
	ROUTE_C_UPPER = 0x20, /* also the bit that folds it */
	ROUTE_C_SPECIAL = 0x80, /* not simply a byte of the segment */
};

static const __u8 route_class[256] = {
	[0x00 ... ' '] = ROUTE_C_SPECIAL,
	['#'] = ROUTE_C_SPECIAL,
	['%'] = ROUTE_C_SPECIAL,
	['-'] = ROUTE_C_DASH | ROUTE_C_HEX_DASH,
	['.'] = ROUTE_C_DOT,
	['/'] = ROUTE_C_SPECIAL,
	['0' ... '9'] = ROUTE_C_DIGIT | ROUTE_C_HEX_DASH,
	[';'] = ROUTE_C_SPECIAL,
	['?'] = ROUTE_C_SPECIAL,
	['A' ... 'F'] = ROUTE_C_UPPER | ROUTE_C_HEX_DASH,
	['G' ... 'Z'] = ROUTE_C_UPPER,
	['\\'] = ROUTE_C_SPECIAL,
	['a' ... 'f'] = ROUTE_C_HEX_DASH,
	[0x7f ... 0xff] = ROUTE_C_SPECIAL,
};

#define ROUTE_UUID_LEN    36
#define ROUTE_UUID_DASHES ((1ull << 8) | (1ull << 13) | (1ull << 18) | (1ull << 23))

/* Out of line: the verifier follows each once per path, the hot path stays small. */
#define ROUTE_COLD static __attribute__((__noinline__, __unused__))

/* ---------------------------------------------------------------------------------------------
 * The segment being read
 */
static __always_inline void route_segment_begin(struct route_walk *w)
{
	w->segment.tail = 0;
	w->segment.len = 0;
	w->dashes = 0;
	w->types = 0xff;
	w->flags &= ~ROUTE_ESCAPED_DOT;
}

/* Eight more bytes are full. Short segments never come here, long ones begin their hash here. */
ROUTE_COLD void route_segment_word(struct route_walk *w, const struct gl_key *key)
{
	__u64 word = w->segment.tail;
	__u32 len = w->segment.len;

	if (len > ROUTE_LITERAL_MAX) {
		w->segment.tail = 0;
		return;
	}
	if (len == 8)
		siphash_init(&w->segment, key);
	w->segment.len = len;
	w->segment.tail = 0;
	siphash_compress(&w->segment, word);
}

static __always_inline void route_segment_byte(struct route_walk *w, const struct gl_key *key,
					       __u8 b, __u8 cls)
{
	__u32 len = w->segment.len;

	b |= cls & w->fold;
	w->types &= cls;
	if (cls & ROUTE_C_DASH)
		w->dashes |= 1ull << (len & 63);
	w->segment.tail |= (__u64)b << (8 * (len & 7));
	w->segment.len = ++len;
	if (!(len & 7))
		route_segment_word(w, key);
}

/*
 * What a literal edge is found by. Up to seven bytes are their own key (with the length on top), so
 * that nothing can collide with them and nothing needs hashing; longer ones are 63 bits of
 * SipHash-2-4 under a key no client knows.
 */
static __always_inline __u64 route_segment_key(const struct route_walk *w)
{
	if (w->segment.len <= ROUTE_SHORT_MAX)
		return w->segment.tail | (__u64)w->segment.len << 56;
	return siphash_final(&w->segment) | 1ull << 63;
}

/* ---------------------------------------------------------------------------------------------
 * The automaton
 *
 * Literal edges lie in buckets of four, one cache line each; an edge is in one of two buckets. The
 * compiler (routes_image.c) moves edges between theirs until all have a place.
 */
#define ROUTE_BUCKET_SLOTS 4
#define ROUTE_BUCKETS      (GL_EDGES_MAX / ROUTE_BUCKET_SLOTS)
_Static_assert((ROUTE_BUCKETS & (ROUTE_BUCKETS - 1)) == 0, "a bucket's number is masked");

static __always_inline __u64 route_edge_mix(__u32 state, __u64 key)
{
	return (key ^ state * 0x9e3779b97f4a7c15ull) * 0xd6e8feb86659fd93ull;
}

static __always_inline __u32 route_edge_bucket1(__u64 mix)
{
	return (__u32)(mix >> 32) & (ROUTE_BUCKETS - 1);
}

static __always_inline __u32 route_edge_bucket2(__u64 mix)
{
	return (__u32)(mix >> 50) & (ROUTE_BUCKETS - 1);
}

static __always_inline __u32 route_bucket_find(const struct gl_edge *e, __u32 state, __u64 key)
{
	if (e[0].hash == key && e[0].state == state)
		return e[0].next;
	if (e[1].hash == key && e[1].state == state)
		return e[1].next;
	if (e[2].hash == key && e[2].state == state)
		return e[2].next;
	if (e[3].hash == key && e[3].state == state)
		return e[3].next;
	return 0;
}

static __always_inline __u32 route_edge_find(const struct gl_policy *pol, __u32 state, __u64 key)
{
	__u64 mix = route_edge_mix(state, key);
	__u32 next, bucket = route_edge_bucket1(mix);

	next = route_bucket_find(&pol->edges[bucket * ROUTE_BUCKET_SLOTS], state, key);
	if (next)
		return next;
	bucket = route_edge_bucket2(mix);
	return route_bucket_find(&pol->edges[bucket * ROUTE_BUCKET_SLOTS], state, key);
}

enum route_type { ROUTE_TYPE_ANY, ROUTE_TYPE_INT, ROUTE_TYPE_UUID };

static __always_inline __u32 route_segment_type(const struct route_walk *w)
{
	if (w->types & ROUTE_C_DIGIT)
		return ROUTE_TYPE_INT;
	if ((w->types & ROUTE_C_HEX_DASH) && w->segment.len == ROUTE_UUID_LEN &&
	    w->dashes == ROUTE_UUID_DASHES)
		return ROUTE_TYPE_UUID;
	return ROUTE_TYPE_ANY;
}

/* Where the segment leads from `state`; 0 = nowhere. */
static __always_inline __u32 route_step(const struct route_walk *w, const struct gl_policy *pol,
					__u32 state, __u32 type)
{
	const struct gl_state *s;
	__u32 next;

	opaque(state);
	if (state == 0 || state >= GL_STATES_MAX)
		return 0;
	s = &pol->states[state];
	if ((s->flags & GL_STATE_LITERALS) && w->segment.len <= ROUTE_LITERAL_MAX) {
		next = route_edge_find(pol, state, route_segment_key(w));
		if (next)
			return next;
	}
	if (type == ROUTE_TYPE_INT)
		return s->on_int;
	if (type == ROUTE_TYPE_UUID)
		return s->on_uuid;
	return s->on_any;
}

/* A dot segment: nothing, or one step back. */
static __always_inline void route_dots(struct route_walk *w)
{
	if (w->flags & ROUTE_ESCAPED_DOT)
		w->ambiguous |= ROUTE_AMB_DOTS;
	if (w->segment.len != 2)
		return;
	if (w->flags & ROUTE_EMPTY)
		w->ambiguous |= ROUTE_AMB_EMPTY;
	if (w->depth)
		w->depth--;
	else
		w->ambiguous |= ROUTE_AMB_ABOVE;
}

VERIFIED_ONCE int route_segment_end(struct route_walk *w, const struct gl_policy *pol)
{
	__u32 depth;

	if (!w || !pol)
		return 0;
	depth = w->depth;
	if (w->segment.len <= 2 && (w->types & ROUTE_C_DOT)) {
		route_dots(w);
	} else {
		opaque(depth);
		if (depth < GL_PATH_DEPTH) {
			w->stack[depth + 1] =
				route_step(w, pol, w->stack[depth], route_segment_type(w));
			w->depth = depth + 1;
		} else {
			w->ambiguous |= ROUTE_AMB_DEEP;
		}
	}
	route_segment_begin(w);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Bytes that are not simply a segment's
 */
static __always_inline int route_hex(__u8 b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	if (b >= 'a' && b <= 'f')
		return b - 'a' + 10;
	return -1;
}

/* An escape is complete: its byte is the segment's, whatever it is. */
static __always_inline void route_decoded(struct route_walk *w, const struct gl_policy *pol, __u8 b)
{
	w->pending = ROUTE_PLAIN;
	if (b == '/' || b == '\\' || b == ';' || b == 0)
		w->ambiguous |= ROUTE_AMB_DELIMITER;
	else if (b == '.')
		w->flags |= ROUTE_ESCAPED_DOT;
	else if (b == '%')
		w->pending = ROUTE_TWICE;
	route_segment_byte(w, &pol->route_key, b, route_class[b]);
}

/* Returns true if the byte was part of an escape, or of the query. */
static __always_inline int route_escape(struct route_walk *w, const struct gl_policy *pol, __u8 b)
{
	int digit = route_hex(b);
	__u8 pending = w->pending;

	if (pending == ROUTE_QUERY)
		return 1;
	if (pending == ROUTE_TWICE) {
		w->pending = ROUTE_PLAIN;
		if (digit >= 0)
			w->ambiguous |= ROUTE_AMB_TWICE;
		return 0;
	}
	if (digit < 0) {
		w->pending = ROUTE_PLAIN;
		w->ambiguous |= ROUTE_AMB_ESCAPE;
		return 0;
	}
	if (pending == ROUTE_HEX1) {
		w->hex = digit;
		w->pending = ROUTE_HEX2;
	} else {
		route_decoded(w, pol, w->hex << 4 | digit);
	}
	return 1;
}

/* A slash that is no part of an escape. True: it ends a segment. */
static __always_inline int route_slash(struct route_walk *w)
{
	if (!w->segment.len && (w->flags & ROUTE_BEGUN))
		w->flags |= ROUTE_EMPTY;
	w->flags |= ROUTE_BEGUN;
	return w->segment.len != 0;
}

/* True: it ends a segment. */
VERIFIED_ONCE int route_special(struct route_walk *w, const struct gl_policy *pol, __u8 b)
{
	__u32 i = b;
	__u8 cls;

	if (!w || !pol)
		return 0;
	opaque(i);
	cls = route_class[i & 0xff];
	if (w->pending && route_escape(w, pol, b))
		return 0;
	if (b == '/')
		return route_slash(w);
	if (b == '%') {
		w->pending = ROUTE_HEX1;
		return 0;
	}
	if (b == '?') {
		w->pending = ROUTE_QUERY;
		return 0;
	}
	if (cls & ROUTE_C_SPECIAL)
		w->ambiguous |= ROUTE_AMB_RAW;
	route_segment_byte(w, &pol->route_key, b, cls);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The walk
 */

/* Begins a request at a service's root state (struct gl_service). The method's bytes are next. */
static __always_inline void route_begin(struct route_walk *w, const struct gl_policy *pol,
					__u32 root)
{
	w->fold = 0;
	opaque(root);
	if (root >= GL_STATES_MAX)
		root = 0;
	if (pol->states[root].flags & GL_STATE_FOLD)
		w->fold = ROUTE_C_UPPER;
	w->stack[0] = root;
	w->depth = 0;
	w->pending = ROUTE_PLAIN;
	w->hex = 0;
	w->flags = 0;
	w->ambiguous = 0;
	route_segment_begin(w);
}

/* One byte of the method. Methods are case-sensitive (RFC 9110 section 9.1): never folded. */
static __always_inline void route_method_byte(struct route_walk *w, const struct gl_policy *pol,
					      __u8 b)
{
	route_segment_byte(w, &pol->route_key, b, 0);
}

/* A whole method of n <= ROUTE_SHORT_MAX bytes at once, the first lowest, nothing above them. */
static __always_inline void route_method(struct route_walk *w, __u64 bytes, __u32 n)
{
	w->segment.tail = bytes;
	w->segment.len = n;
}

static __always_inline void route_method_end(struct route_walk *w, const struct gl_policy *pol)
{
	w->stack[0] = route_step(w, pol, w->stack[0], ROUTE_TYPE_ANY);
	route_segment_begin(w);
}

/* One byte of the path, from its first slash on. From '?' on bytes are ignored. */
static __always_inline void route_byte(struct route_walk *w, const struct gl_policy *pol, __u8 b)
{
	__u8 cls = route_class[b];

	if (!((cls & ROUTE_C_SPECIAL) | w->pending))
		route_segment_byte(w, &pol->route_key, b, cls);
	else if (route_special(w, pol, b))
		route_segment_end(w, pol);
}

/* Is this byte simply one of the segment? */
static __always_inline int route_is_plain(const struct route_walk *w, __u8 b)
{
	return !((route_class[b] & ROUTE_C_SPECIAL) | w->pending);
}

/* Folds the capitals among eight bytes below 0x80. */
static __always_inline __u64 route_fold(__u64 w)
{
	__u64 from_a = w + 0x3f3f3f3f3f3f3f3full, beyond_z = w + 0x2525252525252525ull;

	return w | (from_a & ~beyond_z & 0x8080808080808080ull) >> 2;
}

/* Which of eight bytes are '-': bit n for byte n. */
static __always_inline __u64 route_dashes(__u64 w)
{
	w ^= 0x2d2d2d2d2d2d2d2dull;
	w = ~(((w & 0x7f7f7f7f7f7f7f7full) + 0x7f7f7f7f7f7f7f7full) | w) & 0x8080808080808080ull;
	return (w >> 7) * 0x0102040810204080ull >> 56;
}

/*
 * Bytes of a path from a plain one on, the first in the lowest byte of `bytes`: as many of the
 * eight as are plain and fill the segment's next word. Returns how many: at least one.
 */
static __always_inline __u32 route_plain(struct route_walk *w, const struct gl_policy *pol,
					 __u64 bytes)
{
	__u32 len = w->segment.len, room = 8 - (len & 7), n = 0;
	__u8 types = w->types;
	__u64 rest = bytes;

	/* what is beyond the room is the same segment's: its types count now or later */
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++) {
		__u8 cls = route_class[(__u8)rest];

		if (cls & ROUTE_C_SPECIAL)
			break;
		types &= cls;
		rest >>= 8;
		n++;
	}
	if (n > room)
		n = room;
	bytes &= ~0ull >> ((8 - n) * 8 & 63);
	if (w->fold)
		bytes = route_fold(bytes);
	/* where they are matters in a UUID alone: while all bytes are of one */
	if (types & ROUTE_C_HEX_DASH)
		w->dashes |= route_dashes(bytes) << (len & 63);
	w->types = types;
	w->segment.tail |= bytes << 8 * (len & 7);
	len += n;
	w->segment.len = len;
	if (!(len & 7))
		route_segment_word(w, &pol->route_key);
	return n;
}

/*
 * The path is over. Returns the operation's index in ops[]: 0 = none matched, or a path too deep to
 * follow. *ret_ambiguous: enum route_ambiguity bits; nonzero means the index is one reading only.
 */
static __always_inline __u32 route_end(struct route_walk *w, const struct gl_policy *pol,
				       __u32 *ret_ambiguous)
{
	__u32 depth, state;

	if (w->pending == ROUTE_HEX1 || w->pending == ROUTE_HEX2)
		w->ambiguous |= ROUTE_AMB_ESCAPE;
	if (w->segment.len)
		route_segment_end(w, pol);
	*ret_ambiguous = w->ambiguous;
	depth = w->depth;
	opaque(depth);
	if (depth > GL_PATH_DEPTH)
		return 0;
	state = w->stack[depth];
	opaque(state);
	if (state >= GL_STATES_MAX)
		return 0;
	return pol->states[state].op;
}
