/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exports_verdicts.c - events as records; a flood of verdicts as sums: beyond SINGLE_PER_S a second
 * those that are alike but for the client become one record with a count. The counts of all records
 * add up to the verdicts there were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/base/names.h"
#include "user/detect/findings.h"
#include "user/keeper/event_text.h"
#include "user/keeper/exports_private.h"
#include "user/keeper/keeper.h"

#define SINGLE_PER_S 50
#define OTHERS       0xfffe /* service of the sum that takes what found no place */

static enum export_severity verdict_severity(unsigned verdict, bool would)
{
	if (would)
		return EXPORT_INFO_SEVERITY;
	switch (verdict) {
	case GL_VERDICT_BAN:
		return EXPORT_MEDIUM_SEVERITY;
	case GL_VERDICT_ALLOW:
		return EXPORT_INFO_SEVERITY;
	default:
		return EXPORT_LOW_SEVERITY;
	}
}

static void tell_single(struct keeper *keeper, const struct event *event)
{
	char line[EVENT_LINE];

	exports_take(keeper->exports, EXPORT_VERDICT,
		     verdict_severity(event->verdict.verdict, event->verdict.flags & GL_RECF_WOULD),
		     event->wall_ns, event_line(event, apply_intern(keeper->apply), false, line),
		     event_json(event, apply_intern(keeper->apply)));
}

static bool is_same(const struct exports_sum *sum, const struct gl_rec_verdict *v)
{
	return sum->service == v->service && sum->op == v->op && sum->cls == v->cls &&
	       sum->verdict == v->verdict && sum->reason == v->reason &&
	       sum->delivery == v->delivery && sum->door == v->door &&
	       sum->flags == (v->flags & GL_RECF_WOULD);
}

static void add(struct exports_verdicts *verdicts, const struct gl_rec_verdict *v, int64_t wall_ns)
{
	struct exports_sum *sum = NULL;

	for (size_t i = 0; i < verdicts->n && !sum; i++)
		if (is_same(&verdicts->sums[i], v))
			sum = &verdicts->sums[i];
	if (!sum && verdicts->n < EXPORTS_VERDICT_KEYS) {
		sum = &verdicts->sums[verdicts->n++];
		*sum = (struct exports_sum){
			.service = verdicts->n == EXPORTS_VERDICT_KEYS ? OTHERS : v->service,
			.op = v->op,
			.cls = v->cls,
			.verdict = v->verdict,
			.reason = v->reason,
			.delivery = v->delivery,
			.door = v->door,
			.flags = v->flags & GL_RECF_WOULD,
			.first_ns = wall_ns,
		};
	} else if (!sum) {
		sum = &verdicts->sums[EXPORTS_VERDICT_KEYS - 1];
	}
	sum->count++;
	sum->last_ns = wall_ns;
}

static void set_name(json_t *o, const char *key, const char *name)
{
	if (name)
		json_object_set_new(o, key, json_string(name));
}

