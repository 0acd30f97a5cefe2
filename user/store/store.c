/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.c - the database as a whole: opened, set aside when it is broken, tried again when it could
 * not be written, changed in transactions.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/store/store_private.h"

#define RETRY_NS (5ull * 1000000000)
#define BUSY_MS  200 /* somebody reads with sqlite3(1): the agent does not wait for long */

/* FULL: what was committed is on the disk, also after a power cut. */
static const char pragmas[] =
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
	"PRAGMA journal_size_limit = 16777216; PRAGMA secure_delete = ON;";

static bool is_broken(int r)
{
	r &= 0xff;
	return r == SQLITE_CORRUPT || r == SQLITE_NOTADB;
}

static int errno_of(int r)
{
	switch (r & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	default:
		return -EIO;
	}
}

__attribute__((format(printf, 2, 3))) static void trouble(struct store *store, const char *fmt, ...)
{
	bool fresh = !*store->trouble;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(store->trouble, sizeof(store->trouble), fmt, ap);
	va_end(ap);
	if (fresh)
		log_warning("%s; enforcement goes on", store->trouble);
}

static void shut(struct store *store)
{
	sqlite3_close_v2(store->db);
	store->db = NULL;
	store->inside = false;
}

/* Out of the way, with what belongs to it: for people to look at, and never overwritten. */
static int set_aside(struct store *store)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	time_t now = time(NULL);
	int r = 0;

	shut(store);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char from[PATH_MAX], to[PATH_MAX];

		snprintf(from, sizeof(from), "%s%s", store->path, parts[i]);
		snprintf(to, sizeof(to), "%s.damaged-%lld%s", store->path, (long long)now,
			 parts[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			r = -errno;
	}
	if (r < 0)
		return r;
	store->counts.set_aside++;
	store->epoch++;
	log_warning("%s is damaged: kept as %s.damaged-%lld, a new one is begun", store->path,
		    store->path, (long long)now);
	return 0;
}

/* Is what is in the file whole? */
static int check(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_step(statement);
	if (r == SQLITE_ROW)
		r = strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0
			    ? SQLITE_OK
			    : SQLITE_CORRUPT;
	sqlite3_finalize(statement);
	return r;
}

static int try_open(struct store *store)
{
	mode_t mask = umask(0077);
	int r = sqlite3_open_v2(store->path, &store->db,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
					SQLITE_OPEN_NOMUTEX,
				NULL);

	umask(mask);
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(store->db, BUSY_MS);
	if (r == SQLITE_OK)
		r = check(store->db);
	if (r == SQLITE_OK)
		r = sqlite3_exec(store->db, pragmas, NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = schema_migrate(store->db);
	if (r == SQLITE_OK)
		r = schema_prune(store->db);
	/* a file that can be opened may still not be written */
	if (r == SQLITE_OK)
		r = sqlite3_exec(store->db,
				 "INSERT OR REPLACE INTO meta VALUES ('opened', unixepoch())", NULL,
				 NULL, NULL);
	return r;
}

static void reopen(struct store *store)
{
	int r = try_open(store);

	if (is_broken(r) && set_aside(store) == 0)
		r = try_open(store);
	if (r == SQLITE_OK) {
		if (*store->trouble)
			log_info("%s is written again", store->path);
		*store->trouble = '\0';
		return;
	}
	store->counts.failed++;
	store->newer = r == SQLITE_MISMATCH;
	if (store->newer)
		trouble(store,
			"%s was made by a newer version: it is left alone, nothing is stored",
			store->path);
	else
		trouble(store, "%s cannot be opened (%s): nothing is stored", store->path,
			store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(r));
	shut(store);
}

int store_open(const char *state_dir, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	if (asprintf(&store->path, "%s/" STORE_FILE_NAME, state_dir) < 0) {
		free(store);
		return -ENOMEM;
	}
	reopen(store);
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	shut(store);
	free(store->path);
	free(store);
}

const char *store_trouble(const struct store *store)
{
	return *store->trouble ? store->trouble : NULL;
}

unsigned store_epoch(const struct store *store)
{
	return store->epoch;
}

struct store_counts store_counts(const struct store *store)
{
	return store->counts;
}

bool store_tick(struct store *store, uint64_t now_boot_ns)
{
	if (!*store->trouble)
		return true;
	if (store->newer || now_boot_ns - store->tried_ns < RETRY_NS)
		return false;
	store->tried_ns = now_boot_ns;
	shut(store);
	reopen(store);
	return !*store->trouble;
}

int store_failed(struct store *store, int sqlite_error, const char *what)
{
	int r = errno_of(sqlite_error);

	store->failure = store->failure ? store->failure : r;
	store->counts.failed++;
	trouble(store, "%s cannot be written (%s: %s): the newest is kept in memory", store->path,
		what, store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(sqlite_error));
	if (is_broken(sqlite_error))
		set_aside(store);
	return r;
}

int store_begin(struct store *store)
{
	int r;

	store->failure = 0;
	if (!store->db || *store->trouble)
		return -EIO;
	r = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (r != SQLITE_OK)
		return store_failed(store, r, "begin");
	store->inside = true;
	return 0;
}

int store_commit(struct store *store)
{
	int r = SQLITE_OK, failure = store->failure;

	if (!store->inside)
		return failure ? failure : -EIO;
	store->inside = false;
	if (!failure)
		r = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	if (r != SQLITE_OK)
		failure = store_failed(store, r, "commit");
	if (failure && store->db)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	if (!failure)
		store->counts.transactions++;
	return failure;
}
