/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe.c - what happened: sources, events, verdicts, counters.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/base/cleanup.h"
#include "user/base/names.h"
#include "user/keeper/counters.h"
#include "user/keeper/event_text.h"

#define SOURCES_PAGE 20

void api_sources(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", NULL};
	struct source_use uses[API_PAGE_MAX];
	json_t *items;
	size_t limit, n;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, SOURCES_PAGE, &limit))
		return;
	n = sources_top(rq->keeper->sources, uses, limit);
	items = json_array();
	for (size_t i = 0; i < n; i++) {
		struct addr_prefix prefix = prefix_of_source(&uses[i].addr);
		char source[PREFIX_TEXT], seen[CLOCK_TEXT];

		json_array_append_new(
			items, json_pack("{s:s, s:I, s:I, s:I, s:s}", "source",
					 prefix_format(&prefix, source), "requests",
					 (json_int_t)uses[i].requests, "limited",
					 (json_int_t)uses[i].limited, "refused",
					 (json_int_t)uses[i].refused, "lastSeen",
					 clock_format(clock_wall_of_boot(uses[i].last_ns), seen)));
	}
	api_reply(rq, 200, json_pack("{s:o}", "items", items));
}

/* Oldest first. Without `after` the newest ones: what a person looks at. */
void api_events(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", "kind", NULL};
	const struct keeper *keeper = rq->keeper;
	const char *kind = json_string_value(json_object_get(rq->query, "kind"));
	enum events_ring ring = EVENTS_VERDICTS;
	size_t limit, at, count;
	uint64_t after;
	json_t *items;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after))
		return;
	if (kind && strcmp(kind, event_kind_name(EVENT_RESPONSE)) == 0) {
		ring = EVENTS_RESPONSES;
	} else if (kind && strcmp(kind, event_kind_name(EVENT_HANDSHAKE)) == 0) {
		ring = EVENTS_HANDSHAKES;
	} else if (kind) {
		api_problem(
			rq, 400, "bad-kind", NULL,
			"kind is 'response' for answered requests, 'handshake' for TLS, or absent");
		return;
	}
	count = events_count(keeper->events, ring);
	at = json_object_get(rq->query, "after") ? events_after(keeper->events, ring, after)
	     : count > limit                     ? count - limit
						 : 0;
	items = json_array();
	for (; at < count && json_array_size(items) < limit; at++) {
		const struct event *event = events_at(keeper->events, ring, at);

		json_array_append_new(items, event_json(event, apply_intern(keeper->apply)));
	}
	api_page(rq, items, at < count);
}

void api_verdict(struct api_request *rq)
{
	const struct event *event;
	char *end;
	uint64_t instance;

	if (strlen(rq->parameter) != GL_INSTANCE_WIDTH ||
	    strspn(rq->parameter, "0123456789abcdef") != GL_INSTANCE_WIDTH) {
		api_problem(rq, 400, "bad-instance", NULL,
			    "'%.32s' is not an instance: 16 lower-case hexadecimal digits",
			    rq->parameter);
		return;
	}
	instance = strtoull(rq->parameter, &end, 16);
	event = events_find_instance(rq->keeper->events, instance);
	if (event)
		api_reply(rq, 200, event_json(event, apply_intern(rq->keeper->apply)));
	else
		api_problem(rq, 404, "no-such-verdict", NULL,
			    "no verdict %s is remembered; the last %zu events are", rq->parameter,
			    events_count(rq->keeper->events, EVENTS_VERDICTS));
}

void api_counters(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};
	struct keeper *keeper = rq->keeper;
	const struct keeper_counters *c = &keeper->counters;
	json_t *counters, *rates, *own;
	int r;

	if (!api_query_has_only(rq, parameters))
		return;
	r = health_read_counters(keeper);
	if (r < 0) {
		api_problem(rq, 500, "no-counters", NULL, "the counters cannot be read: %s",
			    strerror(-r));
		return;
	}
	counters = json_object();
	rates = json_object();
	for (unsigned i = 0; i < GL_CTR_MAX; i++) {
		json_object_set_new(counters, name_counter(i),
				    json_integer((json_int_t)c->values[i]));
		json_object_set_new(rates, name_counter(i), json_real(c->per_second[i]));
	}
	own = counters_own(keeper);
	json_object_update(counters, own);
	json_decref(own);
	api_reply(rq, 200, json_pack("{s:o, s:o}", "counters", counters, "perSecond", rates));
}
