/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_inspect_patience.c - how long what is missing is waited for: at the wire door until TCP has
 * sent it again, twice; inside TLS, where nothing comes twice, a tenth of that. Either way it is
 * given up in the end, counted, and what it holds back meanwhile is bounded.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/h2_write.h"
#include "tests/unit/inspect_feed.h"

#define TLS_MS  100
#define WIRE_MS 1000

static struct feed feed;

static int setup(void **state)
{
	(void)state;
	feed_open(&feed);
	feed.how = GL_HOW_WIRE;
	feed.keep_bodies = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	feed_close(&feed);
	return 0;
}

/* The same from the beginning, at this door. */
static void at_door(uint8_t how)
{
	teardown(NULL);
	setup(NULL);
	feed.how = how;
}

static void ask(const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
	feed_up(&feed, text);
}

static void answer(const char *body)
{
	char text[256];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	feed_down(&feed, text);
}

static void losses(uint64_t gaps, uint64_t bytes)
{
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), gaps);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAP_BYTES), bytes);
}

/* n bytes of a direction are not there yet. Returns where they belong. */
static uint64_t miss(int direction, size_t n)
{
	uint64_t at = feed.off[direction];

	feed.off[direction] += n;
	return at;
}

/* A response whose third to seventh byte comes `late` milliseconds behind its end. */
static void late_piece(uint64_t late)
{
	uint64_t at;

	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01");
	at = miss(GL_TO_CLIENT, 5);
	feed_down(&feed, "789");
	assert_int_equal(feed.transactions, 0);
	feed_wait(&feed, late);
	feed_at(&feed, GL_TO_CLIENT, at, "23456", 5, 0, 0);
	ask("/2");
	answer("x");
}

static void test_sent_again(void **state)
{
	static const uint64_t late[] = {1, 200, 600, WIRE_MS - 1};
	static const char whole[] = "1 GET /1 200 req=0/0/0 resp=10/10/1:0123456789 flags=0 odd=0\n"
				    "2 GET /2 200 req=0/0/0 resp=1/1/1:x flags=0 odd=0\n";

	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		at_door(GL_HOW_WIRE);
		late_piece(late[i]);
		assert_string_equal(feed.text, whole);
		losses(0, 0);
	}
	at_door(GL_HOW_PROBE);
	late_piece(TLS_MS - 1);
	assert_string_equal(feed.text, whole);
	losses(0, 0);
}

/* Given up, counted to the byte, and the next one is read: what comes after that is not. */
static void test_never_sent_again(void **state)
{
	static const struct {
		uint8_t how;
		uint64_t ms;
	} row[] = {{GL_HOW_WIRE, WIRE_MS}, {GL_HOW_PROBE, TLS_MS}, {GL_HOW_KEYS, TLS_MS}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		at_door(row[i].how);
		late_piece(row[i].ms);
		assert_string_equal(feed.text,
				    "1 GET /1 200 req=0/0/0 resp=10/10/5:01 flags=80 odd=0\n"
				    "2 GET /2 200 req=0/0/0 resp=1/1/1:x flags=0 odd=0\n");
		losses(1, 5);
	}
}

/* Each hole has its time: it counts from what came behind it. */
static void test_two_holes(void **state)
{
	uint64_t first, second;

	(void)state;
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0");
	first = miss(GL_TO_CLIENT, 2);
	feed_down(&feed, "345");
	feed_wait(&feed, 700);
	second = miss(GL_TO_CLIENT, 2);
	feed_down(&feed, "89");
	feed_wait(&feed, 250);
	feed_at(&feed, GL_TO_CLIENT, first, "12", 2, 0, 0);
	feed_wait(&feed, 700);
	feed_at(&feed, GL_TO_CLIENT, second, "67", 2, 0, 0);
	assert_string_equal(feed.text,
			    "1 GET /1 200 req=0/0/0 resp=10/10/1:0123456789 flags=0 odd=0\n");
	losses(0, 0);
}

/* A response waits as long as its request may take, or it would be nobody's. */
static void late_request(void)
{
	static const char text[] = "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
	uint64_t at;

	ask("/1");
	answer("1");
	at = miss(GL_TO_SERVER, sizeof(text) - 1);
	ask("/3");
	answer("2");
	feed_wait(&feed, 300);
	feed_at(&feed, GL_TO_SERVER, at, text, sizeof(text) - 1, 0, 0);
	answer("3");
}

static void test_request_sent_again(void **state)
{
	(void)state;
	late_request();
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=1/1/1:1 flags=0 odd=0\n"
				       "2 GET /2 200 req=0/0/0 resp=1/1/1:2 flags=0 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n");
	losses(0, 0);
	at_door(GL_HOW_PROBE);
	late_request();
	losses(1, 28);
	assert_null(strstr(feed.text, "/2"));
}

