/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_http.c - HTTP/1.x framing and heads (include/glacis/http.h): what is found, where messages
 * end, and that it does not matter how the bytes were cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/http_reader.h"

static struct gl_policy *policy;
static struct http_piece *piece;

static int setup(void **state)
{
	(void)state;
	policy = http_policy_new();
	piece = calloc(1, sizeof(*piece));
	assert_non_null(policy);
	assert_non_null(piece);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(policy);
	free(piece);
	return 0;
}

static void begin(struct http_reader *r, struct http_reading *reading)
{
	http_reader_begin(r, policy, piece, reading);
}

/* Reads the whole, cut in two at every place, and byte by byte: always the same. */
static void read_all_ways(const char *text, struct http_reading *ret)
{
	size_t n = strlen(text);
	struct http_reading other;
	struct http_reader r;

	begin(&r, ret);
	http_reader_feed(&r, text, n);
	for (size_t cut = 1; cut < n; cut++) {
		begin(&r, &other);
		http_reader_feed(&r, text, cut);
		http_reader_feed(&r, text + cut, n - cut);
		assert_memory_equal(&other, ret, sizeof(other));
	}
	begin(&r, &other);
	for (size_t i = 0; i < n; i++)
		http_reader_feed(&r, text + i, 1);
	assert_memory_equal(&other, ret, sizeof(other));
}

#define AUTH_OP 1
#define A_OP    2

