/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_correlate.c - which incident a signal belongs to, by the rules of README.md in their
 * order; among several incidents of one rule the oldest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/respond/incident_private.h"

#define ACTOR "correlation"

enum rule { RULE_PRINCIPAL, RULE_SOURCE, RULE_OPERATION, RULE_SERVICE, RULES };
static const char *const rule_names[RULES] = {
	[RULE_PRINCIPAL] = "the same principal",
	[RULE_SOURCE] = "the same source",
	[RULE_OPERATION] = "the same operation",
	[RULE_SERVICE] = "the same service and kind",
};

static bool same_source(const struct incident_link *link, const struct incident_signal *s)
{
	struct addr_prefix a, b;

	if (!link->have_source || !s->have_source || link->shared || s->shared)
		return false;
	a = prefix_of_source(&link->source);
	b = prefix_of_source(&s->source);
	return prefix_equal(&a, &b);
}

static bool follows(enum rule rule, const struct incident_link *link,
		    const struct incident_signal *s)
{
	switch (rule) {
	case RULE_PRINCIPAL:
		return s->principal && link->principal == s->principal;
	case RULE_SOURCE:
		return same_source(link, s);
	case RULE_OPERATION:
		return *s->operation && strcmp(link->operation, s->operation) == 0 &&
		       strcmp(link->service, s->service) == 0 &&
		       incident_nature_of(link->kind, link->control) ==
			       incident_nature_of(s->kind, s->control);
	case RULE_SERVICE:
		return !*s->operation && !s->have_source && !*link->operation &&
		       !link->have_source && *s->service &&
		       strcmp(link->service, s->service) == 0 && strcmp(link->kind, s->kind) == 0;
	default:
		return false;
	}
}

/* Evidence that is close enough in time to be of the same. */
static bool is_near(const struct incidents *t, const struct incident *incident,
		    const struct incident_signal *s)
{
	int64_t within_ns = (int64_t)t->rules->correlate_s * 1000000000;

	return s->first_ns <= incident->last_ns + within_ns &&
	       s->last_ns >= incident->first_ns - within_ns;
}

/* The oldest incident of the first rule that fits. done: look among recovered ones instead. */
static struct incident *correlate(const struct incidents *t, const struct incident_signal *s,
				  bool done, enum rule *ret_rule)
{
	for (int rule = 0; rule < RULES; rule++) {
		struct incident *found = NULL;

		for (size_t i = 0; i < t->n_links; i++) {
			struct incident *incident;

			if ((found && found->id <= t->links[i].incident) ||
			    !follows(rule, &t->links[i], s))
				continue;
			incident = incident_find(t, t->links[i].incident);
			if (incident && (incident->status >= INCIDENT_RECOVERED) == done &&
			    incident->status != INCIDENT_CLOSED && is_near(t, incident, s))
				found = incident;
		}
		if (found) {
			*ret_rule = rule;
			return found;
		}
	}
	return NULL;
}

/* What a person reads first: "auth-failures on POST /login of shop from 192.0.2.7". */
static void make_title(const struct incident_signal *s, char title[INCIDENT_TITLE])
{
	struct addr_prefix prefix;
	char source[PREFIX_TEXT];
	int n = snprintf(title, INCIDENT_TITLE, "%.31s", s->kind);

	if (*s->operation)
		n += snprintf(title + n, (size_t)(INCIDENT_TITLE - n), " on %.48s", s->operation);
	if (*s->service)
		n += snprintf(title + n, (size_t)(INCIDENT_TITLE - n), " %s %.24s",
			      *s->operation ? "of" : "at", s->service);
	if (s->have_source) {
		prefix = prefix_of_source(&s->source);
		snprintf(title + n, (size_t)(INCIDENT_TITLE - n), " from %.43s",
			 prefix_format(&prefix, source));
	} else if (*s->subject && !*s->operation) {
		snprintf(title + n, (size_t)(INCIDENT_TITLE - n), ": %.43s", s->subject);
	}
}

static void say_evidence_goes_on(struct incidents *t, struct incident *incident, int64_t now_ns)
{
	if (incident->status < INCIDENT_CONTAINED || incident->evidence_told >= incident->status)
		return;
	incident->evidence_told = incident->status;
	incident_write(t, incident, now_ns, "evidence", ACTOR, "evidence goes on although it is %s",
		       incident_status_name(incident->status));
}

