/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subjects.h - decided subjects that are no address (operations, principals, services, grants): the
 * reader's side, for the doors and the host. The one writer is user/base/subject_table.c.
 *
 * A set-associative table of struct gl_subject, eight to a set. What is not in force costs nothing:
 * callers look at control->subjects first. Expiry is the reader's: an entry past its time is none,
 * whether or not user space still lives (I7).
 *
 * Readers take no lock. The writer sets a tag last and clears it first; a reader that meets a slot
 * while it is given to another subject may for that one request take the one's expiry for the
 * other's, or miss the entry being written.
 *
 * SUBJECT_SLOT(ctx, index) is how the includer reaches a slot: a pointer or NULL.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

#ifndef SUBJECT_SLOT
#define SUBJECT_SLOT(ctx, index) (&((struct gl_subject *)(ctx))[index])
#endif

/* In a program one copy, verified once; ctx is there only because a caller has one. */
#ifdef __bpf__
#define SUBJECTS_FUNCTION       __attribute__((__noinline__))
#define SUBJECTS_CTX            const struct gl_control
#define SUBJECTS_OF(t, control) (control)
#else
#define SUBJECTS_FUNCTION       static inline
#define SUBJECTS_CTX            void
#define SUBJECTS_OF(t, control) ((void)(control), (t)->subjects)
#endif

#define SUBJECT_READ(x) (*(const volatile __typeof__(x) *)&(x))

/* First slot of a subject's set. Ids are small numbers, hashes are not: both are mixed. */
static __always_inline __u32 subjects_set(__u32 tag, __u64 subject)
{
	__u64 h = (subject ^ (__u64)tag << 40 ^ tag) * 0x9e3779b97f4a7c15ull;

	return (__u32)(h >> 40) & (GL_SUBJECT_SLOTS - GL_SUBJECT_WAYS);
}

/* The unexpired entry of a subject: its slot + 1, or 0. */
SUBJECTS_FUNCTION __u32 subject_lookup(SUBJECTS_CTX *ctx, __u32 tag, __u64 subject, __u64 now_ns)
{
	__u32 set = subjects_set(tag, subject);

	opaque(ctx);
	for (__u32 i = 0; i < GL_SUBJECT_WAYS; i++) {
		const struct gl_subject *slot = SUBJECT_SLOT(ctx, set + i);

		if (slot && SUBJECT_READ(slot->tag) == tag &&
		    SUBJECT_READ(slot->subject) == subject &&
		    now_ns < SUBJECT_READ(slot->expires_ns))
			return set + i + 1;
	}
	return 0;
}

/*
 * A source as grants name it: an IPv4 address or an IPv6 /64, in one word. addr: as windows see it
 * (admit_source() in admit.h). The two cannot meet: ::/32 holds no unicast address (RFC 4291).
 */
static __always_inline __u64 subjects_source(const struct gl_addr *addr)
{
	return addr->q[0] ? addr->q[0] : addr->q[1];
}
