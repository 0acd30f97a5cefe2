/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - a process of ours from fork to its own image and to its end. The keeper executes this
 * very program anew under another name, so that the child inherits neither the keeper's memory nor
 * its maps, not even when it is started again in the middle of the day. All it gets are numbers, as
 * arguments, and descriptors, at fixed places.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "user/base/log.h"

#define CHILD_FIRST_FD    3
#define CHILD_FDS_MAX     4
#define CHILD_NUMBERS_MAX 12
#define CHILD_EXIT_SETUP  71
#define CHILD_NOBODY      65534

struct child_start {
	const char *name; /* argv[0] and what ps shows; at most 15 characters */
	const long *numbers;
	size_t n_numbers;
	int fds[CHILD_FDS_MAX]; /* [i] becomes CHILD_FIRST_FD + i; -1: nothing is there */
	size_t n_fds;
};

/* The keeper's side. The child's pid, or -errno. */
pid_t child_spawn(const struct child_start *start);
/* Waits until it has ended, but does not reap it. */
void child_wait(pid_t pid, int timeout_ms);
/* Ends it by SIGKILL, if it has not ended, and reaps it; as waitpid(2). 0: there is none. */
int child_end(pid_t pid);

/* The child's side: the numbers again; -EINVAL: others, or another count of them. */
int child_numbers(int argc, char **argv, long *ret_numbers, size_t n);
/*
 * Log, name, folder, signals. The keeper decides when a child ends, by closing its channel: a
 * Ctrl-C or a systemd stop reaches the whole group, and is ignored.
 */
int child_begin(const char *name, enum log_format format);
