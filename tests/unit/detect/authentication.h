/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define WITH_FIELD(text) "GET /api/v1/items HTTP/1.1\nHost: a\n" text "\n\n"
#define OK_EMPTY         "HTTP/1.1 200 OK\n\n"

static void cookie_credential(struct transaction *tx, struct detect_policy *policy)
{
	policy->auth_required = true;
	tx->credential = GL_CRED_COOKIE;
}

static void certificate(struct transaction *tx, struct detect_policy *policy)
{
	policy->auth_required = true;
	tx->credential = GL_CRED_CERTIFICATE;
}

static void behind_proxy(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	addr_parse("203.0.113.7", &tx->source);
}

static void same_host(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->client = tx->source = tx->server;
}

static void loopback(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	addr_parse("127.0.0.5", &tx->client);
	tx->source = tx->client;
}

static void request_dropped(struct transaction *tx, struct detect_policy *policy)
{
	policy->auth_required = true;
	tx->request.dropped = 3;
}

static const struct detect_case cases_authentication[] = {
	{"public", GET, OK_EMPTY, ""},
	{"no credential where one is needed", "GET /api/v1/users/4711 HTTP/1.1\nHost: a\n\n",
	 JSON_OK "\n{}", "REV-01 unauthenticated high", .change = auth_required,
	 .shown = "GET /api/v1/users/{id} was answered 200", .hidden = "4711"},
	{"refused", GET, "HTTP/1.1 401 X\n\n", "", .change = auth_required},
	{"redirected to a login", GET, "HTTP/1.1 302 X\n\n", "", .change = auth_required},
	{"asked whether it may ask", "OPTIONS / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 204 X\n\n", "",
	 .change = auth_required},
	{"a token, inside TLS", WITH_FIELD("Authorization: Bearer abc"), OK_EMPTY, "", TX_SECURE,
	 auth_required},
	{"a cookie, inside TLS", GET, OK_EMPTY, "", TX_SECURE, cookie_credential},
	{"a certificate", GET, OK_EMPTY, "", TX_SECURE, certificate},
	{"fields of the request were lost", GET, OK_EMPTY, "", .change = request_dropped},
	{"bytes were lost", GET, OK_EMPTY, "", TX_GAP, auth_required},
	{"the connection is older than the agent", GET, OK_EMPTY, "", TX_MIDSTREAM, auth_required},
	{"the agent's answer", GET, OK_EMPTY, "", TX_AGENT, auth_required},
	{"a token without TLS", WITH_FIELD("Authorization: Bearer abc"), OK_EMPTY,
	 "TLS-04 credential-plaintext medium", .hidden = "abc"},
	{"an API key without TLS", WITH_FIELD("X-API-Key: abc"), "HTTP/1.1 403 X\n\n",
	 "TLS-04 credential-plaintext medium", .shown = "an API key"},
	{"a session without TLS", GET, OK_EMPTY, "TLS-04 credential-plaintext medium",
	 .change = cookie_credential, .shown = "a session cookie"},
	{"Basic without TLS", WITH_FIELD("Authorization: Basic dTpw"), OK_EMPTY,
	 "TLS-04 credential-plaintext high; PRE-08 basic-authentication info", .hidden = "dTpw"},
	{"Basic inside TLS", WITH_FIELD("Authorization: basic dTpw"), OK_EMPTY,
	 "PRE-08 basic-authentication info", TX_SECURE},
	{"Basic, refused", WITH_FIELD("Authorization: Basic dTpw"), "HTTP/1.1 401 X\n\n", "",
	 TX_SECURE},
	{"a trusted proxy ended TLS", WITH_FIELD("Authorization: Bearer abc"), OK_EMPTY, "",
	 .change = behind_proxy},
	{"a proxy says it was TLS",
	 WITH_FIELD("Authorization: Bearer abc\nX-Forwarded-Proto: https"), OK_EMPTY, ""},
	{"a proxy says so in the standard's way",
	 WITH_FIELD("Authorization: Bearer abc\nForwarded: for=192.0.2.60;proto=https"), OK_EMPTY,
	 ""},
	{"it never left the host", WITH_FIELD("Authorization: Bearer abc"), OK_EMPTY, "",
	 .change = same_host},
	{"nor the loopback", WITH_FIELD("Authorization: Bearer abc"), OK_EMPTY, "",
	 .change = loopback},
};
