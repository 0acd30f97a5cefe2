/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_change.c - what people do with an incident. Everything is checked before anything
 * changes, so that a refusal and a dry run leave it as it was.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/incident_private.h"

__attribute__((format(printf, 3, 4))) static int refuse(struct incident_by *by, int r,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(by->why, sizeof(by->why), fmt, ap);
	va_end(ap);
	return r;
}

static int find(struct incidents *t, struct incident_by *by, uint32_t id, struct incident **ret)
{
	int r = incident_wake(t, id, ret);

	if (r == -ENOENT)
		return refuse(by, r, "there is no incident %u", id);
	return r < 0 ? refuse(by, r, "incident %u cannot be read from the store", id) : 0;
}

/* One that is worked on. */
static int find_open(struct incidents *t, struct incident_by *by, uint32_t id,
		     struct incident **ret)
{
	int r = find(t, by, id, ret);

	if (r == 0 && (*ret)->status == INCIDENT_CLOSED && (*ret)->merged_into)
		return refuse(by, -EBUSY, "incident %u was merged into %u: change that one", id,
			      (*ret)->merged_into);
	if (r == 0 && (*ret)->status == INCIDENT_CLOSED)
		return refuse(by, -EBUSY, "incident %u is closed: reopen it first", id);
	return r;
}

/* Empty where `empty` allows it; printable, not too long. */
static int check_text(struct incident_by *by, const char *what, const char *text, size_t max,
		      bool empty)
{
	size_t n = strlen(text);

	if (n == 0 && !empty)
		return refuse(by, -EINVAL, "%s is empty", what);
	if (n >= max)
		return refuse(by, -EINVAL, "%s has %zu bytes: at most %zu", what, n, max - 1);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t')
			return refuse(by, -EINVAL, "%s has a control character (byte %zu)", what,
				      i + 1);
	return 0;
}

/* Somebody has looked: IR-01 is done. */
static void triage(struct incident *incident, int64_t now_ns)
{
	if (!incident->triaged_ns)
		incident->triaged_ns = now_ns;
	incident->dirty = true;
}

int incidents_open(struct incidents *incidents, struct incident_by *by, const char *title,
		   unsigned priority, const char *service, const struct incident **ret)
{
	struct incident *incident;
	int r = check_text(by, "the title", title, INCIDENT_TITLE, false);

	if (r == 0)
		r = check_text(by, "the service", service, INCIDENT_NAME, true);
	if (r < 0)
		return r;
	if (incidents->n_open >= INCIDENTS_MAX)
		return refuse(by, -EBUSY, "%d incidents are open: close some first", INCIDENTS_MAX);
	if (by->dry_run) {
		*ret = NULL;
		return 0;
	}
	incident = incident_add(incidents, by->now_ns, "manual");
	if (!incident)
		return refuse(by, -ENOMEM, "no memory");
	incident->priority = priority;
	incident->priority_manual = true;
	incident->first_ns = incident->last_ns = by->now_ns;
	snprintf(incident->title, sizeof(incident->title), "%s", title);
	snprintf(incident->service, sizeof(incident->service), "%s", service);
	triage(incident, by->now_ns);
	incident_write(incidents, incident, by->now_ns, "opened", by->actor, "%s: %s",
		       incident_priority_name(priority), title);
	*ret = incident;
	return 0;
}

int incidents_assign(struct incidents *incidents, struct incident_by *by, uint32_t id,
		     const char *assignee)
{
	struct incident *incident;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the assignee", assignee, INCIDENT_NAME, true);
	if (r < 0 || by->dry_run)
		return r;
	incident_write(incidents, incident, by->now_ns, "assigned", by->actor, "%s -> %s",
		       *incident->assignee ? incident->assignee : "nobody",
		       *assignee ? assignee : "nobody");
	snprintf(incident->assignee, sizeof(incident->assignee), "%s", assignee);
	triage(incident, by->now_ns);
	return 0;
}

int incidents_prioritize(struct incidents *incidents, struct incident_by *by, uint32_t id,
			 unsigned priority)
{
	struct incident *incident;
	int r = find_open(incidents, by, id, &incident);

	if (r < 0 || by->dry_run)
		return r;
	incident_write(incidents, incident, by->now_ns, "priority", by->actor, "%s -> %s",
		       incident_priority_name(incident->priority),
		       incident_priority_name(priority));
	incident->priority = priority;
	incident->priority_manual = true;
	triage(incident, by->now_ns);
	return 0;
}

