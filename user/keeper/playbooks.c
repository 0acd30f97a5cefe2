/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/playbooks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/duration.h"
#include "user/keeper/incidents.h"
#include "user/keeper/kills.h"
#include "user/keeper/open_cut.h"
#include "user/keeper/persist.h"
#include "user/keeper/playbook_blast.h"

#define ACTOR "playbook"

/* ---------------------------------------------------------------------------------------------
 * The verbs
 */
static void tell(struct keeper *keeper, const struct action *action, const char *who,
		 const char *what, const char *because)
{
	char text[480];

	snprintf(text, sizeof(text), "%s: %s %.200s (playbook %s, action %u)%s%.180s", what,
		 playbook_verb_name(action->verb), action->target, action->playbook, action->id,
		 *because ? ": " : "", because);
	incidents_record(keeper->incidents, action->incident, clock_wall_ns(), "action", who, text);
	records_note(keeper, EVENT_INCIDENT, ACTOR, "incident %u %s: %s %.40s", action->incident,
		     what, playbook_verb_name(action->verb), action->target);
}

static void audit(struct keeper *keeper, const struct action *action, const char *what)
{
	audit_write(keeper->audit, &(struct audit_actor){.origin = ACTOR}, what, NULL,
		    action_json(action));
}

static int put_block(struct keeper *keeper, struct action *action, const char *reason)
{
	struct decision_ask ask = {.set = GL_SET_BAN, .ttl_s = action->ttl_s, .origin = ACTOR};
	const struct decision *made;
	int r = 0;

	if (action->verb == POLICY_VERB_JA4)
		snprintf(ask.ja4, sizeof(ask.ja4), "%.*s", DECISION_JA4 - 1, action->target);
	else
		r = prefix_parse(action->target, &ask.prefix);

	snprintf(ask.reason, sizeof(ask.reason), "%s", reason);
	if (r == 0)
		r = decisions_put(keeper->decisions, &ask, clock_now(), &made);
	if (r == 0 && made->ja4[0])
		r = contain_ja4(keeper, made);
	if (r == 0) {
		action->decision = made->id;
		open_cut_decision(keeper, made);
	}
	return r;
}

/* Verbs whose decision is about a source or a fingerprint. */
static bool is_ban(const struct action *action)
{
	return action->verb == POLICY_VERB_BLOCK || action->verb == POLICY_VERB_JA4;
}

