/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/store/incidents.h"

#include <errno.h>
#include <stdio.h>

#include "user/base/cleanup.h"
#include "user/store/store_private.h"

int store_put_incident(struct store *store, const struct store_incident *i)
{
	return store_change(store, "incident",
			    "INSERT OR REPLACE INTO incidents VALUES"
			    " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			    "iiiiiiiittttiiiiiiiiiiiiiiiii", i->id, i->status, i->priority,
			    i->priority_manual, i->resolution, i->merged_into, i->split_from,
			    i->follows, i->title, i->service, i->assignee, i->origin, i->opened_ns,
			    i->clock_ns, i->first_ns, i->last_ns, i->triaged_ns, i->root_cause_ns,
			    i->reached_ns[0], i->reached_ns[1], i->reached_ns[2], i->reached_ns[3],
			    i->reached_ns[4], i->reached_ns[5], i->told, i->alerts, i->evidence,
			    i->evidence_told, i->needs_root_cause);
}

int store_put_incident_alert(struct store *store, const struct store_incident_alert *a)
{
	return store_change(store, "incident's alert",
			    "INSERT OR REPLACE INTO incident_alerts VALUES"
			    " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			    "iitttttttiiiiii", a->alert, a->incident, a->kind, a->pattern,
			    a->control, a->service, a->operation, a->subject, a->source,
			    a->severity, a->principal, a->count, a->shared, a->first_ns,
			    a->last_ns);
}

int store_add_incident_entry(struct store *store, const struct store_incident_entry *e)
{
	return store_change(store, "timeline",
			    "INSERT INTO incident_entries (incident, time, kind, actor, text)"
			    " VALUES (?,?,?,?,?)",
			    "iittt", e->incident, e->time_ns, e->kind, e->actor, e->text);
}

int store_put_incident_task(struct store *store, const struct store_incident_task *t)
{
	return store_change(store, "task",
			    "INSERT OR REPLACE INTO incident_tasks VALUES (?,?,?,?,?,?,?,?,?)",
			    "iiittiiii", t->incident, t->number, t->state, t->owner, t->text,
			    t->created_ns, t->due_ns, t->done_ns, t->told);
}

int store_put_incident_action(struct store *store, const struct store_incident_action *a)
{
	return store_change(store, "action",
			    "INSERT OR REPLACE INTO incident_actions VALUES"
			    " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			    "iiiiiiiiiiiiitttt", a->id, a->incident, a->verb, a->state,
			    a->automatic, a->ttl_s, a->decision, a->hit, a->good, a->clients,
			    a->created_ns, a->expires_ns, a->decided_ns, a->playbook, a->target,
			    a->why, a->who);
}

/* ---------------------------------------------------------------------------------------------
 * Lists
 */
#define EACH "SELECT * FROM incidents WHERE "

static int begin_incidents(struct store *store, const struct store_incident_query *q,
			   struct store_list *ret_list)
{
	char sql[256];
	int r;

	if (q->open)
		return store_list_begin(store, EACH "status < 5 ORDER BY id", ret_list);
	snprintf(sql, sizeof(sql), EACH "%s%s%s%s ORDER BY id DESC LIMIT ?",
		 q->id ? "id = ?" : "id < ?", q->status >= 0 ? " AND status = ?" : "",
		 q->priority ? " AND priority = ?" : "", q->service ? " AND service = ?" : "");
	r = store_list_begin(store, sql, ret_list);
	if (r < 0)
		return r;
	store_list_bind(ret_list, q->id ? q->id : q->before ? q->before : INT64_MAX);
	if (q->status >= 0)
		store_list_bind(ret_list, q->status);
	if (q->priority)
		store_list_bind(ret_list, q->priority);
	if (q->service)
		store_list_bind_text(ret_list, q->service);
	store_list_bind(ret_list, q->id ? 1 : (int64_t)q->max);
	return 0;
}

