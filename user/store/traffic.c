/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic.c - the file: opened, written, made shorter; at once, or by a thread. Reading is
 * traffic_read.c's.
 */
#include "user/store/traffic_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"

#define SCHEMA      1
#define PRUNE_ROWS  20000 /* of one call */
#define RETRY_CALLS 10 /* of traffic_prune(), which is called every second */
#define IDLE_CALLS  10 /* of it, without a row that came or went: one of them looks */
#define NS_PER_US   1000
#define QUEUE_BYTES (16u << 20)
#define WAIT_MS     100 /* for rows on their way, before reading */

static const char schema[] =
	"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	"PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -8192;"
	"CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE IF NOT EXISTS traffic (id INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
	" source BLOB NOT NULL, principal INTEGER NOT NULL, service INTEGER NOT NULL,"
	" operation INTEGER NOT NULL, class INTEGER NOT NULL, method INTEGER NOT NULL,"
	" path INTEGER NOT NULL, status INTEGER NOT NULL, duration INTEGER NOT NULL,"
	" request INTEGER NOT NULL, response INTEGER NOT NULL, flags INTEGER NOT NULL) STRICT;"
	"CREATE INDEX IF NOT EXISTS traffic_source ON traffic (source, time);"
	"CREATE INDEX IF NOT EXISTS traffic_operation ON traffic (operation, time);"
	"CREATE INDEX IF NOT EXISTS traffic_principal ON traffic (principal, time)"
	" WHERE principal != 0;"
	"CREATE TABLE IF NOT EXISTS marks (traffic INTEGER NOT NULL, name INTEGER NOT NULL,"
	" PRIMARY KEY (traffic, name)) STRICT, WITHOUT ROWID;"
	"PRAGMA user_version = 1;";

static void give_names(struct traffic_store *store)
{
	pthread_mutex_lock(&store->lock);
	store->n_given = store->n_names;
	pthread_mutex_unlock(&store->lock);
}

/* How many the thread that writes may look at. */
static uint32_t names_given(struct traffic_store *store)
{
	uint32_t n;

	if (!store->writer)
		return store->n_names;
	pthread_mutex_lock(&store->lock);
	n = store->n_given;
	pthread_mutex_unlock(&store->lock);
	return n;
}

/* ---------------------------------------------------------------------------------------------
 * Opening
 */
static void set_trouble(struct traffic_store *store, const char *what, int r)
{
	bool fresh = !traffic_is_troubled(store);
	char text[sizeof(store->trouble)];

	snprintf(text, sizeof(text), "%.120s cannot be %s: %s", store->path, what,
		 r == SQLITE_MISMATCH ? "made by a newer version" : sqlite3_errstr(r));
	if (fresh)
		log_warning("%s: requests are not stored", text);
	pthread_mutex_lock(&store->lock);
	memcpy(store->trouble, text, sizeof(text));
	pthread_mutex_unlock(&store->lock);
}

bool traffic_is_troubled(struct traffic_store *store)
{
	bool troubled;

	pthread_mutex_lock(&store->lock);
	troubled = *store->trouble;
	pthread_mutex_unlock(&store->lock);
	return troubled;
}

static void shut(struct traffic_store *store)
{
	sqlite3_finalize(store->insert);
	sqlite3_finalize(store->mark);
	store->insert = store->mark = NULL;
	sqlite3_close_v2(store->db);
	store->db = NULL;
}

/*
 * Numbers are given in this order: one that does not fit is a broken file. Names that are known
 * must be the same; others can be taken by the caller's thread only.
 */
