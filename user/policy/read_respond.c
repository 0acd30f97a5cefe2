/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_respond.c - spec.incidents (correlation, deadlines, the calendar of business days) and
 * spec.playbooks (what is done or proposed for which incidents).
 */
#include "user/policy/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/zone.h"

#define DAY_S     86400
#define EVERY_DAY 0x7f
#define DAYS      7

static const struct word day_words[] = {
	{"sunday", 0},   {"monday", 1}, {"tuesday", 2},  {"wednesday", 3},
	{"thursday", 4}, {"friday", 5}, {"saturday", 6},
};
static const struct word verb_words[] = {
	{"block", POLICY_VERB_BLOCK},   {"suspend", POLICY_VERB_SUSPEND},
	{"revoke", POLICY_VERB_REVOKE}, {"lockdown", POLICY_VERB_LOCKDOWN},
	{"kill", POLICY_VERB_KILL},     {"ja4", POLICY_VERB_JA4},
};
#define ALLOW_MAX  8 /* networks */
#define ALLOW_TEXT 128 /* of all: with the service they are what an action is about */
static const struct word run_words[] = {{"ask", false}, {"auto", true}};
static const struct word priority_words[] = {{"P1", 1}, {"P2", 2}, {"P3", 3}, {"P4", 4}};
/* the kinds of alerts (user/respond/alert.h); a test holds them together */
const struct word policy_alert_words[] = {
	{"auth-failures", 0},       {"forbidden", 1},
	{"server-errors", 2},       {"limit-exceeded", 3},
	{"credential-stuffing", 4}, {"password-spraying", 5},
	{"enumeration", 6},         {"secret-in-response", 7},
	{"tls-downgrade", 8},       {"certificate-expiring", 9},
	{"blind-listener", 10},     {"loss", 11},
	{"store-trouble", 12},      {"finding", 13},
	{"deadline", 14},           {"attestation", 15},
};
const size_t policy_alert_words_n = ARRAY_SIZE(policy_alert_words);
static const struct words alert_words = {policy_alert_words, ARRAY_SIZE(policy_alert_words),
					 "glacisctl alerts list shows the kinds that happen"};

/* A list of words, each a bit of *target. */
static void read_bits(struct reader *r, const struct field *field, const struct node *node,
		      void *target)
{
	uint32_t bits = 0;
	size_t i = 0;

	if (!reader_expect(r, node, NODE_LIST, "a list"))
		return;
	for (const struct node *item = node->first; item; item = item->next, i++) {
		size_t mark = reader_index(r, i);
		unsigned value;

		if (reader_word(r, field->arg, item, &value)) {
			if (bits & 1u << value)
				reader_error(r, item, NULL, "%s is there twice",
					     problem_quote(item->text).text);
			bits |= 1u << value;
		}
		reader_up(r, mark);
	}
	*(uint32_t *)target = bits;
}

static void read_weekend(struct reader *r, const struct field *field, const struct node *node,
			 void *target)
{
	uint32_t bits = *(uint8_t *)target;

	read_bits(r, field, node, &bits);
	if (bits == EVERY_DAY)
		reader_error(r, node, "leave a business day",
			     "every day is a weekend: no business day ever comes");
	else
		*(uint8_t *)target = (uint8_t)bits;
}

static void read_zone(struct reader *r, const struct field *field, const struct node *node,
		      void *target)
{
	(void)field;
	if (!reader_text(r, &text_label, node))
		return;
	if (!zone_exists(node->text)) {
		reader_error(r, node,
			     "a name such as Europe/Stockholm, America/New_York or UTC; the "
			     "package tzdata must be installed",
			     "there is no time zone %s", problem_quote(node->text).text);
		return;
	}
	free(*(char **)target);
	*(char **)target = reader_strdup(r, node->text);
}

