/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sight.c - glacisctl transactions, findings: what inspection brought. */
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define PAGE_MAX     100
#define SHOWN        20
#define FINDINGS_MAX 4096
#define FINDINGS     400 /* looked at unless asked otherwise: four pages */

/* ---------------------------------------------------------------------------------------------
 * Events of one kind, as they come
 */
struct following {
	const struct ctl *ctl;
	const char *kind;
	void (*print)(const struct ctl *ctl, const json_t *event);
};

static bool is_of_service(const struct ctl *ctl, const json_t *event)
{
	const char *service = ctl_option(ctl, "service");

	return !service || strcmp(out_member(event, "service"), service) == 0;
}

static int show_followed(const json_t *event, void *userdata)
{
	const struct following *f = userdata;

	if (json_object_get(event, "lost")) {
		fprintf(f->ctl->err, "glacisctl: %s events were lost: this reader was too slow\n",
			out_member(event, "lost"));
		return 0;
	}
	if (strcmp(out_member(event, "kind"), f->kind) != 0 || !is_of_service(f->ctl, event))
		return 0;
	f->print(f->ctl, event);
	return fflush(f->ctl->out) == 0 ? 0 : 1;
}

static int follow(struct ctl *ctl, const char *kind,
		  void (*print)(const struct ctl *ctl, const json_t *event))
{
	struct following following = {ctl, kind, print};
	const struct api_follower follower = {NULL, show_followed, &following};

	return api_follow(ctl, "/v1/events/stream", &follower);
}

