/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incidents.h - what ties incidents (user/respond/incident.h) to the agent: alerts become signals,
 * reminders become events and alerts, changes are stored; and incidents as objects of the API.
 */
#pragma once

#include <jansson.h>

#include "user/keeper/keeper.h"
#include "user/respond/incident.h"

/* Subscribes to the alerts, which are there. -ENOMEM, -ENOSPC. */
int keeper_incidents_new(struct keeper *keeper);
/* Once a second: what the clock says, what is to be stored. */
void keeper_incidents_tick(struct keeper *keeper);
/* Stores what changed, now. */
void keeper_incidents_save(struct keeper *keeper);
/* What was closed takes its alerts with it: they are not to open the next incident. */
void keeper_incidents_closed(struct keeper *keeper, uint32_t id, const char *who);

/* To where records go: a new one, or one that changed. */
void keeper_incidents_export(struct keeper *keeper, uint32_t id, bool update);

/* incident_json.c. One line of a list; `whole` adds phases, tasks, alerts. */
json_t *incident_json(const struct incidents *incidents, const struct incident *incident,
		      int64_t now_ns, bool whole);

/* Entries with ids above `after`, oldest first, into the array `items`. 0, or -errno. */
int incident_timeline_json(struct keeper *keeper, uint32_t id, uint64_t after, size_t max,
			   json_t *items);

/* incident_scope.c: IR-04. -EIO: the stored requests cannot be read. */
int incident_scope_json(struct keeper *keeper, const struct incident *incident, json_t **ret_scope);
/* incident_report.c: Markdown; the caller frees. */
int incident_markdown(struct keeper *keeper, const struct incident *incident, char **ret_text);
