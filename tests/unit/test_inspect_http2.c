/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_inspect_http2.c - HTTP/2 transactions out of frames, however they are cut, lost or forged.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/h2_write.h"
#include "tests/unit/inspect_feed.h"

static struct feed feed;
static struct h2_write up, down;

static int setup(void **state)
{
	(void)state;
	feed_open(&feed);
	feed.keep_bodies = true;
	h2_write_open(&up);
	h2_write_open(&down);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	feed_close(&feed);
	h2_write_close(&up);
	h2_write_close(&down);
	return 0;
}

static void open_both(void)
{
	static const uint8_t table_64k[] = {0, 1, 0, 1, 0, 0}, window[] = {0, 0, 255, 0};

	h2_put(&up, H2_PREFACE, 24);
	h2_frame(&up, 4, 0, 0, table_64k, sizeof(table_64k));
	h2_frame(&up, 8, 0, 0, window, sizeof(window));
	h2_frame(&down, 4, 0, 0, NULL, 0);
	h2_frame(&down, 4, 1, 0, NULL, 0);
}

static void send_up(void)
{
	feed_bytes(&feed, GL_TO_SERVER, up.bytes, up.n);
	up.n = 0;
}

static void send_down(void)
{
	feed_bytes(&feed, GL_TO_CLIENT, down.bytes, down.n);
	down.n = 0;
}

/* Everything there is to a block: padding, priority, continuations, trailers, an interim head. */
static void write_talk(void)
{
	static const char *const post[] = {":method",        "POST", ":scheme",    "https",
					   ":path",          "/up",  ":authority", "h",
					   "content-length", "5",    NULL};
	static const char *const rpc[] = {
		":method", "POST",       ":scheme", "https",        ":path",
		"/a.B/C",  ":authority", "h",       "content-type", "application/grpc+proto",
		NULL};
	static const char *const grpc[] = {":status", "200", "content-type", "application/grpc",
					   NULL};
	static const char *const trailers[] = {"grpc-status", "0", "x-trailer", "y", NULL};
	static const char *const interim[] = {":status", "103", "link", "</x>", NULL};
	uint8_t block[4096] = {3, 0, 0, 0, 1, 16}, rest[4096];
	size_t n;

	open_both();
	h2_get(&up, 1, "/one");
	n = h2_block(&up, post, rest, sizeof(rest));
	memcpy(block + 6, rest, 4);
	memset(block + 10, 0, 3);
	h2_frame(&up, 1, 8 | 32, 3, block, 13); /* padded, priority, four bytes of block */
	h2_frame(&up, 9, 0, 3, rest + 4, 1);
	h2_frame(&up, 9, 4, 3, rest + 5, n - 5);
	h2_frame(&up, 0, 8 | 1, 3, "\x02hello\0\0", 8);
	h2_headers(&up, 5, 0, rpc);
	h2_frame(&up, 0, 1, 5, "\0\0\0\0\1x", 6);
	h2_get(&up, 7, "/never");

	h2_headers(&down, 3, 0, interim);
	h2_answer(&down, 3, "201", "made");
	h2_headers(&down, 5, 0, grpc);
	h2_frame(&down, 0, 0, 5, "\0\0\0\0\1y", 6);
	h2_frame(&down, 6, 0, 0, "12345678", 8);
	h2_headers(&down, 5, 1, trailers);
	h2_answer(&down, 1, "404", "");
	h2_frame(&down, 3, 0, 7, "\0\0\0\1", 4);
}

static const char talk_lines[] = "2 POST /up 201 req=5/5/1:hello resp=4/4/1:made flags=0 odd=0\n"
				 "3 POST /a.B/C 200 req=6/6/1:";

static void check_talk(void)
{
	assert_memory_equal(feed.text, talk_lines, sizeof(talk_lines) - 1);
	assert_non_null(strstr(feed.text, "1 GET /one 404 req=0/0/0 resp=0/0/0 flags=0 odd=0\n"));
	assert_non_null(strstr(feed.text, "4 GET /never 0 req=0/0/0 resp=0/0/0 flags=8 odd=0\n"));
	assert_int_equal(feed.transactions, 4);
	assert_int_equal(feed.heads, 4);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 0);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_MIDSTREAM), 0);
}

/* Text of transactions has no zero bytes in it for strstr(). */
static void hide_zeroes(void)
{
	for (size_t i = 0; i < feed.n; i++)
		if (!feed.text[i])
			feed.text[i] = '.';
	/* the third line is as far as talk_lines goes */
}

static void test_whole(void **state)
{
	(void)state;
	write_talk();
	send_up();
	send_down();
	hide_zeroes();
	check_talk();
}

