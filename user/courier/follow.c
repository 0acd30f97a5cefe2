/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * follow.c - GET /v1/events/stream: lines of JSON to clients that may be slow. A follower's backlog
 * is bounded; what does not fit is counted and told as {"lost":n} as soon as it reads again (I5).
 */
#include "user/courier/serve.h"

#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/courier/problem.h"

static void follower_writable(struct evhttp_connection *connection, void *userdata);

static struct bufferevent *stream_of(const struct follower *follower)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(follower->http);

	return connection ? evhttp_connection_get_bufferevent(connection) : NULL;
}

static void connection_closed(struct evhttp_connection *connection, void *userdata)
{
	struct follower *follower = userdata;

	(void)connection;
	/* libevent is in the middle of freeing it: later */
	event_active(follower->server->reap, EV_TIMEOUT, 0);
}

static void send_line(struct follower *follower, const char *text, size_t size)
{
	struct evbuffer *line = evbuffer_new();

	if (!line || evbuffer_add(line, text, size) < 0 || evbuffer_add(line, "\n", 1) < 0)
		follower->lost++;
	else
		evhttp_send_reply_chunk_with_cb(follower->http, line, follower_writable, follower);
	if (line)
		evbuffer_free(line);
}

static void tell_lost(struct follower *follower)
{
	char text[48];
	int size = snprintf(text, sizeof(text), "{\"lost\":%" PRIu64 "}", follower->lost);

	follower->lost = 0;
	send_line(follower, text, size);
}

/* Everything written so far is with the client's kernel. */
static void follower_writable(struct evhttp_connection *connection, void *userdata)
{
	struct follower *follower = userdata;

	(void)connection;
	if (follower->lost > 0)
		tell_lost(follower);
}

/* The keeper counts followers, to send nothing to nobody. */
static void tell_unfollowed(struct server *server)
{
	json_t *frame = json_pack("{s:i}", "unfollowed", 1);

	if (frame)
		serve_send(server, frame);
	json_decref(frame);
}

static void begin(struct server *server, struct evhttp_request *http, struct follower *follower)
{
	static const struct timeval stall = {.tv_sec = SERVE_FOLLOWER_STALL_S};
	struct evhttp_connection *connection = evhttp_request_get_connection(http);

	follower->server = server;
	follower->http = http;
	LIST_INSERT_HEAD(&server->followers, follower, entry);
	server->n_followers++;
	evhttp_add_header(evhttp_request_get_output_headers(http), "Content-Type",
			  "application/x-ndjson");
	request_security_headers(http);
	evhttp_connection_set_closecb(connection, connection_closed, follower);
	evhttp_send_reply_start(http, 200, problem_title(200));
	/* silence is normal for one who listens; taking nothing is not */
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(connection), NULL, &stall);
}

void follow_begin(struct server *server, struct evhttp_request *http)
{
	struct follower *follower = NULL;

	if (evhttp_request_get_connection(http) &&
	    evhttp_request_get_command(http) == EVHTTP_REQ_GET &&
	    server->n_followers < SERVE_FOLLOWERS_MAX)
		follower = calloc(1, sizeof(*follower));
	if (follower) {
		begin(server, http, follower);
		return;
	}
	tell_unfollowed(server);
	request_fail(server, http, 503, "too-many-followers", "no further event stream is served");
}

static void follower_free(struct follower *follower)
{
	LIST_REMOVE(follower, entry);
	follower->server->n_followers--;
	free(follower);
}

void follow_reap(struct server *server)
{
	struct follower *follower, *next;

	for (follower = LIST_FIRST(&server->followers); follower; follower = next) {
		next = LIST_NEXT(follower, entry);
		if (stream_of(follower))
			continue;
		/* its connection failed under it: libevent left the request to us */
		evhttp_request_free(follower->http);
		follower_free(follower);
		tell_unfollowed(server);
	}
}

void follow_end_all(struct server *server)
{
	struct follower *follower;

	follow_reap(server);
	while ((follower = LIST_FIRST(&server->followers))) {
		struct evhttp_request *http = follower->http;

		follower_free(follower);
		request_count_unsent(server, http);
		evhttp_send_reply_end(http);
	}
}

void follow_event(struct server *server, const json_t *event)
{
	size_t backlog = (size_t)server->arguments->follower_backlog_bytes;
	struct follower *follower;
	char *text;
	size_t size;

	if (LIST_EMPTY(&server->followers))
		return;
	text = json_dumps(event, JSON_COMPACT);
	if (!text)
		return;
	size = strlen(text);
	for (follower = LIST_FIRST(&server->followers); follower;
	     follower = LIST_NEXT(follower, entry)) {
		struct bufferevent *stream = stream_of(follower);

		if (!stream)
			continue;
		if (evbuffer_get_length(bufferevent_get_output(stream)) + size > backlog) {
			follower->lost++;
			continue;
		}
		if (follower->lost > 0)
			tell_lost(follower);
		send_line(follower, text, size);
	}
	free(text);
}
