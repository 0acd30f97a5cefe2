/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_inspect_losses.c - what is missing is counted to the byte, what follows is read again, and
 * no response is given to a request it does not answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/inspect_feed.h"

static struct feed feed;

static int setup(void **state)
{
	(void)state;
	feed_open(&feed);
	feed.keep_bodies = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	feed_close(&feed);
	return 0;
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

/* The next bytes of a direction never arrive, and nobody says so. */
static void lose(int direction, size_t n)
{
	feed.off[direction] += n;
}

static void losses(uint64_t gaps, uint64_t bytes)
{
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), gaps);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAP_BYTES), bytes);
}

/* Only the bytes are missing: announced lengths are stepped over. */
static void test_fault_in_body(void **state)
{
	(void)state;
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012");
	feed_hole(&feed, GL_TO_CLIENT, 4, GL_CHUNK_FAULT);
	feed_down(&feed, "789");
	ask("/2");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nab");
	feed_hole(&feed, GL_TO_CLIENT, 5, GL_CHUNK_FAULT);
	feed_down(&feed, "h\r\n0\r\n\r\n");
	ask("/3");
	answer("x");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=10/10/5:012 flags=80 odd=0\n"
				       "2 GET /2 200 req=0/0/0 resp=8/8/5:ab flags=80 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:x flags=0 odd=0\n");
	losses(2, 9);
}

static void test_plan_is_no_loss(void **state)
{
	(void)state;
	ask("/1");
	feed_at(&feed, GL_TO_CLIENT, 0, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 41,
		GL_CHUNK_BEGIN | GL_CHUNK_PLAN, 1000);
	feed.off[1] = 1041;
	feed.begun[1] = true;
	ask("/2");
	/* heads only, of a chunked body: its end is not seen */
	feed_down(&feed, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc");
	feed_hole(&feed, GL_TO_CLIENT, 1004, GL_CHUNK_PLAN);
	ask("/3");
	answer("x");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=1000/1000/3 flags=0 odd=0\n"
				       "2 GET /2 200 req=0/0/0 resp=1000/1000/3:abc flags=0 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:x flags=0 odd=0\n");
	losses(0, 0);
}

/* A chunk that found no room in the ring: a hole is waited for, then given up. */
static void test_silent_gap(void **state)
{
	(void)state;
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01");
	lose(GL_TO_CLIENT, 5);
	feed_down(&feed, "789");
	assert_int_equal(feed.transactions, 0);
	feed_wait(&feed, 99);
	assert_int_equal(feed.transactions, 0);
	losses(0, 0);
	feed_wait(&feed, 1);
	assert_int_equal(feed.transactions, 1);
	losses(1, 5);
	ask("/2");
	answer("x");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=10/10/5:01 flags=80 odd=0\n"
				       "2 GET /2 200 req=0/0/0 resp=1/1/1:x flags=0 odd=0\n");
}

static void test_window_overflow(void **state)
{
	static char page[4000];
	char head[64];

	(void)state;
	memset(page, 'p', sizeof(page));
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 160010\r\n\r\n");
	lose(GL_TO_CLIENT, 10);
	for (int i = 0; i < 16; i++)
		feed_bytes(&feed, GL_TO_CLIENT, page, sizeof(page));
	losses(0, 0);
	feed_bytes(&feed, GL_TO_CLIENT, page,
		   sizeof(page)); /* the 65,537th waiting byte is in it */
	losses(1, 10);
	for (int i = 0; i < 23; i++)
		feed_bytes(&feed, GL_TO_CLIENT, page, sizeof(page));
	assert_int_equal(feed.transactions, 1);
	assert_int_equal(feed.last.response_body.wire_bytes, 160010);
	snprintf(head, sizeof(head), "1 GET /1 200 req=0/0/0 resp=160010/160010/5:");
	assert_memory_equal(feed.text, head, strlen(head));
	/* windows hold all but the hole; none of them again */
	assert_int_equal(feed.window_bytes[1], 160000);
	assert_int_equal(feed.windows_last[1], 1);
}

/* Out of order within the window: nothing is missing in the end. */
static void test_shuffled(void **state)
{
	static const int order[] = {3, 1, 2, 0, 7, 5, 6, 4, 8};
	char body[91];

	(void)state;
	for (int i = 0; i < 90; i++)
		body[i] = (char)('0' + i / 10);
	body[90] = 0;
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n");
	for (int i = 0; i < 9; i++) {
		feed_at(&feed, GL_TO_CLIENT, feed.off[1] + 10 * (uint64_t)order[i],
			body + 10 * order[i], 10, 0, 0);
		/* a retransmission that says something else does not count */
		feed_at(&feed, GL_TO_CLIENT, feed.off[1] + 10 * (uint64_t)order[i], "??????????",
			10, 0, 0);
	}
	assert_int_equal(feed.transactions, 1);
	assert_non_null(strstr(feed.text, body));
	losses(0, 0);
}

