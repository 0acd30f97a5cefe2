/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/playbook_blast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/inspect/transaction.h"
#include "user/keeper/kills.h"
#include "user/keeper/playbooks.h"
#include "user/keeper/traffic.h"

#define ACTOR     "playbook"
#define LATELY_NS (600ll * 1000000000) /* who was served in the last 10 minutes */
#define ROWS_MAX  10000 /* of stored requests that are looked at */
#define USERS_MAX 1024 /* sources that are told apart */

/* ---------------------------------------------------------------------------------------------
 * Whom it would hit
 */
struct users {
	struct gl_addr source[USERS_MAX];
	uint32_t n;
};

static bool note_user(const struct traffic_row *row, void *userdata)
{
	struct users *users = userdata;
	struct addr_prefix prefix = prefix_of_source(&row->source);

	if (row->status < 200 || row->status >= 400 || row->flags & TX_AGENT)
		return true;
	for (uint32_t i = 0; i < users->n; i++)
		if (addr_equal(&users->source[i], &prefix.addr))
			return true;
	if (users->n == USERS_MAX)
		return false;
	users->source[users->n++] = prefix.addr;
	return true;
}

/* Sources an operation, or a credential, served lately. */
static uint32_t users_of(struct keeper *keeper, const struct action *action)
{
	int64_t now_ns = clock_wall_ns();
	struct traffic_query query = {
		.from_ns = now_ns - LATELY_NS, .to_ns = now_ns, .max = ROWS_MAX};
	struct traffic_store *store;
	struct users *users;
	const char *space = strchr(action->target, ' ');
	char service[INCIDENT_NAME];
	uint32_t n;

	if (!keeper->traffic)
		return 0;
	users = calloc(1, sizeof(*users));
	if (!users)
		return UINT32_MAX; /* not known: everybody */
	store = traffic_store(keeper->traffic);
	if (action->verb == POLICY_VERB_REVOKE) {
		query.by = TRAFFIC_PRINCIPAL;
		query.principal = strtoull(action->target, NULL, 16);
	} else {
		query.by = TRAFFIC_OPERATION;
		snprintf(service, sizeof(service), "%.*s",
			 space ? (int)(space - action->target) : 0, action->target);
		query.service = traffic_name(store, service);
		query.operation = traffic_name(store, space ? space + 1 : "");
	}
	traffic_each(store, &query, note_user, users);
	n = users->n;
	free(users);
	return n;
}

/* Everybody served lately but for who passes: networks that overlap would be counted twice. */
static void measure_lockdown(struct keeper *keeper, struct action *action, uint64_t now_ns)
{
	char text[PLAYBOOK_TARGET], *network, *rest = NULL;
	struct addr_prefix none = {};
	uint32_t pass = 0, spare;

	sources_served(keeper->sources, &none, now_ns, &spare, &action->good);
	snprintf(text, sizeof(text), "%s", action->target);
	strtok_r(text, " ", &rest);
	while ((network = strtok_r(NULL, " ", &rest))) {
		struct addr_prefix prefix;
		uint32_t hit, all;

		if (prefix_parse(network, &prefix) < 0)
			continue;
		sources_served(keeper->sources, &prefix, now_ns, &hit, &all);
		pass += hit;
	}
	action->hit = pass < action->good ? action->good - pass : 0;
}

static void measure_ja4(struct keeper *keeper, struct action *action, uint64_t now_ns)
{
	uint64_t keys[16];
	size_t n = tls_history_keys(keeper->tls_history, action->target, keys, ARRAY_SIZE(keys));

	sources_with_hello(keeper->sources, keys, n, now_ns, &action->hit, &action->good);
}

void playbooks_measure(struct keeper *keeper, struct action *action)
{
	uint64_t now_ns = clock_boot_ns();
	struct addr_prefix prefix = {};

	if (action->verb == POLICY_VERB_LOCKDOWN) {
		measure_lockdown(keeper, action, now_ns);
		return;
	}
	if (action->verb == POLICY_VERB_JA4) {
		measure_ja4(keeper, action, now_ns);
		return;
	}
	if (action->verb == POLICY_VERB_KILL) {
		/* it may be what serves them: everybody */
		sources_served(keeper->sources, &prefix, now_ns, &action->hit, &action->good);
		action->hit = action->good;
		return;
	}

	if (action->verb == POLICY_VERB_BLOCK && prefix_parse(action->target, &prefix) == 0) {
		sources_served(keeper->sources, &prefix, now_ns, &action->hit, &action->good);
		action->clients = sources_clients(keeper->sources, &prefix.addr, now_ns);
		return;
	}
	sources_served(keeper->sources, &prefix, now_ns, &action->hit, &action->good);
	action->hit = users_of(keeper, action);
	if (action->good < action->hit)
		action->good = action->hit;
}

