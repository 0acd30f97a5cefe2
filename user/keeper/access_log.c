/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/names.h"
#include "user/base/worker.h"
#include "user/inspect/transaction.h"
#include "user/keeper/event_text.h"

#define BUFFER         (256u << 10)
#define LINE_MAX_BYTES 8192 /* more than the texts of a report and the names of a policy make */
#define QUEUE_BYTES    (8u << 20)
#define TIME_SECONDS   20 /* "2026-11-28T22:13:45." */

struct access_log {
	char *path;
	uint64_t max_bytes;
	/* of the thread that writes: the caller's own until access_log_start() */
	uint64_t bytes; /* of the file */
	int fd; /* -1: could not be opened; tried again at each flush */
	pthread_mutex_t lock; /* of the counts */
	struct access_log_counts counts;
	/* of the caller's */
	struct worker *writer; /* NULL: all happens at once */
	size_t used, lines; /* in the buffer */
	int64_t second; /* `time` tells of */
	char time[CLOCK_TEXT];
	char buffer[BUFFER];
};

/* ---------------------------------------------------------------------------------------------
 * The file
 */
static int open_file(struct access_log *log)
{
	struct stat st;
	int fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return -errno;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->bytes = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

int access_log_open(const char *path, uint64_t max_bytes, struct access_log **ret_log)
{
	struct access_log *log = calloc(1, sizeof(*log));
	int r = 0;

	if (!log)
		return -ENOMEM;
	log->fd = -1;
	log->second = INT64_MIN;
	log->max_bytes = max_bytes ? max_bytes : ACCESS_LOG_BYTES_DEFAULT;
	pthread_mutex_init(&log->lock, NULL);
	log->path = strdup(path ? path : "");
	if (!log->path)
		r = -ENOMEM;
	else if (*log->path)
		r = open_file(log);
	if (r < 0) {
		access_log_close(log);
		return r;
	}
	*ret_log = log;
	return 0;
}

int access_log_start(struct access_log *log)
{
	return worker_new("access-log", QUEUE_BYTES, -1, &log->writer);
}

void access_log_close(struct access_log *log)
{
	if (!log)
		return;
	access_log_flush(log);
	worker_free(log->writer);
	if (log->fd >= 0)
		close(log->fd);
	pthread_mutex_destroy(&log->lock);
	free(log->path);
	free(log);
}

/* FILE.3 -> FILE.4, ..., FILE -> FILE.1: renames only, so that a reader keeps what it has open. */
static void rotate(struct access_log *log)
{
	for (int i = ACCESS_LOG_KEPT; i > 0; i--) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&to, "%s.%d", log->path, i) < 0 ||
		    (i > 1 ? asprintf(&from, "%s.%d", log->path, i - 1)
			   : asprintf(&from, "%s", log->path)) < 0)
			return;
		if (rename(from, to) < 0 && errno != ENOENT)
			return;
	}
	if (open_file(log) < 0)
		return;
	pthread_mutex_lock(&log->lock);
	log->counts.rotations++;
	pthread_mutex_unlock(&log->lock);
}

/* How it went: so many lines are in the file, or lost. */
static void note(struct access_log *log, int error, size_t lines)
{
	pthread_mutex_lock(&log->lock);
	log->counts.error = error;
	*(error ? &log->counts.lost : &log->counts.lines) += lines;
	pthread_mutex_unlock(&log->lock);
}

