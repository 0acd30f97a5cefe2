/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - what the keeper tells the courier it executes, as arguments, and where the child finds
 * its descriptors. Written by courier.c, read by child.c.
 */
#pragma once

#include "user/sandbox/child.h"

#define CHILD_NAME            "glacis-courier"
#define CHILD_LISTEN_FD       CHILD_FIRST_FD
#define CHILD_CHANNEL_FD      4
#define CHILD_DESCRIPTORS_FD  5 /* SOCK_SEQPACKET: a name and a descriptor in each message */
#define CHILD_DESCRIPTOR_NAME 63
#define CHILD_SPOOL_FD        6 /* folder of spools; may not be there */

/* One number per argument, in this order. */
struct courier_arguments {
	long parent;
	long uid;
	long gid;
	long group;
	long log_format;
	long reply_timeout_ms;
	long requests_per_s;
	long follower_backlog_bytes;
	long spool; /* 1: CHILD_SPOOL_FD is there */
};
#define COURIER_ARGUMENTS (sizeof(struct courier_arguments) / sizeof(long))
