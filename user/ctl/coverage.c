/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coverage.c - glacisctl coverage: what the agent sees, and what it does not. */
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/out.h"

static enum out_color color_of(const char *state)
{
	if (strcmp(state, "blind") == 0)
		return OUT_RED;
	return strcmp(state, "hooked") == 0 ? OUT_GREEN : OUT_PLAIN;
}

static void print_listeners(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {
		">PORT", "SERVICE", "PROCESS", ">PID",    "TLS",
		"STATE", ">READS",  ">WRITES", "LIBRARY", "VERSION, OR WHY NOT"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		const json_t *probes = json_object_get(item, "probes");

		OUT_ROW(table, color_of(out_member(item, "state")), out_member(item, "port"),
			out_member(item, "service"), out_member(item, "process"),
			out_member(item, "pid"), out_member(item, "kind"),
			out_member(item, "state"), out_member(probes, "reads"),
			out_member(probes, "writes"), out_member(item, "library"),
			*out_member(item, "why") ? out_member(item, "why")
						 : out_member(item, "version"));
	}
	out_table_print(ctl, table, "nobody listens on a port of the policy");
}

static void print_losses(const struct ctl *ctl, const json_t *losses)
{
	static const char *const titles[] = {"NOT SEEN", ">COUNT"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)losses, name, value)
	{
		if (json_integer_value(value))
			OUT_ROW(table, OUT_YELLOW, name, out_member(losses, name));
	}
	out_table_print(ctl, table, "nothing was lost, nothing passed unjudged");
}

static int run_coverage(struct ctl *ctl)
{
	static const char *const titles[] = {"SERVICE", ">TRANSACTIONS"};
	struct out_table *table;
	json_t *answer = NULL, *item;
	size_t i;
	int r = api_call(ctl, "GET", "/v1/coverage", NULL, &answer);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer)) {
		const json_t *tls = json_object_get(answer, "tls");
		const json_t *outgoing = json_object_get(answer, "outgoing");

		print_listeners(ctl, json_object_get(answer, "listeners"));
		fputc('\n', ctl->out);
		table = out_table_new(titles, ARRAY_SIZE(titles));
		for (i = 0; (item = json_array_get(json_object_get(answer, "services"), i)); i++)
			OUT_ROW(table, OUT_PLAIN, out_member(item, "service"),
				out_member(item, "transactions"));
		out_table_print(ctl, table, "no services");
		fprintf(ctl->out, "\nTLS connections seen inside: %s of %s handshakes\n",
			out_member(tls, "connectionsSeenInside"), out_member(tls, "handshakes"));
		if (json_is_true(json_object_get(outgoing, "recorded")))
			fprintf(ctl->out, "calls of this host over TLS: %s transactions\n\n",
				out_member(outgoing, "transactions"));
		else
			fputs("calls of this host: not recorded (spec.outgoing: ignore)\n\n",
			      ctl->out);
		print_losses(ctl, json_object_get(answer, "losses"));
	}
	json_decref(answer);
	return CTL_OK;
}

const struct ctl_command ctl_coverage_commands[] = {
	{
		.name = "coverage",
		.arguments = "",
		.summary = "What is seen of each listener, and what is not, with the reason",
		.details =
			"TLS library, probes and what passed them; transactions; losses by kind.",
		.example = "glacisctl coverage",
		.run = run_coverage,
	},
	{.name = NULL},
};
