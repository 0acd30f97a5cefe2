/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve.c - the courier's life: libevent's HTTP server on the inherited listening socket, frames to
 * and from the keeper on the inherited channel, an orderly end when the keeper closes it.
 */
#include "user/courier/serve.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/base/sockets.h"

#define CHANNEL_BACKLOG   (32u << 20)
#define FRAMES_PER_WAKEUP 64 /* then the connections get their turn */
#define OTHERS_MAX        32 /* connections of users other than root: root always gets through */
#define FDS_MAX           256
#define METRICS_MAX       8 /* connections of the metrics' port */

static const struct timeval accept_pause = {.tv_usec = 100000};
static const struct timeval drain_time = {.tv_sec = 1};

static void flush_channel(struct server *server)
{
	int r = frame_flush(server->writer, CHILD_CHANNEL_FD);

	if (r == 0)
		event_add(server->writable, NULL);
	/* an error shows as the end of the reading side as well */
}

int serve_send(struct server *server, const json_t *frame)
{
	int r = frame_write(server->writer, frame);

	if (r == 0)
		flush_channel(server);
	return r;
}

static void channel_writable(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	flush_channel(userdata);
}

/* The keeper is gone or says goodbye: what it answered goes out, the rest is 503. */
static void end(struct server *server)
{
	if (server->ending)
		return;
	server->ending = true;
	event_del(server->readable);
	/* not freed: a pause of accept_failed() may still name it */
	evconnlistener_disable(evhttp_bound_socket_get_listener(server->bound));
	request_fail_all(server);
	follow_end_all(server);
	if (server->unsent == 0)
		event_base_loopbreak(server->base);
	else
		event_add(server->drained, &drain_time);
}

static void drained(evutil_socket_t fd, short what, void *userdata)
{
	struct server *server = userdata;

	(void)fd;
	(void)what;
	event_base_loopbreak(server->base);
}

/* Where the metrics are served, if that is elsewhere than before. */
static void serve_metrics(struct server *server, const json_t *listen)
{
	const char *host = json_string_value(json_object_get(listen, "host"));
	json_int_t port = json_integer_value(json_object_get(listen, "port"));
	int r;

	if (server->metrics_listen && json_equal(server->metrics_listen, listen))
		return;
	metrics_serve_free(server->metrics);
	server->metrics = NULL;
	json_decref(server->metrics_listen);
	server->metrics_listen = NULL;
	if (!host || port < 1 || port > 65535)
		return;
	r = metrics_serve_new(server, host, (uint16_t)port, &server->metrics);
	if (r < 0)
		log_err(r, "metrics are not served on %s port %d", host, (int)port);
	else
		server->metrics_listen = json_incref((json_t *)listen);
}

static void take_exports(struct server *server, const json_t *exports)
{
	const json_t *config = json_object_get(exports, "configure");

	if (config)
		serve_metrics(server, json_object_get(config, "listen"));
	sinks_frame(server->sinks, exports);
}

/* A name and the descriptor that goes by it. */
static void descriptors_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct server *server = userdata;
	char name[CHILD_DESCRIPTOR_NAME + 1] = "";
	int got;

	(void)what;
	while (socket_receive_fd(fd, name, sizeof(name), &got) == 0)
		sinks_descriptor(server->sinks, name, got);
}

static void dispatch(struct server *server, const json_t *frame)
{
	const json_t *id = json_object_get(frame, "id");
	const json_t *event = json_object_get(frame, "event");
	const json_t *exports = json_object_get(frame, "exports");

	if (json_is_integer(id))
		request_answered(server, json_integer_value(id), frame);
	else if (json_is_object(event))
		follow_event(server, event);
	else if (json_is_object(exports))
		take_exports(server, exports);
	/* other frames are a newer keeper's: not ours to understand */
}

static void channel_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct server *server = userdata;
	json_t *frame;
	int r = 1;

	(void)what;
	for (int i = 0; i < FRAMES_PER_WAKEUP && r == 1; i++) {
		r = frame_read(server->reader, fd, &frame);
		if (r == 1) {
			dispatch(server, frame);
			json_decref(frame);
		}
	}
	if (r == 1) /* buffered frames make no descriptor readable */
		event_active(server->readable, EV_READ, 0);
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		log_err(r, "courier: bad frame from the keeper");
	if (r < 0)
		end(server);
}

static void accept_again(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(userdata);
}

/* Out of descriptors: clients wait in the backlog, we do not spin on it. */
static void accept_failed(struct evconnlistener *listener, void *userdata)
{
	(void)userdata;
	evconnlistener_disable(listener);
	event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, accept_again, listener,
			&accept_pause);
}

/* Whether a connection came in by this name: an accepted socket has its listener's. */
static bool came_in(int fd, const struct sockaddr_un *name, socklen_t size)
{
	struct sockaddr_un own;
	socklen_t own_size = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 && own_size == size &&
	       memcmp(&own, name, size) == 0;
}