static void test_pieces(void **state)
{
	uint8_t *bytes[2];
	size_t n[2];

	(void)state;
	write_talk();
	bytes[0] = up.bytes;
	bytes[1] = down.bytes;
	n[0] = up.n;
	n[1] = down.n;
	for (size_t piece = 1; piece < 40; piece++) {
		feed_close(&feed);
		feed_open(&feed);
		feed.keep_bodies = true;
		for (int d = 0; d < 2; d++)
			for (size_t at = 0; at < n[d]; at += piece)
				feed_bytes(&feed, d, bytes[d] + at,
					   n[d] - at < piece ? n[d] - at : piece);
		hide_zeroes();
		check_talk();
	}
}

/* Nothing is held that a closed connection leaves behind. */
static void test_all_is_given_back(void **state)
{
	struct inspect_usage usage;

	(void)state;
	write_talk();
	send_up();
	send_down();
	feed_end(&feed);
	inspect_usage(feed.in, &usage);
	assert_int_equal(usage.connections, 0);
	assert_int_equal(usage.transactions, 0);
	assert_int_equal(usage.buffer_bytes, 0);
}

static void test_response_waits_for_request(void **state)
{
	(void)state;
	open_both();
	send_up();
	h2_answer(&down, 1, "200", "early");
	h2_get(&up, 1, "/x");
	send_down();
	assert_int_equal(feed.transactions, 0);
	send_up();
	assert_string_equal(feed.text, "1 GET /x 200 req=0/0/0 resp=5/5/1:early flags=0 odd=0\n");
}

static void test_server_first(void **state)
{
	(void)state;
	open_both();
	h2_get(&up, 1, "/x");
	send_down(); /* SETTINGS */
	send_up();
	h2_answer(&down, 1, "200", "b");
	send_down();
	assert_string_equal(feed.text, "1 GET /x 200 req=0/0/0 resp=1/1/1:b flags=0 odd=0\n");
	assert_int_equal(feed_count(&feed, REPORT_COUNT_NOT_HTTP), 0);
}

static void test_midstream(void **state)
{
	(void)state;
	open_both();
	h2_get(&up, 1, "/before");
	h2_answer(&down, 1, "200", "before");
	up.n = down.n = 0; /* nobody was there */
	feed.no_begin = true;
	feed.off[0] = feed.off[1] = 1000;
	for (uint32_t stream = 3; stream < 43; stream += 2) {
		h2_get(&up, stream, "/before");
		send_up();
		h2_answer(&down, stream, stream == 5 ? "500" : "200", "x");
		send_down();
	}
	assert_int_equal(feed.transactions, 20);
	assert_int_equal(feed.heads, 0);
	assert_non_null(strstr(feed.text, "1   200 req=0/0/40 resp=1/0/41 flags=6 odd=0\n"));
	assert_non_null(strstr(feed.text, "2   500 req=0/0/40 resp=1/0/41 flags=6 odd=0\n"));
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_MIDSTREAM), 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 0);
}

static void exchange(uint32_t stream, const char *path)
{
	h2_get(&up, stream, path);
	send_up();
	h2_answer(&down, stream, "200", path);
	send_down();
}

/* A gap inside of a DATA frame costs its bytes, and nothing else. */
static void test_gap_in_data(void **state)
{
	(void)state;
	open_both();
	exchange(1, "/1");
	h2_get(&up, 3, "/3");
	send_up();
	h2_answer(&down, 3, "200", "0123456789");
	feed_bytes(&feed, GL_TO_CLIENT, down.bytes, down.n - 8);
	feed_hole(&feed, GL_TO_CLIENT, 4, GL_CHUNK_FAULT);
	feed_bytes(&feed, GL_TO_CLIENT, down.bytes + down.n - 4, 4);
	down.n = 0;
	exchange(5, "/5");
	assert_string_equal(feed.text, "1 GET /1 200 req=0/0/0 resp=2/2/1:/1 flags=0 odd=0\n"
				       "2 GET /3 200 req=0/0/0 resp=10/10/5:01 flags=80 odd=0\n"
				       "3 GET /5 200 req=0/0/0 resp=2/2/1:/5 flags=0 odd=0\n");
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAP_BYTES), 4);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_MIDSTREAM), 0);
}

/* A gap that takes a HEADERS frame costs that direction's header table: statuses only, said so. */
static void test_gap_in_headers(void **state)
{
	(void)state;
	open_both();
	exchange(1, "/1");
	h2_get(&up, 3, "/3");
	feed.off[0] += up.n; /* lost, and found to be later */
	up.n = 0;
	h2_get(&up, 5, "/5");
	send_up();
	feed_wait(&feed, 120);
	h2_answer(&down, 3, "200", "three");
	h2_answer(&down, 5, "503", "five");
	send_down();
	assert_int_equal(feed.transactions, 3);
	assert_non_null(strstr(feed.text, "  200 req=0/0/0 resp=5/5/1:three flags=84 odd=0\n"));
	assert_non_null(strstr(feed.text, "  503 req=0/0/40 resp=4/4/1:five flags=84 odd=0\n"));
	assert_int_equal(feed_count(&feed, REPORT_COUNT_GAPS), 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_MIDSTREAM), 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 0);
}

