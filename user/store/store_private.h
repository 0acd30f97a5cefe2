/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_private.h - what the files of this folder share. Nobody outside includes it.
 */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "user/base/worker.h"
#include "user/store/store.h"

#define STATEMENTS_MAX 64

struct store_batch;

struct store {
	char *path;

	/* of the thread that writes: the caller's own until store_start() */
	sqlite3 *db; /* NULL: nothing is stored */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} prepared[STATEMENTS_MAX];
	size_t n_prepared;
	uint64_t tried_ns; /* when it was tried last */
	store_signed_fn sign;
	void *sign_data;

	pthread_mutex_t lock; /* of the following */
	char trouble[256]; /* "": none */
	bool newer; /* a newer version made it: never touched again */
	unsigned epoch;
	enum store_check checked;
	struct store_counts counts;
	bool retaining; /* a job is under way */
	uint64_t removed; /* by the last one */
	unsigned audits; /* rows on their way */

	/* of the caller's thread */
	struct store_batch *batch; /* what is being changed; NULL: nothing is */
	uint64_t ticket; /* of the last batch that was given away */
	char shown[256];
	struct worker *writer, *reader, *checker; /* NULL: all happens at once */

	/* of the thread that reads */
	sqlite3 *reading;
	unsigned reading_epoch;
};

/* store.c: notes a failure of SQLite, sets the database aside if it is broken; returns -errno. */
int store_failed(struct store *store, int sqlite_error, const char *what);
int store_errno(int sqlite_error);
bool store_is_broken(int sqlite_error);
/* In the thread that writes: opens it again. */
void store_reopen(struct store *store);
/* In any thread: the file is broken; it is set aside by the thread that writes. */
void store_give_up(struct store *store);
/* Does the file hold what belongs into it? SQLite's result. */
int store_quick_check(sqlite3 *db);

/*
 * batch.c: one change inside of a transaction; the letters of `types` say what each argument is: i
 * int64_t, t text (NULL is null). `sql` and `types` must live as long as the program; texts are
 * copied. -EIO: outside of a transaction.
 */
int store_change(struct store *store, const char *what, const char *sql, const char *types, ...);
/* In the thread that writes, at once: returns SQLite's result (SQLITE_DONE). */
int store_change_now(struct store *store, const char *sql, const char *types, ...);
void store_forget_statements(struct store *store);
void store_batch_free(struct store_batch *batch); /* NULL-safe */

/*
 * list.c: reading, in the thread that reads where there is one. The rows are fetched as a whole at
 * the first store_list_next().
 */
struct store_query;
struct store_list {
	struct store_query *query;
	int64_t row; /* -1: not asked yet */
	int error;
};
int store_list_begin(struct store *store, const char *sql, struct store_list *ret_list);
/* Parameters, in their order. Text is borrowed until store_list_end(). */
void store_list_bind(struct store_list *list, int64_t value);
void store_list_bind_text(struct store_list *list, const char *text);
bool store_list_next(struct store_list *list);
int store_list_end(struct store *store, struct store_list *list);
int64_t store_list_number(const struct store_list *list, int column);
const char *store_list_text(const struct store_list *list, int column); /* NULL: null */

/* page.c: the text of a question; "... WHERE id IN (...) ORDER BY id". */
#define STORE_PAGE_SQL 320
char *store_page_sql(bool of_alerts, const struct store_page *page, char sql[STORE_PAGE_SQL]);
#define STORE_IDS_SQL (320 + 21 * STORE_IDS_MAX)
char *store_ids_sql(const char *select, const uint64_t *ids, size_t n, char sql[STORE_IDS_SQL]);

/* audit_chain.c: the hash of a row that follows the one with hash `previous`. */
int chain_hash(const char *previous, const struct store_audit *row, char ret_hash[STORE_HASH]);

/* schema.c: brings the database to STORE_SCHEMA. SQLite's result; SQLITE_MISMATCH: it is newer. */
int schema_migrate(sqlite3 *db);
/* Rows beyond what is kept, the oldest first. */
int schema_prune(sqlite3 *db);
