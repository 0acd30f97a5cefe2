/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list.c - reading: a question, its parameters, its rows. Where there is a thread that reads it
 * asks, on a connection of its own, and who wants the rows waits for a moment only: a disk that
 * does not answer costs an answer, never the thread that judges.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/utf8.h"
#include "user/store/store_private.h"

#define PARAMETERS_MAX 8
#define WAIT_MS        400
#define RESULT_MAX     (64u << 20)

struct cell {
	bool is_text;
	int64_t number; /* or where the text is; -1: null */
};

struct store_query {
	struct worker_job job;
	struct store *store;
	atomic_int users; /* who asks, who answers */
	char *sql;
	struct {
		char *text; /* NULL: the number */
		int64_t number;
	} parameters[PARAMETERS_MAX];
	int n_parameters;
	/* the answer */
	int result; /* SQLite's */
	int n_columns;
	int64_t n_rows;
	struct cell *cells;
	size_t n_cells, size_cells;
	char *texts;
	size_t n_texts, size_texts;
};

static void release(struct store_query *query)
{
	if (!query || atomic_fetch_sub(&query->users, 1) > 1)
		return;
	for (int i = 0; i < query->n_parameters; i++)
		free(query->parameters[i].text);
	free(query->sql);
	free(query->cells);
	free(query->texts);
	free(query);
}

/* ---------------------------------------------------------------------------------------------
 * Asking
 */
static bool grow(void **memory, size_t *size, size_t wanted, size_t each)
{
	size_t next = *size;
	void *more;

	while (next < wanted)
		next += next ? next : 256;
	if (next == *size)
		return true;
	if (next * each > RESULT_MAX)
		return false;
	more = realloc(*memory, next * each);
	if (!more)
		return false;
	*memory = more;
	*size = next;
	return true;
}

static bool add_cell(struct store_query *query, sqlite3_stmt *statement, int column)
{
	int type = sqlite3_column_type(statement, column);
	struct cell cell = {.is_text = type != SQLITE_INTEGER, .number = -1};
	const unsigned char *text;
	size_t n;

	if (type == SQLITE_INTEGER) {
		cell.number = sqlite3_column_int64(statement, column);
	} else if (type != SQLITE_NULL && (text = sqlite3_column_text(statement, column))) {
		n = (size_t)sqlite3_column_bytes(statement, column) + 1;
		if (!grow((void **)&query->texts, &query->size_texts, query->n_texts + n, 1))
			return false;
		memcpy(query->texts + query->n_texts, text, n);
		utf8_mend(query->texts + query->n_texts); /* a damaged row can still be shown */
		cell.number = (int64_t)query->n_texts;
		query->n_texts += n;
	}
	if (!grow((void **)&query->cells, &query->size_cells, query->n_cells + 1, sizeof(cell)))
		return false;
	query->cells[query->n_cells++] = cell;
	return true;
}

static void ask(sqlite3 *db, struct store_query *query)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(db, query->sql, -1, &statement, NULL);

	for (int i = 0; i < query->n_parameters && r == SQLITE_OK; i++) {
		if (query->parameters[i].text)
			r = sqlite3_bind_text(statement, i + 1, query->parameters[i].text, -1,
					      SQLITE_STATIC);
		else
			r = sqlite3_bind_int64(statement, i + 1, query->parameters[i].number);
	}
	query->n_columns = sqlite3_column_count(statement);
	while (r == SQLITE_OK || r == SQLITE_ROW) {
		r = sqlite3_step(statement);
		if (r != SQLITE_ROW)
			break;
		for (int i = 0; i < query->n_columns; i++)
			if (!add_cell(query, statement, i))
				r = SQLITE_TOOBIG;
		query->n_rows += r == SQLITE_ROW;
	}
	sqlite3_finalize(statement);
	query->result = r;
}

/* ---------------------------------------------------------------------------------------------
 * The thread that reads
 */
