/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.c - the database as a whole: opened, set aside when it is broken, tried again when it could
 * not be written; the threads that write, read and check it.
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

#define RETRY_NS    (5ull * 1000000000)
#define BUSY_MS     200 /* somebody has it open with sqlite3(1): the agent does not wait for long */
#define PATIENT_MS  5000 /* a thread of its own does */
#define CHECK_BYTES (64ll << 20) /* larger files are checked after the start, beside the work */
#define QUEUE_BYTES (16u << 20)
#define READS_BYTES (1u << 20)
#define SILENT_MS   5000 /* of a disk, before it is said */

/*
 * FULL: what was committed is on the disk, also after a power cut. auto_vacuum works for new files
 * only: an old one does not shrink.
 */
static const char pragmas[] =
	"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	"PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 16777216; PRAGMA secure_delete = ON;"
	"PRAGMA cache_size = -8192;";

bool store_is_broken(int r)
{
	r &= 0xff;
	return r == SQLITE_CORRUPT || r == SQLITE_NOTADB;
}

int store_errno(int r)
{
	switch (r & 0xff) {
	case SQLITE_OK:
		return 0;
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

/* ---------------------------------------------------------------------------------------------
 * Opening. In the thread that writes.
 */
__attribute__((format(printf, 2, 3))) static void trouble(struct store *store, const char *fmt, ...)
{
	char text[sizeof(store->trouble)];
	bool fresh;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&store->lock);
	fresh = !*store->trouble;
	memcpy(store->trouble, text, sizeof(text));
	pthread_mutex_unlock(&store->lock);
	if (fresh)
		log_warning("%s; enforcement goes on", text);
}

static void shut(struct store *store)
{
	store_forget_statements(store);
	sqlite3_close_v2(store->db);
	store->db = NULL;
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
	pthread_mutex_lock(&store->lock);
	store->counts.set_aside++;
	store->epoch++;
	store->checked = STORE_CHECKED; /* the new one is small */
	pthread_mutex_unlock(&store->lock);
	log_warning("%s is damaged: kept as %s.damaged-%lld, a new one is begun", store->path,
		    store->path, (long long)now);
	return 0;
}

int store_quick_check(sqlite3 *db)
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

/* Everything, where that is quick. Later it is the start's only. */
static int check_small(struct store *store)
{
	struct stat st;

	if (store->checked == STORE_CHECKED)
		return SQLITE_OK;
	if (stat(store->path, &st) == 0 && st.st_size > CHECK_BYTES) {
		store->checked = STORE_UNCHECKED;
		return SQLITE_OK;
	}
	store->checked = STORE_CHECKED;
	return store_quick_check(store->db);
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
		r = sqlite3_busy_timeout(store->db, store->writer ? PATIENT_MS : BUSY_MS);
	if (r == SQLITE_OK && !store->writer)
		r = check_small(store);
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

static void cannot_open(struct store *store, int r)
{
	pthread_mutex_lock(&store->lock);
	store->counts.failed++;
	store->newer = r == SQLITE_MISMATCH;
	pthread_mutex_unlock(&store->lock);
	if (r == SQLITE_MISMATCH)
		trouble(store,
			"%s was made by a newer version: it is left alone, nothing is stored",
			store->path);
	else
		trouble(store, "%s cannot be opened (%s): nothing is stored", store->path,
			store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(r));
	shut(store);
}

void store_reopen(struct store *store)
{
	bool was;
	int r;

	shut(store);
	r = try_open(store);
	if (store_is_broken(r) && set_aside(store) == 0)
		r = try_open(store);
	if (r != SQLITE_OK) {
		cannot_open(store, r);
		return;
	}
	pthread_mutex_lock(&store->lock);
	was = *store->trouble;
	*store->trouble = '\0';
	pthread_mutex_unlock(&store->lock);
	if (was)
		log_info("%s is written again", store->path);
}

int store_failed(struct store *store, int sqlite_error, const char *what)
{
	pthread_mutex_lock(&store->lock);
	store->counts.failed++;
	pthread_mutex_unlock(&store->lock);
	trouble(store, "%s cannot be written (%s: %s): the newest is kept in memory", store->path,
		what, store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(sqlite_error));
	if (store_is_broken(sqlite_error))
		set_aside(store);
	return store_errno(sqlite_error);
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
	pthread_mutex_init(&store->lock, NULL);
	store_reopen(store);
	*ret_store = store;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Threads
 */
struct plain_job {
	struct worker_job job;
	struct store *store;
};

struct other_job {
	struct worker_job job;
	void (*fn)(void *data);
	void *data;
};

static void run_other(struct worker_job *job, struct worker *worker)
{
	struct other_job *other = (struct other_job *)job;

	(void)worker;
	other->fn(other->data);
	free(other);
}

void store_run(struct store *store, void (*fn)(void *data), void *data)
{
	struct other_job *job = store->writer ? calloc(1, sizeof(*job)) : NULL;

	if (job)
		*job = (struct other_job){
			.job = {.bytes = sizeof(*job), .run = run_other}, .fn = fn, .data = data};
	if (job && worker_put(store->writer, &job->job, &store->ticket) == 0)
		return;
	free(job);
	fn(data);
}

static int give(struct worker *worker, struct store *store,
		void (*run)(struct worker_job *job, struct worker *worker))
{
	struct plain_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	*job = (struct plain_job){.job = {.bytes = sizeof(*job), .run = run}, .store = store};
	r = worker_put(worker, &job->job, NULL);
	if (r < 0)
		free(job);
	return r;
}

static void run_reopen(struct worker_job *job, struct worker *worker)
{
	(void)worker;
	store_reopen(((struct plain_job *)job)->store);
	free(job);
}

static void run_set_aside(struct worker_job *job, struct worker *worker)
{
	struct store *store = ((struct plain_job *)job)->store;

	(void)worker;
	set_aside(store);
	store_reopen(store);
	free(job);
}

void store_give_up(struct store *store)
{
	if (store->writer)
		give(store->writer, store, run_set_aside);
}

static int should_end(void *userdata)
{
	return !worker_sleep(userdata, 0);
}

/* A large file is read as a whole, on a connection of its own, while the agent works. */
static void run_check(struct worker_job *job, struct worker *worker)
{
	struct store *store = ((struct plain_job *)job)->store;
	sqlite3 *db = NULL;
	int r = sqlite3_open_v2(store->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (r == SQLITE_OK) {
		sqlite3_progress_handler(db, 100000, should_end, worker);
		r = store_quick_check(db);
	}
	sqlite3_close_v2(db);
	pthread_mutex_lock(&store->lock);
	store->checked = r == SQLITE_OK ? STORE_CHECKED : STORE_UNCHECKED;
	pthread_mutex_unlock(&store->lock);
	if (store_is_broken(r))
		store_give_up(store);
	else if (r == SQLITE_OK)
		log_info("%s was checked: it is whole", store->path);
	free(job);
}

int store_start(struct store *store, int notify_fd)
{
	int r = worker_new("store-writer", QUEUE_BYTES, notify_fd, &store->writer);

	if (r == 0 && store->db)
		sqlite3_busy_timeout(store->db, PATIENT_MS);
	if (r == 0)
		r = worker_new("store-reader", READS_BYTES, -1, &store->reader);
	if (r < 0 || store->checked != STORE_UNCHECKED || !store->db)
		return r;
	store->checked = STORE_CHECKING;
	r = worker_new("store-check", READS_BYTES, -1, &store->checker);
	return r < 0 ? r : give(store->checker, store, run_check);
}

void store_stop(struct store *store)
{
	if (!store)
		return;
	worker_free(TAKE_PTR(store->checker));
	worker_free(TAKE_PTR(store->reader));
	worker_free(TAKE_PTR(store->writer));
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_stop(store);
	store_batch_free(store->batch);
	sqlite3_close_v2(store->reading);
	shut(store);
	pthread_mutex_destroy(&store->lock);
	free(store->path);
	free(store);
}

/* ---------------------------------------------------------------------------------------------
 * What is known of it
 */
const char *store_trouble(struct store *store)
{
	uint64_t late = store->writer ? worker_late_ms(store->writer) : 0;

	pthread_mutex_lock(&store->lock);
	memcpy(store->shown, store->trouble, sizeof(store->shown));
	pthread_mutex_unlock(&store->lock);
	if (!*store->shown && late >= SILENT_MS)
		snprintf(store->shown, sizeof(store->shown),
			 "%.150s: the disk does not answer, what happens waits in memory",
			 store->path);
	return *store->shown ? store->shown : NULL;
}

unsigned store_epoch(struct store *store)
{
	unsigned epoch;

	pthread_mutex_lock(&store->lock);
	epoch = store->epoch;
	pthread_mutex_unlock(&store->lock);
	return epoch;
}

enum store_check store_checked(struct store *store)
{
	enum store_check checked;

	pthread_mutex_lock(&store->lock);
	checked = store->checked;
	pthread_mutex_unlock(&store->lock);
	return checked;
}

const char *store_check_name(enum store_check check)
{
	static const char *const names[] = {
		[STORE_UNKNOWN] = "unknown",
		[STORE_UNCHECKED] = "not checked",
		[STORE_CHECKING] = "under way",
		[STORE_CHECKED] = "whole",
	};

	return names[check];
}

struct store_counts store_counts(struct store *store)
{
	struct store_counts counts;

	pthread_mutex_lock(&store->lock);
	counts = store->counts;
	pthread_mutex_unlock(&store->lock);
	return counts;
}

void store_on_signed(struct store *store, store_signed_fn fn, void *userdata)
{
	store->sign = fn;
	store->sign_data = userdata;
}

uint64_t store_ticket(const struct store *store)
{
	return store->ticket;
}

bool store_is_written(struct store *store, uint64_t ticket)
{
	return !store->writer || worker_done(store->writer) >= ticket;
}

bool store_settle(struct store *store, unsigned timeout_ms)
{
	uint64_t late;

	if (!store->writer || store_is_written(store, store->ticket))
		return true;
	/* who waited for this disk already is not made to wait again */
	late = worker_late_ms(store->writer);
	return worker_wait(store->writer, store->ticket,
			   late < timeout_ms ? timeout_ms - (unsigned)late : 0);
}

bool store_tick(struct store *store, uint64_t now_boot_ns)
{
	bool troubled, newer;

	pthread_mutex_lock(&store->lock);
	troubled = *store->trouble;
	newer = store->newer;
	pthread_mutex_unlock(&store->lock);
	if (!troubled)
		return true;
	if (newer || now_boot_ns - store->tried_ns < RETRY_NS)
		return false;
	store->tried_ns = now_boot_ns;
	if (!store->writer) {
		store_reopen(store);
		return !*store->trouble;
	}
	/* one that has a batch tries by itself */
	if (store_is_written(store, store->ticket))
		give(store->writer, store, run_reopen);
	return false;
}
