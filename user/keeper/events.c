/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/events.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"

struct ring {
	struct event *items;
	size_t mask;
	uint64_t added;
};

struct events {
	struct ring rings[EVENTS_RINGS];
	struct handshake *handshakes; /* of the ring's events, by position */
	uint64_t last_id;
};

static const char *const kind_names[EVENT_KINDS] = {
	[EVENT_VERDICT] = "verdict",     [EVENT_RESPONSE] = "response",
	[EVENT_DECISION] = "decision",   [EVENT_POLICY] = "policy",
	[EVENT_MODE] = "mode",           [EVENT_AGENT] = "agent",
	[EVENT_HANDSHAKE] = "handshake", [EVENT_FINDING] = "finding",
	[EVENT_ALERT] = "alert",         [EVENT_INCIDENT] = "incident",
};

const char *event_kind_name(enum event_kind kind)
{
	return (unsigned)kind < EVENT_KINDS ? kind_names[kind] : "unknown";
}

int event_kind_find(const char *name)
{
	for (int i = 0; i < EVENT_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0)
			return i;
	return -ENOENT;
}

static int ring_init(struct ring *ring, size_t size)
{
	size_t n = 1;

	while (n < size)
		n *= 2;
	ring->items = calloc(n, sizeof(*ring->items));
	ring->mask = n - 1;
	return ring->items ? 0 : -ENOMEM;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	for (int i = 0; i < EVENTS_RINGS; i++)
		free(events->rings[i].items);
	free(events->handshakes);
	free(events);
}

int events_new(size_t verdicts, size_t responses, struct events **ret_events)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	if (ring_init(&events->rings[EVENTS_VERDICTS],
		      verdicts ? verdicts : EVENTS_VERDICTS_DEFAULT) < 0 ||
	    ring_init(&events->rings[EVENTS_RESPONSES],
		      responses ? responses : EVENTS_RESPONSES_DEFAULT) < 0) {
		events_free(events);
		return -ENOMEM;
	}
	events->handshakes = calloc(EVENTS_HANDSHAKES_MAX, sizeof(*events->handshakes));
	if (!events->handshakes ||
	    ring_init(&events->rings[EVENTS_HANDSHAKES], EVENTS_HANDSHAKES_MAX) < 0) {
		events_free(events);
		return -ENOMEM;
	}
	*ret_events = events;
	return 0;
}

static struct event *next_slot(struct events *events, enum events_ring which, enum event_kind kind,
			       int64_t wall_ns)
{
	struct ring *ring = &events->rings[which];
	struct event *event = &ring->items[ring->added++ & ring->mask];

	event->id = ++events->last_id;
	event->wall_ns = wall_ns;
	event->kind = kind;
	return event;
}

const struct event *events_add_verdict(struct events *events, const struct gl_rec_verdict *record,
				       int64_t wall_ns)
{
	struct event *event = next_slot(events, EVENTS_VERDICTS, EVENT_VERDICT, wall_ns);

	event->verdict = *record;
	return event;
}

const struct event *events_add_response(struct events *events, const struct gl_rec_response *record,
					int64_t wall_ns)
{
	struct event *event = next_slot(events, EVENTS_RESPONSES, EVENT_RESPONSE, wall_ns);

	event->response = *record;
	return event;
}

const struct event *events_add_handshake(struct events *events, const struct handshake *handshake)
{
	struct event *event =
		next_slot(events, EVENTS_HANDSHAKES, EVENT_HANDSHAKE, handshake->wall_ns);
	size_t at = (size_t)(event - events->rings[EVENTS_HANDSHAKES].items);

	events->handshakes[at] = *handshake;
	event->handshake = &events->handshakes[at];
	return event;
}

const struct event *events_add_note(struct events *events, enum event_kind kind, const char *actor,
				    int64_t wall_ns, const char *fmt, ...)
{
	struct event *event = next_slot(events, EVENTS_VERDICTS, kind, wall_ns);
	va_list ap;

	snprintf(event->note.actor, sizeof(event->note.actor), "%s", actor);
	va_start(ap, fmt);
	vsnprintf(event->note.message, sizeof(event->note.message), fmt, ap);
	va_end(ap);
	return event;
}

size_t events_count(const struct events *events, enum events_ring which)
{
	const struct ring *ring = &events->rings[which];

	return ring->added <= ring->mask ? ring->added : ring->mask + 1;
}

uint64_t events_overwritten(const struct events *events, enum events_ring which)
{
	return events->rings[which].added - events_count(events, which);
}

const struct event *events_at(const struct events *events, enum events_ring which, size_t i)
{
	const struct ring *ring = &events->rings[which];

	if (i >= events_count(events, which))
		return NULL;
	return &ring->items[(events_overwritten(events, which) + i) & ring->mask];
}

size_t events_after(const struct events *events, enum events_ring which, uint64_t after)
{
	size_t low = 0, high = events_count(events, which);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (events_at(events, which, middle)->id > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const struct event *events_find_instance(const struct events *events, uint64_t instance)
{
	for (size_t i = events_count(events, EVENTS_VERDICTS); i-- > 0;) {
		const struct event *event = events_at(events, EVENTS_VERDICTS, i);

		if (event->kind == EVENT_VERDICT && event->verdict.instance == instance)
			return event;
	}
	return NULL;
}
