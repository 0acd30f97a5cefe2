/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define AUTHORIZE(query) "GET /oauth/authorize?client_id=web&" query " HTTP/1.1\nHost: a\n\n"
#define LOGIN_PAGE       "HTTP/1.1 200 OK\n\n"
#define TOKEN(body)                                                                                \
	"POST /oauth/token HTTP/1.1\nHost: a\n"                                                    \
	"Content-Type: application/x-www-form-urlencoded\n\n" body
#define ISSUED JSON_OK "\n{\"access_token\":\"x\",\"expires_in\":600}"

static const struct detect_case cases_oauth[] = {
	{"code with PKCE",
	 AUTHORIZE("response_type=code&code_challenge=abc&code_challenge_method=S256"), LOGIN_PAGE,
	 ""},
	{"no OAuth at all", "GET /x?response_type=json HTTP/1.1\nHost: a\n\n", LOGIN_PAGE, ""},
	{"code without PKCE", AUTHORIZE("response_type=code"), LOGIN_PAGE,
	 "AUTH-01 pkce-missing medium"},
	{"code without PKCE, refused", AUTHORIZE("response_type=code"), "HTTP/1.1 400 X\n\n", ""},
	{"an empty challenge", AUTHORIZE("response_type=code&code_challenge="), LOGIN_PAGE,
	 "AUTH-01 pkce-missing medium"},
	{"PKCE in the clear",
	 AUTHORIZE("response_type=code&code_challenge=abc&code_challenge_method=plain"), LOGIN_PAGE,
	 "AUTH-01 pkce-plain medium", .shown = "plain"},
	{"PKCE by default in the clear", AUTHORIZE("response_type=code&code_challenge=abc"),
	 LOGIN_PAGE, "AUTH-01 pkce-plain medium", .shown = "missing"},
	{"implicit", AUTHORIZE("response_type=token"), "HTTP/1.1 302 X\nLocation: https://a/\n\n",
	 "AUTH-01 implicit-grant medium"},
	{"implicit beside an ID token", AUTHORIZE("response_type=id_token%20token"), LOGIN_PAGE,
	 "AUTH-01 implicit-grant medium"},
	{"an ID token only", AUTHORIZE("response_type=id_token"), LOGIN_PAGE, ""},
	{"hybrid without PKCE", AUTHORIZE("response_type=code+token"), LOGIN_PAGE,
	 "AUTH-01 implicit-grant medium; AUTH-01 pkce-missing medium"},
	{"implicit, refused", AUTHORIZE("response_type=token"), "HTTP/1.1 400 X\n\n", ""},
	{"code for a token", TOKEN("grant_type=authorization_code&code=x&code_verifier=y"), ISSUED,
	 ""},
	{"code for a token without verifier", TOKEN("grant_type=authorization_code&code=x"), ISSUED,
	 "AUTH-01 verifier-missing medium"},
	{"the same, captured in part", TOKEN("grant_type=authorization_code&code=x"), ISSUED, "",
	 .change = request_cut},
	{"a password for a token", TOKEN("grant_type=password&username=u&password=hunter22"),
	 ISSUED, "AUTH-01 password-grant high", .hidden = "hunter22"},
	{"a password for nothing", TOKEN("grant_type=password&username=u&password=x"),
	 "HTTP/1.1 400 X\n\n", ""},
	{"a service", TOKEN("grant_type=client_credentials"), ISSUED, ""},
	{"a token in the query", "GET /x?a=1&access_token=s3cr3t HTTP/1.1\nHost: a\n\n", LOGIN_PAGE,
	 "AUTH-01 token-in-query medium", .hidden = "s3cr3t"},
	{"an empty one", "GET /x?access_token= HTTP/1.1\nHost: a\n\n", LOGIN_PAGE, ""},
	{"a token in the query, refused", "GET /x?access_token=s HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 401 X\n\n", ""},
	{"a logout says who", "GET /oidc/logout?id_token_hint=x&id_token=y HTTP/1.1\nHost: a\n\n",
	 LOGIN_PAGE, ""},
	{"a token behind a redirect's #", GET,
	 "HTTP/1.1 302 X\nLocation: https://app.test/cb#state=1&access_token=s3cr3t\n\n",
	 "AUTH-01 token-in-location medium", .hidden = "s3cr3t"},
	{"a token in a redirect's query", GET,
	 "HTTP/1.1 302 X\nLocation: https://app.test/cb?refresh_token=s3cr3t\n\n",
	 "AUTH-01 token-in-location medium", .shown = "refresh_token"},
	{"a code in a redirect", GET, "HTTP/1.1 302 X\nLocation: https://app.test/cb?code=x\n\n",
	 ""},
	{"a code for nobody", "GET /x?response_type=code HTTP/1.1\nHost: a\n\n", LOGIN_PAGE, ""},
	{"a grant that is put",
	 "PUT /x HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\n"
	 "grant_type=password&password=x",
	 ISSUED, ""},
	{"an empty verifier", TOKEN("grant_type=authorization_code&code_verifier="), ISSUED,
	 "AUTH-01 verifier-missing medium"},
};
