/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define QUERY(text) "GET /api/v1/search?" text " HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\n\n"

static const struct detect_case cases_exposure[] = {
	{"nothing of it", QUERY("q=shoes&page=2&limit=20&sort=-price"), ""},
	{"no query", GET, "HTTP/1.1 200 OK\n\n", ""},
	{"cursors are no tokens", QUERY("page_token=abc&next_token=def&continuationToken=ghi"), ""},
	{"a signed URL", QUERY("X-Amz-Signature=abc&X-Amz-Credential=def&sig=ghi"), ""},
	{"a password", QUERY("user=a&password=hunter22"), "LOG-08 password-in-query high",
	 .hidden = "hunter22", .shown = "password"},
	{"an empty password", QUERY("password="), ""},
	{"an API key, written differently", QUERY("Api-Key=k-1"), "LOG-08 secret-in-query medium",
	 .hidden = "k-1"},
	{"a token", QUERY("token=t-1"), "LOG-08 session-in-query medium"},
	{"a token of a mail's link", "GET /api/v1/password/reset?token=t-1 HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 200 OK\n\n", "LOG-08 session-in-query info"},
	{"a session", QUERY("JSESSIONID=s-1"), "LOG-08 session-in-query medium"},
	{"a card", QUERY("card_number=4111111111111111&cvv=123"), "LOG-09 card-in-query high",
	 .hidden = "4111"},
	{"a person", QUERY("email=jo%40example.com&phone=1"), "LOG-10 person-in-query low",
	 .hidden = "example"},
	{"several kinds", QUERY("email=a&pwd=b&password=c&token=d"),
	 "LOG-10 person-in-query low; LOG-08 password-in-query high; "
	 "LOG-08 session-in-query medium"},
	{"in absolute form", "GET http://a/x?password=b HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 200 OK\n\n", "LOG-08 password-in-query high"},
	{"somebody tries names", "GET /?password=b HTTP/1.1\nHost: a\n\n", "HTTP/1.1 404 X\n\n",
	 ""},
	{"in a body it is no query", "POST /x HTTP/1.1\nHost: a\n\npassword=b",
	 "HTTP/1.1 200 OK\n\n", ""},
	{"a name that is too long",
	 QUERY("passwordpasswordpasswordpassword=x&password_________________________=y"),
	 "LOG-08 password-in-query high"},
	{"refused as it was", "GET /?password=b HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 X\n\n", ""},
};