static void raise_priority(struct incidents *t, struct incident *incident, unsigned priority,
			   int64_t now_ns, const char *because)
{
	if (!priority || priority >= incident->priority)
		return;
	if (incident->priority_manual) {
		incident_write(t, incident, now_ns, "priority", ACTOR,
			       "%s would make it %s; a person said %s", because,
			       incident_priority_name(priority),
			       incident_priority_name(incident->priority));
		return;
	}
	incident_write(t, incident, now_ns, "priority", ACTOR, "%s -> %s: %s",
		       incident_priority_name(incident->priority), incident_priority_name(priority),
		       because);
	incident->priority = priority;
	incident->dirty = true;
}

static void stretch(struct incident *incident, const struct incident_signal *s)
{
	if (!incident->first_ns || s->first_ns < incident->first_ns)
		incident->first_ns = s->first_ns;
	if (s->last_ns > incident->last_ns)
		incident->last_ns = s->last_ns;
	if (strncmp(s->control, "AI-", 3) == 0)
		incident->needs_root_cause = true;
	incident->dirty = true;
}

static struct incident_link *find_alert(const struct incidents *t, uint64_t alert)
{
	for (size_t i = 0; alert && i < t->n_links; i++)
		if (t->links[i].alert == alert)
			return &t->links[i];
	return NULL;
}

/* An alert turned out to be something else: guessing is stuffing once many accounts are seen. */
static void rename_link(struct incidents *t, struct incident *incident, struct incident_link *link,
			const struct incident_signal *s, int64_t now_ns)
{
	if (strcmp(link->kind, s->kind) == 0)
		return;
	incident_write(t, incident, now_ns, "evidence", ACTOR, "%.31s turned out to be %.31s",
		       link->kind, s->kind);
	if (strncmp(incident->title, link->kind, strlen(link->kind)) == 0)
		make_title(s, incident->title);
	snprintf(link->kind, sizeof(link->kind), "%s", s->kind);
	snprintf(link->control, sizeof(link->control), "%s", s->control);
	snprintf(link->operation, sizeof(link->operation), "%s", s->operation);
	incident->dirty = true;
}

/* An alert that is known counts on. */
static enum incident_outcome update(struct incidents *t, struct incident_link *link,
				    const struct incident_signal *s, int64_t now_ns,
				    const struct incident **ret_incident)
{
	struct incident *incident = incident_find(t, link->incident);

	if (!incident || incident->status == INCIDENT_CLOSED)
		return INCIDENT_NOTHING;
	if (s->count > link->count) {
		incident->evidence += s->count - link->count;
		say_evidence_goes_on(t, incident, now_ns);
	}
	rename_link(t, incident, link, s, now_ns);
	link->count = s->count;
	link->last_ns = s->last_ns;
	if (s->severity > link->severity)
		link->severity = s->severity;
	snprintf(link->pattern, sizeof(link->pattern), "%s", s->pattern);
	link->dirty = true;
	stretch(incident, s);
	raise_priority(t, incident, incident_priority_of(s), now_ns, s->kind);
	if (ret_incident)
		*ret_incident = incident;
	return INCIDENT_UPDATED;
}

static void link_signal(struct incidents *t, struct incident *incident,
			const struct incident_signal *s)
{
	struct incident_link *link;

	incident->alerts++;
	incident->evidence += s->count;
	stretch(incident, s);
	if (incident->n_links == INCIDENT_LINKS_EACH || t->n_links == INCIDENT_LINKS_MAX) {
		t->counts.links_beyond++;
		return;
	}
	incident->n_links++;
	link = &t->links[t->n_links++];
	*link = (struct incident_link){
		.incident = incident->id,
		.alert = s->alert,
		.principal = s->principal,
		.count = s->count,
		.source = s->source,
		.have_source = s->have_source,
		.shared = s->shared,
		.dirty = true,
		.severity = s->severity,
		.first_ns = s->first_ns,
		.last_ns = s->last_ns,
	};
	snprintf(link->kind, sizeof(link->kind), "%s", s->kind);
	snprintf(link->pattern, sizeof(link->pattern), "%s", s->pattern);
	snprintf(link->control, sizeof(link->control), "%s", s->control);
	snprintf(link->service, sizeof(link->service), "%s", s->service);
	snprintf(link->operation, sizeof(link->operation), "%s", s->operation);
	snprintf(link->subject, sizeof(link->subject), "%s", s->subject);
}

