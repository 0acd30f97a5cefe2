/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_inspect_body.c - codings, windows, limits of bodies; request ids; the agent's own answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <zlib.h>

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

/* "0000000 0000001 ..." with a needle at an offset. */
static char *long_text(size_t n, size_t needle_at)
{
	char *text = malloc(n + 9);

	for (size_t at = 0; at < n; at += 8)
		snprintf(text + at, 9, "%07zx ", at / 8);
	memcpy(text + needle_at, "n-e-e-d-l-e", 11);
	return text;
}

/* window bits as zlib counts them: +16 gzip, negative: no wrapper. Returns malloc()ed bytes. */
static uint8_t *deflated(const char *text, size_t n, int bits, size_t *ret_n)
{
	z_stream z = {0};
	size_t cap = n / 2 + n + 1024;
	uint8_t *out = malloc(cap);

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*ret_n = z.total_out;
	deflateEnd(&z);
	return out;
}

static void ask(void)
{
	feed_up(&feed, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void head(const char *fields, size_t length)
{
	char text[512];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n", length,
		 fields);
	feed_down(&feed, text);
}

static void in_pieces(const uint8_t *bytes, size_t n, size_t piece)
{
	for (size_t at = 0; at < n; at += piece)
		feed_bytes(&feed, GL_TO_CLIENT, bytes + at, n - at < piece ? n - at : piece);
}

static void test_codings(void **state)
{
	static const struct {
		const char *fields;
		int bits;
	} codings[] = {
		{"Content-Encoding: gzip\r\n", 31},    {"Content-Encoding: x-gzip\r\n", 31},
		{"Content-Encoding: deflate\r\n", 15}, {"Content-Encoding: deflate\r\n", -15},
		{"Content-Encoding: GZIP\r\n", 31},
	};
	static const size_t pieces[] = {1, 2, 3, 7, 100, 100000};
	static const char text[] = "{\"card\":\"4111 1111 1111 1111\",\"card2\":\"4111 1111\"}";

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		size_t n;
		uint8_t *bytes = deflated(text, sizeof(text) - 1, codings[i].bits, &n);

		for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
			feed.n = 0;
			ask();
			head(codings[i].fields, n);
			in_pieces(bytes, n, pieces[p]);
			assert_non_null(strstr(feed.text, text));
			assert_int_equal(feed.last.response_body.flags, BODY_PRESENT);
			assert_int_equal(feed.last.response_body.wire_bytes, n);
		}
		free(bytes);
	}
	assert_int_equal(feed.transactions, 30);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_UNDECODABLE), 0);
	/* shown once each, whole */
	assert_int_equal(feed.bodies, 30);
	assert_int_equal(feed.window_bytes[1], 30 * (sizeof(text) - 1));
}

static void test_brotli(void **state)
{
	/* 40 times "hello ", then "needle", by the reference encoder, quality 11 */
	static const uint8_t br[] = {0x1b, 0xf5, 0x00, 0xf8, 0x8d, 0x94, 0xaa, 0xdb, 0xa3,
				     0x40, 0x6b, 0xb6, 0x32, 0x90, 0xb7, 0x29, 0x88, 0x24,
				     0xb3, 0xd5, 0x01, 0xb5, 0x8c, 0x14, 0x1f, 0x9d, 0x00};

	(void)state;
	for (size_t piece = 1; piece < sizeof(br); piece += 3) {
		feed.n = 0;
		ask();
		head("Content-Encoding: br\r\n", sizeof(br));
		in_pieces(br, sizeof(br), piece);
		assert_non_null(strstr(feed.text, "hello hello needle"));
		assert_int_equal(feed.last.response_body.flags, BODY_PRESENT);
		assert_int_equal(feed.last.response_body.decoded_bytes, 246);
	}
	assert_int_equal(feed_count(&feed, REPORT_COUNT_UNDECODABLE), 0);
}

static void test_undecodable(void **state)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	size_t n;
	uint8_t *bytes = deflated(text, sizeof(text) - 1, 31, &n);

	(void)state;
	ask();
	head("Content-Encoding: zstd\r\n", 4);
	feed_down(&feed, "(\xb5/\xfd");
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT | BODY_UNDECODABLE);
	ask();
	head("Content-Encoding: gzip\r\n", n - 9); /* it ends too early */
	in_pieces(bytes, n - 9, n);
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT | BODY_UNDECODABLE);
	ask();
	head("Content-Encoding: gzip\r\n", 5);
	feed_down(&feed, "plain");
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT | BODY_UNDECODABLE);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_UNDECODABLE), 3);
	assert_int_equal(feed.transactions, 3);
	free(bytes);
}

static void test_bomb(void **state)
{
	size_t n = 64u << 20, packed;
	char *zeroes = calloc(1, n);
	uint8_t *bytes = deflated(zeroes, n, 31, &packed);

	(void)state;
	free(zeroes);
	feed.keep_bodies = false;
	ask();
	head("Content-Encoding: gzip\r\n", packed);
	in_pieces(bytes, packed, 16384);
	assert_int_equal(feed.transactions, 1);
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT | BODY_BOMB);
	/* 1000:1: stopped by the ratio soon after the first MiB that is free */
	assert_true(feed.last.response_body.decoded_bytes < 5u << 20);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_BOMBS), 1);
	free(bytes);
}

