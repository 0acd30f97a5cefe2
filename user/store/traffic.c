/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/store/traffic.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"

#define SCHEMA      1
#define NAME_SLOTS  (2 * TRAFFIC_NAMES_MAX) /* a power of two */
#define PRUNE_ROWS  20000 /* of one call */
#define RETRY_CALLS 10 /* of traffic_prune(), which is called every second */
#define NS_PER_US   1000
#define LATE_NS     (300ll * 1000000000)

struct traffic_store {
	char *path;
	sqlite3 *db; /* NULL: nothing is stored */
	sqlite3_stmt *insert, *mark;
	char trouble[200];
	char **names; /* [1..n_names] */
	uint32_t n_names, n_stored; /* stored: in the file */
	uint32_t *slots; /* by hash of the text */
	unsigned calls;
	struct traffic_counts counts;
};

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

/* ---------------------------------------------------------------------------------------------
 * Names
 */
static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

/* Where the text is, or the free slot where it goes. */
static uint32_t *slot_of(const struct traffic_store *store, const char *text)
{
	uint32_t at = hash(text) & (NAME_SLOTS - 1);

	while (store->slots[at] && strcmp(store->names[store->slots[at]], text) != 0)
		at = (at + 1) & (NAME_SLOTS - 1);
	return &store->slots[at];
}

uint32_t traffic_name(struct traffic_store *store, const char *text)
{
	uint32_t *slot;

	if (!*text)
		return 0;
	slot = slot_of(store, text);
	if (*slot)
		return *slot;
	if (store->n_names + 1 >= TRAFFIC_NAMES_MAX)
		return 0;
	store->names[store->n_names + 1] = strdup(text);
	if (!store->names[store->n_names + 1])
		return 0;
	*slot = ++store->n_names;
	return *slot;
}

const char *traffic_text(const struct traffic_store *store, uint32_t name)
{
	return name && name <= store->n_names ? store->names[name] : "";
}

static void forget_names(struct traffic_store *store)
{
	for (uint32_t i = 1; i <= store->n_names; i++)
		free(store->names[i]);
	memset(store->slots, 0, NAME_SLOTS * sizeof(*store->slots));
	store->n_names = store->n_stored = 0;
}

/* ---------------------------------------------------------------------------------------------
 * Opening
 */
static void shut(struct traffic_store *store)
{
	sqlite3_finalize(store->insert);
	sqlite3_finalize(store->mark);
	store->insert = store->mark = NULL;
	sqlite3_close_v2(store->db);
	store->db = NULL;
}

static int read_names(struct traffic_store *store)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(store->db, "SELECT id, text FROM names ORDER BY id", -1, &s,
				   NULL);

	if (r != SQLITE_OK)
		return r;
	while ((r = sqlite3_step(s)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 1);

		/* numbers are given in this order: one that does not fit is a broken file */
		if (sqlite3_column_int64(s, 0) != store->n_names + 1 || !text || !*text ||
		    traffic_name(store, text) != sqlite3_column_int64(s, 0))
			break;
	}
	sqlite3_finalize(s);
	store->n_stored = store->n_names;
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

/* It can be replaced: the file goes. */
static void discard(struct traffic_store *store)
{
	static const char *const parts[] = {"", "-wal", "-shm"};

	shut(store);
	forget_names(store);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s%s", store->path, parts[i]);
		unlink(path);
	}
	log_warning("%s is damaged: a new one is begun, what was in it is lost", store->path);
}

static void reopen(struct traffic_store *store)
{
	int r;

	forget_names(store);
	r = try_open(store);
	if (is_broken(r)) {
		discard(store);
		r = try_open(store);
	}
	if (r == SQLITE_OK) {
		*store->trouble = '\0';
		return;
	}
	if (!*store->trouble)
		log_warning("%s cannot be used (%s): requests are not stored", store->path,
			    sqlite3_errstr(r));
	snprintf(store->trouble, sizeof(store->trouble), "%.120s cannot be used: %s", store->path,
		 r == SQLITE_MISMATCH ? "made by a newer version" : sqlite3_errstr(r));
	shut(store);
}

