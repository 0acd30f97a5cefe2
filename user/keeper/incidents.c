/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/incidents.h"

#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/keeper/exports.h"
#include "user/keeper/playbooks.h"
#include "user/keeper/traffic.h"

#define ACTOR         "incidents"
#define CLOCK_EVERY_S 5 /* deadlines are minutes and days */
/* with so many proven principals behind it an address is an office or a proxy (contain.c) */
#define SHARED_BY 3

static bool is_shared(struct keeper *keeper, const struct gl_addr *source)
{
	const struct addr_prefix prefix = prefix_of_source(source);
	char why[PROTECT_WHY];

	if (sources_principals(keeper->sources, source, clock_boot_ns()) >= SHARED_BY)
		return true;
	/* loopback, a proxy nobody declared but that is protected: many may be behind it */
	return contain_refresh_protected(keeper, 10) == 0 &&
	       protect_hit(keeper->protect, &prefix, why);
}

/* Who or what an alert is mostly about; "" when several are. */
static const char *only_top(const struct alert *alert, enum alert_dimension dimension)
{
	const struct alert_top *tops = alert->tops[dimension];

	return !tops[1].text[0] && !tops[0].error ? tops[0].text : "";
}

/* The source an alert names, or the one all of it came from. */
static bool source_of(const struct alert *alert, struct gl_addr *ret_source)
{
	struct addr_prefix prefix;

	if (alert->have_source) {
		*ret_source = alert->source;
		return true;
	}
	if (prefix_parse(only_top(alert, ALERT_TOP_SOURCES), &prefix) < 0)
		return false;
	*ret_source = prefix.addr;
	return true;
}

static unsigned find_priority(const struct keeper *keeper, uint32_t id)
{
	const struct incident *incident;

	for (size_t i = 0; (incident = incidents_at(keeper->incidents, i)); i++)
		if (incident->id == id)
			return incident->priority;
	return 0;
}

static void take(struct keeper *keeper, const struct alert *alert)
{
	const struct incident *incident = NULL;
	struct incident_signal signal = {
		.alert = alert->id,
		.incident = (uint32_t)alert->incident,
		.kind = alert_kind_name(alert->kind),
		.control = alert->control,
		.pattern = alert_pattern_name(alert->pattern),
		.service = alert->service,
		.operation = *alert->operation ? alert->operation
					       : alert->tops[ALERT_TOP_OPERATIONS][0].text,
		.subject = alert->subject,
		.detail = alert->detail,
		.severity = alert->severity,
		.principal = alert->principal,
		.count = alert->count,
		.first_ns = alert->first_ns,
		.last_ns = alert->last_ns,
	};
	enum incident_outcome outcome;
	unsigned was;

	signal.have_source = source_of(alert, &signal.source);
	signal.shared = signal.have_source && is_shared(keeper, &signal.source);
	was = find_priority(keeper, (uint32_t)alert->incident);
	outcome = incidents_signal(keeper->incidents, &signal, clock_wall_ns(), &incident);
	if (outcome == INCIDENT_NEW || outcome == INCIDENT_JOINED) {
		alerts_set_incident(keeper->alerts, alert->id, incident->id);
		records_note(keeper, EVENT_INCIDENT, ACTOR, "incident %u %s: %s", incident->id,
			     outcome == INCIDENT_NEW ? incident_priority_name(incident->priority)
						     : "has one more alert",
			     incident->title);
		keeper_incidents_export(keeper, incident->id, outcome != INCIDENT_NEW);
	}
	/* a new target, or playbooks of a higher priority */
	if (outcome == INCIDENT_NEW || outcome == INCIDENT_JOINED ||
	    (outcome == INCIDENT_UPDATED && incident->priority != was))
		playbooks_run(keeper, incident);
}

void keeper_incidents_export(struct keeper *keeper, uint32_t id, bool update)
{
	static const enum export_severity severities[] = {
		EXPORT_CRITICAL_SEVERITY, EXPORT_HIGH_SEVERITY, EXPORT_MEDIUM_SEVERITY,
		EXPORT_LOW_SEVERITY};
	const struct incident *incident;
	unsigned priority;
	char message[160];
	json_t *data;

	if (!exports_want(keeper->exports, EXPORT_INCIDENT) ||
	    incidents_get(keeper->incidents, id, &incident) < 0)
		return;
	priority = incident->priority >= 1 && incident->priority <= 4 ? incident->priority : 4;
	data = incident_json(keeper->incidents, incident, clock_wall_ns(), false);
	json_object_set_new(data, "update", json_boolean(update));
	snprintf(message, sizeof(message), "incident %u %s %s: %.80s", incident->id,
		 incident_priority_name(incident->priority), incident_status_name(incident->status),
		 incident->title);
	exports_take(keeper->exports, EXPORT_INCIDENT, severities[priority - 1], clock_wall_ns(),
		     message, data);
}

