/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic_read.c - rows of requests, newest first. Where there is a thread that reads it fetches
 * them, and who asks waits for a moment only.
 */
#include "user/store/traffic_private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000
#define LATE_NS   (300ll * 1000000000)
#define WAIT_MS   1500 /* a scope of many rows on a busy machine */

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
	traffic_bind_source(s, 4, &low);
	if (q->prefix_len < 128)
		traffic_bind_source(s, 5, &high);
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

/* ---------------------------------------------------------------------------------------------
 * Asking
 */
typedef bool (*row_fn)(const struct traffic_row *row, void *userdata);

static void bind_query(sqlite3_stmt *s, const struct traffic_query *q)
{
	sqlite3_bind_int64(s, 1, q->from_ns / NS_PER_US);
	sqlite3_bind_int64(s, 2, q->to_ns / NS_PER_US);
	sqlite3_bind_int64(s, 3, (int64_t)q->max);
	if (q->by == TRAFFIC_SOURCE)
		bind_prefix(s, q);
	else if (q->by != TRAFFIC_ALL)
		sqlite3_bind_int64(
			s, 4, q->by == TRAFFIC_PRINCIPAL ? (int64_t)q->principal : q->operation);
	if (q->by == TRAFFIC_OPERATION)
		sqlite3_bind_int64(s, 5, q->service);
}

static int each(sqlite3 *db, const struct traffic_query *q, row_fn fn, void *userdata)
{
	const char *sql =
		q->by == TRAFFIC_SOURCE && q->prefix_len == 128 ? one_source : selects[q->by];
	sqlite3_stmt *s = NULL, *marks = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(db, "SELECT name FROM marks WHERE traffic = ?", -1, &marks,
				       NULL);
	if (r == SQLITE_OK) {
		bind_query(s, q);
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

/* ---------------------------------------------------------------------------------------------
 * The thread that reads
 */
struct read_job {
	struct worker_job job;
	struct traffic_store *store;
	atomic_int users; /* who asks, who answers */
	struct traffic_query query;
	struct traffic_row *rows;
	size_t n, size;
	int result;
};

static void release(struct read_job *job)
{
	if (atomic_fetch_sub(&job->users, 1) > 1)
		return;
	free(job->rows);
	free(job);
}

static bool keep(const struct traffic_row *row, void *userdata)
{
	struct read_job *job = userdata;

	if (job->n == job->size) {
		size_t size = job->size ? 2 * job->size : 512;
		struct traffic_row *rows = reallocarray(job->rows, size, sizeof(*rows));

		if (!rows) {
			job->result = -ENOMEM;
			return false;
		}
		job->rows = rows;
		job->size = size;
	}
	job->rows[job->n++] = *row;
	/* nobody waits for it any more */
	return atomic_load(&job->users) > 1;
}

static int open_reading(struct traffic_store *store)
{
	unsigned epoch;

	pthread_mutex_lock(&store->lock);
	epoch = store->epoch;
	pthread_mutex_unlock(&store->lock);
	if (store->reading && store->reading_epoch == epoch)
		return 0;
	sqlite3_close_v2(store->reading);
	store->reading = NULL;
	store->reading_epoch = epoch;
	if (sqlite3_open_v2(store->path, &store->reading,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(store->reading, 100);
		return 0;
	}
	sqlite3_close_v2(store->reading);
	store->reading = NULL;
	return -EIO;
}

static void run_read(struct worker_job *job, struct worker *worker)
{
	struct read_job *read = (struct read_job *)job;
	int r = open_reading(read->store);

	(void)worker;
	if (r == 0 && atomic_load(&read->users) > 1)
		r = each(read->store->reading, &read->query, keep, read);
	if (read->result == 0)
		read->result = r;
	release(read);
}

static int ask_reader(struct traffic_store *store, const struct traffic_query *q, row_fn fn,
		      void *userdata)
{
	struct read_job *job;
	uint64_t ticket;
	int r;

	if (worker_late_ms(store->reader) >= WAIT_MS)
		return -EBUSY;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->job = (struct worker_job){.bytes = sizeof(*job), .run = run_read};
	job->store = store;
	job->query = *q;
	atomic_store(&job->users, 2);
	r = worker_put(store->reader, &job->job, &ticket);
	if (r < 0)
		atomic_store(&job->users, 1);
	else if (!worker_wait(store->reader, ticket, WAIT_MS))
		r = -EBUSY;
	else
		r = job->result;
	for (size_t i = 0; r == 0 && i < job->n; i++)
		if (!fn(&job->rows[i], userdata))
			break;
	release(job);
	return r;
}

int traffic_each(struct traffic_store *store, const struct traffic_query *q, row_fn fn,
		 void *userdata)
{
	if (store->reader)
		return ask_reader(store, q, fn, userdata);
	return store->db ? each(store->db, q, fn, userdata) : -EIO;
}