static void test_lost_request(void **state)
{
	(void)state;
	ask("/1");
	answer("1");
	lose(GL_TO_SERVER, 30); /* the second request */
	answer("2");
	assert_int_equal(feed.transactions, 1);
	feed_wait(&feed, 10);
	ask("/3");
	answer("3");
	feed_wait(&feed, 200);
	feed_wait(&feed, 200);
	ask("/4");
	answer("4");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=1/1/1:1 flags=0 odd=0\n"
				       "2   200 req=0/0/0 resp=1/1/1:2 flags=84 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n"
				       "4 GET /4 200 req=0/0/0 resp=1/1/1:4 flags=0 odd=0\n");
	losses(1, 30);
}

static void test_lost_response(void **state)
{
	(void)state;
	ask("/1");
	answer("1");
	ask("/2");
	lose(GL_TO_CLIENT, 40);
	ask("/3");
	answer("3");
	feed_wait(&feed, 200);
	ask("/4");
	answer("4");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=1/1/1:1 flags=0 odd=0\n"
				       "2 GET /2 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n"
				       "4 GET /4 200 req=0/0/0 resp=1/1/1:4 flags=0 odd=0\n");
	losses(1, 40);
}

/* A request and its answer of a client that never pauses. */
static void exchange(const char *path, const char *body)
{
	ask(path);
	feed.now_ns += FEED_MS;
	answer(body);
	feed.now_ns += FEED_MS;
}

/* While what is missing is waited for, requests go on: none of them is given another's answer. */
static void test_lost_response_of_a_busy_client(void **state)
{
	(void)state;
	exchange("/1", "1");
	for (int i = 0; i < 2; i++) {
		ask("/2");
		lose(GL_TO_CLIENT, 40);
		feed.now_ns += FEED_MS;
		exchange("/3", "3");
		exchange("/4", "4");
		exchange("/5", "5");
		feed_wait(&feed, 200);
		exchange("/6", "6");
	}
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=1/1/1:1 flags=0 odd=0\n"
				       "2 GET /2 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n"
				       "4 GET /4 200 req=0/0/0 resp=1/1/1:4 flags=0 odd=0\n"
				       "5 GET /5 200 req=0/0/0 resp=1/1/1:5 flags=0 odd=0\n"
				       "6 GET /6 200 req=0/0/0 resp=1/1/1:6 flags=0 odd=0\n"
				       "7 GET /2 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "8 GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n"
				       "9 GET /4 200 req=0/0/0 resp=1/1/1:4 flags=0 odd=0\n"
				       "10 GET /5 200 req=0/0/0 resp=1/1/1:5 flags=0 odd=0\n"
				       "11 GET /6 200 req=0/0/0 resp=1/1/1:6 flags=0 odd=0\n");
	losses(2, 80);
}

static void test_lost_request_of_a_busy_client(void **state)
{
	(void)state;
	exchange("/1", "1");
	lose(GL_TO_SERVER, 30);
	feed.now_ns += FEED_MS;
	answer("2");
	feed.now_ns += FEED_MS;
	exchange("/3", "3");
	exchange("/4", "4");
	feed_wait(&feed, 200);
	exchange("/5", "5");
	assert_non_null(strstr(feed.text, "   200 req=0/0/0 resp=1/1/1:2 flags=84 odd=0\n"));
	assert_non_null(strstr(feed.text, " GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n"));
	assert_non_null(strstr(feed.text, " GET /4 200 req=0/0/0 resp=1/1/1:4 flags=0 odd=0\n"));
	assert_non_null(strstr(feed.text, " GET /5 200 req=0/0/0 resp=1/1/1:5 flags=0 odd=0\n"));
	assert_int_equal(feed.transactions, 5);
	losses(1, 30);
}

static void test_lost_inside_heads(void **state)
{
	(void)state;
	feed_up(&feed, "GET /1 HTTP/1.1\r\nHo");
	feed_hole(&feed, GL_TO_SERVER, 7, GL_CHUNK_FAULT);
	feed_up(&feed, "\r\n\r\n");
	answer("1");
	ask("/2");
	feed_down(&feed, "HTTP/1.1 2");
	feed_hole(&feed, GL_TO_CLIENT, 30, GL_CHUNK_FAULT);
	ask("/3");
	answer("3");
	assert_string_equal(feed.text, "1   200 req=0/0/0 resp=1/1/1:1 flags=80 odd=0\n"
				       "2 GET /2 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "3 GET /3 200 req=0/0/0 resp=1/1/1:3 flags=0 odd=0\n");
	losses(2, 37);
}

/* Who pipelines and loses is not guessed at, until there is silence. */
static void test_pipelined_loss(void **state)
{
	(void)state;
	ask("/1");
	ask("/2");
	ask("/3");
	answer("1");
	lose(GL_TO_CLIENT, 40); /* which of the others? */
	answer("3");
	feed_wait(&feed, 200);
	ask("/4");
	answer("4");
	feed_wait(&feed, 2000);
	ask("/5");
	answer("5");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=1/1/1:1 flags=0 odd=0\n"
				       "2 GET /2 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "3 GET /3 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "4   200 req=0/0/0 resp=1/1/1:3 flags=84 odd=0\n"
				       "5 GET /4 0 req=0/0/0 resp=0/0/0 flags=88 odd=0\n"
				       "6   200 req=0/0/0 resp=1/1/1:4 flags=84 odd=0\n"
				       "7 GET /5 200 req=0/0/0 resp=1/1/1:5 flags=0 odd=0\n");
}

