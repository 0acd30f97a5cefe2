/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_tables.h - the part of abi.h that is about what outlives a policy: windows, proven
 * principals, prefix sets. Included by abi.h; its rules hold. How they work is in window.h,
 * proven.h, prefix.h.
 */
#pragma once

#include <linux/types.h>
#include "include/glacis/abi_contain.h"

/* An address is always 16 bytes; IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct gl_addr {
	union {
		__u8 b[16];
		__be32 w[4];
		__u64 q[2];
	};
};

/* ------------------------------------------------------------------------------------------------------------------
 * The window table (I3): see window.h for the algorithm. One line is one cache line.
 */
#define GL_WINDOW_SLOTS 12
#define GL_WINDOW_WAYS  4
struct gl_window_line {
	__u64 tag; /* keyed hash of (kind, service, class, subject), low byte a lock; 0 = free */
	__u32 last; /* newest sub-window number anybody reserved in */
	__u32 expires_s; /* CLOCK_BOOTTIME seconds after which no slot matters */
	__u32 slots[GL_WINDOW_SLOTS]; /* 12 bits sub-window number, 20 bits count */
};
_Static_assert(sizeof(struct gl_window_line) == 64, "one cache line");
#define GL_WINDOW_LINES_DEFAULT (1u << 17)
#define GL_WINDOW_SHARED                                                                           \
	(1u << 10) /* the last lines of the table: parents shared by hash, never claimed by tag */
#define GL_WINDOW_COUNT_MAX ((1u << 20) - 1)

/* Proven principals: 8 bytes of keyed hash, boottime seconds of the last proof; four to a cache
 * line. */
struct gl_proven {
	__u64 principal;
	__u32 seen_s;
	__u32 reserved;
};
#define GL_PROVEN_SLOTS (1u << 16)
#define GL_PROVEN_TTL_S 86400

struct gl_key {
	__u64 k0, k1;
};

/* ------------------------------------------------------------------------------------------------------------------
 * Prefix sets (bans, allow list, networks of a policy): see prefix.h. A flat hash table; every
 * entry names its set. `best` and `parent` are slot numbers + 1 (0 = none).
 */
struct gl_prefix_slot {
	struct gl_addr addr; /* masked to len */
	__u64 expires_ns; /* CLOCK_BOOTTIME; 0 = never */
	__u32 best; /* markers: longest real prefix of the set that covers this one */
	__u32 parent; /* real entries: next shorter real prefix of the same set */
	__u32 value; /* the caller's: decision number, or 0 */
	__u16 set;
	__u8 len; /* 0..128; IPv4 prefixes are 96 + n */
	__u8 state; /* enum gl_prefix_state */
	__u64 hits; /* packets or requests this entry decided (atomic add) */
	__u64 hops; /* the slot's, not the entry's: where what is hashed here lies, distance + 1 */
	__u32 version; /* odd while the entry is being written */
	__u32 tags; /* the slot's: four bits of hash for each of the eight hops */
};
_Static_assert(sizeof(struct gl_prefix_slot) == 64, "one cache line");
enum gl_prefix_state { GL_PREFIX_FREE, GL_PREFIX_REAL, GL_PREFIX_MARKER };

/* The lengths of one set, sorted ascending, IPv4 (96..128, stored as 0..32) and IPv6 apart. */
struct gl_prefix_lengths {
	__u8 n4, n6;
	__u8 len4[33];
	__u8 len6[129];
};

/* A set: its hash key and the lengths in use. The writer fills the other copy, then counts up. */
struct gl_prefix_lens {
	struct gl_key key;
	__u32 version; /* in_use[version & 1] is the one in force */
	__u32 entries;
	struct gl_prefix_lengths in_use[2];
};
_Static_assert(sizeof(struct gl_prefix_lens) == 352, "no padding");
#define GL_BAN_SLOTS_DEFAULT (1u << 17)
#define GL_SET_BAN           0 /* in the decisions table */
#define GL_SET_ALLOW         1
#define GL_SET_LOCKDOWN      2 /* and on: the networks that pass, a set for each service locked down */
#define GL_DECISION_SETS     (GL_SET_LOCKDOWN + GL_LOCKDOWNS_MAX)
