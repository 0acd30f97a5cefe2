/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - what the keeper tells the inspector it executes, as arguments, and where the child
 * finds its descriptors. Written by process.c, read by child.c.
 */
#pragma once

#include "user/sandbox/child.h"

#define CHILD_NAME       "glacis-inspect"
#define CHILD_CHANNEL_FD CHILD_FIRST_FD /* SOCK_SEQPACKET to the keeper */
#define CHILD_RING_FD    4 /* its ring buffer, if ring_bytes is not 0 */
#define CHILD_LINES_FD   5 /* the map `inspectors`, likewise */

/* One number per argument, in this order. */
struct inspector_arguments {
	long parent;
	long uid;
	long gid;
	long log_format;
	long number; /* which ring and line are its own */
	long ring_bytes; /* 0: no ring */
	long memory_bytes;
};
#define INSPECTOR_ARGUMENTS (sizeof(struct inspector_arguments) / sizeof(long))
