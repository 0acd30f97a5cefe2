/* SPDX-License-Identifier: GPL-2.0-or-later */
/* approvals.c - what playbooks proposed and did, over the API: list, approve, deny, undo. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/keeper/incidents.h"
#include "user/keeper/playbooks.h"

static bool read_number(struct api_request *rq, const char *what, const char *text,
			uint32_t *ret_number)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && value > 0 && value <= UINT32_MAX) {
		*ret_number = (uint32_t)value;
		return true;
	}
	api_problem(rq, 400, "bad-id", NULL, "'%.32s' is not the number of %s", text, what);
	return false;
}

/* Oldest first. */
void api_approvals_list(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", "state", "incident", NULL};
	const char *state = json_string_value(json_object_get(rq->query, "state"));
	const char *incident = json_string_value(json_object_get(rq->query, "incident"));
	const struct actions *actions = rq->keeper->actions;
	int wanted = state ? action_state_find(state) : -1;
	const struct action *a;
	bool more = false;
	uint32_t of = 0;
	uint64_t after;
	json_t *items;
	size_t limit;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after) ||
	    (incident && !read_number(rq, "an incident", incident, &of)))
		return;
	if (state && wanted < 0) {
		api_problem(rq, 400, "bad-state", NULL,
			    "'%.32s' is none of proposed, done, denied, expired, undone, refused, "
			    "failed",
			    state);
		return;
	}
	items = json_array();
	for (size_t i = 0; (a = actions_at(actions, i)); i++) {
		if (a->id <= after || (wanted >= 0 && (int)a->state != wanted) ||
		    (of && a->incident != of))
			continue;
		more = json_array_size(items) == limit;
		if (more)
			break;
		json_array_append_new(items, action_json(a));
	}
	api_page(rq, items, more);
}

static struct action *find(struct api_request *rq)
{
	struct action *action;
	uint32_t id;

	if (!read_number(rq, "an action", rq->parameter, &id))
		return NULL;
	action = actions_get(rq->keeper->actions, id);
	if (!action)
		api_problem(rq, 404, "no-such-action", NULL, "no action %u is remembered", id);
	return action;
}

static void finish(struct api_request *rq, int r, const struct action *action, bool dry_run,
		   const char *what, json_t *before, const char *why)
{
	json_t *after;

	if (r < 0) {
		json_decref(before);
		api_problem(rq, 409, "action-refused", NULL, "%s", why);
		return;
	}
	after = action_json(action);
	json_object_set_new(after, "dryRun", json_boolean(dry_run));
	if (dry_run) {
		json_decref(before);
	} else {
		actions_save(rq->keeper->actions);
		keeper_incidents_save(rq->keeper);
		api_changed(rq, EVENT_INCIDENT, what, before, json_incref(after), "%s %u: %s %.40s",
			    what, action->id, playbook_verb_name(action->verb), action->target);
	}
	api_reply(rq, 200, after);
}

static void actor_of(const struct api_request *rq, char who[32])
{
	snprintf(who, 32, "uid %u", (unsigned)rq->uid);
}

void api_approval_approve(struct api_request *rq)
{
	static const char *const members[] = {"dryRun", NULL};
	char why[PLAYBOOK_WHY] = "", who[32];
	struct action *action;
	bool dry_run;
	json_t *before;
	int r;

	if (!api_body_has_only(rq, members) || !api_body_bool(rq, "dryRun", &dry_run))
		return;
	action = find(rq);
	if (!action)
		return;
	actor_of(rq, who);
	before = action_json(action);
	r = playbooks_approve(rq->keeper, action, who, dry_run, why);
	finish(rq, r, action, dry_run, "approve", before, why);
}

void api_approval_deny(struct api_request *rq)
{
	static const char *const members[] = {"reason", "dryRun", NULL};
	char why[PLAYBOOK_WHY] = "", who[32];
	struct action *action;
	const char *reason;
	bool dry_run;
	json_t *before;
	int r;

	if (!api_body_has_only(rq, members) || !api_body_bool(rq, "dryRun", &dry_run) ||
	    !api_body_string(rq, "reason", false, &reason))
		return;
	if (reason && strlen(reason) >= PLAYBOOK_WHY) {
		api_problem(rq, 422, "bad-member", NULL, "'reason' is longer than %d bytes",
			    PLAYBOOK_WHY - 1);
		return;
	}
	action = find(rq);
	if (!action)
		return;
	actor_of(rq, who);
	before = action_json(action);
	r = playbooks_deny(rq->keeper, action, who, reason ? reason : "", dry_run, why);
	finish(rq, r, action, dry_run, "deny", before, why);
}

/* Undoes those of the list, the newest first; returns how many, stops at the first that fails. */
static int undo_all(struct api_request *rq, uint32_t incident, uint32_t one, bool dry_run,
		    json_t *items, char *why)
{
	char who[32];
	int n = 0;

	actor_of(rq, who);
	for (size_t i = actions_count(rq->keeper->actions); i-- > 0;) {
		struct action *action = actions_at(rq->keeper->actions, i);
		int r;

		if (action->incident != incident || (one && action->id != one) ||
		    (!one && action->state != ACTION_DONE))
			continue;
		r = playbooks_undo(rq->keeper, action, who, dry_run, why);
		if (r < 0)
			return r;
		json_array_append_new(items, action_json(action));
		n++;
	}
	return n;
}

/* One action of the incident, or all that are in force. */
void api_incident_undo(struct api_request *rq)
{
	static const char *const members[] = {"action", "dryRun", NULL};
	const struct incident *incident;
	char why[PLAYBOOK_WHY] = "";
	uint32_t one = 0, id;
	const char *text;
	bool dry_run;
	json_t *items, *body;
	int r;

	if (!api_body_has_only(rq, members) || !api_body_bool(rq, "dryRun", &dry_run) ||
	    !api_body_string(rq, "action", false, &text) ||
	    (text && !read_number(rq, "an action", text, &one)) ||
	    !api_incident_find(rq, &incident))
		return;
	id = incident->id;
	items = json_array();
	r = undo_all(rq, id, one, dry_run, items, why);
	actions_save(rq->keeper->actions);
	keeper_incidents_save(rq->keeper);
	if (r == 0)
		snprintf(why, sizeof(why),
			 one ? "incident %u has no such action"
			     : "incident %u has no action in force",
			 id);
	body = json_pack("{s:o, s:b}", "items", items, "dryRun", dry_run);
	if (json_array_size(items) && !dry_run)
		api_changed(rq, EVENT_INCIDENT, "incident undo", NULL, json_incref(body),
			    "incident undo %u: %zu actions", id, json_array_size(items));
	if (r > 0) {
		api_reply(rq, 200, body);
		return;
	}
	json_decref(body);
	api_problem(rq, r ? 409 : 404, "nothing-undone", NULL, "%s", why);
}
