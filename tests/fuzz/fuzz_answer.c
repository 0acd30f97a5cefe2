/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_answer.c - any bytes as what a receiver of exports answers, over a socket on the loopback
 * device, as it would come: through libcurl, to what webhook and OTLP make of it. Beyond not
 * crashing: there is one end to every transfer, a status or an error, and a bounded beginning of
 * the body.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "tests/fuzz/fuzz.h"
#include "user/courier/http_out.h"
#include "user/courier/sink_http.h"

static struct {
	struct event_base *base;
	struct names *names;
	struct http_out *out;
	struct http_target target;
	const uint8_t *data;
	size_t size;
	unsigned ended;
} t;

static void written(struct bufferevent *bev, void *userdata)
{
	(void)userdata;
	bufferevent_free(bev); /* what it has not read is a reset: ends, too */
}

static void over(struct bufferevent *bev, short what, void *userdata)
{
	(void)what;
	written(bev, userdata);
}

static void asked(struct bufferevent *bev, void *userdata)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)userdata;
	evbuffer_drain(in, evbuffer_get_length(in));
	bufferevent_setcb(bev, NULL, written, over, NULL);
	bufferevent_write(bev, t.data, t.size);
	if (t.size == 0)
		written(bev, NULL);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
		     int size, void *userdata)
{
	struct bufferevent *bev = bufferevent_socket_new(t.base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)listener;
	(void)peer;
	(void)size;
	(void)userdata;
	CHECK(bev);
	bufferevent_setcb(bev, asked, NULL, over, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void ended(const struct http_answer *answer, void *userdata)
{
	(void)userdata;
	t.ended++;
	if (answer->error) {
		CHECK(*answer->error);
	} else {
		CHECK(answer->status >= 100 && answer->status <= 999);
		CHECK(answer->size <= HTTP_ANSWER_MAX);
		CHECK(!answer->body || answer->body[answer->size] == '\0');
		otlp_rejected(answer);
	}
	event_base_loopbreak(t.base);
}

static void begin(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);
	struct evconnlistener *listener;

	t.base = event_base_new();
	CHECK(t.base && http_out_prepare() == 0 && names_new(t.base, &t.names) == 0 &&
	      http_out_new(t.base, &t.out) == 0);
	listener = evconnlistener_new_bind(t.base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE, 8,
					   (struct sockaddr *)&here, sizeof(here));
	CHECK(listener &&
	      getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&here, &size) == 0);
	t.target.host = strdup("127.0.0.1");
	t.target.port = ntohs(here.sin_port);
	t.target.timeout_ms = 60000;
	CHECK(asprintf(&t.target.url, "http://127.0.0.1:%u/v1/logs", t.target.port) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const no_headers[] = {NULL};
	struct http_transfer *transfer;

	if (!t.base)
		begin();
	t.data = data;
	t.size = size;
	t.ended = 0;
	CHECK(http_out_post(t.out, t.names, &t.target, strdup("{}"), 2, no_headers, ended, NULL,
			    &transfer) == 0);
	while (!t.ended)
		CHECK(event_base_loop(t.base, EVLOOP_ONCE) == 0);
	event_base_loop(t.base, EVLOOP_NONBLOCK);
	CHECK(t.ended == 1);
	return 0;
}
