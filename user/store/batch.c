/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * batch.c - changes: noted one after the other, then written in one transaction; by the caller, or
 * by the thread that writes, which tries again until the disk takes them. All or nothing of them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/store/store_private.h"

#define RETRY_MS 5000
#define STEP     4096 /* bytes a batch grows by, at least */
#define ROUND(n) (((n) + 7) & ~(size_t)7)

struct store_batch {
	struct worker_job job;
	struct store *store;
	uint8_t *bytes;
	size_t used, size;
	unsigned audits;
	bool broken; /* a change found no memory */
};

/* One change; its arguments follow: int64_t, or the length (-1: null) and the text with its end. */
struct change {
	const char *what, *sql, *types;
	size_t bytes; /* with the arguments */
};

/* ---------------------------------------------------------------------------------------------
 * Noting
 */
static void *take_room(struct store_batch *batch, size_t n)
{
	uint8_t *bytes;
	size_t size = batch->size;

	if (batch->broken)
		return NULL;
	while (size < batch->used + n)
		size += size ? size : STEP;
	if (size != batch->size) {
		bytes = realloc(batch->bytes, size);
		if (!bytes) {
			batch->broken = true;
			return NULL;
		}
		batch->bytes = bytes;
		batch->size = size;
	}
	batch->used += n;
	return batch->bytes + batch->used - n;
}

static void put_number(struct store_batch *batch, int64_t value)
{
	void *at = take_room(batch, sizeof(value));

	if (at)
		memcpy(at, &value, sizeof(value));
}

static void put_text(struct store_batch *batch, const char *text)
{
	size_t n = text ? strlen(text) + 1 : 0;
	char *at;

	put_number(batch, text ? (int64_t)n - 1 : -1);
	at = take_room(batch, ROUND(n));
	if (at && n)
		memcpy(at, text, n);
}

static int note(struct store_batch *batch, const char *what, const char *sql, const char *types,
		va_list ap)
{
	size_t begin = batch->used;
	struct change *change = take_room(batch, sizeof(*change));

	if (change)
		*change = (struct change){.what = what, .sql = sql, .types = types};
	for (; *types; types++) {
		if (*types == 't')
			put_text(batch, va_arg(ap, const char *));
		else
			put_number(batch, va_arg(ap, int64_t));
	}
	if (batch->broken)
		return -ENOMEM;
	change = (struct change *)(void *)(batch->bytes + begin);
	change->bytes = batch->used - begin;
	return 0;
}

int store_change(struct store *store, const char *what, const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	if (!store->batch)
		return -EIO;
	va_start(ap, types);
	r = note(store->batch, what, sql, types, ap);
	va_end(ap);
	return r;
}

int store_add_audit(struct store *store, const struct store_audit *a)
{
	int r;

	r = store_change(store, "audit", NULL, "itiittt", a->time_ns, a->origin, (int64_t)a->uid,
			 (int64_t)a->pid, a->what, a->before, a->after);
	if (r == 0)
		store->batch->audits++;
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * Writing
 */
void store_forget_statements(struct store *store)
{
	while (store->n_prepared)
		sqlite3_finalize(store->prepared[--store->n_prepared].statement);
}

/* Texts of SQL are constants: the same one has the same address. */
static int prepare(struct store *store, const char *sql, sqlite3_stmt **ret_statement)
{
	size_t i = 0;
	int r;

	while (i < store->n_prepared && store->prepared[i].sql != sql)
		i++;
	if (i == STATEMENTS_MAX) {
		store_forget_statements(store);
		i = 0;
	}
	if (i == store->n_prepared) {
		r = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				       &store->prepared[i].statement, NULL);
		if (r != SQLITE_OK)
			return r;
		store->prepared[i].sql = sql;
		store->n_prepared++;
	}
	*ret_statement = store->prepared[i].statement;
	return SQLITE_OK;
}

static int run(sqlite3_stmt *statement)
{
	int r = sqlite3_step(statement);

	if (r != SQLITE_DONE)
		return sqlite3_reset(statement);
	sqlite3_reset(statement);
	return SQLITE_DONE;
}

int store_change_now(struct store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list ap;
	int r = prepare(store, sql, &statement);

	va_start(ap, types);
	for (int i = 0; types[i] && r == SQLITE_OK; i++) {
		if (types[i] == 't')
			r = sqlite3_bind_text(statement, i + 1, va_arg(ap, const char *), -1,
					      SQLITE_STATIC);
		else
			r = sqlite3_bind_int64(statement, i + 1, va_arg(ap, int64_t));
	}
	va_end(ap);
	return r == SQLITE_OK ? run(statement) : r;
}

