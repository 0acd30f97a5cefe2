/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts.c - glacisctl alerts: what crossed a threshold, and what people said of it. */
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define ALERTS_MAX 4096
#define SHOWN      100

static enum out_color color_of(const char *severity)
{
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return OUT_RED;
	return strcmp(severity, "medium") == 0 ? OUT_YELLOW : OUT_PLAIN;
}

/* ---------------------------------------------------------------------------------------------
 * As they come
 */
static int show_followed(const json_t *event, void *userdata)
{
	const struct ctl *ctl = userdata;
	const json_t *alert = json_object_get(event, "alert");

	if (json_object_get(event, "lost")) {
		fprintf(ctl->err, "glacisctl: %s events were lost: this reader was too slow\n",
			out_member(event, "lost"));
		return 0;
	}
	if (strcmp(out_member(event, "kind"), "alert") != 0 || !alert)
		return 0;
	if (ctl->json) {
		json_dumpf(event, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
	} else {
		fprintf(ctl->out, "%s%s%s  ", out_color(ctl, OUT_DIM),
			out_clean(out_time(out_member(event, "time"))), out_color(ctl, OUT_PLAIN));
		fprintf(ctl->out, "%s%s%s %s%s\n",
			out_color(ctl, color_of(out_member(alert, "severity"))),
			json_is_true(json_object_get(event, "new")) ? "alert " : "change of alert ",
			out_clean(out_member(alert, "id")), out_clean(out_member(event, "message")),
			out_color(ctl, OUT_PLAIN));
	}
	return fflush(ctl->out) == 0 ? 0 : 1;
}

/* ---------------------------------------------------------------------------------------------
 * Lists
 */
static void print_alerts(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {">ID",       "SEVERITY", "RULE",   "STATE",
					     "SERVICE",   "ABOUT",    ">COUNT", "PATTERN",
					     "LAST SEEN", "INCIDENT", "CONTROL"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	char about[256];
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		const char *operation = out_member(item, "operation");

		snprintf(about, sizeof(about), "%s%s%s", operation,
			 *operation && *out_member(item, "subject") ? " " : "",
			 out_member(item, "subject"));
		OUT_ROW(table, color_of(out_member(item, "severity")), out_member(item, "id"),
			out_member(item, "severity"), out_member(item, "rule"),
			out_member(item, "state"), out_member(item, "service"), about,
			out_member(item, "count"), out_member(item, "pattern"),
			out_time(out_member(item, "lastSeen")), out_member(item, "incident"),
			out_member(item, "control"));
	}
	out_table_print(ctl, table, "no alerts");
}

static bool is_wanted(const struct ctl *ctl, const json_t *alert)
{
	static const char *const by[] = {"rule", "service", "state"};

	for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
		const char *wanted = ctl_option(ctl, by[i]);

		if (wanted && strcmp(out_member(alert, by[i]), wanted) != 0)
			return false;
	}
	return ctl_option(ctl, "all") || ctl_option(ctl, "state") ||
	       strcmp(out_member(alert, "state"), "closed") != 0;
}

