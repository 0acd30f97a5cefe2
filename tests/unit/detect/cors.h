/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define FROM(origin) "GET /api/v1/items HTTP/1.1\nHost: api.shop.test:8443\nOrigin: " origin "\n\n"
#define FOR(origin)  "HTTP/1.1 200 OK\nAccess-Control-Allow-Origin: " origin "\n"
#define WITH         "Access-Control-Allow-Credentials: true\n"

static void list_origins(struct transaction *tx, struct detect_policy *policy)
{
	static const char *const origins[] = {"https://app.shop.test",
					      "https://partner.example:8443"};

	(void)tx;
	policy->cors_origins = origins;
	policy->n_cors_origins = 2;
}

static const struct detect_case cases_cors[] = {
	{"none", GET, "HTTP/1.1 200 OK\n\n", ""},
	{"another origin asked and was not allowed", FROM("https://evil.example"),
	 "HTTP/1.1 200 OK\n\n", ""},
	{"its own site, with credentials", FROM("https://app.shop.test"),
	 FOR("https://app.shop.test") WITH "\n", "", TX_SECURE},
	{"a fixed partner, without credentials", FROM("https://partner.example"),
	 FOR("https://partner.example") "\n", ""},
	{"a fixed origin that did not ask", FROM("https://evil.example"),
	 FOR("https://partner.example") WITH "\n", ""},
	{"wildcard of a public operation", FROM("https://a.example"), FOR("*") "\n",
	 "REV-18 wildcard low"},
	{"wildcard where a credential is needed", FROM("https://a.example"), FOR("*") "\n",
	 "REV-18 wildcard medium", .change = auth_required},
	{"wildcard to one who bore a credential",
	 "GET / HTTP/1.1\nHost: a\nAuthorization: Bearer x\n\n", FOR("*") "\n",
	 "REV-18 wildcard medium"},
	{"wildcard with credentials", FROM("https://a.example"), FOR("*") WITH "\n",
	 "REV-18 wildcard-credentials medium"},
	{"any origin echoed with credentials", FROM("https://evil.example"),
	 FOR("https://evil.example") WITH "\n", "REV-18 origin-reflected medium",
	 .shown = "evil.example"},
	{"any origin echoed, without TLS", FROM("http://evil.example"),
	 FOR("http://evil.example") WITH "\n", "REV-18 origin-reflected high", TX_SECURE},
	{"a name that begins like the service's", FROM("https://api.shop.test.evil.example"),
	 FOR("https://api.shop.test.evil.example") WITH "\n", "REV-18 origin-lookalike high"},
	{"its own site without TLS", FROM("http://app.shop.test"),
	 FOR("http://app.shop.test") WITH "\n", "REV-18 origin-plaintext medium", TX_SECURE},
	{"null", FROM("null"), FOR("null") "\n", "REV-18 null-origin medium"},
	{"null with credentials", FROM("null"), FOR("null") WITH "\n", "REV-18 null-origin high"},
	{"the agent's answer", FROM("null"), FOR("null") WITH "\n", "", TX_AGENT},
	{"a long name of another site", FROM("https://a.very.long.name.of.evil.example"),
	 FOR("https://a.very.long.name.of.evil.example") WITH "\n",
	 "REV-18 origin-reflected medium"},
	{"another site of the same end", FROM("https://other.test"),
	 FOR("https://other.test") WITH "\n", "REV-18 origin-reflected medium"},
	{"another address", "GET / HTTP/1.1\nHost: 192.0.2.7\nOrigin: https://198.51.2.7\n\n",
	 FOR("https://198.51.2.7") WITH "\n", "REV-18 origin-reflected medium"},
	{"the very name", FROM("https://api.shop.test"), FOR("https://api.shop.test") WITH "\n",
	 ""},
	{"an address of version 6",
	 "GET / HTTP/1.1\nHost: [2001:db8::1]:8443\n"
	 "Origin: https://[2001:db8::1]:9000\n\n",
	 FOR("https://[2001:db8::1]:9000") WITH "\n", ""},
	{"the policy's list: one of it, with credentials", FROM("https://partner.example:8443"),
	 FOR("https://Partner.example:8443") WITH "\n", "", .change = list_origins},
	{"the policy's list: another port", FROM("https://partner.example"),
	 FOR("https://partner.example") "\n", "REV-18 origin-not-listed medium",
	 .change = list_origins},
	{"the policy's list: its own site, not listed", FROM("https://other.shop.test"),
	 FOR("https://other.shop.test") WITH "\n", "REV-18 origin-not-listed high",
	 .change = list_origins, .shown = "other.shop.test"},
	{"the policy's list: everybody", FROM("https://a.example"), FOR("*") "\n",
	 "REV-18 wildcard low", .change = list_origins},
	{"the policy's list: nobody is allowed", FROM("https://a.example"), "HTTP/1.1 200 OK\n\n",
	 "", .change = list_origins},
};
