/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incident_store.c - incidents as rows of the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/utf8.h"
#include "user/respond/incident_private.h"
#include "user/store/incidents.h"

#define SETTLE_MS 100 /* for what is being written, before reading */

_Static_assert(STORE_INCIDENT_TIMES == INCIDENT_STATUS_MAX, "one time each status");

/* ---------------------------------------------------------------------------------------------
 * Into the store
 */
static void put_incident(struct store *store, const struct incident *i)
{
	struct store_incident row = {
		.id = i->id,
		.status = i->status,
		.priority = i->priority,
		.priority_manual = i->priority_manual,
		.resolution = i->resolution,
		.merged_into = i->merged_into,
		.split_from = i->split_from,
		.follows = i->follows,
		.title = i->title,
		.service = i->service,
		.assignee = i->assignee,
		.origin = i->origin,
		.opened_ns = i->opened_ns,
		.clock_ns = i->clock_ns,
		.first_ns = i->first_ns,
		.last_ns = i->last_ns,
		.triaged_ns = i->triaged_ns,
		.root_cause_ns = i->root_cause_ns,
		.told = i->told,
		.alerts = i->alerts,
		.evidence = (int64_t)i->evidence,
		.evidence_told = i->evidence_told,
		.needs_root_cause = i->needs_root_cause,
	};

	memcpy(row.reached_ns, i->reached_ns, sizeof(row.reached_ns));
	store_put_incident(store, &row);
}

static void put_task(struct store *store, uint32_t incident, const struct incident_task *t)
{
	const struct store_incident_task row = {
		.incident = incident,
		.number = t->number,
		.state = t->state,
		.created_ns = t->created_ns,
		.due_ns = t->due_ns,
		.done_ns = t->done_ns,
		.told = t->told,
		.owner = t->owner,
		.text = t->text,
	};

	store_put_incident_task(store, &row);
}

static void put_link(struct store *store, const struct incident_link *l)
{
	char source[ADDR_TEXT] = "";
	const struct store_incident_alert row = {
		.alert = (int64_t)l->alert,
		.incident = l->incident,
		.severity = l->severity,
		.principal = (int64_t)l->principal,
		.count = (int64_t)l->count,
		.shared = l->shared,
		.first_ns = l->first_ns,
		.last_ns = l->last_ns,
		.kind = l->kind,
		.pattern = l->pattern,
		.control = l->control,
		.service = l->service,
		.operation = l->operation,
		.subject = l->subject,
		.source = l->have_source ? addr_format(&l->source, source) : source,
	};

	store_put_incident_alert(store, &row);
}

static void put_entry(struct store *store, const struct incident_entry *e)
{
	const struct store_incident_entry row = {
		.incident = e->incident,
		.time_ns = e->time_ns,
		.kind = e->kind,
		.actor = e->actor,
		.text = e->text,
	};

	store_add_incident_entry(store, &row);
}

static bool is_dirty(const struct incidents *t)
{
	if (t->n_entries)
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i]->dirty)
			return true;
	for (size_t i = 0; i < t->n_links; i++)
		if (t->links[i].dirty)
			return true;
	return false;
}

static void put_all(struct incidents *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct incident *incident = t->items[i];

		if (!incident->dirty)
			continue;
		put_incident(t->store, incident);
		for (size_t k = 0; k < incident->n_tasks; k++)
			if (incident->tasks[k].dirty)
				put_task(t->store, incident->id, &incident->tasks[k]);
	}
	for (size_t i = 0; i < t->n_links; i++)
		if (t->links[i].dirty)
			put_link(t->store, &t->links[i]);
	for (size_t i = 0; i < t->n_entries; i++)
		put_entry(t->store, &t->entries[i]);
}

static void all_stored(struct incidents *t)
{
	for (size_t i = 0; i < t->n_links; i++)
		t->links[i].dirty = false;
	for (size_t i = 0; i < t->n_entries; i++) {
		free(t->entries[i].actor);
		free(t->entries[i].text);
	}
	t->n_entries = 0;
	for (size_t i = t->n; i-- > 0;) {
		struct incident *incident = t->items[i];

		incident->dirty = false;
		for (size_t k = 0; k < incident->n_tasks; k++)
			incident->tasks[k].dirty = false;
		if (incident->status == INCIDENT_CLOSED)
			incident_drop(t, incident);
	}
}

