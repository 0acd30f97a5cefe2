/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/open_cut.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/nets.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/names.h"
#include "user/detect/tls_history.h"
#include "user/inspect/report.h"
#include "user/inspect/transaction.h"
#include "user/respond/open_match.h"
#include "user/respond/h2_requests.h"

#define CUT_MAX  GL_CUTS_MAX
#define AGAIN_MS 200 /* a request judged before the decision may be noted after the first look */
#define JA4_KEYS 16

/* One look at everything that is open. */
struct look {
	struct keeper *keeper;
	const struct open_match *match;
	uint32_t reason;
	unsigned cut, not_cut;
	struct gl_open *found; /* cut and to be ended; CUT_MAX */
	size_t n;
};

static uint16_t service_of(const struct keeper *keeper, const struct gl_open *open,
			   const struct gl_service **ret_service)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);
	unsigned i = policy ? policy->port_service[open->port] : 0;

	*ret_service = i && i <= policy->n_services ? &policy->services[i - 1] : NULL;
	return *ret_service ? (*ret_service)->id : GL_SERVICE_NONE;
}

/* A ban's own ceilings, else the service's. */
static bool is_enforced(const struct look *look, const struct gl_service *service)
{
	const struct gl_control *control = kern_control(look->keeper->kern);

	if (look->match->kind == OPEN_SOURCE)
		return control->mode == GL_MODE_ENFORCE && control->ban_mode == GL_MODE_ENFORCE;
	return service && judge_enforces(look->keeper, service);
}

/* The allow list exempts from bans. */
static bool is_banned(const struct keeper *keeper, const struct gl_addr *source)
{
	uint32_t slots;
	struct nets_table table = {.slots = kern_bans(keeper->kern, &slots)};

	table.n = slots;
	return nets_banned(&table, kern_control(keeper->kern), source, clock_boot_ns()) != 0;
}

static bool falls_on(const struct look *look, const struct gl_open *open, uint16_t service,
		     bool trusted)
{
	if (!open_matches(look->match, open, service, trusted))
		return false;
	if (look->match->kind != OPEN_SOURCE)
		return true;
	return is_banned(look->keeper, &open->peer) ||
	       ((open->flags & GL_OPEN_REQUEST) && is_banned(look->keeper, &open->source));
}

/* Requests of HTTP/2 are known here, not to the doors. */
static bool falls_on_stream(const struct look *look, const struct gl_open *open, uint16_t service,
			    bool trusted)
{
	const struct h2_request *stream = NULL;

	while ((stream = h2_requests_next(look->keeper->h2_requests, open->conn, stream))) {
		struct gl_open request = *open;

		request.flags |= GL_OPEN_REQUEST;
		request.service = stream->service;
		request.op = stream->op;
		request.source = stream->source;
		request.principal = stream->principal;
		memset(request.borne, 0, sizeof(request.borne));
		memcpy(request.borne, stream->credentials, sizeof(stream->credentials));
		if (falls_on(look, &request, service, trusted))
			return true;
	}
	return false;
}

static void take(const struct gl_open *open, void *userdata)
{
	struct look *look = userdata;
	struct keeper *keeper = look->keeper;
	const struct gl_policy *policy = kern_policy(keeper->kern);
	const struct gl_service *service;
	uint16_t id = service_of(keeper, open, &service);
	bool trusted, marked = kern_is_cut(keeper->kern, open->conn);

	if (!service || !is_enforced(look, service))
		return;
	trusted = nets_match(policy, service->proxy_set, &open->peer);
	/* the tls door may have found it: the socket's end is told with its addresses */
	if (!marked && !falls_on(look, open, id, trusted) &&
	    !falls_on_stream(look, open, id, trusted))
		return;
	if (!marked && kern_cut(keeper->kern, open->conn, look->reason) < 0) {
		look->not_cut++;
		return;
	}
	look->cut += !marked;
	if (open->netns && look->n < CUT_MAX)
		look->found[look->n++] = *open;
}

static unsigned cut(struct keeper *keeper, const struct open_match *match, uint32_t reason)
{
	struct look look = {.keeper = keeper, .match = match, .reason = reason};
	int r;

	look.found = calloc(CUT_MAX, sizeof(*look.found));
	if (!look.found)
		return 0;
	r = kern_open_walk(keeper->kern, take, &look);
	if (r < 0)
		log_debug("open connections cannot be looked at: %s", strerror(-r));
	kern_destroy(look.found, look.n);
	free(look.found);
	keeper->open_cuts += look.cut;
	if (look.cut || look.not_cut)
		records_note(keeper, EVENT_DECISION, "containment",
			     "%u open connections cut (%s)%s", look.cut, name_reason(reason),
			     look.not_cut ? "; there was no room to mark others" : "");
	return look.cut;
}