static void test_floods(void **state)
{
	struct inspect_usage usage;

	(void)state;
	open_both();
	/* CONTINUATION for ever */
	h2_frame(&up, 1, 0, 1, "\x82", 1);
	for (int i = 0; i < 1000; i++)
		h2_frame(&up, 9, 0, 1, "\x82", 1);
	send_up();
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 1);
	assert_int_equal(feed.unreadable, 1); /* told once: it is a way around the judge */
	assert_int_equal(feed.outcome, GL_OUTCOME_TOO_LONG);
	/* streams that are never answered */
	feed_next(&feed);
	h2_write_close(&up);
	h2_write_open(&up);
	open_both();
	for (uint32_t i = 0; i < 1000; i++)
		h2_get(&up, 2 * i + 1, "/rapid");
	send_up();
	inspect_usage(feed.in, &usage);
	assert_true(usage.transactions <= 256 + 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_STREAMS_EVICTED), 1000 - 256);
	assert_true(usage.buffer_bytes < 1u << 20);
}

/* CVE-2023-44487: opened and reset at once. Each is a request. */
static void test_rapid_reset(void **state)
{
	struct inspect_usage usage;

	(void)state;
	open_both();
	for (uint32_t i = 0; i < 2000; i++) {
		h2_get(&up, 2 * i + 1, "/reset");
		h2_frame(&up, 3, 0, 2 * i + 1, "\0\0\0\x08", 4);
	}
	send_up();
	inspect_usage(feed.in, &usage);
	assert_int_equal(feed.heads, 2000);
	assert_int_equal(feed.transactions, 2000);
	assert_int_equal(usage.transactions, 0);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_STREAMS_EVICTED), 0);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 0);
	assert_int_equal(feed.read, feed.off[GL_TO_SERVER]);
}

/* What costs a sender little: settings, pings, frames of one byte or none, unknown types. */
static void test_small_frames(void **state)
{
	static const uint8_t settings[] = {0, 1, 0, 16, 0, 0, 0, 2, 0, 0, 0, 0};
	static const char *const post[] = {":method", "POST",       ":scheme", "https", ":path",
					   "/up",     ":authority", "h",       NULL};
	struct inspect_usage usage;

	(void)state;
	open_both();
	h2_headers(&up, 1, 0, post);
	for (int i = 0; i < 5000; i++) {
		h2_frame(&up, 4, 0, 0, settings, sizeof(settings));
		h2_frame(&up, 6, 0, 0, "12345678", 8);
		h2_frame(&up, 0, 0, 1, "x", 1);
		h2_frame(&up, 0, 0, 1, NULL, 0);
		h2_frame(&up, 2, 0, 3, "\0\0\0\0\1", 5);
		h2_frame(&up, 0xee, 0, 0, "?", 1);
	}
	h2_frame(&up, 0, 1, 1, NULL, 0);
	h2_answer(&down, 1, "200", "");
	send_up();
	send_down();
	inspect_usage(feed.in, &usage);
	assert_non_null(strstr(feed.text, "1 POST /up 200 req=5000/5000/"));
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 0);
	assert_true(usage.buffer_bytes < 1u << 20);
}

/* An entry of 2,900 bytes named 10,000 times: 29 MB of fields out of 10 KB. */
static void test_hpack_bomb(void **state)
{
	static char value[2900];
	const char *const pairs[] = {":method", "GET",    ":scheme", "https", ":path",
				     "/bomb",   "x-bomb", value,     NULL};
	uint8_t block[8192], again[10000];
	struct inspect_usage usage;
	size_t n;

	(void)state;
	memset(value, 'b', sizeof(value) - 1);
	memset(again, 0x80 | 62, sizeof(again)); /* the newest entry of the dynamic table */
	open_both();
	n = h2_block(&up, pairs, block, sizeof(block));
	h2_frame(&up, 1, 1, 1, block, n);
	h2_frame(&up, 9, 4, 1, again, sizeof(again));
	send_up();
	inspect_usage(feed.in, &usage);
	assert_int_equal(feed.heads, 1);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_H2_ERRORS), 0);
	assert_true(usage.buffer_bytes < 1u << 18);
}

