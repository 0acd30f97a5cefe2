/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define COOKIE(text) GET, "HTTP/1.1 200 OK\nSet-Cookie: " text "\n\n"

static const struct detect_case cases_cookies[] = {
	{"as it should be", COOKIE("sid=31d4d96e407aad42; Path=/; Secure; HttpOnly; SameSite=Lax"),
	 ""},
	{"attributes in any case", COOKIE("sid=31d4d96e407aad42;SECURE;httponly;samesite=STRICT"),
	 ""},
	{"nothing of it", COOKIE("PHPSESSID=31d4d96e407aad42; path=/"),
	 "AUTH-06 httponly-missing medium; AUTH-06 secure-missing medium; "
	 "AUTH-06 samesite-missing low",
	 .hidden = "31d4d96e407aad42", .shown = "PHPSESSID"},
	{"no HttpOnly", COOKIE("access_token=opaque-7c1; Secure; SameSite=Strict"),
	 "AUTH-06 httponly-missing medium", .hidden = "opaque-7c1"},
	{"no Secure", COOKIE("connect.sid=s%3Aabc; HttpOnly; SameSite=Lax"),
	 "AUTH-06 secure-missing medium"},
	{"no SameSite", COOKIE("JSESSIONID=abc; HttpOnly; Secure"), "AUTH-06 samesite-missing low"},
	{"SameSite of no known value", COOKIE("auth=abc; HttpOnly; Secure; SameSite=Perhaps"),
	 "AUTH-06 samesite-missing low"},
	{"SameSite=None, Secure", COOKIE("auth=abc; HttpOnly; Secure; SameSite=None"),
	 "AUTH-06 samesite-none info"},
	{"SameSite=None without Secure", COOKIE("auth=abc; HttpOnly; SameSite=None"),
	 "AUTH-06 secure-missing medium"},
	{"a JWT under a plain name",
	 COOKIE("x=eyJhbGciOiJIUzI1NiJ9.e30.c2ln; Secure; SameSite=Lax"),
	 "AUTH-06 httponly-missing medium", .hidden = "eyJ"},
	{"a preference is no session", COOKIE("theme=dark; Path=/"), ""},
	{"a session that ends", COOKIE("sid=; Max-Age=0"), ""},
	{"a session that ends by date",
	 COOKIE("sid=deleted; expires=Thu, 01 Jan 1970 00:00:00 GMT"), ""},
	{"a CSRF token is for scripts", COOKIE("csrf_token=abc; Secure; SameSite=Strict"), ""},
	{"a CSRF token still needs Secure", COOKIE("XSRF-TOKEN=abc; SameSite=Strict"),
	 "AUTH-06 secure-missing medium"},
	{"__Host- kept", COOKIE("__Host-sid=abc; Secure; HttpOnly; Path=/; SameSite=Lax"), ""},
	{"__Host- with a domain",
	 COOKIE("__Host-sid=abc; Secure; HttpOnly; Path=/; SameSite=Lax; Domain=shop.test"),
	 "AUTH-06 prefix-broken medium"},
	{"__Host- without a path", COOKIE("__Host-theme=abc; Secure"),
	 "AUTH-06 prefix-broken medium"},
	{"__Secure- without Secure", COOKIE("__Secure-theme=abc"), "AUTH-06 prefix-broken medium"},
	{"the second of two", GET,
	 "HTTP/1.1 302 Found\nSet-Cookie: theme=dark\nset-cookie: sid=abc; Secure; HttpOnly\n\n",
	 "AUTH-06 samesite-missing low"},
	{"each rule once", GET,
	 "HTTP/1.1 200 OK\nSet-Cookie: sid=a; Secure\nSet-Cookie: auth=b; HttpOnly; SameSite=Lax\n"
	 "Set-Cookie: token=c\n\n",
	 "AUTH-06 httponly-missing medium; AUTH-06 samesite-missing low; "
	 "AUTH-06 secure-missing medium",
	 .shown = "sid"},
	{"a cookie the client sent", "GET / HTTP/1.1\nHost: a\nCookie: sid=abc\n\n",
	 "HTTP/1.1 200 OK\n\n", ""},
	{"no name, no value", COOKIE(";;=;"), ""},
};