static void write_lines(struct access_log *log, const char *text, size_t size, size_t lines)
{
	size_t done = 0;
	int r = log->fd < 0 ? open_file(log) : 0;

	if (r < 0) {
		note(log, r, lines);
		return;
	}
	while (done < size) {
		ssize_t n = write(log->fd, text + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	log->bytes += done;
	r = -errno;
	/* a part of a line must not run into the next one */
	if (done < size && done && ftruncate(log->fd, (off_t)(log->bytes - done)) == 0)
		log->bytes -= done;
	note(log, done < size ? r : 0, lines);
	if (done == size && log->bytes >= log->max_bytes)
		rotate(log);
}

static int reopen_file(struct access_log *log)
{
	int r = *log->path ? open_file(log) : 0;

	note(log, r, 0);
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * The thread that writes
 */
struct lines_job {
	struct worker_job job;
	struct access_log *log;
	size_t size, lines; /* size 0: opens the file anew */
	char text[];
};

static void run_lines(struct worker_job *job, struct worker *worker)
{
	struct lines_job *l = (struct lines_job *)job;
	int r;

	(void)worker;
	if (l->size) {
		write_lines(l->log, l->text, l->size, l->lines);
	} else {
		r = reopen_file(l->log);
		if (r < 0)
			log_err(r, "access log %s", l->log->path);
	}
	free(l);
}

static int give(struct access_log *log, size_t size, size_t lines)
{
	struct lines_job *job = malloc(sizeof(*job) + size);
	int r;

	if (!job)
		return -ENOMEM;
	job->job = (struct worker_job){.bytes = sizeof(*job) + size, .run = run_lines};
	job->log = log;
	job->size = size;
	job->lines = lines;
	memcpy(job->text, log->buffer, size);
	r = worker_put(log->writer, &job->job, NULL);
	if (r < 0)
		free(job);
	return r;
}

void access_log_flush(struct access_log *log)
{
	int r;

	if (!log->used)
		return;
	if (log->writer) {
		r = give(log, log->used, log->lines);
		if (r < 0)
			note(log, r, log->lines);
	} else {
		write_lines(log, log->buffer, log->used, log->lines);
	}
	log->used = log->lines = 0;
}

int access_log_reopen(struct access_log *log)
{
	access_log_flush(log);
	return log->writer ? give(log, 0, 0) : reopen_file(log);
}

/* ---------------------------------------------------------------------------------------------
 * A line, written where it will lie: at 50,000 requests a second formats are read too often
 */
struct line {
	char *at, *end;
};

static void put_bytes(struct line *line, const char *bytes, size_t n)
{
	size_t room = (size_t)(line->end - line->at);

	if (n > room)
		n = room;
	memcpy(line->at, bytes, n);
	line->at += n;
}
#define put(line, literal) put_bytes(line, literal, sizeof(literal) - 1)

/* At least `width` digits. */
static void put_number(struct line *line, uint64_t value, unsigned width)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value || sizeof(digits) - at < width);
	put_bytes(line, digits + at, sizeof(digits) - at);
}

static void put_hex(struct line *line, uint64_t value)
{
	char digits[16];

	for (size_t at = sizeof(digits); at-- > 0; value >>= 4)
		digits[at] = "0123456789abcdef"[value & 15];
	put_bytes(line, digits, sizeof(digits));
}

/* Text here is printable ASCII (checked when it came): two characters need an escape. */
static void put_text(struct line *line, const char *text)
{
	for (;;) {
		size_t n = strcspn(text, "\"\\");

		put_bytes(line, text, n);
		text += n;
		if (!*text)
			break;
		if (line->end - line->at < 2)
			return;
		*line->at++ = '\\';
		*line->at++ = *text++;
	}
	put(line, "\"");
}

static void put_address(struct line *line, const struct gl_addr *addr)
{
	char text[ADDR_TEXT];

	if (!addr_is_v4(addr)) {
		addr_format(addr, text);
		put_bytes(line, text, strlen(text));
	} else {
		for (int i = 12; i < 16; i++) {
			put_number(line, addr->b[i], 1);
			if (i < 15)
				put(line, ".");
		}
	}
	put(line, "\"");
}

/* As clock_format(); the second is the last line's most of the time. */
static void put_time(struct line *line, struct access_log *log, int64_t wall_ns)
{
	int64_t second;

	if (wall_ns < 0) /* an inspector said so */
		wall_ns = 0;
	second = wall_ns / (int64_t)CLOCK_NS_PER_S;
	if (second != log->second) {
		clock_format(wall_ns, log->time);
		log->second = second;
	}
	put_bytes(line, log->time, TIME_SECONDS);
	put_number(line, (uint64_t)(wall_ns % (int64_t)CLOCK_NS_PER_S) / 1000000, 3);
	put(line, "Z\"");
}

static void put_operation(struct line *line, const struct report_transaction *tx,
			  const struct intern *intern)
{
	const char *service = intern_name(intern, INTERN_SERVICE, tx->service);
	const char *operation = intern_name(intern, INTERN_OPERATION, tx->op);
	const char *cls = intern_name(intern, INTERN_CLASS, tx->cls);
	const char *label = operation ? operation_label(operation) : NULL;
	const char *route = label ? strchr(label, ' ') : NULL;

	if (service) {
		put(line, ",\"service.name\":\"");
		put_text(line, service);
	}
	if (route) {
		put(line, ",\"http.route\":\"");
		put_text(line, route + 1);
	}
	if (cls) {
		put(line, ",\"glacis.class\":\"");
		put_text(line, cls);
	}
}

static void put_request(struct line *line, const struct report_transaction *tx,
			const struct intern *intern)
{
	put(line, ",\"request.id\":\"");
	put_text(line, tx->request_id);
	put(line, ",\"http.request.method\":\"");
	put_text(line, tx->method);
	put_operation(line, tx, intern);
	put(line, ",\"url.path\":\"");
	put_text(line, tx->path.text);
	if (tx->status) {
		put(line, ",\"http.response.status_code\":");
		put_number(line, tx->status, 1);
	}
	put(line, ",\"client.address\":\"");
	put_address(line, &tx->source);
	if (tx->principal) {
		put(line, ",\"user.id\":\"key:");
		put_hex(line, tx->principal);
		put(line, "\"");
	}
}

static void put_connection(struct line *line, const struct report_transaction *tx)
{
	const char *how = name_how(tx->how), *protocol = transaction_protocol(tx->protocol);
	uint64_t us = tx->total_ns / 1000 + (tx->total_ns % 1000 >= 500);
	bool client =
		tx->role == GL_ROLE_CLIENT; /* this host's call: the other side is the server */

	if (client)
		put(line, ",\"glacis.role\":\"client\",\"http.client.request.duration\":");
	else
		put(line, ",\"http.server.request.duration\":");
	put_number(line, us / 1000000, 1);
	put(line, ".");
	put_number(line, us % 1000000, 6);
	put(line, ",\"network.peer.address\":\"");
	put_address(line, client ? &tx->server : &tx->client);
	put(line, ",\"network.peer.port\":");
	put_number(line, client ? tx->server_port : tx->client_port, 1);
	put(line, ",\"server.port\":");
	put_number(line, tx->server_port, 1);
	put(line, ",\"network.protocol.version\":\"");
	put_text(line, protocol);
	put(line, ",\"http.request.body.size\":");
	put_number(line, tx->request_bytes, 1);
	put(line, ",\"http.response.body.size\":");
	put_number(line, tx->response_bytes, 1);
	if (*tx->user_agent) {
		put(line, ",\"user_agent.original\":\"");
		put_text(line, tx->user_agent);
	}
	if (tx->flags & TX_SECURE)
		put(line, ",\"glacis.tls\":true,\"glacis.how\":\"");
	else
		put(line, ",\"glacis.tls\":false,\"glacis.how\":\"");
	put_text(line, how);
}

void access_log_add(struct access_log *log, const struct report_transaction *tx,
		    const struct intern *intern)
{
	struct line line;

	if (!*log->path)
		return;
	if (sizeof(log->buffer) - log->used < LINE_MAX_BYTES)
		access_log_flush(log);
	line.at = log->buffer + log->used;
	line.end = line.at + LINE_MAX_BYTES;
	put(&line, "{\"timestamp\":\"");
	put_time(&line, log, tx->begin_wall_ns);
	put_request(&line, tx, intern);
	put_connection(&line, tx);
	if (tx->flags & (TX_NO_REQUEST | TX_NO_RESPONSE | TX_GAP | TX_MIDSTREAM))
		put(&line, ",\"glacis.incomplete\":true");
	if (tx->flags & TX_CUT)
		put(&line, ",\"glacis.cut\":true");
	if (tx->flags & TX_AGENT)
		put(&line, ",\"glacis.agent\":true");
	put(&line, "}\n");
	log->used = (size_t)(line.at - log->buffer);
	log->lines++;
}

struct access_log_counts access_log_counts(struct access_log *log)
{
	struct access_log_counts counts;

	pthread_mutex_lock(&log->lock);
	counts = log->counts;
	pthread_mutex_unlock(&log->lock);
	return counts;
}

const char *access_log_path(const struct access_log *log)
{
	return log->path;
}
