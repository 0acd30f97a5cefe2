/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

/* Bodies of n items, made once: a list of a hundred does not belong into a source. */
static const char *items_text(const char *before, unsigned n, const char *after)
{
	static char buffers[24][16384];
	static unsigned used;
	char *text = buffers[used++ % 24];
	int at = snprintf(text, 16384, "%s[", before);

	for (unsigned i = 0; i < n; i++)
		at += snprintf(text + at, 16384 - (size_t)at, "%s{\"id\":%u}", i ? "," : "", i);
	snprintf(text + at, 16384 - (size_t)at, "]%s", after);
	return text;
}

#define BODY(name, before, n, after)                                                               \
	static void name(struct transaction *tx, struct detect_policy *policy)                     \
	{                                                                                          \
		(void)policy;                                                                      \
		tx_build_body(&tx->response_body, items_text(before, n, after));                   \
	}

BODY(of_20, "", 20, "")
BODY(of_21, "", 21, "")
BODY(of_100, "", 100, "")
BODY(of_101, "", 101, "")
BODY(data_of_101, "{\"total\":5000,\"data\":", 101, "}")
BODY(nested_of_101, "{\"data\":{\"total\":5000,\"orders\":", 101, "}}")
BODY(odd_name_of_101, "{\"orders\":", 101, ",\"next\":null}")
BODY(lines_of_101, "{\"data\":[{\"lines\":", 101, "}]}")
BODY(deep_of_101, "{\"a\":{\"b\":{\"c\":", 101, "}}}")

static void cut_at_101(struct transaction *tx, struct detect_policy *policy)
{
	of_101(tx, policy);
	response_cut(tx, policy);
}

static void cut_at_20(struct transaction *tx, struct detect_policy *policy)
{
	of_20(tx, policy);
	tx->response_body.n--; /* the bracket */
	response_cut(tx, policy);
}

static void up_to_500(struct transaction *tx, struct detect_policy *policy)
{
	of_101(tx, policy);
	policy->max_page = 500;
	policy->default_page = 200;
}

static void numbers_of_101(struct transaction *tx, struct detect_policy *policy)
{
	static char text[1024] = "{\"vector\":[0";

	(void)policy;
	if (strlen(text) < 20) {
		for (int i = 0; i < 100; i++)
			strncat(text, ",0.5", sizeof(text) - strlen(text) - 1);
		strncat(text, "]}", sizeof(text) - strlen(text) - 1);
	}
	tx_build_body(&tx->response_body, text);
}

#define LIST(query) "GET /api/v1/items" query " HTTP/1.1\nHost: a\n\n", JSON_OK "\n[]"

static const struct detect_case cases_pagination[] = {
	{"nothing", LIST(""), ""},
	{"twenty by default", LIST(""), "", .change = of_20},
	{"twenty-one by default", LIST(""), "API-11 default-page low", .change = of_21,
	 .shown = "21 items"},
	{"a hundred asked for", LIST("?limit=100"), "", .change = of_100},
	{"a hundred by default", LIST("?offset=0"), "API-11 default-page low", .change = of_100},
	{"a thousand asked for, a hundred given", LIST("?limit=1000"), "", .change = of_100},
	{"a thousand asked for, one too many given", LIST("?limit=1000"),
	 "REV-09 page-over-maximum medium", .change = of_101,
	 .shown = "101 items for limit=1000, at most 100"},
	{"all asked for and given", LIST("?per_page=-1"), "REV-09 page-over-maximum medium",
	 .change = of_101, .shown = "per_page=-1"},
	{"one too many by default", LIST(""), "REV-09 page-over-maximum medium", .change = of_101},
	{"in a member", LIST(""), "REV-09 page-over-maximum medium", .change = data_of_101,
	 .shown = "in a member"},
	{"in a member of a member", LIST("?page%5Bsize%5D=500"), "REV-09 page-over-maximum medium",
	 .change = nested_of_101},
	{"in a member of any name", LIST(""), "REV-09 page-over-maximum medium",
	 .change = odd_name_of_101},
	{"an item's own list is no page", LIST(""), "", .change = lines_of_101},
	{"too deep to be a page", LIST(""), "", .change = deep_of_101},
	{"numbers of a vector are no items", LIST(""), "", .change = numbers_of_101},
	{"captured to the hundred-and-first", LIST(""), "REV-09 page-over-maximum medium",
	 .change = cut_at_101},
	{"a thousand asked for, twenty seen", LIST("?limit=1000"), "REV-09 limit-accepted low",
	 .change = cut_at_20},
	{"a hundred asked for, twenty seen", LIST("?limit=100"), "", .change = cut_at_20},
	{"what may be a size, twenty seen", LIST("?size=1000"), "", .change = cut_at_20},
	{"what may be a size, too many given", LIST("?size=1000"),
	 "REV-09 page-over-maximum medium", .change = of_101, .shown = "size=1000"},
	{"a number that does not fit", LIST("?limit=99999999999999999999999"),
	 "REV-09 limit-accepted low", .change = cut_at_20},
	{"no number", LIST("?limit=many"), "", .change = of_20},
	{"HEAD tells no number of items", "HEAD /api/v1/items?limit=1000 HTTP/1.1\nHost: a\n\n",
	 JSON_OK "\n", ""},
	{"granted by the policy", LIST("?limit=500"), "", .change = up_to_500},
	{"refused", "GET /x?limit=1000 HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 400 X\nContent-Type: application/json\n\n[]", ""},
	{"an image of that size", "GET /x?limit=1000 HTTP/1.1\nHost: a\n\n",
	 "HTTP/1.1 200 OK\nContent-Type: image/png\n\n\x89PNG", ""},
	{"not a GET", "POST /x?limit=1000 HTTP/1.1\nHost: a\n\n", JSON_OK "\n[]", "",
	 .change = of_101},
	{"all asked for by 0, twenty seen", LIST("?limit=0"), "REV-09 limit-accepted low",
	 .change = cut_at_20, .shown = "limit=0 was"},
	{"a size of something else behind the limit", LIST("?limit=1000&size=5"),
	 "REV-09 limit-accepted low", .change = cut_at_20, .shown = "limit=1000"},
	{"a size of something else before it", LIST("?size=5&limit=1000"),
	 "REV-09 limit-accepted low", .change = cut_at_20, .shown = "limit=1000"},
};
