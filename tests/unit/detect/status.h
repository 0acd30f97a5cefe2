/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define STATUS(code, fields) "HTTP/1.1 " code " X\n" fields "\n"

static void no_content_announced(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->response_body.n = tx->response_body.wire_bytes = 0;
}

static const struct detect_case cases_status[] = {
	{"a success", GET, JSON_OK "\n{\"data\":[1],\"error\":null,\"errors\":[]}", ""},
	{"a list", GET, JSON_OK "\n[{\"error\":\"x\"}]", ""},
	{"an error further down", GET, JSON_OK "\n{\"jobs\":{\"error\":\"x\"}}", ""},
	{"an empty error", GET, JSON_OK "\n{\"error\":{},\"ok\":true,\"status\":200}", ""},
	{"an error's text", GET, JSON_OK "\n{\"error\":\"no such user\"}",
	 "STC-01 success-with-error low", .hidden = "no such user"},
	{"an error's object", GET, JSON_OK "\n{\"error\":{\"code\":7}}",
	 "STC-01 success-with-error low"},
	{"errors", GET, JSON_OK "\n{\"errors\":[{\"m\":1}]}", "STC-01 success-with-error low"},
	{"errors beside data", GET, JSON_OK "\n{\"errors\":[{\"m\":1}],\"data\":{\"a\":1}}", ""},
	{"success false", GET, JSON_OK "\n{\"success\":false}", "STC-01 success-with-error low"},
	{"status error", GET, JSON_OK "\n{\"status\":\"error\"}", "STC-01 success-with-error low"},
	{"status 404", GET, JSON_OK "\n{\"status\":404}", "STC-01 success-with-error low"},
	{"statusCode 500", GET, JSON_OK "\n{\"statusCode\":500}", "STC-01 success-with-error low"},
	{"status of something else", GET, JSON_OK "\n{\"status\":\"shipped\"}", ""},
	{"JSON-RPC", GET, JSON_OK "\n{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}", ""},
	{"GraphQL", "POST /api/graphql HTTP/1.1\nHost: a\n\n{}",
	 JSON_OK "\n{\"errors\":[{\"m\":1}]}", ""},
	{"several answers in one", GET,
	 "HTTP/1.1 207 X\nContent-Type: application/json\n\n{\"errors\":[1]}", ""},
	{"401 with its challenge", GET, STATUS("401", "WWW-Authenticate: Bearer\n"), ""},
	{"401 without", GET, STATUS("401", ""), "STC-01 no-challenge low"},
	{"405 with its methods", GET, STATUS("405", "Allow: POST\n"), ""},
	{"405 without", GET, STATUS("405", ""), "STC-01 no-allow low"},
	{"503 with its time", GET, STATUS("503", "Retry-After: 30\n"), ""},
	{"503 without", GET, STATUS("503", ""), "STC-01 no-retry-after low"},
	{"429 is not asked here", GET, STATUS("429", ""), ""},
	{"403 and 500 need nothing", GET, STATUS("403", ""), ""},
	{"401, fields lost", GET, STATUS("401", ""), "", TX_GAP},
	{"204", GET, STATUS("204", ""), ""},
	{"204 that says 0", GET, STATUS("204", "Content-Length: 0\n"), ""},
	{"204 with a body", GET, STATUS("204", "") "x", "STC-01 body-not-allowed medium"},
	{"204 that announces one", GET, STATUS("204", "Content-Length: 5\n"),
	 "STC-01 body-not-allowed medium", .change = no_content_announced},
	{"304 with a length", GET, STATUS("304", "Content-Length: 500\n"), ""},
	{"a redirect", GET, STATUS("301", "Location: https://a/\n"), "", TX_SECURE},
	{"a redirect to nowhere", GET, STATUS("307", ""), "STC-01 no-location low"},
	{"a redirect out of TLS", GET, STATUS("302", "Location: http://shop.test/x?t=s3cr3t\n"),
	 "TLS-04 redirect-plaintext medium", TX_SECURE, .shown = "http://shop.test",
	 .hidden = "s3cr3t"},
	{"a redirect from plain to plain", GET, STATUS("302", "Location: http://shop.test/x\n"),
	 ""},
	{"gRPC", GET, STATUS("401", ""), "", TX_GRPC},
	{"a redirect of many choices", GET,
	 STATUS("300", "Content-Type: application/json\n") "{\"error\":\"x\"}", ""},
	{"304 needs no place", GET, STATUS("304", ""), ""},
	{"301 needs one", GET, STATUS("301", ""), "STC-01 no-location low"},
	{"305 needs one", GET, STATUS("305", ""), "STC-01 no-location low"},
	{"400 does not", GET, STATUS("400", ""), ""},
	{"broken JSON tells nothing", GET, JSON_OK "\n{\"error\":\"x\",,}", ""},
	{"error 0", GET, JSON_OK "\n{\"error\":0}", ""},
	{"error 7", GET, JSON_OK "\n{\"error\":7}", "STC-01 success-with-error low"},
	{"status 399", GET, JSON_OK "\n{\"status\":399}", ""},
	{"status 400", GET, JSON_OK "\n{\"status\":400}", "STC-01 success-with-error low"},
	{"status 600", GET, JSON_OK "\n{\"status\":600}", ""},
	{"gRPC with an error in it", GET, JSON_OK "\n{\"error\":\"x\"}", "", TX_GRPC},
};
