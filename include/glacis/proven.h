/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proven.h - the principals an application has answered with something other than 401/403
 * (architecture.md section 3): these count for themselves, everybody else for their source.
 *
 * A set-associative table of struct gl_proven, four to a cache line; a full set loses its oldest.
 * It remembers nothing but keyed hashes and seconds. Called by admit.h (is it?) and the wire door's
 * egress (mark, forget).
 *
 * Races are harmless, so nothing is locked: whatever two callers do to one slot, it ends as one of
 * the principals somebody proved, at worst with the other's second; a principal that stands twice
 * or was lost counts for its source until the next proof.
 *
 * PROVEN_SLOT(ctx, index) is how the includer reaches a slot: a pointer or NULL.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

#ifndef PROVEN_SLOT
#define PROVEN_SLOT(ctx, index) (&((struct gl_proven *)(ctx))[index])
#endif

#define PROVEN_WAYS      4
#define PROVEN_REFRESH_S 60 /* a younger proof is not written again: the line stays shared */

enum proven_outcome { PROVEN_KNOWN, PROVEN_NEW, PROVEN_EVICTED };

#define PROVEN_READ(x) (*(const volatile __typeof__(x) *)&(x))

/* First slot of a principal's set. A principal is a SipHash already: its bits are as good as any.
 */
static __always_inline __u32 proven_set(__u64 principal, __u32 slots)
{
	return (__u32)(principal >> 20) & (slots - PROVEN_WAYS);
}

static __always_inline int proven_is_fresh(__u32 seen_s, __u32 now_s)
{
	return (__s32)(now_s - seen_s) <= GL_PROVEN_TTL_S;
}

/* Whether it was proven in the last GL_PROVEN_TTL_S. slots: a power of two. 0 is no principal. */
static __always_inline int proven_is(void *ctx, __u32 slots, __u64 principal, __u32 now_s)
{
	__u32 set = proven_set(principal, slots);

	if (!principal)
		return 0;
	for (__u32 i = 0; i < PROVEN_WAYS; i++) {
		struct gl_proven *slot = PROVEN_SLOT(ctx, set + i);

		if (slot && PROVEN_READ(slot->principal) == principal)
			return proven_is_fresh(PROVEN_READ(slot->seen_s), now_s);
	}
	return 0;
}

/*
 * Notes a proof. EVICTED: the set was full of others' fresh proofs and lost its oldest; the caller
 * counts it.
 */
static __always_inline enum proven_outcome proven_mark(void *ctx, __u32 slots, __u64 principal,
						       __u32 now_s)
{
	__u32 set = proven_set(principal, slots), victim = set, victim_age = 0;
	struct gl_proven *slot;
	__u64 old;

	if (!principal)
		return PROVEN_KNOWN;
	for (__u32 i = 0; i < PROVEN_WAYS; i++) {
		__u32 seen_s, age;

		slot = PROVEN_SLOT(ctx, set + i);
		if (!slot)
			continue;
		old = PROVEN_READ(slot->principal);
		seen_s = PROVEN_READ(slot->seen_s);
		if (old == principal) {
			if ((__s32)(now_s - seen_s) >= PROVEN_REFRESH_S)
				*(volatile __u32 *)&slot->seen_s = now_s;
			return PROVEN_KNOWN;
		}
		/* Free is older than any; a second from a clock ahead of ours is no age at all. */
		age = !old ? ~0u : (__s32)(now_s - seen_s) > 0 ? now_s - seen_s : 0;
		if (age > victim_age) {
			victim_age = age;
			victim = set + i;
		}
	}
	slot = PROVEN_SLOT(ctx, victim);
	if (!slot)
		return PROVEN_KNOWN;
	old = PROVEN_READ(slot->principal);
	/* Lost to another caller: this proof is dropped, the next one tries again. */
	if (!__sync_bool_compare_and_swap(&slot->principal, old, principal))
		return PROVEN_KNOWN;
	*(volatile __u32 *)&slot->seen_s = now_s;
	return victim_age > GL_PROVEN_TTL_S ? PROVEN_NEW : PROVEN_EVICTED;
}

/* The application refused it: it counts for its source again. */
static __always_inline void proven_forget(void *ctx, __u32 slots, __u64 principal)
{
	__u32 set = proven_set(principal, slots);

	if (!principal)
		return;
	for (__u32 i = 0; i < PROVEN_WAYS; i++) {
		struct gl_proven *slot = PROVEN_SLOT(ctx, set + i);

		if (slot)
			(void)__sync_bool_compare_and_swap(&slot->principal, principal, 0);
	}
}
