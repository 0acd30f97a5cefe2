/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alert_text.c - an alert as an object of the API, as one line, and as what is stored of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/keeper/alerting.h"

static const char *const tops[ALERT_TOP_MAX] = {
	[ALERT_TOP_OPERATIONS] = "operations",
	[ALERT_TOP_SOURCES] = "sources",
	[ALERT_TOP_AGENTS] = "agents",
};

/* ---------------------------------------------------------------------------------------------
 * For people and programs
 */
static void set_text(json_t *o, const char *name, const char *text)
{
	json_object_set_new(o, name, json_string(text));
}

static void set_time(json_t *o, const char *name, int64_t wall_ns)
{
	char text[CLOCK_TEXT];

	if (wall_ns)
		set_text(o, name, clock_format(wall_ns, text));
}

static void set_number(json_t *o, const char *name, uint64_t value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

static void set_principal(json_t *o, uint64_t principal)
{
	char text[24];

	if (!principal)
		return;
	snprintf(text, sizeof(text), "%016" PRIx64, principal);
	set_text(o, "principal", text);
}

static json_t *sample_json(const struct alert_sample *s)
{
	json_t *o = json_object();
	char source[ADDR_TEXT];

	set_time(o, "time", s->wall_ns);
	set_text(o, "source", addr_format(&s->source, source));
	set_principal(o, s->principal);
	if (s->status)
		set_number(o, "status", s->status);
	if (s->request_id[0])
		set_text(o, "requestId", s->request_id);
	if (s->text[0])
		set_text(o, "text", s->text);
	return o;
}

static json_t *top_json(const struct alert_top list[ALERT_TOPS])
{
	json_t *items = json_array();
	bool used[ALERT_TOPS] = {};

	/* few: the largest first */
	for (size_t n = 0; n < ALERT_TOPS; n++) {
		const struct alert_top *best = NULL;

		for (size_t i = 0; i < ALERT_TOPS; i++)
			if (!used[i] && list[i].text[0] && (!best || list[i].count > best->count))
				best = &list[i];
		if (!best)
			break;
		used[best - list] = true;
		json_array_append_new(items, json_pack("{s:s, s:I, s:I}", "name", best->text,
						       "count", (json_int_t)best->count, "error",
						       (json_int_t)best->error));
	}
	return items;
}

json_t *alert_json(const struct alert *a, bool whole)
{
	char id[24], source[ALERT_TOP_TEXT];
	json_t *o = json_object(), *list;

	snprintf(id, sizeof(id), "%" PRIu64, a->id);
	set_text(o, "id", id);
	set_text(o, "rule", alert_kind_name(a->kind));
	set_text(o, "control", a->control);
	set_text(o, "severity", alert_severity_name(a->severity));
	set_text(o, "state", alert_state_name(a->state));
	if (a->pattern)
		set_text(o, "pattern", alert_pattern_name(a->pattern));
	set_text(o, "service", a->service);
	set_text(o, "operation", a->operation);
	set_text(o, "subject", a->subject);
	set_text(o, "detail", a->detail);
	if (a->have_source) {
		struct addr_prefix prefix = prefix_of_source(&a->source);

		set_text(o, "source", prefix_format(&prefix, source));
	}
	set_principal(o, a->principal);
	set_number(o, "threshold", a->threshold);
	set_number(o, "windowSeconds", a->window_s);
	set_number(o, "count", a->count);
	set_number(o, "suppressed", a->suppressed);
	set_time(o, "firstSeen", a->first_ns);
	set_time(o, "lastSeen", a->last_ns);
	set_time(o, "crossed", a->crossed_ns);
	set_time(o, "raised", a->raised_ns);
	set_time(o, "changed", a->changed_ns);
	if (a->who[0])
		set_text(o, "by", a->who);
	if (a->incident) {
		snprintf(id, sizeof(id), "%" PRIu64, a->incident);
		set_text(o, "incident", id);
	}
	if (!whole)
		return o;
	list = json_array();
	for (size_t i = 0; i < ALERT_SAMPLES; i++)
		if (a->samples[i].wall_ns)
			json_array_append_new(list, sample_json(&a->samples[i]));
	json_object_set_new(o, "samples", list);
	list = json_object();
	for (size_t i = 0; i < ALERT_TOP_MAX; i++)
		json_object_set_new(list, tops[i], top_json(a->tops[i]));
	json_object_set_new(o, "top", list);
	return o;
}

const char *alert_line(const struct alert *a, char out[ALERT_LINE])
{
	snprintf(out, ALERT_LINE, "%s %s %s %s%s%s: %s", alert_severity_name(a->severity),
		 alert_kind_name(a->kind), a->service, a->operation,
		 a->operation[0] && a->subject[0] ? " " : "", a->subject, a->detail);
	return out;
}

/* ---------------------------------------------------------------------------------------------
 * For the store: numbers as they are
 */
char *alert_pack(const struct alert *a)
{
	json_t *o, *samples = json_array(), *lists = json_array();
	char source[ADDR_TEXT], *text;

	for (size_t i = 0; i < ALERT_SAMPLES && a->samples[i].wall_ns; i++) {
		const struct alert_sample *s = &a->samples[i];

		json_array_append_new(samples,
				      json_pack("[I, s, I, i, s, s]", (json_int_t)s->wall_ns,
						addr_format(&s->source, source),
						(json_int_t)s->principal, (int)s->status,
						s->request_id, s->text));
	}
	for (size_t i = 0; i < ALERT_TOP_MAX; i++) {
		json_t *list = json_array();

		for (size_t k = 0; k < ALERT_TOPS && a->tops[i][k].text[0]; k++)
			json_array_append_new(list, json_pack("[s, I, I]", a->tops[i][k].text,
							      (json_int_t)a->tops[i][k].count,
							      (json_int_t)a->tops[i][k].error));
		json_array_append_new(lists, list);
	}
	o = json_pack("{s:i, s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:I, s:s, s:s, s:o, s:o}",
		      "pattern", (int)a->pattern, "principal", (json_int_t)a->principal,
		      "suppressed", (json_int_t)a->suppressed, "threshold", (int)a->threshold,
		      "window", (int)a->window_s, "crossed", (json_int_t)a->crossed_ns, "raised",
		      (json_int_t)a->raised_ns, "changed", (json_int_t)a->changed_ns, "version",
		      (json_int_t)1, "detail", a->detail, "who", a->who, "samples", samples, "tops",
		      lists);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

static uint64_t number(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static uint64_t item_number(const json_t *list, size_t i)
{
	return (uint64_t)json_integer_value(json_array_get(list, i));
}

static void copy(char *out, size_t size, const json_t *text)
{
	const char *value = json_string_value(text);

	snprintf(out, size, "%s", value ? value : "");
}

int alert_unpack(const char *text, struct alert *a)
{
	json_t *o = json_loads(text, 0, NULL), *item;
	size_t i, k;

	if (!json_is_object(o)) {
		json_decref(o);
		return -EINVAL;
	}
	a->pattern = number(o, "pattern") < ALERT_PATTERN_MAX
			     ? (enum alert_pattern)number(o, "pattern")
			     : ALERT_PATTERN_NONE;
	a->principal = number(o, "principal");
	a->suppressed = number(o, "suppressed");
	a->threshold = (uint32_t)number(o, "threshold");
	a->window_s = (uint32_t)number(o, "window");
	a->crossed_ns = (int64_t)number(o, "crossed");
	a->raised_ns = (int64_t)number(o, "raised");
	a->changed_ns = (int64_t)number(o, "changed");
	copy(a->detail, sizeof(a->detail), json_object_get(o, "detail"));
	copy(a->who, sizeof(a->who), json_object_get(o, "who"));
	for (i = 0; i < ALERT_SAMPLES; i++) {
		struct alert_sample *s = &a->samples[i];
		const char *source;

		item = json_array_get(json_object_get(o, "samples"), i);
		source = json_string_value(json_array_get(item, 1));
		if (!source || addr_parse(source, &s->source) < 0)
			break;
		s->wall_ns = (int64_t)item_number(item, 0);
		s->principal = item_number(item, 2);
		s->status = (uint16_t)item_number(item, 3);
		copy(s->request_id, sizeof(s->request_id), json_array_get(item, 4));
		copy(s->text, sizeof(s->text), json_array_get(item, 5));
	}
	for (i = 0; i < ALERT_TOP_MAX; i++)
		for (k = 0; k < ALERT_TOPS; k++) {
			struct alert_top *t = &a->tops[i][k];

			item = json_array_get(json_array_get(json_object_get(o, "tops"), i), k);
			copy(t->text, sizeof(t->text), json_array_get(item, 0));
			t->count = item_number(item, 1);
			t->error = item_number(item, 2);
		}
	json_decref(o);
	return 0;
}
