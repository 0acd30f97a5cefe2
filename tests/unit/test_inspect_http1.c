/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_inspect_http1.c - HTTP/1 transactions, however the bytes are cut. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/inspect_feed.h"

struct talk {
	const char *up, *down, *lines;
};

static struct feed feed;

static const struct talk talks[] = {
	{"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	 "1 GET /a 200 req=0/0/0 resp=5/5/1:hello flags=0 odd=0\n"},
	{"POST /b?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
	 "HTTP/1.1 201 Created\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n4;x=y\r\nwiki\r\nA\r\n0123456789"
	 "\r\n0\r\nX-Sum: 1\r\n\r\n",
	 "1 POST /b?q=1 201 req=3/3/1:abc resp=14/14/1:wiki0123456789 flags=0 odd=0\n"},
	/* pipelined, HEAD and 304 have no bodies, an interim response */
	{"HEAD /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
	 "PUT /3 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
	 "2\r\nhi\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: h\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nHTTP/1.1 304 Not Modified\r\n"
	 "Content-Length: 7\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
	 "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
	 "1 HEAD /1 200 req=0/0/0 resp=0/0/0 flags=0 odd=0\n"
	 "2 GET /2 304 req=0/0/0 resp=0/0/0 flags=0 odd=0\n"
	 "3 PUT /3 204 req=2/2/1:hi resp=0/0/0 flags=0 odd=0\n"
	 "4 GET /4 404 req=0/0/0 resp=0/0/0 flags=0 odd=0\n"},
	/* HTTP/1.0, until the end; bare LF; empty lines between messages */
	{"\r\n\nGET /old HTTP/1.0\nUser-Agent: x\n\n", "HTTP/1.0 200 OK\n\nall of it",
	 "1 GET /old 200 req=0/0/0 resp=9/9/21:all of it flags=0 odd=0\n"},
	{"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	 "\x81\x85_mask",
	 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
	 "\x81\x05hello",
	 "1 GET /ws 101 req=0/0/0 resp=0/0/0 flags=30 odd=0\n"},
	{"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n", "HTTP/1.1 200 Ok\r\n\r\n\x16\x03\x01",
	 "1 CONNECT db:5432 200 req=0/0/0 resp=0/0/0 flags=10 odd=0\n"},
	/* the shapes readers differ on */
	{"POST /cl-te HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n"
	 "1\r\nZ\r\n0\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	 "1 POST /cl-te 200 req=1/1/1:Z resp=0/0/0 flags=0 odd=1\n"},
	{"POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	 "1 POST /two 200 req=2/2/1:ab resp=0/0/0 flags=0 odd=2\n"},
	{"POST /bad HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\n",
	 "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
	 "1 POST /bad 400 req=0/0/0 resp=0/0/0 flags=0 odd=4\n"},
	{"POST /te HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
	 "HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n",
	 "1 POST /te 501 req=0/0/0 resp=0/0/0 flags=0 odd=8\n"},
	{"POST /chunk HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
	 "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
	 "1 POST /chunk 400 req=1/1/3:a resp=0/0/0 flags=0 odd=10\n"},
	{"GET /fold HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n 2\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	 "1 GET /fold 200 req=0/0/0 resp=0/0/0 flags=0 odd=20\n"},
	{"GET /cr HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	 "1 GET /cr 200 req=0/0/0 resp=0/0/0 flags=0 odd=40\n"},
	{"GET /space HTTP/1.1\r\nHost : h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	 "1 GET /space 200 req=0/0/0 resp=0/0/0 flags=0 odd=100\n"},
	{"GET /hosts HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\nGET /none HTTP/1.1\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	 "1 GET /hosts 200 req=0/0/0 resp=0/0/0 flags=0 odd=200\n"
	 "2 GET /none 200 req=0/0/0 resp=0/0/0 flags=0 odd=400\n"},
	{"GET /ok HTTP/1.1\r\nHost: h\r\n\r\nGET\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 400 Bad\r\nContent-Length: "
	 "0\r\n\r\n",
	 "1 GET /ok 200 req=0/0/0 resp=0/0/0 flags=0 odd=0\n"
	 "2   400 req=0/0/0 resp=0/0/0 flags=0 odd=800\n"},
	{"GET /close HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
	 "GET /more HTTP/1.1\r\nHost: h\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	 "1 GET /close 200 req=0/0/0 resp=0/0/0 flags=0 odd=0\n"
	 "2 GET /more 0 req=0/0/0 resp=0/0/0 flags=8 odd=2000\n"},
	/* no answer at all */
	{"GET /none HTTP/1.1\r\nHost: h\r\n\r\n", "",
	 "1 GET /none 0 req=0/0/0 resp=0/0/0 flags=8 odd=0\n"},
};

static void open_talk(void)
{
	feed_open(&feed);
	feed.keep_bodies = true;
}

static void check_talk(const struct talk *talk)
{
	feed_end(&feed);
	assert_string_equal(feed.text, talk->lines);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), 0);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_NOT_HTTP), 0);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_TRANSACTIONS), feed.transactions);
	assert_int_equal(feed.last.op, feed.heads ? 7 : 0xffff);
	feed_close(&feed);
}

