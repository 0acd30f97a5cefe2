/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit.h - every change somebody asked for: when, who, what, before, after. Committed to the store
 * before the change is answered; while the store cannot be written the newest are kept in memory.
 * No credentials, as everywhere. The rows are a chain with a signed end: audit_head.h.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/keeper/audit_head.h"
#include "user/store/store.h"

#define AUDIT_WAITING_MAX 1024

struct audit;

/*
 * Borrows the store. Looks whether the chain is what was signed last and, if it is not, says so in
 * the audit itself and begins a new one. Errors are audit_signer_new()'s.
 */
int audit_open(struct store *store, const char *state_dir, struct audit **ret_audit);
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

/* What `audit verify` tells. */
struct audit_check {
	bool ok;
	const char *problem; /* static; NULL: none */
	int64_t bad; /* the record it is about; 0 = none */
	uint64_t records, unsigned_records; /* unsigned: after the signed end */
	struct audit_head head;
};
/* 0, or -errno when the store cannot be read. */
int audit_verify(struct audit *audit, struct audit_check *ret_check);

size_t audit_waiting(const struct audit *audit);
/* So many were lost because too many waited. */
uint64_t audit_dropped(const struct audit *audit);
