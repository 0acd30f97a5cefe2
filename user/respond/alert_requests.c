/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/alert_requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/admit.h"
#include "user/respond/alert_recent.h"

#define SOURCES   4096
#define PASSWORDS 4096
#define WALKERS   4096

struct alert_requests {
	struct recents *by_source; /* accounts a source failed at */
	struct recents *by_password; /* accounts a password failed at */
	struct recents *walkers; /* objects somebody asked an operation for */
};

int alert_requests_new(struct alert_requests **ret_requests)
{
	struct alert_requests *requests = calloc(1, sizeof(*requests));
	int r;

	if (!requests)
		return -ENOMEM;
	r = recents_new(SOURCES, &requests->by_source);
	if (r == 0)
		r = recents_new(PASSWORDS, &requests->by_password);
	if (r == 0)
		r = recents_new(WALKERS, &requests->walkers);
	if (r < 0) {
		alert_requests_free(requests);
		return r;
	}
	*ret_requests = requests;
	return 0;
}

void alert_requests_free(struct alert_requests *requests)
{
	if (!requests)
		return;
	recents_free(requests->by_source);
	recents_free(requests->by_password);
	recents_free(requests->walkers);
	free(requests);
}

uint64_t alert_requests_evicted(const struct alert_requests *requests)
{
	return recents_evicted(requests->by_source) + recents_evicted(requests->by_password) +
	       recents_evicted(requests->walkers);
}

/* ---------------------------------------------------------------------------------------------
 * Keys: mixed, not keyed hashes: what goes in is hashed already, or an address of ours to know
 */
static uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * 0x9e3779b97f4a7c15ULL;
	a = (a ^ a >> 32) * 0xbf58476d1ce4e5b9ULL;
	return a ^ a >> 29;
}

static uint64_t key_of(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t key = mix(mix(mix(1, a), b), c);

	return key ? key : 1;
}

static uint64_t source_key(const struct gl_addr *source)
{
	struct gl_addr counted = admit_source(source);

	return mix(counted.q[0], counted.q[1]);
}

/* ---------------------------------------------------------------------------------------------
 * Raising
 */
struct statement {
	const struct alert_request *request;
	const struct policy_alert_rule *rule;
	struct alert_report report;
	char subject[ALERT_SUBJECT], detail[ALERT_DETAIL], source[ALERT_TOP_TEXT];
	struct alert_sample sample;
};

static void begin(const struct alert_scene *scene, struct statement *s, enum alert_kind kind,
		  const struct alert_request *request, const struct policy_alert_rule *rule)
{
	const struct alert_event *e = &request->event;

	s->request = request;
	s->rule = rule;
	s->sample = (struct alert_sample){.wall_ns = e->wall_ns,
					  .source = e->source,
					  .principal = e->principal,
					  .status = e->status};
	snprintf(s->sample.request_id, sizeof(s->sample.request_id), "%s", e->request_id);
	snprintf(s->sample.text, sizeof(s->sample.text), "%s", alert_operation(scene, e->op));
	s->subject[0] = s->detail[0] = '\0';
	s->report = (struct alert_report){
		.kind = kind,
		.severity = -1,
		.service = alert_service(scene, e->service),
		.operation = alert_operation(scene, e->op),
		.subject = s->subject,
		.detail = s->detail,
		.threshold = rule->at_least,
		.window_s = rule->per_s,
		.count = 1,
		.last_ns = e->wall_ns,
		.sample = &s->sample,
		.top = {[ALERT_TOP_OPERATIONS] = alert_operation(scene, e->op),
			[ALERT_TOP_SOURCES] = alert_source_text(&e->source, s->source),
			[ALERT_TOP_AGENTS] = e->agent},
	};
}

/*
 * Refusals that are told already (ALR-01) turn out to be more: that alert is this one from now on,
 * not one beside it.
 */
static bool take_over(struct alert_scene *scene, struct statement *s, uint64_t so_far)
{
	struct alert_report was = {
		.kind = ALERT_AUTH_FAILURES,
		.service = s->report.service,
	};

	if (s->subject[0])
		was.subject = s->subject;
	else
		was.operation = s->report.operation;
	s->report.count = so_far;
	return alerts_become(scene->alerts, &was, &s->report);
}

/* The first of a case counts for all that made it one. */
static void raise_case(struct alert_scene *scene, struct statement *s, uint64_t so_far)
{
	if (!alerts_current(scene->alerts, &s->report, s->report.last_ns))
		s->report.count = take_over(scene, s, so_far) ? 0 : so_far;
	alerts_raise(scene->alerts, &s->report, scene->now.wall_ns, NULL);
}

/* ---------------------------------------------------------------------------------------------
 * Logins
 */
static bool failed(const struct alert_request *request)
{
	uint16_t status = request->event.status;

	if (request->told_failed)
		return request->failed;
	return status == 400 || status == 401 || status == 403 || status == 422;
}

