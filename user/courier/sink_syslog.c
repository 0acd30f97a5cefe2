/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_syslog.c - RFC 5424 messages over UDP (RFC 5426), TCP with octet counting (RFC 6587 section
 * 3.4.1) or a unix socket.
 *
 * Syslog has no acknowledgement. So a message counts as arrived only when it was sent `confirm`
 * ago on a connection that is still there and whose peer's kernel has taken everything; when a
 * connection ends, what is younger is sent again. A receiver that restarts loses nothing, and may
 * see the last seconds twice (each message bears its id).
 */
#include <errno.h>
#include <event2/buffer.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/courier/format.h"
#include "user/courier/names.h"
#include "user/courier/sink.h"

#define UDP_MAX     2048 /* RFC 5424 section 6.1: what receivers should take */
#define CHECKPOINTS 64
#define MESSAGES    128 /* of a batch */
#define CONNECT_S   10

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_UNIX };

struct syslog {
	struct sink *sink;
	enum transport transport;
	char host[256], path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	uint16_t port;
	unsigned facility, confirm_ms;

	int fd;
	bool connected, datagrams;
	struct name_request *lookup;
	struct event *readable, *writable, *check;

	struct evbuffer *out; /* of the batch under way, framed for a stream */
	size_t sizes[MESSAGES], n, at; /* datagrams: the messages in it */

	struct checkpoint {
		uint64_t number, sent_ms;
	} checkpoints[CHECKPOINTS];
	size_t n_checkpoints;
};

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

/* ---------------------------------------------------------------------------------------------
 * The connection
 */
static void drop_connection(struct syslog *s)
{
	names_cancel(TAKE_PTR(s->lookup));
	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	s->readable = s->writable = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->connected = false;
	s->n_checkpoints = 0;
	evbuffer_drain(s->out, evbuffer_get_length(s->out));
	s->n = s->at = 0;
}

static void connection_failed(struct syslog *s, const char *what, int error)
{
	struct sink *sink = s->sink;
	bool was_connected = s->connected;

	drop_connection(s);
	if (sink->sending)
		sink_failed(sink, 0, "%s: %s", what,
			    error ? strerror(error) : "closed by the receiver");
	else if (was_connected)
		sink_broken(sink, "%s: %s", what,
			    error ? strerror(error) : "closed by the receiver");
}

static void add_checkpoint(struct syslog *s, uint64_t number)
{
	/* full: the newest one covers both, later */
	if (s->n_checkpoints == CHECKPOINTS)
		s->n_checkpoints--;
	s->checkpoints[s->n_checkpoints++] = (struct checkpoint){number, now_ms()};
}

static void arm_check(struct syslog *s)
{
	unsigned ms = s->confirm_ms / 4 + 10;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (!evtimer_pending(s->check, NULL))
		evtimer_add(s->check, &tv);
}

static void on_check(evutil_socket_t fd, short what, void *userdata)
{
	struct syslog *s = userdata;
	int outstanding = 0;
	size_t n = 0;

	(void)fd;
	(void)what;
	if (!s->connected)
		return;
	if (s->transport != TRANSPORT_UDP && ioctl(s->fd, SIOCOUTQ, &outstanding) < 0)
		outstanding = 1;
	while (!outstanding && n < s->n_checkpoints &&
	       s->checkpoints[n].sent_ms + s->confirm_ms <= now_ms())
		n++;
	if (n > 0) {
		sink_confirmed(s->sink, s->checkpoints[n - 1].number);
		s->n_checkpoints -= n;
		memmove(s->checkpoints, s->checkpoints + n,
			s->n_checkpoints * sizeof(*s->checkpoints));
	}
	if (s->n_checkpoints > 0)
		arm_check(s);
}

static void batch_is_out(struct syslog *s)
{
	add_checkpoint(s, s->sink->sending_last);
	arm_check(s);
	sink_sent(s->sink);
}

/* ---------------------------------------------------------------------------------------------
 * Writing
 */
static int write_datagrams(struct syslog *s)
{
	while (s->at < s->n) {
		size_t size = s->sizes[s->at];
		const unsigned char *p = evbuffer_pullup(s->out, (ev_ssize_t)size);

		if (send(s->fd, p, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno == EAGAIN || errno == ENOBUFS)
				return 0;
			if (errno != EMSGSIZE)
				return -errno;
			/* no receiver of this kind will ever take it */
		}
		evbuffer_drain(s->out, size);
		s->at++;
	}
	return 1;
}

static int write_stream(struct syslog *s)
{
	while (evbuffer_get_length(s->out) > 0)
		if (evbuffer_write(s->out, s->fd) < 0)
			return errno == EAGAIN ? 0 : -errno;
	return 1;
}

static void write_batch(struct syslog *s)
{
	int r = s->datagrams ? write_datagrams(s) : write_stream(s);

	if (r < 0)
		connection_failed(s, "sending", -r);
	else if (r == 0)
		event_add(s->writable, NULL);
	else
		batch_is_out(s);
}

static void on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct syslog *s = userdata;
	socklen_t size = sizeof(int);
	int error = 0;

	if (!s->connected) {
		if (what & EV_TIMEOUT)
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
		if (error) {
			connection_failed(s, "connecting", error);
			return;
		}
		s->connected = true;
	}
	if (s->sink->sending)
		write_batch(s);
}

/* A receiver says nothing; what it does say is its end, or not for us. */
static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct syslog *s = userdata;
	char nothing[512];
	ssize_t n = recv(fd, nothing, sizeof(nothing), MSG_DONTWAIT);

	(void)what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (n == 0 && s->datagrams)
		return;
	connection_failed(s, "connection", n < 0 ? errno : 0);
}

/* ---------------------------------------------------------------------------------------------
 * Connecting
 */
