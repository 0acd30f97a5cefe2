/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_http.c - HTTP/1.x framing and heads (include/glacis/http.h): what is found, where messages
 * end, and that it does not matter how the bytes were cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/glacis/http.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

static const char policy_text[] =
	"apiVersion: glacis.dev/v1alpha1\n"
	"kind: ApiPolicy\n"
	"metadata: {name: t}\n"
	"spec:\n"
	"  mode: enforce\n"
	"  credentials: {apiKeyHeaders: [x-api-key], sessionCookies: [connect.sid]}\n"
	"  services:\n"
	"    - name: s\n"
	"      ports: [80]\n"
	"      operations:\n"
	"        - {match: \"POST /api/v1/auth/**\", class: auth, auth: none}\n"
	"        - {match: \"GET /a\", class: general, auth: none}\n"
	"  classes:\n"
	"    general: {limit: 100/15m}\n"
	"    auth: {limit: 5/15m}\n";

static struct gl_policy *policy;

static int setup(void **state)
{
	struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	struct policy *model = NULL;
	struct problems problems;
	struct intern *intern = NULL;

	(void)state;
	policy = calloc(1, sizeof(*policy));
	assert_non_null(policy);
	assert_int_equal(problems_init(&problems, "t"), 0);
	assert_int_equal(policy_read(policy_text, strlen(policy_text), "t", &problems, &model), 0);
	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(policy_compile(model, &keys, 1, intern, &problems, policy), 0);
	problems_clear(&problems);
	policy_free(model);
	intern_free(intern);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(policy);
	return 0;
}

/* What a stream was read as. */
struct reading {
	unsigned requests, ops[64];
	unsigned failed; /* enum gl_outcome, 0 = none */
	uint64_t principals[64];
	uint8_t credentials[64], flags[64];
	struct gl_addr sources[64];
};

struct reader {
	struct http_piece *piece;
	struct http_msg msg;
	struct http_request request;
	struct reading *reading;
};

static bool trusted(const struct gl_addr *addr)
{
	return addr->b[12] == 10; /* 10.0.0.0/8 */
}

/* One cursor run; true when the piece is consumed or the stream has failed. */
static bool run(struct reader *r)
{
	struct http_cursor c = {
		.piece = r->piece,
		.policy = policy,
		.msg = &r->msg,
		.request = &r->request,
		.root = policy->services[0].root,
	};
	struct reading *out = r->reading;
	uint32_t skip = http_skippable(&r->msg, r->piece->len - r->piece->off);

	if (skip) {
		http_skipped(&r->msg, skip);
		r->piece->off += skip;
		return r->piece->off == r->piece->len;
	}
	r->piece->event = HTTP_NOTHING;
	for (int i = 0; i < HTTP_STEPS && !http_step(&c); i++)
		;
	if (r->piece->event == HTTP_ADDRESS)
		http_address(&r->request, trusted(&r->request.element));
	if (r->piece->event == HTTP_ERROR) {
		out->failed = r->msg.outcome;
		return true;
	}
	if (r->piece->event == HTTP_HEAD && out->requests < 64) {
		out->ops[out->requests] = r->request.op;
		out->principals[out->requests] = r->request.principal;
		out->credentials[out->requests] = r->request.credential;
		out->flags[out->requests] = r->request.flags;
		out->sources[out->requests] = r->request.source;
		out->requests++;
		http_body_begin(&r->msg, 0);
	}
	return r->piece->off == r->piece->len;
}

static void feed(struct reader *r, const char *bytes, size_t n)
{
	while (n && !r->reading->failed) {
		size_t part = n > HTTP_PIECE ? HTTP_PIECE : n;

		memcpy(r->piece->bytes, bytes, part);
		r->piece->off = 0;
		r->piece->len = part;
		while (!run(r))
			;
		bytes += part;
		n -= part;
	}
}

static void begin(struct reader *r, struct reading *reading)
{
	memset(r, 0, sizeof(*r));
	memset(reading, 0, sizeof(*reading));
	r->piece = calloc(1, sizeof(*r->piece));
	assert_non_null(r->piece);
	r->reading = reading;
	http_open(&r->msg, 0);
	r->request.flags = HTTP_R_TRUSTED_PEER;
}

/* Reads the whole, cut in two at every place, and byte by byte: always the same. */
static void read_all_ways(const char *text, struct reading *ret)
{
	size_t n = strlen(text);
	struct reading other;
	struct reader r;

	begin(&r, ret);
	feed(&r, text, n);
	free(r.piece);
	for (size_t cut = 1; cut < n; cut++) {
		begin(&r, &other);
		feed(&r, text, cut);
		feed(&r, text + cut, n - cut);
		free(r.piece);
		assert_memory_equal(&other, ret, sizeof(other));
	}
	begin(&r, &other);
	for (size_t i = 0; i < n; i++)
		feed(&r, text + i, 1);
	free(r.piece);
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
		struct reading reading;

		read_all_ways(cases[i].text, &reading);
		if (reading.requests != cases[i].requests || reading.failed != cases[i].failed)
			fail_msg("case %zu: %u requests, outcome %u", i, reading.requests,
				 reading.failed);
		assert_int_equal(reading.ops[0], cases[i].first_op);
	}
}

static uint64_t principal_of(const char *field)
{
	struct reading reading;
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
	struct reading reading;
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
	struct reading reading;
	struct reader r;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	text[n] = 0;
	memcpy(text, "GET /a HTTP/1.1\r\nX: ", 20);
	begin(&r, &reading);
	feed(&r, text, GL_HEAD_MAX - 4);
	assert_int_equal(reading.failed, 0);
	feed(&r, "\r\n\r\n", 4);
	assert_int_equal(reading.requests, 1);
	free(r.piece);
	begin(&r, &reading);
	feed(&r, text, n);
	assert_int_equal(reading.failed, GL_OUTCOME_TOO_LONG);
	free(r.piece);
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
	struct http_piece *piece = calloc(1, sizeof(*piece));

	(void)state;
	assert_non_null(piece);
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
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_found),
		cmocka_unit_test(test_credentials_name_principals),
		cmocka_unit_test(test_forwarded_source),
		cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_responses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
