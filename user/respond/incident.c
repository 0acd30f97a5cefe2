/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident.c - the table of incidents and their timeline's lines on the way to the store. What
 * changes them: incident_correlate.c (signals), incident_change.c (people), incident_clock.c
 * (time).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/incident_private.h"

int incidents_new(struct store *store, struct incidents **ret_incidents)
{
	struct incidents *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->links = calloc(INCIDENT_LINKS_MAX, sizeof(*t->links));
	t->entries = calloc(INCIDENT_WAITING_MAX, sizeof(*t->entries));
	if (!t->links || !t->entries) {
		incidents_free(t);
		return -ENOMEM;
	}
	t->store = store;
	t->defaults = POLICY_INCIDENTS_DEFAULT;
	t->rules = &t->defaults;
	t->next_id = 1;
	*ret_incidents = t;
	return 0;
}

static void incident_free(struct incident *incident)
{
	free(incident->tasks);
	free(incident);
}

void incidents_free(struct incidents *incidents)
{
	if (!incidents)
		return;
	for (size_t i = 0; i < incidents->n; i++)
		incident_free(incidents->items[i]);
	for (size_t i = 0; i < incidents->n_entries; i++) {
		free(incidents->entries[i].actor);
		free(incidents->entries[i].text);
	}
	free(incidents->items);
	free(incidents->links);
	free(incidents->entries);
	free(incidents);
}

void incidents_set_rules(struct incidents *incidents, const struct policy_incidents *rules)
{
	if (incidents)
		incidents->rules = rules ? rules : &incidents->defaults;
}

const struct policy_incidents *incidents_rules(const struct incidents *incidents)
{
	return incidents->rules;
}

/* ---------------------------------------------------------------------------------------------
 * The table
 */
size_t incidents_count(const struct incidents *incidents)
{
	return incidents->n;
}

const struct incident *incidents_at(const struct incidents *incidents, size_t i)
{
	return i < incidents->n ? incidents->items[i] : NULL;
}

struct incident_counts incidents_counts(const struct incidents *incidents)
{
	return incidents ? incidents->counts : (struct incident_counts){};
}