int store_each_incident(struct store *store, const struct store_incident_query *query,
			void (*fn)(const struct store_incident *incident, void *userdata),
			void *userdata)
{
	struct store_list l;
	int r = begin_incidents(store, query, &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		struct store_incident i = {
			.id = store_list_number(&l, 0),
			.status = store_list_number(&l, 1),
			.priority = store_list_number(&l, 2),
			.priority_manual = store_list_number(&l, 3),
			.resolution = store_list_number(&l, 4),
			.merged_into = store_list_number(&l, 5),
			.split_from = store_list_number(&l, 6),
			.follows = store_list_number(&l, 7),
			.title = store_list_text(&l, 8),
			.service = store_list_text(&l, 9),
			.assignee = store_list_text(&l, 10),
			.origin = store_list_text(&l, 11),
			.opened_ns = store_list_number(&l, 12),
			.clock_ns = store_list_number(&l, 13),
			.first_ns = store_list_number(&l, 14),
			.last_ns = store_list_number(&l, 15),
			.triaged_ns = store_list_number(&l, 16),
			.root_cause_ns = store_list_number(&l, 17),
			.told = store_list_number(&l, 24),
			.alerts = store_list_number(&l, 25),
			.evidence = store_list_number(&l, 26),
			.evidence_told = store_list_number(&l, 27),
			.needs_root_cause = store_list_number(&l, 28),
		};

		for (int k = 0; k < STORE_INCIDENT_TIMES; k++)
			i.reached_ns[k] = store_list_number(&l, 18 + k);
		fn(&i, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_incident_alert(struct store *store, int64_t incident, size_t max,
			      void (*fn)(const struct store_incident_alert *alert, void *userdata),
			      void *userdata)
{
	struct store_list l;
	int r = store_list_begin(
		store, "SELECT * FROM incident_alerts WHERE incident = ? ORDER BY alert LIMIT ?",
		&l);

	if (r < 0)
		return r;
	store_list_bind(&l, incident);
	store_list_bind(&l, (int64_t)max);
	while (store_list_next(&l)) {
		const struct store_incident_alert a = {
			.alert = store_list_number(&l, 0),
			.incident = store_list_number(&l, 1),
			.kind = store_list_text(&l, 2),
			.pattern = store_list_text(&l, 3),
			.control = store_list_text(&l, 4),
			.service = store_list_text(&l, 5),
			.operation = store_list_text(&l, 6),
			.subject = store_list_text(&l, 7),
			.source = store_list_text(&l, 8),
			.severity = store_list_number(&l, 9),
			.principal = store_list_number(&l, 10),
			.count = store_list_number(&l, 11),
			.shared = store_list_number(&l, 12),
			.first_ns = store_list_number(&l, 13),
			.last_ns = store_list_number(&l, 14),
		};

		fn(&a, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_incident_task(struct store *store, int64_t incident,
			     void (*fn)(const struct store_incident_task *task, void *userdata),
			     void *userdata)
{
	struct store_list l;
	int r = store_list_begin(
		store, "SELECT * FROM incident_tasks WHERE incident = ? ORDER BY number", &l);

	if (r < 0)
		return r;
	store_list_bind(&l, incident);
	while (store_list_next(&l)) {
		const struct store_incident_task t = {
			.incident = store_list_number(&l, 0),
			.number = store_list_number(&l, 1),
			.state = store_list_number(&l, 2),
			.owner = store_list_text(&l, 3),
			.text = store_list_text(&l, 4),
			.created_ns = store_list_number(&l, 5),
			.due_ns = store_list_number(&l, 6),
			.done_ns = store_list_number(&l, 7),
			.told = store_list_number(&l, 8),
		};

		fn(&t, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_incident_entry(struct store *store, int64_t incident, int64_t after, size_t max,
			      void (*fn)(const struct store_incident_entry *entry, void *userdata),
			      void *userdata)
{
	struct store_list l;
	int r = store_list_begin(
		store,
		"WITH RECURSIVE part(id) AS (VALUES (?1) UNION SELECT incidents.id FROM incidents,"
		" part WHERE merged_into = part.id AND merged_into > 0) SELECT id, incident, time, "
		"kind, actor, text"
		" FROM incident_entries WHERE incident IN part AND id > ?2 ORDER BY id LIMIT ?3",
		&l);

	if (r < 0)
		return r;
	store_list_bind(&l, incident);
	store_list_bind(&l, after);
	store_list_bind(&l, (int64_t)max);
	while (store_list_next(&l)) {
		const struct store_incident_entry e = {
			.id = store_list_number(&l, 0),
			.incident = store_list_number(&l, 1),
			.time_ns = store_list_number(&l, 2),
			.kind = store_list_text(&l, 3),
			.actor = store_list_text(&l, 4),
			.text = store_list_text(&l, 5),
		};

		fn(&e, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_incident_action(struct store *store, size_t max,
			       void (*fn)(const struct store_incident_action *action,
					  void *userdata),
			       void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store,
				 "SELECT * FROM (SELECT * FROM incident_actions ORDER BY id DESC"
				 " LIMIT ?) ORDER BY id",
				 &l);

	if (r < 0)
		return r;
	store_list_bind(&l, (int64_t)max);
	while (store_list_next(&l)) {
		const struct store_incident_action a = {
			.id = store_list_number(&l, 0),
			.incident = store_list_number(&l, 1),
			.verb = store_list_number(&l, 2),
			.state = store_list_number(&l, 3),
			.automatic = store_list_number(&l, 4),
			.ttl_s = store_list_number(&l, 5),
			.decision = store_list_number(&l, 6),
			.hit = store_list_number(&l, 7),
			.good = store_list_number(&l, 8),
			.clients = store_list_number(&l, 9),
			.created_ns = store_list_number(&l, 10),
			.expires_ns = store_list_number(&l, 11),
			.decided_ns = store_list_number(&l, 12),
			.playbook = store_list_text(&l, 13),
			.target = store_list_text(&l, 14),
			.why = store_list_text(&l, 15),
			.who = store_list_text(&l, 16),
		};

		fn(&a, userdata);
	}
	return store_list_end(store, &l);
}

int store_last_incident(struct store *store, int64_t *ret_id)
{
	struct store_list l;
	int64_t id = 0;
	int r = store_list_begin(store, "SELECT max(id) FROM incidents", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l))
		id = store_list_number(&l, 0);
	r = store_list_end(store, &l);
	if (r == 0)
		*ret_id = id;
	return r;
}