static void tell_sum(struct keeper *keeper, const struct exports_sum *sum)
{
	const struct intern *intern = apply_intern(keeper->apply);
	const char *operation = intern_name(intern, INTERN_OPERATION, sum->op);
	const char *label = operation ? operation_label(operation) : NULL;
	const char *space = label ? strchr(label, ' ') : NULL;
	char message[256], first[CLOCK_TEXT], last[CLOCK_TEXT];
	bool others = sum->service == OTHERS;
	json_t *data = json_pack("{s:I, s:s, s:s, s:b}", "count", (json_int_t)sum->count, "first",
				 clock_format(sum->first_ns, first), "last",
				 clock_format(sum->last_ns, last), "would",
				 !!(sum->flags & GL_RECF_WOULD));
	json_t *attributes = json_object();

	if (!others) {
		set_name(data, "verdict", name_verdict(sum->verdict));
		set_name(data, "reason", name_reason(sum->reason));
		set_name(data, "delivery", name_delivery(sum->delivery));
		set_name(data, "door", name_door(sum->door));
		set_name(data, "service", intern_name(intern, INTERN_SERVICE, sum->service));
		set_name(data, "operation", label);
		set_name(data, "class", intern_name(intern, INTERN_CLASS, sum->cls));
		if (space) {
			if (*label != '*')
				json_object_set_new(attributes, "http.request.method",
						    json_stringn(label, (size_t)(space - label)));
			set_name(attributes, "http.route", space + 1);
		}
	}
	json_object_set_new(data, "attributes", attributes);
	snprintf(message, sizeof(message), "%s%s %s: %" PRIu32 " in one second",
		 sum->flags & GL_RECF_WOULD ? "would " : "",
		 others ? "verdicts" : name_verdict(sum->verdict),
		 others  ? "of many kinds"
		 : label ? label
			 : "(no operation)",
		 sum->count);
	exports_take(keeper->exports, EXPORT_VERDICT,
		     verdict_severity(sum->verdict, sum->flags & GL_RECF_WOULD), sum->last_ns,
		     message, data);
}

void exports_verdicts_tick(struct exports_verdicts *verdicts, struct keeper *keeper, bool now)
{
	uint64_t second = clock_boot_ns() / CLOCK_NS_PER_S;

	if (second == verdicts->second && !now)
		return;
	for (size_t i = 0; i < verdicts->n; i++)
		tell_sum(keeper, &verdicts->sums[i]);
	verdicts->n = 0;
	verdicts->second = second;
	verdicts->single = 0;
}

static void tell_note(struct keeper *keeper, const struct event *event)
{
	static const struct {
		enum export_kind kind;
		enum export_severity severity;
	} kinds[EVENT_KINDS] = {
		[EVENT_DECISION] = {EXPORT_DECISION, EXPORT_LOW_SEVERITY},
		[EVENT_POLICY] = {EXPORT_POLICY, EXPORT_LOW_SEVERITY},
		[EVENT_MODE] = {EXPORT_MODE, EXPORT_MEDIUM_SEVERITY},
		[EVENT_AGENT] = {EXPORT_AGENT, EXPORT_INFO_SEVERITY},
	};
	bool degraded =
		event->kind == EVENT_AGENT && strncmp(event->note.message, "degraded", 8) == 0;

	exports_take(keeper->exports, kinds[event->kind].kind,
		     degraded ? EXPORT_HIGH_SEVERITY : kinds[event->kind].severity, event->wall_ns,
		     event->note.message, json_pack("{s:s}", "actor", event->note.actor));
}

void exports_verdicts_event(struct exports_verdicts *verdicts, struct keeper *keeper,
			    const struct event *event)
{
	switch (event->kind) {
	case EVENT_VERDICT:
		exports_verdicts_tick(verdicts, keeper, false);
		if (verdicts->single++ < SINGLE_PER_S)
			tell_single(keeper, event);
		else
			add(verdicts, &event->verdict, event->wall_ns);
		break;
	case EVENT_DECISION:
	case EVENT_POLICY:
	case EVENT_MODE:
	case EVENT_AGENT:
		tell_note(keeper, event);
		break;
	default:
		/* findings, alerts and incidents come with more than a message; the rest stays */
		break;
	}
}

void exports_finding(struct keeper *keeper, const struct finding *f)
{
	char message[FINDING_SUBJECT + FINDING_EVIDENCE + 64], time[CLOCK_TEXT];

	if (!keeper->exports)
		return;
	snprintf(message, sizeof(message), "%s %s %s: %s", f->control, f->rule, f->subject,
		 f->evidence);
	exports_take(keeper->exports, EXPORT_FINDING, (enum export_severity)f->severity,
		     f->last_wall_ns, message,
		     json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "control", f->control, "rule",
			       f->rule, "service", f->service, "subject", f->subject, "evidence",
			       f->evidence, "requestId", f->request, "firstSeen",
			       clock_format(f->last_wall_ns, time)));
}
