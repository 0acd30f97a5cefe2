/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request.c - one HTTP request to one frame for the keeper, and the keeper's frame to the HTTP
 * response. What is refused here is only what cannot be passed on: not JSON, too large, too many.
 */
#include "user/courier/serve.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"
#include "user/courier/format.h"
#include "user/courier/problem.h"

#define RETRY_S "1"
#define EXPORTS "/v1/exports"
#define METRICS "/metrics" /* the one resource that is not JSON, and not under /v1 */

static void add_header(struct evhttp_request *http, const char *name, const char *value)
{
	/* refuses CR and LF: no value can end its line */
	evhttp_add_header(evhttp_request_get_output_headers(http), name, value);
}

void request_security_headers(struct evhttp_request *http)
{
	static const char *const fields[][2] = {
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
		{"Referrer-Policy", "no-referrer"},
		{"Cache-Control", "no-store"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		add_header(http, fields[i][0], fields[i][1]);
}

/* draft-ietf-httpapi-ratelimit-headers-11 and the legacy trio, on every response */
static void quota_headers(struct evhttp_request *http, unsigned limit, unsigned remaining,
			  unsigned reset_s)
{
	char text[64];

	snprintf(text, sizeof(text), "\"control\";q=%u;w=%u", limit, QUOTA_WINDOW_MS / 1000);
	add_header(http, "RateLimit-Policy", text);
	snprintf(text, sizeof(text), "\"control\";r=%u;t=%u", remaining, reset_s);
	add_header(http, "RateLimit", text);
	snprintf(text, sizeof(text), "%u", limit);
	add_header(http, "RateLimit-Limit", text);
	snprintf(text, sizeof(text), "%u", remaining);
	add_header(http, "RateLimit-Remaining", text);
	snprintf(text, sizeof(text), "%u", reset_s);
	add_header(http, "RateLimit-Reset", text);
}

static void one_less(struct server *server)
{
	server->unsent--;
	if (server->ending && server->unsent == 0)
		event_base_loopbreak(server->base);
}

static void sent(struct evhttp_request *http, void *userdata)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(http);

	if (connection)
		evhttp_connection_set_closecb(connection, NULL, NULL);
	one_less(userdata);
}

static void closed_before(struct evhttp_connection *connection, void *userdata)
{
	(void)connection;
	one_less(userdata);
}

void request_count_unsent(struct server *server, struct evhttp_request *http)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(http);

	if (!connection) /* the client has gone: libevent frees the request when we answer */
		return;
	server->unsent++;
	evhttp_request_set_on_complete_cb(http, sent, server);
	evhttp_connection_set_closecb(connection, closed_before, server);
}

static struct evbuffer *render(const json_t *body, bool metrics)
{
	struct evbuffer *buffer = evbuffer_new();
	size_t size = 0;
	char *text = !body     ? NULL
		     : metrics ? format_prometheus(body, &size)
			       : json_dumps(body, JSON_COMPACT);

	if (buffer && text && metrics)
		evbuffer_add(buffer, text, size);
	else if (buffer && text)
		evbuffer_add_printf(buffer, "%s\n", text);
	free(text);
	return buffer;
}

static const char *content_type(int status, bool metrics)
{
	if (status >= 400)
		return "application/problem+json";
	return metrics ? "text/plain; version=0.0.4; charset=utf-8" : "application/json";
}

static void send_response(struct server *server, struct evhttp_request *http, int status,
			  const json_t *body, bool metrics)
{
	struct evbuffer *buffer = render(body, metrics && status < 400);
	char length[32];

	if (buffer && evbuffer_get_length(buffer) > 0)
		add_header(http, "Content-Type", content_type(status, metrics));
	if (buffer && evhttp_request_get_command(http) == EVHTTP_REQ_HEAD) {
		snprintf(length, sizeof(length), "%zu", evbuffer_get_length(buffer));
		add_header(http, "Content-Length", length);
		evbuffer_drain(buffer, evbuffer_get_length(buffer));
	}
	request_security_headers(http);
	request_count_unsent(server, http);
	evhttp_send_reply(http, status, problem_title(status), buffer);
	if (buffer)
		evbuffer_free(buffer);
}

void request_fail(struct server *server, struct evhttp_request *http, int status, const char *kind,
		  const char *detail)
{
	json_t *problem = problem_new(status, kind, detail);

	if (status == 429 || status == 503)
		add_header(http, "Retry-After", RETRY_S);
	if (problem && status == 429)
		json_object_set_new(problem, "violated-policies", json_pack("[s]", "control"));
	send_response(server, http, status, problem, false);
	json_decref(problem);
}

static void pending_free(struct pending *pending)
{
	if (!pending)
		return;
	if (pending->timer)
		event_free(pending->timer);
	free(pending);
}

/* Takes the request back from the list of those that wait. */
static struct evhttp_request *pending_end(struct pending *pending)
{
	struct evhttp_request *http = pending->http;

	LIST_REMOVE(pending, entry);
	pending_free(pending);
	return http;
}

