/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/alerting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/inspect/transaction.h"
#include "user/keeper/event_text.h"
#include "user/keeper/exports.h"
#include "user/keeper/inspectors.h"
#include "user/respond/alert_findings.h"
#include "user/respond/alert_requests.h"
#include "user/respond/alert_watch.h"

struct alerting {
	struct alert_scene scene;
	struct alert_watch *doors; /* what the doors count */
	struct alert_watch *streams; /* HTTP/2, counted here */
	struct alert_requests *requests;
	struct alert_losses *losses;
	uint64_t crossings; /* as the doors counted them last */
};

/* ---------------------------------------------------------------------------------------------
 * Telling
 */
static void tell(const struct alert *alert, bool is_new, void *userdata)
{
	struct keeper *keeper = userdata;
	char line[ALERT_LINE];
	const struct event *event;
	json_t *o, *more;

	if (!is_new && !alert->rose)
		return;
	alert_line(alert, line);
	event = events_add_note(keeper->events, EVENT_ALERT, "alerts", clock_wall_ns(), "%s", line);
	if (is_new && !keeper->options->foreground)
		log_warning("alert %llu: %s", (unsigned long long)alert->id, line);
	records_tell(keeper, event);
	if (exports_want(keeper->exports, EXPORT_ALERT)) {
		more = alert_json(alert, false);
		json_object_set_new(more, "update", json_boolean(!is_new));
		exports_take(keeper->exports, EXPORT_ALERT, (enum export_severity)alert->severity,
			     event->wall_ns, line, more);
	}
	if (!keeper->link || !courier_followers(keeper->link))
		return;
	o = event_json(event, apply_intern(keeper->apply));
	more = alert_json(alert, true);
	json_object_set_new(o, "message", json_string(line));
	json_object_set_new(o, "alert", more);
	json_object_set_new(o, "new", json_boolean(is_new));
	courier_broadcast(keeper->link, o);
}

/* ---------------------------------------------------------------------------------------------
 * The scene
 */
static struct alert_scene *scene_of(struct keeper *keeper)
{
	struct alert_scene *scene = &keeper->alerting->scene;

	scene->now = clock_now();
	scene->intern = apply_intern(keeper->apply);
	scene->policy = kern_policy(keeper->kern);
	return scene;
}

int alerting_new(struct keeper *keeper, struct alerting **ret_alerting)
{
	struct alerting *alerting = calloc(1, sizeof(*alerting));
	int r;

	if (!alerting)
		return -ENOMEM;
	alerting->scene.alerts = keeper->alerts;
	r = alert_watch_new(kern_watches(keeper->kern), &alerting->doors);
	if (r == 0)
		r = alert_watch_new(NULL, &alerting->streams);
	if (r == 0)
		r = alert_requests_new(&alerting->requests);
	if (r == 0)
		r = alert_losses_new(&alerting->losses);
	if (r == 0)
		r = alerts_subscribe(keeper->alerts, tell, keeper);
	if (r < 0) {
		alerting_free(alerting);
		return r;
	}
	*ret_alerting = alerting;
	return 0;
}

void alerting_free(struct alerting *alerting)
{
	if (!alerting)
		return;
	alert_watch_free(alerting->doors);
	alert_watch_free(alerting->streams);
	alert_requests_free(alerting->requests);
	alert_losses_free(alerting->losses);
	free(alerting);
}

/* ---------------------------------------------------------------------------------------------
 * What the keeper hears
 */
void alerting_crossed(struct keeper *keeper, const struct gl_rec_crossed *record)
{
	if (keeper->alerting)
		alert_watch_look(keeper->alerting->doors, scene_of(keeper), record->index);
}

void alerting_response(struct keeper *keeper, const struct gl_rec_response *r)
{
	struct alert_event event = {
		.source = r->source,
		.principal = r->principal,
		.service = r->service,
		.op = r->op,
		.cls = r->cls,
		.status = r->status,
		.rule = (uint8_t)watch_rule_of(r->status),
	};

	if (!keeper->alerting)
		return;
	keeper->alerting->scene.now = clock_now();
	alert_share_add(&keeper->alerting->scene, r->op, r->status);
	if (event.rule >= GL_WATCH_MAX)
		return;
	event.wall_ns = clock_wall_of_boot(r->rec.ts_ns);
	alert_watch_event(scene_of(keeper), &event);
}

void alerting_verdict(struct keeper *keeper, const struct gl_rec_verdict *v, bool by_door)
{
	struct alert_event event = {
		.source = v->source,
		.principal = v->principal,
		.service = v->service,
		.op = v->op,
		.cls = v->cls,
		.status = v->status,
		.rule = GL_WATCH_LIMIT,
	};
	struct alert_scene *scene;

	if (!keeper->alerting)
		return;
	scene = scene_of(keeper);
	if (v->reason == GL_REASON_SECRET)
		alert_guard_take(scene, v, "a secret", clock_wall_of_boot(v->rec.ts_ns));
	if (v->verdict != GL_VERDICT_LIMIT)
		return;
	event.wall_ns = clock_wall_of_boot(v->rec.ts_ns);
	if (!by_door)
		alert_watch_count(keeper->alerting->streams, scene, &event);
	alert_watch_event(scene, &event);
}

