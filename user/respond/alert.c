/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/alert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"

#define COOL_DOWN_S 600
#define BUCKETS     8192 /* a power of two, beyond ALERTS_MAX */

/* An alert with its place in the chain of its bucket. */
struct node {
	struct alert alert;
	struct node *next;
};

struct alerts {
	struct node *order[ALERTS_MAX]; /* ascending by id */
	size_t n;
	struct node *buckets[BUCKETS]; /* by case, the newest first */
	uint64_t last_id, raised, evicted;
	int64_t cool_down_ns;
	struct {
		alert_fn fn;
		void *userdata;
	} subscribers[ALERT_SUBSCRIBERS];
	size_t n_subscribers;
};

/* ---------------------------------------------------------------------------------------------
 * Names
 */
struct kind_info {
	const char *name, *control;
	enum alert_severity severity;
};
#define KIND_INFO(name, text, control, severity) [name] = {text, control, severity},
static const struct kind_info kinds[ALERT_KIND_MAX] = {ALERT_KIND_LIST(KIND_INFO)};
#define NAME(name, text) [name] = (text),
static const char *const severities[ALERT_SEVERITY_MAX] = {ALERT_SEVERITY_LIST(NAME)};
static const char *const states[ALERT_STATE_MAX] = {ALERT_STATE_LIST(NAME)};
static const char *const patterns[ALERT_PATTERN_MAX] = {ALERT_PATTERN_LIST(NAME)};

static const char *name_in(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : "unknown";
}

static int find_in(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -ENOENT;
}

const char *alert_kind_name(unsigned kind)
{
	return kind < ALERT_KIND_MAX ? kinds[kind].name : "unknown";
}

const char *alert_kind_control(unsigned kind)
{
	return kind < ALERT_KIND_MAX ? kinds[kind].control : "";
}

enum alert_severity alert_kind_severity(unsigned kind)
{
	return kind < ALERT_KIND_MAX ? kinds[kind].severity : ALERT_MEDIUM;
}

const char *alert_severity_name(unsigned severity)
{
	return name_in(severities, ALERT_SEVERITY_MAX, severity);
}

const char *alert_state_name(unsigned state)
{
	return name_in(states, ALERT_STATE_MAX, state);
}

const char *alert_pattern_name(unsigned pattern)
{
	return name_in(patterns, ALERT_PATTERN_MAX, pattern);
}

int alert_kind_find(const char *text)
{
	for (int i = 0; i < ALERT_KIND_MAX; i++)
		if (strcmp(kinds[i].name, text) == 0)
			return i;
	return -ENOENT;
}

int alert_severity_find(const char *text)
{
	return find_in(severities, ALERT_SEVERITY_MAX, text);
}

int alert_state_find(const char *text)
{
	return find_in(states, ALERT_STATE_MAX, text);
}

/* ---------------------------------------------------------------------------------------------
 * Cases
 */
static const char *text_or(const char *text)
{
	return text ? text : "";
}

/* FNV-1a; texts are bounded, and who collides only makes a chain longer. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return (hash ^ 0x1f) * 16777619u;
}

static uint32_t bucket_of(enum alert_kind kind, const char *service, const char *operation,
			  const char *subject)
{
	uint32_t hash = (2166136261u ^ (uint32_t)kind) * 16777619u;

	hash = hash_text(hash, service);
	hash = hash_text(hash, operation);
	return hash_text(hash, subject) & (BUCKETS - 1);
}

static struct node **bucket_of_alert(struct alerts *alerts, const struct alert *a)
{
	return &alerts->buckets[bucket_of(a->kind, a->service, a->operation, a->subject)];
}

/* A text as it is kept: cut to the room there is. */
static bool same_text(const char *kept, const char *text, size_t room)
{
	return strncmp(kept, text, room - 1) == 0;
}

/* The newest alert of a case. */
static struct node *newest(const struct alerts *alerts, const struct alert_report *report)
{
	char service[ALERT_SERVICE], operation[ALERT_OPERATION], subject[ALERT_SUBJECT];
	struct node *node;

	snprintf(service, sizeof(service), "%s", text_or(report->service));
	snprintf(operation, sizeof(operation), "%s", text_or(report->operation));
	snprintf(subject, sizeof(subject), "%s", text_or(report->subject));
	node = alerts->buckets[bucket_of(report->kind, service, operation, subject)];
	for (; node; node = node->next)
		if (node->alert.kind == report->kind &&
		    same_text(node->alert.service, service, sizeof(service)) &&
		    same_text(node->alert.operation, operation, sizeof(operation)) &&
		    same_text(node->alert.subject, subject, sizeof(subject)))
			return node;
	return NULL;
}