/*
 * An alert is looked at a moment later: what it is mostly about is not known yet when it is made,
 * and a storm changes it many times.
 */
static void on_alert(const struct alert *alert, bool is_new, void *userdata)
{
	struct keeper *keeper = userdata;
	struct incident_queue *queue = &keeper->incident_queue;

	(void)is_new;
	for (size_t i = 0; i < queue->n; i++)
		if (queue->alerts[i] == alert->id)
			return;
	if (queue->n < INCIDENT_QUEUE_MAX)
		queue->alerts[queue->n++] = alert->id;
	else
		queue->whole = true; /* look at all of them */
}

static void take_queue(struct keeper *keeper)
{
	struct incident_queue queue = keeper->incident_queue;
	const struct alert *alert;

	keeper->incident_queue.n = 0;
	keeper->incident_queue.whole = false;
	for (size_t i = 0; i < queue.n; i++) {
		alert = alerts_get(keeper->alerts, queue.alerts[i]);
		if (alert && alert->state != ALERT_CLOSED)
			take(keeper, alert);
	}
	for (size_t i = 0; queue.whole && (alert = alerts_at(keeper->alerts, i)); i++)
		if (alert->state != ALERT_CLOSED)
			take(keeper, alert);
	/* setting the alerts' incident changed them */
	keeper->incident_queue.n = 0;
	keeper->incident_queue.whole = false;
}

int keeper_incidents_new(struct keeper *keeper)
{
	int r = incidents_new(keeper->store, &keeper->incidents);

	if (r == 0)
		r = actions_new(keeper->store, &keeper->actions);
	if (r == 0)
		r = alerts_subscribe(keeper->alerts, on_alert, keeper);
	return r;
}

static void remind(const struct incident_reminder *reminder, void *userdata)
{
	struct keeper *keeper = userdata;
	const struct incident *incident = reminder->incident;
	char due[CLOCK_TEXT], subject[ALERT_SUBJECT], detail[ALERT_DETAIL], what[32];
	struct alert_report report = {
		.kind = ALERT_DEADLINE,
		.severity = reminder->over ? ALERT_HIGH : ALERT_MEDIUM,
		.control = "IR-07",
		.service = incident->service,
		.subject = subject,
		.detail = detail,
		.count = 1,
		.last_ns = clock_wall_ns(),
	};

	if (reminder->task)
		snprintf(what, sizeof(what), "task %u", reminder->task->number);
	else
		snprintf(what, sizeof(what), "%s", incident_deadline_name(reminder->deadline));
	snprintf(subject, sizeof(subject), "incident %u %s", incident->id, what);
	snprintf(detail, sizeof(detail), "incident %u (%s): %s %s, due %s", incident->id,
		 incident_priority_name(incident->priority), what,
		 reminder->over ? "is overdue" : "is due soon",
		 clock_format(reminder->due_ns, due));
	records_note(keeper, EVENT_INCIDENT, ACTOR, "%s", detail);
	alerts_raise(keeper->alerts, &report, clock_wall_ns(), NULL);
}

void keeper_incidents_save(struct keeper *keeper)
{
	incidents_save(keeper->incidents); /* what fails is told by store_trouble() */
}

void keeper_incidents_tick(struct keeper *keeper)
{
	uint64_t second = clock_boot_ns() / CLOCK_NS_PER_S;

	take_queue(keeper);
	if (second % CLOCK_EVERY_S == 0)
		incidents_tick(keeper->incidents, clock_wall_ns(), remind, keeper);
	traffic_tick(keeper->traffic, incidents_rules(keeper->incidents), clock_wall_ns());
	playbooks_tick(keeper);
	keeper_incidents_save(keeper);
}

void keeper_incidents_closed(struct keeper *keeper, uint32_t id, const char *who)
{
	const struct incident_link *link;

	for (size_t i = 0; (link = incidents_link(keeper->incidents, id, i)); i++)
		alerts_set_state(keeper->alerts, link->alert, ALERT_CLOSED, who, clock_wall_ns());
}
