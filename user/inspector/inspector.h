/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspector.h - the keeper's view of one inspector process: starting, restarting and stopping it.
 * What it says is report.h's; keeper/inspectors.c takes it.
 *
 * An inspector is the unprivileged, sandboxed process that parses what comes from the network
 * (README.md). It runs in a fresh image (fork + exec of this very program), so that it inherits
 * neither the keeper's memory nor its maps, not even when it is restarted in the middle of the day.
 *
 * Therefore main() of a program that calls inspector_start() begins with:
 *
 *	int r = inspector_main(argc, argv);
 *	if (r >= 0)
 *		return r;
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "user/base/log.h"

#define INSPECTOR_USER         "glacis-inspect"
#define INSPECTOR_MEMORY_BYTES (160u << 20)

struct inspector_options {
	uid_t uid; /* the child's; 0 = of INSPECTOR_USER if there is one, else nobody */
	gid_t gid;
	enum log_format log_format;
	unsigned number; /* its ring and its line of `inspectors` */
	int ring_fd, lines_fd; /* borrowed for its whole life; used if ring_bytes is not 0 */
	uint32_t ring_bytes;
	uint32_t memory_bytes; /* of its own; 0 = INSPECTOR_MEMORY_BYTES */
};

struct inspector;

/* Forks and returns at once; REPORT_READY comes when the sandbox is closed. */
int inspector_start(const struct inspector_options *options, struct inspector **ret_inspector);
/* Starts a new process after inspector_end(). */
int inspector_restart(struct inspector *inspector);
/* Ends the process by SIGKILL, if it has not ended, and reaps it; *ret_status: as waitpid(2). */
void inspector_end(struct inspector *inspector, int *ret_status);
/* Ends it: a healthy one finishes what it holds when the channel closes. NULL-safe. */
void inspector_stop(struct inspector *inspector);
static inline void inspector_stopp(struct inspector **inspector)
{
	inspector_stop(*inspector);
}

int inspector_fd(const struct inspector *inspector); /* nonblocking; -1 after inspector_end() */
pid_t inspector_pid(const struct inspector *inspector);

/* The child's entry: its exit status when this process was executed as an inspector, else -1. */
int inspector_main(int argc, char **argv);
