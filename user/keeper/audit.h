/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit.h - every change somebody asked for: when, who, what, before, after. Committed to the store
 * before the change is answered; while the store cannot be written the newest are kept in memory.
 * No credentials, as everywhere.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/store/store.h"

#define AUDIT_WAITING_MAX 1024

struct audit;

/* Borrows the store. */
int audit_open(struct store *store, struct audit **ret_audit);
void audit_close(struct audit *audit); /* NULL-safe */

struct audit_actor {
	const char *origin; /* "api", "signal", "start", "escalation" */
	uid_t uid;
	pid_t pid;
};

/* Takes before and after (either may be NULL). 1: it waits in memory; what was done stays done. */
int audit_write(struct audit *audit, const struct audit_actor *actor, const char *what,
		json_t *before, json_t *after);

/* Stores what waits. 0, or -errno. */
int audit_flush(struct audit *audit);
size_t audit_waiting(const struct audit *audit);
/* So many were lost because too many waited. */
uint64_t audit_dropped(const struct audit *audit);
