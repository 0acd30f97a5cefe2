/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define HSTS "Strict-Transport-Security: max-age=31536000; includeSubDomains\n"

static void require_frame_options(struct transaction *tx, struct detect_policy *policy)
{
	static const char *const names[] = {"x-frame-options", "referrer-policy"};

	(void)tx;
	policy->required_headers = names;
	policy->n_required_headers = 2;
}

static void fields_dropped(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->response.dropped = 1;
}

static void forbid_tellers(struct transaction *tx, struct detect_policy *policy)
{
	static const char *const names[] = {"server", "x-powered-by"};

	(void)tx;
	policy->forbidden_headers = names;
	policy->n_forbidden_headers = 2;
}

static const struct detect_case cases_headers[] = {
	{"all there", GET, JSON_OK "X-Content-Type-Options: nosniff\n" HSTS "\n{}", "", TX_SECURE},
	{"name in capitals", GET, JSON_OK "X-CONTENT-TYPE-OPTIONS: NoSniff\n\n{}", ""},
	{"no nosniff", GET, JSON_OK "\n{}", "REV-13 nosniff-missing low",
	 .shown = "(200, application/json)"},
	{"no nosniff on an error", GET, "HTTP/1.1 500 X\nContent-Type: text/plain\n\nx",
	 "REV-13 nosniff-missing low"},
	{"no body, nothing to sniff", GET, "HTTP/1.1 204 No Content\n\n", ""},
	{"wrong value", GET, JSON_OK "X-Content-Type-Options: sniff\n\n{}",
	 "REV-13 nosniff-wrong low"},
	{"no HSTS inside TLS", GET, JSON_OK "X-Content-Type-Options: nosniff\n\n{}",
	 "REV-13 hsts-missing low", TX_SECURE},
	{"no HSTS without TLS", GET, JSON_OK "X-Content-Type-Options: nosniff\n\n{}", ""},
	{"HSTS for a day", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\n"
		 "Strict-Transport-Security: max-age=86400\n\n{}",
	 "REV-13 hsts-short low", TX_SECURE},
	{"HSTS for just long enough, quoted", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\n"
		 "Strict-Transport-Security: max-age=\"15552000\"\n\n{}",
	 "", TX_SECURE},
	{"HSTS one second too short", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\n"
		 "Strict-Transport-Security: max-age=15551999\n\n{}",
	 "REV-13 hsts-short low", TX_SECURE},
	{"HSTS without max-age", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\n"
		 "Strict-Transport-Security: includeSubDomains\n\n{}",
	 "REV-13 hsts-wrong low", TX_SECURE},
	{"the policy's list", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\nX-Frame-Options: DENY\n\n{}",
	 "REV-13 required-missing low", .change = require_frame_options,
	 .shown = "no referrer-policy"},
	{"the policy's list is kept", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\nX-Frame-Options: DENY\n"
		 "Referrer-Policy: no-referrer\n\n{}",
	 "", .change = require_frame_options},
	{"a version", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\nServer: nginx/1.22.1\n"
		 "X-Powered-By: PHP/8.2\n\n{}",
	 "REV-13 version-disclosed info", .shown = "nginx/1.22.1"},
	{"a product without version", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\nServer: nginx\n\n{}", ""},
	{"fields were lost: what is missing may have been there", GET, JSON_OK "\n{}", "",
	 .change = fields_dropped},
	{"bytes were lost", GET, JSON_OK "\n{}", "", TX_GAP},
	{"gRPC is not for browsers", GET, JSON_OK "\n{}", "", TX_GRPC | TX_SECURE},
	{"no answer", GET, "", ""},
	{"the agent's answer", GET, JSON_OK "\n{}", "", TX_AGENT | TX_SECURE},
	{"no request", "", JSON_OK "\n{}", "", TX_SECURE},
	{"a response cut by the agent", GET, JSON_OK "\n{}", "", TX_CUT},
	{"gRPC tells its version", GET, JSON_OK "Server: x/1\n\n{}", "", TX_GRPC},
	{"the least digit", GET, JSON_OK "X-Content-Type-Options: nosniff\nServer: x/0\n\n{}",
	 "REV-13 version-disclosed info"},
	{"the greatest", GET, JSON_OK "X-Content-Type-Options: nosniff\nServer: x/9\n\n{}",
	 "REV-13 version-disclosed info"},
	{"a field the policy forbids", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\nX-Powered-By: shop\n\n{}",
	 "REV-13 forbidden-present low", .change = forbid_tellers, .shown = "x-powered-by"},
	{"no field the policy forbids", GET, JSON_OK "X-Content-Type-Options: nosniff\n\n{}", "",
	 .change = forbid_tellers},
	{"two of them", GET,
	 JSON_OK "X-Content-Type-Options: nosniff\nX-POWERED-BY: shop\nServer: x\n\n{}",
	 "REV-13 forbidden-present low; REV-13 forbidden-present low", .change = forbid_tellers},
};
