/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ctl_http.c - glacisctl's HTTP client: every framing in any segmentation, and answers that
 * are none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "tests/unit/fake_agent.h"
#include "user/ctl/http.h"

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static int ask(const char *answer, size_t piece, struct http_response *response)
{
	struct fake_agent agent = {.n = 1, .answers = {answer}, .piece = piece};
	int r;

	fake_start(&agent);
	r = http_request(agent.path, "GET", "/", NULL, response);
	fake_stop(&agent);
	return r;
}

static void test_framings(void **state)
{
	static const struct {
		const char *answer;
		int status;
		const char *body;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
		{"HTTP/1.1 200 OK\r\ncontent-LENGTH:\t5 \r\n\r\nhello and more", 200, "hello"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
		{"HTTP/1.0 404 Not Found\r\n\r\nuntil the end", 404, "until the end"},
		{"HTTP/1.1 200\r\n" CHUNKED "5\r\nhello\r\n0\r\n\r\n", 200, "hello"},
		{"HTTP/1.1 200 OK\r\n" CHUNKED
		 "1;x=y\r\nh\r\n4\r\nello\r\n000\r\nTrailer: x\r\n\r\n",
		 200, "hello"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" CHUNKED "A\r\n0123456789\r\n0\r\n\r\n",
		 200, "0123456789"},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "0\r\n\r\n", 200, ""},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
		 201, "x"},
		{"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, "hi"},
	};
	static const size_t pieces[] = {0, 1, 3};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(pieces); j++) {
			_cleanup_(http_response_clear) struct http_response response = {0};
			int r = ask(rows[i].answer, pieces[j], &response);

			if (r != 0 || response.status != rows[i].status ||
			    strcmp(response.body, rows[i].body) != 0 ||
			    response.size != strlen(rows[i].body))
				fail_msg("row %zu in pieces of %zu: %d, status %d, \"%s\"", i,
					 pieces[j], r, response.status, response.body);
		}
	}
}

static void test_not_http(void **state)
{
	static const struct {
		const char *answer;
		int error;
	} rows[] = {
		{"", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Le", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhel", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhello\r\n", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhello\r\n0\r\n", -ECONNRESET},
		{"SSH-2.0-OpenSSH\r\n\r\n", -EBADMSG},
		{"HTTP/2 200\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 OK\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "x\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "-5\r\nhello\r\n0\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhello!\r\n0\r\n\r\n", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_response response = {0};
		int r = ask(rows[i].answer, 0, &response);

		if (r != rows[i].error || response.body)
			fail_msg("row %zu: %d instead of %d", i, r, rows[i].error);
	}
}

/* Bounds: a line of 8 KiB, 100 fields. */
static void test_bounds(void **state)
{
	struct http_response response = {0};
	char answer[64 << 10];
	int n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nX: ");

	(void)state;
	memset(answer + n, 'x', 8200);
	snprintf(answer + n + 8200, 16, "\r\n\r\n");
	assert_int_equal(ask(answer, 0, &response), -EMSGSIZE);

	n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 101; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, "X: y\r\n");
	snprintf(answer + n, sizeof(answer) - (size_t)n, "\r\n");
	assert_int_equal(ask(answer, 0, &response), -EMSGSIZE);
}

static void test_request_bytes(void **state)
{
	static const char body[] = "{\"a\":1}";
	struct fake_agent agent = {.n = 1,
				   .answers = {"HTTP/1.1 204 No Content\r\n"
					       "Content-Length: 0\r\n\r\n"}};
	struct http_response response = {0};

	(void)state;
	fake_start(&agent);
	assert_int_equal(http_request(agent.path, "POST", "/v1/x?a=b", body, &response), 0);
	assert_int_equal(response.status, 204);
	assert_string_equal(agent.requests[0], "POST /v1/x?a=b HTTP/1.1\r\nHost: glacis\r\n"
					       "Connection: close\r\nAccept: application/json\r\n"
					       "Content-Type: application/json\r\n"
					       "Content-Length: 7\r\n\r\n{\"a\":1}");
	http_response_clear(&response);
	fake_stop(&agent);
}

struct heard {
	int begun;
	char text[256];
	int stop_after;
};

static int begun(void *userdata)
{
	((struct heard *)userdata)->begun++;
	return 0;
}

static int line(const char *text, size_t size, void *userdata)
{
	struct heard *heard = userdata;

	assert_int_equal(strlen(text), size);
	snprintf(heard->text + strlen(heard->text), sizeof(heard->text) - strlen(heard->text),
		 "<%s>", text);
	return --heard->stop_after == 0;
}

static int follow(const char *answer, size_t piece, struct heard *heard,
		  struct http_response *response)
{
	struct fake_agent agent = {.n = 1, .answers = {answer}, .piece = piece};
	const struct http_stream_handler handler = {begun, line, heard};
	int r;

	fake_start(&agent);
	r = http_stream(agent.path, "/stream", &handler, response);
	fake_stop(&agent);
	return r;
}

/* Lines across chunks and chunks across lines. */
static void test_stream(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n" CHUNKED "4\r\n{1}\n\r\n"
				     "2\r\n{2\r\n9\r\n}\n\n{3}\n{4\r\n0\r\n\r\n";

	(void)state;
	for (size_t piece = 0; piece < 4; piece++) {
		struct http_response response = {0};
		struct heard heard = {0};

		assert_int_equal(follow(answer, piece, &heard, &response), 0);
		assert_int_equal(heard.begun, 1);
		/* a line without its end is none */
		assert_string_equal(heard.text, "<{1}><{2}><><{3}>");
		http_response_clear(&response);
	}
}

static void test_stream_stopped(void **state)
{
	struct http_response response = {0};
	struct heard heard = {.stop_after = 2};

	(void)state;
	assert_int_equal(follow("HTTP/1.1 200 OK\r\n\r\na\nb\nc\n", 0, &heard, &response), 1);
	assert_string_equal(heard.text, "<a><b>");
	http_response_clear(&response);
}

static void test_stream_refused(void **state)
{
	struct http_response response = {0};
	struct heard heard = {0};

	(void)state;
	assert_int_equal(follow("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}", 0, &heard,
				&response),
			 0);
	assert_int_equal(response.status, 403);
	assert_string_equal(response.body, "{}");
	assert_int_equal(heard.begun, 0);
	http_response_clear(&response);
}

static void test_encode(void **state)
{
	_cleanup_free_ char *encoded = http_encode("2001:db8::/48 &=%\xc3\xbc-._~");

	(void)state;
	assert_string_equal(encoded, "2001%3Adb8%3A%3A%2F48%20%26%3D%25%C3%BC-._~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framings),       cmocka_unit_test(test_not_http),
		cmocka_unit_test(test_bounds),         cmocka_unit_test(test_request_bytes),
		cmocka_unit_test(test_stream),         cmocka_unit_test(test_stream_stopped),
		cmocka_unit_test(test_stream_refused), cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
