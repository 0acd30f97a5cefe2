/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limits.c - glacisctl limits show, sources top, counters: what is being counted. */
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define PAGE_MAX 100

static const char *limit_text(const json_t *item, char *text, size_t size)
{
	json_int_t window = json_integer_value(json_object_get(item, "window"));
	char duration[DURATION_TEXT];

	snprintf(text, size, "%s/%s", out_member(item, "limit"),
		 duration_format(window > 0 ? (uint64_t)window : 0, duration));
	return text;
}

static void print_limits(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {"SOURCE", "SERVICE",    "CLASS", ">COUNT",
					     ">LIMIT", ">REMAINING", ">RESET"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	char limit[64], reset[64];
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		bool full = json_integer_value(json_object_get(item, "remaining")) <= 0;

		snprintf(reset, sizeof(reset), "%s s", out_member(item, "resetSeconds"));
		OUT_ROW(table, full ? OUT_RED : OUT_PLAIN, out_member(item, "source"),
			out_member(item, "service"), out_member(item, "class"),
			out_member(item, "count"), limit_text(item, limit, sizeof(limit)),
			out_member(item, "remaining"), reset);
	}
	out_table_print(ctl, table, "no live windows");
}

static int run_limits(struct ctl *ctl)
{
	const char *source = ctl_option(ctl, "source");
	_cleanup_free_ char *encoded = NULL, *path = NULL;
	struct addr_prefix prefix;
	json_t *limits = NULL;
	unsigned max = PAGE_MAX;
	int r = numbers_option(ctl, "limit", 1, PAGE_MAX, &max);

	if (r >= 0)
		return r;
	if (source && prefix_parse(source, &prefix) < 0)
		return ctl_usage(ctl, "--source %s is not an address", source);
	if (source)
		encoded = http_encode(source);
	if (asprintf(&path, "/v1/limits?limit=%u%s%s", max, encoded ? "&source=" : "",
		     encoded ? encoded : "") < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "GET", path, NULL, &limits);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, limits))
		print_limits(ctl, json_object_get(limits, "items"));
	json_decref(limits);
	return CTL_OK;
}

static void print_sources(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {"SOURCE", ">REQUESTS", ">LIMITED", ">REFUSED",
					     "LAST SEEN"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(item, "source"), out_member(item, "requests"),
			out_member(item, "limited"), out_member(item, "refused"),
			out_time(out_member(item, "lastSeen")));
	out_table_print(ctl, table, "no sources seen");
}

static int run_sources(struct ctl *ctl)
{
	char path[64];
	json_t *sources = NULL;
	unsigned max = 20;
	int r = numbers_option(ctl, "limit", 1, PAGE_MAX, &max);

	if (r >= 0)
		return r;
	snprintf(path, sizeof(path), "/v1/sources?limit=%u", max);
	r = api_call(ctl, "GET", path, NULL, &sources);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, sources))
		print_sources(ctl, json_object_get(sources, "items"));
	json_decref(sources);
	return CTL_OK;
}

/* Losses stand out (I5); zeros are noise unless asked for. */
static void print_counters(const struct ctl *ctl, const json_t *answer, bool all)
{
	static const char *const titles[] = {"COUNTER", ">TOTAL", ">PER SECOND"};
	const json_t *rates = json_object_get(answer, "perSecond"), *value;
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const char *name;

	json_object_foreach(json_object_get(answer, "counters"), name, value)
	{
		if (json_integer_value(value) == 0 && !all)
			continue;
		OUT_ROW(table,
			strncmp(name, "lost-", 5) == 0 && json_integer_value(value) > 0 ? OUT_RED
											: OUT_PLAIN,
			name, out_member(json_object_get(answer, "counters"), name),
			out_member(rates, name));
	}
	out_table_print(ctl, table, "every counter is zero");
}

static int run_counters(struct ctl *ctl)
{
	json_t *answer = NULL;
	int r = api_call(ctl, "GET", "/v1/counters", NULL, &answer);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		print_counters(ctl, answer, ctl_option(ctl, "all"));
	json_decref(answer);
	return CTL_OK;
}

const struct ctl_command ctl_limit_commands[] = {
	{
		.name = "limits show",
		.arguments = "",
		.summary = "Live windows: who used how much of which limit",
		.example = "glacisctl limits show --source 192.0.2.7",
		.options = {{"source", "ADDRESS", "only of this source"},
			    {"limit", "N", "at most so many (default 100)"}},
		.run = run_limits,
	},
	{
		.name = "sources top",
		.arguments = "",
		.summary = "Sources with the most requests",
		.example = "glacisctl sources top --limit 5",
		.options = {{"limit", "N", "at most so many (default 20)"}},
		.run = run_sources,
	},
	{
		.name = "counters",
		.arguments = "",
		.summary = "Every counter, losses included",
		.example = "glacisctl counters --all",
		.options = {{"all", NULL, "also those that are zero"}},
		.run = run_counters,
	},
	{.name = NULL},
};
