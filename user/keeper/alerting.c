/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/alerting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/inspect/transaction.h"
#include "user/keeper/event_text.h"
#include "user/keeper/inspectors.h"
#include "user/respond/alert_watch.h"

struct alerting {
	struct alert_scene scene;
	struct alert_watch *doors; /* what the doors count */
	struct alert_watch *streams; /* HTTP/2, counted here */
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

	if (!keeper->alerting || event.rule >= GL_WATCH_MAX)
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

	if (!keeper->alerting || v->verdict != GL_VERDICT_LIMIT)
		return;
	scene = scene_of(keeper);
	event.wall_ns = clock_wall_of_boot(v->rec.ts_ns);
	if (!by_door)
		alert_watch_count(keeper->alerting->streams, scene, &event);
	alert_watch_event(scene, &event);
}

void alerting_transaction(struct keeper *keeper, const struct report_transaction *tx)
{
	struct alert_event event = {
		.wall_ns = tx->begin_wall_ns,
		.source = tx->source,
		.principal = tx->principal,
		.service = tx->service,
		.op = tx->op,
		.cls = tx->cls,
		.status = tx->status,
		.rule = (uint8_t)watch_rule_of(tx->status),
		.told = true,
	};
	struct alert_scene *scene;

	if (!keeper->alerting || tx->role != GL_ROLE_SERVER || tx->flags & TX_AGENT ||
	    event.rule >= GL_WATCH_MAX)
		return;
	scene = scene_of(keeper);
	snprintf(event.request_id, sizeof(event.request_id), "%s", tx->request_id);
	snprintf(event.agent, sizeof(event.agent), "%s", tx->user_agent);
	if (tx->protocol == HTTP_PROTOCOL_2) {
		struct alert_event counted = event;

		counted.told = false;
		alert_watch_count(keeper->alerting->streams, scene, &counted);
		alert_watch_event(scene, &counted);
	}
	alert_watch_event(scene, &event);
}

void alerting_finding(struct keeper *keeper, const struct finding *finding,
		      const struct gl_addr *source)
{
	(void)keeper;
	(void)finding;
	(void)source;
}

void alerting_tick(struct keeper *keeper)
{
	struct alert_scene *scene;

	if (!keeper->alerting)
		return;
	scene = scene_of(keeper);
	alert_watch_poll(keeper->alerting->doors, scene);
	alert_watch_poll(keeper->alerting->streams, scene);
}
