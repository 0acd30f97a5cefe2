/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/guarded.h"

#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/names.h"
#include "user/keeper/event_text.h"

/* The rule says that it was stopped: what the inspectors find in it is told beside it. */
static void name_pattern(const struct gl_guard_pattern *pattern, struct finding *finding)
{
	bool field = pattern->groups & GL_GUARD_FIELD;
	const char *control = "REV-17";

	if (pattern->groups & GL_GUARD_TRACE)
		control = "PRE-17";
	else if (field || strncmp(pattern->name, "hash-", strlen("hash-")) == 0)
		control = "REV-11";
	snprintf(finding->control, sizeof(finding->control), "%s", control);
	snprintf(finding->rule, sizeof(finding->rule), "stopped-%.23s",
		 field ? "forbidden-field" : pattern->name);
	finding->severity = pattern->groups & GL_GUARD_TRACE ? FINDING_MEDIUM : FINDING_HIGH;
}

void guarded_take_verdict(struct keeper *keeper, const struct gl_rec_verdict *v, int64_t wall_ns)
{
	const struct intern *intern = apply_intern(keeper->apply);
	struct finding finding = {.last_wall_ns = wall_ns};
	const struct gl_guard_pattern *pattern;
	const struct gl_policy *policy;
	const char *service, *operation;
	char source[ADDR_TEXT];

	if (v->reason != GL_REASON_SECRET || v->delivery == GL_DELIVERY_NONE || !v->pattern)
		return;
	policy = kern_policy_of(keeper->kern, v->generation);
	if (!policy || v->pattern > policy->guard.n_patterns)
		return;
	pattern = &policy->guard.patterns[v->pattern - 1];
	name_pattern(pattern, &finding);
	service = intern_name(intern, INTERN_SERVICE, v->service);
	operation = intern_name(intern, INTERN_OPERATION, v->op);
	snprintf(finding.service, sizeof(finding.service), "%s", service ? service : "");
	snprintf(finding.subject, sizeof(finding.subject), "%s",
		 operation ? operation_label(operation) : "(no operation)");
	snprintf(finding.evidence, sizeof(finding.evidence),
		 "%.48s (text withheld) in a response to %s, which ended before it left (%s door)",
		 pattern->name, addr_format(&v->source, source), name_door(v->door));
	if (findings_put(keeper->findings, &finding, NULL) == 1)
		records_note(keeper, EVENT_FINDING, "guard", "%s %s %.40s to %s", finding.control,
			     finding.rule, finding.subject, source);
}
