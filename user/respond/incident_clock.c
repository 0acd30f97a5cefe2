/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_clock.c - deadlines: when each begins, is near, is over, was met; and telling each once.
 */
#include <string.h>

#include "user/respond/calendar.h"
#include "user/respond/incident_private.h"

#define NS(seconds) ((int64_t)(seconds)*1000000000)

enum { TOLD_NEAR = 1, TOLD_OVER = 2 };

static bool is_p1_p2(const struct incident *incident)
{
	return incident->priority <= 2;
}

/* Where it begins and ends; false: this incident has none (yet). */
static bool span(const struct policy_incidents *rules, const struct incident *incident,
		 enum incident_deadline deadline, struct incident_due *due)
{
	due->from_ns = incident->clock_ns;
	switch (deadline) {
	case INCIDENT_DETECTION:
		due->due_ns = due->from_ns + NS(rules->detection_s);
		due->met_ns = incident->triaged_ns;
		return true;
	case INCIDENT_CONTAINMENT:
		due->due_ns = due->from_ns + NS(rules->containment_s);
		due->met_ns = incident->reached_ns[INCIDENT_CONTAINED];
		return true;
	case INCIDENT_RECOVERY:
		due->due_ns = due->from_ns + NS(rules->recovery_s);
		due->met_ns = incident->reached_ns[INCIDENT_RECOVERED];
		return true;
	case INCIDENT_REVIEW:
		due->from_ns = incident->reached_ns[INCIDENT_RECOVERED];
		if (!due->from_ns)
			return false;
		due->due_ns = calendar_due(&rules->calendar, due->from_ns, rules->review_days);
		due->met_ns = incident->reached_ns[INCIDENT_CLOSED];
		return true;
	case INCIDENT_ROOT_CAUSE:
		due->due_ns = due->from_ns + NS(rules->root_cause_s);
		due->met_ns = incident->root_cause_ns;
		return incident->needs_root_cause && is_p1_p2(incident);
	default:
		return false;
	}
}

void incidents_due(const struct incidents *incidents, const struct incident *incident,
		   enum incident_deadline deadline, int64_t now_ns, struct incident_due *ret_due)
{
	const struct policy_incidents *rules = incidents->rules;
	struct incident_due due = {.state = INCIDENT_DUE_NONE};

	if (!span(rules, incident, deadline, &due)) {
		*ret_due = (struct incident_due){.state = INCIDENT_DUE_NONE};
		return;
	}
	due.warn_ns = due.from_ns + (due.due_ns - due.from_ns) / 100 * rules->warn_at;
	if (due.met_ns)
		due.state = due.met_ns <= due.due_ns ? INCIDENT_DUE_MET : INCIDENT_DUE_MISSED;
	else if (incident->status == INCIDENT_CLOSED)
		due.state = INCIDENT_DUE_NONE; /* closed without it: nothing is left to do */
	else if (now_ns >= due.due_ns)
		due.state = INCIDENT_DUE_OVER;
	else
		due.state = now_ns >= due.warn_ns ? INCIDENT_DUE_WARNED : INCIDENT_DUE_RUNNING;
	*ret_due = due;
}

/* True once for "near" and once for "over"; over tells of both. */
static bool tell(struct incident *incident, enum incident_deadline deadline, bool over)
{
	unsigned shift = 2 * (unsigned)deadline;
	uint32_t bits = over ? TOLD_NEAR | TOLD_OVER : TOLD_NEAR;

	if ((incident->told >> shift & bits) == bits)
		return false;
	incident->told |= bits << shift;
	incident->dirty = true;
	return true;
}

static size_t tick_deadlines(struct incidents *t, struct incident *incident, int64_t now_ns,
			     incident_reminder_fn fn, void *userdata)
{
	size_t told = 0;

	for (unsigned d = 0; d < INCIDENT_DEADLINE_MAX; d++) {
		struct incident_reminder reminder = {.incident = incident, .deadline = d};
		struct incident_due due;

		incidents_due(t, incident, d, now_ns, &due);
		reminder.over = due.state == INCIDENT_DUE_OVER;
		reminder.due_ns = due.due_ns;
		if ((!reminder.over && due.state != INCIDENT_DUE_WARNED) ||
		    !tell(incident, d, reminder.over))
			continue;
		incident_write(t, incident, now_ns, "deadline", "clock", "%s is %s",
			       incident_deadline_name(d), reminder.over ? "overdue" : "due soon");
		fn(&reminder, userdata);
		told++;
	}
	return told;
}

static size_t tick_tasks(struct incidents *t, struct incident *incident, int64_t now_ns,
			 incident_reminder_fn fn, void *userdata)
{
	size_t told = 0;

	for (size_t i = 0; i < incident->n_tasks; i++) {
		struct incident_task *task = &incident->tasks[i];
		const struct incident_reminder reminder = {
			.incident = incident, .task = task, .over = true, .due_ns = task->due_ns};

		if (task->state != INCIDENT_TASK_OPEN || !task->due_ns || task->told ||
		    now_ns < task->due_ns)
			continue;
		task->told = task->dirty = true;
		incident_write(t, incident, now_ns, "deadline", "clock", "task %u is overdue",
			       task->number);
		fn(&reminder, userdata);
		told++;
	}
	return told;
}

size_t incidents_tick(struct incidents *incidents, int64_t now_ns, incident_reminder_fn fn,
		      void *userdata)
{
	size_t told = 0;

	for (size_t i = 0; i < incidents->n; i++) {
		struct incident *incident = incidents->items[i];

		if (incident->status == INCIDENT_CLOSED)
			continue;
		told += tick_deadlines(incidents, incident, now_ns, fn, userdata);
		told += tick_tasks(incidents, incident, now_ns, fn, userdata);
	}
	return told;
}