static void write_alert(struct incidents *t, struct incident *incident,
			const struct incident_signal *s, int64_t now_ns, const char *because)
{
	char title[INCIDENT_TITLE];

	if (incident->n_links >= INCIDENT_LINKS_EACH)
		return; /* counted; its timeline is long enough */
	make_title(s, title);
	incident_write(t, incident, now_ns, "alert", ACTOR, "alert %llu (%s): %s%s%s%s%s",
		       (unsigned long long)s->alert, s->control, title, *s->detail ? ": " : "",
		       s->detail, *because ? "; joined by " : "", because);
}

/* All places are taken: the oldest one nobody works on, of no higher priority, goes. */
static bool make_room(struct incidents *t, unsigned priority, int64_t now_ns)
{
	struct incident *victim = NULL;

	if (t->n_open < INCIDENTS_MAX)
		return true;
	for (size_t i = 0; i < t->n; i++) {
		struct incident *incident = t->items[i];

		if (incident->status == INCIDENT_OPEN && !*incident->assignee &&
		    incident->priority >= priority &&
		    (!victim || incident->priority > victim->priority))
			victim = incident;
	}
	if (!victim)
		return false;
	victim->resolution = INCIDENT_DISPLACED;
	incident_set_status(t, victim, INCIDENT_CLOSED, now_ns);
	incident_write(t, victim, now_ns, "status", ACTOR,
		       "open -> closed (displaced): %d incidents are open, and a newer one of "
		       "%s needs the place",
		       INCIDENTS_MAX, incident_priority_name(priority));
	return true;
}

static struct incident *begin(struct incidents *t, const struct incident_signal *s,
			      unsigned priority, int64_t now_ns)
{
	struct incident *incident, *before;
	enum rule rule;

	if (!make_room(t, priority, now_ns))
		return NULL;
	before = correlate(t, s, true, &rule);
	incident = incident_add(t, now_ns, "alerts");
	if (!incident)
		return NULL;
	incident->priority = priority;
	incident->clock_ns = s->first_ns;
	make_title(s, incident->title);
	snprintf(incident->service, sizeof(incident->service), "%s", s->service);
	incident_write(t, incident, now_ns, "opened", ACTOR, "%s: %s",
		       incident_priority_name(priority), incident->title);
	if (before) {
		incident->follows = before->id;
		incident_write(t, incident, now_ns, "related", ACTOR,
			       "follows incident %u, which is %s: %s", before->id,
			       incident_status_name(before->status), rule_names[rule]);
	}
	return incident;
}

enum incident_outcome incidents_signal(struct incidents *incidents,
				       const struct incident_signal *signal, int64_t now_ns,
				       const struct incident **ret_incident)
{
	struct incident_link *known = find_alert(incidents, signal->alert);
	unsigned priority = incident_priority_of(signal);
	enum incident_outcome outcome = INCIDENT_JOINED;
	struct incident *incident;
	enum rule rule = RULES;

	if (known)
		return update(incidents, known, signal, now_ns, ret_incident);
	incident = signal->incident ? incident_find(incidents, signal->incident) : NULL;
	if (signal->incident && (!incident || incident->status == INCIDENT_CLOSED))
		return INCIDENT_NOTHING;
	incident = correlate(incidents, signal, false, &rule);
	if (!incident) {
		if (!priority)
			return INCIDENT_NOTHING;
		incident = begin(incidents, signal, priority, now_ns);
		if (!incident) {
			incidents->counts.refused++;
			return INCIDENT_NOTHING;
		}
		outcome = INCIDENT_NEW;
	}
	write_alert(incidents, incident, signal, now_ns,
		    outcome == INCIDENT_JOINED ? rule_names[rule] : "");
	if (outcome == INCIDENT_JOINED) {
		say_evidence_goes_on(incidents, incident, now_ns);
		raise_priority(incidents, incident, priority, now_ns, signal->kind);
	}
	link_signal(incidents, incident, signal);
	if (ret_incident)
		*ret_incident = incident;
	return outcome;
}