static int act(struct keeper *keeper, struct action *action, const char *who, bool automatic)
{
	char reason[DECISION_REASON];
	const struct subject *made;
	struct action_subject s;
	int r;

	snprintf(reason, sizeof(reason), "incident %u, playbook %s", action->incident,
		 action->playbook);
	if (is_ban(action)) {
		r = put_block(keeper, action, reason);
	} else {
		playbook_subject(keeper, action, reason, &s);
		r = subjects_put(keeper->subjects, &s.ask, clock_now(), &made);
		if (r >= 0) {
			action->decision = made->id;
			open_cut_subject(keeper, made);
			if (action->verb == POLICY_VERB_KILL)
				r = kills_follow(keeper);
		}
	}
	action->state = r < 0 ? ACTION_FAILED : ACTION_DONE;
	action->automatic = automatic;
	action->decided_ns = clock_wall_ns();
	action->dirty = true;
	snprintf(action->who, sizeof(action->who), "%s", who);
	if (r < 0)
		snprintf(action->why, sizeof(action->why), "%s", strerror(-r));
	persist_decisions(keeper);
	tell(keeper, action, who,
	     r < 0       ? "failed"
	     : automatic ? "done at once"
			 : "approved",
	     r < 0 ? action->why : "");
	audit(keeper, action, r < 0 ? "playbook failed" : "playbook action");
	return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------------------------------
 * Proposing
 */
static bool is_allowed(const struct policy *policy, unsigned priority)
{
	for (size_t i = 0; i < policy->containment_auto.n; i++)
		if (incident_priority_find(policy->containment_auto.items[i]) == (int)priority)
			return true;
	return false;
}

static void decide(struct keeper *keeper, const struct policy *policy,
		   const struct incident *incident, struct action *action, bool automatic)
{
	char why[PROTECT_WHY];
	struct playbook_facts facts = {
		.automatic = automatic,
		.allowed = is_allowed(policy, incident->priority),
		.enforcing = kern_control(keeper->kern)->mode == GL_MODE_ENFORCE,
		.protected_by = playbook_protected_by(keeper, action, why),
	};
	enum playbook_verdict verdict;

	playbooks_measure(keeper, action);
	facts.hit = action->hit;
	facts.good = action->good;
	facts.clients = action->clients;
	verdict = playbook_judge(&facts, action->why);
	if (verdict == PLAYBOOK_DO && !escalate_take(keeper->escalate, clock_boot_ns())) {
		facts.ceiling = true;
		verdict = playbook_judge(&facts, action->why);
	}
	action->dirty = true;
	if (verdict == PLAYBOOK_DO) {
		act(keeper, action, ACTOR, true);
		return;
	}
	if (verdict == PLAYBOOK_NEVER)
		action->state = ACTION_REFUSED;
	tell(keeper, action, ACTOR, verdict == PLAYBOOK_NEVER ? "never done" : "proposed",
	     action->why);
}

static void propose(struct keeper *keeper, const struct policy *policy,
		    const struct incident *incident, const struct policy_playbook *playbook,
		    const struct policy_playbook_action *what, const char *target)
{
	int64_t now_ns = clock_wall_ns();
	struct action action = {
		.incident = incident->id,
		.verb = what->verb,
		.state = ACTION_PROPOSED,
		.ttl_s = what->ttl_s ? what->ttl_s : policy->containment_ttl_s,
		.created_ns = now_ns,
		.expires_ns = now_ns + (int64_t)what->expires_s * (int64_t)CLOCK_NS_PER_S,
	};
	struct action *added;

	if (!*target || actions_find(keeper->actions, incident->id, what->verb, target))
		return;
	snprintf(action.playbook, sizeof(action.playbook), "%s", playbook->name);
	snprintf(action.target, sizeof(action.target), "%s", target);
	added = actions_add(keeper->actions, &action);
	if (added)
		decide(keeper, policy, incident, added, what->automatic);
}

/* What of an alert the verb is done to; "": nothing. */
static void target_of(struct keeper *keeper, const struct policy_playbook_action *what,
		      const struct incident_link *link, char out[PLAYBOOK_TARGET])
{
	unsigned verb = what->verb;
	struct addr_prefix prefix;
	char wrong[SUBJECT_MESSAGE];
	const char *ja4;

	*out = '\0';
	if (verb == POLICY_VERB_BLOCK && link->have_source) {
		prefix = prefix_of_source(&link->source);
		prefix_format(&prefix, out);
	} else if (verb == POLICY_VERB_SUSPEND && *link->service && *link->operation) {
		snprintf(out, PLAYBOOK_TARGET, "%s %s", link->service, link->operation);
	} else if (verb == POLICY_VERB_REVOKE && link->principal) {
		snprintf(out, PLAYBOOK_TARGET, "%016" PRIx64, link->principal);
	} else if (verb == POLICY_VERB_LOCKDOWN && *link->service && what->allow) {
		snprintf(out, PLAYBOOK_TARGET, "%s %s", link->service, what->allow);
	} else if (verb == POLICY_VERB_KILL && what->workload) {
		if (kills_parse(what->workload, out, PLAYBOOK_TARGET, wrong) < 0)
			*out = '\0';
	} else if (verb == POLICY_VERB_JA4 && link->have_source) {
		ja4 = tls_history_ja4(keeper->tls_history,
				      sources_last_hello(keeper->sources, &link->source));
		snprintf(out, PLAYBOOK_TARGET, "%s", ja4 ? ja4 : "");
	}
}

static void run_playbook(struct keeper *keeper, const struct policy *policy,
			 const struct incident *incident, const struct policy_playbook *playbook)
{
	const struct incident_link *link;
	char target[PLAYBOOK_TARGET];

	if (playbook->priorities && !(playbook->priorities & 1u << incident->priority))
		return;
	for (size_t i = 0; (link = incidents_link(keeper->incidents, incident->id, i)); i++) {
		int kind = alert_kind_find(link->kind);

		if (playbook->alerts && (kind < 0 || !(playbook->alerts & 1u << kind)))
			continue;
		for (size_t k = 0; k < playbook->n_actions; k++) {
			target_of(keeper, &playbook->actions[k], link, target);
			propose(keeper, policy, incident, playbook, &playbook->actions[k], target);
		}
	}
}

void playbooks_run(struct keeper *keeper, const struct incident *incident)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;

	if (!policy || !keeper->actions || incident->status == INCIDENT_CLOSED ||
	    !actions_load(keeper->actions) || !policy->n_playbooks ||
	    actions_full(keeper->actions, incident->id))
		return;
	for (size_t i = 0; i < policy->n_playbooks; i++)
		run_playbook(keeper, policy, incident, &policy->playbooks[i]);
}

/* ---------------------------------------------------------------------------------------------
 * People
 */
static int check_proposed(struct keeper *keeper, const struct action *action, char *why)
{
	const struct incident *incident;
	char time[CLOCK_TEXT];

	if (action->state == ACTION_EXPIRED ||
	    (action->state == ACTION_PROPOSED && clock_wall_ns() >= action->expires_ns)) {
		snprintf(why, PLAYBOOK_WHY, "action %u expired at %s: nobody decided in time",
			 action->id, clock_format(action->expires_ns, time));
		return -ETIME;
	}
	if (action->state != ACTION_PROPOSED) {
		snprintf(why, PLAYBOOK_WHY, "action %u is %s already", action->id,
			 action_state_name(action->state));
		return -EALREADY;
	}
	if (incidents_get(keeper->incidents, action->incident, &incident) == 0 &&
	    incident->status == INCIDENT_CLOSED) {
		snprintf(why, PLAYBOOK_WHY, "incident %u is closed", action->incident);
		return -EBUSY;
	}
	return 0;
}