static int open_reading(struct store *store)
{
	unsigned epoch = store_epoch(store);
	int r;

	if (store->reading && store->reading_epoch == epoch)
		return SQLITE_OK;
	sqlite3_close_v2(store->reading);
	store->reading = NULL;
	store->reading_epoch = epoch;
	r = sqlite3_open_v2(store->path, &store->reading,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX,
			    NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(store->reading,
				 "PRAGMA cache_size = -16384; PRAGMA mmap_size = 268435456", NULL,
				 NULL, NULL);
	if (r != SQLITE_OK) {
		sqlite3_close_v2(store->reading);
		store->reading = NULL;
		return r;
	}
	sqlite3_busy_timeout(store->reading, 100);
	return SQLITE_OK;
}

static void run_query(struct worker_job *job, struct worker *worker)
{
	struct store_query *query = (struct store_query *)job;
	struct store *store = query->store;

	(void)worker;
	/* nobody waits for it any more */
	if (atomic_load(&query->users) > 1) {
		query->result = open_reading(store);
		if (query->result == SQLITE_OK)
			ask(store->reading, query);
		if (store_is_broken(query->result))
			store_give_up(store);
	}
	release(query);
}

/* -EBUSY: it does not answer now. */
static int ask_reader(struct store *store, struct store_query *query)
{
	uint64_t ticket;
	int r;

	if (worker_late_ms(store->reader) >= WAIT_MS)
		return -EBUSY;
	query->job.bytes = sizeof(*query);
	query->job.run = run_query;
	atomic_fetch_add(&query->users, 1);
	r = worker_put(store->reader, &query->job, &ticket);
	if (r < 0) {
		atomic_fetch_sub(&query->users, 1);
		return -EBUSY;
	}
	return worker_wait(store->reader, ticket, WAIT_MS) ? 0 : -EBUSY;
}

static int fetch(struct store *store, struct store_query *query)
{
	int r = 0;

	if (store->reader) {
		r = ask_reader(store, query);
	} else if (!store->db) {
		return -EIO;
	} else {
		ask(store->db, query);
	}
	if (r < 0)
		return r;
	if (query->result == SQLITE_DONE)
		return 0;
	return store->reader ? store_errno(query->result)
			     : store_failed(store, query->result, "list");
}

/* ---------------------------------------------------------------------------------------------
 * Rows
 */
int store_list_begin(struct store *store, const char *sql, struct store_list *ret_list)
{
	struct store_query *query;

	*ret_list = (struct store_list){.row = -1};
	if (!store->reader && !store->db)
		return -EIO;
	query = calloc(1, sizeof(*query));
	if (query)
		query->sql = strdup(sql);
	if (!query || !query->sql) {
		free(query);
		return -ENOMEM;
	}
	query->store = store;
	atomic_store(&query->users, 1);
	ret_list->query = query;
	return 0;
}

void store_list_bind(struct store_list *list, int64_t value)
{
	list->query->parameters[list->query->n_parameters++].number = value;
}

void store_list_bind_text(struct store_list *list, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		list->query->parameters[list->query->n_parameters++].text = copy;
	else
		list->error = -ENOMEM;
}

bool store_list_next(struct store_list *list)
{
	if (list->row < 0 && list->error == 0)
		list->error = fetch(list->query->store, list->query);
	return list->error == 0 && ++list->row < list->query->n_rows;
}

int store_list_end(struct store *store, struct store_list *list)
{
	(void)store;
	release(list->query);
	list->query = NULL;
	return list->error;
}

static const struct cell *cell_of(const struct store_list *list, int column)
{
	const struct store_query *query = list->query;

	return &query->cells[list->row * query->n_columns + column];
}

int64_t store_list_number(const struct store_list *list, int column)
{
	const struct cell *cell = cell_of(list, column);

	return cell->is_text ? 0 : cell->number;
}

const char *store_list_text(const struct store_list *list, int column)
{
	const struct cell *cell = cell_of(list, column);

	return cell->is_text && cell->number >= 0 ? list->query->texts + cell->number : NULL;
}
