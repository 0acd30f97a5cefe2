/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic_private.h - what traffic*.c share. Nobody else includes it. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "user/base/worker.h"
#include "user/store/traffic.h"

#define NAME_SLOTS (2 * TRAFFIC_NAMES_MAX) /* a power of two */

struct traffic_store {
	char *path;

	/* of the thread that writes: the caller's own until traffic_start() */
	sqlite3 *db; /* NULL: nothing is stored */
	sqlite3_stmt *insert, *mark;
	uint32_t n_stored, n_putting; /* names that are in the file; once it is committed */
	unsigned calls;
	bool opened; /* once */
	int64_t shift; /* from ids as the caller knows them to those in the file */

	pthread_mutex_t lock; /* of the following */
	char trouble[200];
	unsigned epoch; /* other files since the start */
	uint32_t n_given; /* names the thread that writes may look at */
	struct traffic_counts counts;

	/* of the caller's thread; a text never changes once it has its number */
	char **names; /* [1..n_names] */
	uint32_t n_names;
	uint32_t *slots; /* by hash of the text */
	int64_t last_id;
	char shown[200];
	uint64_t ticket; /* of the last thing that was given to be written */
	uint64_t looked; /* rows that had come or gone at the last traffic_prune() */
	struct traffic_limits limits; /* of it */
	unsigned idle; /* calls since one of those changed */
	struct worker *writer, *reader; /* NULL: all happens at once */

	/* of the thread that reads */
	sqlite3 *reading;
	unsigned reading_epoch;
};

/* IPv4 in four bytes. */
void traffic_bind_source(sqlite3_stmt *statement, int at, const struct gl_addr *addr);
bool traffic_is_troubled(struct traffic_store *store);
