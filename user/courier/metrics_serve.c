/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/metrics_serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/courier/serve.h"

#define METRICS_TIMEOUT_S 10
#define METRICS_PER_S     10

struct metrics_serve {
	struct server *server;
	struct evhttp *http;
	uint64_t second;
	unsigned answered;
};

static void asked(struct evhttp_request *http, void *userdata)
{
	struct metrics_serve *serve = userdata;
	uint64_t second = request_monotonic_ms() / 1000;

	if (second != serve->second) {
		serve->second = second;
		serve->answered = 0;
	}
	if (++serve->answered > METRICS_PER_S)
		request_fail(serve->server, http, 429, "quota-exceeded", "ten requests a second");
	else if (serve->server->ending)
		request_fail(serve->server, http, 503, "agent-ending", "the agent is ending");
	else
		request_pass_metrics(serve->server, http);
}

static void elsewhere(struct evhttp_request *http, void *userdata)
{
	struct metrics_serve *serve = userdata;

	request_fail(serve->server, http, 404, "no-such-resource", "here is only /metrics");
}

int metrics_serve_new(struct server *server, const char *host, uint16_t port,
		      struct metrics_serve **ret_serve)
{
	struct metrics_serve *serve = calloc(1, sizeof(*serve));
	int r = 0;

	if (!serve)
		return -ENOMEM;
	serve->server = server;
	serve->http = evhttp_new(server->base);
	if (!serve->http) {
		free(serve);
		return -ENOMEM;
	}
	evhttp_set_allowed_methods(serve->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(serve->http, 8192);
	evhttp_set_max_body_size(serve->http, 0);
	evhttp_set_timeout(serve->http, METRICS_TIMEOUT_S);
	evhttp_set_default_content_type(serve->http, NULL);
	evhttp_set_cb(serve->http, "/metrics", asked, serve);
	evhttp_set_gencb(serve->http, elsewhere, serve);
	errno = 0;
	if (evhttp_bind_socket(serve->http, host, port) < 0)
		r = errno ? -errno : -EADDRNOTAVAIL;
	if (r < 0) {
		metrics_serve_free(serve);
		return r;
	}
	*ret_serve = serve;
	return 0;
}

void metrics_serve_free(struct metrics_serve *serve)
{
	if (!serve)
		return;
	evhttp_free(serve->http);
	free(serve);
}