static void test_midstream(void **state)
{
	(void)state;
	feed.no_begin = true;
	feed.off[0] = 5000;
	feed.off[1] = 90000;
	feed_down(&feed, "the rest of some body");
	answer("before");
	ask("/1");
	answer("1");
	ask("/2");
	answer("2");
	assert_string_equal(feed.text, "1   200 req=0/0/0 resp=6/6/1:before flags=6 odd=0\n"
				       "2 GET /1 200 req=0/0/0 resp=1/1/1:1 flags=2 odd=0\n"
				       "3 GET /2 200 req=0/0/0 resp=1/1/1:2 flags=0 odd=0\n");
	losses(0, 0);
}

static void test_cut(void **state)
{
	(void)state;
	ask("/1");
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01");
	feed_at(&feed, GL_TO_CLIENT, feed.off[1], NULL, 0, GL_CHUNK_CUT, 0);
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=2/2/3:01 flags=100 odd=0\n");
	feed_down(&feed, "234567HTTP/1.1 200 OK\r\n\r\n");
	feed_end(&feed);
	assert_int_equal(feed.transactions, 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_NOT_HTTP), 0);
}

/* The table is full: the one that was silent longest goes, and is reported. */
static void test_eviction(void **state)
{
	struct inspect_usage usage;

	(void)state;
	for (int i = 0; i < 100; i++) {
		ask("/waits");
		feed_next(&feed);
	}
	inspect_usage(feed.in, &usage);
	assert_int_equal(usage.connections, 64);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_STREAMS_EVICTED), 36);
	assert_int_equal(feed.transactions, 36);
	assert_int_equal(feed.last.flags & ~(unsigned)TX_ID_MADE, TX_GAP | TX_NO_RESPONSE);
	inspect_finish(feed.in);
	assert_int_equal(feed.transactions, 100);
	inspect_usage(feed.in, &usage);
	assert_int_equal(usage.connections, 0);
	assert_int_equal(usage.buffer_bytes, 0);
}

/* Within the budget, whatever comes. */
static void test_budget(void **state)
{
	const struct inspect_options small = {
		.connections = 1000, .buffer_bytes = 1 << 20, .connection_bytes = 200000};
	static char body[60000];
	struct inspect_usage usage;

	(void)state;
	memset(body, 'b', sizeof(body));
	feed_close(&feed);
	feed_open_with(&feed, &small);
	for (int i = 0; i < 200; i++) {
		ask("/large");
		feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		feed_bytes(&feed, GL_TO_CLIENT, body, sizeof(body));
		inspect_usage(feed.in, &usage);
		assert_true(usage.pool_bytes <= small.buffer_bytes);
		feed_next(&feed);
	}
	/* bodies were left out, heads were not */
	assert_int_equal(feed_count(&feed, REPORT_COUNT_STREAMS_EVICTED), 0);
	assert_true(feed_count(&feed, REPORT_COUNT_BODIES_SKIPPED) >= 180);
	inspect_finish(feed.in);
	assert_int_equal(feed.transactions, 200);
}

static void test_bad_records(void **state)
{
	static const struct gl_chunk chunk = {.n = 5, .direction = 0};
	static const struct gl_chunk sideways = {.direction = 2};

	(void)state;
	assert_int_equal(inspect_chunk(feed.in, &chunk, sizeof(chunk) - 1), -22);
	assert_int_equal(inspect_chunk(feed.in, &chunk, sizeof(chunk)), -22);
	assert_int_equal(inspect_chunk(feed.in, &sideways, sizeof(sideways)), -22);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_RECORDS_BAD), 3);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_CHUNKS), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_fault_in_body),
		TEST(test_plan_is_no_loss),
		TEST(test_silent_gap),
		TEST(test_window_overflow),
		TEST(test_shuffled),
		TEST(test_lost_request),
		TEST(test_lost_response),
		TEST(test_lost_response_of_a_busy_client),
		TEST(test_lost_request_of_a_busy_client),
		TEST(test_lost_inside_heads),
		TEST(test_pipelined_loss),
		TEST(test_midstream),
		TEST(test_cut),
		TEST(test_eviction),
		TEST(test_budget),
		TEST(test_bad_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