static int run_alerts(struct ctl *ctl)
{
	const struct api_follower follower = {NULL, show_followed, ctl};
	unsigned max = SHOWN;
	json_t *alerts = NULL, *items, *item;
	int r = numbers_option(ctl, "limit", 1, ALERTS_MAX, &max);

	if (r >= 0)
		return r;
	if (ctl_option(ctl, "follow"))
		return api_follow(ctl, "/v1/events/stream", &follower);
	r = api_collect(ctl,
			ctl_option(ctl, "all") || ctl_option(ctl, "state") ? "/v1/alerts"
									   : "/v1/alerts?all=false",
			max, &alerts);
	if (r != CTL_OK)
		return r;
	items = json_object_get(alerts, "items");
	for (size_t i = 0; (item = json_array_get(items, i));)
		if (is_wanted(ctl, item))
			i++;
		else
			json_array_remove(items, i);
	if (!api_print_json(ctl, alerts))
		print_alerts(ctl, items);
	json_decref(alerts);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * One
 */
static void print_pairs(const struct ctl *ctl, const json_t *alert)
{
	static const char *const members[][2] = {
		{"rule", "rule"},
		{"explanation", "what it says"},
		{"countedBy", "counted by"},
		{"control", "control"},
		{"severity", "severity"},
		{"state", "state"},
		{"by", "by"},
		{"pattern", "pattern"},
		{"service", "service"},
		{"operation", "operation"},
		{"subject", "subject"},
		{"source", "source"},
		{"principal", "principal"},
		{"detail", "seen"},
		{"threshold", "threshold"},
		{"windowSeconds", "window (s)"},
		{"count", "count"},
		{"suppressed", "after closing"},
		{"firstSeen", "first seen"},
		{"crossed", "threshold crossed"},
		{"raised", "raised"},
		{"lastSeen", "last seen"},
		{"incident", "incident"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *value = out_member(alert, members[i][0]);

		if (*value && strcmp(value, "0") != 0)
			out_pair(ctl, members[i][1], value);
	}
}

static void print_tops(const struct ctl *ctl, const json_t *tops)
{
	static const char *const titles[] = {"TOP", "NAME", ">COUNT"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const char *name;
	json_t *list, *item;
	size_t i;

	json_object_foreach((json_t *)tops, name, list)
	{
		json_array_foreach(list, i, item)
		{
			OUT_ROW(table, OUT_PLAIN, i ? "" : name, out_member(item, "name"),
				out_member(item, "count"));
		}
	}
	out_table_print(ctl, table, "");
}

static void print_samples(const struct ctl *ctl, const json_t *samples)
{
	static const char *const titles[] = {"TIME", "SOURCE", ">STATUS", "REQUEST", "WHAT"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	json_t *item;
	size_t i;

	json_array_foreach(samples, i, item)
	{
		OUT_ROW(table, OUT_PLAIN, out_time(out_member(item, "time")),
			out_member(item, "source"), out_member(item, "status"),
			out_member(item, "requestId"), out_member(item, "text"));
	}
	out_table_print(ctl, table, "no samples");
}

static int show(struct ctl *ctl, const char *further)
{
	_cleanup_free_ char *encoded = http_encode(ctl->arguments[0]), *path = NULL;
	json_t *alert = NULL;
	int r;

	if (!encoded || asprintf(&path, "/v1/alerts/%s%s", encoded, further) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "GET", path, NULL, &alert);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, alert)) {
		print_pairs(ctl, alert);
		fputc('\n', ctl->out);
		print_tops(ctl, json_object_get(alert, "top"));
		fputc('\n', ctl->out);
		print_samples(ctl, json_object_get(alert, "samples"));
	}
	json_decref(alert);
	return CTL_OK;
}

static int run_show(struct ctl *ctl)
{
	return show(ctl, "");
}

static int run_explain(struct ctl *ctl)
{
	return show(ctl, "/explanation");
}

static int set_state(struct ctl *ctl, const char *state)
{
	int failed = CTL_OK;

	for (unsigned i = 0; i < ctl->n_arguments; i++) {
		_cleanup_free_ char *encoded = http_encode(ctl->arguments[i]), *path = NULL;
		json_t *alert = NULL;
		int r;

		if (!encoded || asprintf(&path, "/v1/alerts/%s/state", encoded) < 0)
			return ctl_fail(ctl, CTL_REFUSED, "out of memory");
		r = api_call(ctl, "PUT", path, json_pack("{s:s}", "state", state), &alert);
		if (r != CTL_OK)
			failed = r;
		else if (!api_print_json(ctl, alert))
			fprintf(ctl->out, "alert %s is %s\n", out_clean(out_member(alert, "id")),
				out_clean(out_member(alert, "state")));
		json_decref(alert);
	}
	return failed;
}

static int run_ack(struct ctl *ctl)
{
	return set_state(ctl, "acknowledged");
}

static int run_close(struct ctl *ctl)
{
	return set_state(ctl, "closed");
}

#define ALERTS_OPTIONS                                                                             \
	{                                                                                          \
		{"follow", NULL, "new ones, and changes, from now on"},                            \
			{"all", NULL, "closed ones, too"},                                         \
			{"rule", "NAME",                                                           \
			 "only of this rule (auth-failures, limit-exceeded, ...)"},                \
			{"service", "NAME", "only of this service"},                               \
			{"state", "STATE", "only in this state: open, acknowledged, closed"},      \
			{"limit", "N", "look at so many at most (default 100)"},                   \
	}

const struct ctl_command ctl_alert_commands[] = {
	{
		.name = "alerts",
		.arguments = "",
		.summary =
			"What crossed a threshold, the newest first; with --follow as it happens",
		.example = "glacisctl alerts --service shop",
		.options = ALERTS_OPTIONS,
		.run = run_alerts,
	},
	{
		.name = "alerts list",
		.arguments = "",
		.summary = "The same",
		.example = "glacisctl alerts list --rule auth-failures -o json",
		.options = ALERTS_OPTIONS,
		.run = run_alerts,
	},
	{
		.name = "alerts show",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary =
			"One alert, with samples and the most frequent operations, sources, agents",
		.example = "glacisctl alerts show 12",
		.run = run_show,
	},
	{
		.name = "alerts explain",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Why it is an alert: the rule, the window, the events",
		.example = "glacisctl alerts explain 12",
		.run = run_explain,
	},
	{
		.name = "alerts ack",
		.arguments = "ID...",
		.min = 1,
		.max = 100,
		.summary = "Somebody looks at it",
		.example = "glacisctl alerts ack 12 13",
		.run = run_ack,
	},
	{
		.name = "alerts close",
		.arguments = "ID...",
		.min = 1,
		.max = 100,
		.summary = "It is dealt with: the same case is quiet for the cool-down",
		.details =
			"After the cool-down (spec.alerts.coolDown) the same case is a new alert.",
		.example = "glacisctl alerts close 12",
		.run = run_close,
	},
	{.name = NULL},
};
