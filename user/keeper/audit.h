/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit.h - <state_dir>/audit.jsonl: one line for every change somebody asked for: when, who, what,
 * before, after. Appended and synced before the change is answered. No credentials, as everywhere.
 */
#pragma once

#include <jansson.h>
#include <sys/types.h>

struct audit;

int audit_open(const char *state_dir, struct audit **ret_audit);
void audit_close(struct audit *audit); /* NULL-safe */

struct audit_actor {
	const char *origin; /* "api", "signal", "start", "escalation" */
	uid_t uid;
	pid_t pid;
};

/* Takes before and after (either may be NULL). An error is logged and returned; what was done stays
 * done. */
int audit_write(struct audit *audit, const struct audit_actor *actor, const char *what,
		json_t *before, json_t *after);
