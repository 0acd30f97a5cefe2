/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define AT(path)     "GET " path " HTTP/1.1\nHost: a\n\n", JSON_OK "\n{}"
#define TOLD(fields) GET, JSON_OK fields "\n{}"

static void deprecated(struct transaction *tx, struct detect_policy *policy)
{
	(void)tx;
	policy->deprecated = true;
}

/* 2025-11-24T16:00:00Z is @1764000000 */
static const struct detect_case cases_versioning[] = {
	{"as it should be", AT("/api/v1/items"), ""},
	{"behind a prefix, in capitals", AT("/shop/API/V2.1/items?x=1"), ""},
	{"just the version", AT("/api/v1"), ""},
	{"no version", AT("/items/4711"), "API-01 version-missing low", .shown = "/items/{id}"},
	{"api without version", AT("/api/items"), "API-01 version-missing low"},
	{"elsewhere", AT("/v1/items"), "API-01 version-elsewhere info"},
	{"something that begins with v", AT("/api/vip/items"), "API-01 version-missing low"},
	{"v alone, v and a dot", AT("/api/v/v./x"), "API-01 version-missing low"},
	{"a probe", AT("/healthz"), ""},
	{"a protocol's own path", AT("/.well-known/openid-configuration"), ""},
	{"the root", AT("/"), ""},
	{"not JSON", "GET /items HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<html>", ""},
	{"not there", "GET /items HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 404 X\nContent-Type: application/json\n\n{}", ""},
	{"deprecated, and says so", TOLD("Deprecation: @1764000000\n"), "", .change = deprecated},
	{"deprecated, and does not", TOLD(""), "API-03 deprecation-missing low",
	 .change = deprecated},
	{"deprecated, fields lost", TOLD(""), "", TX_GAP, deprecated},
	{"a sunset without deprecation", TOLD("Sunset: Sun, 31 May 2026 00:00:00 GMT\n"),
	 "API-03 deprecation-missing low"},
	{"a draft's form", TOLD("Deprecation: true\n"), "API-03 deprecation-malformed low"},
	{"a date's form", TOLD("Deprecation: Mon, 24 Nov 2025 16:00:00 GMT\n"),
	 "API-03 deprecation-malformed low"},
	{"a sunset's wrong form", TOLD("Deprecation: @1764000000\nSunset: 2026-05-31T00:00:00Z\n"),
	 "API-02 sunset-malformed low"},
	{"a month that is none",
	 TOLD("Deprecation: @1764000000\nSunset: Sun, 31 Mai 2026 00:00:00 GMT\n"),
	 "API-02 sunset-malformed low"},
	{"six months", /* 181 days: 2026-05-24T16:00:00Z */
	 TOLD("Deprecation: @1764000000\nSunset: Sun, 24 May 2026 16:00:00 GMT\n"), ""},
	{"a second less", TOLD("Deprecation: @1764000000\nSunset: Sun, 24 May 2026 15:59:59 GMT\n"),
	 "API-02 sunset-too-soon medium", .shown = "180 days"},
	{"the wrong way round",
	 TOLD("Deprecation: @1779638400\nSunset: Sun, 05 Apr 2026 00:00:00 GMT\n"),
	 "API-02 sunset-first medium"},
	{"over, and still answered",
	 TOLD("Deprecation: @1700000000\nSunset: Sun, 23 Nov 2025 16:00:00 GMT\n"),
	 "API-02 sunset-passed low", .shown = "1 days"},
	{"over, and gone", GET,
	 "HTTP/1.1 410 X\nDeprecation: @1700000000\nSunset: Sun, 23 Nov 2025 16:00:00 GMT\n\n", ""},
	{"version 10 and 0", AT("/api/v10/x"), ""},
	{"the first of a month, the last second of a day",
	 TOLD("Deprecation: @1764000000\nSunset: Fri, 01 Jan 2027 23:59:60 GMT\n"), ""},
	{"a day that is none",
	 TOLD("Deprecation: @1764000000\nSunset: Fri, 32 Jan 2027 00:00:00 GMT\n"),
	 "API-02 sunset-malformed low"},
	{"day zero", TOLD("Deprecation: @1764000000\nSunset: Fri, 00 Jan 2027 00:00:00 GMT\n"),
	 "API-02 sunset-malformed low"},
	{"a second that is none",
	 TOLD("Deprecation: @1764000000\nSunset: Fri, 01 Jan 2027 23:59:61 GMT\n"),
	 "API-02 sunset-malformed low"},
	{"no comma", TOLD("Deprecation: @1764000000\nSunset: Fri; 01 Jan 2027 00:00:00 GMT\n"),
	 "API-02 sunset-malformed low"},
	{"a deprecation too large to be a time", TOLD("Deprecation: @17640000001764000\n"),
	 "API-03 deprecation-malformed low"},
	{"a number without @", TOLD("Deprecation: 1764000000\n"),
	 "API-03 deprecation-malformed low"},
};
