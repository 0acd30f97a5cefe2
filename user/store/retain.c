/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * retain.c - what may go: findings and alerts beyond an age, and the oldest of them where the
 * database is larger than it may be. A slice a call, so that nobody waits for it.
 *
 * Space is counted in pages in use: SQLite gives freed ones to what comes next, the file itself
 * does not shrink.
 */
#include "user/store/store_private.h"

#define SLICE 2000 /* rows of a table a call */

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

static uint64_t removed(struct store *store, int r)
{
	return r < 0 || !store->db ? 0 : (uint64_t)sqlite3_changes(store->db);
}

int store_retain(struct store *store, int64_t older_than_ns, uint64_t max_bytes,
		 uint64_t *ret_removed)
{
	bool full = max_bytes && store_bytes(store) > max_bytes;
	uint64_t n = 0;
	int r = store_begin(store);

	if (r < 0)
		return r;
	n += removed(store, store_change(store, "retention",
					 "DELETE FROM findings WHERE id IN (SELECT id FROM findings"
					 " WHERE last < ? ORDER BY last LIMIT ?)",
					 "ii", older_than_ns, (int64_t)SLICE));
	n += removed(store, store_change(store, "retention",
					 "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts"
					 " WHERE last < ? ORDER BY last LIMIT ?)",
					 "ii", older_than_ns, (int64_t)SLICE));
	if (full && !n) {
		n += removed(store, store_change(store, "retention",
						 "DELETE FROM findings WHERE id IN (SELECT id FROM"
						 " findings ORDER BY last LIMIT ?)",
						 "i", (int64_t)SLICE));
		/* alerts are few, and what incidents are made of: closed ones, of no incident */
		n += removed(
			store,
			store_change(store, "retention",
				     "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts"
				     " WHERE state = 2 AND incident = 0 ORDER BY last LIMIT ?)",
				     "i", (int64_t)SLICE));
	}
	r = store_commit(store);
	if (r == 0 && ret_removed)
		*ret_removed = n;
	return r;
}