static bool parse_date(struct reader *r, const struct node *node, uint32_t *ret_date)
{
	unsigned year, month, day;
	int end = 0;

	if (node->kind != NODE_SCALAR || node->type != SCALAR_STRING) {
		reader_mismatch(r, node, "2026-12-24", "a date");
		return false;
	}
	if (strlen(node->text) != 10 ||
	    sscanf(node->text, "%4u-%2u-%2u%n", &year, &month, &day, &end) != 3 || end != 10) {
		reader_error(r, node, "write it as 2026-12-24", "%s is not a date",
			     problem_quote(node->text).text);
		return false;
	}
	if (!civil_valid((int)year, month, day)) {
		reader_error(r, node, NULL, "there is no day %s", problem_quote(node->text).text);
		return false;
	}
	*ret_date = policy_date(year, month, day);
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void read_holidays(struct reader *r, const struct field *field, const struct node *node,
			  void *target)
{
	struct policy_calendar *calendar = target;
	uint32_t *dates;
	size_t i = 0, n = 0;

	if (!reader_list(r, node, field->min, field->max, "a list of dates", sizeof(*dates),
			 &dates))
		return;
	for (const struct node *item = node->first; item; item = item->next, i++) {
		size_t mark = reader_index(r, i);
		uint32_t date;

		if (parse_date(r, item, &date)) {
			for (size_t k = 0; k < n; k++)
				if (dates[k] == date)
					reader_error(r, item, NULL, "%s is there twice",
						     problem_quote(item->text).text);
			dates[n++] = date;
		}
		reader_up(r, mark);
	}
	if (n)
		qsort(dates, n, sizeof(*dates), by_number);
	free(calendar->holidays);
	calendar->holidays = dates;
	calendar->n_holidays = n;
}

#define INCIDENTS(member) offsetof(struct policy_incidents, member)
#define CALENDAR(member)  offsetof(struct policy_calendar, member)
static const struct field calendar_fields[] = {
	{"timeZone", read_zone, CALENDAR(zone), NULL, 0, 0, 0},
	{"weekend", read_weekend, CALENDAR(weekend), WORDS(day_words, NULL), 0, 0, 0},
	{"holidays", read_holidays, 0, NULL, 0, POLICY_HOLIDAYS_MAX, 0},
};
const struct shape shape_calendar = {"a calendar", "calendar", calendar_fields,
				     ARRAY_SIZE(calendar_fields)};

static const struct field deadlines_fields[] = {
	{"detection", read_seconds, INCIDENTS(detection_s), NULL, 60, 30 * DAY_S, 0},
	{"containment", read_seconds, INCIDENTS(containment_s), NULL, 60, 30 * DAY_S, 0},
	{"recovery", read_seconds, INCIDENTS(recovery_s), NULL, 60, 90 * DAY_S, 0},
	{"rootCause", read_seconds, INCIDENTS(root_cause_s), NULL, 60, 90 * DAY_S, 0},
	{"reviewDays", read_number, INCIDENTS(review_days), NULL, 1, 60, 0},
	{"warnAt", read_number, INCIDENTS(warn_at), NULL, 1, 99, 0},
};
const struct shape shape_deadlines = {"deadlines", "deadlines", deadlines_fields,
				      ARRAY_SIZE(deadlines_fields)};

static const struct field requests_fields[] = {
	{"keep", read_seconds, INCIDENTS(traffic_age_s), NULL, 60, 366 * DAY_S, 0},
	{"maxMiB", read_number, INCIDENTS(traffic_mib), NULL, 0, 1048576, 0},
};
const struct shape shape_requests = {"requests", "requests", requests_fields,
				     ARRAY_SIZE(requests_fields)};

static const struct field incidents_fields[] = {
	{"correlateWithin", read_seconds, INCIDENTS(correlate_s), NULL, 60, 7 * DAY_S, 0},
	{"deadlines", read_shape, 0, &shape_deadlines, 0, 0, 0},
	{"calendar", read_shape, INCIDENTS(calendar), &shape_calendar, 0, 0, 0},
	{"requests", read_shape, 0, &shape_requests, 0, 0, 0},
};
const struct shape shape_incidents = {"incidents", "incidents", incidents_fields,
				      ARRAY_SIZE(incidents_fields)};

/* Each phase ends after the one before it. */
void read_incidents(struct reader *r, const struct field *field, const struct node *node,
		    void *target)
{
	struct policy_incidents *incidents = target;
	const struct node *deadlines;

	reader_map(r, field->arg, node, incidents);
	deadlines = node->kind == NODE_MAP ? node_member(node, "deadlines") : NULL;
	if (deadlines && (incidents->detection_s > incidents->containment_s ||
			  incidents->containment_s > incidents->recovery_s))
		reader_error(r, deadlines, "detection <= containment <= recovery",
			     "the deadlines are not in the order of the phases");
}

/* ---------------------------------------------------------------------------------------------
 * Playbooks
 */
#define ACTION(member) offsetof(struct policy_playbook_action, member)

/* Networks that pass a lockdown, in one text as decisions have it: "10.0.0.0/8 192.0.2.0/24". */
static void read_allow(struct reader *r, const struct field *field, const struct node *node,
		       void *target)
{
	char text[ALLOW_TEXT * 2], clean[PREFIX_TEXT];
	char **allow = target;
	size_t n = 0, used = 0;

	(void)field;
	if (!reader_expect(r, node, NODE_LIST, "a list of networks"))
		return;
	for (const struct node *item = node->first; item; item = item->next, n++) {
		size_t mark = reader_index(r, n);
		struct addr_prefix prefix;

		if (reader_text(r, &text_any, item) && prefix_parse(item->text, &prefix) < 0)
			reader_error(r, item, "192.0.2.7, 10.0.0.0/8, 2001:db8::/32",
				     "%s is no address or network", problem_quote(item->text).text);
		else if (item->kind == NODE_SCALAR && used < ALLOW_TEXT)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? " " : "", prefix_format(&prefix, clean));
		reader_up(r, mark);
	}
	if (n == 0 || n > ALLOW_MAX || used >= ALLOW_TEXT)
		reader_error(r, node, "put them into a wider network",
			     "1 to %d networks, of %d characters together", ALLOW_MAX,
			     ALLOW_TEXT - 1);
	else if (used)
		*allow = strdup(text);
}
static const struct field action_fields[] = {
	{"do", read_word, ACTION(verb), WORDS(verb_words, NULL), 0, 0, FIELD_REQUIRED},
	{"run", read_word_bool, ACTION(automatic), WORDS(run_words, NULL), 0, 0, 0},
	{"ttl", read_seconds, ACTION(ttl_s), NULL, 60, 30 * DAY_S, 0},
	{"expires", read_seconds, ACTION(expires_s), NULL, 60, 7 * DAY_S, 0},
	{"allow", read_allow, ACTION(allow), NULL, 1, ALLOW_MAX, 0},
	{"workload", read_text, ACTION(workload), &text_any, 0, 0, 0},
};
const struct shape shape_playbook_action = {"an action", "playbookAction", action_fields,
					    ARRAY_SIZE(action_fields)};

