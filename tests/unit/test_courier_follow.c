/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_courier_follow.c - event streams: who hears what, and that a slow reader's losses add up. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>

#include "tests/unit/courier_bench.h"

/* --- followers ---------------------------------------------------------------------------------
 */

struct stream {
	int fd;
	char *text;
	size_t size;
	size_t seen; /* found up to here: the next search begins there */
};

/* A follower on the test's own thread: nonblocking reads between rounds of the keeper's loop. */
static void stream_open(struct keeper *keeper, struct stream *stream)
{
	static const char request[] = GET("/v1/events/stream");

	assert_int_equal(socket_connect_unix(keeper->path, &stream->fd), 0);
	assert_int_equal(send_all(stream->fd, request, strlen(request)), 0);
	stream->text = calloc(1, 4 << 20);
	stream->size = stream->seen = 0;
}

static void stream_wait(struct keeper *keeper, struct stream *stream, const char *text)
{
	struct pollfd p = {.fd = stream->fd, .events = POLLIN};
	const char *found;

	while (!(found = strstr(stream->text + stream->seen, text))) {
		ssize_t n;

		event_base_loop(keeper->base, EVLOOP_NONBLOCK);
		if (poll(&p, 1, 10) == 0)
			continue;
		n = recv(stream->fd, stream->text + stream->size, 65536, 0);
		if (n <= 0)
			fail_msg("the stream ended before \"%s\": %s", text, stream->text);
		stream->size += n;
	}
	stream->seen = (size_t)(found - stream->text);
}

static void stream_close(struct stream *stream)
{
	close(stream->fd);
	free(stream->text);
}

static void test_follow(void **state)
{
	struct keeper *keeper = *state;
	struct stream one, two;

	keeper_start(keeper, NULL);
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "unheard"));
	stream_open(keeper, &one);
	stream_wait(keeper, &one, "\r\n\r\n");
	stream_open(keeper, &two);
	stream_wait(keeper, &two, "\r\n\r\n");
	has(one.text, "HTTP/1.1 200 OK\r\n");
	has(one.text, "Content-Type: application/x-ndjson\r\n");
	has(one.text, "Transfer-Encoding: chunked\r\n");
	assert_int_equal(courier_followers(keeper->link), 2);
	assert_int_equal(json_array_size(keeper->requests), 0);

	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "first"));
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "second"));
	stream_wait(keeper, &one, "second");
	stream_wait(keeper, &two, "second");
	has(one.text, "\r\n{\"kind\":\"first\"}\n\r\n");
	has(two.text, "\r\n{\"kind\":\"first\"}\n\r\n");
	assert_null(strstr(one.text, "unheard"));

	/* one leaves and is no longer counted; the other hears on */
	stream_close(&one);
	while (courier_followers(keeper->link) != 1)
		event_base_loop(keeper->base, EVLOOP_ONCE);
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "third"));
	stream_wait(keeper, &two, "third");
	stream_close(&two);
	while (courier_followers(keeper->link) != 0)
		event_base_loop(keeper->base, EVLOOP_ONCE);
}

/* 3000 lines of 1 KiB against a client that does not read: what came and what it was told it lost
 * add up exactly, and it hears on afterwards. */
static void test_slow_follower(void **state)
{
	const struct courier_options options = {.follower_backlog_bytes = 64 << 10};
	struct keeper *keeper = *state;
	struct stream slow, quick;
	unsigned events = 0, lost = 0;
	char filling[1001] = "";

	memset(filling, 'x', 1000);
	keeper_start(keeper, &options);
	stream_open(keeper, &slow);
	stream_wait(keeper, &slow, "\r\n\r\n");
	stream_open(keeper, &quick);
	stream_wait(keeper, &quick, "\r\n\r\n");
	for (int i = 0; i < 3000; i++) {
		char mark[32];

		courier_broadcast(keeper->link, json_pack("{s:i,s:s}", "n", i, "x", filling));
		snprintf(mark, sizeof(mark), "{\"n\":%d,", i);
		stream_wait(keeper, &quick, mark);
	}
	assert_null(strstr(quick.text, "lost"));
	stream_wait(keeper, &slow, "{\"lost\":");
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "after"));
	stream_wait(keeper, &slow, "{\"kind\":\"after\"}\n");
	for (const char *at = slow.text; (at = strstr(at, "{\"n\":")); at++)
		events++;
	for (const char *at = slow.text; (at = strstr(at, "{\"lost\":")); at++)
		lost += strtoul(at + 8, NULL, 10);
	assert_int_equal(events + lost, 3000);
	assert_true(lost > 1000);
	stream_close(&slow);
	stream_close(&quick);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ROW(test_follow),
		ROW(test_slow_follower),
	};
	int r = bench_main(argc, argv);

	return r >= 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
