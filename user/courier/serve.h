/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve.h - inside the courier process: the server's state, shared by serve.c (channel to the
 * keeper, life cycle), request.c (HTTP request to frame, frame to HTTP response) and follow.c
 * (event streams). Nobody else includes it but child.c, for serve().
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "user/base/frames.h"
#include "user/courier/child.h"
#include "user/courier/metrics_serve.h"
#include "user/courier/quota.h"
#include "user/courier/sinks.h"

#define SERVE_BODY_MAX         (6u << 20) /* a policy of 4 MiB, escaped as a JSON string */
#define SERVE_HEADERS_MAX      (16u << 10)
#define SERVE_IDLE_S           10 /* a connection that sends nothing, or takes nothing */
#define SERVE_FOLLOWERS_MAX    16
#define SERVE_FOLLOWER_STALL_S 60

/* One request the keeper has not answered yet. */
struct pending {
	LIST_ENTRY(pending) entry;
	struct server *server;
	struct evhttp_request *http;
	struct event *timer;
	json_int_t id;
	bool metrics; /* answered as text, not as JSON */
};

/* One GET /v1/events/stream. */
struct follower {
	LIST_ENTRY(follower) entry;
	struct server *server;
	struct evhttp_request *http;
	uint64_t lost; /* lines it was not sent and not told about */
};

struct server {
	const struct courier_arguments *arguments;
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct frame_reader *reader;
	struct frame_writer *writer;
	struct event *readable, *writable; /* the channel */
	struct event *trim, *reap, *drained;
	struct event *descriptors; /* that the keeper hands over */
	struct quota *quota;
	struct sinks *sinks;
	struct metrics_serve *metrics;
	json_t *metrics_listen; /* where; NULL: nowhere */
	json_int_t last_id;
	LIST_HEAD(, pending) pendings;
	LIST_HEAD(, follower) followers;
	unsigned n_followers;
	unsigned unsent; /* responses not yet taken by their clients */
	bool ending;
};

/* What serve() needs of files and of the network's names, before the sandbox. */
int serve_prepare(struct server *server, const struct courier_arguments *arguments);
void serve_clear(struct server *server);
/* Serves until the keeper closes the channel. 0 then, -errno when it cannot begin. */
int serve(struct server *server);

/* Queues a frame to the keeper; errors as frame_write(). */
int serve_send(struct server *server, const json_t *frame);

/* request.c: libevent's callback for every request; replies of the keeper; a pending's end. */
void request_received(struct evhttp_request *http, void *userdata);
void request_answered(struct server *server, json_int_t id, const json_t *reply);
void request_fail_all(struct server *server);
/* The agent's metrics, for a client that is not on the unix socket. */
void request_pass_metrics(struct server *server, struct evhttp_request *http);
uint64_t request_monotonic_ms(void);
/* Answers with problem details, which frees `http`. */
void request_fail(struct server *server, struct evhttp_request *http, int status, const char *kind,
		  const char *detail);
/* Before the last send: the response is waited for at the end. */
void request_count_unsent(struct server *server, struct evhttp_request *http);
/* The fields every response carries. */
void request_security_headers(struct evhttp_request *http);

/* follow.c. follow_begin() takes the request. */
void follow_begin(struct server *server, struct evhttp_request *http);
void follow_event(struct server *server, const json_t *event);
void follow_reap(struct server *server); /* those whose client went away */
void follow_end_all(struct server *server);
