/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define AS(type)   "HTTP/1.1 200 OK\nContent-Type: " type "\n\n"
#define SENT(type) "POST /api/v1/items HTTP/1.1\nHost: a\nContent-Type: " type "\n\n{\"a\": 1}"
#define CREATED    "HTTP/1.1 201 Created\n\n"
#define HTML_PAGE  "<!DOCTYPE html><title>x</title>"

static void request_cut_at_5(struct transaction *tx, struct detect_policy *policy)
{
	request_cut(tx, policy);
	tx->request_body.n = 5;
}

static void beginning_kept(struct transaction *tx, struct detect_policy *policy)
{
	response_cut(tx, policy);
	tx->response_body.flags |= BODY_SKIPPED;
}

static const struct detect_case cases_content_type[] = {
	{"JSON", GET, AS("application/json; charset=UTF-8") "{\"a\": [1, 2]}", ""},
	{"a kind of JSON", GET, AS("application/vnd.shop.v1+json") "[]", ""},
	{"problem details", GET, AS("application/problem+json") "{}", ""},
	{"a page", GET, AS("text/html") HTML_PAGE, ""},
	{"text that begins like JSON", GET, AS("text/plain") "[notice] nothing {to see}", ""},
	{"lines of JSON", GET, AS("application/x-ndjson") "{\"a\":1}\n{\"a\":2}\n", ""},
	{"events", GET, AS("text/event-stream") "{\"a\":1}", ""},
	{"lines of JSON that say JSON", GET, AS("application/json") "{\"a\":1}\n{\"a\":2}\n", ""},
	{"JSON against inclusion", GET, AS("application/json") ")]}',\n{\"a\":1}", ""},
	{"JSON as a page", GET, AS("text/html; charset=utf-8") "{\"a\": \"<b>\"}",
	 "API-08 json-undeclared medium", .shown = "text/html"},
	{"JSON as text", GET, AS("text/plain") " {\"a\": 1}", "API-08 json-undeclared low"},
	{"JSON without a type", GET, "HTTP/1.1 200 OK\n\n{\"a\": 1}", "API-08 json-undeclared low",
	 .shown = "missing"},
	{"JSON without a type, cut", GET, "HTTP/1.1 200 OK\n\n{\"a\": [1, ",
	 "API-08 json-undeclared low", .change = response_cut},
	{"a file with JSON in it", GET,
	 "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Disposition: attachment\n\n{\"a\":1}",
	 ""},
	{"a page as JSON", GET, AS("application/json") HTML_PAGE, "REV-14 html-as-json medium"},
	{"text as JSON", GET, AS("application/json") "Internal Server Error",
	 "REV-14 json-invalid low"},
	{"broken JSON", GET, AS("application/json") "{\"a\": 1,}", "REV-14 json-invalid low"},
	{"JSON that ends early", GET, AS("application/json") "{\"a\": [1, 2",
	 "REV-14 json-invalid low", .shown = "ends early"},
	{"JSON that was captured in part", GET, AS("application/json") "{\"a\": [1, 2", "",
	 .change = response_cut},
	{"a number is JSON", GET, AS("application/json") "42", ""},
	{"another charset", GET, AS("application/json; charset=iso-8859-1") "{}",
	 "REV-14 json-charset low"},
	{"no type at all", GET, "HTTP/1.1 200 OK\n\nhello", "REV-14 type-missing low"},
	{"no type, no body", GET, "HTTP/1.1 200 OK\n\n", ""},
	{"a page as an image", GET, AS("image/png") HTML_PAGE, "REV-14 html-disguised medium"},
	{"a page as an image, not sniffed", GET,
	 "HTTP/1.1 200 OK\nContent-Type: image/png\nX-Content-Type-Options: nosniff\n\n" HTML_PAGE,
	 "REV-14 html-disguised low"},
	{"a drawing", GET, AS("image/svg+xml") "<svg/>", ""},
	{"HEAD has no body", "HEAD / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\n\n", ""},
	{"JSON sent as JSON", SENT("application/json"), CREATED, ""},
	{"JSON sent as a form", SENT("application/x-www-form-urlencoded"), CREATED,
	 "API-08 json-accepted-as-other low"},
	{"JSON sent as text", SENT("text/plain;charset=UTF-8"), CREATED,
	 "API-08 json-accepted-as-other low"},
	{"JSON sent as text and refused", SENT("text/plain"),
	 "HTTP/1.1 415 Unsupported Media Type\n\n", ""},
	{"JSON sent as nothing", "POST / HTTP/1.1\nHost: a\n\n[1]", CREATED,
	 "API-08 json-accepted-as-other low"},
	{"a form",
	 "POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\na=1",
	 CREATED, ""},
	{"gRPC", GET, AS("text/html") "{\"a\": 1}", "", TX_GRPC},
	{"JSON sent as text, seen in part", SENT("text/plain"), CREATED, "",
	 .change = request_cut_at_5},
	{"text in braces", "POST /x HTTP/1.1\nHost: a\nContent-Type: text/plain\n\n{hello}",
	 CREATED, ""},
	{"a page as an image, of which only the beginning was kept", GET, AS("image/png") HTML_PAGE,
	 "REV-14 html-disguised medium", .change = beginning_kept},
	{"JSON nobody reads is not judged as JSON", GET, AS("application/json") "{\"a\":", "",
	 .change = beginning_kept},
};
