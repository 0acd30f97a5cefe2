/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert_scene.h - what every rule of alerts works with: the alerts, names for the ids of records,
 * and the last events a rule looks at, from which an alert that begins takes its samples.
 *
 * Filled by the keeper; rules borrow it. The ring is bounded, the oldest is overwritten.
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/base/clock.h"
#include "user/policy/compile.h"
#include "user/respond/alert.h"

#define ALERT_EVENTS 512
#define ALERT_AGENT  64

/* A refusal, an error or an exceeded limit, as a record or an inspector told it. */
struct alert_event {
	int64_t wall_ns;
	struct gl_addr source;
	uint64_t principal;
	uint16_t service, op, cls, status; /* interned ids */
	uint8_t rule; /* enum gl_watch_rule_id */
	uint8_t told; /* an inspector told it: agent and request id are known, not only counted */
	char request_id[ALERT_REQUEST];
	char agent[ALERT_AGENT]; /* masked */
};

/* What an operation answered this minute and the last, as far as records told. */
struct alert_share {
	uint32_t minute;
	uint32_t all[2], refused[2]; /* refused: 401 and 403; [0]: this minute */
};

struct alert_scene {
	struct alerts *alerts;
	const struct intern *intern;
	const struct gl_policy *policy; /* the ruling image; NULL: none */
	struct clock_now now;
	struct alert_event events[ALERT_EVENTS];
	uint64_t n_events;
	struct alert_share shares[UINT16_MAX + 1]; /* by operation */
};

/* Names of ids; never NULL: "" for an id nobody gave. */
const char *alert_service(const struct alert_scene *scene, uint16_t id);
const char *alert_operation(const struct alert_scene *scene, uint16_t id); /* "GET /api/x" */
const char *alert_class(const struct alert_scene *scene, uint16_t id);
/* "source 192.0.2.1", "source 2001:db8::/64": who is counted. Returns `out`. */
const char *alert_source_subject(const struct gl_addr *source, char out[ALERT_SUBJECT]);
const char *alert_principal_subject(uint64_t principal, char out[ALERT_SUBJECT]);
/* The same without the word. */
const char *alert_source_text(const struct gl_addr *source, char out[ALERT_TOP_TEXT]);
int64_t alert_wall(const struct alert_scene *scene, uint64_t boot_ns);

/* Any answer of the application's; and how many of a hundred were refusals (100: nothing known). */
void alert_share_add(struct alert_scene *scene, uint16_t op, uint16_t status);
unsigned alert_share_refused(const struct alert_scene *scene, uint16_t op);

void alert_event_add(struct alert_scene *scene, const struct alert_event *event);
/* Position i, 0 = the newest; NULL past the oldest kept. */
const struct alert_event *alert_event_at(const struct alert_scene *scene, size_t i);
