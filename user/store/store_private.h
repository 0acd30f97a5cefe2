/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_private.h - what the files of this folder share. Nobody outside includes it.
 */
#pragma once

#include <sqlite3.h>

#include "user/store/store.h"

struct store {
	char *path;
	sqlite3 *db; /* NULL: nothing is stored */
	char trouble[256]; /* "": none */
	bool newer; /* a newer version made it: never touched again */
	bool inside; /* of a transaction */
	int failure; /* the first of this transaction; 0 = none */
	unsigned epoch;
	uint64_t tried_ns; /* when it was tried last */
	struct store_counts counts;
};

/* store.c: notes a failure of SQLite, sets the database aside if it is broken; returns -errno. */
int store_failed(struct store *store, int sqlite_error, const char *what);

/*
 * rows.c: one change inside of a transaction; the letters of `types` say what each argument is: i
 * int64_t, t text (NULL is null). Returns -errno, noted by store_failed().
 */
int store_change(struct store *store, const char *what, const char *sql, const char *types, ...);

/* rows.c: reading. After store_list_begin() parameters may be bound to the statement. */
struct store_list {
	sqlite3_stmt *statement;
	int result;
};
int store_list_begin(struct store *store, const char *sql, struct store_list *ret_list);
bool store_list_next(struct store_list *list);
int store_list_end(struct store *store, struct store_list *list);
int64_t store_list_number(const struct store_list *list, int column);
const char *store_list_text(const struct store_list *list, int column);

/* audit_chain.c: the hash of a row that follows the one with hash `previous`. */
int chain_hash(const char *previous, const struct store_audit *row, char ret_hash[STORE_HASH]);

/* schema.c: brings the database to STORE_SCHEMA. SQLite's result; SQLITE_MISMATCH: it is newer. */
int schema_migrate(sqlite3 *db);
/* Rows beyond what is kept, the oldest first. */
int schema_prune(sqlite3 *db);