/* A needle is found wherever it lies, also across the edge of two windows. */
static void test_windows(void **state)
{
	static const size_t needles[] = {0, 65530, 65536 - 11, 65536, 65024, 130550, 199989};
	const size_t n = 200000;

	(void)state;
	feed.keep_bodies = false;
	feed.needle = "n-e-e-d-l-e";
	for (size_t i = 0; i < sizeof(needles) / sizeof(*needles); i++) {
		char *text = long_text(n, needles[i]);

		feed.saw_needle = false;
		feed.window_bytes[1] = feed.windows_last[1] = feed.bodies = 0;
		ask();
		head("", n);
		in_pieces((const uint8_t *)text, n, 16384);
		assert_true(feed.saw_needle);
		assert_int_equal(feed.window_bytes[1], n);
		assert_int_equal(feed.windows_last[1], 1);
		assert_int_equal(feed.bodies, 4);
		assert_int_equal(feed.last.response_body.n, INSPECT_WINDOW);
		assert_int_equal(feed.last.response_body.decoded_bytes, n);
		free(text);
	}
}

static void test_event_stream(void **state)
{
	(void)state;
	ask();
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
			 "data: one\n\n");
	feed.needle = "two";
	feed_wait(&feed, 500);
	assert_int_equal(feed.bodies, 0);
	feed_wait(&feed, 600);
	assert_int_equal(feed.bodies, 1); /* the stream goes on: nobody waits for its end */
	feed_down(&feed, "data: two\n\n");
	feed_wait(&feed, 1100);
	assert_true(feed.saw_needle);
	assert_int_equal(feed.transactions, 0);
	feed_end(&feed);
	assert_int_equal(feed.transactions, 1);
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT | BODY_STREAM | BODY_SHOWN);
	assert_int_equal(feed.window_bytes[1], 22);
	assert_int_equal(feed.windows_last[1], 1);
}

static void test_skipped(void **state)
{
	(void)state;
	ask();
	head("Content-Type: image/png\r\n", 600);
	for (int i = 0; i < 60; i++)
		feed_down(&feed, "0123456789");
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT | BODY_SKIPPED);
	assert_int_equal(feed.last.response_body.wire_bytes, 600);
	assert_int_equal(feed.last.response_body.n, 512); /* to tell what it is */
	assert_int_equal(feed.bodies, 0);
	assert_int_equal(feed_count(&feed, REPORT_COUNT_BODIES_SKIPPED), 1);
	ask();
	head("Content-Type: image/svg+xml\r\n", 5);
	feed_down(&feed, "<svg>");
	assert_int_equal(feed.last.response_body.flags, BODY_PRESENT);
	assert_int_equal(feed.bodies, 1);
}

static void test_ids(void **state)
{
	static const struct {
		const char *fields, *id;
	} cases[] = {
		{"X-Request-Id: abc-123\r\n", "abc-123"},
		{"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
		 "0af7651916cd43dd8448eb211c80319c"},
		{"x-request-id: a b\r\n", NULL},
		{"X-Request-Id: someone@example.com\r\n", NULL},
		{"traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n", NULL},
		{"", NULL},
	};
	char text[256], before[64] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n",
			 cases[i].fields);
		feed_up(&feed, text);
		head("", 0);
		if (cases[i].id) {
			assert_string_equal(feed.last.request_id, cases[i].id);
			assert_false(feed.last.flags & TX_ID_MADE);
			continue;
		}
		assert_true(feed.last.flags & TX_ID_MADE);
		assert_int_equal(strlen(feed.last.request_id), 36);
		assert_int_equal(feed.last.request_id[14], '4');
		assert_string_not_equal(feed.last.request_id, before);
		memcpy(before, feed.last.request_id, sizeof(before));
	}
}

static void test_agents_answer(void **state)
{
	static const char mine[] =
		"{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,"
		"\"instance\":\"urn:glacis:verdict:0000000000000001\"}\n";
	static const char theirs[] = "{\"type\":\"about:blank\",\"status\":403}";
	char text[512];

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *body = i ? theirs : mine;

		ask();
		snprintf(text, sizeof(text),
			 "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 strlen(body), body);
		feed_down(&feed, text);
		assert_int_equal(!!(feed.last.flags & TX_AGENT), !i);
	}
}

static void test_times(void **state)
{
	(void)state;
	feed_up(&feed, "GET / HTTP/1.1\r\n");
	feed.now_ns += 2 * FEED_MS;
	feed_up(&feed, "Host: h\r\n\r\n");
	feed.now_ns += 30 * FEED_MS;
	feed_down(&feed, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1");
	feed.now_ns += 4 * FEED_MS;
	feed_down(&feed, "2");
	assert_int_equal(feed.last.begin_wall_ns, FEED_EPOCH);
	assert_int_equal(feed.last.wait_ns, 30 * FEED_MS);
	assert_int_equal(feed.last.total_ns, 36 * FEED_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_codings), TEST(test_brotli),  TEST(test_undecodable),
		TEST(test_bomb),    TEST(test_windows), TEST(test_event_stream),
		TEST(test_skipped), TEST(test_ids),     TEST(test_agents_answer),
		TEST(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