int incidents_note(struct incidents *incidents, struct incident_by *by, uint32_t id,
		   bool root_cause, const char *text)
{
	struct incident *incident;
	int r = find(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the note", text, INCIDENT_TEXT + 1, false);
	if (r < 0 || by->dry_run)
		return r;
	if (root_cause && !incident->root_cause_ns)
		incident->root_cause_ns = by->now_ns;
	incident_write(incidents, incident, by->now_ns, root_cause ? "root-cause" : "note",
		       by->actor, "%s", text);
	return 0;
}

int incidents_advance(struct incidents *incidents, struct incident_by *by, uint32_t id,
		      enum incident_status status, const char *text)
{
	struct incident *incident;
	enum incident_status was;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the reason", text, INCIDENT_TEXT + 1, true);
	if (r < 0)
		return r;
	was = incident->status;
	if (status >= INCIDENT_CLOSED)
		return refuse(by, -EINVAL, "close it with a resolution instead");
	if (status == was)
		return refuse(by, -EALREADY, "incident %u is %s already", id,
			      incident_status_name(status));
	if (status < was)
		return refuse(by, -EINVAL,
			      "incident %u is %s: it does not go back to %s; reopen it if it goes "
			      "on",
			      id, incident_status_name(was), incident_status_name(status));
	if (by->dry_run)
		return 0;
	/* what was skipped was reached with it */
	for (int s = (int)was + 1; s <= (int)status; s++)
		if (!incident->reached_ns[s])
			incident->reached_ns[s] = by->now_ns;
	incident_set_status(incidents, incident, status, by->now_ns);
	triage(incident, by->now_ns);
	incident_write(incidents, incident, by->now_ns, "status", by->actor, "%s -> %s%s%s",
		       incident_status_name(was), incident_status_name(status), *text ? ": " : "",
		       text);
	return 0;
}

static size_t open_tasks(const struct incident *incident)
{
	size_t n = 0;

	for (size_t i = 0; i < incident->n_tasks; i++)
		n += incident->tasks[i].state == INCIDENT_TASK_OPEN;
	return n;
}

static bool is_for_people(enum incident_resolution resolution)
{
	return resolution >= INCIDENT_FIXED && resolution <= INCIDENT_ACCEPTED;
}

int incidents_close(struct incidents *incidents, struct incident_by *by, uint32_t id,
		    enum incident_resolution resolution, const char *text)
{
	struct incident *incident;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the reason", text, INCIDENT_TEXT + 1, false);
	if (r < 0)
		return r;
	if (!is_for_people(resolution))
		return refuse(by, -EINVAL,
			      "the resolution is fixed, false-positive, duplicate or accepted");
	if (resolution == INCIDENT_FIXED && incident->status < INCIDENT_RECOVERED)
		return refuse(by, -EBUSY,
			      "incident %u is %s: what is fixed is recovered first (phase %u "
			      "recovered)",
			      id, incident_status_name(incident->status), id);
	if (open_tasks(incident))
		return refuse(by, -EBUSY,
			      "incident %u has %zu open tasks: end each as done or dropped first",
			      id, open_tasks(incident));
	if (resolution == INCIDENT_FIXED && incident->needs_root_cause && !incident->root_cause_ns)
		return refuse(by, -EBUSY,
			      "incident %u has no root cause yet: note it (note --root-cause)", id);
	if (by->dry_run)
		return 0;
	incident_write(incidents, incident, by->now_ns, "status", by->actor,
		       "%s -> closed (%s): %s", incident_status_name(incident->status),
		       incident_resolution_name(resolution), text);
	incident->resolution = resolution;
	incident_set_status(incidents, incident, INCIDENT_CLOSED, by->now_ns);
	triage(incident, by->now_ns);
	return 0;
}

int incidents_reopen(struct incidents *incidents, struct incident_by *by, uint32_t id,
		     const char *text)
{
	struct incident *incident;
	int r = find(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the reason", text, INCIDENT_TEXT + 1, false);
	if (r < 0)
		return r;
	if (incident->status == INCIDENT_OPEN)
		return refuse(by, -EALREADY, "incident %u is open", id);
	if (incident->merged_into)
		return refuse(by, -EBUSY, "incident %u was merged into %u: split it from there", id,
			      incident->merged_into);
	if (incident->status == INCIDENT_CLOSED && incidents->n_open >= INCIDENTS_MAX)
		return refuse(by, -EBUSY, "%d incidents are open: close some first", INCIDENTS_MAX);
	if (by->dry_run)
		return 0;
	incident_write(incidents, incident, by->now_ns, "status", by->actor,
		       "%s -> open (reopened, its clock begins anew): %s",
		       incident_status_name(incident->status), text);
	incident_set_status(incidents, incident, INCIDENT_OPEN, by->now_ns);
	memset(incident->reached_ns, 0, sizeof(incident->reached_ns));
	incident->reached_ns[INCIDENT_OPEN] = by->now_ns;
	incident->resolution = INCIDENT_UNRESOLVED;
	incident->clock_ns = incident->triaged_ns = by->now_ns;
	incident->told = 0;
	incident->evidence_told = INCIDENT_OPEN;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Tasks
 */
static struct incident_task *grow_tasks(struct incident *incident)
{
	struct incident_task *grown =
		reallocarray(incident->tasks, incident->n_tasks + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	incident->tasks = grown;
	grown += incident->n_tasks++;
	*grown = (struct incident_task){.number = (uint32_t)incident->n_tasks, .dirty = true};
	incident->dirty = true;
	return grown;
}

int incidents_task_add(struct incidents *incidents, struct incident_by *by, uint32_t id,
		       const char *text, const char *owner, int64_t due_ns, uint32_t *ret_number)
{
	struct incident_task *task;
	struct incident *incident;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the task", text, sizeof(task->text), false);
	if (r == 0)
		r = check_text(by, "the owner", owner, sizeof(task->owner), true);
	if (r < 0)
		return r;
	if (incident->n_tasks == INCIDENT_TASKS_MAX)
		return refuse(by, -EBUSY, "incident %u has %d tasks: that is all it may have", id,
			      INCIDENT_TASKS_MAX);
	if (due_ns && due_ns <= by->now_ns)
		return refuse(by, -EINVAL, "the task's due time is over already");
	if (by->dry_run)
		return 0;
	task = grow_tasks(incident);
	if (!task)
		return refuse(by, -ENOMEM, "no memory");
	task->created_ns = by->now_ns;
	task->due_ns = due_ns;
	snprintf(task->text, sizeof(task->text), "%s", text);
	snprintf(task->owner, sizeof(task->owner), "%s", owner);
	incident_write(incidents, incident, by->now_ns, "task", by->actor, "task %u%s%s: %s",
		       task->number, *owner ? " of " : "", owner, text);
	if (ret_number)
		*ret_number = task->number;
	return 0;
}

int incidents_task_end(struct incidents *incidents, struct incident_by *by, uint32_t id,
		       uint32_t number, enum incident_task_state state, const char *text)
{
	struct incident_task *task;
	struct incident *incident;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = check_text(by, "the reason", text, INCIDENT_TEXT + 1,
			       state == INCIDENT_TASK_DONE);
	if (r < 0)
		return r;
	if (number < 1 || number > incident->n_tasks)
		return refuse(by, -ENOENT, "incident %u has no task %u", id, number);
	task = &incident->tasks[number - 1];
	if (task->state != INCIDENT_TASK_OPEN)
		return refuse(by, -EALREADY, "task %u of incident %u is %s already", number, id,
			      incident_task_name(task->state));
	if (by->dry_run)
		return 0;
	task->state = state;
	task->done_ns = by->now_ns;
	task->dirty = true;
	incident_write(incidents, incident, by->now_ns, "task", by->actor, "task %u %s%s%s", number,
		       incident_task_name(state), *text ? ": " : "", text);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Two into one, one into two
 */
static void move_tasks(struct incidents *t, struct incident *to, struct incident *from,
		       int64_t now_ns)
{
	for (size_t i = 0; i < from->n_tasks; i++) {
		struct incident_task *task = &from->tasks[i], *copy;
		uint32_t number;

		if (task->state != INCIDENT_TASK_OPEN || to->n_tasks == INCIDENT_TASKS_MAX)
			continue;
		copy = grow_tasks(to);
		if (!copy)
			return;
		number = copy->number;
		*copy = *task;
		copy->number = number;
		copy->dirty = task->dirty = true;
		task->state = INCIDENT_TASK_DROPPED;
		task->done_ns = now_ns;
		incident_write(t, to, now_ns, "task", "merge", "task %u of incident %u is task %u",
			       task->number, from->id, number);
	}
}

int incidents_merge(struct incidents *incidents, struct incident_by *by, uint32_t id,
		    uint32_t other)
{
	struct incident *incident, *from;
	uint64_t evidence;
	uint32_t alerts;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = find_open(incidents, by, other, &from);
	if (r < 0)
		return r;
	if (id == other)
		return refuse(by, -EINVAL, "an incident cannot be merged with itself");
	if (incident->n_tasks + open_tasks(from) > INCIDENT_TASKS_MAX)
		return refuse(by, -EBUSY, "together they have more than %d tasks",
			      INCIDENT_TASKS_MAX);
	if (by->dry_run)
		return 0;
	alerts = incident->alerts + from->alerts;
	evidence = incident->evidence + from->evidence;
	for (size_t i = 0; i < incidents->n_links; i++) {
		if (incidents->links[i].incident != other)
			continue;
		incidents->links[i].incident = id;
		incidents->links[i].dirty = true;
	}
	incident_recount(incidents, incident);
	incident->alerts = alerts;
	incident->evidence = evidence;
	if (from->first_ns && (!incident->first_ns || from->first_ns < incident->first_ns))
		incident->first_ns = from->first_ns;
	if (from->last_ns > incident->last_ns)
		incident->last_ns = from->last_ns;
	if (from->clock_ns < incident->clock_ns)
		incident->clock_ns = from->clock_ns;
	if (from->priority < incident->priority)
		incident->priority = from->priority;
	incident->needs_root_cause |= from->needs_root_cause;
	move_tasks(incidents, incident, from, by->now_ns);
	from->n_links = 0;
	from->merged_into = id;
	from->resolution = INCIDENT_MERGED;
	incident_write(incidents, from, by->now_ns, "status", by->actor,
		       "%s -> closed (merged into incident %u)", incident_status_name(from->status),
		       id);
	incident_set_status(incidents, from, INCIDENT_CLOSED, by->now_ns);
	incident_write(incidents, incident, by->now_ns, "merged", by->actor,
		       "incident %u (%s) is part of this one", other, from->title);
	triage(incident, by->now_ns);
	return 0;
}

static struct incident_link *find_link(const struct incidents *t, uint32_t id, uint64_t alert)
{
	for (size_t i = 0; i < t->n_links; i++)
		if (t->links[i].incident == id && t->links[i].alert == alert)
			return &t->links[i];
	return NULL;
}

static int check_split(struct incidents *t, struct incident_by *by, struct incident *incident,
		       const uint64_t *alerts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!find_link(t, incident->id, alerts[i]))
			return refuse(by, -ENOENT, "alert %llu is not of incident %u",
				      (unsigned long long)alerts[i], incident->id);
		for (size_t k = 0; k < i; k++)
			if (alerts[k] == alerts[i])
				return refuse(by, -EINVAL, "alert %llu is named twice",
					      (unsigned long long)alerts[i]);
	}
	if (n == 0 || n >= incident->n_links)
		return refuse(by, -EINVAL, "incident %u has %u alerts: split off 1 to %u of them",
			      incident->id, incident->n_links,
			      incident->n_links ? incident->n_links - 1 : 0);
	if (t->n_open >= INCIDENTS_MAX)
		return refuse(by, -EBUSY, "%d incidents are open: close some first", INCIDENTS_MAX);
	return 0;
}

int incidents_split(struct incidents *incidents, struct incident_by *by, uint32_t id,
		    const uint64_t *alerts, size_t n, const struct incident **ret)
{
	struct incident *incident, *part;
	uint32_t beyond;
	int r = find_open(incidents, by, id, &incident);

	if (r == 0)
		r = check_split(incidents, by, incident, alerts, n);
	if (r < 0)
		return r;
	*ret = NULL;
	if (by->dry_run)
		return 0;
	part = incident_add(incidents, by->now_ns, "split");
	if (!part)
		return refuse(by, -ENOMEM, "no memory");
	beyond = incident->alerts - incident->n_links;
	part->split_from = id;
	part->priority = incident->priority;
	snprintf(part->service, sizeof(part->service), "%s", incident->service);
	snprintf(part->title, sizeof(part->title), "part of %u: %.140s", id, incident->title);
	for (size_t i = 0; i < n; i++) {
		struct incident_link *link = find_link(incidents, id, alerts[i]);

		link->incident = part->id;
		link->dirty = true;
	}
	incident_recount(incidents, incident);
	incident->alerts += beyond;
	incident_recount(incidents, part);
	part->clock_ns = part->first_ns;
	triage(part, by->now_ns);
	incident_write(incidents, incident, by->now_ns, "split", by->actor,
		       "%zu alerts are incident %u now", n, part->id);
	incident_write(incidents, part, by->now_ns, "opened", by->actor, "%s: %s",
		       incident_priority_name(part->priority), part->title);
	*ret = part;
	return 0;
}
