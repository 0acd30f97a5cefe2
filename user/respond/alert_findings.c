/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/alert_findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/names.h"

/* ---------------------------------------------------------------------------------------------
 * Findings
 */
static int kind_of(const struct alert_statement *s)
{
	bool secret = strcmp(s->control, "REV-17") == 0 || strcmp(s->control, "REV-11") == 0;

	if (strcmp(s->control, "TLS-03") == 0 && s->severity >= ALERT_MEDIUM)
		return ALERT_TLS_DOWNGRADE;
	if (strcmp(s->control, "TLS-05") == 0 && strncmp(s->rule, "expire", 6) == 0)
		return ALERT_CERTIFICATE;
	if (strcmp(s->rule, "blind-listener") == 0)
		return ALERT_BLIND_LISTENER;
	if (secret && s->in_response && s->severity >= ALERT_HIGH)
		return ALERT_SECRET_IN_RESPONSE;
	return s->severity >= ALERT_CRITICAL ? ALERT_FINDING : -1;
}

void alert_statement_take(struct alert_scene *scene, const struct alert_statement *s)
{
	struct alert_sample sample = {.wall_ns = s->wall_ns};
	char subject[ALERT_SUBJECT], detail[ALERT_DETAIL];
	struct alert_report report = {
		.severity = (int)s->severity,
		.service = s->service,
		.subject = s->subject,
		.detail = detail,
		.source = s->source,
		.count = 1,
		.last_ns = s->wall_ns,
		.sample = &sample,
	};
	int kind = kind_of(s);

	if (kind < 0)
		return;
	report.kind = (enum alert_kind)kind;
	snprintf(detail, sizeof(detail), "%s %s: %.150s", s->control, s->rule, s->evidence);
	snprintf(sample.request_id, sizeof(sample.request_id), "%s", s->request);
	snprintf(sample.text, sizeof(sample.text), "%s: %.150s", s->rule, s->evidence);
	if (s->source)
		sample.source = *s->source;
	if (kind == ALERT_SECRET_IN_RESPONSE) {
		/* whoever asks, it is the operation that leaks */
		report.severity = ALERT_CRITICAL;
		report.operation = s->subject;
		report.subject = "";
		report.source = NULL;
	} else if (kind == ALERT_FINDING) {
		snprintf(subject, sizeof(subject), "%s %s", s->rule, s->subject);
		report.control = s->control;
		report.subject = subject;
	}
	alerts_raise(scene->alerts, &report, scene->now.wall_ns, NULL);
}

void alert_guard_take(struct alert_scene *scene, const struct gl_rec_verdict *v,
		      const char *pattern, int64_t wall_ns)
{
	struct alert_sample sample = {.wall_ns = wall_ns, .source = v->source};
	char detail[ALERT_DETAIL], source[ALERT_TOP_TEXT];
	const struct alert_report report = {
		.kind = ALERT_SECRET_IN_RESPONSE,
		.severity = v->flags & GL_RECF_WOULD ? ALERT_CRITICAL : ALERT_HIGH,
		.service = alert_service(scene, v->service),
		.operation = alert_operation(scene, v->op),
		.detail = detail,
		.count = 1,
		.last_ns = wall_ns,
		.sample = &sample,
		.top = {[ALERT_TOP_SOURCES] = alert_source_text(&v->source, source)},
	};

	snprintf(detail, sizeof(detail), "%s %s", pattern,
		 v->flags & GL_RECF_WOULD ? "left in a response" : "was stopped in a response");
	snprintf(sample.text, sizeof(sample.text), "%s", detail);
	alerts_raise(scene->alerts, &report, scene->now.wall_ns, NULL);
}

/* ---------------------------------------------------------------------------------------------
 * Losses
 */
#define LOSS_SECONDS 60

struct alert_losses {
	uint64_t seen[LOSS_SECONDS][GL_CTR_MAX]; /* a ring, by second */
	uint64_t looks;
};

int alert_losses_new(struct alert_losses **ret_losses)
{
	*ret_losses = calloc(1, sizeof(**ret_losses));
	return *ret_losses ? 0 : -ENOMEM;
}

void alert_losses_free(struct alert_losses *losses)
{
	free(losses);
}

/* What is not judged or not seen though it should be. TLS the other door looks into is. */
static bool is_loss(unsigned counter)
{
	const char *name = name_counter(counter);

	if (counter == GL_CTR_UNJUDGED_TLS || counter == GL_CTR_UNJUDGED_TUNNEL ||
	    counter == GL_CTR_UNJUDGED_MIDSTREAM || counter == GL_CTR_UNJUDGED_HTTP2)
		return false;
	return strncmp(name, "lost-", 5) == 0 || strncmp(name, "unjudged-", 9) == 0;
}

void alert_losses_look(struct alert_losses *losses, struct alert_scene *scene,
		       const struct policy_alert_rule *rule, const uint64_t counters[GL_CTR_MAX])
{
	uint32_t back = rule->per_s < LOSS_SECONDS ? rule->per_s : LOSS_SECONDS - 1;
	uint64_t kept = losses->looks < back ? losses->looks : back;
	const uint64_t *before = losses->seen[(losses->looks - kept) % LOSS_SECONDS];
	char subject[ALERT_SUBJECT], detail[ALERT_DETAIL];

	memcpy(losses->seen[losses->looks % LOSS_SECONDS], counters, sizeof(losses->seen[0]));
	losses->looks++;
	for (unsigned i = 0; kept && i < GL_CTR_MAX; i++) {
		uint64_t rise = counters[i] - before[i];
		struct alert_report report = {
			.kind = ALERT_LOSS,
			.severity = -1,
			.subject = subject,
			.detail = detail,
			.threshold = rule->at_least,
			.window_s = rule->per_s,
			.count = rise,
			.last_ns = scene->now.wall_ns,
		};

		if (counters[i] <= before[i] || rise < rule->at_least || !is_loss(i))
			continue;
		snprintf(subject, sizeof(subject), "counter %s", name_counter(i));
		snprintf(detail, sizeof(detail), "%s rose by %llu within %u s", name_counter(i),
			 (unsigned long long)rise, rule->per_s);
		if (alerts_current(scene->alerts, &report, scene->now.wall_ns)) {
			/* of it, only what came since the last look is new */
			report.count =
				counters[i] - losses->seen[(losses->looks - 2) % LOSS_SECONDS][i];
			if (!report.count)
				continue;
		}
		alerts_raise(scene->alerts, &report, scene->now.wall_ns, NULL);
	}
}

/* ---------------------------------------------------------------------------------------------
 * The store
 */
void alert_store_look(struct alert_scene *scene, const char *trouble)
{
	const struct alert_report report = {
		.kind = ALERT_STORE,
		.severity = -1,
		.detail = trouble,
		.count = 1,
		.last_ns = scene->now.wall_ns,
	};
	const struct alert *alert = alerts_current(scene->alerts, &report, scene->now.wall_ns);

	if (!trouble)
		return;
	/* once a minute it is said again, so that it goes on while it lasts */
	if (!alert || scene->now.wall_ns - alert->last_ns >= 60 * (int64_t)CLOCK_NS_PER_S)
		alerts_raise(scene->alerts, &report, scene->now.wall_ns, NULL);
}
