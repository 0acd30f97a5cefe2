/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - gives everything away that parsing does not need, for good. Called once by child.c,
 * after everything that needs a file is loaded and every shared memory is mapped.
 *
 * Left are: the channel to the keeper, the ring, memory up to its limit, time, and standard error.
 * Any other system call ends the process (SIGSYS, in the audit log), which the keeper sees.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct sandbox {
	uid_t uid;
	gid_t gid;
	pid_t parent; /* dies with it */
	uint64_t memory_bytes; /* of its own: heap and anonymous mappings */
};

/* -ESRCH: the parent is gone already. Any failure: do not go on. */
int sandbox_enter(const struct sandbox *sandbox);
