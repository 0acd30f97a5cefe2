/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * courier.h - the keeper's view of the courier process: the control socket, starting, restarting
 * and stopping the child that serves it.
 *
 * The courier is the unprivileged process that speaks HTTP on <run_dir>/glacis.sock. It decides
 * nothing: every request becomes one frame to the keeper (link.h), every reply frame an HTTP
 * response. It runs in a fresh image (fork + exec of this very program) so that it inherits neither
 * the keeper's memory nor its BPF maps, not even when it is restarted in the middle of the day.
 *
 * Therefore main() of a program that calls courier_start() begins with:
 *
 *	int r = courier_main(argc, argv);
 *	if (r >= 0)
 *		return r;
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "user/base/log.h"

#define COURIER_SOCKET_NAME "glacis.sock"
#define COURIER_GROUP       "glacis"

struct courier_options {
	const char *run_dir; /* made (0755) when it is missing */
	const char *group; /* who may connect beside root; NULL = "glacis" */
	uid_t uid; /* the child's; 0 = nobody. Ignored without root */
	gid_t gid; /* the child's; 0 = nogroup */
	enum log_format log_format;

	const char *spool_dir; /* where the child keeps what is not sent; made when missing; NULL:
				  none */

	/* 0 = the default; tests shorten them */
	unsigned reply_timeout_ms; /* 10 000: silence of the keeper becomes 503 */
	unsigned requests_per_s; /* 100: per uid, beyond it 429 */
	size_t follower_backlog_bytes; /* 256 KiB: unread lines of one follower */
};

struct courier;

/*
 * Binds <run_dir>/glacis.sock (0660 root:<group>, or 0600 when the group does not exist, which is
 * logged), forks the child and returns at once. A socket left by a dead agent is replaced; when a
 * live one answers: -EADDRINUSE and nothing changed. The socket appears under its name only when it
 * listens with its final owner and mode.
 */
int courier_start(const struct courier_options *options, struct courier **ret_courier);

/* Starts a new child on the same listening socket, after the old one was killed and reaped:
 * connections wait in the backlog meanwhile. The old fd is closed, courier_fd() is a new one. */
int courier_restart(struct courier *courier);

/* Ends the child and removes the socket. NULL-safe. */
void courier_stop(struct courier *courier);
static inline void courier_stopp(struct courier **courier)
{
	courier_stop(*courier);
}

/* Hands a copy of a descriptor to the child, by name. 0 or -errno: it cannot take it now. */
int courier_give(struct courier *courier, const char *name, int fd);

int courier_fd(const struct courier *courier); /* nonblocking; owned by the courier */
pid_t courier_pid(const struct courier *courier);
const char *courier_path(const struct courier *courier); /* of the socket */

/* The child's entry: its exit status when this process was executed as a courier, -1 otherwise. */
int courier_main(int argc, char **argv);
