/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/control_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/keeper/transactions.h"

/* ---------------------------------------------------------------------------------------------
 * Alerts: the rule is there, as tight as the standard's, and answers went by it
 */
struct alert_row {
	const char *id;
	enum alert_kind kind;
	size_t rule; /* offset in struct policy */
	uint32_t at_least, per_s; /* the standard's; 0: it names none */
};
#define RULE(name) offsetof(struct policy, name)
static const struct alert_row alert_rows[] = {
	{"ALR-01", ALERT_AUTH_FAILURES, RULE(auth_failures), 5, 60},
	{"ALR-02", ALERT_FORBIDDEN, RULE(forbidden), 10, 60},
	{"ALR-03", ALERT_SERVER_ERRORS, RULE(server_errors), 1, 60},
	{"ALR-04", ALERT_LIMIT_EXCEEDED, RULE(limit_exceeded), 0, 0},
	{"AUTH-09", ALERT_CREDENTIAL_STUFFING, RULE(credential_stuffing), 0, 0},
	{"AUTH-09", ALERT_PASSWORD_SPRAYING, RULE(password_spraying), 0, 0},
};

static uint64_t alerts_of(const struct keeper *keeper, enum alert_kind kind)
{
	const struct alert *alert;
	uint64_t n = 0;

	for (size_t i = 0; (alert = alerts_at(keeper->alerts, i)); i++)
		n += alert->kind == kind;
	return n;
}

static bool is_loose(const struct alert_row *row, const struct policy_alert_rule *rule,
		     struct control_facts *f)
{
	if (!rule->enabled) {
		snprintf(f->why, sizeof(f->why), "the policy turns %s off",
			 alert_kind_name(row->kind));
		return true;
	}
	/* as many in the same time, or fewer in more */
	if (!row->at_least || (rule->at_least <= row->at_least && rule->per_s >= row->per_s))
		return false;
	snprintf(f->why, sizeof(f->why), "%s alerts at %u per %u s, the standard at %u per %u s",
		 alert_kind_name(row->kind), rule->at_least, rule->per_s, row->at_least,
		 row->per_s);
	return true;
}

static void look_at_alerts(const struct keeper *keeper, const struct alert_row *row,
			   struct control_facts *f)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;
	const struct policy_alert_rule *rule;
	size_t n = strlen(f->why);

	f->inspected = keeper->counters.values[GL_CTR_RESPONSES] + keeper->judged.judged;
	if (!policy) {
		snprintf(f->why, sizeof(f->why), "no policy rules");
		return;
	}
	rule = (const struct policy_alert_rule *)((const char *)policy + row->rule);
	if (f->violated)
		return;
	f->violated = is_loose(row, rule, f);
	if (!f->violated)
		snprintf(f->why + n, sizeof(f->why) - n, "%s%" PRIu64 " %s alerts", n ? ", " : "",
			 alerts_of(keeper, row->kind), alert_kind_name(row->kind));
}

/* ---------------------------------------------------------------------------------------------
 * Incidents: each deadline that is over and was not met in time is a violation
 */
static const struct {
	const char *id;
	enum incident_deadline deadline;
	bool every; /* all of an incident's deadlines count */
} clock_rows[] = {
	{"IR-01", INCIDENT_DETECTION, false},
	{"IR-04", INCIDENT_DEADLINE_MAX, false}, /* its scope can be told, or not */
	{"IR-05", INCIDENT_RECOVERY, false},
	{"IR-06", INCIDENT_REVIEW, false},
	{"IR-07", INCIDENT_DETECTION, true},
};

static bool is_missed(const struct keeper *keeper, const struct incident *incident,
		      enum incident_deadline deadline, int64_t now_ns)
{
	struct incident_due due;

	incidents_due(keeper->incidents, incident, deadline, now_ns, &due);
	return due.state == INCIDENT_DUE_MISSED || due.state == INCIDENT_DUE_OVER;
}

