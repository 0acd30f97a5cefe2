/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exports.h - what leaves the host, on the keeper's side: one intake for everything that happened
 * (exports_take()), numbered, kept until the courier has it on its disk, and handed to it in
 * frames.
 *
 * Only masked text may come here (architecture.md section 7). Without a sink that wants a kind it
 * costs a comparison. A flood of verdicts becomes counts: every one is in some record.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/courier/exports.h"

struct keeper;
struct exports;
struct event; /* events.h */
struct finding;

/* `config`: of exports_config_read(), borrowed; NULL: no sinks. */
int exports_new(struct keeper *keeper, const json_t *config, struct exports **ret_exports);
void exports_free(struct exports *exports); /* NULL-safe */
/* Once the keeper has its loop and its link. */
int exports_start(struct exports *exports);
/* At the end, while the link still is: hands over what is left. NULL-safe. */
void exports_stop(struct exports *exports);

/*
 * One thing that happened. `message`: one line for people; `data` (taken; may be NULL): an object,
 * whose scalar members become attributes, with OpenTelemetry names in "attributes". NULL-safe.
 */
void exports_take(struct exports *exports, enum export_kind kind, enum export_severity severity,
		  int64_t wall_ns, const char *message, json_t *data);
/* Whether anybody would take one: before `data` is made. NULL-safe. */
bool exports_want(const struct exports *exports, enum export_kind kind);
/* Of events: verdicts and notes; others are not for export. */
void exports_event(struct keeper *keeper, const struct event *event);
void exports_finding(struct keeper *keeper, const struct finding *finding);

/* SIGHUP: files are opened anew; the section of the configuration file is read again, and rules if
 * it is right. -errno: it is not, the old one rules on. */
int exports_reload(struct exports *exports);

struct exports_counts {
	uint64_t taken, dropped; /* dropped: the courier did not take them for too long */
	uint64_t waiting;
};
struct exports_counts exports_counts(const struct exports *exports); /* NULL-safe */
/* GET /v1/exports: sinks with their state, without a secret. */
json_t *exports_json(const struct exports *exports);
/* The states of sinks as the courier told them last, borrowed; NULL: none yet. */
const json_t *exports_states(const struct exports *exports);
