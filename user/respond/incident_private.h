/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_private.h - what the files incident*.c share. Nobody else includes it.
 */
#pragma once

#include "user/respond/incident.h"

/* A line of the timeline that waits for the store. */
struct incident_entry {
	uint32_t incident;
	int64_t time_ns;
	const char *kind; /* static */
	char *actor, *text;
};

struct incidents {
	struct store *store;
	struct policy_incidents defaults;
	const struct policy_incidents *rules;
	struct incident **items; /* ascending by id */
	size_t n, room;
	size_t n_open; /* of them, not closed */
	uint32_t next_id;
	bool loaded;
	struct incident_link *links; /* INCIDENT_LINKS_MAX */
	size_t n_links;
	struct incident_entry *entries; /* INCIDENT_WAITING_MAX */
	size_t n_entries;

	struct incident_counts counts;
};

/* incident.c */
struct incident *incident_find(const struct incidents *incidents, uint32_t id); /* in memory */
/* Reads a closed one from the store. */
int incident_wake(struct incidents *incidents, uint32_t id, struct incident **ret_incident);
/* A new one with the next id; NULL: no memory. */
struct incident *incident_add(struct incidents *incidents, int64_t now_ns, const char *origin);
/* Takes the item; keeps the order. -ENOMEM. */
int incident_insert(struct incidents *incidents, struct incident *incident);
void incident_drop(struct incidents *incidents, struct incident *incident);
void incident_set_status(struct incidents *incidents, struct incident *incident,
			 enum incident_status status, int64_t now_ns);
/* `kind` is static. Without a place or memory it is lost and counted. */
__attribute__((format(printf, 6, 7))) void incident_write(struct incidents *incidents,
							  struct incident *incident, int64_t now_ns,
							  const char *kind, const char *actor,
							  const char *fmt, ...);
/* Counts, service and times by the links. */
void incident_recount(struct incidents *incidents, struct incident *incident);

/* incident_priority.c: what a kind is about; signals of one nature on one operation belong
 * together. */
enum incident_nature { NATURE_ATTACK, NATURE_FAILURE, NATURE_EXPOSURE, NATURE_HEALTH };
enum incident_nature incident_nature_of(const char *kind, const char *control);

/* incident_store.c */

int incident_store_read(struct incidents *incidents, uint32_t id, struct incident **ret_incident);
