/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incidents.c - glacisctl incident: the table of its commands, and those that read. */
#include "user/ctl/incident.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/http.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define LIST_MAX     10000
#define TIMELINE_MAX 10000

char *incident_path(struct ctl *ctl, const char *rest, int *ret_exit)
{
	const char *id = ctl->arguments[0];
	char *path;

	if (!*id || strspn(id, "0123456789") != strlen(id)) {
		*ret_exit = ctl_usage(ctl, "%s is not the number of an incident", id);
		return NULL;
	}
	if (asprintf(&path, "/v1/incidents/%s%s", id, rest) >= 0)
		return path;
	*ret_exit = ctl_fail(ctl, CTL_REFUSED, "out of memory");
	return NULL;
}

static enum out_color color_of(const json_t *incident)
{
	const char *priority = out_member(incident, "priority");

	if (strcmp(out_member(incident, "status"), "closed") == 0)
		return OUT_DIM;
	return strcmp(priority, "P1") == 0 || strcmp(priority, "P2") == 0 ? OUT_RED
	       : strcmp(priority, "P3") == 0                              ? OUT_YELLOW
									  : OUT_PLAIN;
}

/* The deadline that comes next, or was missed: "containment 14:30". */
static const char *next_due(const json_t *incident, char *out, size_t size)
{
	const json_t *deadlines = json_object_get(incident, "deadlines"), *d;
	size_t i;

	*out = '\0';
	for (i = 0; (d = json_array_get(deadlines, i)); i++) {
		const char *state = out_member(d, "state");

		if (strcmp(state, "running") && strcmp(state, "soon") && strcmp(state, "overdue"))
			continue;
		snprintf(out, size, "%s%s %s", out_member(d, "name"),
			 strcmp(state, "overdue") ? "" : " OVERDUE",
			 out_time(out_member(d, "dueAt")));
		break;
	}
	return out;
}

static void print_list(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {">ID",     "PRIO",      "STATUS", "ASSIGNEE",
					     ">ALERTS", "LAST SEEN", "NEXT",   "TITLE"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		const char *last = out_member(item, "lastSeen");
		char due[96];

		OUT_ROW(table, color_of(item), out_member(item, "id"), out_member(item, "priority"),
			out_member(item, "status"), out_member(item, "assignee"),
			out_member(item, "alerts"), *last ? out_time(last) : "",
			next_due(item, due, sizeof(due)), out_member(item, "title"));
	}
	out_table_print(ctl, table, "no incidents");
}

static int run_list(struct ctl *ctl)
{
	static const char *const filters[] = {"status", "priority", "service"};
	_cleanup_free_ char *path = NULL;
	unsigned max = 100;
	json_t *incidents = NULL;
	int r = numbers_option(ctl, "limit", 1, LIST_MAX, &max);

	if (r >= 0)
		return r;
	path = strdup(ctl_option(ctl, "all") ? "/v1/incidents?all=true"
					     : "/v1/incidents?all=false");
	for (size_t i = 0; i < ARRAY_SIZE(filters) && path; i++) {
		const char *value = ctl_option(ctl, filters[i]);
		_cleanup_free_ char *encoded = value ? http_encode(value) : NULL, *before = path;

		path = NULL;
		if (asprintf(&path, "%s%s%s%s%s", before, value ? "&" : "", value ? filters[i] : "",
			     value ? "=" : "", encoded ? encoded : "") < 0)
			path = NULL;
	}
	if (!path)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_collect(ctl, path, max, &incidents);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, incidents))
		print_list(ctl, json_object_get(incidents, "items"));
	json_decref(incidents);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * One
 */
static void print_deadlines(const struct ctl *ctl, const json_t *list)
{
	static const char *const titles[] = {"DEADLINE", "STATE", "DUE", "MET"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *d;
	size_t i;

	for (i = 0; (d = json_array_get(list, i)); i++) {
		const char *state = out_member(d, "state"), *met = out_member(d, "metAt");
		bool bad = strcmp(state, "overdue") == 0 || strcmp(state, "missed") == 0;

		OUT_ROW(table, bad ? OUT_RED : OUT_PLAIN, out_member(d, "name"), state,
			out_time(out_member(d, "dueAt")), *met ? out_time(met) : "");
	}
	out_table_print(ctl, table, "no deadlines");
}

static void print_tasks(const struct ctl *ctl, const json_t *list)
{
	static const char *const titles[] = {">TASK", "STATE", "OWNER", "DUE", "WHAT"};
	struct out_table *table;
	const json_t *t;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	table = out_table_new(titles, ARRAY_SIZE(titles));
	for (i = 0; (t = json_array_get(list, i)); i++) {
		const char *due = out_member(t, "dueAt");

		OUT_ROW(table, OUT_PLAIN, out_member(t, "number"), out_member(t, "state"),
			out_member(t, "owner"), *due ? out_time(due) : "", out_member(t, "text"));
	}
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "");
}