static void test_messages_are_found(void **state)
{
	static const struct {
		const char *text;
		unsigned requests, failed, first_op;
	} cases[] = {
		{"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 1, 0, A_OP},
		{"GET /a HTTP/1.1\nHost: h\n\n", 1, 0, A_OP},
		{"\r\n\r\nGET /a HTTP/1.1\r\n\r\n", 1, 0, A_OP},
		{"GET http://h:80/a?x=/b HTTP/1.1\r\n\r\n", 1, 0, A_OP},
		{"POST /api/v1/auth/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /GET /a "
		 "HTTP/1.1\r\n\r\n",
		 2, 0, AUTH_OP},
		{"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0;x=y\r\nT: "
		 "v\r\n\r\n"
		 "GET /a HTTP/1.1\r\n\r\n",
		 2, 0, 0},
		{"POST /x HTTP/1.1\r\nTransfer-Encoding: Chunked \r\n\r\n0\r\n\r\nGET /a "
		 "HTTP/1.0\r\n\r\n",
		 2, 0, 0},
		{"POST /x HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 0,
		 GL_OUTCOME_MALFORMED, 0},
		{"GET /a HTTP/2.0\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{" GET /a HTTP/1.1\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 1, 0, 0},
		/* smuggling shapes, RFC 9112 section 6 */
		{"POST /x HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 0,
		 GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
		 GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 0,
		 GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 0, GL_OUTCOME_MALFORMED,
		 0},
		{"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, GL_OUTCOME_MALFORMED,
		 0},
		{"POST /x HTTP/1.1\r\nContent-Length: +3\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nContent-Length:\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nContent-Length: 00000000005\r\n\r\nabcdeGET /a "
		 "HTTP/1.1\r\n\r\n",
		 2, 0, 0},
		{"POST /x HTTP/1.1\r\nContent-Length:  5 \r\n\r\nabcdeGET /a HTTP/1.1\r\n\r\n", 2,
		 0, 0},
		{"POST /x HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"POST /x HTTP/1.1\r\nContent-Length: 12345678a\r\n\r\n", 0, GL_OUTCOME_MALFORMED,
		 0},
		{"POST /x HTTP/1.1\r\nContent-Length: 5\rx\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"GET /a HTTP/1.1\r\nHost : h\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"GET /a HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"GET /a HTTP/1.1\r\nA: b\rc\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"GET /a\r\n\r\n", 0, GL_OUTCOME_MALFORMED, 0},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, GL_OUTCOME_UNSUPPORTED, 0},
		{"\x16\x03\x01", 0, GL_OUTCOME_UNSUPPORTED, 0},
		{"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /XX", 1,
		 GL_OUTCOME_MALFORMED, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_reading reading;

		read_all_ways(cases[i].text, &reading);
		if (reading.requests != cases[i].requests || reading.failed != cases[i].failed)
			fail_msg("case %zu: %u requests, outcome %u", i, reading.requests,
				 reading.failed);
		assert_int_equal(reading.ops[0], cases[i].first_op);
	}
}

static uint64_t principal_of(const char *field)
{
	struct http_reading reading;
	char text[512];

	snprintf(text, sizeof(text), "GET /a HTTP/1.1\r\n%s\r\n\r\n", field);
	read_all_ways(text, &reading);
	assert_int_equal(reading.requests, 1);
	return reading.principals[0];
}

static void test_credentials_name_principals(void **state)
{
	uint64_t bearer =
		principal_of("Authorization: Bearer abcdefghijklmnopqrstuvwxyz.0123456789");

	(void)state;
	assert_int_not_equal(bearer, 0);
	assert_int_equal(principal_of("Host: h"), 0);
	assert_int_equal(principal_of("Authorization:"), 0);
	assert_true(
		principal_of("authorization:   bearer  abcdefghijklmnopqrstuvwxyz.0123456789 ") ==
		bearer);
	assert_false(principal_of("Authorization: Bearer abcdefghijklmnopqrstuvwxyz.012345678") ==
		     bearer);
	assert_false(principal_of("Authorization: Bearer ABCdefghijklmnopqrstuvwxyz.0123456789") ==
		     bearer);
	assert_true(principal_of("Cookie: a=b; connect.sid=s3cret; c=d") ==
		    principal_of("Cookie: connect.sid=s3cret"));
	assert_int_not_equal(principal_of("Cookie: connect.sid=s3cret"), 0);
	assert_int_equal(principal_of("Cookie: xconnect.sid=s3cret"), 0);
	assert_int_equal(principal_of("Cookie: connect.sidx=s3cret"), 0);
	assert_int_not_equal(principal_of("X-API-Key: k"), 0);
	/* two of a kind: servers differ on which counts, so neither does */
	assert_int_equal(principal_of("X-API-Key: k\r\nX-API-Key: l"), 0);
	/* the strongest of several kinds */
	assert_true(principal_of("Cookie: connect.sid=s3cret\r\nAuthorization: Bearer "
				 "abcdefghijklmnopqrstuvwxyz.0123456789") == bearer);
}

static void check_source(const char *field, const char *hex)
{
	struct http_reading reading;
	char text[512], seen[40] = "";

	snprintf(text, sizeof(text), "GET /a HTTP/1.1\r\n%s\r\n\r\n", field);
	read_all_ways(text, &reading);
	assert_int_equal(reading.requests, 1);
	if (reading.flags[0] & HTTP_R_FORWARDED)
		for (int i = 0; i < 16; i++)
			snprintf(seen + 2 * i, 3, "%02x", reading.sources[0].b[i]);
	assert_string_equal(seen, hex);
}

static void test_forwarded_source(void **state)
{
	const char *client = "00000000000000000000ffffc0000201";

	(void)state;
	check_source("X-Forwarded-For: 192.0.2.1", client);
	check_source("X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.7", client);
	check_source("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1:4711", client);
	check_source("X-Forwarded-For: unknown, 192.0.2.1", client);
	check_source("X-Forwarded-For: 192.0.2.1, unknown", "");
	check_source("X-Forwarded-For: 10.1.2.3", "");
	check_source("X-Forwarded-For: 192.0.2.256", "");
	check_source("X-Forwarded-For: 2001:db8::1", "20010db8000000000000000000000001");
	check_source("X-Forwarded-For: ::ffff:192.0.2.1", client);
	check_source("Forwarded: proto=https;for=192.0.2.1;by=10.0.0.1", client);
	check_source("Forwarded: For=\"[2001:db8:cafe::17]:4711\"",
		     "20010db8cafe00000000000000000017");
	check_source("Forwarded: for=_hidden, for=192.0.2.1", client);
	check_source("Forwarded: for=192.0.2.1, for=_hidden", "");
}

static void test_head_limit(void **state)
{
	size_t n = GL_HEAD_MAX + 64;
	char *text = malloc(n + 1);
	struct http_reading reading;
	struct http_reader r;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	text[n] = 0;
	memcpy(text, "GET /a HTTP/1.1\r\nX: ", 20);
	begin(&r, &reading);
	http_reader_feed(&r, text, GL_HEAD_MAX - 4);
	assert_int_equal(reading.failed, 0);
	http_reader_feed(&r, "\r\n\r\n", 4);
	assert_int_equal(reading.requests, 1);
	begin(&r, &reading);
	http_reader_feed(&r, text, n);
	assert_int_equal(reading.failed, GL_OUTCOME_TOO_LONG);
	free(text);
}

/* Responses: bodies end as RFC 9112 section 6.3 says. */
static void test_responses(void **state)
{
	static const struct {
		const char *head;
		int no_body, over;
		uint8_t phase;
		uint64_t remaining;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", 0, 0, HTTP_BODY, 7},
		{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", 1, 1, HTTP_IDLE, 7},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, HTTP_CHUNK_SIZE, 0},
		{"HTTP/1.1 204 No Content\r\n\r\n", 0, 1, HTTP_IDLE, 0},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 0, 1, HTTP_IDLE, 7},
		{"HTTP/1.1 100 Continue\r\n\r\n", 0, 1, HTTP_IDLE, 0},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, 0, HTTP_TUNNEL, 0},
		{"HTTP/1.0 200 OK\r\n\r\n", 0, 0, HTTP_UNTIL_CLOSE, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 1, HTTP_IDLE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_msg msg = {0};
		struct http_cursor c = {.piece = piece, .policy = policy, .msg = &msg};

		http_open(&msg, HTTP_F_RESPONSE);
		piece->off = 0;
		piece->len = strlen(cases[i].head);
		piece->event = HTTP_NOTHING;
		memcpy(piece->bytes, cases[i].head, piece->len);
		for (int j = 0; j < HTTP_STEPS && !http_step(&c); j++)
			;
		assert_int_equal(piece->event, HTTP_HEAD);
		assert_int_equal(piece->off, piece->len);
		assert_int_equal(http_body_begin(&msg, cases[i].no_body), cases[i].over);
		assert_int_equal(msg.phase, cases[i].phase);
		if (msg.phase == HTTP_BODY)
			assert_int_equal(msg.remaining, cases[i].remaining);
	}
}

/* What is read by words when it is all here: methods, segments, values, whole lines. */
static void test_words_are_bytes(void **state)
{
	static const struct {
		const char *line;
		unsigned op, failed;
	} lines[] = {
		{"GET /a HTTP/1.1", A_OP, 0},
		{"GET /a/ HTTP/1.0", A_OP, 0},
		{"GET //a HTTP/1.1", A_OP, 0},
		{"GET /./a HTTP/1.1", A_OP, 0},
		{"GET /%61 HTTP/1.1", A_OP, 0},
		{"GET /a%2fb HTTP/1.1", 0, 0},
		{"GET /a?b=/c HTTP/1.1", A_OP, 0},
		{"GET /abcdefgh/ijklmnopq/r HTTP/1.1", 0, 0},
		{"POST /api/v1/auth/login HTTP/1.1", AUTH_OP, 0},
		{"POST /api/v1/auth/abcdefghijklmnopqrstuvwxyz/0 HTTP/1.1", AUTH_OP, 0},
		{"PROPFIN /a HTTP/1.1", 0, 0},
		{"PROPFIND /a HTTP/1.1", 0, 0},
		{"get /a HTTP/1.1", 0, 0},
		{"G-T /a HTTP/1.1", 0, 0},
		{"G@T /a HTTP/1.1", 0, GL_OUTCOME_MALFORMED},
		{"G[T /a HTTP/1.1", 0, GL_OUTCOME_MALFORMED},
		{"G\x7fT /a HTTP/1.1", 0, GL_OUTCOME_MALFORMED},
		{"GET\t/a HTTP/1.1", 0, GL_OUTCOME_MALFORMED},
		{"GET /a HTTP/1.2", 0, GL_OUTCOME_MALFORMED},
		{"GET /a HTTP/1.1 ", 0, GL_OUTCOME_MALFORMED},
	};
	struct http_reading reading;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), "%s\r\nHost: x\r\nA-Name-Of-Twenty-Two: v\r\n\r\n",
			 lines[i].line);
		read_all_ways(text, &reading);
		assert_int_equal(reading.failed, lines[i].failed);
		assert_int_equal(reading.requests, !lines[i].failed);
		if (!lines[i].failed)
			assert_int_equal(reading.ops[0] < 3 ? reading.ops[0] : 0, lines[i].op);
	}
}

/* A byte that may not be in a value is found wherever it stands in it. */
static void test_controls_in_values(void **state)
{
	struct http_reading reading;
	char text[256];

	(void)state;
	for (int at = 0; at < 100; at++) {
		int n = snprintf(text, sizeof(text), "GET /a HTTP/1.1\r\nX: ");

		memset(text + n, 'v', 100);
		snprintf(text + n + 100, sizeof(text) - (size_t)n - 100, "\r\n\r\n");
		text[n + at] = '\t';
		read_all_ways(text, &reading);
		assert_int_equal(reading.requests, 1);
		text[n + at] = '\x01';
		read_all_ways(text, &reading);
		assert_int_equal(reading.failed, GL_OUTCOME_MALFORMED);
		assert_int_equal(reading.requests, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_bytes),
		cmocka_unit_test(test_controls_in_values),
		cmocka_unit_test(test_messages_are_found),
		cmocka_unit_test(test_credentials_name_principals),
		cmocka_unit_test(test_forwarded_source),
		cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_responses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