static void keeper_silent(evutil_socket_t fd, short what, void *userdata)
{
	struct pending *pending = userdata;
	struct server *server = pending->server;

	(void)fd;
	(void)what;
	request_fail(server, pending_end(pending), 503, "keeper-silent",
		     "the agent did not answer in time; enforcement goes on without it");
}

void request_fail_all(struct server *server)
{
	struct pending *pending;

	while ((pending = LIST_FIRST(&server->pendings)))
		request_fail(server, pending_end(pending), 503, "agent-ending",
			     "the agent ended before it answered");
}

static void copy_headers(struct evhttp_request *http, const json_t *headers)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)headers, name, value)
	{
		if (json_is_string(value))
			add_header(http, name, json_string_value(value));
	}
}

void request_answered(struct server *server, json_int_t id, const json_t *reply)
{
	struct evhttp_request *http;
	bool metrics;
	struct pending *pending;
	json_int_t status;

	for (pending = LIST_FIRST(&server->pendings); pending; pending = LIST_NEXT(pending, entry))
		if (pending->id == id)
			break;
	if (!pending) /* too late: it was 503 */
		return;
	metrics = pending->metrics;
	http = pending_end(pending);
	if (json_is_true(json_object_get(reply, "follow"))) {
		follow_begin(server, http);
		return;
	}
	status = json_integer_value(json_object_get(reply, "status"));
	if (status < 200 || status > 599) {
		request_fail(server, http, 502, "bad-reply", "the agent's answer has no status");
		return;
	}
	copy_headers(http, json_object_get(reply, "headers"));
	send_response(server, http, (int)status, json_object_get(reply, "body"), metrics);
}

static const char *method_name(enum evhttp_cmd_type command)
{
	switch (command) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD: /* a GET whose body we do not send */
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	default:
		return "OPTIONS";
	}
}

/* What is wrong with a request, or kind = NULL. */
struct refusal {
	int status;
	const char *kind;
	char detail[256];
};

__attribute__((format(printf, 4, 5))) static void refuse(struct refusal *refusal, int status,
							 const char *kind, const char *fmt, ...)
{
	va_list ap;

	refusal->status = status;
	refusal->kind = kind;
	va_start(ap, fmt);
	vsnprintf(refusal->detail, sizeof(refusal->detail), fmt, ap);
	va_end(ap);
}

/* NULL with a refusal. Encoded slashes and NULs could name another path to the next reader. */
static json_t *read_path(const struct evhttp_uri *uri, struct refusal *refusal)
{
	const char *raw = uri ? evhttp_uri_get_path(uri) : NULL;
	_cleanup_free_ char *path = NULL;
	json_t *value = NULL;
	size_t size;

	if (raw && *raw)
		path = evhttp_uridecode(raw, 0, &size);
	if (path && strlen(path) == size && !strcasestr(raw, "%2f"))
		value = json_string(path);
	if (!value)
		refuse(refusal, 400, "bad-path", "the request's path cannot be read");
	return value;
}

static json_t *read_query(const struct evhttp_uri *uri, struct refusal *refusal)
{
	const char *raw = uri ? evhttp_uri_get_query(uri) : NULL;
	struct evkeyvalq parameters = {0};
	json_t *query = json_object();

	if (!raw || !*raw || !query)
		return query;
	if (evhttp_parse_query_str(raw, &parameters) < 0) {
		refuse(refusal, 400, "bad-query", "the query is not of the form name=value&…");
	} else {
		const struct evkeyval *one;

		for (one = TAILQ_FIRST(&parameters); one; one = TAILQ_NEXT(one, next)) {
			if (json_object_get(query, one->key))
				refuse(refusal, 400, "bad-query",
				       "the parameter \"%.64s\" is there twice", one->key);
			else if (json_object_set_new(query, one->key, json_string(one->value)) < 0)
				refuse(refusal, 400, "bad-query", "the query is not UTF-8");
		}
	}
	evhttp_clear_headers(&parameters);
	return query;
}

static bool is_json(struct evhttp_request *http)
{
	static const char json[] = "application/json";
	const char *type =
		evhttp_find_header(evhttp_request_get_input_headers(http), "Content-Type");

	return type && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
	       strchr(" \t;", type[sizeof(json) - 1]); /* the end matches too */
}

static json_t *read_body(struct evhttp_request *http, struct refusal *refusal)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(http);
	size_t size = evbuffer_get_length(input);
	json_error_t error;
	json_t *body;

	if (size == 0)
		return json_null();
	if (size > SERVE_BODY_MAX) {
		refuse(refusal, 413, "too-large", "the body has %zu bytes; at most %u are read",
		       size, SERVE_BODY_MAX);
		return NULL;
	}
	if (!is_json(http)) {
		refuse(refusal, 415, "not-json",
		       "send the body with Content-Type: application/json");
		return NULL;
	}
	body = json_loadb((const char *)evbuffer_pullup(input, -1), size, JSON_REJECT_DUPLICATES,
			  &error);
	if (!body)
		refuse(refusal, 400, "bad-json", "the body is not JSON: line %d, column %d: %s",
		       error.line, error.column, error.text);
	else if (!json_is_object(body))
		refuse(refusal, 400, "bad-json", "the body is not a JSON object");
	return body;
}

