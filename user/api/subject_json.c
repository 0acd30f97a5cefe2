/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subject_json.c - decisions about subjects as the API shows them. */
#include <stdio.h>
#include <string.h>

#include "user/api/api.h"
#include "user/keeper/kills.h"

static json_t *words_json(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t n = strcspn(text, " ");

		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ' ');
	}
	return list;
}

/* "shop POST /pay": the service and the rest. */
static void set_operation(json_t *o, const char *text)
{
	size_t n = strcspn(text, " ");

	json_object_set_new(o, "service", json_stringn(text, n));
	json_object_set_new(o, "operation", json_string(text[n] ? text + n + 1 : ""));
}

static void set_subject(json_t *o, enum subject_kind kind, const char *text, const char *detail)
{
	switch (kind) {
	case SUBJECT_OPERATION:
		set_operation(o, text);
		break;
	case SUBJECT_SERVICE:
		json_object_set_new(o, "service", json_string(text));
		json_object_set_new(o, "networks", words_json(detail));
		break;
	default:
		json_object_set_new(o, subject_kind_name(kind), json_string(text));
		break;
	}
}

json_t *api_subject_row(uint32_t id, enum subject_kind kind, const char *text, const char *detail,
			int64_t created_ns, int64_t expires_ns)
{
	char number[16], created[CLOCK_TEXT], expires[CLOCK_TEXT];
	json_t *o;

	snprintf(number, sizeof(number), "%u", id);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", number, "kind",
		      subject_kind_name(kind), "subject", text, "verdict", subject_verdict(kind),
		      "createdAt", clock_format(created_ns, created), "expiresAt",
		      clock_format(expires_ns, expires));
	if (o)
		set_subject(o, kind, text, detail);
	return o;
}

json_t *api_subject_json(const struct keeper *keeper, const struct subject *s)
{
	json_t *o = api_subject_row(s->id, s->kind, s->text, s->detail, s->created_wall_ns,
				    clock_wall_of_boot(s->expires_boot_ns));
	uint64_t hits = s->kind == SUBJECT_WORKLOAD ? kills_hits(keeper, s)
						    : subjects_hits(keeper->subjects, s);

	json_object_set_new(o, "reason", json_string(s->reason));
	json_object_set_new(o, "origin", json_string(s->origin));
	json_object_set_new(o, "hits", json_integer((json_int_t)hits));
	return o;
}