static void test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(*talks); i++) {
		open_talk();
		feed_up(&feed, talks[i].up);
		feed_down(&feed, talks[i].down);
		check_talk(&talks[i]);
	}
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(*talks); i++) {
		open_talk();
		for (const char *p = talks[i].up; *p; p++)
			feed_bytes(&feed, GL_TO_SERVER, p, 1);
		for (const char *p = talks[i].down; *p; p++)
			feed_bytes(&feed, GL_TO_CLIENT, p, 1);
		check_talk(&talks[i]);
	}
}

/* In two at every offset; the second part first; and again what was there before. */
static void split_at(const struct talk *talk, int direction, size_t at, int order)
{
	const char *text = direction ? talk->down : talk->up;
	size_t n = strlen(text);

	open_talk();
	if (direction)
		feed_up(&feed, talk->up);
	if (order == 0) {
		feed_bytes(&feed, direction, text, at);
		feed_bytes(&feed, direction, text + at, n - at);
	} else if (order == 1) {
		feed_at(&feed, direction, at, text + at, n - at, GL_CHUNK_BEGIN * !at, 0);
		feed_at(&feed, direction, 0, text, at, GL_CHUNK_BEGIN, 0);
	} else {
		feed_at(&feed, direction, 0, text, at, GL_CHUNK_BEGIN, 0);
		feed_at(&feed, direction, at / 2, text + at / 2, n - at / 2, 0, 0);
	}
	feed.off[direction] = n;
	feed.begun[direction] = true;
	if (!direction)
		feed_down(&feed, talk->down);
	check_talk(talk);
}

static void test_every_offset(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(*talks); i++)
		for (int direction = 0; direction < 2; direction++)
			for (size_t at = 1; at < strlen(direction ? talks[i].down : talks[i].up);
			     at++) {
				split_at(&talks[i], direction, at, 0);
				if (direction) /* the first chunk says that it is the first */
					split_at(&talks[i], direction, at, 1);
				split_at(&talks[i], direction, at, 2);
			}
}

static void test_response_before_request(void **state)
{
	(void)state;
	open_talk();
	feed_up(&feed, talks[0].up);
	feed_down(&feed, talks[0].down);
	feed_down(&feed, talks[0].down); /* of a request that is on its way */
	assert_int_equal(feed.transactions, 1);
	feed_up(&feed, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(feed.transactions, 2);
	assert_non_null(strstr(feed.text, "2 GET /late 200 req=0/0/0 resp=5/5/1:hello flags=0"));
	/* and one that nobody asked for */
	feed_down(&feed, talks[0].down);
	feed_wait(&feed, 50);
	assert_int_equal(feed.transactions, 2);
	feed_wait(&feed, 60);
	assert_int_equal(feed.transactions, 3);
	assert_non_null(strstr(feed.text, "3   200 req=0/0/0 resp=5/5/1:hello flags=4 odd=1000"));
	feed_close(&feed);
}

static void test_other_protocols(void **state)
{
	static const char *const others[] = {"\x16\x03\x01\x02", "SSH-2.0-OpenSSH_9\r\n",
					     "EHLO there\r\n", "*1\r\n$4\r\nPING\r\n", "\r\n\x01"};
	struct inspect_usage usage;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		open_talk();
		feed_up(&feed, others[i]);
		feed_down(&feed, "+OK\r\n\r\n");
		feed_end(&feed);
		assert_int_equal(feed.transactions, 0);
		assert_int_equal(feed_count(&feed, REPORT_COUNT_NOT_HTTP), 1);
		inspect_usage(feed.in, &usage);
		assert_int_equal(usage.connections, 0);
		assert_int_equal(usage.buffer_bytes, 0);
		feed_close(&feed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_every_offset),
		cmocka_unit_test(test_response_before_request),
		cmocka_unit_test(test_other_protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