static int64_t get_number(const uint8_t **at)
{
	int64_t value;

	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static const char *get_text(const uint8_t **at)
{
	int64_t n = get_number(at);
	const char *text = (const char *)*at;

	if (n < 0)
		return NULL;
	*at += ROUND((size_t)n + 1);
	return text;
}

static int write_change(struct store *store, const struct change *change)
{
	const uint8_t *at = (const uint8_t *)(change + 1);
	sqlite3_stmt *statement;
	int r = prepare(store, change->sql, &statement);

	for (int i = 0; change->types[i] && r == SQLITE_OK; i++) {
		if (change->types[i] == 't')
			r = sqlite3_bind_text(statement, i + 1, get_text(&at), -1, SQLITE_STATIC);
		else
			r = sqlite3_bind_int64(statement, i + 1, get_number(&at));
	}
	return r == SQLITE_OK ? run(statement) : r;
}

/* Takes the next id and the next place in the chain: what these are is known only here. */
static int write_audit(struct store *store, const struct change *change)
{
	const uint8_t *at = (const uint8_t *)(change + 1);
	char previous[STORE_HASH], hash[STORE_HASH];
	struct store_audit a = {};

	a.time_ns = get_number(&at);
	a.origin = get_text(&at);
	a.uid = (uint32_t)get_number(&at);
	a.pid = (int32_t)get_number(&at);
	a.what = get_text(&at);
	a.before = get_text(&at);
	a.after = get_text(&at);
	if (store_chain_end(store, &a.id, previous) < 0)
		return SQLITE_IOERR;
	a.id++;
	if (chain_hash(previous, &a, hash) < 0)
		return SQLITE_NOMEM;
	return store_change_now(
		store,
		"INSERT INTO audit (id, time, origin, uid, pid, what, before, after, hash,"
		" previous) VALUES (?,?,?,?,?,?,?,?,?,?)",
		"iitiittttt", a.id, a.time_ns, a.origin, (int64_t)a.uid, (int64_t)a.pid, a.what,
		a.before, a.after, hash, previous);
}

/* One transaction. SQLITE_OK, or what SQLite said, noted by store_failed(). */
static int write_batch(struct store *store, const struct store_batch *batch)
{
	const char *what = "begin";
	char hash[STORE_HASH];
	int64_t last;
	int r;

	if (!store->db)
		return SQLITE_CANTOPEN;
	r = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (size_t at = 0; r == SQLITE_OK && at < batch->used;) {
		const struct change *change =
			(const struct change *)(const void *)(batch->bytes + at);

		what = change->what;
		r = change->sql ? write_change(store, change) : write_audit(store, change);
		r = r == SQLITE_DONE ? SQLITE_OK : r;
		at += change->bytes;
	}
	if (r == SQLITE_OK) {
		what = "commit";
		r = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	}
	if (r != SQLITE_OK) {
		store_failed(store, r, what);
		if (store->db)
			sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	pthread_mutex_lock(&store->lock);
	store->counts.transactions++;
	pthread_mutex_unlock(&store->lock);
	if (batch->audits && store->sign && store_chain_end(store, &last, hash) == 0)
		store->sign(last, hash, store->sign_data);
	return SQLITE_OK;
}

void store_batch_free(struct store_batch *batch)
{
	if (!batch)
		return;
	free(batch->bytes);
	free(batch);
}

static void batch_freep(struct store_batch **batch)
{
	store_batch_free(*batch);
}

/* Not the disk's fault: it would fail for ever, and what is behind it would wait. */
static bool is_hopeless(int r)
{
	switch (r & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
		return true;
	default:
		return false;
	}
}

/* In the thread that writes, until it is written. */
static void run_batch(struct worker_job *job, struct worker *worker)
{
	struct store_batch *batch = (struct store_batch *)job;
	struct store *store = batch->store;
	bool again = true;
	int r;

	while ((r = write_batch(store, batch)) != SQLITE_OK) {
		if (is_hopeless(r) || store->newer)
			break;
		/* a broken file was set aside: a new one takes it, at once but once */
		if (!(store_is_broken(r) && again) && !worker_sleep(worker, RETRY_MS))
			break;
		again = !store_is_broken(r);
		store_reopen(store);
	}
	pthread_mutex_lock(&store->lock);
	store->counts.dropped += r != SQLITE_OK;
	store->audits -= batch->audits;
	pthread_mutex_unlock(&store->lock);
	if (is_hopeless(r))
		store_reopen(store); /* the others can be written */
	store_batch_free(batch);
}

/* ---------------------------------------------------------------------------------------------
 * Transactions
 */
static bool works(struct store *store)
{
	bool works;

	pthread_mutex_lock(&store->lock);
	works = !*store->trouble;
	pthread_mutex_unlock(&store->lock);
	return works;
}

int store_begin(struct store *store)
{
	if (!works(store))
		return -EIO;
	store_batch_free(store->batch);
	store->batch = calloc(1, sizeof(*store->batch));
	if (!store->batch)
		return -ENOMEM;
	store->batch->store = store;
	store->batch->job.run = run_batch;
	return 0;
}

int store_commit(struct store *store)
{
	_cleanup_(batch_freep) struct store_batch *batch = TAKE_PTR(store->batch);
	unsigned audits;
	int r;

	if (!batch)
		return -EIO;
	if (batch->broken)
		return -ENOMEM;
	if (!batch->used)
		return 0;
	if (!store->writer)
		return store_errno(write_batch(store, batch));
	audits = batch->audits;
	batch->job.bytes = sizeof(*batch) + batch->size;
	pthread_mutex_lock(&store->lock);
	store->audits += audits;
	pthread_mutex_unlock(&store->lock);
	r = worker_put(store->writer, &batch->job, &store->ticket);
	if (r == 0) {
		TAKE_PTR(batch);
		return 0;
	}
	pthread_mutex_lock(&store->lock);
	store->audits -= audits;
	store->counts.refused++;
	pthread_mutex_unlock(&store->lock);
	return r;
}

unsigned store_audits_waiting(struct store *store)
{
	unsigned n;

	pthread_mutex_lock(&store->lock);
	n = store->audits;
	pthread_mutex_unlock(&store->lock);
	return n;
}
