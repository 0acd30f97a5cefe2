/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/alert_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(GL_WATCH_LINES <= UINT16_MAX + 1u, "a line's number fits");

#define LIMITS           64 /* classes whose limit is exceeded at once */
#define REFUSED_SHARE    30 /* of a hundred answers: below, many refusals are no attack */
#define RESTART_SLACK_NS (2 * (int64_t)CLOCK_NS_PER_S)
#define OLD_CROSSING_NS  (3600 * (int64_t)CLOCK_NS_PER_S) /* older ones are history at a start */

/* What was told of a line. */
struct told {
	uint64_t tag, crossed_ns;
	uint32_t total;
	bool alerted; /* an alert counts its further events */
};

struct alert_watch {
	const struct gl_watch *table;
	struct gl_watch *own;
	struct told told[GL_WATCH_LINES];
	bool begun; /* all lines were looked at once: what is there now is new */
	uint64_t crossings, own_crossings; /* at the last look at all lines; of the own table */
	size_t n_crossed;
	uint16_t crossed[GL_WATCH_LINES]; /* lines that look found */
	/* patterns found at `limits_ns`: one look at all lines a class, not one a line */
	uint64_t limits_ns;
	unsigned n_limits;
	struct {
		uint32_t key;
		struct alert_limit limit;
	} limits[LIMITS];
};

int alert_watch_new(const struct gl_watch *table, struct alert_watch **ret_watch)
{
	struct alert_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	if (!table)
		watch->own = calloc(GL_WATCH_LINES, sizeof(*watch->own));
	watch->table = table ? table : watch->own;
	if (!watch->table) {
		free(watch);
		return -ENOMEM;
	}
	*ret_watch = watch;
	return 0;
}

void alert_watch_free(struct alert_watch *watch)
{
	if (!watch)
		return;
	free(watch->own);
	free(watch);
}

/* ---------------------------------------------------------------------------------------------
 * Cases
 */
static const enum alert_kind kinds[GL_WATCH_MAX] = {
	[GL_WATCH_AUTH] = ALERT_AUTH_FAILURES,
	[GL_WATCH_FORBIDDEN] = ALERT_FORBIDDEN,
	[GL_WATCH_ERROR] = ALERT_SERVER_ERRORS,
	[GL_WATCH_LIMIT] = ALERT_LIMIT_EXCEEDED,
};

static void name_case(const struct alert_scene *scene, enum gl_watch_rule_id rule,
		      enum gl_watch_by by, const struct alert_event *e, struct alert_case *c)
{
	c->report = (struct alert_report){
		.kind = kinds[rule], .severity = -1, .service = alert_service(scene, e->service)};
	c->subject[0] = c->detail[0] = '\0';
	if (rule == GL_WATCH_LIMIT)
		snprintf(c->subject, sizeof(c->subject), "class %s", alert_class(scene, e->cls));
	else if (by == GL_WATCH_BY_SOURCE)
		alert_source_subject(&e->source, c->subject);
	else if (by == GL_WATCH_BY_PRINCIPAL)
		alert_principal_subject(e->principal, c->subject);
	else
		c->report.operation = alert_operation(scene, e->op);
	c->report.subject = c->subject;
}

static const char *what(enum gl_watch_rule_id rule)
{
	static const char *const texts[GL_WATCH_MAX] = {
		[GL_WATCH_AUTH] = "answers of 401",
		[GL_WATCH_FORBIDDEN] = "answers of 403",
		[GL_WATCH_ERROR] = "answers of 5xx",
		[GL_WATCH_LIMIT] = "requests over the limit",
	};

	return texts[rule];
}

void alert_case_of(const struct alert_scene *scene, const struct gl_watch *line,
		   struct alert_case *ret_case)
{
	const struct gl_watch_rule *rule = scene->policy ? &scene->policy->watch[line->rule] : NULL;
	const struct alert_event e = {
		.source = line->source,
		.principal = line->principal,
		.service = line->service,
		.op = line->op,
		.cls = line->cls,
	};
	struct alert_case *c = ret_case;

	name_case(scene, line->rule, line->by, &e, c);
	c->report.threshold = rule ? rule->at_least[line->by] : 0;
	c->report.window_s = rule ? rule->window_s : 0;
	c->report.first_ns = alert_wall(scene, line->first_ns);
	c->report.last_ns = alert_wall(scene, line->last_ns);
	c->report.crossed_ns = alert_wall(scene, line->crossed_ns);
	if (line->by == GL_WATCH_BY_SOURCE)
		c->report.source = &line->source;
	if (line->by == GL_WATCH_BY_PRINCIPAL)
		c->report.principal = line->principal;
	snprintf(c->detail, sizeof(c->detail), "%u %s%s within %u s", c->report.threshold,
		 what(line->rule),
		 line->by == GL_WATCH_BY_SOURCE      ? " to one source"
		 : line->by == GL_WATCH_BY_PRINCIPAL ? " to one principal"
						     : " from one operation",
		 c->report.window_s);
	c->report.detail = c->detail;
}

