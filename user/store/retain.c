/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retain.c - what may go: findings and alerts beyond an age, and the oldest of them where the
 * database is larger than it may be. In small transactions, so that nobody waits for it: a change
 * that comes meanwhile is next.
 *
 * Space is counted in pages in use: SQLite gives freed ones to what comes next. A file begun by
 * this version shrinks as well (auto_vacuum), an older one does not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/store/store_private.h"

#define SLICE  500 /* rows of a table in a transaction */
#define SLICES 20 /* a job, where nobody waits behind it */
#define VACUUM 2000 /* pages given back to the file system after each slice */

static int64_t pragma_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

uint64_t store_bytes(struct store *store)
{
	int64_t pages;

	if (!store->db)
		return 0;
	pages = pragma_number(store->db, "PRAGMA page_count") -
		pragma_number(store->db, "PRAGMA freelist_count");
	return (uint64_t)(pages * pragma_number(store->db, "PRAGMA page_size"));
}

static int take(struct store *store, const char *sql, int64_t older_than_ns, uint64_t *n)
{
	int r = older_than_ns ? store_change_now(store, sql, "ii", older_than_ns, (int64_t)SLICE)
			      : store_change_now(store, sql, "i", (int64_t)SLICE);

	if (r == SQLITE_DONE)
		*n += (uint64_t)sqlite3_changes(store->db);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int take_old(struct store *store, int64_t older_than_ns, uint64_t *n)
{
	int r = take(store,
		     "DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE last < ?"
		     " ORDER BY last LIMIT ?)",
		     older_than_ns, n);

	return r != SQLITE_OK ? r
			      : take(store,
				     "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts"
				     " WHERE last < ? ORDER BY last LIMIT ?)",
				     older_than_ns, n);
}

static int take_oldest(struct store *store, uint64_t *n)
{
	int r = take(store,
		     "DELETE FROM findings WHERE id IN (SELECT id FROM findings ORDER BY last"
		     " LIMIT ?)",
		     0, n);

	/* alerts are few, and what incidents are made of: closed ones, of no incident */
	return r != SQLITE_OK ? r
			      : take(store,
				     "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE"
				     " state = 2 AND incident = 0 ORDER BY last LIMIT ?)",
				     0, n);
}

/* In the thread that writes. 1: there may be more, 0, or -errno. */
static int slice(struct store *store, int64_t older_than_ns, uint64_t max_bytes, uint64_t *removed)
{
	bool full = max_bytes && store_bytes(store) > max_bytes;
	uint64_t n = 0;
	char sql[48];
	int r;

	if (!store->db)
		return -EIO;
	r = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (r == SQLITE_OK && older_than_ns > 0)
		r = take_old(store, older_than_ns, &n);
	if (r == SQLITE_OK && full && !n)
		r = take_oldest(store, &n);
	if (r == SQLITE_OK)
		r = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	if (r == SQLITE_OK && n) {
		snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM);
		r = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	}
	if (r == SQLITE_OK) {
		*removed += n;
		return n > 0;
	}
	r = store_failed(store, r, "retention");
	if (store->db)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

struct retain_job {
	struct worker_job job;
	struct store *store;
	int64_t older_than_ns;
	uint64_t max_bytes;
};

static void run_retain(struct worker_job *job, struct worker *worker)
{
	struct retain_job *retain = (struct retain_job *)job;
	struct store *store = retain->store;
	uint64_t removed = 0;

	for (int i = 0; i < SLICES; i++)
		if (slice(store, retain->older_than_ns, retain->max_bytes, &removed) <= 0 ||
		    worker_has_more(worker))
			break;
	pthread_mutex_lock(&store->lock);
	store->retaining = false;
	store->removed = removed;
	store->counts.removed += removed;
	pthread_mutex_unlock(&store->lock);
	free(retain);
}

static int give_retain(struct store *store, int64_t older_than_ns, uint64_t max_bytes)
{
	struct retain_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	*job = (struct retain_job){.job = {.bytes = sizeof(*job), .run = run_retain},
				   .store = store,
				   .older_than_ns = older_than_ns,
				   .max_bytes = max_bytes};
	store->retaining = true;
	r = worker_put(store->writer, &job->job, NULL);
	if (r < 0) {
		store->retaining = false;
		free(job);
	}
	return r;
}

int store_retain(struct store *store, int64_t older_than_ns, uint64_t max_bytes,
		 uint64_t *ret_removed)
{
	uint64_t n = 0;
	bool busy;
	int r;

	if (!store->writer) {
		r = slice(store, older_than_ns, max_bytes, &n);
		if (r >= 0)
			*ret_removed = n;
		return r < 0 ? r : 0;
	}
	pthread_mutex_lock(&store->lock);
	busy = store->retaining;
	n = store->removed;
	store->removed = 0;
	pthread_mutex_unlock(&store->lock);
	r = busy ? 0 : give_retain(store, older_than_ns, max_bytes);
	if (r == 0)
		*ret_removed = busy ? 1 : n;
	return r;
}
