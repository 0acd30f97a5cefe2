/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_courier.c - requests through the real courier: what is passed on, what is
 * refused, and that the keeper sees exactly that. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/courier_bench.h"

#define BODY_MAX (6u << 20)

/* --- requests and responses --------------------------------------------------------------------
 */

static void test_round_trip(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	json_t *body, *expected;

	keeper_start(keeper, NULL);
	response = ask(keeper, GET("/v1/echo?a=1&b=x%20y"));
	assert_int_equal(status_of(response), 201);
	has(response, "Location: /v1/echo/1\r\n");
	has(response, "Content-Type: application/json\r\n");
	has(response, "X-Content-Type-Options: nosniff\r\n");
	has(response, "Cache-Control: no-store\r\n");
	has(response, "Content-Security-Policy: default-src 'none'");
	has(response, "RateLimit-Policy: \"control\";q=100;w=1\r\n");
	has(response, "RateLimit: \"control\";r=99;t=1\r\n");
	has(response, "RateLimit-Limit: 100\r\n");
	body = json_of(response);
	expected = json_pack("{s:i,s:s,s:s,s:{s:s,s:s},s:n,s:{s:i,s:i,s:i,s:b}}", "id", 1, "method",
			     "GET", "path", "/v1/echo", "query", "a", "1", "b", "x y", "body",
			     "peer", "uid", 0, "gid", 0, "pid", (int)getpid(), "reader", 1);
	assert_true(json_equal(body, expected));
	assert_int_equal(json_array_size(keeper->requests), 1);
	json_decref(body);
	json_decref(expected);
}

static void test_body(void **state)
{
	static const char text[] = "{\"text\":\"a: b\\n\\u00fc\",\"n\":[1,2.5,null,true]}";
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	json_t *body, *expected;

	keeper_start(keeper, NULL);
	response = ask_post(keeper, "application/json; charset=utf-8", text, strlen(text));
	assert_int_equal(status_of(response), 201);
	body = json_of(response);
	expected = json_loads(text, 0, NULL);
	assert_true(json_equal(json_object_get(body, "body"), expected));
	json_decref(body);
	json_decref(expected);
}

static void test_keepers_problem(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *none = NULL, *absent = NULL;
	json_t *body;

	keeper_start(keeper, NULL);
	none = ask(keeper, GET("/v1/none"));
	is_problem(none, 405, "method");
	has(none, "Allow: GET, PUT\r\n");
	body = json_of(none);
	assert_int_equal(json_integer_value(json_object_get(body, "more")), 1);
	assert_string_equal(json_string_value(json_object_get(body, "detail")), "not this way");
	json_decref(body);
	absent = ask(keeper, GET("/v2"));
	is_problem(absent, 404, "path");
}

static void test_head(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *head = NULL, *get = NULL;
	char length[64];

	keeper_start(keeper, NULL);
	head = ask(keeper, "HEAD /v2 HTTP/1.1\r\nHost: glacis\r\nConnection: close\r\n\r\n");
	get = ask(keeper, GET("/v2"));
	assert_int_equal(status_of(head), 404);
	assert_string_equal(body_of(head), "");
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body_of(get)));
	has(head, length);
}

/* Each is refused by the courier alone: the keeper sees nothing of it. */
static void test_bad_requests(void **state)
{
	static const struct {
		const char *type, *body, *kind, *detail;
		int status;
	} rows[] = {
		{"application/json", "{\"a\":}", "bad-json", "line 1, column 6", 400},
		{"application/json", "[1]", "bad-json", "not a JSON object", 400},
		{"application/json", "{\"a\":1,\"a\":2}", "bad-json", "duplicate", 400},
		{"application/json", "{\"a\":\"\\u0000\"}", "bad-json", "\\u0000", 400},
		{"text/plain", "{}", "not-json", "Content-Type: application/json", 415},
		{"application/jsonx", "{}", "not-json", "Content-Type: application/json", 415},
	};
	struct keeper *keeper = *state;

	keeper_start(keeper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *response =
			ask_post(keeper, rows[i].type, rows[i].body, strlen(rows[i].body));
		json_t *body = json_of(response);

		is_problem(response, rows[i].status, rows[i].kind);
		if (!strstr(json_string_value(json_object_get(body, "detail")), rows[i].detail))
			fail_msg("row %zu: %s", i, body_of(response));
		json_decref(body);
	}
	assert_int_equal(json_array_size(keeper->requests), 0);
}

