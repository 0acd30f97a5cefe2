/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_report.c - IR-06: the post-mortem of an incident in Markdown, from what is stored of it.
 * Everything in it is masked text already; what people wrote is quoted so that it stays text.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/keeper/incidents.h"

#define ENTRIES_MAX 10000
#define LISTED      20 /* of each list of the scope */

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

/* Markdown and terminals obey none of it. */
static void put_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_{}[]<>#|~", *text))
			fputc('\\', f);
		fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
	}
}

static void put_row(FILE *f, const char *name, const char *value)
{
	if (!*value)
		return;
	fprintf(f, "| %s | ", name);
	put_text(f, value);
	fputs(" |\n", f);
}

static void put_head(FILE *f, const json_t *incident)
{
	static const char *const rows[][2] = {
		{"priority", "Priority"},
		{"status", "Status"},
		{"resolution", "Resolution"},
		{"service", "Service"},
		{"assignee", "Assignee"},
		{"openedAt", "Opened"},
		{"firstSeen", "First evidence"},
		{"lastSeen", "Last evidence"},
		{"rootCauseAt", "Root cause noted"},
	};

	fprintf(f, "# Incident %s: ", text_of(incident, "id"));
	put_text(f, text_of(incident, "title"));
	fputs("\n\n| | |\n| --- | --- |\n", f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put_row(f, rows[i][1], text_of(incident, rows[i][0]));
	fprintf(f, "| Alerts | %lld, %lld occurrences |\n\n",
		(long long)json_integer_value(json_object_get(incident, "alerts")),
		(long long)json_integer_value(json_object_get(incident, "evidence")));
}

static void put_of_kind(FILE *f, const json_t *timeline, const char *title, const char *kind,
			const char *none)
{
	const json_t *entry;
	size_t i, n = 0;

	fprintf(f, "## %s\n\n", title);
	for (i = 0; (entry = json_array_get(timeline, i)); i++) {
		if (strcmp(text_of(entry, "kind"), kind) != 0)
			continue;
		fprintf(f, "- %s ", text_of(entry, "time"));
		put_text(f, text_of(entry, "text"));
		fprintf(f, " (%s)\n", text_of(entry, "actor"));
		n++;
	}
	fputs(n ? "\n" : none, f);
}

static void put_deadlines(FILE *f, const json_t *list)
{
	const json_t *d;
	size_t i;

	fputs("## Deadlines\n\n| deadline | state | due | met |\n| --- | --- | --- | --- |\n", f);
	for (i = 0; (d = json_array_get(list, i)); i++)
		fprintf(f, "| %s | %s | %s | %s |\n", text_of(d, "name"), text_of(d, "state"),
			text_of(d, "dueAt"), text_of(d, "metAt"));
	fputc('\n', f);
}

static void put_alerts(FILE *f, const json_t *list)
{
	const json_t *a;
	size_t i;

	fputs("## Evidence\n\n| alert | kind | control | severity | source | operation | count | "
	      "first | last |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
	      f);
	for (i = 0; (a = json_array_get(list, i)); i++) {
		fprintf(f, "| %s | %s | %s | %s | %s | ", text_of(a, "alert"), text_of(a, "kind"),
			text_of(a, "control"), text_of(a, "severity"), text_of(a, "source"));
		put_text(f, text_of(a, "operation"));
		fprintf(f, " | %lld | %s | %s |\n",
			(long long)json_integer_value(json_object_get(a, "count")),
			text_of(a, "firstSeen"), text_of(a, "lastSeen"));
	}
	fputc('\n', f);
}

static void put_tasks(FILE *f, const json_t *list)
{
	const json_t *t;
	size_t i, n = 0;

	fputs("## Tasks\n\n", f);
	for (i = 0; (t = json_array_get(list, i)); i++, n++) {
		fprintf(f, "- [%c] ", strcmp(text_of(t, "state"), "open") ? 'x' : ' ');
		put_text(f, text_of(t, "text"));
		fprintf(f, " (%s%s%s%s%s)\n", text_of(t, "state"), *text_of(t, "owner") ? ", " : "",
			text_of(t, "owner"), *text_of(t, "dueAt") ? ", due " : "",
			text_of(t, "dueAt"));
	}
	fputs(n ? "\n" : "None.\n\n", f);
}

static void put_list(FILE *f, const json_t *scope, const char *list, const char *name,
		     const char *title)
{
	const json_t *items = json_object_get(scope, list), *item;
	size_t i, n = json_array_size(items);

	if (!n)
		return;
	fprintf(f, "%s (%zu%s):\n\n", title, n, n > LISTED ? ", the first 20" : "");
	for (i = 0; i < LISTED && (item = json_array_get(items, i)); i++) {
		fputs("- ", f);
		put_text(f, text_of(item, name));
		fprintf(f, ": %lld requests, %lld answered, %s to %s\n",
			(long long)json_integer_value(json_object_get(item, "requests")),
			(long long)json_integer_value(json_object_get(item, "answered")),
			text_of(item, "firstSeen"), text_of(item, "lastSeen"));
	}
	fputc('\n', f);
}

static void put_scope(FILE *f, const json_t *scope)
{
	fputs("## Scope\n\n", f);
	if (!scope) {
		fputs("The stored requests cannot be read.\n\n", f);
		return;
	}
	fprintf(f,
		"%lld requests between %s and %s, %lld answered with success (%lld bytes), %lld "
		"answered by the agent.%s\n\n",
		(long long)json_integer_value(json_object_get(scope, "requests")),
		text_of(scope, "from"), text_of(scope, "to"),
		(long long)json_integer_value(json_object_get(scope, "records")),
		(long long)json_integer_value(json_object_get(scope, "bytes")),
		(long long)json_integer_value(json_object_get(scope, "byAgent")),
		json_is_true(json_object_get(scope, "complete"))
			? ""
			: " There are more than were looked at.");
	put_list(f, scope, "sources", "source", "Sources");
	put_list(f, scope, "principals", "principal", "Principals (keyed hashes)");
	put_list(f, scope, "operations", "operation", "Operations");
	put_list(f, scope, "dataClasses", "class", "Data classes found in answers");
}

static void put_timeline(FILE *f, const json_t *timeline)
{
	const json_t *entry;
	size_t i;

	fputs("## Timeline\n\n| time | what | | who |\n| --- | --- | --- | --- |\n", f);
	for (i = 0; (entry = json_array_get(timeline, i)); i++) {
		fprintf(f, "| %s | %s | ", text_of(entry, "time"), text_of(entry, "kind"));
		put_text(f, text_of(entry, "text"));
		fprintf(f, " | %s |\n", text_of(entry, "actor"));
	}
	fputc('\n', f);
}

/* Takes nothing. NULL without memory. */
static char *make_report(const json_t *incident, const json_t *timeline, const json_t *scope)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	put_head(f, incident);
	put_of_kind(f, timeline, "Root cause", "root-cause", "Not noted.\n\n");
	put_deadlines(f, json_object_get(incident, "deadlines"));
	put_scope(f, scope);
	put_alerts(f, json_object_get(incident, "alertItems"));
	put_of_kind(f, timeline, "Decisions and containment", "action", "None.\n\n");
	put_tasks(f, json_object_get(incident, "tasks"));
	put_timeline(f, timeline);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

int incident_markdown(struct keeper *keeper, const struct incident *incident, char **ret_text)
{
	json_t *o = incident_json(keeper->incidents, incident, clock_wall_ns(), true);
	json_t *timeline = json_array(), *scope = NULL;
	int r;

	incident_scope_json(keeper, incident, &scope); /* without it: the report says so */
	r = incident_timeline_json(keeper, incident->id, 0, ENTRIES_MAX, timeline);
	if (r == 0) {
		*ret_text = make_report(o, timeline, scope);
		r = *ret_text ? 0 : -ENOMEM;
	}
	json_decref(scope);
	json_decref(timeline);
	json_decref(o);
	return r;
}
