/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.h - the last things that happened, in memory: verdicts and changes in one ring, answered
 * requests and TLS handshakes in smaller ones, so that ordinary traffic does not push out what
 * people ask about.
 *
 * Bounded by construction: the oldest event is overwritten and counted. No path, no credential, no
 * header is ever in it: the kernel's records carry the operation, not the request.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/detect/handshake.h"

#define EVENTS_VERDICTS_DEFAULT  65536
#define EVENTS_RESPONSES_DEFAULT 16384
#define EVENTS_HANDSHAKES_MAX    8192
#define EVENT_ACTOR              16
#define EVENT_MESSAGE            96

enum event_kind {
	EVENT_VERDICT,
	EVENT_RESPONSE,
	EVENT_HANDSHAKE,
	EVENT_DECISION, /* the rest are changes, with a message */
	EVENT_POLICY,
	EVENT_MODE,
	EVENT_AGENT,
	EVENT_FINDING,
	EVENT_ALERT,
	EVENT_INCIDENT,
	EVENT_KINDS
};
const char *event_kind_name(enum event_kind kind);
int event_kind_find(const char *name); /* -ENOENT */

struct event {
	uint64_t id; /* 1, 2, ... over both rings */
	int64_t wall_ns;
	enum event_kind kind;
	union {
		struct gl_rec_verdict verdict;
		struct gl_rec_response response;
		const struct handshake *handshake; /* borrowed, until overwritten */
		struct {
			char actor[EVENT_ACTOR]; /* "uid 0", "escalation" */
			char message[EVENT_MESSAGE];
		} note;
	};
};

struct events;

/* Sizes are rounded up to powers of two; 0 = the default. */
int events_new(size_t verdicts, size_t responses, struct events **ret_events);
void events_free(struct events *events);

/* Each returns what was stored (borrowed, until overwritten). */
const struct event *events_add_verdict(struct events *events, const struct gl_rec_verdict *record,
				       int64_t wall_ns);
const struct event *events_add_response(struct events *events, const struct gl_rec_response *record,
					int64_t wall_ns);
const struct event *events_add_handshake(struct events *events, const struct handshake *handshake);
__attribute__((format(printf, 5, 6))) const struct event *
events_add_note(struct events *events, enum event_kind kind, const char *actor, int64_t wall_ns,
		const char *fmt, ...);

/* The newest verdict with this instance id, or NULL. Walks the ring: for people, not for packets.
 */
const struct event *events_find_instance(const struct events *events, uint64_t instance);

enum events_ring { EVENTS_VERDICTS, EVENTS_RESPONSES, EVENTS_HANDSHAKES, EVENTS_RINGS };
size_t events_count(const struct events *events, enum events_ring ring);
uint64_t events_overwritten(const struct events *events, enum events_ring ring);
/* Position i, 0 = the oldest kept; NULL past the newest. */
const struct event *events_at(const struct events *events, enum events_ring ring, size_t i);
/* Position of the first event with an id above `after`. */
size_t events_after(const struct events *events, enum events_ring ring, uint64_t after);