/*
 * Members of the group may read; they may not keep root out by holding every connection. The
 * kernel's descriptor table is the list of connections, so that no count of ours can drift.
 */
static void trim(evutil_socket_t unused, short what, void *userdata)
{
	struct sockaddr_un name;
	socklen_t size = sizeof(name);
	struct socket_peer peer;
	unsigned others = 0;

	(void)unused;
	(void)what;
	(void)userdata;
	if (getsockname(CHILD_LISTEN_FD, (struct sockaddr *)&name, &size) < 0)
		return;
	for (int fd = CHILD_DESCRIPTORS_FD + 1; fd < FDS_MAX; fd++) {
		if (!came_in(fd, &name, size) || socket_peer(fd, SOCKET_NO_GROUP, &peer) < 0 ||
		    peer.uid == 0)
			continue;
		if (++others > OTHERS_MAX)
			shutdown(fd, SHUT_RDWR);
	}
}

static struct bufferevent *new_connection(struct event_base *base, void *userdata)
{
	struct server *server = userdata;

	/* once the descriptor is in its place, in this round of the loop */
	event_active(server->trim, EV_TIMEOUT, 0);
	return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

static void reap(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	follow_reap(userdata);
}

static int make_events(struct server *server)
{
	struct event_base *base = server->base;

	server->readable =
		event_new(base, CHILD_CHANNEL_FD, EV_READ | EV_PERSIST, channel_readable, server);
	server->writable = event_new(base, CHILD_CHANNEL_FD, EV_WRITE, channel_writable, server);
	server->trim = event_new(base, -1, 0, trim, server);
	server->reap = event_new(base, -1, 0, reap, server);
	server->drained = event_new(base, -1, 0, drained, server);
	server->descriptors = event_new(base, CHILD_DESCRIPTORS_FD, EV_READ | EV_PERSIST,
					descriptors_readable, server);
	if (!server->readable || !server->writable || !server->trim || !server->reap ||
	    !server->drained || !server->descriptors || event_add(server->readable, NULL) < 0 ||
	    event_add(server->descriptors, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int make_http(struct server *server)
{
	struct evhttp *http = server->http = evhttp_new(server->base);

	if (!http)
		return -ENOMEM;
	/* 405 and its Allow are the keeper's: it knows the paths */
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						 EVHTTP_REQ_PATCH | EVHTTP_REQ_OPTIONS);
	evhttp_set_max_headers_size(http, SERVE_HEADERS_MAX);
	/* above our own limit, so that usual excess gets problem details; libevent's own answer to
	 * the rest is HTML */
	evhttp_set_max_body_size(http, SERVE_BODY_MAX + (2u << 20));
	evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(http, SERVE_IDLE_S);
	evhttp_set_default_content_type(http, NULL);
	evhttp_set_bevcb(http, new_connection, server);
	evhttp_set_gencb(http, request_received, server);
	server->bound = evhttp_accept_socket_with_handle(http, CHILD_LISTEN_FD);
	if (!server->bound)
		return -ENOMEM;
	evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(server->bound), accept_failed);
	return 0;
}

void serve_clear(struct server *server)
{
	struct event *const events[] = {server->readable, server->writable, server->trim,
					server->reap,     server->drained,  server->descriptors};

	metrics_serve_free(server->metrics);
	json_decref(server->metrics_listen);
	if (server->http)
		evhttp_free(server->http);
	sinks_free(server->sinks);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i])
			event_free(events[i]);
	frame_reader_free(server->reader);
	frame_writer_free(server->writer);
	quota_free(server->quota);
	if (server->base)
		event_base_free(server->base);
}

static int send_exports(const json_t *frame, void *userdata)
{
	struct server *server = userdata;

	return server->ending ? 0 : serve_send(server, frame);
}

int serve_prepare(struct server *server, const struct courier_arguments *arguments)
{
	int spool_fd = arguments->spool ? CHILD_SPOOL_FD : -1, r;

	server->arguments = arguments;
	LIST_INIT(&server->pendings);
	LIST_INIT(&server->followers);
	server->base = event_base_new();
	if (!server->base)
		return log_err(-ENOMEM, "courier: cannot begin");
	r = frame_reader_new(&server->reader);
	if (r == 0)
		r = frame_writer_new(CHANNEL_BACKLOG, &server->writer);
	if (r == 0)
		r = quota_new((unsigned)arguments->requests_per_s, &server->quota);
	if (r == 0)
		r = make_events(server);
	if (r == 0)
		r = make_http(server);
	if (r == 0)
		r = sinks_new(server->base, spool_fd, send_exports, server, &server->sinks);
	return r < 0 ? log_err(r, "courier: cannot begin") : 0;
}

int serve(struct server *server)
{
	event_base_dispatch(server->base);
	return 0;
}
