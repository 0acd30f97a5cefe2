/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decisions.h - bans and allowances: what is in force in the kernel's prefix table, with the
 * reason, origin and times the kernel need not know.
 *
 * The table decides and expires by itself (I7); this explains it, changes it and remembers it in
 * the store: wall-clock expiry and boot id, so that what has not expired comes back after a reboot.
 * Whom not to ban is protect.h; when to is escalate.h and people.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/base/prefix_table.h"
#include "user/store/store.h"

#define DECISION_REASON    201 /* 200 bytes and the NUL */
#define DECISION_ORIGIN    16
#define DECISION_JA4       37 /* with the NUL */
#define DECISION_TTL_MAX_S (366u * 86400)

struct decision {
	uint32_t id; /* 1, 2, ...: also the value of the table's entry */
	uint8_t set; /* GL_SET_BAN, GL_SET_ALLOW */
	struct addr_prefix prefix; /* or, if there is one, */
	char ja4[DECISION_JA4]; /* a client's fingerprint: enforced through its match keys */
	int64_t created_wall_ns;
	uint64_t expires_boot_ns; /* CLOCK_BOOTTIME; never 0 */
	char origin[DECISION_ORIGIN]; /* "manual", "escalation", "adopted" */
	char reason[DECISION_REASON];
	bool stored; /* as it is now */
};

struct decisions;

/*
 * Takes `table`, borrows `store`. legacy: a decisions.json of an earlier version, taken over once;
 * may not be there.
 */
int decisions_new(struct prefix_table *table, struct store *store, const char *legacy,
		  struct decisions **ret_decisions);
void decisions_free(struct decisions *decisions); /* NULL-safe; what is in force stays */

/*
 * At start. adopted: the table is the truth and the store gives reasons to what it holds. Otherwise
 * what the store holds and has not expired is put in force again. Returns how many are in force, or
 * -errno; what is broken is -EBADMSG after doing what could be done.
 */
int decisions_restore(struct decisions *decisions, bool adopted, const char *boot_id,
		      struct clock_now now);

struct decision_ask {
	struct addr_prefix prefix;
	char ja4[DECISION_JA4]; /* instead of prefix, if not "" */
	uint8_t set;
	uint32_t ttl_s; /* 1..DECISION_TTL_MAX_S */
	const char *origin;
	char reason[DECISION_REASON];
};

/*
 * Puts one in force. One for the same set and prefix is replaced, its id kept: a person's word
 * stands, but an automatic one never shortens what is there. -ENOSPC: the table is full; -ERANGE: a
 * TTL out of range. *ret_decision (may be NULL) is borrowed until the next change.
 */
int decisions_put(struct decisions *decisions, const struct decision_ask *ask, struct clock_now now,
		  const struct decision **ret_decision);

/* 1 removed, 0 there was none, or -errno. */
int decisions_remove(struct decisions *decisions, uint8_t set, const struct addr_prefix *prefix);

/*
 * The same for a fingerprint (a ban). The table knows nothing of it: who calls also tells the
 * kernel its match keys.
 */
const struct decision *decisions_find_ja4(const struct decisions *decisions, const char *ja4);
int decisions_remove_ja4(struct decisions *decisions, const char *ja4);

/* Forgets what has expired, telling fn (may be NULL) of each; returns how many. */
typedef void (*decision_fn)(const struct decision *decision, void *userdata);
int decisions_sweep(struct decisions *decisions, struct clock_now now, decision_fn fn,
		    void *userdata);

/* Stores what changed, in one transaction; on failure it is still to be stored. */
int decisions_save(struct decisions *decisions, const char *boot_id, struct clock_now now);

/* What the decisions about other subjects (subjects.h) share: the table's memory, and ids. */
struct prefix_table *decisions_table(const struct decisions *decisions); /* borrowed */
uint32_t decisions_take_id(struct decisions *decisions);
void decisions_seen_id(struct decisions *decisions, uint32_t id); /* never given again */

size_t decisions_count(const struct decisions *decisions);
/* By position, 0 = the oldest id; NULL past the newest. */
const struct decision *decisions_at(const struct decisions *decisions, size_t i);
const struct decision *decisions_find(const struct decisions *decisions, uint8_t set,
				      const struct addr_prefix *prefix);
/* How often the table's entry decided. */
uint64_t decisions_hits(const struct decisions *decisions, const struct decision *decision);