/* A verb says what it needs, and has nothing of another's. */
static void check_action(struct reader *r, const struct node *item,
			 const struct policy_playbook_action *action)
{
	bool lockdown = action->verb == POLICY_VERB_LOCKDOWN,
	     kill = action->verb == POLICY_VERB_KILL;

	if (item->kind != NODE_MAP || !node_member(item, "do"))
		return;
	if (lockdown != !!node_member(item, "allow"))
		reader_error(r, item, "allow: [10.0.0.0/8]", "%s",
			     lockdown ? "a lockdown says who passes: 'allow' is missing"
				      : "'allow' goes with do: lockdown only");
	if (kill != !!node_member(item, "workload"))
		reader_error(r, item, "workload: cgroup:/system.slice/agent.service", "%s",
			     kill ? "a kill says what: 'workload' is missing"
				  : "'workload' goes with do: kill only");
}

static void read_actions(struct reader *r, const struct field *field, const struct node *node,
			 void *target)
{
	struct policy_playbook *playbook = target;
	size_t i = 0;

	if (!reader_list(r, node, field->min, field->max, "a list of actions",
			 sizeof(*playbook->actions), &playbook->actions))
		return;
	for (const struct node *item = node->first; item; item = item->next, i++) {
		struct policy_playbook_action *action = &playbook->actions[i];
		size_t mark = reader_index(r, i);

		action->expires_s = POLICY_PROPOSAL_EXPIRES_S;
		playbook->n_actions = i + 1; /* what is freed if the rest is faulty */
		reader_map(r, field->arg, item, action);
		check_action(r, item, action);
		if (action->automatic && !r->policy->containment_auto.n)
			reader_note(r, item, &action_fields[1],
				    "run: auto only proposes while containment.auto names no "
				    "priority");
		reader_up(r, mark);
	}
	playbook->n_actions = i;
}

#define PLAYBOOK(member) offsetof(struct policy_playbook, member)
static const struct field playbook_fields[] = {
	{"name", read_text, PLAYBOOK(name), &text_name, 0, 0, FIELD_REQUIRED},
	{"alerts", read_bits, PLAYBOOK(alerts), &alert_words, 0, 0, 0},
	{"priorities", read_bits, PLAYBOOK(priorities), WORDS(priority_words, NULL), 0, 0, 0},
	{"actions", read_actions, 0, &shape_playbook_action, 1, POLICY_PLAYBOOK_ACTIONS_MAX,
	 FIELD_REQUIRED},
};
const struct shape shape_playbook = {"a playbook", "playbook", playbook_fields,
				     ARRAY_SIZE(playbook_fields)};

void read_playbooks(struct reader *r, const struct field *field, const struct node *node,
		    void *target)
{
	struct policy *policy = target;
	size_t i = 0;

	if (!reader_list(r, node, field->min, field->max, "a list of playbooks",
			 sizeof(*policy->playbooks), &policy->playbooks))
		return;
	for (const struct node *item = node->first; item; item = item->next, i++) {
		struct policy_playbook *playbook = &policy->playbooks[i];
		size_t mark = reader_index(r, i);

		policy->n_playbooks = i + 1;
		reader_map(r, &shape_playbook, item, playbook);
		for (size_t k = 0; playbook->name && k < i; k++)
			if (policy->playbooks[k].name &&
			    strcmp(policy->playbooks[k].name, playbook->name) == 0)
				reader_error_at(r, item, "name", NULL,
						"there is a playbook %s already",
						problem_quote(playbook->name).text);
		reader_up(r, mark);
	}
}
