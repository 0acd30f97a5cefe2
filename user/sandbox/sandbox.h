/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - gives everything away that a child of the keeper does not need, for good: identity,
 * capabilities, limits, system calls. One way for the courier and the inspectors; what differs is
 * data (user/courier/sandbox.c, user/inspector/sandbox.c). Nothing here can be undone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox {
	uid_t uid;
	gid_t gid;
	pid_t parent; /* dies with it */
	bool own_network; /* a namespace of the network without any device */
	uint64_t files; /* descriptors */
	uint64_t data_bytes; /* heap and anonymous mappings; 0: no limit of its own */
	uint64_t address_bytes; /* everything mapped */
};

/* -ESRCH: the parent is gone already. Any failure: do not go on. */
int sandbox_drop(const struct sandbox *sandbox);

/*
 * A system call allowed beside those of calls.c that every child needs. Without a condition, or
 * only where argument 0 has that value; with an errno it is not made, and fails with that.
 */
struct sandbox_call {
	int number; /* SCMP_SYS() */
	bool if_first;
	int first;
	int fails_with;
};

/* Any other call ends the process (SIGSYS, in the audit log). Call it last. */
int sandbox_calls(const struct sandbox_call *calls, size_t n);