/* Position of the first one with an id of at least `id`. */
static size_t position(const struct alerts *alerts, uint64_t id)
{
	size_t low = 0, high = alerts->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (alerts->order[middle]->alert.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct node *find(const struct alerts *alerts, uint64_t id)
{
	size_t i = position(alerts, id);

	return i < alerts->n && alerts->order[i]->alert.id == id ? alerts->order[i] : NULL;
}

static void remove_at(struct alerts *alerts, size_t i)
{
	struct node *node = alerts->order[i], **at = bucket_of_alert(alerts, &node->alert);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	memmove(&alerts->order[i], &alerts->order[i + 1],
		(alerts->n - i - 1) * sizeof(alerts->order[0]));
	alerts->n--;
	free(node);
}

/* Closed before open, the longest quiet first. */
static void evict(struct alerts *alerts)
{
	size_t victim = 0;

	for (size_t i = 1; i < alerts->n; i++) {
		const struct alert *a = &alerts->order[i]->alert;
		const struct alert *v = &alerts->order[victim]->alert;
		int closed = a->state == ALERT_CLOSED, victim_closed = v->state == ALERT_CLOSED;

		if (closed != victim_closed ? closed : a->last_ns < v->last_ns)
			victim = i;
	}
	alerts->evicted++;
	remove_at(alerts, victim);
}

static int add(struct alerts *alerts, const struct alert *alert, struct node **ret_node)
{
	struct node *node = calloc(1, sizeof(*node)), **bucket;

	if (!node)
		return -ENOMEM;
	if (alerts->n == ALERTS_MAX)
		evict(alerts);
	node->alert = *alert;
	bucket = bucket_of_alert(alerts, alert);
	node->next = *bucket;
	*bucket = node;
	alerts->order[alerts->n++] = node;
	*ret_node = node;
	return 0;
}

static void tell(struct alerts *alerts, struct node *node, bool is_new)
{
	for (size_t i = 0; i < alerts->n_subscribers; i++)
		alerts->subscribers[i].fn(&node->alert, is_new, alerts->subscribers[i].userdata);
	node->alert.rose = false;
}

/* ---------------------------------------------------------------------------------------------
 * Occurrences
 */

/* The first ones stay: they are how it began. The newest has the last place. */
static void keep_sample(struct alert *a, const struct alert_sample *sample)
{
	size_t i = 0;

	while (i < ALERT_SAMPLES - 1 && a->samples[i].wall_ns)
		i++;
	a->samples[i] = *sample;
	if (!a->samples[i].wall_ns)
		a->samples[i].wall_ns = 1;
}

/*
 * Space-saving (Metwally, Agrawal, El Abbadi 2005): a newcomer takes the least frequent one's
 * place with its count as possible error.
 */
static void keep_top(struct alert_top tops[ALERT_TOPS], const char *text, uint64_t count)
{
	struct alert_top *least = &tops[0];

	for (size_t i = 0; i < ALERT_TOPS; i++) {
		if (!tops[i].text[0] || same_text(tops[i].text, text, sizeof(tops[i].text))) {
			if (!tops[i].text[0])
				snprintf(tops[i].text, sizeof(tops[i].text), "%s", text);
			tops[i].count += count;
			return;
		}
		if (tops[i].count < least->count)
			least = &tops[i];
	}
	least->error = least->count;
	least->count += count;
	snprintf(least->text, sizeof(least->text), "%s", text);
}

static void merge(struct alert *a, const struct alert_report *r)
{
	enum alert_severity severity =
		r->severity < 0 ? alert_kind_severity(r->kind) : (enum alert_severity)r->severity;

	a->rose = severity > a->severity || (r->pattern && r->pattern != a->pattern);
	if (severity > a->severity)
		a->severity = severity;
	if (r->pattern)
		a->pattern = r->pattern;
	if (r->detail)
		snprintf(a->detail, sizeof(a->detail), "%s", r->detail);
	if (r->source) {
		a->source = *r->source;
		a->have_source = true;
	}
	if (r->principal)
		a->principal = r->principal;
	a->count += r->count;
	if (r->first_ns && r->first_ns < a->first_ns)
		a->first_ns = r->first_ns;
	if (r->last_ns > a->last_ns)
		a->last_ns = r->last_ns;
	if (r->sample)
		keep_sample(a, r->sample);
	for (size_t i = 0; i < ALERT_TOP_MAX; i++)
		if (r->top[i] && *r->top[i])
			keep_top(a->tops[i], r->top[i], r->count);
	a->dirty = true;
}

static void begin(struct alert *a, const struct alert_report *r, int64_t now_ns)
{
	*a = (struct alert){
		.kind = r->kind,
		.state = ALERT_OPEN,
		.threshold = r->threshold,
		.window_s = r->window_s,
		.first_ns = r->first_ns ? r->first_ns : r->last_ns,
		.last_ns = r->last_ns,
		.crossed_ns = r->crossed_ns ? r->crossed_ns : r->last_ns,
		.raised_ns = now_ns,
	};
	snprintf(a->control, sizeof(a->control), "%s",
		 r->control ? r->control : alert_kind_control(r->kind));
	snprintf(a->service, sizeof(a->service), "%s", text_or(r->service));
	snprintf(a->operation, sizeof(a->operation), "%s", text_or(r->operation));
	snprintf(a->subject, sizeof(a->subject), "%s", text_or(r->subject));
	merge(a, r);
}

/* Whether what happens now belongs to it: it is not closed, and its quiet is short. */
static bool goes_on(const struct alerts *alerts, const struct alert *a, int64_t last_ns)
{
	return a->state != ALERT_CLOSED && last_ns - a->last_ns <= alerts->cool_down_ns;
}

int alerts_raise(struct alerts *alerts, const struct alert_report *report, int64_t now_ns,
		 const struct alert **ret_alert)
{
	struct node *node = newest(alerts, report);
	bool is_new = false;
	struct alert a;
	int r;

	if (node && node->alert.state == ALERT_CLOSED &&
	    report->last_ns - node->alert.changed_ns <= alerts->cool_down_ns) {
		node->alert.suppressed += report->count;
		node->alert.dirty = true;
	} else if (node && goes_on(alerts, &node->alert, report->last_ns)) {
		merge(&node->alert, report);
		tell(alerts, node, false);
	} else {
		begin(&a, report, now_ns);
		a.id = alerts->last_id + 1;
		r = add(alerts, &a, &node);
		if (r < 0)
			return r;
		alerts->last_id++;
		alerts->raised++;
		is_new = true;
		tell(alerts, node, true);
	}
	if (ret_alert)
		*ret_alert = &node->alert;
	return is_new;
}

const struct alert *alerts_current(const struct alerts *alerts, const struct alert_report *report,
				   int64_t now_ns)
{
	const struct node *node = newest(alerts, report);

	return node && goes_on(alerts, &node->alert, now_ns) ? &node->alert : NULL;
}

bool alerts_become(struct alerts *alerts, const struct alert_report *was,
		   const struct alert_report *now)
{
	struct node *node = newest(alerts, was), **at;
	struct alert *a;

	if (!node || !goes_on(alerts, &node->alert, now->last_ns))
		return false;
	a = &node->alert;
	at = bucket_of_alert(alerts, a);
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	a->kind = now->kind;
	a->threshold = now->threshold;
	a->window_s = now->window_s;
	snprintf(a->control, sizeof(a->control), "%s", alert_kind_control(now->kind));
	snprintf(a->operation, sizeof(a->operation), "%s", text_or(now->operation));
	snprintf(a->subject, sizeof(a->subject), "%s", text_or(now->subject));
	if (now->count > a->count)
		a->count = now->count;
	at = bucket_of_alert(alerts, a);
	node->next = *at;
	*at = node;
	return true;
}

const struct alert *alerts_about(const struct alerts *alerts, enum alert_kind kind,
				 const char *service, const char *subject, int64_t now_ns)
{
	for (size_t i = alerts->n; i > 0; i--) {
		const struct alert *a = &alerts->order[i - 1]->alert;

		if (a->kind == kind && strcmp(a->subject, subject) == 0 &&
		    strcmp(a->service, service) == 0 && goes_on(alerts, a, now_ns))
			return a;
	}
	return NULL;
}

const struct alert *alerts_newest(const struct alerts *alerts, const struct alert_report *report)
{
	const struct node *node = newest(alerts, report);

	return node ? &node->alert : NULL;
}

void alerts_add_sample(struct alerts *alerts, uint64_t id, const struct alert_sample *sample)
{
	struct node *node = find(alerts, id);

	if (!node)
		return;
	keep_sample(&node->alert, sample);
	node->alert.dirty = true;
}

void alerts_add_top(struct alerts *alerts, uint64_t id, enum alert_dimension dimension,
		    const char *text, uint64_t count)
{
	struct node *node = find(alerts, id);

	if (!node || !*text)
		return;
	keep_top(node->alert.tops[dimension], text, count);
	node->alert.dirty = true;
}

void alerts_set_cool_down(struct alerts *alerts, uint32_t seconds)
{
	alerts->cool_down_ns = (int64_t)seconds * (int64_t)CLOCK_NS_PER_S;
}

/* ---------------------------------------------------------------------------------------------
 * Changes by people
 */
int alerts_set_state(struct alerts *alerts, uint64_t id, enum alert_state state, const char *who,
		     int64_t now_ns)
{
	struct node *node = find(alerts, id);

	if (!node)
		return -ENOENT;
	if (node->alert.state == state)
		return -EALREADY;
	if (node->alert.state == ALERT_CLOSED && state == ALERT_ACKNOWLEDGED)
		return -EINVAL;
	node->alert.state = state;
	node->alert.rose = true;
	node->alert.changed_ns = now_ns;
	snprintf(node->alert.who, sizeof(node->alert.who), "%s", text_or(who));
	node->alert.dirty = true;
	tell(alerts, node, false);
	return 0;
}

int alerts_set_incident(struct alerts *alerts, uint64_t id, uint64_t incident)
{
	struct node *node = find(alerts, id);

	if (!node)
		return -ENOENT;
	node->alert.incident = incident;
	node->alert.dirty = true;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The table
 */
int alerts_new(struct alerts **ret_alerts)
{
	struct alerts *alerts = calloc(1, sizeof(*alerts));

	if (!alerts)
		return -ENOMEM;
	alerts_set_cool_down(alerts, COOL_DOWN_S);
	*ret_alerts = alerts;
	return 0;
}

void alerts_free(struct alerts *alerts)
{
	for (size_t i = 0; alerts && i < alerts->n; i++)
		free(alerts->order[i]);
	free(alerts);
}

int alerts_restore(struct alerts *alerts, const struct alert *alert)
{
	struct node *node;
	int r;

	if (alert->id <= alerts->last_id)
		return -EINVAL;
	r = add(alerts, alert, &node);
	if (r < 0)
		return r;
	node->alert.dirty = false;
	alerts->last_id = alert->id;
	return 0;
}

size_t alerts_count(const struct alerts *alerts)
{
	return alerts->n;
}

const struct alert *alerts_get(const struct alerts *alerts, uint64_t id)
{
	const struct node *node = find(alerts, id);

	return node ? &node->alert : NULL;
}

const struct alert *alerts_at(const struct alerts *alerts, size_t i)
{
	return i < alerts->n ? &alerts->order[i]->alert : NULL;
}

size_t alerts_open(const struct alerts *alerts)
{
	size_t n = 0;

	for (size_t i = 0; i < alerts->n; i++)
		n += alerts->order[i]->alert.state != ALERT_CLOSED;
	return n;
}

uint64_t alerts_raised(const struct alerts *alerts)
{
	return alerts->raised;
}

uint64_t alerts_evicted(const struct alerts *alerts)
{
	return alerts->evicted;
}

int alerts_subscribe(struct alerts *alerts, alert_fn fn, void *userdata)
{
	if (alerts->n_subscribers == ALERT_SUBSCRIBERS)
		return -ENOSPC;
	alerts->subscribers[alerts->n_subscribers].fn = fn;
	alerts->subscribers[alerts->n_subscribers++].userdata = userdata;
	return 0;
}

void alerts_each_dirty(const struct alerts *alerts,
		       void (*fn)(const struct alert *alert, void *userdata), void *userdata)
{
	for (size_t i = 0; i < alerts->n; i++)
		if (alerts->order[i]->alert.dirty)
			fn(&alerts->order[i]->alert, userdata);
}

static void mark(struct alerts *alerts, bool dirty)
{
	for (size_t i = 0; i < alerts->n; i++)
		alerts->order[i]->alert.dirty = dirty;
}

void alerts_stored(struct alerts *alerts)
{
	mark(alerts, false);
}

void alerts_unstored(struct alerts *alerts)
{
	mark(alerts, true);
}
