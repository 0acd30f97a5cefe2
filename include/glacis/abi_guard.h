/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_guard.h - the part of abi.h that is about the response guard: what of a policy's forbidden
 * texts is compiled for the doors. Included by abi.h; its rules hold. Read by guard.h, written by
 * user/policy/guard*.c.
 *
 * Two tables. `gram` answers for any four bytes whether a pattern can have them, and how far before
 * them it then begins; only there the automaton is asked. It starts at the pattern's first byte, so
 * it has no loops and every match is at most GL_GUARD_REACH bytes long. Its rows say how much
 * further on the next state is numbered: most states lead to the one behind them and share a row.
 */
#pragma once

#include <linux/types.h>

#define GL_GUARD_GRAMS    65536
#define GL_GUARD_REACH    64 /* bytes of the longest match */
#define GL_GUARD_STATES   16384
#define GL_GUARD_ROWS     1024
#define GL_GUARD_CLASSES  128 /* of bytes; a power of two */
#define GL_GUARD_PATTERNS 512
#define GL_GUARD_NAME     48
#define GL_GUARD_SERVICES 256 /* GL_SERVICES_MAX */

/* What kind of text a pattern is, bits: whoever scans says which it is looking for. */
enum gl_guard_group {
	GL_GUARD_SECRET = 1, /* keys, tokens, private keys, password hashes */
	GL_GUARD_TRACE = 2, /* how a stack trace or debug page begins */
	GL_GUARD_FIELD = 4, /* a forbidden member of JSON */
	GL_GUARD_ALL = 7,
};

/* struct gl_guard.gram: 0 = no pattern has these four bytes */
#define GL_GUARD_GRAM      0x80
#define GL_GUARD_GRAM_BACK 0x3f /* the pattern begins so many bytes before them */

#define GL_GUARD_START 1 /* state before a pattern's first byte */

struct gl_guard_pattern {
	__u64 services[GL_GUARD_SERVICES / 64]; /* bit i: it is forbidden in services[i] */
	__u32 groups; /* enum gl_guard_group: one of them */
	__u32 back; /* it begins so many bytes before its gram */
	char name[GL_GUARD_NAME]; /* what events call it */
};
_Static_assert(sizeof(struct gl_guard_pattern) == 88, "no padding");

struct gl_guard {
	__u32 n_patterns, n_states;
	__u32 n_classes, n_grams;
	__u32 n_rows, reserved;
	__u8 byte_class[256];
	__u8 gram[GL_GUARD_GRAMS];
	__u16 row[GL_GUARD_STATES]; /* of a state */
	__u16 accept[GL_GUARD_STATES]; /* pattern that ends here + 1; 0 = none does */
	__u16 next[GL_GUARD_ROWS *
		   GL_GUARD_CLASSES]; /* row, class: added to the state, modulo 2^16; 0 = dead */
	struct gl_guard_pattern patterns[GL_GUARD_PATTERNS];
};
