/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incidents.h - incidents in the store: what they are, their alerts, timeline, tasks and the
 * actions taken for them. A part of store.h; called by user/respond and user/keeper.
 */
#pragma once

#include "user/store/store.h"

#define STORE_INCIDENT_TIMES 6 /* of reached: one each status */

struct store_incident {
	int64_t id, status, priority, priority_manual, resolution, merged_into, split_from, follows;
	const char *title, *service, *assignee, *origin;
	int64_t opened_ns, clock_ns, first_ns, last_ns, triaged_ns, root_cause_ns;
	int64_t reached_ns[STORE_INCIDENT_TIMES];
	int64_t told, alerts, evidence, evidence_told, needs_root_cause;
};
int store_put_incident(struct store *store, const struct store_incident *incident);

struct store_incident_alert {
	int64_t alert, incident, severity, principal, count, shared, first_ns, last_ns;
	const char *kind, *pattern, *control, *service, *operation, *subject;
	const char *source; /* "" = none */
};
int store_put_incident_alert(struct store *store, const struct store_incident_alert *alert);

struct store_incident_entry {
	int64_t id; /* given by the store */
	int64_t incident, time_ns;
	const char *kind, *actor, *text;
};
int store_add_incident_entry(struct store *store, const struct store_incident_entry *entry);

struct store_incident_task {
	int64_t incident, number, state, created_ns, due_ns, done_ns, told;
	const char *owner, *text;
};
int store_put_incident_task(struct store *store, const struct store_incident_task *task);

struct store_incident_action {
	int64_t id, incident, verb, state, automatic, ttl_s, decision, hit, good, clients,
		created_ns, expires_ns, decided_ns;
	const char *playbook, *target, *why, *who;
};
int store_put_incident_action(struct store *store, const struct store_incident_action *action);
/* The newest `max`, ascending by id. */
int store_each_incident_action(struct store *store, size_t max,
			       void (*fn)(const struct store_incident_action *action,
					  void *userdata),
			       void *userdata);

/*
 * Which incidents: those that are not closed (open), one (id), or a page, newest first, of ids
 * below `before` (0: from the newest). status, priority: -1 or 0 = any.
 */
struct store_incident_query {
	bool open; /* ascending by id, all of them */
	int64_t id, before, status, priority;
	const char *service; /* NULL = any */
	size_t max;
};
int store_each_incident(struct store *store, const struct store_incident_query *query,
			void (*fn)(const struct store_incident *incident, void *userdata),
			void *userdata);
/* Of one incident; alerts ascending by id, at most `max`. */
int store_each_incident_alert(struct store *store, int64_t incident, size_t max,
			      void (*fn)(const struct store_incident_alert *alert, void *userdata),
			      void *userdata);
int store_each_incident_task(struct store *store, int64_t incident,
			     void (*fn)(const struct store_incident_task *task, void *userdata),
			     void *userdata);
/* With those of the incidents that were merged into it; ascending, ids above `after`. */
int store_each_incident_entry(struct store *store, int64_t incident, int64_t after, size_t max,
			      void (*fn)(const struct store_incident_entry *entry, void *userdata),
			      void *userdata);
/* The highest id; 0: none. -EIO: it cannot be read. */
int store_last_incident(struct store *store, int64_t *ret_id);
