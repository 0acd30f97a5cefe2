/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incidents.c - reading incidents over the API: lists, one, its timeline. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/keeper/incidents.h"
#include "user/store/incidents.h"

#define SETTLE_MS 100 /* for what is being written, before reading */

bool api_incident_number(struct api_request *rq, const char *text, uint32_t *ret_id)
{
	char *end;
	unsigned long long id = strtoull(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && id > 0 && id <= UINT32_MAX) {
		*ret_id = (uint32_t)id;
		return true;
	}
	api_problem(rq, 400, "bad-id", NULL, "'%.32s' is not the number of an incident", text);
	return false;
}

bool api_incident_find(struct api_request *rq, const struct incident **ret_incident)
{
	uint32_t id;
	int r;

	if (!api_incident_number(rq, rq->parameter, &id))
		return false;
	r = incidents_get(rq->keeper->incidents, id, ret_incident);
	if (r == 0)
		return true;
	if (r == -ENOENT)
		api_problem(rq, 404, "no-such-incident", NULL, "there is no incident %u", id);
	else
		api_problem(rq, 503, "store-unreadable", NULL,
			    "incident %u is closed, and the store cannot be read: %s", id,
			    strerror(-r));
	return false;
}

/* ---------------------------------------------------------------------------------------------
 * Lists
 */
struct wanted {
	int64_t status; /* -1: any */
	unsigned priority; /* 0: any */
	const char *service;
	bool all; /* closed ones, too */
};

static bool read_wanted(struct api_request *rq, struct wanted *w)
{
	const char *status = json_string_value(json_object_get(rq->query, "status"));
	const char *priority = json_string_value(json_object_get(rq->query, "priority"));
	const char *all = json_string_value(json_object_get(rq->query, "all"));

	*w = (struct wanted){.status = -1};
	w->service = json_string_value(json_object_get(rq->query, "service"));
	if (all && strcmp(all, "true") != 0 && strcmp(all, "false") != 0) {
		api_problem(rq, 400, "bad-all", NULL, "all is true or false, not '%.32s'", all);
		return false;
	}
	w->all = (all && *all == 't') || status;
	if (status) {
		w->status = incident_status_find(status);
		if (w->status < 0) {
			api_problem(rq, 400, "bad-status", NULL,
				    "'%.32s' is none of open, contained, eradicated, recovered, "
				    "post-incident, closed",
				    status);
			return false;
		}
	}
	if (priority) {
		int found = incident_priority_find(priority);

		if (found < 0) {
			api_problem(rq, 400, "bad-priority", NULL,
				    "priority is P1, P2, P3 or P4, not '%.32s'", priority);
			return false;
		}
		w->priority = (unsigned)found;
	}
	return true;
}

static bool is_wanted(const struct incident *i, const struct wanted *w)
{
	return (w->all || i->status != INCIDENT_CLOSED) &&
	       (w->status < 0 || w->status == (int64_t)i->status) &&
	       (!w->priority || w->priority == i->priority) &&
	       (!w->service || strcmp(w->service, i->service) == 0);
}

struct ids {
	uint32_t id[API_PAGE_MAX + 1];
	size_t n;
};

static void note_id(const struct store_incident *row, void *userdata)
{
	struct ids *ids = userdata;

	if (ids->n <= API_PAGE_MAX)
		ids->id[ids->n++] = (uint32_t)row->id;
}

/* The newest ones below `before`: from memory those that are open, from the store the others. */
static int list_ids(struct keeper *keeper, const struct wanted *w, uint64_t before, size_t max,
		    struct ids *ids)
{
	const struct store_incident_query query = {
		.before = (int64_t)before,
		.status = w->status,
		.priority = w->priority,
		.service = w->service,
		.max = max,
	};

