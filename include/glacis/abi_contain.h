/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_contain.h - part of abi.h: what people decided about subjects that are no address, and
 * workloads whose way out is closed.
 */
#pragma once

#include <linux/types.h>

/* ------------------------------------------------------------------------------------------------------------------
 * Decided subjects that are no address: see subjects.h. A set-associative table, two to a cache
 * line; keyed by interned ids and keyed hashes, so that it outlives policy generations.
 */
enum gl_subject_kind {
	GL_SUBJECT_FREE,
	GL_SUBJECT_OPERATION, /* interned id: suspended */
	GL_SUBJECT_SUSPENDED_IN, /* interned id of a service: one of its operations is suspended */
	GL_SUBJECT_PRINCIPAL, /* keyed hash: requests bearing this credential are refused */
	GL_SUBJECT_SERVICE, /* interned id: locked down; value: the prefix set that passes */
	GL_SUBJECT_GRANT_SOURCE, /* a source (subjects.h): free of a class's limits */
	GL_SUBJECT_GRANT_PRINCIPAL, /* keyed hash: the same */
	GL_SUBJECT_KINDS
};
/* qualifier: the class's interned id of a grant, 0 = of every class; of other kinds 0 */
#define GL_SUBJECT_TAG(kind, qualifier) ((__u32)(kind) | (__u32)(qualifier) << 8)
#define GL_SUBJECT_KIND(tag)            ((tag)&255)
struct gl_subject {
	__u64 subject;
	__u64 expires_ns; /* CLOCK_BOOTTIME; never 0 */
	__u32 tag; /* GL_SUBJECT_TAG; 0 = free. Written last, cleared first */
	__u32 value;
	__u32 decision;
	__u32 hits; /* requests it decided (atomic add) */
};
_Static_assert(sizeof(struct gl_subject) == 32, "no padding");
#define GL_SUBJECT_SLOTS (1u << 15) /* a power of two */
#define GL_SUBJECT_WAYS  8
#define GL_LOCKDOWNS_MAX 16 /* services locked down at a time */

/* A workload whose way out is closed: a cgroup by id, an executable by its inode. */
struct gl_workload {
	__u64 id; /* cgroup id, or inode number */
	__u32 device; /* of the inode as the kernel numbers it; 0: a cgroup */
	__u32 reserved;
};
struct gl_kill {
	__u64 expires_ns; /* CLOCK_BOOTTIME */
	__u64 hits; /* calls and packets refused (atomic add) */
	__u32 decision;
	__u32 reserved;
};
#define GL_KILLS_MAX   256
#define GL_KILL_LEVELS 16 /* depth of a killed cgroup: below this */