static int begin_connection(struct syslog *s, int domain, int type, const struct sockaddr *address,
			    socklen_t size)
{
	static const struct timeval patience = {.tv_sec = CONNECT_S};

	s->fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	s->datagrams = type == SOCK_DGRAM;
	if (connect(s->fd, address, size) == 0)
		s->connected = true;
	else if (errno != EINPROGRESS)
		return -errno;
	s->readable = event_new(s->sink->shared->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(s->sink->shared->base, s->fd, EV_WRITE, on_writable, s);
	if (!s->readable || !s->writable || event_add(s->readable, NULL) < 0 ||
	    event_add(s->writable, s->connected ? NULL : &patience) < 0)
		return -ENOMEM;
	return 0;
}

static void connect_unix(struct syslog *s)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int r;

	memcpy(sun.sun_path, s->path, sizeof(sun.sun_path));
	r = begin_connection(s, AF_UNIX, SOCK_DGRAM, (struct sockaddr *)&sun, sizeof(sun));
	if (r == -EPROTOTYPE) { /* it is a stream */
		close(TAKE_FD(s->fd));
		r = begin_connection(s, AF_UNIX, SOCK_STREAM, (struct sockaddr *)&sun, sizeof(sun));
	}
	if (r < 0)
		connection_failed(s, s->path, -r);
}

static void name_found(const struct evutil_addrinfo *found, const char *error, void *userdata)
{
	struct syslog *s = userdata;
	int r, type = s->transport == TRANSPORT_UDP ? SOCK_DGRAM : SOCK_STREAM;

	s->lookup = NULL;
	if (!found) {
		sink_failed(s->sink, 0, "%.100s cannot be found: %.40s", s->host, error);
		return;
	}
	r = begin_connection(s, found->ai_family, type, found->ai_addr,
			     (socklen_t)found->ai_addrlen);
	if (r < 0)
		connection_failed(s, "connecting", -r);
}

/* ---------------------------------------------------------------------------------------------
 * What sink.c asks
 */
static int read_target(struct syslog *s, const json_t *config)
{
	const char *transport = json_string_value(json_object_get(config, "transport")) ?: "";
	const char *path = json_string_value(json_object_get(config, "path")) ?: "";

	s->transport = strcmp(transport, "udp") == 0   ? TRANSPORT_UDP
		       : strcmp(transport, "tcp") == 0 ? TRANSPORT_TCP
						       : TRANSPORT_UNIX;
	snprintf(s->host, sizeof(s->host), "%s",
		 json_string_value(json_object_get(config, "host")) ?: "");
	if (strlen(path) >= sizeof(s->path))
		return -ENAMETOOLONG;
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->port = (uint16_t)json_integer_value(json_object_get(config, "port"));
	s->facility = (unsigned)json_integer_value(json_object_get(config, "facility"));
	s->confirm_ms = (unsigned)json_integer_value(json_object_get(config, "confirmMs"));
	return s->transport == TRANSPORT_UNIX ? (*s->path ? 0 : -EINVAL)
					      : (*s->host && s->port ? 0 : -EINVAL);
}

static int syslog_open(struct sink *sink, const json_t *config)
{
	struct syslog *s = sink->own = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink = sink;
	s->fd = -1;
	s->out = evbuffer_new();
	s->check = evtimer_new(sink->shared->base, on_check, s);
	if (!s->out || !s->check)
		return -ENOMEM;
	return read_target(s, config);
}

static void syslog_close(struct sink *sink)
{
	struct syslog *s = sink->own;

	if (!s)
		return;
	if (s->out) {
		drop_connection(s);
		evbuffer_free(s->out);
	}
	if (s->check)
		event_free(s->check);
	free(s);
	sink->own = NULL;
}

static void add_message(struct syslog *s, const char *line, size_t size)
{
	size_t max = s->transport == TRANSPORT_UDP ? UDP_MAX : FORMAT_SYSLOG_MAX, n;
	json_t *record = json_loadb(line, size, 0, NULL);
	char text[FORMAT_SYSLOG_MAX], count[24];

	n = record ? format_syslog(record, s->facility, s->sink->shared->version, text, max) : 0;
	json_decref(record);
	if (n == 0)
		return;
	if (s->n < MESSAGES)
		s->sizes[s->n++] = n;
	/* the counts are for a stream only; whether it is one is known when it is connected */
	if (s->transport == TRANSPORT_TCP) {
		snprintf(count, sizeof(count), "%zu ", n);
		evbuffer_add(s->out, count, strlen(count));
	}
	evbuffer_add(s->out, text, n);
	if (s->transport == TRANSPORT_UNIX && s->connected && !s->datagrams)
		evbuffer_add(s->out, "\n", 1);
}

static void syslog_send(struct sink *sink, const struct spool_batch *batch)
{
	struct syslog *s = sink->own;
	const char *at = batch->text, *end = batch->text + batch->size;

	/* how a unix socket wants them framed is known once it is connected */
	if (s->transport == TRANSPORT_UNIX && s->fd < 0)
		connect_unix(s);
	if (!sink->sending) /* it failed */
		return;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = stop ? (size_t)(stop - at) : (size_t)(end - at);

		add_message(s, at, size);
		at += size + 1;
	}
	if (s->connected)
		write_batch(s);
	else if (s->fd < 0 && !s->lookup &&
		 names_find(sink->shared->names, s->host, s->port, name_found, s, &s->lookup) < 0)
		sink_failed(sink, 0, "out of memory");
}

const struct sink_ops sink_syslog = {
	.max_lines = MESSAGES,
	.max_bytes = 256 << 10,
	.open = syslog_open,
	.close = syslog_close,
	.send = syslog_send,
	.later = true,
};
