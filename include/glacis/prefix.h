/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix.h - longest-prefix match in the prefix sets (bans, allow list, a policy's networks): the
 * reader's side, for the doors and the host. The one writer is user/base/prefix_table.c.
 *
 * A set's lengths in use are searched by bisection (Waldvogel et al., "Scalable High Speed IP
 * Routing Lookups", 1997): at a length, an entry that covers the address says "go longer", none
 * says "go shorter". So that longer entries are found, the writer leaves markers at the shorter
 * lengths the bisection passes; a marker knows the longest real prefix covering it (`best`), a real
 * one its next shorter (`parent`). An expired match falls back to its parents, at most PREFIX_CHAIN
 * of them (the writer refuses deeper nesting), beyond which there is no match. The longest length
 * is tried first: hosts, of which there are most, then need no markers, and it costs nobody a step.
 *
 * One length is one lookup in a flat table: the slot an entry is hashed to, its home, lists in
 * `hops` where the entries hashed to it lie, and in `tags` four bits of their hashes. A miss is one
 * cache line per length, whatever the load, and removals leave no tombstones. The hash is a keyed
 * multiply-xorshift, two full rounds per word, not a PRF: whoever gets chosen addresses banned
 * without seeing the key cannot aim at a home, and a home overfull by luck costs at most
 * PREFIX_HOPS lines; the writer then says -ENOSPC.
 *
 * Readers take no lock and never see a foreign match: an entry is compared between two readings of
 * its version, and whatever `best` and `parent` lead to is compared against the address again. What
 * moved underneath is looked up again, PREFIX_TRIES times. While an entry is added or removed a
 * reader may miss that entry, no other.
 *
 * PREFIX_SLOT(ctx, index) is how the includer reaches a slot: a pointer or NULL. In a program ctx
 * is the policy whose nets[] are meant, or NULL for the decisions table, and the inner functions
 * are global ones, which the verifier proves once.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

#ifndef PREFIX_SLOT
#define PREFIX_SLOT(ctx, index) (&((struct gl_prefix_slot *)(ctx))[index])
#endif

#define PREFIX_HOPS     8 /* entries of one home */
#define PREFIX_DISTANCE 255 /* slots from its home an entry may lie */
#define PREFIX_CHAIN    8
#define PREFIX_TRIES    3
#define PREFIX_STEPS    9 /* of a bisection over 129 lengths, the longest first */
#define PREFIX_RETRY    (~0u)

#ifdef __bpf__
#define PREFIX_FUNCTION __attribute__((__noinline__))
#define PREFIX_CTX      const struct gl_policy
#else
#define PREFIX_FUNCTION static inline
#define PREFIX_CTX      void
#endif

/* A question on its way: the address, the set, and what was found so far (slot + 1). */
struct prefix_ask {
	struct gl_addr addr;
	struct gl_key key;
	__u64 now_ns;
	__u32 slots; /* of the table, a power of two */
	__u32 set;
	__u32 len; /* the length being probed */
	__u32 found;
};

#define PREFIX_READ(x) (*(const volatile __typeof__(x) *)&(x))

static __always_inline int prefix_is_v4(const struct gl_addr *addr)
{
	return !addr->q[0] && addr->w[2] == __builtin_bswap32(0xffff);
}

/* The first `bits` (0..64, more are 64) of a word in network order. */
static __always_inline __u64 prefix_mask(__u32 bits)
{
	if (!bits)
		return 0;
	return bits >= 64 ? ~0ULL : __builtin_bswap64(~0ULL << (64 - bits));
}

static __always_inline __u64 prefix_mix(__u64 x)
{
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

/* Hash of a masked prefix: its low bits are the home slot, its highest four the tag of the hop. */
static __always_inline __u64 prefix_hash(const struct gl_key *key, __u32 set, __u32 len, __u64 q0,
					 __u64 q1)
{
	__u64 h = prefix_mix(q0 ^ key->k0);

	return prefix_mix((h ^ q1) + key->k1 + (set << 8 | len) * 0x9e3779b97f4a7c15ULL);
}

static __always_inline __u32 prefix_tag(__u64 hash)
{
	return (__u32)(hash >> 60);
}

/* Whether the slot holds a live entry of the set for exactly this prefix, read in one piece. */
static __always_inline int prefix_slot_is(struct gl_prefix_slot *slot, __u32 set, __u32 len,
					  __u64 q0, __u64 q1, struct gl_prefix_slot *ret_view)
{
	__u32 version = PREFIX_READ(slot->version);

	ret_view->state = PREFIX_READ(slot->state);
	if (version & 1 || ret_view->state == GL_PREFIX_FREE)
		return 0;
	if (PREFIX_READ(slot->addr.q[0]) != q0 || PREFIX_READ(slot->addr.q[1]) != q1 ||
	    PREFIX_READ(slot->set) != set || PREFIX_READ(slot->len) != len)
		return 0;
	ret_view->best = PREFIX_READ(slot->best);
	ret_view->parent = PREFIX_READ(slot->parent);
	ret_view->expires_ns = PREFIX_READ(slot->expires_ns);
	return PREFIX_READ(slot->version) == version;
}

static __always_inline int prefix_is_live(const struct gl_prefix_slot *view, __u64 now_ns)
{
	return !view->expires_ns || now_ns < view->expires_ns;
}

/*
 * The first unexpired of ask->found and its parents; 0 = none. RETRY: what was to be read there is
 * no longer a real prefix of the set that covers the address.
 */
PREFIX_FUNCTION __u32 prefix_follow(PREFIX_CTX *ctx, const struct prefix_ask *ask)
{
	struct gl_prefix_slot view;
	__u32 found;

	opaque(ctx); /* else a caller passes garbage for what PREFIX_SLOT() does not use */
	if (!ask)
		return 0;
	found = ask->found;
	for (int i = 0; i < PREFIX_CHAIN && found; i++) {
		__u32 index = (found - 1) & (ask->slots - 1), len;
		struct gl_prefix_slot *slot = PREFIX_SLOT(ctx, index);

		if (!slot)
			return 0;
		len = PREFIX_READ(slot->len);
		if (!prefix_slot_is(slot, ask->set, len, ask->addr.q[0] & prefix_mask(len),
				    ask->addr.q[1] & prefix_mask(len < 64 ? 0 : len - 64), &view) ||
		    view.state != GL_PREFIX_REAL)
			return PREFIX_RETRY;
		if (prefix_is_live(&view, ask->now_ns))
			return found;
		found = view.parent;
	}
	return 0;
}

/*
 * One length: 1 when an entry of ask->len covers the address, ask->found then being what it says
 * the longest real prefix so far is, if anything.
 */
PREFIX_FUNCTION int prefix_probe(PREFIX_CTX *ctx, struct prefix_ask *ask)
{
	struct gl_prefix_slot *slot, view;
	__u64 q0, q1, hops, hash;
	__u32 home, tags;

	opaque(ctx);
	if (!ask)
		return 0;
	q0 = ask->addr.q[0] & prefix_mask(ask->len);
	q1 = ask->addr.q[1] & prefix_mask(ask->len < 64 ? 0 : ask->len - 64);
	hash = prefix_hash(&ask->key, ask->set, ask->len, q0, q1);
	home = (__u32)hash & (ask->slots - 1);
	slot = PREFIX_SLOT(ctx, home);
	if (!slot)
		return 0;
	hops = PREFIX_READ(slot->hops);
	tags = PREFIX_READ(slot->tags);
	for (int i = 0; i < PREFIX_HOPS && hops; i++, hops >>= 8, tags >>= 4) {
		__u32 index = (home + (__u32)(hops & 0xff) - 1) & (ask->slots - 1), at;

		if (!(hops & 0xff) || (tags & 15) != prefix_tag(hash))
			continue;
		slot = PREFIX_SLOT(ctx, index);
		if (!slot || !prefix_slot_is(slot, ask->set, ask->len, q0, q1, &view))
			continue;
		at = view.state == GL_PREFIX_REAL ? index + 1 : view.best;
		if (at)
			ask->found = at;
		return 1;
	}
	return 0;
}

/* Which of the lengths low..high-1 is tried at this step. */
static __always_inline __u32 prefix_middle(int step, __u32 low, __u32 high)
{
	return step ? (low + high) / 2 : high - 1;
}

/* Bisection over copy `version & 1` of the set's lengths. */
PREFIX_FUNCTION int prefix_bisect(PREFIX_CTX *ctx, struct prefix_ask *ask,
				  const struct gl_prefix_lens *lens, __u32 version)
{
	__u32 copy = (version & 1) * sizeof(lens->in_use[0]), v4, first, low = 0, high;
	const __u8 *bytes;

	opaque(ctx);
	if (!ask || !lens)
		return 0;
	bytes = (const __u8 *)lens->in_use;
	v4 = prefix_is_v4(&ask->addr);
	first = copy + (v4 ? __builtin_offsetof(struct gl_prefix_lengths, len4)
			   : __builtin_offsetof(struct gl_prefix_lengths, len6));
	high = v4 ? PREFIX_READ(bytes[copy]) : PREFIX_READ(bytes[copy + 1]);
	ask->found = 0;
	for (int i = 0; i < PREFIX_STEPS && low < high; i++) {
		__u32 middle = prefix_middle(i, low, high);
		__u64 at = first + middle;

		opaque(at);
		if (at >= sizeof(lens->in_use))
			break;
		opaque(at);
		ask->len = PREFIX_READ(bytes[at]) + (v4 ? 96 : 0);
		if (prefix_probe(ctx, ask))
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/*
 * The longest unexpired prefix of `set` that covers addr: its slot number + 1, or 0. lens: the
 * set's own; slots: size of the table, a power of two.
 */
static __always_inline __u32 prefix_match(PREFIX_CTX *ctx, __u32 slots,
					  const struct gl_prefix_lens *lens, __u32 set,
					  const struct gl_addr *addr, __u64 now_ns)
{
	struct prefix_ask ask = {
		.addr = *addr,
		.key = lens->key,
		.now_ns = now_ns,
		.slots = slots,
		.set = set,
	};

#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < PREFIX_TRIES; i++) {
		__u32 version = PREFIX_READ(lens->version);
		__u32 found;

		prefix_bisect(ctx, &ask, lens, version);
		found = ask.found ? prefix_follow(ctx, &ask) : 0;
		if (found != PREFIX_RETRY && PREFIX_READ(lens->version) == version)
			return found;
	}
	return 0;
}