/* An operation nobody may take away: probes. */
static bool is_exempt(const struct keeper *keeper, const char *operation)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);
	int id = intern_find(apply_intern(keeper->apply), INTERN_OPERATION, operation);

	for (uint32_t i = 1; policy && id > 0 && i < policy->n_ops && i < GL_OPS_MAX; i++)
		if (policy->ops[i].id == id && policy->ops[i].cls < GL_CLASSES_MAX)
			return policy->classes[policy->ops[i].cls].flags & GL_CLASS_EXEMPT;
	return false;
}

/* A lockdown's networks are its detail. */
static void set_lockdown(struct keeper *keeper, const struct action *action,
			 struct action_subject *s)
{
	const char *space = strchr(action->target, ' ');
	unsigned n = 0;

	snprintf(s->text, sizeof(s->text), "%.*s", space ? (int)(space - action->target) : 0,
		 action->target);
	snprintf(s->detail, sizeof(s->detail), "%s", space ? space + 1 : "");
	for (const char *c = s->detail; *c; c++)
		n += *c == ' ';
	/* the host itself always passes */
	protect_own(keeper->protect, s->detail, sizeof(s->detail), SUBJECT_NETS - n - 1);
	s->ask.text = s->text;
	s->ask.detail = s->detail;
}

static struct subject_ask subject_of(const struct action *action, const char *reason)
{
	static const enum subject_kind kinds[POLICY_VERBS] = {
		[POLICY_VERB_SUSPEND] = SUBJECT_OPERATION,
		[POLICY_VERB_REVOKE] = SUBJECT_PRINCIPAL,
		[POLICY_VERB_LOCKDOWN] = SUBJECT_SERVICE,
		[POLICY_VERB_KILL] = SUBJECT_WORKLOAD,
	};

	return (struct subject_ask){
		.kind = kinds[action->verb],
		.text = action->target,
		.ttl_s = action->ttl_s,
		.origin = ACTOR,
		.reason = reason,
	};
}

void playbook_subject(struct keeper *keeper, const struct action *action, const char *reason,
		      struct action_subject *ret_subject)
{
	ret_subject->ask = subject_of(action, reason);
	if (action->verb == POLICY_VERB_LOCKDOWN)
		set_lockdown(keeper, action, ret_subject);
}

/* Who must not be shut out is not among those who pass. */
static const char *locks_out(struct keeper *keeper, const struct action *action,
			     struct action_subject *s, char why[PROTECT_WHY])
{
	struct addr_prefix networks[SUBJECT_NETS];
	char text[SUBJECT_TEXT], *network, *rest = NULL;
	unsigned n = 0;

	if (contain_refresh_protected(keeper, 10) < 0)
		return "whom to protect is unknown";
	set_lockdown(keeper, action, s);
	snprintf(text, sizeof(text), "%s", s->detail);
	for (network = strtok_r(text, " ", &rest); network && n < SUBJECT_NETS;
	     network = strtok_r(NULL, " ", &rest))
		n += prefix_parse(network, &networks[n]) == 0;
	if (protect_outside(keeper->protect, networks, n, why))
		return why;
	return subjects_try(keeper->subjects, &s->ask) < 0 ? "the policy has it no more" : NULL;
}

/* By which the host is reached, or the agent itself. */
static const char *spares_host(const struct action *action, char why[PROTECT_WHY])
{
	char wrong[SUBJECT_MESSAGE];

	if (kills_may(action->target, 0, wrong))
		return NULL;
	snprintf(why, PROTECT_WHY, "%.*s", PROTECT_WHY - 1, wrong);
	return why;
}

const char *playbook_protected_by(struct keeper *keeper, const struct action *action,
				  char why[PROTECT_WHY])
{
	struct action_subject s = {.ask = subject_of(action, "")};
	struct addr_prefix prefix;

	if (action->verb == POLICY_VERB_BLOCK) {
		if (prefix_parse(action->target, &prefix) < 0)
			return "it is no address";
		if (contain_refresh_protected(keeper, 10) < 0)
			return "whom to protect is unknown";
		return protect_hit(keeper->protect, &prefix, why) ? why : NULL;
	}
	if (action->verb == POLICY_VERB_JA4)
		return NULL;
	if (action->verb == POLICY_VERB_LOCKDOWN)
		return locks_out(keeper, action, &s, why);
	if (action->verb == POLICY_VERB_KILL)
		return spares_host(action, why);
	if (action->verb == POLICY_VERB_SUSPEND && is_exempt(keeper, action->target))
		return "it is exempt from limits, as probes are";
	if (subjects_try(keeper->subjects, &s.ask) < 0)
		return "the policy has it no more";
	return NULL;
}