int traffic_open(const char *state_dir, struct traffic_store **ret_store)
{
	struct traffic_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
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

void traffic_close(struct traffic_store *store)
{
	if (!store)
		return;
	shut(store);
	if (store->names && store->slots)
		forget_names(store);
	free(store->names);
	free(store->slots);
	free(store->path);
	free(store);
}

const char *traffic_trouble(const struct traffic_store *store)
{
	return *store->trouble ? store->trouble : NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Writing
 */
static int failed(struct traffic_store *store, int r)
{
	if (!*store->trouble)
		log_warning("%s cannot be written (%s): requests are not stored", store->path,
			    sqlite3_errmsg(store->db));
	snprintf(store->trouble, sizeof(store->trouble), "%.120s cannot be written: %s",
		 store->path, sqlite3_errstr(r));
	if (is_broken(r))
		discard(store);
	return (r & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int put_names(struct traffic_store *store)
{
	sqlite3_stmt *s = NULL;
	int r = SQLITE_OK;

	if (store->n_stored == store->n_names)
		return SQLITE_OK;
	r = sqlite3_prepare_v2(store->db, "INSERT OR REPLACE INTO names VALUES (?,?)", -1, &s,
			       NULL);
	for (uint32_t i = store->n_stored + 1; r == SQLITE_OK && i <= store->n_names; i++) {
		sqlite3_bind_int64(s, 1, i);
		sqlite3_bind_text(s, 2, store->names[i], -1, SQLITE_STATIC);
		r = sqlite3_step(s) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(store->db);
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	return r;
}

/* IPv4 in four bytes. */
static void bind_source(sqlite3_stmt *s, int at, const struct gl_addr *addr)
{
	static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool is_v4 = memcmp(addr->b, v4, sizeof(v4)) == 0;

	sqlite3_bind_blob(s, at, is_v4 ? addr->b + 12 : addr->b, is_v4 ? 4 : 16, SQLITE_TRANSIENT);
}

static int put_mark(struct traffic_store *store, int64_t row, uint32_t name)
{
	int r;

	sqlite3_bind_int64(store->mark, 1, row);
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

static int put_row(struct traffic_store *store, struct traffic_row *row)
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

	sqlite3_bind_null(s, 1);
	sqlite3_bind_int64(s, 2, row->time_ns / NS_PER_US);
	bind_source(s, 3, &row->source);
	sqlite3_bind_int64(s, 4, (int64_t)row->principal);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sqlite3_bind_int64(s, 5 + (int)i, numbers[i]);
	r = sqlite3_step(s) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(store->db);
	sqlite3_reset(s);
	row->id = sqlite3_last_insert_rowid(store->db);
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
	store->n_stored = store->n_names;
	return 0;
}

static int start(struct traffic_store *store)
{
	int r = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	return r == SQLITE_OK ? put_names(store) : r;
}

int traffic_put(struct traffic_store *store, struct traffic_row *rows, size_t n)
{
	int r;

	if (!store->db || *store->trouble) {
		store->counts.failed += n;
		return -EIO;
	}
	r = start(store);
	for (size_t i = 0; r == SQLITE_OK && i < n; i++)
		r = put_row(store, &rows[i]);
	r = finish(store, r);
	if (r < 0)
		store->counts.failed += n;
	else
		store->counts.stored += n;
	return r;
}

int traffic_mark(struct traffic_store *store, const struct traffic_mark *marks, size_t n)
{
	int r;

	if (!store->db || *store->trouble)
		return -EIO;
	r = start(store);
	for (size_t i = 0; r == SQLITE_OK && i < n; i++)
		r = put_mark(store, marks[i].row, marks[i].name);
	return finish(store, r);
}

/* ---------------------------------------------------------------------------------------------
 * What goes
 */
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

void traffic_prune(struct traffic_store *store, const struct traffic_limits *limits, int64_t now_ns)
{
	int64_t from;
	char sql[224];
	int r;

	if (!store->db || *store->trouble) {
		if (++store->calls % RETRY_CALLS == 0) {
			shut(store);
			reopen(store);
		}
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
	store->counts.pruned++;
}

struct traffic_counts traffic_counts(struct traffic_store *store)
{
	struct traffic_counts counts = store->counts;

	counts.rows = ask(store, "SELECT max(id) - min(id) + 1 FROM traffic");
	counts.bytes = used_bytes(store);
	return counts;
}

/* ---------------------------------------------------------------------------------------------
 * Reading
 */
#define COLUMNS                                                                                    \
	"SELECT id, time, source, principal, service, operation, class, method, path, status,"     \
	" duration, request, response, flags FROM traffic "

static const char *const selects[] = {
	[TRAFFIC_ALL] = COLUMNS "WHERE time <= ?2 AND ?1 = ?1 ORDER BY id DESC LIMIT ?3",
	[TRAFFIC_SOURCE] = COLUMNS "WHERE source BETWEEN ?4 AND ?5 AND length(source) ="
				   " length(?4) AND time BETWEEN ?1 AND ?2 ORDER BY time DESC"
				   " LIMIT ?3",
	[TRAFFIC_PRINCIPAL] = COLUMNS "WHERE principal = ?4 AND principal != 0 AND time BETWEEN"
				      " ?1 AND ?2 ORDER BY time DESC LIMIT ?3",
	[TRAFFIC_OPERATION] = COLUMNS "WHERE operation = ?4 AND (?5 = 0 OR service = ?5) AND time"
				      " BETWEEN ?1 AND ?2 ORDER BY time DESC LIMIT ?3",
};
/* one source: the index gives the order */
static const char one_source[] =
	COLUMNS "WHERE source = ?4 AND time BETWEEN ?1 AND ?2 ORDER BY time DESC LIMIT ?3";

/* The first and the last address of a prefix. */
static void bind_prefix(sqlite3_stmt *s, const struct traffic_query *q)
{
	struct gl_addr low = q->source, high = q->source;

	for (unsigned bit = q->prefix_len; bit < 128; bit++) {
		low.b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		high.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	bind_source(s, 4, &low);
	if (q->prefix_len < 128)
		bind_source(s, 5, &high);
}

static void read_marks(sqlite3_stmt *marks, struct traffic_row *row)
{
	int n = 0;

	sqlite3_bind_int64(marks, 1, row->id);
	while (n < TRAFFIC_MARKS && sqlite3_step(marks) == SQLITE_ROW)
		row->marks[n++] = (uint32_t)sqlite3_column_int64(marks, 0);
	sqlite3_reset(marks);
}

static struct traffic_row row_of(sqlite3_stmt *s)
{
	struct traffic_row row = {
		.id = sqlite3_column_int64(s, 0),
		.time_ns = sqlite3_column_int64(s, 1) * NS_PER_US,
		.principal = (uint64_t)sqlite3_column_int64(s, 3),
		.service = (uint32_t)sqlite3_column_int64(s, 4),
		.operation = (uint32_t)sqlite3_column_int64(s, 5),
		.cls = (uint32_t)sqlite3_column_int64(s, 6),
		.method = (uint32_t)sqlite3_column_int64(s, 7),
		.path = (uint32_t)sqlite3_column_int64(s, 8),
		.status = (uint16_t)sqlite3_column_int64(s, 9),
		.total_us = (uint32_t)sqlite3_column_int64(s, 10),
		.request_bytes = (uint64_t)sqlite3_column_int64(s, 11),
		.response_bytes = (uint64_t)sqlite3_column_int64(s, 12),
		.flags = (uint32_t)sqlite3_column_int64(s, 13),
	};
	const void *source = sqlite3_column_blob(s, 2);

	if (source && sqlite3_column_bytes(s, 2) == 4) {
		row.source.b[10] = row.source.b[11] = 0xff;
		memcpy(row.source.b + 12, source, 4);
	} else if (source && sqlite3_column_bytes(s, 2) == 16) {
		memcpy(row.source.b, source, 16);
	}
	return row;
}

int traffic_each(struct traffic_store *store, const struct traffic_query *q,
		 bool (*fn)(const struct traffic_row *row, void *userdata), void *userdata)
{
	const char *sql =
		q->by == TRAFFIC_SOURCE && q->prefix_len == 128 ? one_source : selects[q->by];
	sqlite3_stmt *s = NULL, *marks = NULL;
	int r = SQLITE_OK;

	if (!store->db)
		return -EIO;
	r = sqlite3_prepare_v2(store->db, sql, -1, &s, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(store->db, "SELECT name FROM marks WHERE traffic = ?", -1,
				       &marks, NULL);
	if (r == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, q->from_ns / NS_PER_US);
		sqlite3_bind_int64(s, 2, q->to_ns / NS_PER_US);
		sqlite3_bind_int64(s, 3, (int64_t)q->max);
		if (q->by == TRAFFIC_SOURCE)
			bind_prefix(s, q);
		else if (q->by != TRAFFIC_ALL)
			sqlite3_bind_int64(s, 4,
					   q->by == TRAFFIC_PRINCIPAL ? (int64_t)q->principal
								      : q->operation);
		if (q->by == TRAFFIC_OPERATION)
			sqlite3_bind_int64(s, 5, q->service);
		while ((r = sqlite3_step(s)) == SQLITE_ROW) {
			struct traffic_row row = row_of(s);

			/* ids go with time, but for what was on its way for long */
			if (row.time_ns < q->from_ns - LATE_NS)
				break;
			if (row.time_ns < q->from_ns)
				continue;
			read_marks(marks, &row);
			if (!fn(&row, userdata))
				break;
		}
		r = r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
	}
	sqlite3_finalize(s);
	sqlite3_finalize(marks);
	return r == SQLITE_OK ? 0 : -EIO;
}