static void print_alerts(const struct ctl *ctl, const json_t *list)
{
	static const char *const titles[] = {">ALERT", "KIND",      "CONTROL", "SEVERITY",
					     "SOURCE", "OPERATION", ">COUNT",  "LAST SEEN"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *a;
	size_t i;

	for (i = 0; (a = json_array_get(list, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(a, "alert"), out_member(a, "kind"),
			out_member(a, "control"), out_member(a, "severity"),
			out_member(a, "source"), out_member(a, "operation"), out_member(a, "count"),
			out_time(out_member(a, "lastSeen")));
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "no alerts");
}

static void print_timeline(const struct ctl *ctl, const json_t *items)
{
	const json_t *e;
	size_t i;

	fputc('\n', ctl->out);
	for (i = 0; (e = json_array_get(items, i)); i++)
		fprintf(ctl->out, "%s%s%s  %-10s %s  %s(%s)%s\n", out_color(ctl, OUT_DIM),
			out_clean(out_time(out_member(e, "time"))), out_color(ctl, OUT_PLAIN),
			out_member(e, "kind"), out_clean(out_member(e, "text")),
			out_color(ctl, OUT_DIM), out_clean(out_member(e, "actor")),
			out_color(ctl, OUT_PLAIN));
}

void incident_print(const struct ctl *ctl, const json_t *incident)
{
	static const char *const members[][2] = {
		{"title", "title"},       {"status", "status"},        {"service", "service"},
		{"assignee", "assignee"}, {"origin", "origin"},        {"openedAt", "opened"},
		{"firstSeen", "first"},   {"lastSeen", "last seen"},   {"evidence", "evidence"},
		{"mergedInto", "merged"}, {"splitFrom", "split from"}, {"follows", "follows"},
	};
	const char *resolution = out_member(incident, "resolution");

	fprintf(ctl->out, "%s%s incident %s%s\n", out_color(ctl, color_of(incident)),
		out_member(incident, "priority"), out_member(incident, "id"),
		out_color(ctl, OUT_PLAIN));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *value = out_member(incident, members[i][0]);

		out_pair(ctl, members[i][1], out_clean(out_time(value)));
	}
	if (strcmp(resolution, "none") != 0)
		out_pair(ctl, "resolution", resolution);
}

static int run_show(struct ctl *ctl)
{
	_cleanup_free_ char *path = NULL, *timeline_path = NULL;
	json_t *incident = NULL, *timeline = NULL;
	int r = CTL_OK;

	path = incident_path(ctl, "", &r);
	timeline_path = path ? incident_path(ctl, "/timeline", &r) : NULL;
	if (!path || !timeline_path)
		return r;
	r = api_call(ctl, "GET", path, NULL, &incident);
	if (r == CTL_OK)
		r = api_collect(ctl, timeline_path, TIMELINE_MAX, &timeline);
	if (r != CTL_OK) {
		json_decref(incident);
		return r;
	}
	json_object_set(incident, "timeline", json_object_get(timeline, "items"));
	if (!api_print_json(ctl, incident)) {
		incident_print(ctl, incident);
		fputc('\n', ctl->out);
		print_deadlines(ctl, json_object_get(incident, "deadlines"));
		print_tasks(ctl, json_object_get(incident, "tasks"));
		print_alerts(ctl, json_object_get(incident, "alertItems"));
		print_timeline(ctl, json_object_get(timeline, "items"));
	}
	json_decref(timeline);
	json_decref(incident);
	return CTL_OK;
}

#define DRY_RUN                                                                                    \
	{                                                                                          \
		"dry-run", NULL, "only check whether it would be accepted"                         \
	}
#define REASON                                                                                     \
	{                                                                                          \
		"reason", "TEXT", "kept in the timeline"                                           \
	}

const struct ctl_command ctl_incident_commands[] = {
	{
		.name = "incident list",
		.arguments = "",
		.summary = "Incidents that are not closed, newest first",
		.example = "glacisctl incident list --priority P1",
		.options = {{"all", NULL, "closed ones, too"},
			    {"status", "STATUS", "open, contained, ... closed"},
			    {"priority", "P", "P1 to P4"},
			    {"service", "NAME", "of this service"},
			    {"limit", "N", "at most so many (default 100)"}},
		.run = run_list,
	},
	{
		.name = "incident show",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "One incident: deadlines, tasks, alerts, timeline",
		.example = "glacisctl incident show 12",
		.run = run_show,
	},
	{
		.name = "incident open",
		.arguments = "TITLE",
		.min = 1,
		.max = 1,
		.summary = "Open an incident by hand",
		.example = "glacisctl incident open 'key found on a web page' --priority P2",
		.options = {{"priority", "P", "P1 to P4 (default P3)"},
			    {"service", "NAME", "which service it is about"},
			    DRY_RUN},
		.run = incident_open,
	},
	{
		.name = "incident assign",
		.arguments = "ID [NAME]",
		.min = 1,
		.max = 2,
		.summary = "Say who has it; without NAME nobody",
		.example = "glacisctl incident assign 12 ann",
		.options = {DRY_RUN},
		.run = incident_assign,
	},
	{
		.name = "incident priority",
		.arguments = "ID P1|P2|P3|P4",
		.min = 2,
		.max = 2,
		.summary = "Set the priority; alerts do not change it any more",
		.example = "glacisctl incident priority 12 P1",
		.options = {DRY_RUN},
		.run = incident_priority,
	},
	{
		.name = "incident note",
		.arguments = "ID TEXT",
		.min = 2,
		.max = 2,
		.summary = "Add to the timeline",
		.details = "Notes are kept as they are: no credentials, no personal data.",
		.example = "glacisctl incident note 12 --root-cause 'a key in a public repository'",
		.options = {{"root-cause", NULL, "it is the root cause"}, DRY_RUN},
		.run = incident_note,
	},
	{
		.name = "incident task",
		.arguments = "ID [TEXT]",
		.min = 1,
		.max = 2,
		.summary = "Add a task, or end one with --done or --drop",
		.details = "An incident does not close while it has open tasks.",
		.example = "glacisctl incident task 12 'tell the customers' --owner ann --due 4h",
		.options = {{"owner", "NAME", "who does it"},
			    {"due", "WHEN", "4h, 2d, or 2026-01-31T14:00:00Z"},
			    {"done", "N", "task N is done"},
			    {"drop", "N", "task N is not to be done; needs --reason"},
			    REASON,
			    DRY_RUN},
		.run = incident_task,
	},
	{
		.name = "incident phase",
		.arguments = "ID contained|eradicated|recovered|post-incident",
		.min = 2,
		.max = 2,
		.summary = "Say how far it is; phases only go forward",
		.example = "glacisctl incident phase 12 contained --reason 'key revoked'",
		.options = {REASON, DRY_RUN},
		.run = incident_phase,
	},
	{
		.name = "incident merge",
		.arguments = "ID OTHER",
		.min = 2,
		.max = 2,
		.summary = "Make OTHER a part of ID and close it",
		.example = "glacisctl incident merge 12 13",
		.options = {DRY_RUN},
		.run = incident_merge,
	},
	{
		.name = "incident split",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Make some of its alerts an incident of their own",
		.example = "glacisctl incident split 12 --alert 40 --alert 41",
		.options = {{"alert", "N", "this alert; may be there several times"}, DRY_RUN},
		.run = incident_split,
	},
	{
		.name = "incident close",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Close it, and the alerts it has",
		.example = "glacisctl incident close 12 --resolution fixed --reason 'ticket 4711'",
		.options = {{"resolution", "WORD", "fixed, false-positive, duplicate, accepted"},
			    REASON,
			    DRY_RUN},
		.run = incident_close,
	},
	{
		.name = "incident reopen",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "It goes on: open again, with a new clock",
		.example = "glacisctl incident reopen 12 --reason 'seen again'",
		.options = {REASON, DRY_RUN},
		.run = incident_reopen,
	},
	{
		.name = "incident undo",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Take back what playbooks did for it",
		.example = "glacisctl incident undo 12",
		.options = {{"action", "N", "only this one (glacisctl approvals list --all)"},
			    DRY_RUN},
		.run = incident_undo,
	},
	{
		.name = "incident scope",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "What it touched: sources, principals, operations, data, records",
		.details =
			"Counted from stored requests, from a minute before the first evidence to\n"
			"a minute after the last. Records are requests answered with success.",
		.example = "glacisctl incident scope 12",
		.run = incident_scope,
	},
	{
		.name = "incident report",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Write the post-mortem as Markdown",
		.example = "glacisctl incident report 12 >incident-12.md",
		.run = incident_report,
	},
	{
		.name = "incident export",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Write everything about it into a new directory, with SHA256SUMS",
		.example = "glacisctl incident export 12 --to /srv/evidence/12",
		.options = {{"to", "DIRECTORY", "is made (default incident-ID)"}},
		.run = incident_export,
	},
	{
		.name = "incident verify",
		.arguments = "DIRECTORY",
		.min = 1,
		.max = 1,
		.summary = "Is an export as it was written? Exit 1 if not; needs no agent",
		.details = "The same as: cd DIRECTORY && sha256sum -c SHA256SUMS",
		.example = "glacisctl incident verify /srv/evidence/12",
		.run = incident_verify,
	},
	{.name = NULL},
};
