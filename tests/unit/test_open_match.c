/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_open_match.c - which open connections a decision falls on, and HTTP/2 requests in flight by
 * connection: both sides of every kind, and a table that is full.
 */
#include "user/respond/h2_requests.h"
#include "user/respond/open_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHOP    3
#define BLOG    4
#define PAY     17
#define LEAKED  0x1234
#define HELLO   0xabcd
#define MAX_H2  8
#define PROXIED true

static struct addr_prefix network(const char *text)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix;
}

/* A request for PAY that bears a key, through whoever. */
static struct gl_open request(const char *peer, const char *source)
{
	return (struct gl_open){
		.flags = GL_OPEN_REQUEST,
		.peer = network(peer).addr,
		.source = network(source).addr,
		.service = SHOP,
		.op = PAY,
		.borne = {0, LEAKED},
	};
}

static struct gl_open idle(const char *peer)
{
	return (struct gl_open){.peer = network(peer).addr, .hello_key = HELLO};
}

static void a_source_is_a_peer_or_a_requests(void **state)
{
	struct open_match match = {.kind = OPEN_SOURCE, .source = network("192.0.2.0/24")};
	struct gl_open mine = idle("192.0.2.7"), others = idle("198.51.100.7"),
		       forwarded = request("198.51.100.7", "192.0.2.9");

	(void)state;
	assert_true(open_matches(&match, &mine, SHOP, false));
	assert_false(open_matches(&match, &others, SHOP, false));
	assert_true(open_matches(&match, &forwarded, SHOP, PROXIED));
	forwarded.flags = 0; /* between requests */
	assert_false(open_matches(&match, &forwarded, SHOP, PROXIED));
	match.source = network("2001:db8::/32");
	mine = idle("2001:db8::1");
	assert_true(open_matches(&match, &mine, SHOP, false));
}

static void an_operation_is_a_request_of_it(void **state)
{
	struct open_match match = {.kind = OPEN_OPERATION, .service = SHOP, .op = PAY};
	struct gl_open open = request("192.0.2.7", "192.0.2.7"), waits = idle("192.0.2.7");

	(void)state;
	assert_true(open_matches(&match, &open, SHOP, false));
	assert_false(open_matches(&match, &waits, SHOP, false));
	open.op = PAY + 1;
	assert_false(open_matches(&match, &open, SHOP, false));
	open.op = PAY;
	open.service = BLOG;
	assert_false(open_matches(&match, &open, BLOG, false));
}

static void a_credential_is_any_the_request_bore(void **state)
{
	struct open_match match = {.kind = OPEN_PRINCIPAL, .keys = {1, LEAKED}, .n_keys = 2};
	struct gl_open open = request("192.0.2.7", "192.0.2.7");

	(void)state;
	assert_true(open_matches(&match, &open, SHOP, false));
	open.flags = 0;
	assert_false(open_matches(&match, &open, SHOP, false));
	open.flags = GL_OPEN_REQUEST;
	memset(open.borne, 0, sizeof(open.borne));
	assert_false(open_matches(&match, &open, SHOP, false));
	open.principal = LEAKED;
	assert_true(open_matches(&match, &open, SHOP, false));
	/* no credential is not the one with the number 0 */
	match.keys[0] = 0;
	open.principal = 0;
	assert_false(open_matches(&match, &open, SHOP, false));
}

static void a_lockdown_spares_networks_and_proxies(void **state)
{
	struct open_match match = {.kind = OPEN_SERVICE, .service = SHOP, .n_networks = 1};
	struct gl_open open = idle("198.51.100.7"), through = request("10.0.0.1", "198.51.100.7");

	(void)state;
	match.networks[0] = network("192.0.2.0/24");
	assert_true(open_matches(&match, &open, SHOP, false));
	assert_false(open_matches(&match, &open, BLOG, false));
	open = idle("192.0.2.7");
	assert_false(open_matches(&match, &open, SHOP, false));
	assert_true(open_matches(&match, &through, SHOP, PROXIED));
	through.flags = 0;
	assert_false(open_matches(&match, &through, SHOP, PROXIED));
	through = request("10.0.0.1", "192.0.2.7");
	assert_false(open_matches(&match, &through, SHOP, PROXIED));
}

static void a_fingerprint_is_a_hellos_key(void **state)
{
	struct open_match match = {.kind = OPEN_HELLO, .keys = {HELLO}, .n_keys = 1};
	struct gl_open open = idle("192.0.2.7");

	(void)state;
	assert_true(open_matches(&match, &open, SHOP, false));
	open.hello_key = 0;
	assert_false(open_matches(&match, &open, SHOP, false));
	match.keys[0] = 0;
	assert_false(open_matches(&match, &open, SHOP, false));
}

/* ---------------------------------------------------------------------------------------------
 * HTTP/2
 */
static void begin(struct h2_requests *requests, uint64_t conn, uint32_t number)
{
	const struct h2_request request = {.conn = conn, .number = number, .op = PAY};

	h2_requests_begin(requests, &request);
}

static unsigned of(const struct h2_requests *requests, uint64_t conn)
{
	const struct h2_request *request = NULL;
	unsigned n = 0;

	while ((request = h2_requests_next(requests, conn, request)))
		n++;
	return n;
}

static void streams_begin_and_end(void **state)
{
	struct h2_requests *requests;

	(void)state;
	assert_int_equal(h2_requests_new(MAX_H2, &requests), 0);
	begin(requests, 1, 1);
	begin(requests, 1, 3);
	begin(requests, 2, 1);
	begin(requests, 0, 1); /* no connection */
	assert_int_equal(of(requests, 1), 2);
	assert_int_equal(of(requests, 2), 1);
	assert_int_equal(of(requests, 3), 0);
	h2_requests_end(requests, 1, 1);
	h2_requests_end(requests, 1, 99);
	h2_requests_end(requests, 9, 1);
	assert_int_equal(of(requests, 1), 1);
	assert_int_equal(h2_requests_next(requests, 1, NULL)->number, 3);
	assert_int_equal(h2_requests_displaced(requests), 0);
	h2_requests_free(requests);
}

/* A stream that stays is not displaced by short ones, however many; only by as many that stay. */
static void short_ones_displace_nobody(void **state)
{
	struct h2_requests *requests;

	(void)state;
	assert_int_equal(h2_requests_new(MAX_H2, &requests), 0);
	begin(requests, 1, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		begin(requests, 2 + i % 3, i);
		h2_requests_end(requests, 2 + i % 3, i);
	}
	assert_int_equal(of(requests, 1), 1);
	assert_int_equal(h2_requests_displaced(requests), 0);
	for (uint32_t i = 0; i < 2 * MAX_H2; i++)
		begin(requests, 7, i);
	assert_int_equal(h2_requests_displaced(requests), MAX_H2 + 1);
	assert_int_equal(of(requests, 1) + of(requests, 7), MAX_H2);
	h2_requests_free(requests);
	h2_requests_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_a_peer_or_a_requests),
		cmocka_unit_test(an_operation_is_a_request_of_it),
		cmocka_unit_test(a_credential_is_any_the_request_bore),
		cmocka_unit_test(a_lockdown_spares_networks_and_proxies),
		cmocka_unit_test(a_fingerprint_is_a_hellos_key),
		cmocka_unit_test(streams_begin_and_end),
		cmocka_unit_test(short_ones_displace_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