/* ---------------------------------------------------------------------------------------------
 * One case, one alert
 */

/* Whether the source of an event has an alert of this rule that is going on. */
static bool source_is_told(const struct alert_scene *scene, const struct gl_watch *line,
			   const struct gl_addr *source)
{
	const struct alert_event e = {.source = *source, .service = line->service};
	struct alert_case c;

	name_case(scene, line->rule, GL_WATCH_BY_SOURCE, &e, &c);
	return alerts_current(scene->alerts, &c.report, scene->now.wall_ns) != NULL;
}

/* How many events of a service and rule each came from sources that have an alert. */
static uint64_t told_by_source(const struct alert_watch *watch, const struct alert_scene *scene,
			       const struct gl_watch *line)
{
	uint64_t total = 0;
	struct gl_watch w;

	for (uint32_t i = 0; i < GL_WATCH_LINES; i++) {
		const struct gl_watch *other = &watch->table[i];

		if (other->by != GL_WATCH_BY_SOURCE || other->rule != line->rule ||
		    other->service != line->service || !watch_read(other, &w) || !w.crossed_ns ||
		    w.last_ns < line->first_ns)
			continue;
		if (source_is_told(scene, line, &w.source))
			total += w.total;
	}
	return total;
}

/* Spraying over many sources says more than that an operation refuses many. */
static bool is_sprayed(const struct alert_scene *scene, const struct gl_watch *line)
{
	const struct alert_report report = {
		.kind = ALERT_PASSWORD_SPRAYING,
		.service = alert_service(scene, line->service),
		.operation = alert_operation(scene, line->op),
	};

	return line->rule == GL_WATCH_AUTH &&
	       alerts_current(scene->alerts, &report, scene->now.wall_ns);
}

/* So does stuffing, which counts its refusals itself. */
static bool is_stuffed(const struct alert_scene *scene, const struct gl_watch *line)
{
	char subject[ALERT_SUBJECT];

	if (line->rule != GL_WATCH_AUTH || line->by != GL_WATCH_BY_SOURCE)
		return false;
	alert_source_subject(&line->source, subject);
	return alerts_about(scene->alerts, ALERT_CREDENTIAL_STUFFING,
			    alert_service(scene, line->service), subject, scene->now.wall_ns);
}

static bool is_told_otherwise(const struct alert_watch *watch, const struct alert_scene *scene,
			      const struct gl_watch *line)
{
	if (line->rule == GL_WATCH_ERROR || line->rule == GL_WATCH_LIMIT)
		return false;
	if (line->by == GL_WATCH_BY_PRINCIPAL)
		return source_is_told(scene, line, &line->source);
	/* a busy operation refuses some of many every minute */
	if (line->by == GL_WATCH_BY_OPERATION &&
	    (is_sprayed(scene, line) || alert_share_refused(scene, line->op) < REFUSED_SHARE))
		return true;
	if (line->by == GL_WATCH_BY_OPERATION)
		return told_by_source(watch, scene, line) * 2 >= line->total;
	return false;
}

/* ---------------------------------------------------------------------------------------------
 * Samples and tops
 */
static bool event_of_case(const struct alert_scene *scene, const struct alert_event *e,
			  const struct gl_watch *line)
{
	char a[ALERT_SUBJECT], b[ALERT_SUBJECT];

	if (e->rule != line->rule || e->service != line->service)
		return false;
	if (line->rule == GL_WATCH_LIMIT)
		return e->cls == line->cls;
	if (line->by == GL_WATCH_BY_SOURCE)
		return strcmp(alert_source_subject(&e->source, a),
			      alert_source_subject(&line->source, b)) == 0;
	if (line->by == GL_WATCH_BY_PRINCIPAL)
		return e->principal == line->principal;
	(void)scene;
	return e->op == line->op;
}