int incidents_save(struct incidents *incidents)
{
	int r;

	/* what is stored already has the ids below; until it was read, nothing may be written */
	if (!incidents->loaded && !incidents_load(incidents))
		return -EIO;
	if (!is_dirty(incidents)) {
		all_stored(incidents); /* closed ones somebody looked at */
		return 0;
	}
	r = store_begin(incidents->store);
	if (r < 0)
		return r;
	put_all(incidents);
	r = store_commit(incidents->store);
	if (r == 0)
		all_stored(incidents);
	return r;
}

void incidents_unstored(struct incidents *incidents)
{
	for (size_t i = 0; i < incidents->n; i++) {
		incidents->items[i]->dirty = true;
		for (size_t k = 0; k < incidents->items[i]->n_tasks; k++)
			incidents->items[i]->tasks[k].dirty = true;
	}
	for (size_t i = 0; i < incidents->n_links; i++)
		incidents->links[i].dirty = true;
}

/* ---------------------------------------------------------------------------------------------
 * From the store
 */
struct reading {
	struct incidents *incidents;
	struct incident *last; /* that was read */
	int error;
};

static void read_task(const struct store_incident_task *row, void *userdata)
{
	struct reading *reading = userdata;
	struct incident *incident = reading->last;
	struct incident_task *grown;

	if (incident->n_tasks == INCIDENT_TASKS_MAX || row->state < 0 ||
	    row->state >= INCIDENT_TASK_MAX)
		return;
	grown = reallocarray(incident->tasks, incident->n_tasks + 1, sizeof(*grown));
	if (!grown) {
		reading->error = -ENOMEM;
		return;
	}
	incident->tasks = grown;
	grown += incident->n_tasks++;
	*grown = (struct incident_task){
		.number = (uint32_t)incident->n_tasks,
		.state = (enum incident_task_state)row->state,
		.created_ns = clock_wall_read(row->created_ns),
		.due_ns = clock_wall_read(row->due_ns),
		.done_ns = clock_wall_read(row->done_ns),
		.told = row->told != 0,
	};
	utf8_copy(grown->owner, sizeof(grown->owner), row->owner);
	utf8_copy(grown->text, sizeof(grown->text), row->text);
}

static void read_alert(const struct store_incident_alert *row, void *userdata)
{
	struct reading *reading = userdata;
	struct incidents *t = reading->incidents;
	struct incident_link *link = &t->links[t->n_links];

	if (t->n_links == INCIDENT_LINKS_MAX)
		return;
	*link = (struct incident_link){
		.incident = (uint32_t)row->incident,
		.alert = (uint64_t)row->alert,
		.principal = (uint64_t)row->principal,
		.count = (uint64_t)row->count,
		.have_source = *row->source && addr_parse(row->source, &link->source) == 0,
		.shared = row->shared != 0,
		.severity = (unsigned)row->severity,
		.first_ns = clock_wall_read(row->first_ns),
		.last_ns = clock_wall_read(row->last_ns),
	};
	if (link->have_source)
		addr_parse(row->source, &link->source);
	utf8_copy(link->kind, sizeof(link->kind), row->kind);
	utf8_copy(link->pattern, sizeof(link->pattern), row->pattern);
	utf8_copy(link->control, sizeof(link->control), row->control);
	utf8_copy(link->service, sizeof(link->service), row->service);
	utf8_copy(link->operation, sizeof(link->operation), row->operation);
	utf8_copy(link->subject, sizeof(link->subject), row->subject);
	t->n_links++;
	reading->last->n_links++;
}

