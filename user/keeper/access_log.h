/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access_log.h - one line of JSON per request (LOG-01 to LOG-07): time, request id, client id,
 * method and operation, status, source, duration. Only masked text comes here (LOG-08 to LOG-10).
 *
 * Written in batches: a full disk costs lines, which are counted, never a verdict. Rotated by size
 * (FILE, FILE.1 ... FILE.4) and opened again on SIGHUP, for logrotate.
 */
#pragma once

#include <stdint.h>

#include "user/inspect/report.h"
#include "user/policy/compile.h"

#define ACCESS_LOG_BYTES_DEFAULT (64ull << 20)
#define ACCESS_LOG_KEPT          4

struct access_log;

/* path: "" or NULL: no log is kept. max_bytes: 0 = the default. The directory must be there. */
int access_log_open(const char *path, uint64_t max_bytes, struct access_log **ret_log);
void access_log_close(struct access_log *log); /* NULL-safe; writes what is left */
/* From now on a thread writes. What it cannot take, because the disk is slow, is lost and counted.
 */
int access_log_start(struct access_log *log);

void access_log_add(struct access_log *log, const struct report_transaction *tx,
		    const struct intern *intern);
/* Writes what is buffered; call it a few times a second. */
void access_log_flush(struct access_log *log);
/* The file may have been moved away: opens it again under its name. 0 or -errno. */
int access_log_reopen(struct access_log *log);

struct access_log_counts {
	uint64_t lines, lost; /* lost: could not be written */
	uint64_t rotations;
	int error; /* of the last write, 0 = fine */
};
struct access_log_counts access_log_counts(struct access_log *log);
const char *access_log_path(const struct access_log *log); /* "" = none */