/* Where an id is, or would be. */
static size_t position(const struct incidents *t, uint32_t id)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->items[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct incident *incident_find(const struct incidents *incidents, uint32_t id)
{
	size_t at = position(incidents, id);

	return at < incidents->n && incidents->items[at]->id == id ? incidents->items[at] : NULL;
}

int incident_insert(struct incidents *incidents, struct incident *incident)
{
	size_t at = position(incidents, incident->id);

	if (incidents->n == incidents->room) {
		size_t room = incidents->room ? incidents->room * 2 : 64;
		struct incident **grown =
			reallocarray(incidents->items, room, sizeof(struct incident *));

		if (!grown)
			return -ENOMEM;
		incidents->items = grown;
		incidents->room = room;
	}
	memmove(&incidents->items[at + 1], &incidents->items[at],
		(incidents->n - at) * sizeof(struct incident *));
	incidents->items[at] = incident;
	incidents->n++;
	incidents->n_open += incident->status != INCIDENT_CLOSED;
	if (incident->id >= incidents->next_id)
		incidents->next_id = incident->id + 1;
	return 0;
}

void incident_drop(struct incidents *incidents, struct incident *incident)
{
	size_t at = position(incidents, incident->id);

	for (size_t i = 0; i < incidents->n_links;)
		if (incidents->links[i].incident == incident->id)
			incidents->links[i] = incidents->links[--incidents->n_links];
		else
			i++;
	memmove(&incidents->items[at], &incidents->items[at + 1],
		(incidents->n - at - 1) * sizeof(struct incident *));
	incidents->n--;
	incidents->n_open -= incident->status != INCIDENT_CLOSED;
	incident_free(incident);
}

struct incident *incident_add(struct incidents *incidents, int64_t now_ns, const char *origin)
{
	struct incident *incident = calloc(1, sizeof(*incident));

	if (!incident)
		return NULL;
	incident->id = incidents->next_id;
	incident->priority = 4;
	incident->opened_ns = incident->clock_ns = now_ns;
	incident->reached_ns[INCIDENT_OPEN] = now_ns;
	incident->dirty = true;
	snprintf(incident->origin, sizeof(incident->origin), "%s", origin);
	if (incident_insert(incidents, incident) < 0) {
		free(incident);
		return NULL;
	}
	incidents->counts.opened++;
	return incident;
}

int incident_wake(struct incidents *incidents, uint32_t id, struct incident **ret_incident)
{
	struct incident *incident = incident_find(incidents, id);
	int r;

	if (!incident) {
		r = incident_store_read(incidents, id, &incident);
		if (r < 0)
			return r;
	}
	*ret_incident = incident;
	return 0;
}

int incidents_get(struct incidents *incidents, uint32_t id, const struct incident **ret_incident)
{
	struct incident *incident;
	int r = incident_wake(incidents, id, &incident);

	if (r == 0)
		*ret_incident = incident;
	return r;
}

const struct incident_link *incidents_link(const struct incidents *incidents, uint32_t id, size_t i)
{
	for (size_t k = 0; k < incidents->n_links; k++)
		if (incidents->links[k].incident == id && i-- == 0)
			return &incidents->links[k];
	return NULL;
}

void incident_set_status(struct incidents *incidents, struct incident *incident,
			 enum incident_status status, int64_t now_ns)
{
	incidents->n_open -= incident->status != INCIDENT_CLOSED;
	incidents->n_open += status != INCIDENT_CLOSED;
	incident->status = status;
	incident->dirty = true;
	if (!incident->reached_ns[status])
		incident->reached_ns[status] = now_ns;
}

void incident_recount(struct incidents *incidents, struct incident *incident)
{
	incident->n_links = 0;
	incident->alerts = 0;
	incident->evidence = 0;
	incident->first_ns = incident->last_ns = 0;
	for (size_t i = 0; i < incidents->n_links; i++) {
		const struct incident_link *link = &incidents->links[i];

		if (link->incident != incident->id)
			continue;
		incident->n_links++;
		incident->alerts++;
		incident->evidence += link->count;
		if (!incident->first_ns || link->first_ns < incident->first_ns)
			incident->first_ns = link->first_ns;
		if (link->last_ns > incident->last_ns)
			incident->last_ns = link->last_ns;
	}
	incident->dirty = true;
}

/* ---------------------------------------------------------------------------------------------
 * The timeline
 */
void incident_write(struct incidents *incidents, struct incident *incident, int64_t now_ns,
		    const char *kind, const char *actor, const char *fmt, ...)
{
	struct incident_entry *entry = &incidents->entries[incidents->n_entries];
	va_list ap;
	int n;

	incident->dirty = true;
	if (incidents->n_entries == INCIDENT_WAITING_MAX) {
		incidents->counts.entries_lost++;
		return;
	}
	*entry = (struct incident_entry){
		.incident = incident->id,
		.time_ns = now_ns,
		.kind = kind,
		.actor = strdup(actor),
	};
	va_start(ap, fmt);
	n = vasprintf(&entry->text, fmt, ap);
	va_end(ap);
	if (n < 0 || !entry->actor) {
		free(entry->actor);
		free(n < 0 ? NULL : entry->text);
		incidents->counts.entries_lost++;
		return;
	}
	incidents->n_entries++;
}

int incidents_record(struct incidents *incidents, uint32_t id, int64_t now_ns, const char *kind,
		     const char *actor, const char *text)
{
	struct incident *incident;
	int r = incident_wake(incidents, id, &incident);

	if (r == 0)
		incident_write(incidents, incident, now_ns, kind, actor, "%s", text);
	return r;
}