static void read_incident(const struct store_incident *row, void *userdata)
{
	struct reading *reading = userdata;
	struct incident *i;

	if (row->status < 0 || row->status >= INCIDENT_STATUS_MAX || row->id <= 0 ||
	    row->id > UINT32_MAX || row->priority < 0 || row->priority > 4 || row->resolution < 0 ||
	    row->resolution >= INCIDENT_RESOLUTION_MAX)
		return;
	i = calloc(1, sizeof(*i));
	if (!i) {
		reading->error = -ENOMEM;
		return;
	}
	*i = (struct incident){
		.id = (uint32_t)row->id,
		.status = (enum incident_status)row->status,
		.priority = (unsigned)row->priority,
		.priority_manual = row->priority_manual != 0,
		.resolution = (enum incident_resolution)row->resolution,
		.merged_into = (uint32_t)row->merged_into,
		.split_from = (uint32_t)row->split_from,
		.follows = (uint32_t)row->follows,
		.opened_ns = clock_wall_read(row->opened_ns),
		.clock_ns = clock_wall_read(row->clock_ns),
		.first_ns = clock_wall_read(row->first_ns),
		.last_ns = clock_wall_read(row->last_ns),
		.triaged_ns = clock_wall_read(row->triaged_ns),
		.root_cause_ns = clock_wall_read(row->root_cause_ns),
		.told = (uint32_t)row->told,
		.alerts = (uint32_t)row->alerts,
		.evidence = (uint64_t)row->evidence,
		.evidence_told = (enum incident_status)row->evidence_told,
		.needs_root_cause = row->needs_root_cause != 0,
	};
	for (size_t n = 0; n < ARRAY_SIZE(i->reached_ns); n++)
		i->reached_ns[n] = clock_wall_read(row->reached_ns[n]);
	utf8_copy(i->title, sizeof(i->title), row->title);
	utf8_copy(i->service, sizeof(i->service), row->service);
	utf8_copy(i->assignee, sizeof(i->assignee), row->assignee);
	utf8_copy(i->origin, sizeof(i->origin), row->origin);
	if (incident_find(reading->incidents, i->id) ||
	    incident_insert(reading->incidents, i) < 0) {
		free(i);
		return;
	}
	reading->last = i;
}

/* What belongs to the incident that was read last. */
static int read_parts(struct reading *reading, struct incident *incident)
{
	struct store *store = reading->incidents->store;
	int r;

	reading->last = incident;
	r = store_each_incident_task(store, incident->id, read_task, reading);
	if (r == 0)
		r = store_each_incident_alert(store, incident->id, INCIDENT_LINKS_EACH, read_alert,
					      reading);
	return r < 0 ? r : reading->error;
}

int incident_store_read(struct incidents *incidents, uint32_t id, struct incident **ret_incident)
{
	const struct store_incident_query query = {.id = id, .status = -1};
	struct reading reading = {.incidents = incidents};
	int r;

	/* what was closed a moment ago may be on its way */
	store_settle(incidents->store, SETTLE_MS);
	if (store_trouble(incidents->store))
		return id < incidents->next_id ? -EIO : -ENOENT;
	r = store_each_incident(incidents->store, &query, read_incident, &reading);
	if (r == 0)
		r = reading.error;
	if (r == 0 && !reading.last)
		r = -ENOENT;
	if (r == 0)
		r = read_parts(&reading, reading.last);
	if (r < 0)
		return r;
	*ret_incident = reading.last;
	return 0;
}

/* Incidents were opened while the store could not be read: their ids begin after its own. */
static void renumber(struct incidents *t, uint32_t by)
{
	for (size_t i = 0; i < t->n; i++) {
		t->items[i]->id += by;
		t->items[i]->dirty = true;
		if (t->items[i]->merged_into)
			t->items[i]->merged_into += by;
	}
	for (size_t i = 0; i < t->n_links; i++)
		t->links[i].incident += by;
	for (size_t i = 0; i < t->n_entries; i++)
		t->entries[i].incident += by;
	t->next_id += by;
}

bool incidents_load(struct incidents *incidents)
{
	const struct store_incident_query query = {.open = true};
	struct reading reading = {.incidents = incidents};
	int64_t last;

	if (incidents->loaded)
		return true;
	if (store_trouble(incidents->store) || store_last_incident(incidents->store, &last) < 0)
		return false;
	renumber(incidents, (uint32_t)last);
	if (store_each_incident(incidents->store, &query, read_incident, &reading) < 0)
		return false;
	for (size_t i = 0; i < incidents->n; i++)
		if (incidents->items[i]->id <= last)
			read_parts(&reading, incidents->items[i]);
	incidents->loaded = true;
	return true;
}