/* The end is told, bytes before it are not there: they may come, too. */
static void test_end_ahead(void **state)
{
	struct inspect_usage usage;

	(void)state;
	for (int filled = 1; filled >= 0; filled--) {
		uint64_t at;

		at_door(GL_HOW_WIRE);
		ask("/1");
		feed_down(&feed, "HTTP/1.1 200 OK\r\n\r\n01");
		at = miss(GL_TO_CLIENT, 3);
		feed_end(&feed);
		feed_wait(&feed, WIRE_MS - 1);
		assert_int_equal(feed.transactions, 0);
		losses(0, 0);
		if (filled)
			feed_at(&feed, GL_TO_CLIENT, at, "234", 3, 0, 0);
		else
			feed_wait(&feed, 1);
		assert_string_equal(
			feed.text,
			filled ? "1 GET /1 200 req=0/0/0 resp=5/5/21:01234 flags=0 odd=0\n"
			       : "1 GET /1 200 req=0/0/0 resp=5/5/25:01 flags=80 odd=0\n");
		losses(!filled, filled ? 0 : 3);
		inspect_usage(feed.in, &usage);
		assert_int_equal(usage.connections, 0);
	}
}

/* One lost segment of a client of HTTP/2 would cost all heads after it: they share a table. */
static void h2_late(uint64_t late)
{
	struct h2_write up;
	size_t n, cut;

	h2_write_open(&up);
	h2_put(&up, H2_PREFACE, 24);
	h2_frame(&up, 4, 0, 0, NULL, 0);
	h2_get(&up, 1, "/1");
	feed_bytes(&feed, GL_TO_SERVER, up.bytes, up.n);
	n = up.n;
	h2_get(&up, 3, "/2");
	cut = up.n;
	h2_get(&up, 5, "/3");
	feed_at(&feed, GL_TO_SERVER, cut, up.bytes + cut, up.n - cut, 0, 0);
	feed_wait(&feed, late);
	feed_at(&feed, GL_TO_SERVER, n, up.bytes + n, cut - n, 0, 0);
	feed.off[GL_TO_SERVER] = up.n;
	up.n = 0;
	h2_get(&up, 7, "/4");
	feed_bytes(&feed, GL_TO_SERVER, up.bytes, up.n);
	h2_write_close(&up);
}

static void test_http2(void **state)
{
	(void)state;
	h2_late(300);
	assert_int_equal(feed.heads, 4);
	losses(0, 0);
	at_door(GL_HOW_WIRE);
	h2_late(WIRE_MS);
	assert_int_equal(feed.heads, 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), 1);
}

/* What waits is bounded by bytes and by number, whatever the time: a busy connection's hole is
 * given up sooner. */
static void test_one_connection_is_bounded(void **state)
{
	static char page[4000];
	struct inspect_usage usage;

	(void)state;
	memset(page, 'p', sizeof(page));
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		miss(GL_TO_CLIENT, 10);
		feed_bytes(&feed, GL_TO_CLIENT, page, sizeof(page));
		inspect_usage(feed.in, &usage);
		assert_true(usage.buffer_bytes < 300000);
	}
	assert_true(feed_count(&feed, REPORT_COUNT_GAPS) >= 80);
}

/* All of them together, too; and when the time is up nothing of it is left. */
static void test_all_are_bounded(void **state)
{
	const struct inspect_options small = {
		.connections = 1000, .buffer_bytes = 1 << 20, .connection_bytes = 200000};
	static char page[60000];
	struct inspect_usage usage;

	(void)state;
	memset(page, 'p', sizeof(page));
	feed_close(&feed);
	feed_open_with(&feed, &small);
	feed.how = GL_HOW_WIRE;
	for (int i = 0; i < 200; i++) {
		ask("/holes");
		feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		miss(GL_TO_CLIENT, 10);
		feed_bytes(&feed, GL_TO_CLIENT, page, sizeof(page));
		inspect_usage(feed.in, &usage);
		assert_true(usage.pool_bytes <= small.buffer_bytes);
		feed_next(&feed);
	}
	assert_true(feed_count(&feed, REPORT_COUNT_STREAMS_EVICTED) > 0);
	losses(0, 0);
	feed_wait(&feed, WIRE_MS);
	inspect_usage(feed.in, &usage);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), usage.connections);
	assert_int_equal(usage.connections + feed_count(&feed, REPORT_COUNT_STREAMS_EVICTED), 200);
	inspect_finish(feed.in);
	assert_int_equal(feed.transactions, 200);
	inspect_usage(feed.in, &usage);
	assert_int_equal(usage.buffer_bytes, 0);
}

/* Who ends does not wait. */
static void test_finish(void **state)
{
	(void)state;
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01");
	miss(GL_TO_CLIENT, 5);
	feed_down(&feed, "789");
	inspect_finish(feed.in);
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=10/10/5:01 flags=80 odd=0\n");
	losses(1, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_sent_again),
		TEST(test_never_sent_again),
		TEST(test_two_holes),
		TEST(test_request_sent_again),
		TEST(test_end_ahead),
		TEST(test_http2),
		TEST(test_one_connection_is_bounded),
		TEST(test_all_are_bounded),
		TEST(test_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