/* Counted events bring sources and operations; those an inspector told, agents and request ids. */
static void add_event(struct alert_scene *scene, uint64_t id, const struct alert_event *e)
{
	struct alert_sample sample = {
		.wall_ns = e->wall_ns,
		.source = e->source,
		.principal = e->principal,
		.status = e->status,
	};
	char source[ALERT_TOP_TEXT];

	if (e->told) {
		alerts_add_top(scene->alerts, id, ALERT_TOP_AGENTS, e->agent, 1);
		snprintf(sample.request_id, sizeof(sample.request_id), "%s", e->request_id);
		snprintf(sample.text, sizeof(sample.text), "%s", alert_operation(scene, e->op));
		alerts_add_sample(scene->alerts, id, &sample);
		return;
	}
	alerts_add_top(scene->alerts, id, ALERT_TOP_OPERATIONS, alert_operation(scene, e->op), 1);
	alerts_add_top(scene->alerts, id, ALERT_TOP_SOURCES, alert_source_text(&e->source, source),
		       1);
}

/* An alert begins: what of the last events it is made of. */
static void add_past(struct alert_scene *scene, uint64_t id, const struct gl_watch *line)
{
	int64_t first_ns = alert_wall(scene, line->first_ns) - RESTART_SLACK_NS;
	const struct alert_event *e;
	size_t n = 0;

	while ((e = alert_event_at(scene, n)) && e->wall_ns >= first_ns)
		n++;
	for (; n > 0; n--) {
		e = alert_event_at(scene, n - 1);
		if (event_of_case(scene, e, line))
			add_event(scene, id, e);
	}
}

void alert_watch_event(struct alert_scene *scene, const struct alert_event *event)
{
	alert_event_add(scene, event);
	if (event->rule >= GL_WATCH_MAX)
		return;
	for (unsigned by = 0; by < GL_WATCH_BY_MAX; by++) {
		const struct alert *alert;
		struct alert_case c;

		if (by == GL_WATCH_BY_PRINCIPAL && !event->principal)
			continue;
		name_case(scene, event->rule, by, event, &c);
		alert = alerts_current(scene->alerts, &c.report, event->wall_ns);
		if (alert)
			add_event(scene, alert->id, event);
		if (event->rule == GL_WATCH_LIMIT)
			break; /* one case, however it is counted */
	}
}

/* ---------------------------------------------------------------------------------------------
 * Lines
 */

/* At a start: whether what the line says was told before, by an agent that is gone. */
static bool was_told(const struct alert_scene *scene, const struct alert_case *c,
		     const struct gl_watch *line)
{
	const struct alert *alert = alerts_newest(scene->alerts, &c->report);

	if (alert && alert->last_ns + RESTART_SLACK_NS >= alert_wall(scene, line->last_ns))
		return true;
	return scene->now.wall_ns - alert_wall(scene, line->last_ns) > OLD_CROSSING_NS;
}

static const struct alert_limit *
limit_of(struct alert_watch *watch, const struct alert_scene *scene, const struct gl_watch *line)
{
	uint32_t key = (uint32_t)line->service << 16 | line->cls;
	unsigned i = 0;

	if (watch->limits_ns != scene->now.boot_ns) {
		watch->limits_ns = scene->now.boot_ns;
		watch->n_limits = 0;
	}
	while (i < watch->n_limits && watch->limits[i].key != key)
		i++;
	if (i < watch->n_limits)
		return &watch->limits[i].limit;
	if (i == LIMITS)
		i--;
	else
		watch->n_limits++;
	watch->limits[i].key = key;
	alert_limit_look(scene, watch->table, line, &watch->limits[i].limit);
	return &watch->limits[i].limit;
}

static void describe_limit(struct alert_watch *watch, const struct alert_scene *scene,
			   const struct gl_watch *line, struct alert_case *c)
{
	const struct alert_limit *limit = limit_of(watch, scene, line);

	c->report.pattern = limit->pattern;
	c->report.severity = (int)limit->severity;
	c->report.source = limit->have_source ? &limit->source : NULL;
	snprintf(c->detail, sizeof(c->detail),
		 "%s: %llu requests over the limit of class %s, by %u %s, in %llu s",
		 alert_pattern_name(limit->pattern), (unsigned long long)limit->total,
		 alert_class(scene, line->cls), limit->sources,
		 limit->sources == 1 ? "source" : "sources",
		 (unsigned long long)((limit->last_ns - limit->first_ns) / CLOCK_NS_PER_S));
}