/* ---------------------------------------------------------------------------------------------
 * A second look
 */
struct again {
	struct keeper *keeper;
	struct open_match match;
	uint32_t reason;
	uint32_t id; /* of the decision */
};

/* It may have been withdrawn since: what is asked now is served. */
static bool is_in_force(const struct keeper *keeper, uint32_t id)
{
	if (subjects_by_id(keeper->subjects, id))
		return true;
	for (size_t i = 0; i < decisions_count(keeper->decisions); i++)
		if (decisions_at(keeper->decisions, i)->id == id)
			return true;
	return false;
}

static void look_again(evutil_socket_t fd, short what, void *userdata)
{
	struct again *again = userdata;

	(void)fd;
	(void)what;
	if (is_in_force(again->keeper, again->id))
		cut(again->keeper, &again->match, again->reason);
	free(again);
}

static unsigned cut_twice(struct keeper *keeper, const struct open_match *match, uint32_t reason,
			  uint32_t id)
{
	struct timeval soon = {.tv_usec = AGAIN_MS * 1000};
	struct again *again = malloc(sizeof(*again));

	if (again) {
		*again = (struct again){
			.keeper = keeper, .match = *match, .reason = reason, .id = id};
		if (event_base_once(keeper->base, -1, EV_TIMEOUT, look_again, again, &soon) < 0)
			free(again);
	}
	return cut(keeper, match, reason);
}

/* ---------------------------------------------------------------------------------------------
 * What a decision is about
 */
unsigned open_cut_decision(struct keeper *keeper, const struct decision *decision)
{
	struct open_match match = {.kind = OPEN_SOURCE, .source = decision->prefix};

	if (decision->set != GL_SET_BAN)
		return 0;
	if (!decision->ja4[0])
		return cut_twice(keeper, &match, GL_REASON_BANNED, decision->id);
	match.kind = OPEN_HELLO;
	match.n_keys = (unsigned)tls_history_keys(keeper->tls_history, decision->ja4, match.keys,
						  JA4_KEYS);
	return match.n_keys ? cut_twice(keeper, &match, GL_REASON_JA4, decision->id) : 0;
}

unsigned open_cut_subject(struct keeper *keeper, const struct subject *subject)
{
	struct intern *names = apply_intern(keeper->apply);
	struct open_match match = {};
	struct subject_resolved resolved;
	uint32_t reason;

	if (subject_resolve(subject->kind, subject->text, subject->detail, names, false,
			    &resolved) < 0)
		return 0;
	switch (subject->kind) {
	case SUBJECT_OPERATION:
		match.kind = OPEN_OPERATION;
		match.service = (uint16_t)subject_service_of(names, subject->text, false);
		match.op = (uint16_t)intern_find(names, INTERN_OPERATION, subject->text);
		reason = GL_REASON_SUSPENDED;
		break;
	case SUBJECT_PRINCIPAL:
		match.kind = OPEN_PRINCIPAL;
		for (; match.n_keys < resolved.n_keys; match.n_keys++)
			match.keys[match.n_keys] = resolved.keys[match.n_keys].subject;
		reason = GL_REASON_REVOKED;
		break;
	case SUBJECT_SERVICE:
		match.kind = OPEN_SERVICE;
		match.service = (uint16_t)intern_find(names, INTERN_SERVICE, subject->text);
		match.n_networks = resolved.n_networks;
		memcpy(match.networks, resolved.networks, sizeof(match.networks));
		reason = GL_REASON_LOCKDOWN;
		break;
	default:
		return 0;
	}
	return cut_twice(keeper, &match, reason, subject->id);
}

/* ---------------------------------------------------------------------------------------------
 * HTTP/2
 */
void open_cut_begin(struct keeper *keeper, const struct report_head *head, uint16_t service,
		    uint16_t op)
{
	struct h2_request stream = {
		.conn = head->conn,
		.number = head->stream,
		.service = service,
		.op = op,
		.source = head->source,
		.principal = head->principal,
	};

	for (uint32_t i = 0; i < H2_REQUEST_CREDENTIALS && i < head->n_credentials; i++)
		stream.credentials[i] = head->credentials[i];
	h2_requests_begin(keeper->h2_requests, &stream);
}

void open_cut_end(struct keeper *keeper, const struct report_transaction *tx)
{
	if (tx->protocol == HTTP_PROTOCOL_2)
		h2_requests_end(keeper->h2_requests, tx->conn, tx->stream);
}