static void look_source(struct alert_requests *requests, struct alert_scene *scene,
			const struct policy_alert_rule *rule, const struct alert_request *request,
			uint32_t now_s)
{
	const struct alert_event *e = &request->event;
	uint64_t key = key_of(source_key(&e->source), e->service, 0);
	struct recent *recent;
	struct statement s;

	begin(scene, &s, ALERT_CREDENTIAL_STUFFING, request, rule);
	alert_source_subject(&e->source, s.subject);
	s.report.source = &e->source;
	if (!failed(request)) {
		recent = recents_find(requests->by_source, key);
		if (!recent || !alerts_current(scene->alerts, &s.report, e->wall_ns))
			return;
		/* it found one */
		s.report.severity = ALERT_CRITICAL;
		snprintf(s.detail, sizeof(s.detail),
			 "one source failed at %u accounts within %u s, then a login succeeded",
			 recent->n, rule->per_s);
		raise_case(scene, &s, 1);
		return;
	}
	recent = recents_get(requests->by_source, key, now_s);
	recent_add(recent, request->account, now_s, rule->per_s);
	if (recent->n < rule->at_least)
		return;
	snprintf(s.detail, sizeof(s.detail), "one source failed at %u%s accounts within %u s",
		 recent->n, recent->n == RECENT_ITEMS ? " or more" : "", rule->per_s);
	raise_case(scene, &s, recent->n);
}

static void look_password(struct alert_requests *requests, struct alert_scene *scene,
			  const struct policy_alert_rule *rule, const struct alert_request *request,
			  uint32_t now_s)
{
	const struct alert_event *e = &request->event;
	uint64_t key = key_of(request->password, e->service, 1);
	struct recent *recent;
	struct statement s;

	begin(scene, &s, ALERT_PASSWORD_SPRAYING, request, rule);
	if (!failed(request)) {
		recent = recents_find(requests->by_password, key);
		if (!recent || recent->n < rule->at_least ||
		    !alerts_current(scene->alerts, &s.report, e->wall_ns))
			return;
		s.report.severity = ALERT_CRITICAL;
		snprintf(s.detail, sizeof(s.detail),
			 "one password failed for %u accounts within %u s, then it was right",
			 recent->n, rule->per_s);
		raise_case(scene, &s, 1);
		return;
	}
	recent = recents_get(requests->by_password, key, now_s);
	recent_add(recent, request->account, now_s, rule->per_s);
	if (recent->n < rule->at_least)
		return;
	snprintf(s.detail, sizeof(s.detail), "one password failed for %u%s accounts within %u s",
		 recent->n, recent->n == RECENT_ITEMS ? " or more" : "", rule->per_s);
	raise_case(scene, &s, recent->n);
}

/* ---------------------------------------------------------------------------------------------
 * Walks
 */
static void note_step(struct recent *recent, struct recent_item *item, uint64_t number)
{
	int64_t step = (int64_t)(number - recent->number);

	/* by the same small step as before, or by one */
	if (number && recent->number && step && step <= 16 && step >= -16)
		item->step = step == recent->step || step == 1 || step == -1;
	if (number) {
		recent->step = recent->number ? step : 0;
		recent->number = number;
	}
}

/* Twenty objects are a list; twenty in a row, or half of them refused, are a walk. */
static bool is_walk(const struct recent *recent, uint32_t at_least, unsigned *ret_denied)
{
	unsigned steps = 0, denied = 0;

	for (uint32_t i = 0; i < recent->n; i++) {
		steps += recent->items[i].step;
		denied += recent->items[i].denied;
	}
	*ret_denied = denied;
	return recent->n >= at_least && (steps * 10 >= recent->n * 6 || denied * 2 >= recent->n);
}

static void look_walk(struct alert_requests *requests, struct alert_scene *scene,
		      const struct policy_alert_rule *rule, const struct alert_request *request,
		      uint32_t now_s)
{
	const struct alert_event *e = &request->event;
	const char *operation = alert_operation(scene, e->op);
	struct recent_item *item;
	struct recent *recent;
	struct statement s;
	unsigned denied;

	/* what has no parameter has one object */
	if (!strpbrk(operation, "{*"))
		return;
	recent = recents_get(requests->walkers,
			     key_of(e->principal ? e->principal : source_key(&e->source),
				    (uint64_t)e->service << 16 | e->op, 2),
			     now_s);
	item = recent_add(recent, request->object, now_s, rule->per_s);
	item->denied = e->status == 403 || e->status == 404;
	note_step(recent, item, request->number);
	if (!is_walk(recent, rule->at_least, &denied))
		return;
	begin(scene, &s, ALERT_ENUMERATION, request, rule);
	if (e->principal)
		alert_principal_subject(e->principal, s.subject);
	else
		alert_source_subject(&e->source, s.subject);
	s.report.source = &e->source;
	s.report.principal = e->principal;
	snprintf(s.detail, sizeof(s.detail),
		 "%u%s objects of one operation within %u s, %u of them refused or not found",
		 recent->n, recent->n == RECENT_ITEMS ? " or more" : "", rule->per_s, denied);
	raise_case(scene, &s, recent->n);
}

void alert_requests_take(struct alert_requests *requests, struct alert_scene *scene,
			 const struct policy *policy, const struct alert_request *request)
{
	uint32_t now_s = (uint32_t)(scene->now.boot_ns / CLOCK_NS_PER_S);

	if (request->account && request->password) {
		if (policy->credential_stuffing.enabled)
			look_source(requests, scene, &policy->credential_stuffing, request, now_s);
		if (policy->password_spraying.enabled)
			look_password(requests, scene, &policy->password_spraying, request, now_s);
	}
	if (request->object && policy->enumeration.enabled)
		look_walk(requests, scene, &policy->enumeration, request, now_s);
}
