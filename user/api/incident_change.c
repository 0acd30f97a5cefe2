/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_change.c - changing incidents over the API. Each is checked as a whole, stored and
 * audited before it is answered with the incident as it is then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/base/duration.h"
#include "user/keeper/incidents.h"

#define SPLIT_MAX INCIDENT_LINKS_EACH

/* One change under way. */
struct change {
	struct api_request *rq;
	struct incident_by by;
	char actor[32];
	uint32_t id;
	json_t *before;
};

/* As it is; the audit has no use for the alerts. */
static json_t *look(struct keeper *keeper, uint32_t id, bool whole)
{
	const struct incident *incident;

	return incidents_get(keeper->incidents, id, &incident) == 0
		       ? incident_json(keeper->incidents, incident, clock_wall_ns(), whole)
		       : NULL;
}

/* The request has only these members and, unless it opens one, names an incident. */
static bool begin(struct change *c, struct api_request *rq, const char *const *members, bool open)
{
	const struct incident *incident;

	*c = (struct change){.rq = rq};
	if (!api_body_has_only(rq, members) || !api_body_bool(rq, "dryRun", &c->by.dry_run) ||
	    (!open && !api_incident_find(rq, &incident)))
		return false;
	snprintf(c->actor, sizeof(c->actor), "uid %u", (unsigned)rq->uid);
	c->by.actor = c->actor;
	c->by.now_ns = clock_wall_ns();
	c->id = open ? 0 : incident->id;
	return true;
}

static int status_of(int r)
{
	switch (r) {
	case -ENOENT:
		return 404;
	case -EINVAL:
		return 422;
	case -EBUSY:
	case -EALREADY:
		return 409;
	default:
		return 503;
	}
}

