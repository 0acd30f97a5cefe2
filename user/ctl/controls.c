/* SPDX-License-Identifier: GPL-2.0-or-later */
/* controls.c - glacisctl controls: the standard, row by row, as it holds on this host now. */
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/out.h"

static enum out_color color_of(const char *state)
{
	if (strcmp(state, "fail") == 0 || strcmp(state, "attestation expired") == 0)
		return OUT_RED;
	if (strcmp(state, "pass") == 0)
		return OUT_GREEN;
	return strcmp(state, "not inspected") == 0 ? OUT_YELLOW : OUT_DIM;
}

static bool is_shown(const struct ctl *ctl, const json_t *row)
{
	const char *wanted = ctl_option(ctl, "state");

	return !wanted || strcmp(out_member(row, "state"), wanted) == 0;
}

static void print_table(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {"ID",       "STATE", ">INSPECTED", ">VIOLATED",
					     ">FINDING", "TREND", "LAST SEEN",  "CONTROL"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *row;
	size_t i;

	for (i = 0; (row = json_array_get(items, i)); i++) {
		_cleanup_free_ char *title = NULL;
		const char *why = out_member(row, "why");

		if (!is_shown(ctl, row))
			continue;
		if (asprintf(&title, "%s%s%s%s", out_member(row, "title"), *why ? " (" : "", why,
			     *why ? ")" : "") < 0)
			title = NULL;
		OUT_ROW(table, color_of(out_member(row, "state")), out_member(row, "id"),
			out_member(row, "state"), out_member(row, "inspected"),
			out_member(row, "violated"), out_member(row, "lastFinding"),
			out_member(row, "trend"), out_time(out_member(row, "lastSeen")),
			title ?: "");
	}
	out_table_print(ctl, table, "no such rows");
}

static void print_markdown(const struct ctl *ctl, const json_t *items)
{
	const json_t *row;
	size_t i;

	fputs("| id | control | state | inspected | violated | trend | last seen | note |\n"
	      "|---|---|---|---:|---:|---|---|---|\n",
	      ctl->out);
	for (i = 0; (row = json_array_get(items, i)); i++)
		if (is_shown(ctl, row))
			fprintf(ctl->out, "| %s | %s | %s | %s | %s | %s | %s | %s |\n",
				out_clean(out_member(row, "id")),
				out_clean(out_member(row, "title")),
				out_clean(out_member(row, "state")), out_member(row, "inspected"),
				out_member(row, "violated"), out_member(row, "trend"),
				out_member(row, "lastSeen"), out_clean(out_member(row, "why")));
}

static void put_escaped(const struct ctl *ctl, const char *text)
{
	for (text = out_clean(text); *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", ctl->out);
			break;
		case '&':
			fputs("&amp;", ctl->out);
			break;
		default:
			fputc(*text, ctl->out);
		}
}

static void print_html(const struct ctl *ctl, const json_t *items)
{
	static const char *const members[] = {"id",       "title", "state",    "inspected",
					      "violated", "trend", "lastSeen", "why"};
	const json_t *row;
	size_t i;

	fputs("<!doctype html><meta charset=utf-8><title>glacis controls</title>\n"
	      "<table><tr><th>id<th>control<th>state<th>inspected<th>violated<th>trend<th>last "
	      "seen<th>note\n",
	      ctl->out);
	for (i = 0; (row = json_array_get(items, i)); i++) {
		if (!is_shown(ctl, row))
			continue;
		fputs("<tr>", ctl->out);
		for (size_t m = 0; m < ARRAY_SIZE(members); m++) {
			fputs("<td>", ctl->out);
			put_escaped(ctl, out_member(row, members[m]));
		}
		fputc('\n', ctl->out);
	}
	fputs("</table>\n", ctl->out);
}

static int run_controls(struct ctl *ctl)
{
	const char *service = ctl_option(ctl, "service");
	const char *format = ctl->format ? ctl->format : ctl_option(ctl, "format");
	_cleanup_free_ char *encoded = service ? http_encode(service) : NULL, *path = NULL;
	json_t *answer = NULL, *items;
	int r;

	if (format && strcmp(format, "table") != 0 && strcmp(format, "markdown") != 0 &&
	    strcmp(format, "html") != 0)
		return ctl_usage(ctl, "--format %s: markdown or html", format);
	if (asprintf(&path, "/v1/controls%s%s", encoded ? "?service=" : "", encoded ?: "") < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "GET", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	items = json_object_get(answer, "items");
	if (api_print_json(ctl, answer))
		;
	else if (!format || strcmp(format, "table") == 0)
		print_table(ctl, items);
	else if (strcmp(format, "html") == 0)
		print_html(ctl, items);
	else
		print_markdown(ctl, items);
	json_decref(answer);
	return CTL_OK;
}

const struct ctl_command ctl_control_commands[] = {
	{
		.name = "controls",
		.arguments = "",
		.summary = "The API-security standard, row by row, as it holds on this host",
		.details = "A row passes only with something inspected behind it and nothing that\n"
			   "violated it. What no detector looks at yet says `not built`.",
		.example = "glacisctl controls --service shop --state fail",
		.options = {{"service", "NAME", "only of this service"},
			    {"state", "STATE", "only rows in this state (\"pass\", \"fail\", ...)"},
			    {"format", "markdown|html",
			     "for documents; as -o table, markdown, html"}},
		.formats = true,
		.run = run_controls,
	},
	{.name = NULL},
};