static void test_odd(void **state)
{
#define HEAD(path) ":method", "GET", ":scheme", "https", ":path", path, ":authority", "h"
	static const struct {
		uint32_t odd;
		const char *pairs[16];
	} cases[] = {
		{0, {HEAD("/"), "te", "trailers", "x-y", "1", NULL}},
		{0, {":method", "CONNECT", ":authority", "h", NULL}},
		{0, {HEAD("/"), "host", "h", "content-length", "0", NULL}},
		{ANOMALY_LINE_BREAK, {HEAD("/"), "x-a", "b\r\nHost: evil", NULL}},
		{ANOMALY_LINE_BREAK, {HEAD("/"), "x-a", "b\nc", NULL}},
		{ANOMALY_LINE_BREAK | ANOMALY_BAD_NAME, {HEAD("/"), "x\r\ny", "1", NULL}},
		{ANOMALY_LINE_BREAK | ANOMALY_BAD_LINE, {HEAD("/ HTTP/1.1\r\nx: y"), NULL}},
		{ANOMALY_BAD_LINE, {HEAD("/ HTTP/1.1"), NULL}},
		{ANOMALY_H2_CODING, {HEAD("/"), "transfer-encoding", "chunked", NULL}},
		{ANOMALY_HOP_FIELD, {HEAD("/"), "connection", "close", NULL}},
		{ANOMALY_HOP_FIELD, {HEAD("/"), "te", "gzip", NULL}},
		{ANOMALY_PSEUDO, {HEAD("/"), ":path", "/admin", NULL}},
		{ANOMALY_PSEUDO, {"x-a", "1", HEAD("/"), NULL}},
		{ANOMALY_PSEUDO, {HEAD("/"), ":status", "200", NULL}},
		{ANOMALY_PSEUDO, {":method", "GET", ":path", "/", NULL}},
		{ANOMALY_BAD_NAME, {HEAD("/"), "X-Upper", "1", NULL}},
		{ANOMALY_BAD_NAME, {HEAD("/"), "x y", "1", NULL}},
		{ANOMALY_TWO_HOSTS, {HEAD("/"), "host", "other", NULL}},
		{ANOMALY_TWO_LENGTHS,
		 {HEAD("/"), "content-length", "0", "content-length", "1", NULL}},
		{ANOMALY_BAD_LENGTH, {HEAD("/"), "content-length", "0x1", NULL}},
		{ANOMALY_LENGTH_DIFFERS, {HEAD("/"), "content-length", "7", NULL}},
	};

	(void)state;
	open_both();
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		h2_headers(&up, 2 * i + 1, 1, cases[i].pairs);
		h2_answer(&down, 2 * i + 1, "200", "");
		send_up();
		send_down();
		assert_int_equal(feed.transactions, i + 1);
		if (feed.last.anomalies != cases[i].odd)
			fail_msg("case %u: %x instead of %x", i, feed.last.anomalies, cases[i].odd);
	}
#undef HEAD
}

static void test_upgrade(void **state)
{
	(void)state;
	open_both();
	feed_up(&feed, "GET /first HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		       "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
	feed_down(&feed, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
			 "Upgrade: h2c\r\n\r\n");
	h2_answer(&down, 1, "200", "one");
	send_down();
	h2_get(&up, 3, "/second");
	send_up();
	h2_answer(&down, 3, "404", "two");
	send_down();
	assert_string_equal(feed.text,
			    "1 GET /first 200 req=0/0/0 resp=3/3/1:one flags=10 odd=0\n"
			    "2 GET /second 404 req=0/0/0 resp=3/3/1:two flags=0 odd=0\n");
}

static void test_push_and_goaway(void **state)
{
	static const char *const promise[] = {":method",    "GET",   ":scheme",
					      "https",      ":path", "/style.css",
					      ":authority", "h",     NULL};
	uint8_t block[4096] = {0, 0, 0, 2};
	size_t n;

	(void)state;
	open_both();
	h2_get(&up, 1, "/page");
	h2_get(&up, 3, "/refused");
	send_up();
	n = h2_block(&down, promise, block + 4, sizeof(block) - 4);
	h2_frame(&down, 5, 4, 1, block, n + 4);
	h2_answer(&down, 2, "200", "css");
	h2_frame(&down, 7, 0, 0, "\0\0\0\1\0\0\0\0", 8);
	h2_answer(&down, 1, "200", "page");
	send_down();
	assert_string_equal(feed.text,
			    "3 GET /style.css 200 req=0/0/0 resp=3/3/1:css flags=0 odd=0\n"
			    "2 GET /refused 0 req=0/0/0 resp=0/0/0 flags=8 odd=0\n"
			    "1 GET /page 200 req=0/0/0 resp=4/4/1:page flags=0 odd=0\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_pieces),
		TEST(test_all_is_given_back),
		TEST(test_response_waits_for_request),
		TEST(test_server_first),
		TEST(test_midstream),
		TEST(test_gap_in_data),
		TEST(test_gap_in_headers),
		TEST(test_floods),
		TEST(test_rapid_reset),
		TEST(test_small_frames),
		TEST(test_hpack_bomb),
		TEST(test_odd),
		TEST(test_upgrade),
		TEST(test_push_and_goaway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
