/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert_watch.h - thresholds of statuses and limits (ALR-01 to ALR-04): from a table of counts
 * (include/glacis/watch.h) to alerts. There are two tables: the kernel's, which the doors count in,
 * and one of the keeper's for HTTP/2, whose requests it judges itself.
 *
 * A record only says where to look at once; alert_watch_poll() finds the same without it, so
 * nothing depends on a record that arrives. It looks at all lines when crossings were counted since
 * it did so last, else at those that had crossed (two megabytes each second are a quarter of what
 * an idle keeper would cost). What was told of a line is remembered by position and tag.
 *
 * One case, one alert: a principal is not told where its source is, an operation not where one
 * source makes most of it. All sources of a class that exceed its limit are one case, with a
 * pattern (alert_limit.c).
 */
#pragma once

#include "include/glacis/watch.h"
#include "user/respond/alert_scene.h"

struct alert_watch;

/* `table` (GL_WATCH_LINES) is borrowed; NULL: one of its own, to count in. */
int alert_watch_new(const struct gl_watch *table, struct alert_watch **ret_watch);
void alert_watch_free(struct alert_watch *watch); /* NULL-safe */

/* Line `index` has crossed, a record says. */
void alert_watch_look(struct alert_watch *watch, struct alert_scene *scene, uint32_t index);
/*
 * crossings: how many the table's counter has counted so far, read before this call; of a table of
 * one's own none are needed. Returns how many crossings no record had told.
 */
unsigned alert_watch_poll(struct alert_watch *watch, struct alert_scene *scene, uint64_t crossings);

/* Counts an event in the table of its own, at scene->now, and looks at what it crossed. */
void alert_watch_count(struct alert_watch *watch, struct alert_scene *scene,
		       const struct alert_event *event);

/*
 * An event that is counted elsewhere: what it says beside its count (samples, top operations,
 * sources, agents) goes to the alerts it belongs to, now or when they begin.
 */
void alert_watch_event(struct alert_scene *scene, const struct alert_event *event);

/* What a line's alert is about; alert_limit.c, and tests. */
struct alert_case {
	struct alert_report report;
	char subject[ALERT_SUBJECT], detail[ALERT_DETAIL];
};
void alert_case_of(const struct alert_scene *scene, const struct gl_watch *line,
		   struct alert_case *ret_case);

/* alert_limit.c: the pattern of a class's exceeded limit, from all its lines. */
struct alert_limit {
	enum alert_pattern pattern;
	enum alert_severity severity;
	unsigned sources; /* that exceeded it */
	struct gl_addr source; /* the one that did most, if have_source */
	bool have_source; /* it did at least half */
	uint64_t total, first_ns, last_ns; /* boottime */
};
void alert_limit_look(const struct alert_scene *scene, const struct gl_watch *table,
		      const struct gl_watch *line, struct alert_limit *ret_limit);
