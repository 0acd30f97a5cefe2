/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert_limit.c - how a limit is exceeded (ALR-04), from the lines of a class and the last events.
 *
 * In this order, the first that holds:
 *   distributed   five sources or more, and none makes half of it
 *   enumerating   one source over eight operations or more, or one that walks ids (PRE-10)
 *   slow-and-low  the third time within a day, each time few: someone who knows the limit
 *   sustained     for a minute or longer
 *   burst         otherwise
 */
#include <string.h>

#include "user/respond/alert_watch.h"

#define MANY_SOURCES    5
#define MANY_OPERATIONS 8
#define SLOW_TIMES      2 /* before this one */
#define SLOW_EACH       10 /* requests over the limit, at most */
#define DAY_NS          (86400 * (int64_t)CLOCK_NS_PER_S)
#define SUSTAINED_NS    (60 * CLOCK_NS_PER_S)

static bool same_class(const struct gl_watch *a, const struct gl_watch *b)
{
	return a->rule == GL_WATCH_LIMIT && a->by == GL_WATCH_BY_SOURCE &&
	       a->service == b->service && a->cls == b->cls;
}

static void sum_lines(const struct gl_watch *table, const struct gl_watch *line,
		      struct alert_limit *limit)
{
	struct gl_watch w;
	uint64_t most = 0;

	*limit = (struct alert_limit){.first_ns = line->first_ns, .last_ns = line->last_ns};
	for (uint32_t i = 0; i < GL_WATCH_LINES; i++) {
		if (!table[i].crossed_ns || !same_class(&table[i], line) ||
		    !watch_read(&table[i], &w) || !w.crossed_ns ||
		    w.last_ns + 600 * CLOCK_NS_PER_S < line->last_ns)
			continue;
		limit->sources++;
		limit->total += w.total;
		if (w.first_ns < limit->first_ns)
			limit->first_ns = w.first_ns;
		if (w.last_ns > limit->last_ns)
			limit->last_ns = w.last_ns;
		if (w.total > most) {
			most = w.total;
			limit->source = w.source;
		}
	}
	limit->have_source = most * 2 >= limit->total;
}

/* How many operations the source was refused at, of the last events. */
static unsigned operations_of(const struct alert_scene *scene, const struct gl_watch *line,
			      const struct gl_addr *source)
{
	uint16_t seen[MANY_OPERATIONS];
	const struct alert_event *e;
	char a[ALERT_TOP_TEXT], b[ALERT_TOP_TEXT];
	unsigned n = 0;

	alert_source_text(source, a);
	for (size_t i = 0; n < MANY_OPERATIONS && (e = alert_event_at(scene, i)); i++) {
		unsigned k = 0;

		if (e->rule != GL_WATCH_LIMIT || e->service != line->service ||
		    e->cls != line->cls || strcmp(alert_source_text(&e->source, b), a) != 0)
			continue;
		while (k < n && seen[k] != e->op)
			k++;
		if (k == n)
			seen[n++] = e->op;
	}
	return n;
}

static bool walks_ids(const struct alert_scene *scene, const struct gl_watch *line,
		      const struct gl_addr *source)
{
	const char *service = alert_service(scene, line->service);

	for (size_t i = alerts_count(scene->alerts); i > 0; i--) {
		const struct alert *a = alerts_at(scene->alerts, i - 1);

		if (a->kind == ALERT_ENUMERATION && a->state != ALERT_CLOSED && a->have_source &&
		    strcmp(a->service, service) == 0 &&
		    memcmp(&a->source, source, sizeof(*source)) == 0 &&
		    scene->now.wall_ns - a->last_ns < DAY_NS)
			return true;
	}
	return false;
}

/* How often before, within a day, the same source did it a little. */
static unsigned times_before(const struct alert_scene *scene, const struct gl_watch *line,
			     const struct gl_addr *source)
{
	struct alert_case c;
	unsigned n = 0;

	alert_case_of(scene, line, &c);
	for (size_t i = 0; i < alerts_count(scene->alerts); i++) {
		const struct alert *a = alerts_at(scene->alerts, i);

		n += a->kind == ALERT_LIMIT_EXCEEDED && a->have_source && a->count <= SLOW_EACH &&
		     strcmp(a->service, c.report.service) == 0 &&
		     strcmp(a->subject, c.subject) == 0 &&
		     memcmp(&a->source, source, sizeof(*source)) == 0 &&
		     a->last_ns < alert_wall(scene, line->first_ns) &&
		     scene->now.wall_ns - a->last_ns < DAY_NS;
	}
	return n;
}

/* A line begins anew when its window has passed; the case has gone on for as long as its alert. */
static void begin_with_alert(const struct alert_scene *scene, const struct gl_watch *line,
			     struct alert_limit *limit)
{
	const struct alert *alert;
	struct alert_case c;
	int64_t ago_ns;

	alert_case_of(scene, line, &c);
	alert = alerts_current(scene->alerts, &c.report, scene->now.wall_ns);
	if (!alert)
		return;
	ago_ns = scene->now.wall_ns - alert->first_ns;
	if (ago_ns > 0 && scene->now.boot_ns - (uint64_t)ago_ns < limit->first_ns)
		limit->first_ns = scene->now.boot_ns - (uint64_t)ago_ns;
	if (alert->count > limit->total)
		limit->total = alert->count;
}

void alert_limit_look(const struct alert_scene *scene, const struct gl_watch *table,
		      const struct gl_watch *line, struct alert_limit *ret_limit)
{
	struct alert_limit *l = ret_limit;

	sum_lines(table, line, l);
	begin_with_alert(scene, line, l);
	if (l->sources >= MANY_SOURCES && !l->have_source) {
		l->pattern = ALERT_DISTRIBUTED;
		l->severity = ALERT_HIGH;
	} else if (l->have_source && (operations_of(scene, line, &l->source) >= MANY_OPERATIONS ||
				      walks_ids(scene, line, &l->source))) {
		l->pattern = ALERT_ENUMERATING;
		l->severity = ALERT_HIGH;
	} else if (l->have_source && l->total <= SLOW_EACH &&
		   times_before(scene, line, &l->source) >= SLOW_TIMES) {
		l->pattern = ALERT_SLOW;
		l->severity = ALERT_MEDIUM;
	} else if (l->last_ns - l->first_ns >= SUSTAINED_NS) {
		l->pattern = ALERT_SUSTAINED;
		l->severity = ALERT_MEDIUM;
	} else {
		l->pattern = ALERT_BURST;
		l->severity = ALERT_LOW;
	}
}