/* Stores, audits, answers; or says why not. `before` was taken before the change. */
static void finish(struct change *c, int r, const char *what, json_t *before)
{
	struct keeper *keeper = c->rq->keeper;
	json_t *after;

	if (r < 0) {
		json_decref(before);
		api_problem(c->rq, status_of(r), "incident-refused", NULL, "%s", c->by.why);
		return;
	}
	if (c->by.dry_run) {
		json_t *body = before ? before : json_object();

		json_object_set_new(body, "dryRun", json_true());
		api_reply(c->rq, 200, body);
		return;
	}
	after = look(keeper, c->id, true);
	api_changed(c->rq, EVENT_INCIDENT, what, before, look(keeper, c->id, false), "%s %u: %.60s",
		    what, c->id, json_string_value(json_object_get(after, "title")));
	keeper_incidents_export(keeper, c->id, c->before != 0);
	keeper_incidents_save(keeper);
	api_reply(c->rq, c->before ? 200 : 201, after);
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static bool read_priority(struct api_request *rq, unsigned *ret_priority)
{
	const char *text;
	int found;

	if (!api_body_string(rq, "priority", true, &text))
		return false;
	found = incident_priority_find(text);
	if (found < 0) {
		api_problem(rq, 422, "bad-priority", NULL,
			    "priority is P1, P2, P3 or P4, not '%.32s'", text);
		return false;
	}
	*ret_priority = (unsigned)found;
	return true;
}

void api_incident_open(struct api_request *rq)
{
	static const char *const members[] = {"title", "priority", "service", "dryRun", NULL};
	const struct incident *incident = NULL;
	const char *title, *service;
	unsigned priority;
	struct change c;
	int r;

	if (!begin(&c, rq, members, true) || !api_body_string(rq, "title", true, &title) ||
	    !api_body_string(rq, "service", false, &service) || !read_priority(rq, &priority))
		return;
	r = incidents_open(rq->keeper->incidents, &c.by, title, priority, text_or_empty(service),
			   &incident);
	c.id = incident ? incident->id : 0;
	finish(&c, r, "incident open", NULL);
}

/* The rest change one that is there. */
#define BEGIN(c, rq, ...)                                                                          \
	static const char *const members[] = {__VA_ARGS__, "dryRun", NULL};                        \
	if (!begin(c, rq, members, false))                                                         \
	return

void api_incident_assign(struct api_request *rq)
{
	const char *assignee;
	struct change c;

	BEGIN(&c, rq, "assignee");
	if (!api_body_string(rq, "assignee", true, &assignee))
		return;
	c.before = look(rq->keeper, c.id, false);
	finish(&c, incidents_assign(rq->keeper->incidents, &c.by, c.id, assignee),
	       "incident assign", c.before);
}

void api_incident_priority(struct api_request *rq)
{
	unsigned priority;
	struct change c;

	BEGIN(&c, rq, "priority");
	if (!read_priority(rq, &priority))
		return;
	c.before = look(rq->keeper, c.id, false);
	finish(&c, incidents_prioritize(rq->keeper->incidents, &c.by, c.id, priority),
	       "incident priority", c.before);
}

void api_incident_note(struct api_request *rq)
{
	struct change c;
	const char *text;
	bool root_cause;

	BEGIN(&c, rq, "text", "rootCause");
	if (!api_body_string(rq, "text", true, &text) ||
	    !api_body_bool(rq, "rootCause", &root_cause))
		return;
	c.before = look(rq->keeper, c.id, false);
	finish(&c, incidents_note(rq->keeper->incidents, &c.by, c.id, root_cause, text),
	       root_cause ? "incident root cause" : "incident note", c.before);
}

void api_incident_phase(struct api_request *rq)
{
	const char *text, *reason;
	struct change c;
	int status;

	BEGIN(&c, rq, "status", "reason");
	if (!api_body_string(rq, "status", true, &text) ||
	    !api_body_string(rq, "reason", false, &reason))
		return;
	status = incident_status_find(text);
	if (status < 0) {
		api_problem(rq, 422, "bad-status", NULL,
			    "'%.32s' is none of contained, eradicated, recovered, post-incident",
			    text);
		return;
	}
	c.before = look(rq->keeper, c.id, false);
	finish(&c,
	       incidents_advance(rq->keeper->incidents, &c.by, c.id, (enum incident_status)status,
				 text_or_empty(reason)),
	       "incident phase", c.before);
}

void api_incident_close(struct api_request *rq)
{
	const char *text, *reason;
	struct change c;
	int resolution, r;

	BEGIN(&c, rq, "resolution", "reason");
	if (!api_body_string(rq, "resolution", true, &text) ||
	    !api_body_string(rq, "reason", true, &reason))
		return;
	resolution = incident_resolution_find(text);
	if (resolution < 0) {
		api_problem(rq, 422, "bad-resolution", NULL,
			    "'%.32s' is none of fixed, false-positive, duplicate, accepted", text);
		return;
	}
	c.before = look(rq->keeper, c.id, false);
	r = incidents_close(rq->keeper->incidents, &c.by, c.id,
			    (enum incident_resolution)resolution, reason);
	if (r == 0 && !c.by.dry_run)
		keeper_incidents_closed(rq->keeper, c.id, c.actor);
	finish(&c, r, "incident close", c.before);
}

void api_incident_reopen(struct api_request *rq)
{
	const char *reason;
	struct change c;

	BEGIN(&c, rq, "reason");
	if (!api_body_string(rq, "reason", true, &reason))
		return;
	c.before = look(rq->keeper, c.id, false);
	finish(&c, incidents_reopen(rq->keeper->incidents, &c.by, c.id, reason), "incident reopen",
	       c.before);
}

void api_incident_merge(struct api_request *rq)
{
	const char *text;
	struct change c;
	uint32_t other;

	BEGIN(&c, rq, "other");
	if (!api_body_string(rq, "other", true, &text) || !api_incident_number(rq, text, &other))
		return;
	c.before = look(rq->keeper, c.id, false);
	finish(&c, incidents_merge(rq->keeper->incidents, &c.by, c.id, other), "incident merge",
	       c.before);
}

/* "alerts": ["12", "14"] */
static bool read_alerts(struct api_request *rq, uint64_t alerts[SPLIT_MAX], size_t *ret_n)
{
	const json_t *list = json_object_get(rq->body, "alerts"), *item;
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n == 0 || n > SPLIT_MAX) {
		api_problem(rq, 422, "bad-member", NULL,
			    "'alerts' is a list of 1 to %d numbers of alerts", SPLIT_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(item = json_array_get(list, i));
		char *end = NULL;

		alerts[i] = text ? strtoull(text, &end, 10) : 0;
		if (text && *text >= '0' && *text <= '9' && !*end)
			continue;
		api_problem(rq, 422, "bad-member", NULL, "'%.32s' is not the number of an alert",
			    text                    ? text
			    : json_is_integer(item) ? "a number; write a string"
						    : "");
		return false;
	}
	*ret_n = n;
	return true;
}

void api_incident_split(struct api_request *rq)
{
	const struct incident *part = NULL;
	uint64_t alerts[SPLIT_MAX];
	struct change c;
	size_t n;
	int r;

	BEGIN(&c, rq, "alerts");
	if (!read_alerts(rq, alerts, &n))
		return;
	c.before = look(rq->keeper, c.id, false);
	r = incidents_split(rq->keeper->incidents, &c.by, c.id, alerts, n, &part);
	if (part) {
		for (size_t i = 0; i < n; i++)
			alerts_set_incident(rq->keeper->alerts, alerts[i], part->id);
		c.id = part->id; /* the answer is the new one */
	}
	finish(&c, r, "incident split", c.before);
}

/* "4h" from now, or a time. Absent: none. */
static bool read_due(struct api_request *rq, int64_t now_ns, int64_t *ret_due_ns)
{
	uint32_t seconds;
	const char *due;

	*ret_due_ns = 0;
	if (!api_body_string(rq, "due", false, &due))
		return false;
	if (!due || clock_parse(due, ret_due_ns) == 0)
		return true;
	if (duration_parse(due, &seconds) == 0) {
		*ret_due_ns = now_ns + (int64_t)seconds * (int64_t)CLOCK_NS_PER_S;
		return true;
	}
	api_problem(rq, 422, "bad-due", NULL,
		    "'%.40s' is neither a duration (4h, 2d) nor a time (2026-01-31T14:00:00Z)",
		    due);
	return false;
}

void api_incident_task(struct api_request *rq)
{
	const char *text, *owner;
	struct change c;
	int64_t due_ns;

	BEGIN(&c, rq, "text", "owner", "due");
	if (!api_body_string(rq, "text", true, &text) ||
	    !api_body_string(rq, "owner", false, &owner) || !read_due(rq, c.by.now_ns, &due_ns))
		return;
	c.before = look(rq->keeper, c.id, false);
	finish(&c,
	       incidents_task_add(rq->keeper->incidents, &c.by, c.id, text, text_or_empty(owner),
				  due_ns, NULL),
	       "incident task", c.before);
}

void api_incident_task_end(struct api_request *rq)
{
	const json_t *number;
	const char *text, *reason;
	struct change c;
	int state;

	BEGIN(&c, rq, "task", "state", "reason");
	number = json_object_get(rq->body, "task");
	if (!json_is_integer(number) || json_integer_value(number) < 1 ||
	    json_integer_value(number) > INCIDENT_TASKS_MAX) {
		api_problem(rq, 422, "bad-member", NULL, "'task' is the number of a task");
		return;
	}
	if (!api_body_string(rq, "state", true, &text) ||
	    !api_body_string(rq, "reason", false, &reason))
		return;
	state = incident_task_find(text);
	if (state != INCIDENT_TASK_DONE && state != INCIDENT_TASK_DROPPED) {
		api_problem(rq, 422, "bad-state", NULL, "'%.32s' is neither done nor dropped",
			    text);
		return;
	}
	c.before = look(rq->keeper, c.id, false);
	finish(&c,
	       incidents_task_end(rq->keeper->incidents, &c.by, c.id,
				  (uint32_t)json_integer_value(number),
				  (enum incident_task_state)state, text_or_empty(reason)),
	       "incident task end", c.before);
}