int playbooks_approve(struct keeper *keeper, struct action *action, const char *who, bool dry_run,
		      char *why)
{
	char because[PROTECT_WHY];
	const char *guard;
	int r = check_proposed(keeper, action, why);

	if (r < 0)
		return r;
	guard = playbook_protected_by(keeper, action, because);
	if (guard) {
		snprintf(why, PLAYBOOK_WHY, "%.60s is protected: %.100s; block --force does it",
			 action->target, guard);
		return -EPERM;
	}
	playbooks_measure(keeper, action);
	if (dry_run)
		return 0;
	r = act(keeper, action, who, false);
	if (r < 0)
		snprintf(why, PLAYBOOK_WHY, "it could not be put in force: %s", strerror(-r));
	return r;
}

int playbooks_deny(struct keeper *keeper, struct action *action, const char *who,
		   const char *reason, bool dry_run, char *why)
{
	int r = check_proposed(keeper, action, why);

	if (r < 0 || dry_run)
		return r;
	action->state = ACTION_DENIED;
	action->decided_ns = clock_wall_ns();
	action->dirty = true;
	snprintf(action->who, sizeof(action->who), "%s", who);
	snprintf(action->why, sizeof(action->why), "%s", reason);
	tell(keeper, action, who, "denied", reason);
	audit(keeper, action, "playbook denied");
	return 0;
}

static int take_back(struct keeper *keeper, const struct action *action)
{
	const struct subject *subject;
	const struct decision *d;
	struct addr_prefix prefix;
	int r;

	if (action->verb == POLICY_VERB_JA4) {
		d = decisions_find_ja4(keeper->decisions, action->target);
		if (!d || d->id != action->decision || strcmp(d->origin, ACTOR) != 0)
			return 0;
		contain_ja4_end(keeper, action->target);
		return decisions_remove_ja4(keeper->decisions, action->target);
	}
	if (action->verb == POLICY_VERB_BLOCK) {
		if (prefix_parse(action->target, &prefix) < 0)
			return -EINVAL;
		d = decisions_find(keeper->decisions, GL_SET_BAN, &prefix);
		/* somebody else's by now: it stays */
		if (!d || d->id != action->decision || strcmp(d->origin, ACTOR) != 0)
			return 0;
		return decisions_remove(keeper->decisions, GL_SET_BAN, &prefix);
	}
	subject = subjects_by_id(keeper->subjects, action->decision);
	if (!subject || strcmp(subject->origin, ACTOR) != 0)
		return 0;
	r = subjects_remove(keeper->subjects, action->decision);
	if (action->verb == POLICY_VERB_KILL)
		kills_follow(keeper);
	return r;
}

int playbooks_undo(struct keeper *keeper, struct action *action, const char *who, bool dry_run,
		   char *why)
{
	int r;

	if (action->state != ACTION_DONE) {
		snprintf(why, PLAYBOOK_WHY, "action %u is %s: there is nothing to undo", action->id,
			 action_state_name(action->state));
		return -EALREADY;
	}
	if (dry_run)
		return 0;
	r = take_back(keeper, action);
	if (r < 0) {
		snprintf(why, PLAYBOOK_WHY, "it is still in force: %s", strerror(-r));
		return r;
	}
	action->state = ACTION_UNDONE;
	action->decided_ns = clock_wall_ns();
	action->dirty = true;
	snprintf(action->who, sizeof(action->who), "%s", who);
	persist_decisions(keeper);
	tell(keeper, action, who, "undone", "");
	audit(keeper, action, "playbook undone");
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Time
 */
static void tell_expired(const struct action *action, void *userdata)
{
	tell(userdata, action, ACTOR, "expired", "nobody decided in time");
}

void playbooks_tick(struct keeper *keeper)
{
	if (!keeper->actions || !actions_load(keeper->actions))
		return;
	actions_expire(keeper->actions, clock_wall_ns(), tell_expired, keeper);
	actions_save(keeper->actions);
}

json_t *action_json(const struct action *a)
{
	char id[16], incident[16], created[CLOCK_TEXT], expires[CLOCK_TEXT], decided[CLOCK_TEXT];

	snprintf(id, sizeof(id), "%u", a->id);
	snprintf(incident, sizeof(incident), "%u", a->incident);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:s, s:s, s:o, s:s, s:s,"
			 " s:{s:I, s:I, s:I, s:i}}",
			 "id", id, "incident", incident, "do", playbook_verb_name(a->verb),
			 "target", a->target, "state", action_state_name(a->state), "automatic",
			 a->automatic, "playbook", a->playbook, "ttlSeconds", (json_int_t)a->ttl_s,
			 "createdAt", clock_format(a->created_ns, created), "expiresAt",
			 clock_format(a->expires_ns, expires), "decidedAt",
			 a->decided_ns ? json_string(clock_format(a->decided_ns, decided))
				       : json_null(),
			 "who", a->who, "why", a->why, "blast", "hit", (json_int_t)a->hit, "good",
			 (json_int_t)a->good, "clients", (json_int_t)a->clients, "minutes", 10);
}