static void look_at_clock(const struct keeper *keeper, size_t row, struct control_facts *f)
{
	const struct incident *incident;
	int64_t now_ns = clock_wall_ns();

	for (size_t i = 0; keeper->incidents && (incident = incidents_at(keeper->incidents, i));
	     i++) {
		f->inspected++;
		for (unsigned d = 0; d < INCIDENT_DEADLINE_MAX; d++)
			if (clock_rows[row].every || d == clock_rows[row].deadline)
				f->violated += is_missed(keeper, incident,
							 (enum incident_deadline)d, now_ns);
	}
	if (!f->inspected)
		snprintf(f->why, sizeof(f->why), "there was no incident");
	else if (clock_rows[row].deadline == INCIDENT_DEADLINE_MAX && !keeper->traffic) {
		f->violated = f->inspected;
		snprintf(f->why, sizeof(f->why), "no requests are kept: no scope can be told");
	} else
		snprintf(f->why, sizeof(f->why),
			 "%" PRIu64 " incidents, %" PRIu64 " deadlines missed", f->inspected,
			 f->violated);
}

/* ---------------------------------------------------------------------------------------------
 * Containment: what is in force, and that it is enforced
 */
static const struct {
	const char *id;
	enum subject_kind kind;
	const char *none;
} contained_rows[] = {
	{"IR-02", SUBJECT_PRINCIPAL, "no credential is revoked: glacisctl key revoke"},
	{"IR-03", SUBJECT_OPERATION, "no operation is suspended: glacisctl endpoint suspend"},
	{"AI-14", SUBJECT_WORKLOAD, "no workload is killed: glacisctl kill"},
};

static void look_at_contained(const struct keeper *keeper, size_t row, struct control_facts *f)
{
	const struct subject *s;

	for (size_t i = 0; (s = subjects_at(keeper->subjects, i)); i++)
		f->inspected += s->kind == contained_rows[row].kind;
	if (!f->inspected) {
		snprintf(f->why, sizeof(f->why), "%s", contained_rows[row].none);
		return;
	}
	snprintf(f->why, sizeof(f->why), "%" PRIu64 " in force", f->inspected);
	if (contained_rows[row].kind != SUBJECT_WORKLOAD &&
	    kern_control(keeper->kern)->mode != GL_MODE_ENFORCE) {
		f->violated = f->inspected;
		snprintf(f->why, sizeof(f->why), "%" PRIu64 " decided, and the agent monitors only",
			 f->inspected);
	}
}

bool control_rows_look(const struct keeper *keeper, const char *id, struct control_facts *ret_facts)
{
	bool found = false;

	*ret_facts = (struct control_facts){};
	for (size_t i = 0; i < ARRAY_SIZE(alert_rows); i++)
		if (strcmp(alert_rows[i].id, id) == 0) {
			look_at_alerts(keeper, &alert_rows[i], ret_facts);
			found = true;
		}
	for (size_t i = 0; !found && i < ARRAY_SIZE(clock_rows); i++)
		if (strcmp(clock_rows[i].id, id) == 0) {
			look_at_clock(keeper, i, ret_facts);
			return true;
		}
	for (size_t i = 0; !found && i < ARRAY_SIZE(contained_rows); i++)
		if (strcmp(contained_rows[i].id, id) == 0) {
			look_at_contained(keeper, i, ret_facts);
			return true;
		}
	return found;
}

/* ---------------------------------------------------------------------------------------------
 * Rows built in part
 */
static const struct {
	const char *id, *missing;
} partial_rows[] = {
	{"PRE-03", "only request smuggling is looked for: schemas are not read"},
	{"REV-06", "only request smuggling is looked for: schemas are not read"},
	{"PRE-10", "only ids walked in a row are alerted: owner bindings are not built"},
	{"REV-02", "only ids walked in a row are alerted: owner bindings are not built"},
	{"PRE-11", "the kernel holds source networks: roles in tokens are not compared"},
	{"REV-03", "the kernel holds source networks: roles in tokens are not compared"},
	{"PRE-12", "lifetimes are read: a refresh token used twice is not"},
	{"REV-17", "only what responses give away is seen: files are for glacisctl scan"},
	{"AUTH-08", "only hashes that responses give away are seen: libcrypt is not"},
};

const char *control_rows_missing(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(partial_rows); i++)
		if (strcmp(partial_rows[i].id, id) == 0)
			return partial_rows[i].missing;
	return NULL;
}
