/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

static void forbid_fields(struct transaction *tx, struct detect_policy *policy)
{
	static const char *const fields[] = {"password_hash", "internal_id"};

	(void)tx;
	policy->forbidden_fields = fields;
	policy->n_forbidden_fields = 2;
}

#define BCRYPT "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

static const struct detect_case cases_text[] = {
	{"nothing of it", GET, JSON_OK "\n{\"items\":[{\"id\":4711,\"price\":19.99}]}", ""},
	{"a card", GET, JSON_OK "\n{\"c\":\"4111 1111 1111 1111\"}", "PRE-15 card-number high",
	 .hidden = "4111", .shown = "************1111"},
	{"no card by its sum", GET, JSON_OK "\n{\"c\":\"4111 1111 1111 1112\"}", ""},
	{"a card that is sent", "POST /pay HTTP/1.1\nHost: a\n\n{\"c\":\"4111111111111111\"}",
	 JSON_OK "\n{}", "PRE-07 card-number info", .hidden = "4111"},
	{"a card in the path", "GET /cards/4111111111111111 HTTP/1.1\nHost: a\n\n", JSON_OK "\n{}",
	 "LOG-09 card-number high", .hidden = "4111"},
	{"an address in the query", "GET /u?m=jane@corp.io HTTP/1.1\nHost: a\n\n", JSON_OK "\n{}",
	 "LOG-10 email info", .hidden = "jane"},
	{"a key in the query",
	 "GET /u?k=AKIA"
	 "QYLPMN5HFIQR7XYA HTTP/1.1\nHost: a\n\n",
	 JSON_OK "\n{}", "LOG-08 aws-access-key critical", .hidden = "QYLP"},
	{"a key in an answer", GET,
	 JSON_OK "\n{\"k\":\"AKIA"
		 "QYLPMN5HFIQR7XYA\"}",
	 "REV-17 aws-access-key critical", .hidden = "QYLP", .shown = "AKIA...(20)"},
	{"a key in an answer's head", GET,
	 JSON_OK "X-Debug: key=AKIA"
		 "QYLPMN5HFIQR7XYA\n\n{}",
	 "REV-17 aws-access-key critical", .hidden = "QYLP"},
	{"a weak hash", GET, JSON_OK "\n{\"h\":\"$2b$10$" BCRYPT "\"}",
	 "REV-11 bcrypt-hash high; AUTH-08 bcrypt-cost medium", .hidden = "N9qo"},
	{"a hash", GET, JSON_OK "\n{\"h\":\"$2b$12$" BCRYPT "\"}", "REV-11 bcrypt-hash high"},
	{"a stack trace", GET, "HTTP/1.1 500 X\n\nError\n    at Cart.add (/srv/app/cart.js:10:5)\n",
	 "PRE-17 trace-node medium", .hidden = "cart.js"},
	{"members the policy forbids", GET,
	 JSON_OK "\n{\"a\":{\"passwordHash\":\"x\",\"internal_id\":null}}",
	 "REV-11 forbidden-field high", .change = forbid_fields, .shown = "passwordHash"},
	{"members nobody forbids", GET, JSON_OK "\n{\"a\":{\"passwordHash\":\"x\"}}", ""},
};
