/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - what the keeper tells the courier it executes, as arguments, and where the child finds
 * its three descriptors. Written by courier.c, read by child.c.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define CHILD_NAME            "glacis-courier" /* argv[0] and what ps shows; at most 15 characters */
#define CHILD_LISTEN_FD       3
#define CHILD_CHANNEL_FD      4
#define CHILD_DESCRIPTORS_FD  5 /* SOCK_SEQPACKET: a name and a descriptor in each message */
#define CHILD_DESCRIPTOR_NAME 63
#define CHILD_SPOOL_FD        6 /* folder of spools; may not be there */
#define CHILD_FDS             4 /* these, from CHILD_LISTEN_FD on */
#define CHILD_EXIT_SETUP      71

/* One number per argument, in this order. */
#define CHILD_ARGUMENT_LIST(X)                                                                     \
	X(parent)                                                                                  \
	X(uid)                                                                                     \
	X(gid)                                                                                     \
	X(group)                                                                                   \
	X(log_format)                                                                              \
	X(reply_timeout_ms)                                                                        \
	X(requests_per_s)                                                                          \
	X(follower_backlog_bytes)                                                                  \
	X(spool) /* 1: CHILD_SPOOL_FD is there */

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
void child_argv_fill(const struct child_arguments *arguments, struct child_argv *argv);
