/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define TO(path, body) "POST " path " HTTP/1.1\nHost: a\nContent-Type: application/json\n\n" body
#define FORM(path, body)                                                                           \
	"POST " path " HTTP/1.1\nHost: a\nContent-Type: "                                          \
	"application/x-www-form-urlencoded\n\n" body
#define REGISTER "/api/v1/auth/register"
#define DONE     "HTTP/1.1 201 Created\n\n"

static const struct detect_case cases_password[] = {
	{"a good one", TO(REGISTER, "{\"password\":\"Correct-Horse9\"}"), DONE, "", TX_SECURE},
	{"exactly twelve of four kinds", TO(REGISTER, "{\"password\":\"Abcdefghij1!\"}"), DONE, "",
	 TX_SECURE},
	{"eleven", TO(REGISTER, "{\"password\":\"Abcdefghi1!\"}"), DONE,
	 "AUTH-07 password-short medium", TX_SECURE, .hidden = "Abc"},
	{"three kinds", TO(REGISTER, "{\"password\":\"abcdefghij1!\"}"), DONE,
	 "AUTH-07 password-kinds medium", TX_SECURE, .hidden = "abcdef"},
	{"refused", TO(REGISTER, "{\"password\":\"short\"}"), "HTTP/1.1 422 X\n\n", "", TX_SECURE},
	{"a letter beyond ASCII is a kind, and one character",
	 TO(REGISTER, "{\"password\":\"Abcdefghij1\xc3\xa4\"}"), DONE, "", TX_SECURE},
	{"eleven letters of two bytes",
	 TO(REGISTER, "{\"password\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		      "Ab1!\"}"),
	 DONE, "AUTH-07 password-short medium", TX_SECURE},
	{"escapes are characters", TO(REGISTER, "{\"password\":\"Abcdefghij1\\u0021\"}"), DONE, "",
	 TX_SECURE},
	{"eleven with escapes", TO(REGISTER, "{\"password\":\"Abcdefghi1\\u0021\"}"), DONE,
	 "AUTH-07 password-short medium", TX_SECURE},
	{"further down", TO("/api/v1/users", "{\"user\":{\"Password\":\"short\"}}"), DONE,
	 "AUTH-07 password-short medium", TX_SECURE},
	{"a login may be old", TO("/api/v1/users/login", "{\"password\":\"short\"}"), DONE, "",
	 TX_SECURE},
	{"no password's business", TO("/api/v1/items", "{\"password\":\"short\"}"), DONE, "",
	 TX_SECURE},
	{"a new one says so anywhere", TO("/api/v1/me", "{\"newPassword\":\"short\"}"), DONE,
	 "AUTH-07 password-short medium", TX_SECURE},
	{"old and new: the new one counts",
	 TO("/api/v1/password", "{\"password\":\"short\",\"newPassword\":\"Correct-Horse9\"}"),
	 DONE, "", TX_SECURE},
	{"hashed by the client",
	 TO(REGISTER, "{\"password\":\"5f4dcc3b5aa765d61d8327deb882cf99\"}"), DONE, "", TX_SECURE},
	{"not text", TO(REGISTER, "{\"password\":null,\"pwd\":[\"short\"]}"), DONE, "", TX_SECURE},
	{"empty", TO(REGISTER, "{\"password\":\"\"}"), DONE, "", TX_SECURE},
	{"captured in part", TO(REGISTER, "{\"password\":\"shor"), DONE, "", TX_SECURE,
	 request_cut},
	{"a form", FORM("/signup", "name=a&password=Correct-Horse9&x=1"), DONE, "", TX_SECURE},
	{"a grant logs in, whatever its path",
	 FORM("/oauth/password", "grant_type=password&password=short&x=1"), DONE, "", TX_SECURE},
	{"a form, too short", FORM("/signup", "name=a&password=short&x=1"), DONE,
	 "AUTH-07 password-short medium", TX_SECURE, .shown = "a form field"},
	{"a form, eleven with escapes", FORM("/signup", "password=Abcdefghi1%21"), DONE,
	 "AUTH-07 password-short medium", TX_SECURE},
	{"a form, twelve with a blank", FORM("/signup", "password=Abcdefghi1%21+"), DONE, "",
	 TX_SECURE},
	{"a form, captured in part", FORM("/signup", "password=Abc"), DONE, "", TX_SECURE,
	 request_cut},
	{"without TLS", TO("/api/v1/users/login", "{\"password\":\"Correct-Horse9\"}"), DONE,
	 "TLS-04 password-plaintext high", .hidden = "Horse"},
	{"without TLS and refused", TO("/login", "{\"password\":\"x\"}"), "HTTP/1.1 401 X\n\n", ""},
	{"GET has none", GET, DONE, ""},
	{"the word in a value", TO(REGISTER, "{\"note\":\"password\",\"a\":\"short\"}"), DONE, ""},
	{"not what it says", TO(REGISTER, "password=short"), DONE, "", TX_SECURE},
};