	if (w->all && !store_trouble(keeper->store) && incidents_save(keeper->incidents) == 0) {
		store_settle(keeper->store, SETTLE_MS);
		return store_each_incident(keeper->store, &query, note_id, ids);
	}
	for (size_t i = incidents_count(keeper->incidents); i-- > 0 && ids->n < max;) {
		const struct incident *incident = incidents_at(keeper->incidents, i);

		if ((!before || incident->id < before) && is_wanted(incident, w))
			ids->id[ids->n++] = incident->id;
	}
	return 0;
}

/* Newest first; `after` is the id of the last one of the page before. */
void api_incidents_list(struct api_request *rq)
{
	static const char *const parameters[] = {"limit",   "after", "status", "priority",
						 "service", "all",   NULL};
	struct incidents *incidents = rq->keeper->incidents;
	struct ids ids = {.n = 0};
	struct wanted wanted;
	uint64_t after;
	size_t limit;
	json_t *items, *next = json_null();
	char id[24];

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after) || !read_wanted(rq, &wanted))
		return;
	if (list_ids(rq->keeper, &wanted, after, limit + 1, &ids) < 0) {
		api_problem(rq, 503, "store-unreadable", NULL, "the store cannot be read: %s",
			    store_trouble(rq->keeper->store) ?: "busy");
		return;
	}
	items = json_array();
	for (size_t i = 0; i < ids.n && i < limit; i++) {
		const struct incident *incident;

		if (incidents_get(incidents, ids.id[i], &incident) == 0)
			json_array_append_new(
				items, incident_json(incidents, incident, clock_wall_ns(), false));
	}
	if (ids.n > limit) {
		snprintf(id, sizeof(id), "%u", ids.id[limit - 1]);
		next = json_string(id);
	}
	api_reply(rq, 200,
		  json_pack("{s:o, s:o, s:b}", "items", items, "next", next, "storeReadable",
			    !store_trouble(rq->keeper->store)));
}

void api_incident_get(struct api_request *rq)
{
	const struct incident *incident;

	if (api_incident_find(rq, &incident))
		api_reply(rq, 200,
			  incident_json(rq->keeper->incidents, incident, clock_wall_ns(), true));
}

/* ---------------------------------------------------------------------------------------------
 * The timeline
 */
/* Oldest first. */
void api_incident_timeline(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", NULL};
	const struct incident *incident;
	uint64_t after;
	json_t *items;
	size_t limit;
	uint32_t id;
	bool more;
	int r;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after) || !api_incident_find(rq, &incident))
		return;
	id = incident->id;
	items = json_array();
	r = incident_timeline_json(rq->keeper, id, after, limit + 1, items);
	if (r < 0) {
		json_decref(items);
		api_problem(rq, 503, "store-unreadable", NULL, "the timeline cannot be read: %s",
			    store_trouble(rq->keeper->store) ?: strerror(-r));
		return;
	}
	more = json_array_size(items) > limit;
	if (more)
		json_array_remove(items, limit);
	api_page(rq, items, more);
}

/* ---------------------------------------------------------------------------------------------
 * What it touched, and what is written of it
 */
void api_incident_scope(struct api_request *rq)
{
	const struct incident *incident;
	json_t *scope;
	int r;

	if (!api_incident_find(rq, &incident))
		return;
	r = incident_scope_json(rq->keeper, incident, &scope);
	if (r < 0)
		api_problem(rq, 503, "store-unreadable", NULL,
			    "the stored requests cannot be read: %s", strerror(-r));
	else
		api_reply(rq, 200, scope);
}

void api_incident_report(struct api_request *rq)
{
	const struct incident *incident;
	char *text;
	int r;

	if (!api_incident_find(rq, &incident))
		return;
	r = incident_markdown(rq->keeper, incident, &text);
	if (r < 0) {
		api_problem(rq, 503, "store-unreadable", NULL, "the timeline cannot be read: %s",
			    strerror(-r));
		return;
	}
	api_reply(rq, 200, json_pack("{s:s}", "markdown", text));
	free(text);
}
