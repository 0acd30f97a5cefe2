/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define PROBLEM(status) "HTTP/1.1 " status " X\nContent-Type: application/problem+json\n\n"

static const struct detect_case cases_problems[] = {
	{"as it should be", GET,
	 PROBLEM("404") "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
			"\"detail\":\"no item 7\",\"instance\":\"/api/v1/items/7\",\"items\":[1]}",
	 ""},
	{"members are optional", GET, PROBLEM("500") "{\"title\":\"Broken\"}", ""},
	{"type and charset in any case", GET,
	 "HTTP/1.1 400 X\nContent-Type: "
	 "Application/Problem+JSON;charset=utf-8\n\n{\"title\":\"x\"}",
	 ""},
	{"the XML form", GET, "HTTP/1.1 400 X\nContent-Type: application/problem+xml\n\n<problem/>",
	 ""},
	{"no body", GET, "HTTP/1.1 401 X\n\n", ""},
	{"not an error", GET, JSON_OK "\n{}", ""},
	{"JSON of one's own", GET,
	 "HTTP/1.1 400 X\nContent-Type: application/json\n\n{\"error\":\"x\"}",
	 "PRE-05 error-not-problem low", .shown = "400 with application/json"},
	{"a page", GET, "HTTP/1.1 502 X\nContent-Type: text/html\n\n<html>",
	 "PRE-05 error-not-problem low"},
	{"a page for somebody's browser",
	 "GET / HTTP/1.1\nHost: a\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\n\n",
	 "HTTP/1.1 404 X\nContent-Type: text/html\n\n<html>", "PRE-05 error-not-problem info"},
	{"no type", GET, "HTTP/1.1 500 X\n\noops", "PRE-05 error-not-problem low",
	 .shown = "no type"},
	{"status as text", GET, PROBLEM("400") "{\"status\":\"400\"}",
	 "PRE-05 problem-member-wrong low", .shown = "\"status\" is not a number"},
	{"title as an object", GET, PROBLEM("400") "{\"title\":{\"en\":\"x\"}}",
	 "PRE-05 problem-member-wrong low", .shown = "\"title\""},
	{"another status", GET, PROBLEM("400") "{\"title\":\"x\",\"status\":500}",
	 "PRE-05 problem-status-differs low", .shown = "is 500, the status line says 400"},
	{"nothing in it", GET, PROBLEM("400") "{\"message\":\"x\"}", "PRE-05 problem-empty low"},
	{"an array", GET, PROBLEM("400") "[{\"title\":\"x\"}]", "PRE-05 problem-not-object low"},
	{"no JSON", GET, PROBLEM("400") "not found", "PRE-05 problem-not-object low"},
	{"ends early", GET, PROBLEM("400") "{\"title\":\"x", "PRE-05 problem-not-object low"},
	{"captured in part", GET, PROBLEM("400") "{\"title\":\"x", "", .change = response_cut},
	{"HEAD", "HEAD / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 404 X\nContent-Type: text/html\n\n", ""},
	{"gRPC", GET, "HTTP/1.1 500 X\nContent-Type: application/grpc\n\nx", "", TX_GRPC},
	{"599", GET, "HTTP/1.1 599 X\n\nx", "PRE-05 error-not-problem low"},
	{"600 is nobody's", GET, "HTTP/1.1 600 X\n\nx", ""},
	{"two values", GET, PROBLEM("400") "{\"title\":\"x\"} {}", "PRE-05 problem-not-object low"},
	{"broken behind its members", GET, PROBLEM("400") "{\"title\":\"x\",,}",
	 "PRE-05 problem-not-object low"},
};
