/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tell.c - what leaves an inspector: the records the keeper takes, and in none of their bytes
 * anything of a request that is not a name of the protocol.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/tx_build.h"
#include "user/detect/tell.h"
#include "user/keeper/transactions.h"

#define SECRET "hunter22zq"
#define REQUEST                                                                                    \
	"POST /api/v1/users/4711/" SECRET "@example.com?token=" SECRET " HTTP/1.1\n"               \
	"Host: a\nUser-Agent: curl/8.1 (" SECRET ")\nCookie: sid=" SECRET "\n"                     \
	"Authorization: Bearer " SECRET "\n\n{\"password\":\"" SECRET "\"}"
#define RESPONSE                                                                                   \
	"HTTP/1.1 201 Created\nSet-Cookie: sid=" SECRET "\nServer: x/1\n"                          \
	"Content-Type: text/html\n\n{\"error\":\"" SECRET "\"}"

struct told {
	size_t n;
	const struct transaction *tx;
};

static void check_finding(const struct detection *detection, void *userdata)
{
	struct told *told = userdata;
	struct report_finding r;

	tell_finding(told->tx, detection, &r);
	assert_true(transactions_finding_valid(&r));
	assert_string_equal(r.control, detection->control);
	assert_string_equal(r.rule, detection->rule);
	assert_string_equal(r.request_id, "req-1");
	assert_int_equal(r.status, 201);
	assert_null(memmem(&r, sizeof(r), SECRET, strlen(SECRET)));
	told->n++;
}

static void test_findings(void **state)
{
	struct transaction *tx = tx_build(REQUEST, RESPONSE);
	const struct detect_policy policy = {.auth_required = true};
	struct told told = {.tx = tx};
	const struct detect_out out = {.emit = check_finding, .userdata = &told};

	(void)state;
	snprintf(tx->request_id, sizeof(tx->request_id), "req-1");
	detect_transaction(tx, &policy, &out);
	assert_true(told.n >= 8);
	free(tx);
}

static void test_transaction(void **state)
{
	struct transaction *tx = tx_build(REQUEST, RESPONSE);
	struct report_transaction r;

	(void)state;
	snprintf(tx->request_id, sizeof(tx->request_id), "req-1");
	tx->conn = 7;
	tx->wait_ns = 5;
	tell_transaction(tx, &r);
	assert_true(transactions_valid(&r));
	assert_int_equal(r.report.kind, REPORT_TRANSACTION);
	assert_int_equal(r.conn, 7);
	assert_int_equal(r.wait_ns, 5);
	assert_int_equal(r.status, 201);
	assert_string_equal(r.method, "POST");
	assert_string_equal(r.user_agent, "curl/8.1");
	assert_non_null(strstr(r.path.text, "/api/v1/users/{id}"));
	assert_null(memmem(&r, sizeof(r), SECRET, strlen(SECRET)));
	free(tx);
}

/* Nothing known, and names that are none. */
static void test_empty(void **state)
{
	struct transaction *tx = tx_build("", "");
	struct report_transaction r;

	(void)state;
	tell_transaction(tx, &r);
	assert_true(transactions_valid(&r));
	assert_string_equal(r.method, "");
	assert_string_equal(r.user_agent, "");
	tx->method = RAW("G\x01T\xff\n");
	tx->target = RAW("\x1b[31m/\xe2\x80\xae?\n");
	tell_transaction(tx, &r);
	assert_true(transactions_valid(&r));
	free(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
