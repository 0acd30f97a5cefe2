/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model_respond.h - what a policy says about incidents and playbooks: a part of model.h, which
 * includes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_HOLIDAYS_MAX         366
#define POLICY_PLAYBOOKS_MAX        64
#define POLICY_PLAYBOOK_ACTIONS_MAX 8

/* A date as one number: 20261224. */
static inline uint32_t policy_date(unsigned year, unsigned month, unsigned day)
{
	return year * 10000 + month * 100 + day;
}

/* spec.incidents.calendar: which days are business days. */
struct policy_calendar {
	char *zone; /* timeZone, a name of tzdata; NULL = UTC */
	uint8_t weekend; /* bit 0 = Sunday ... bit 6 = Saturday; default both; never all */
	uint32_t *holidays; /* policy_date(), ascending */
	size_t n_holidays;
};

/* spec.incidents: correlation, and the phase clock of IR-01 to IR-07. */
struct policy_incidents {
	uint32_t correlate_s; /* correlateWithin, default 30m */
	uint32_t detection_s, containment_s, recovery_s, root_cause_s; /* after the first evidence:
									  30m, 2h, 24h, 48h */
	uint32_t review_days; /* business days after recovery, default 5 */
	uint32_t warn_at; /* percent of a deadline, default 80 */
	uint32_t traffic_age_s, traffic_mib; /* requests that are kept: at most so old (7d), in a
						file of at most so much (512; 0 = none) */
	struct policy_calendar calendar;
};

/* spec.playbooks: what is done, or proposed, for which incidents. */
enum policy_verb {
	POLICY_VERB_BLOCK,
	POLICY_VERB_SUSPEND,
	POLICY_VERB_REVOKE,
	POLICY_VERB_LOCKDOWN,
	POLICY_VERB_KILL,
	POLICY_VERB_JA4,
	POLICY_VERBS
};

#define POLICY_PROPOSAL_EXPIRES_S 3600

struct policy_playbook_action {
	unsigned verb; /* do: enum policy_verb */
	bool automatic; /* run: auto; default ask */
	uint32_t ttl_s; /* 0: containment.ttl */
	uint32_t expires_s; /* of a proposal nobody decided, default 1h */
	char *allow; /* lockdown: networks that pass, in one text; NULL for others */
	char *workload; /* kill: as for glacisctl kill; NULL for others */
};

struct policy_playbook {
	char *name;
	uint32_t alerts; /* a bit each kind of alert (user/respond/alert.h); 0: any */
	uint32_t priorities; /* a bit each: 1 << 1 is P1; 0: any */
	struct policy_playbook_action *actions;
	size_t n_actions;
};

#define POLICY_INCIDENTS_DEFAULT                                                                   \
	(struct policy_incidents)                                                                  \
	{                                                                                          \
		.correlate_s = 1800, .detection_s = 1800, .containment_s = 7200,                   \
		.recovery_s = 86400, .root_cause_s = 172800, .review_days = 5, .warn_at = 80,      \
		.traffic_age_s = 7 * 86400, .traffic_mib = 512,                                    \
		.calendar = {.weekend = 1u << 0 | 1u << 6},                                        \
	}