/* What the policy says a failed login of this operation is answered with; NULL: nothing. */
static const struct policy_failed_login *failed_login_of(const struct policy *policy,
							 const struct alert_scene *scene,
							 uint16_t service, uint16_t op)
{
	const char *name = alert_service(scene, service), *match = alert_operation(scene, op);

	for (size_t i = 0; i < policy->n_services; i++) {
		const struct policy_service *s = &policy->services[i];

		if (strcmp(s->name, name) != 0)
			continue;
		for (size_t k = 0; k < s->n_operations; k++)
			if (s->operations[k].failed_login.n &&
			    strcmp(s->operations[k].match, match) == 0)
				return &s->operations[k].failed_login;
	}
	return NULL;
}

/* The doors count 401s; other answers to a failed login are counted here. */
static void judge_login(const struct policy *policy, struct alert_scene *scene,
			struct alert_request *request, bool sent_back, bool *ret_counted)
{
	const struct policy_failed_login *failed =
		failed_login_of(policy, scene, request->event.service, request->event.op);

	*ret_counted = false;
	if (!failed)
		return;
	request->told_failed = true;
	for (uint32_t i = 0; i < failed->n; i++)
		request->failed |= failed->status[i] == request->event.status &&
				   (sent_back || !*failed->location);
	if (!request->failed || request->event.rule == GL_WATCH_AUTH)
		return;
	request->event.rule = GL_WATCH_AUTH;
	*ret_counted = true;
}

void alerting_transaction(struct keeper *keeper, const struct report_transaction *tx)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;
	struct alert_request request = {
		.event =
			{
				.wall_ns = tx->begin_wall_ns,
				.source = tx->source,
				.principal = tx->principal,
				.service = tx->service,
				.op = tx->op,
				.cls = tx->cls,
				.status = tx->status,
				.rule = (uint8_t)watch_rule_of(tx->status),
				.told = true,
			},
		.account = tx->account,
		.password = tx->password,
		.object = tx->object,
		.number = tx->object_number,
	};
	struct alert_event *event = &request.event;
	struct alert_scene *scene;
	bool counted;

	if (!keeper->alerting || !policy || tx->role != GL_ROLE_SERVER || tx->flags & TX_AGENT ||
	    !tx->status)
		return;
	scene = scene_of(keeper);
	snprintf(event->request_id, sizeof(event->request_id), "%s", tx->request_id);
	snprintf(event->agent, sizeof(event->agent), "%s", tx->user_agent);
	judge_login(policy, scene, &request, tx->flags & TX_SENT_BACK, &counted);
	alert_requests_take(keeper->alerting->requests, scene, policy, &request);
	if (tx->protocol == HTTP_PROTOCOL_2)
		alert_share_add(scene, tx->op, tx->status);
	if (event->rule >= GL_WATCH_MAX)
		return;
	if (tx->protocol == HTTP_PROTOCOL_2 || counted) {
		event->told = false;
		alert_watch_count(keeper->alerting->streams, scene, event);
		alert_watch_event(scene, event);
		event->told = true;
	}
	alert_watch_event(scene, event);
}

void alerting_finding(struct keeper *keeper, const struct finding *finding, bool in_response,
		      const struct gl_addr *source)
{
	const struct alert_statement statement = {
		.control = finding->control,
		.rule = finding->rule,
		.service = finding->service,
		.subject = finding->subject,
		.evidence = finding->evidence,
		.request = finding->request,
		.severity = (enum alert_severity)finding->severity,
		.in_response = in_response,
		.source = source,
		.wall_ns = finding->last_wall_ns,
	};

	_Static_assert((int)FINDING_CRITICAL == (int)ALERT_CRITICAL, "one scale");
	if (keeper->alerting)
		alert_statement_take(scene_of(keeper), &statement);
}

static void look_losses(struct keeper *keeper, struct alert_scene *scene, const uint64_t *counters)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;

	if (policy && policy->loss.enabled)
		alert_losses_look(keeper->alerting->losses, scene, &policy->loss, counters);
}

void alerting_tick(struct keeper *keeper)
{
	uint64_t counters[GL_CTR_MAX];
	struct alert_scene *scene;
	bool counted;

	if (!keeper->alerting)
		return;
	scene = scene_of(keeper);
	/* before the lines: a line has crossed before its crossing is counted */
	counted = kern_counters(keeper->kern, counters) == 0;
	/* a number that was not before: all lines are looked at */
	keeper->alerting->crossings =
		counted ? counters[GL_CTR_CROSSED] : keeper->alerting->crossings - 1;
	alert_watch_poll(keeper->alerting->doors, scene, keeper->alerting->crossings);
	alert_watch_poll(keeper->alerting->streams, scene, 0);
	if (counted)
		look_losses(keeper, scene, counters);
	alert_store_look(scene, store_trouble(keeper->store));
}