static json_t *peer_json(const struct socket_peer *peer)
{
	return json_pack("{s:I,s:I,s:I,s:b}", "uid", (json_int_t)peer->uid, "gid",
			 (json_int_t)peer->gid, "pid", (json_int_t)peer->pid, "reader",
			 peer->uid == 0 || peer->member);
}

/* NULL with a refusal. */
static json_t *make_frame(struct evhttp_request *http, json_int_t id,
			  const struct socket_peer *peer, struct refusal *refusal)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	json_t *path, *query, *body, *frame = NULL;

	path = read_path(uri, refusal);
	query = read_query(uri, refusal);
	body = refusal->kind ? NULL : read_body(http, refusal);
	if (!refusal->kind)
		frame = json_pack("{s:I,s:s,s:O,s:O,s:O,s:o}", "id", id, "method",
				  method_name(evhttp_request_get_command(http)), "path", path,
				  "query", query, "body", body, "peer", peer_json(peer));
	if (!frame && !refusal->kind)
		refuse(refusal, 503, "no-memory", "the courier is out of memory");
	json_decref(path);
	json_decref(query);
	json_decref(body);
	return frame;
}

static int pending_new(struct server *server, struct evhttp_request *http,
		       struct pending **ret_pending)
{
	unsigned timeout_ms = server->arguments->reply_timeout_ms;
	struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return -ENOMEM;
	pending->server = server;
	pending->http = http;
	pending->timer = evtimer_new(server->base, keeper_silent, pending);
	if (!pending->timer || evtimer_add(pending->timer, &timeout) < 0) {
		pending_free(pending);
		return -ENOMEM;
	}
	*ret_pending = pending;
	return 0;
}

/* Takes the frame. */
static void pass_frame(struct server *server, struct evhttp_request *http, json_int_t id,
		       json_t *frame, bool metrics, struct refusal *refusal)
{
	struct pending *pending = NULL;
	int r = frame ? pending_new(server, http, &pending) : 0;

	if (frame && r == 0)
		r = serve_send(server, frame);
	json_decref(frame);
	if (r < 0) {
		pending_free(pending);
		if (r == -EMSGSIZE)
			refuse(refusal, 413, "too-large", "the body is too large to pass on");
		else
			refuse(refusal, 503, "keeper-busy", "the agent takes no more requests now");
	}
	if (refusal->kind) {
		request_fail(server, http, refusal->status, refusal->kind, refusal->detail);
		return;
	}
	pending->id = id;
	pending->metrics = metrics;
	LIST_INSERT_HEAD(&server->pendings, pending, entry);
}

static void pass_on(struct server *server, struct evhttp_request *http,
		    const struct socket_peer *peer)
{
	struct refusal refusal = {0};
	json_int_t id = ++server->last_id;
	json_t *frame = make_frame(http, id, peer, &refusal);
	const char *path = json_string_value(json_object_get(frame, "path"));

	if (path && (strcmp(path, METRICS) == 0 || strcmp(path, EXPORTS) == 0))
		sinks_tell(server->sinks); /* the keeper hears it before the question */
	pass_frame(server, http, id, frame, path && strcmp(path, METRICS) == 0, &refusal);
}

void request_pass_metrics(struct server *server, struct evhttp_request *http)
{
	struct refusal refusal = {0};
	json_int_t id = ++server->last_id;
	/* nothing of the request but that there is one: whoever is on loopback may read these */
	json_t *frame = json_pack("{s:I,s:s,s:s,s:{},s:n,s:{s:I,s:I,s:i,s:b}}", "id", id, "method",
				  "GET", "path", METRICS, "query", "body", "peer", "uid",
				  (json_int_t)server->arguments->uid, "gid",
				  (json_int_t)server->arguments->gid, "pid", 0, "reader", 1);

	sinks_tell(server->sinks);
	pass_frame(server, http, id, frame, true, &refusal);
}

uint64_t request_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

void request_received(struct evhttp_request *http, void *userdata)
{
	struct server *server = userdata;
	struct evhttp_connection *connection = evhttp_request_get_connection(http);
	struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
	unsigned remaining, reset_ms;
	struct socket_peer peer;
	bool admitted;

	if (socket_peer(bufferevent_getfd(stream), (gid_t)server->arguments->group, &peer) < 0) {
		request_fail(server, http, 403, "unknown-peer",
			     "the kernel does not say who is asking");
		return;
	}
	admitted =
		quota_admit(server->quota, peer.uid, request_monotonic_ms(), &remaining, &reset_ms);
	quota_headers(http, quota_limit(server->quota), remaining, (reset_ms + 999) / 1000);
	if (!admitted)
		request_fail(server, http, 429, "quota-exceeded",
			     "too many requests of this user in one second");
	else if (server->ending)
		request_fail(server, http, 503, "agent-ending", "the agent is ending");
	else
		pass_on(server, http, &peer);
}
