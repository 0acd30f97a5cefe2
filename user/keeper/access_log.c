/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/names.h"
#include "user/inspect/transaction.h"
#include "user/keeper/event_text.h"

#define BUFFER         (256u << 10)
#define LINE_MAX_BYTES 2048

struct access_log {
	char *path;
	uint64_t max_bytes, bytes; /* of the file */
	int fd; /* -1: could not be opened; tried again at each flush */
	struct access_log_counts counts;
	size_t used, lines; /* in the buffer */
	char buffer[BUFFER];
};

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
	log->max_bytes = max_bytes ? max_bytes : ACCESS_LOG_BYTES_DEFAULT;
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

void access_log_close(struct access_log *log)
{
	if (!log)
		return;
	access_log_flush(log);
	if (log->fd >= 0)
		close(log->fd);
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
	if (open_file(log) == 0)
		log->counts.rotations++;
}

static void lose(struct access_log *log, int error)
{
	log->counts.error = error;
	log->counts.lost += log->lines;
	log->used = log->lines = 0;
}

void access_log_flush(struct access_log *log)
{
	size_t done = 0;

	if (!log->used)
		return;
	if (log->fd < 0) {
		int r = open_file(log);

		if (r < 0) {
			lose(log, r);
			return;
		}
	}
	while (done < log->used) {
		ssize_t n = write(log->fd, log->buffer + done, log->used - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	log->bytes += done;
	if (done < log->used) {
		/* a part of a line must not run into the next one */
		if (done && ftruncate(log->fd, (off_t)(log->bytes - done)) == 0)
			log->bytes -= done;
		lose(log, -errno);
		return;
	}
	log->counts.error = 0;
	log->counts.lines += log->lines;
	log->used = log->lines = 0;
	if (log->bytes >= log->max_bytes)
		rotate(log);
}

int access_log_reopen(struct access_log *log)
{
	int r = 0;

	access_log_flush(log);
	if (*log->path)
		r = open_file(log);
	log->counts.error = r;
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * A line
 */
struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->text + line->n, sizeof(line->text) - line->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		line->n += (size_t)n < sizeof(line->text) - line->n
				   ? (size_t)n
				   : sizeof(line->text) - line->n - 1;
}

/* Text here is printable ASCII (checked when it came): two characters need an escape. */
static void put_text(struct line *line, const char *name, const char *text)
{
	put(line, ",\"%s\":\"", name);
	for (; *text && line->n + 4 < sizeof(line->text); text++) {
		if (*text == '"' || *text == '\\')
			line->text[line->n++] = '\\';
		line->text[line->n++] = *text;
	}
	put(line, "\"");
}

static void put_operation(struct line *line, const struct report_transaction *tx,
			  const struct intern *intern)
{
	const char *service = intern_name(intern, INTERN_SERVICE, tx->service);
	const char *operation = intern_name(intern, INTERN_OPERATION, tx->op);
	const char *cls = intern_name(intern, INTERN_CLASS, tx->cls);
	const char *label = operation ? operation_label(operation) : NULL;
	const char *route = label ? strchr(label, ' ') : NULL;

	if (service)
		put_text(line, "service.name", service);
	if (route)
		put_text(line, "http.route", route + 1);
	if (cls)
		put_text(line, "glacis.class", cls);
}

static void make_line(struct line *line, const struct report_transaction *tx,
		      const struct intern *intern)
{
	char time[CLOCK_TEXT], address[ADDR_TEXT];

	put(line, "{\"timestamp\":\"%s\"", clock_format(tx->begin_wall_ns, time));
	put_text(line, "request.id", tx->request_id);
	put_text(line, "http.request.method", tx->method);
	put_operation(line, tx, intern);
	put_text(line, "url.path", tx->path.text);
	if (tx->status)
		put(line, ",\"http.response.status_code\":%u", tx->status);
	put_text(line, "client.address", addr_format(&tx->source, address));
	if (tx->principal)
		put(line, ",\"user.id\":\"key:%016" PRIx64 "\"", tx->principal);
	put(line, ",\"http.server.request.duration\":%.6f",
	    (double)tx->total_ns / (double)CLOCK_NS_PER_S);
	put_text(line, "network.peer.address", addr_format(&tx->client, address));
	put(line, ",\"network.peer.port\":%u,\"server.port\":%u", tx->client_port, tx->server_port);
	put_text(line, "network.protocol.version", transaction_protocol(tx->protocol));
	put(line, ",\"http.request.body.size\":%" PRIu64 ",\"http.response.body.size\":%" PRIu64,
	    tx->request_bytes, tx->response_bytes);
	if (*tx->user_agent)
		put_text(line, "user_agent.original", tx->user_agent);
	put(line, ",\"glacis.tls\":%s,\"glacis.how\":\"%s\"",
	    tx->flags & TX_SECURE ? "true" : "false", name_how(tx->how));
	if (tx->flags & (TX_NO_REQUEST | TX_NO_RESPONSE | TX_GAP | TX_MIDSTREAM))
		put(line, ",\"glacis.incomplete\":true");
	if (tx->flags & TX_CUT)
		put(line, ",\"glacis.cut\":true");
	if (tx->flags & TX_AGENT)
		put(line, ",\"glacis.agent\":true");
	put(line, "}\n");
}

void access_log_add(struct access_log *log, const struct report_transaction *tx,
		    const struct intern *intern)
{
	struct line line = {.n = 0};

	if (!*log->path)
		return;
	make_line(&line, tx, intern);
	if (log->used + line.n > sizeof(log->buffer))
		access_log_flush(log);
	memcpy(log->buffer + log->used, line.text, line.n);
	log->used += line.n;
	log->lines++;
}

struct access_log_counts access_log_counts(const struct access_log *log)
{
	return log->counts;
}

const char *access_log_path(const struct access_log *log)
{
	return log->path;
}
