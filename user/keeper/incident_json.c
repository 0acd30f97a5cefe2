/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incident_json.c - incidents as objects of the API. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/keeper/incidents.h"
#include "user/store/incidents.h"

static const char *const severities[] = {"info", "low", "medium", "high", "critical"};

static json_t *time_json(int64_t wall_ns)
{
	char text[CLOCK_TEXT];

	return wall_ns ? json_string(clock_format(wall_ns, text)) : json_null();
}

static json_t *id_json(uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, id);
	return id ? json_string(text) : json_null();
}

static json_t *due_json(enum incident_deadline deadline, const struct incident_due *due)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "name", incident_deadline_name(deadline),
			 "state", incident_due_name(due->state), "from", time_json(due->from_ns),
			 "warnAt", time_json(due->warn_ns), "dueAt", time_json(due->due_ns),
			 "metAt", time_json(due->met_ns));
}

static json_t *deadlines_json(const struct incidents *incidents, const struct incident *incident,
			      int64_t now_ns)
{
	json_t *list = json_array();

	for (unsigned d = 0; d < INCIDENT_DEADLINE_MAX; d++) {
		struct incident_due due;

		incidents_due(incidents, incident, d, now_ns, &due);
		if (due.due_ns)
			json_array_append_new(list, due_json(d, &due));
	}
	return list;
}

static json_t *phases_json(const struct incident *incident)
{
	json_t *list = json_array();

	for (unsigned s = 0; s < INCIDENT_STATUS_MAX; s++)
		if (incident->reached_ns[s])
			json_array_append_new(list, json_pack("{s:s, s:o}", "status",
							      incident_status_name(s), "at",
							      time_json(incident->reached_ns[s])));
	return list;
}

static json_t *tasks_json(const struct incident *incident)
{
	json_t *list = json_array();

	for (size_t i = 0; i < incident->n_tasks; i++) {
		const struct incident_task *t = &incident->tasks[i];

		json_array_append_new(
			list, json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o}", "number",
					(json_int_t)t->number, "state",
					incident_task_name(t->state), "owner", t->owner, "text",
					t->text, "createdAt", time_json(t->created_ns), "dueAt",
					time_json(t->due_ns), "doneAt", time_json(t->done_ns)));
	}
	return list;
}

static json_t *link_json(const struct incident_link *link)
{
	char source[PREFIX_TEXT], principal[32];
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "alert",
			      id_json(link->alert), "kind", link->kind, "pattern", link->pattern,
			      "control", link->control, "severity",
			      severities[link->severity > 4 ? 4 : link->severity], "service",
			      link->service, "operation", link->operation, "subject", link->subject,
			      "count", (json_int_t)link->count, "firstSeen",
			      time_json(link->first_ns), "lastSeen", time_json(link->last_ns));

	if (link->have_source) {
		const struct addr_prefix prefix = prefix_of_source(&link->source);

		json_object_set_new(o, "source", json_string(prefix_format(&prefix, source)));
		json_object_set_new(o, "shared", json_boolean(link->shared));
	}
	if (link->principal) {
		snprintf(principal, sizeof(principal), "key:%016" PRIx64, link->principal);
		json_object_set_new(o, "principal", json_string(principal));
	}
	return o;
}

static json_t *links_json(const struct incidents *incidents, const struct incident *incident)
{
	json_t *list = json_array();
	const struct incident_link *link;

	for (size_t i = 0; (link = incidents_link(incidents, incident->id, i)); i++)
		json_array_append_new(list, link_json(link));
	return list;
}

json_t *incident_json(const struct incidents *incidents, const struct incident *incident,
		      int64_t now_ns, bool whole)
{
	json_t *o = json_pack(
		"{s:o, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I}", "id",
		id_json(incident->id), "title", incident->title, "priority",
		incident_priority_name(incident->priority), "priorityByPerson",
		incident->priority_manual, "status", incident_status_name(incident->status),
		"resolution", incident_resolution_name(incident->resolution), "service",
		incident->service, "assignee", incident->assignee, "origin", incident->origin,
		"openedAt", time_json(incident->opened_ns), "firstSeen",
		time_json(incident->first_ns), "lastSeen", time_json(incident->last_ns), "alerts",
		(json_int_t)incident->alerts, "evidence", (json_int_t)incident->evidence);

	json_object_set_new(o, "mergedInto", id_json(incident->merged_into));
	json_object_set_new(o, "splitFrom", id_json(incident->split_from));
	json_object_set_new(o, "follows", id_json(incident->follows));
	json_object_set_new(o, "deadlines", deadlines_json(incidents, incident, now_ns));
	if (!whole)
		return o;
	json_object_set_new(o, "rootCauseAt", time_json(incident->root_cause_ns));
	json_object_set_new(o, "phases", phases_json(incident));
	json_object_set_new(o, "tasks", tasks_json(incident));
	json_object_set_new(o, "alertItems", links_json(incidents, incident));
	return o;
}

/* ---------------------------------------------------------------------------------------------
 * The timeline
 */
static void add_entry(const struct store_incident_entry *entry, void *userdata)
{
	char id[24], time[CLOCK_TEXT], of[24];

	snprintf(id, sizeof(id), "%" PRId64, entry->id);
	snprintf(of, sizeof(of), "%" PRId64, entry->incident);
	json_array_append_new(userdata,
			      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "incident", of,
					"time", clock_format(entry->time_ns, time), "kind",
					entry->kind, "actor", entry->actor, "text", entry->text));
}

int incident_timeline_json(struct keeper *keeper, uint32_t id, uint64_t after, size_t max,
			   json_t *items)
{
	int r = incidents_save(keeper->incidents);

	/* what is being written is part of it */
	store_settle(keeper->store, 100);
	if (r == 0)
		r = store_each_incident_entry(keeper->store, id, (int64_t)after, max, add_entry,
					      items);
	return r;
}
