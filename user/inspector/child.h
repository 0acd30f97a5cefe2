/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - what the keeper tells the inspector it executes, as arguments, and where the child
 * finds its descriptors. Written by process.c, read by child.c.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define CHILD_NAME       "glacis-inspect" /* argv[0] and what ps shows; at most 15 characters */
#define CHILD_CHANNEL_FD 3 /* SOCK_SEQPACKET to the keeper */
#define CHILD_RING_FD    4 /* its ring buffer, if ring_bytes is not 0 */
#define CHILD_LINES_FD   5 /* the map `inspectors`, likewise */
#define CHILD_FDS        3
#define CHILD_EXIT_SETUP 71

/* One number per argument, in this order. */
#define CHILD_ARGUMENT_LIST(X)                                                                     \
	X(parent)                                                                                  \
	X(uid)                                                                                     \
	X(gid)                                                                                     \
	X(log_format)                                                                              \
	X(number) /* which ring and line are its own */                                            \
	X(ring_bytes) /* 0: no ring */                                                             \
	X(memory_bytes)

#define CHILD_ARGUMENT_MEMBER(name) long name;
struct child_arguments {
	CHILD_ARGUMENT_LIST(CHILD_ARGUMENT_MEMBER)
};
#define CHILD_ARGUMENT_ONE(name) +1
#define CHILD_ARGUMENTS          (0 CHILD_ARGUMENT_LIST(CHILD_ARGUMENT_ONE))

struct child_argv {
	char text[CHILD_ARGUMENTS][24];
	char *items[CHILD_ARGUMENTS + 2];
};
void inspector_argv_fill(const struct child_arguments *arguments, struct child_argv *argv);