static void print_line(const struct ctl *ctl, const json_t *event, enum out_color color)
{
	if (ctl->json) {
		json_dumpf(event, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
		return;
	}
	fprintf(ctl->out, "%s%s%s  %s%s%s\n", out_color(ctl, OUT_DIM),
		out_clean(out_time(out_member(event, "time"))), out_color(ctl, OUT_PLAIN),
		out_color(ctl, color), out_clean(out_member(event, "message")),
		out_color(ctl, OUT_PLAIN));
}

/* ---------------------------------------------------------------------------------------------
 * Transactions
 */
static void print_transaction(const struct ctl *ctl, const json_t *transaction)
{
	json_int_t status = json_integer_value(json_object_get(transaction, "status"));

	print_line(ctl, transaction,
		   status >= 500   ? OUT_RED
		   : status >= 400 ? OUT_YELLOW
				   : OUT_PLAIN);
}

static int run_transactions(struct ctl *ctl)
{
	unsigned limit = SHOWN;
	json_t *answer = NULL, *item;
	char path[64];
	size_t i;
	int r = numbers_option(ctl, "limit", 1, PAGE_MAX, &limit);

	if (r >= 0)
		return r;
	if (ctl_option(ctl, "follow"))
		return follow(ctl, "transaction", print_transaction);
	snprintf(path, sizeof(path), "/v1/transactions?limit=%u", limit);
	r = api_call(ctl, "GET", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	if (json_array_size(json_object_get(answer, "items")) == 0 && !ctl->json)
		fputs("no transactions seen\n", ctl->out);
	for (i = 0; (item = json_array_get(json_object_get(answer, "items"), i)); i++)
		if (is_of_service(ctl, item))
			print_transaction(ctl, item);
	json_decref(answer);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * Findings
 */
static enum out_color color_of(const char *severity)
{
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return OUT_RED;
	return strcmp(severity, "medium") == 0 ? OUT_YELLOW : OUT_PLAIN;
}

static void print_findings(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {">ID",    "CONTROL",   "SEVERITY",
					     "RULE",   "SERVICE",   "SUBJECT",
					     ">COUNT", "LAST SEEN", "EVIDENCE"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++)
		OUT_ROW(table, color_of(out_member(item, "severity")), out_member(item, "id"),
			out_member(item, "control"), out_member(item, "severity"),
			out_member(item, "rule"), out_member(item, "service"),
			out_member(item, "subject"), out_member(item, "count"),
			out_time(out_member(item, "lastSeen")), out_member(item, "evidence"));
	out_table_print(ctl, table, "no findings");
}

static void print_finding_event(const struct ctl *ctl, const json_t *event)
{
	print_line(ctl, event, OUT_YELLOW);
}

static bool is_wanted(const struct ctl *ctl, const json_t *finding)
{
	static const char *const by[] = {"control", "service"};

	for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
		const char *wanted = ctl_option(ctl, by[i]);

		if (wanted && strcmp(out_member(finding, by[i]), wanted) != 0)
			return false;
	}
	return true;
}

/* The agent looks for what it can: names that need no escape. */
static void findings_path(const struct ctl *ctl, char *path, size_t size)
{
	static const char *const by[] = {"control", "service"};
	size_t used = (size_t)snprintf(path, size, "/v1/findings?order=newest");

	for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
		const char *wanted = ctl_option(ctl, by[i]);

		if (wanted && strlen(wanted) < 64 &&
		    wanted[strspn(wanted, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789-._")] == '\0')
			used += (size_t)snprintf(path + used, size - used, "&%s=%s", by[i], wanted);
	}
}

static int run_findings(struct ctl *ctl)
{
	unsigned max = FINDINGS;
	char path[256];
	json_t *findings = NULL, *items, *item;
	int r = numbers_option(ctl, "limit", 1, FINDINGS_MAX, &max);

	if (r >= 0)
		return r;
	if (ctl_option(ctl, "follow"))
		return follow(ctl, "finding", print_finding_event);
	findings_path(ctl, path, sizeof(path));
	r = api_collect(ctl, path, max, &findings);
	if (r != CTL_OK)
		return r;
	items = json_object_get(findings, "items");
	for (size_t i = 0; (item = json_array_get(items, i));)
		if (is_wanted(ctl, item))
			i++;
		else
			json_array_remove(items, i);
	if (!api_print_json(ctl, findings))
		print_findings(ctl, items);
	json_decref(findings);
	return CTL_OK;
}

static int run_finding(struct ctl *ctl)
{
	static const char *const members[][2] = {
		{"control", "control"},    {"rule", "rule"},       {"severity", "severity"},
		{"service", "service"},    {"subject", "subject"}, {"evidence", "evidence"},
		{"requestId", "request"},  {"count", "count"},     {"firstSeen", "first seen"},
		{"lastSeen", "last seen"},
	};
	_cleanup_free_ char *encoded = http_encode(ctl->arguments[0]), *path = NULL;
	json_t *finding = NULL;
	int r;

	if (!encoded || asprintf(&path, "/v1/findings/%s", encoded) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "GET", path, NULL, &finding);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, finding))
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			if (*out_member(finding, members[i][0]))
				out_pair(ctl, members[i][1], out_member(finding, members[i][0]));
	json_decref(finding);
	return CTL_OK;
}

#define FINDINGS_OPTIONS                                                                           \
	{                                                                                          \
		{"follow", NULL, "new ones from now on"},                                          \
			{"control", "ID", "only of this control"},                                 \
			{"service", "NAME", "only of this service"},                               \
			{"limit", "N", "look at so many at most"},                                 \
	}

const struct ctl_command ctl_sight_commands[] = {
	{
		.name = "transactions",
		.arguments = "",
		.summary = "Recent requests with their responses; with --follow as they happen",
		.details = "With -o json one object a line, with OpenTelemetry's attribute names.",
		.example = "glacisctl transactions --follow --service shop",
		.options = {{"follow", NULL, "what happens from now on"},
			    {"service", "NAME", "only of this service"},
			    {"limit", "N", "so many recent ones (default 20)"}},
		.run = run_transactions,
	},
	{
		.name = "findings",
		.arguments = "",
		.summary = "What detectors stated, each with its control",
		.example = "glacisctl findings --control REV-13 -o json",
		.options = FINDINGS_OPTIONS,
		.run = run_findings,
	},
	{
		.name = "findings list",
		.arguments = "",
		.summary = "The same",
		.example = "glacisctl findings list",
		.options = FINDINGS_OPTIONS,
		.run = run_findings,
	},
	{
		.name = "findings show",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "One finding, with its newest evidence and request",
		.example = "glacisctl findings show 12",
		.run = run_finding,
	},
	{.name = NULL},
};