static void raise_line(struct alert_watch *watch, struct alert_scene *scene, struct told *told,
		       const struct gl_watch *line, struct alert_case *c)
{
	const struct alert *alert = NULL;
	int r;

	c->report.count = line->total - told->total;
	if (line->rule == GL_WATCH_LIMIT)
		describe_limit(watch, scene, line, c);
	else if (line->rule == GL_WATCH_ERROR && line->total >= 10)
		c->report.severity = ALERT_HIGH; /* not one request: the operation is broken */
	r = alerts_raise(scene->alerts, &c->report, scene->now.wall_ns, &alert);
	if (r < 0)
		return; /* no memory: looked at again */
	if (r == 1)
		add_past(scene, alert->id, line);
	told->alerted = true;
	told->crossed_ns = line->crossed_ns;
	told->total = line->total;
}

/* True if the line had crossed and it was not known. */
static bool look(struct alert_watch *watch, struct alert_scene *scene, uint32_t index)
{
	const struct gl_watch *shared = &watch->table[index];
	struct told *told = &watch->told[index];
	struct alert_case c;
	struct gl_watch line;
	bool fresh;

	/* most lines, most times: free, or nothing new */
	if (!shared->crossed_ns ||
	    (told->crossed_ns == shared->crossed_ns && told->total == shared->total))
		return false;
	if (!watch_read(shared, &line) || !line.crossed_ns || line.rule >= GL_WATCH_MAX ||
	    line.by >= GL_WATCH_BY_MAX)
		return false;
	if (told->tag != line.line.tag || line.total < told->total ||
	    line.crossed_ns < told->crossed_ns) {
		*told = (struct told){.tag = line.line.tag};
		alert_case_of(scene, &line, &c);
		if (!watch->begun && was_told(scene, &c, &line)) {
			told->crossed_ns = line.crossed_ns;
			told->total = line.total;
			told->alerted = true;
			return false;
		}
	}
	fresh = told->crossed_ns != line.crossed_ns;
	if (!fresh && !told->alerted)
		return false;
	alert_case_of(scene, &line, &c);
	if (is_stuffed(scene, &line) || (fresh && is_told_otherwise(watch, scene, &line))) {
		told->crossed_ns = line.crossed_ns;
		told->total = line.total;
		told->alerted = false;
		return fresh;
	}
	raise_line(watch, scene, told, &line, &c);
	return fresh;
}

void alert_watch_look(struct alert_watch *watch, struct alert_scene *scene, uint32_t index)
{
	if (index < GL_WATCH_LINES)
		look(watch, scene, index);
}

/*
 * All lines that have crossed, sources first: what they explain is not told again. The doors write
 * meanwhile: a line that changes hands is in no list, or in the wrong place of one.
 */
static void find_crossed(struct alert_watch *watch)
{
	static const enum gl_watch_by order[] = {GL_WATCH_BY_SOURCE, GL_WATCH_BY_PRINCIPAL,
						 GL_WATCH_BY_OPERATION};
	uint8_t by[GL_WATCH_LINES];

	for (uint32_t i = 0; i < GL_WATCH_LINES; i++)
		by[i] = watch->table[i].crossed_ns ? watch->table[i].by : GL_WATCH_BY_MAX;
	watch->n_crossed = 0;
	for (size_t k = 0; k < GL_WATCH_BY_MAX; k++)
		for (uint32_t i = 0; i < GL_WATCH_LINES; i++)
			if (by[i] == order[k])
				watch->crossed[watch->n_crossed++] = (uint16_t)i;
}

unsigned alert_watch_poll(struct alert_watch *watch, struct alert_scene *scene, uint64_t crossings)
{
	unsigned fresh = 0;

	if (watch->own)
		crossings = watch->own_crossings;
	if (!watch->begun || watch->crossings != crossings)
		find_crossed(watch);
	watch->crossings = crossings;
	for (size_t i = 0; i < watch->n_crossed; i++)
		fresh += look(watch, scene, watch->crossed[i]);
	watch->begun = true;
	return fresh;
}

void alert_watch_count(struct alert_watch *watch, struct alert_scene *scene,
		       const struct alert_event *event)
{
	struct watch_ask ask = {
		.source = event->source,
		.principal = event->principal,
		.service = event->service,
		.op = event->op,
		.cls = event->cls,
		.status = event->status,
		.rule = event->rule,
		.table = watch->own,
	};

	if (!scene->policy || !watch->own || event->rule >= GL_WATCH_MAX)
		return;
	for (unsigned by = 0; by < GL_WATCH_BY_MAX; by++) {
		ask.by = (uint8_t)by;
		if (!watch_name(&ask, &scene->policy->watch[event->rule],
				&scene->policy->subject_key))
			continue;
		if (watch_once(&ask, scene->now.boot_ns) != WATCH_CROSSED)
			continue;
		watch->own_crossings++;
		look(watch, scene, ask.index);
	}
}