static int read_names(struct traffic_store *store)
{
	uint32_t known = names_given(store);
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(store->db, "SELECT id, text FROM names ORDER BY id", -1, &s,
				   NULL);

	if (r != SQLITE_OK)
		return r;
	store->n_stored = 0;
	while ((r = sqlite3_step(s)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 1);

		if (sqlite3_column_int64(s, 0) != ++store->n_stored || !text || !*text)
			break;
		if (store->n_stored <= known
			    ? strcmp(store->names[store->n_stored], text) != 0
			    : store->writer || traffic_name(store, text) != store->n_stored)
			break;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r == SQLITE_ROW ? SQLITE_CORRUPT : r;
}

static int version_of(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return version;
}

static int try_open(struct traffic_store *store)
{
	mode_t mask = umask(0077);
	int version, r = sqlite3_open_v2(store->path, &store->db,
					 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
						 SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX,
					 NULL);

	umask(mask);
	if (r != SQLITE_OK)
		return r;
	sqlite3_busy_timeout(store->db, 100);
	version = version_of(store->db);
	if (version > SCHEMA)
		return SQLITE_MISMATCH;
	r = sqlite3_exec(store->db, schema, NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = read_names(store);
	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(store->db,
				       "INSERT INTO traffic VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
				       -1, &store->insert, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(store->db, "INSERT OR IGNORE INTO marks VALUES (?,?)", -1,
				       &store->mark, NULL);
	return r;
}

static bool is_broken(int r)
{
	return (r & 0xff) == SQLITE_CORRUPT || (r & 0xff) == SQLITE_NOTADB;
}

/* It can be replaced: the file goes; the numbers of the names stay. */
static void discard(struct traffic_store *store)
{
	static const char *const parts[] = {"", "-wal", "-shm"};

	shut(store);
	store->n_stored = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s%s", store->path, parts[i]);
		unlink(path);
	}
	pthread_mutex_lock(&store->lock);
	store->epoch++;
	pthread_mutex_unlock(&store->lock);
	log_warning("%s is damaged: a new one is begun, what was in it is lost", store->path);
}

static int64_t ask(struct traffic_store *store, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t value = 0;

	if (store->db && sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

static void reopen(struct traffic_store *store)
{
	int r;

	shut(store);
	r = try_open(store);
	if (is_broken(r)) {
		discard(store);
		r = try_open(store);
	}
	if (r != SQLITE_OK) {
		set_trouble(store, "used", r);
		shut(store);
		return;
	}
	/* ids go on: those that were given already are of rows behind what is there */
	if (!store->opened)
		store->shift = ask(store, "SELECT max(id) FROM traffic");
	store->opened = true;
	pthread_mutex_lock(&store->lock);
	*store->trouble = '\0';
	pthread_mutex_unlock(&store->lock);
}

int traffic_open(const char *state_dir, struct traffic_store **ret_store)
{
	struct traffic_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	pthread_mutex_init(&store->lock, NULL);
	store->names = calloc(TRAFFIC_NAMES_MAX, sizeof(*store->names));
	store->slots = calloc(NAME_SLOTS, sizeof(*store->slots));
	if (!store->names || !store->slots ||
	    asprintf(&store->path, "%s/" TRAFFIC_FILE_NAME, state_dir) < 0) {
		store->path = NULL;
		traffic_close(store);
		return -ENOMEM;
	}
	reopen(store);
	*ret_store = store;
	return 0;
}

int traffic_start(struct traffic_store *store)
{
	int r;

	give_names(store);
	r = worker_new("traffic-writer", QUEUE_BYTES, -1, &store->writer);
	return r < 0 ? r : worker_new("traffic-reader", QUEUE_BYTES, -1, &store->reader);
}

void traffic_close(struct traffic_store *store)
{
	if (!store)
		return;
	worker_free(store->reader);
	worker_free(store->writer);
	sqlite3_close_v2(store->reading);
	shut(store);
	for (uint32_t i = 1; i <= store->n_names; i++)
		free(store->names[i]);
	free(store->names);
	free(store->slots);
	free(store->path);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

const char *traffic_trouble(struct traffic_store *store)
{
	pthread_mutex_lock(&store->lock);
	memcpy(store->shown, store->trouble, sizeof(store->shown));
	pthread_mutex_unlock(&store->lock);
	return *store->shown ? store->shown : NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Writing
 */
static int failed(struct traffic_store *store, int r)
{
	set_trouble(store, "written", r);
	if (is_broken(r))
		discard(store);
	return (r & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int put_names(struct traffic_store *store)
{
	uint32_t n = names_given(store);
	sqlite3_stmt *s = NULL;
	int r = SQLITE_OK;

	if (store->n_stored >= n)
		return SQLITE_OK;
	r = sqlite3_prepare_v2(store->db, "INSERT OR REPLACE INTO names VALUES (?,?)", -1, &s,
			       NULL);
	for (uint32_t i = store->n_stored + 1; r == SQLITE_OK && i <= n; i++) {
		sqlite3_bind_int64(s, 1, i);
		sqlite3_bind_text(s, 2, store->names[i], -1, SQLITE_STATIC);
		r = sqlite3_step(s) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(store->db);
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	store->n_putting = n;
	return r;
}

void traffic_bind_source(sqlite3_stmt *s, int at, const struct gl_addr *addr)
{
	static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool is_v4 = memcmp(addr->b, v4, sizeof(v4)) == 0;

	sqlite3_bind_blob(s, at, is_v4 ? addr->b + 12 : addr->b, is_v4 ? 4 : 16, SQLITE_TRANSIENT);
}

static int put_mark(struct traffic_store *store, int64_t row, uint32_t name)
{
	int r;

	sqlite3_bind_int64(store->mark, 1, row + store->shift);
	sqlite3_bind_int64(store->mark, 2, name);
	r = sqlite3_step(store->mark) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(store->db);
	sqlite3_reset(store->mark);
	return r;
}

static int put_marks(struct traffic_store *store, const struct traffic_row *row)
{
	int r = SQLITE_OK;

	for (int i = 0; i < TRAFFIC_MARKS && row->marks[i] && r == SQLITE_OK; i++)
		r = put_mark(store, row->id, row->marks[i]);
	return r;
}

static int put_row(struct traffic_store *store, const struct traffic_row *row)
{
	sqlite3_stmt *s = store->insert;
	const int64_t numbers[] = {
		row->service,
		row->operation,
		row->cls,
		row->method,
		row->path,
		row->status,
		row->total_us,
		(int64_t)row->request_bytes,
		(int64_t)row->response_bytes,
		row->flags,
	};
	int r;

	sqlite3_bind_int64(s, 1, row->id + store->shift);
	sqlite3_bind_int64(s, 2, row->time_ns / NS_PER_US);
	traffic_bind_source(s, 3, &row->source);
	sqlite3_bind_int64(s, 4, (int64_t)row->principal);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sqlite3_bind_int64(s, 5 + (int)i, numbers[i]);
	r = sqlite3_step(s) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(store->db);
	sqlite3_reset(s);
	return r == SQLITE_OK ? put_marks(store, row) : r;
}

static int finish(struct traffic_store *store, int r)
{
	if (r == SQLITE_OK)
		r = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	if (r != SQLITE_OK) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		return failed(store, r);
	}
	store->n_stored = store->n_putting;
	return 0;
}

static int start(struct traffic_store *store)
{
	int r = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	store->n_putting = store->n_stored;
	return r == SQLITE_OK ? put_names(store) : r;
}

static int write_rows(struct traffic_store *store, const struct traffic_row *rows, size_t n)
{
	int r;

	if (!store->db || traffic_is_troubled(store)) {
		r = -EIO;
	} else {
		r = start(store);
		for (size_t i = 0; r == SQLITE_OK && i < n; i++)
			r = put_row(store, &rows[i]);
		r = finish(store, r);
	}
	pthread_mutex_lock(&store->lock);
	*(r < 0 ? &store->counts.failed : &store->counts.stored) += n;
	pthread_mutex_unlock(&store->lock);
	return r;
}

static int write_marks(struct traffic_store *store, const struct traffic_mark *marks, size_t n)
{
	int r;

	if (!store->db || traffic_is_troubled(store))
		return -EIO;
	r = start(store);
	for (size_t i = 0; r == SQLITE_OK && i < n; i++)
		r = put_mark(store, marks[i].row, marks[i].name);
	return finish(store, r);
}

static uint64_t used_bytes(struct traffic_store *store)
{
	int64_t pages = ask(store, "PRAGMA page_count") - ask(store, "PRAGMA freelist_count");

	return (uint64_t)(pages * ask(store, "PRAGMA page_size"));
}

/* The first of the oldest rows that stays: ids go with time. 0 = none goes. */
static int64_t keep_from(struct traffic_store *store, const struct traffic_limits *limits,
			 int64_t now_ns)
{
	int64_t first = ask(store, "SELECT min(id) FROM traffic"), at = 0;
	char sql[160];

	if (!first)
		return 0;
	snprintf(sql, sizeof(sql),
		 "SELECT min(id) FROM (SELECT id FROM traffic WHERE id < %lld AND time >= %lld"
		 " ORDER BY id LIMIT 1)",
		 (long long)first + PRUNE_ROWS,
		 (long long)((now_ns - (int64_t)limits->age_s * 1000000000) / NS_PER_US));
	at = ask(store, sql);
	if (at == 0)
		return first + PRUNE_ROWS; /* all of those are too old */
	if (used_bytes(store) > limits->bytes)
		return first + PRUNE_ROWS;
	return at > first ? at : 0;
}

static void prune(struct traffic_store *store, const struct traffic_limits *limits, int64_t now_ns)
{
	int64_t from;
	char sql[224];
	int r;

	if (!store->db || traffic_is_troubled(store)) {
		if (++store->calls % RETRY_CALLS == 0)
			reopen(store);
		return;
	}
	from = keep_from(store, limits, now_ns);
	if (!from)
		return;
	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE; DELETE FROM marks WHERE traffic < %lld;"
		 "DELETE FROM traffic WHERE id < %lld; COMMIT; PRAGMA incremental_vacuum(2000)",
		 (long long)from, (long long)from);
	r = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	if (r != SQLITE_OK) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		failed(store, r);
		return;
	}
	pthread_mutex_lock(&store->lock);
	store->counts.pruned++;
	pthread_mutex_unlock(&store->lock);
}

struct traffic_counts traffic_counts(struct traffic_store *store)
{
	struct traffic_counts counts;

	pthread_mutex_lock(&store->lock);
	counts = store->counts;
	pthread_mutex_unlock(&store->lock);
	if (store->writer)
		return counts;
	counts.rows = ask(store, "SELECT max(id) - min(id) + 1 FROM traffic");
	counts.bytes = used_bytes(store);
	return counts;
}

/* ---------------------------------------------------------------------------------------------
 * Giving: at once, or to the thread that writes
 */
struct write_job {
	struct worker_job job;
	struct traffic_store *store;
	size_t n_rows, n_marks;
	struct traffic_limits limits; /* pruning: neither rows nor marks */
	int64_t now_ns;
	uint64_t payload[]; /* rows or marks */
};

static void run_write(struct worker_job *job, struct worker *worker)
{
	struct write_job *w = (struct write_job *)job;

	(void)worker;
	if (w->n_rows)
		write_rows(w->store, (const struct traffic_row *)w->payload, w->n_rows);
	else if (w->n_marks)
		write_marks(w->store, (const struct traffic_mark *)w->payload, w->n_marks);
	else
		prune(w->store, &w->limits, w->now_ns);
	free(w);
}

static int give(struct traffic_store *store, const struct write_job *what, const void *payload,
		size_t bytes)
{
	struct write_job *job = malloc(sizeof(*job) + bytes);
	int r;

	if (!job)
		return -ENOMEM;
	*job = *what;
	job->job = (struct worker_job){.bytes = sizeof(*job) + bytes, .run = run_write};
	job->store = store;
	if (bytes)
		memcpy(job->payload, payload, bytes);
	give_names(store);
	r = worker_put(store->writer, &job->job, &store->ticket);
	if (r < 0)
		free(job);
	return r;
}

int traffic_put(struct traffic_store *store, struct traffic_row *rows, size_t n)
{
	const struct write_job what = {.n_rows = n};

	for (size_t i = 0; i < n; i++)
		rows[i].id = ++store->last_id;
	return store->writer ? give(store, &what, rows, n * sizeof(*rows))
			     : write_rows(store, rows, n);
}

int traffic_mark(struct traffic_store *store, const struct traffic_mark *marks, size_t n)
{
	const struct write_job what = {.n_marks = n};

	return store->writer ? give(store, &what, marks, n * sizeof(*marks))
			     : write_marks(store, marks, n);
}

/* Nothing came or went since the last look: only time can have made a row too old. */
static bool is_idle(struct traffic_store *store, const struct traffic_limits *limits)
{
	uint64_t sum;
	bool same;

	pthread_mutex_lock(&store->lock);
	sum = store->counts.stored + store->counts.failed + store->counts.pruned;
	same = !*store->trouble;
	pthread_mutex_unlock(&store->lock);
	same = same && sum == store->looked && limits->age_s == store->limits.age_s &&
	       limits->bytes == store->limits.bytes;
	store->looked = sum;
	store->limits = *limits;
	store->idle = same ? store->idle + 1 : 0;
	return store->idle % IDLE_CALLS != 0;
}

void traffic_prune(struct traffic_store *store, const struct traffic_limits *limits, int64_t now_ns)
{
	const struct write_job what = {.limits = *limits, .now_ns = now_ns};

	if (!store->writer)
		prune(store, limits, now_ns);
	else if (!is_idle(store, limits) && worker_done(store->writer) >= store->ticket)
		give(store, &what, NULL, 0); /* else there is enough to do */
}

void traffic_settle(struct traffic_store *store)
{
	uint64_t late;

	if (!store->writer || worker_done(store->writer) >= store->ticket)
		return;
	late = worker_late_ms(store->writer);
	worker_wait(store->writer, store->ticket, late < WAIT_MS ? WAIT_MS - (unsigned)late : 0);
}
