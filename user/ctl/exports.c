/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exports.c - glacisctl exports, metrics: where records go, and the agent in numbers. */
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/out.h"

static enum out_color color_of(const json_t *sink)
{
	if (strcmp(out_member(sink, "breaker"), "open") == 0 ||
	    json_integer_value(json_object_get(sink, "dropped")) > 0)
		return OUT_RED;
	return *out_member(sink, "lastError") ? OUT_YELLOW : OUT_PLAIN;
}

static bool is_ill(const json_t *items)
{
	const json_t *sink;

	for (size_t i = 0; (sink = json_array_get(items, i)); i++)
		if (*out_member(sink, "lastError"))
			return true;
	return false;
}

static void print_sinks(const struct ctl *ctl, const json_t *answer)
{
	static const char *const titles[] = {"SINK",  "TYPE",      ">QUEUED",  ">SPOOL",
					     ">SENT", ">REFUSED",  ">DROPPED", "BREAKER",
					     "TO",    "LAST ERROR"};
	const json_t *items = json_object_get(answer, "items"), *sink, *listen;
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));

	for (size_t i = 0; (sink = json_array_get(items, i)); i++)
		OUT_ROW(table, color_of(sink), out_member(sink, "name"), out_member(sink, "type"),
			out_member(sink, "queued"),
			out_bytes(json_integer_value(json_object_get(sink, "spoolBytes"))),
			out_member(sink, "sent"), out_member(sink, "refused"),
			out_member(sink, "dropped"), out_member(sink, "breaker"),
			out_member(sink, "to"), out_member(sink, "lastError"));
	out_table_print(ctl, table, "nothing is exported: the configuration has no sinks");
	if (json_integer_value(json_object_get(answer, "dropped")) > 0)
		fprintf(ctl->out, "%s records never reached a spool\n",
			out_member(answer, "dropped"));
	listen = json_object_get(answer, "metrics");
	if (json_is_object(listen))
		fprintf(ctl->out, "metrics on http://%s%s%s:%s/metrics\n",
			strchr(out_member(listen, "host"), ':') ? "[" : "",
			out_member(listen, "host"),
			strchr(out_member(listen, "host"), ':') ? "]" : "",
			out_member(listen, "port"));
}

static int run_exports(struct ctl *ctl)
{
	json_t *answer = NULL;
	int r = api_call(ctl, "GET", "/v1/exports", NULL, &answer);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		print_sinks(ctl, answer);
	if (is_ill(json_object_get(answer, "items")))
		r = CTL_REFUSED;
	json_decref(answer);
	return r;
}

const struct ctl_command ctl_export_commands[] = {
	{
		.name = "exports",
		.arguments = "",
		.summary = "Where records are sent, and how that goes",
		.details =
			"Sinks are the section `exports` of glacisd's configuration file; SIGHUP "
			"reads it again.\nREFUSED: the receiver will not have them; DROPPED: the "
			"spool was full.\nExit status 1: a sink has an error.",
		.example = "glacisctl exports",
		.run = run_exports,
	},
	{.name = NULL},
};
