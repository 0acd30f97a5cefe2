/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escalate.h - when refusals of one source become a ban: K in W, with a TTL that grows each time
 * (policy: escalate), never more than so many bans a minute (containment.maxBansPerMinute).
 *
 * It looks at verdict records and says what it thinks; whether the source may be banned (protect.h,
 * blast radius) and the ban itself are its caller's. Only established connections count (I4):
 * records of the wire and tls doors are. Refusals that are no fault of the client (lost segments, a
 * policy gone, a full table) do not. Fed from outside, therefore bounded: the least recently seen
 * of a set is evicted and counted. `now` is the record's time: tests bring their own clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/addr.h"
#include "user/policy/model.h"

#define ESCALATE_DEFAULT 65536

struct escalate;

int escalate_new(size_t size, const struct gl_key *key, struct escalate **ret_escalate);
void escalate_free(struct escalate *escalate);

/* Copied. Counts go on; they are compared with the new K. */
void escalate_set_rules(struct escalate *escalate, const struct policy_escalate *rules,
			uint32_t max_bans_per_minute);

struct escalate_ban {
	struct addr_prefix prefix; /* /32, /64 */
	uint32_t ttl_s;
	uint32_t refusals, per_s; /* why */
	unsigned strike; /* 1 = the first time */
	bool would; /* the refusals were would-verdicts: monitor */
};

enum escalate_outcome {
	ESCALATE_NOTHING,
	ESCALATE_BAN, /* *ret_ban is set; the source's count begins anew */
	ESCALATE_CEILING, /* it would be one, but this minute has had its bans; its count stays */
};
enum escalate_outcome escalate_record(struct escalate *escalate,
				      const struct gl_rec_verdict *record,
				      struct escalate_ban *ret_ban);

/*
 * One of this minute's automatic bans, for who bans on other grounds. False: the minute has had
 * them (counted). `now_ns` is CLOCK_BOOTTIME.
 */
bool escalate_take(struct escalate *escalate, uint64_t now_ns);

/* Whether a refusal for this reason is the client's doing. */
bool escalate_counts(unsigned verdict, unsigned reason, unsigned door);

uint64_t escalate_evicted(const struct escalate *escalate);
uint64_t escalate_held_back(const struct escalate *escalate); /* ESCALATE_CEILING outcomes */
