/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_text.h - an event as JSON (deploy/schema/openapi.yaml, Event) and as one line for people.
 *
 * `intern` turns the ids of the records into names; an id it never gave is printed as "#<id>".
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "user/keeper/events.h"
#include "user/policy/compile.h"

#define EVENT_LINE 400

/* Owned by the caller; NULL without memory. OTel attribute names are in "attributes". */
json_t *event_json(const struct event *event, const struct intern *intern);

/*
 * "14:03:07 LIMIT  203.0.113.9 POST /api/v1/auth/{n} auth 5/15m  429 answered (retry in 874 s)
 * [00c0ffee00c0ffee]"; in monitor "would LIMIT". `color` adds terminal colours. Returns `out`.
 */
const char *event_line(const struct event *event, const struct intern *intern, bool color,
		       char out[EVENT_LINE]);

/* Of an interned operation "<service> <METHOD> <template>": what follows the service. */
const char *operation_label(const char *operation);