static void test_bad_targets(void **state)
{
	static const struct {
		const char *request, *kind;
	} rows[] = {
		{GET("/v1/echo?a=1&a=2"), "bad-query"}, {GET("/v1/echo?a=%ff"), "bad-query"},
		{GET("/v1%2fecho"), "bad-path"},        {GET("/v1/echo%00x"), "bad-path"},
		{GET("/v1/%ff"), "bad-path"},
	};
	struct keeper *keeper = *state;

	keeper_start(keeper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *response = ask(keeper, rows[i].request);

		is_problem(response, 400, rows[i].kind);
	}
	assert_int_equal(json_array_size(keeper->requests), 0);
}

static char *json_of_size(size_t size)
{
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	memcpy(text, "{\"s\":\"", 6);
	memcpy(text + size - 2, "\"}", 3);
	return text;
}

static void test_body_sizes(void **state)
{
	static const struct {
		size_t size;
		int status;
	} rows[] = {{BODY_MAX, 201}, {BODY_MAX + 1, 413}, {4 * BODY_MAX, 413}};
	struct keeper *keeper = *state;

	keeper_start(keeper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = json_of_size(rows[i].size);
		_cleanup_free_ char *response =
			ask_post(keeper, "application/json", text, rows[i].size);

		assert_int_equal(status_of(response), rows[i].status);
		if (i == 1)
			is_problem(response, 413, "too-large");
	}
	assert_int_equal(json_array_size(keeper->requests), 1);
}

static void test_silent_keeper(void **state)
{
	const struct courier_options options = {.reply_timeout_ms = 2000};
	struct keeper *keeper = *state;
	_cleanup_free_ char *late = NULL, *next = NULL;

	keeper_start(keeper, &options);
	keeper->silent = true;
	late = ask(keeper, GET("/v1/echo"));
	is_problem(late, 503, "keeper-silent");
	has(late, "Retry-After: 1\r\n");
	/* the answer that comes too late is nobody's; the next one is right */
	keeper->silent = false;
	courier_reply(keeper->kept, 200, json_pack("{s:s}", "stale", "yes"));
	next = ask(keeper, GET("/v1/echo"));
	assert_int_equal(status_of(next), 201);
	assert_null(strstr(next, "stale"));
}

/* Seven on one connection against a limit of five; another user has his own five. */
static void test_quota(void **state)
{
	const struct courier_options options = {.requests_per_s = 5};
	struct keeper *keeper = *state;
	struct client other = {.request = GET("/v2"), .uid = 4711, .member = 1};
	char request[1024] = "";
	_cleanup_free_ char *response = NULL;
	int admitted = 0, limited = 0;

	for (int i = 0; i < 6; i++)
		snprintf(request + strlen(request), sizeof(request) - strlen(request),
			 "GET /v2 HTTP/1.1\r\nHost: glacis\r\n\r\n");
	snprintf(request + strlen(request), sizeof(request) - strlen(request), GET("/v2"));
	keeper_start(keeper, &options);
	response = ask(keeper, request);
	for (const char *at = response; (at = strstr(at, "HTTP/1.1 ")); at += 9) {
		admitted += status_of(at) == 404;
		limited += status_of(at) == 429;
	}
	assert_int_equal(admitted, 5);
	assert_int_equal(limited, 2);
	assert_int_equal(json_array_size(keeper->requests), 5);
	has(response, "Retry-After: 1\r\n");
	has(response, "RateLimit: \"control\";r=0;t=1\r\n");
	has(response, "RateLimit-Remaining: 0\r\n");
	has(response, "http-problem-types#quota-exceeded");
	has(response, "\"violated-policies\":[\"control\"]");
	exchange(keeper, &other);
	assert_int_equal(status_of(other.response), 404);
	has(other.response, "RateLimit: \"control\";r=4;t=1\r\n");
	free(other.response);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ROW(test_round_trip), ROW(test_body),          ROW(test_keepers_problem),
		ROW(test_head),       ROW(test_bad_requests),  ROW(test_bad_targets),
		ROW(test_body_sizes), ROW(test_silent_keeper), ROW(test_quota),
	};
	int r = bench_main(argc, argv);

	return r >= 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
