/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subjects.c - decisions that are not about a source, over the API: suspend an operation,
 * revoke a credential, lock a service down, kill a workload, grant. What would lock somebody out
 * who must not be is refused until force is said.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/keeper/credential.h"
#include "user/keeper/kills.h"
#include "user/keeper/open_cut.h"
#include "user/keeper/persist.h"

#define TTL_DEFAULT "4h"

/* What is asked, before it is a struct subject_ask. Texts are this file's. */
struct asked {
	enum subject_kind kind;
	char text[SUBJECT_TEXT], detail[SUBJECT_TEXT];
	uint32_t ttl_s;
	const char *reason;
	bool force, dry_run, keep_open;
};

/* ---------------------------------------------------------------------------------------------
 * Operations
 */
static const struct gl_op *ruling_op(const struct keeper *keeper, int id)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);

	for (uint32_t i = 1; policy && id > 0 && i < policy->n_ops && i < GL_OPS_MAX; i++)
		if (policy->ops[i].id == id)
			return &policy->ops[i];
	return NULL;
}

static const struct gl_service *ruling_service(const struct keeper *keeper, int id)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);

	for (uint32_t i = 0; policy && id > 0 && i < policy->n_services; i++)
		if (policy->services[i].id == id)
			return &policy->services[i];
	return NULL;
}

static bool find_service(struct api_request *rq, const char *name)
{
	int id = intern_find(apply_intern(rq->keeper->apply), INTERN_SERVICE, name);

	if (ruling_service(rq->keeper, id))
		return true;
	api_problem(rq, 422, "no-such-service", NULL, "the policy has no service '%.63s'", name);
	return false;
}

/* The service's operations, for who named none of them; as many as fit. */
static void list_operations(const struct keeper *keeper, const char *service, char *text,
			    size_t size)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);
	const struct intern *names = apply_intern(keeper->apply);
	size_t n = strlen(service), used = 0;

	*text = '\0';
	for (uint32_t i = 1; policy && i < policy->n_ops; i++) {
		const char *name = intern_name(names, INTERN_OPERATION, policy->ops[i].id);

		if (!name || strncmp(name, service, n) != 0 || name[n] != ' ')
			continue;
		if (used + strlen(name + n) + 8 > size) {
			snprintf(text + used, size - used, ", ...");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
					 name + n + 1);
	}
}

static bool read_operation(struct api_request *rq, struct asked *asked)
{
	struct keeper *keeper = rq->keeper;
	const struct gl_policy *policy = kern_policy(keeper->kern);
	const char *service, *operation;
	const struct gl_op *op;
	char list[300];

	if (!api_body_string(rq, "service", true, &service) ||
	    !api_body_string(rq, "operation", true, &operation) || !find_service(rq, service))
		return false;
	snprintf(asked->text, sizeof(asked->text), "%s %s", service, operation);
	op = ruling_op(keeper,
		       intern_find(apply_intern(keeper->apply), INTERN_OPERATION, asked->text));
	if (!op) {
		list_operations(keeper, service, list, sizeof(list));
		api_problem(rq, 422, "no-such-operation", NULL,
			    "service %s has no operation '%.100s' as the policy writes it; it has: "
			    "%s",
			    service, operation, list);
		return false;
	}
	if (!asked->force && op->cls < GL_CLASSES_MAX &&
	    policy->classes[op->cls].flags & GL_CLASS_EXEMPT) {
		api_problem(rq, 409, "protected", NULL,
			    "%s is exempt from limits, as probes are: suspended, a load balancer "
			    "may take the whole service away; force suspends it nevertheless",
			    asked->text);
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------------------------------------
 * Credentials
 */
static const struct gl_rec_verdict *verdict_of(const struct event *event)
{
	return event && event->kind == EVENT_VERDICT ? &event->verdict : NULL;
}

/* By the number of the event or the instance an answer carried. 0: there is none, or no credential.
 */
static uint64_t principal_of_event(const struct events *events, const char *text)
{
	const struct gl_rec_verdict *v;
	uint64_t id = strtoull(text, NULL, 10);

	if (strlen(text) == GL_INSTANCE_WIDTH) {
		v = verdict_of(events_find_instance(events, strtoull(text, NULL, 16)));
		return v ? v->principal : 0;
	}
	if (!id)
		return 0;
	for (int ring = EVENTS_VERDICTS; ring <= EVENTS_RESPONSES; ring++) {
		const struct event *event =
			events_at(events, ring, events_after(events, ring, id - 1));

		if (!event || event->id != id)
			continue;
		v = verdict_of(event);
		return v                               ? v->principal
		       : event->kind == EVENT_RESPONSE ? event->response.principal
						       : 0;
	}
	return 0;
}

static bool read_event(struct api_request *rq, const char *event, struct asked *asked)
{
	uint64_t hash = principal_of_event(rq->keeper->events, event);

	if (!hash) {
		api_problem(rq, 422, "no-such-event", NULL,
			    "there is no event '%.20s' any more, or its request bore no credential",
			    event);
		return false;
	}
	snprintf(asked->text, sizeof(asked->text), "%016" PRIx64, hash);
	return true;
}

static bool read_hash(struct api_request *rq, const char *hash, char *ret_text)
{
	if (strncmp(hash, "key:", 4) == 0)
		hash += 4; /* as the access log has it */
	if (strlen(hash) == 16 && strspn(hash, "0123456789abcdef") == 16 &&
	    strspn(hash, "0") != 16) {
		snprintf(ret_text, SUBJECT_TEXT, "%s", hash);
		return true;
	}
	/* it may be the credential itself: not repeated */
	api_problem(rq, 422, "bad-principal", NULL,
		    "a principal is the 16 hex digits that events show; a credential goes to "
		    "standard input of 'glacisctl key revoke'");
	return false;
}

static bool read_principal(struct api_request *rq, struct asked *asked)
{
	const char *principal, *credential, *event;

	if (!api_body_string(rq, "principal", false, &principal) ||
	    !api_body_string(rq, "credential", false, &credential) ||
	    !api_body_string(rq, "event", false, &event))
		return false;
	if (!principal + !credential + !event != 2) {
		api_problem(rq, 422, "bad-member", NULL,
			    "one of 'principal', 'credential' and 'event' says what is revoked");
		return false;
	}
	if (principal)
		return read_hash(rq, principal, asked->text);
	if (event)
		return read_event(rq, event, asked);
	if (credential_hashes(credential, &rq->keeper->keys.subject, asked->text, asked->detail) ==
	    0)
		return true;
	api_problem(rq, 422, "bad-credential", NULL,
		    "a credential is one line of %d to %d printable characters", CREDENTIAL_MIN,
		    CREDENTIAL_MAX);
	return false;
}

/* ---------------------------------------------------------------------------------------------
 * Services
 */
static bool read_networks(struct api_request *rq, struct asked *asked,
			  struct addr_prefix networks[SUBJECT_NETS], unsigned *ret_n)
{
	const json_t *list = json_object_get(rq->body, "networks"), *item;
	size_t i, used = 0;

	*ret_n = 0;
	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > SUBJECT_NETS / 2) {
		api_problem(rq, 422, "bad-member", NULL,
			    "'networks' is a list of 1 to %d networks that pass", SUBJECT_NETS / 2);
		return false;
	}
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		char clean[PREFIX_TEXT];

		if (!text) {
			api_problem(rq, 422, "bad-member", NULL, "'networks' has no text in it");
			return false;
		}
		if (!api_parse_source(rq, text, &networks[i]))
			return false;
		used += (size_t)snprintf(asked->detail + used, sizeof(asked->detail) - used, "%s%s",
					 i ? " " : "", prefix_format(&networks[i], clean));
		if (used >= sizeof(asked->detail)) {
			api_problem(rq, 422, "bad-member", NULL, "'networks' is too long");
			return false;
		}
		++*ret_n;
	}
	return true;
}

/* 409 when somebody would be shut out who must not be. */
static bool may_lock(struct api_request *rq, const struct addr_prefix *networks, unsigned n)
{
	struct keeper *keeper = rq->keeper;
	char why[PROTECT_WHY], text[ADDR_TEXT];
	struct gl_addr session;

	if (contain_refresh_protected(keeper, 0) < 0) {
		api_problem(rq, 500, "no-memory", NULL, "whom to protect is unknown");
		return false;
	}
	if (protect_outside(keeper->protect, networks, n, why)) {
		api_problem(rq, 409, "protected", NULL,
			    "%s, would be shut out: add it to the networks; force locks down "
			    "nevertheless",
			    why);
		return false;
	}
	if (protect_session_of(rq->pid, &session) < 0)
		return true;
	for (unsigned i = 0; i < n; i++)
		if (prefix_contains(&networks[i], &session))
			return true;
	api_problem(rq, 409, "protected", NULL,
		    "your own session comes from %s and would be shut out: add it to the networks; "
		    "force locks down nevertheless",
		    addr_format(&session, text));
	return false;
}

static bool read_lockdown(struct api_request *rq, struct asked *asked)
{
	struct addr_prefix networks[SUBJECT_NETS];
	const char *service;
	unsigned n;

	if (!api_body_string(rq, "service", true, &service) || !find_service(rq, service) ||
	    !read_networks(rq, asked, networks, &n))
		return false;
	snprintf(asked->text, sizeof(asked->text), "%s", service);
	if (!asked->force && !may_lock(rq, networks, n))
		return false;
	/* the host itself always passes: its own probes are not an attacker */
	protect_own(rq->keeper->protect, asked->detail, sizeof(asked->detail), SUBJECT_NETS - n);
	return true;
}

/* ---------------------------------------------------------------------------------------------
 * Workloads, grants
 */
static bool read_workload(struct api_request *rq, struct asked *asked)
{
	const char *workload;
	char wrong[SUBJECT_MESSAGE];
	int r;

	if (!api_body_string(rq, "workload", true, &workload))
		return false;
	r = kills_parse(workload, asked->text, sizeof(asked->text), wrong);
	if (r < 0) {
		api_problem(rq, 422, "bad-workload", NULL, "%s", wrong);
		return false;
	}
	if (asked->force || kills_may(asked->text, rq->pid, wrong))
		return true;
	api_problem(rq, 409, "protected", NULL, "%s; force kills it nevertheless", wrong);
	return false;
}

static bool read_grant(struct api_request *rq, struct asked *asked)
{
	const char *source, *principal, *cls;
	char who[SUBJECT_TEXT / 2];
	struct addr_prefix prefix;

	if (!api_body_string(rq, "source", false, &source) ||
	    !api_body_string(rq, "principal", false, &principal) ||
	    !api_body_string(rq, "class", false, &cls))
		return false;
	if (!source == !principal) {
		api_problem(rq, 422, "bad-member", NULL,
			    "one of 'source' and 'principal' says whom it is for");
		return false;
	}
	if (source) {
		if (!api_parse_source(rq, source, &prefix))
			return false;
		prefix_format(&prefix, who);
	} else if (!read_hash(rq, principal, asked->text)) {
		return false;
	} else {
		snprintf(who, sizeof(who), "%.16s", asked->text);
	}
	snprintf(asked->text, sizeof(asked->text), "%s %s%s%.63s", source ? "source" : "principal",
		 who, cls ? " class " : "", cls ? cls : "");
	return true;
}

/* ---------------------------------------------------------------------------------------------
 * Putting
 */
static bool read_common(struct api_request *rq, struct asked *asked)
{
	const char *ttl;

	if (!api_body_string(rq, "ttl", false, &ttl) ||
	    !api_body_string(rq, "reason", false, &asked->reason) ||
	    !api_body_bool(rq, "force", &asked->force) ||
	    !api_body_bool(rq, "dryRun", &asked->dry_run) ||
	    !api_body_bool(rq, "keepOpen", &asked->keep_open) ||
	    !api_parse_ttl(rq, ttl ? ttl : TTL_DEFAULT, &asked->ttl_s))
		return false;
	if (asked->reason && strlen(asked->reason) >= DECISION_REASON) {
		api_problem(rq, 422, "bad-member", NULL, "'reason' is longer than %d bytes",
			    DECISION_REASON - 1);
		return false;
	}
	return true;
}

static const struct {
	const char *members[13];
	bool (*read)(struct api_request *rq, struct asked *asked);
} kinds[SUBJECT_KINDS] = {
#define COMMON "verdict", "ttl", "reason", "force", "dryRun", "keepOpen"
	[SUBJECT_OPERATION] = {{"service", "operation", COMMON}, read_operation},
	[SUBJECT_PRINCIPAL] = {{"principal", "credential", "event", COMMON}, read_principal},
	[SUBJECT_SERVICE] = {{"service", "networks", COMMON}, read_lockdown},
	[SUBJECT_WORKLOAD] = {{"workload", COMMON}, read_workload},
	[SUBJECT_GRANT] = {{"source", "principal", "class", COMMON}, read_grant},
};

static int kind_of(const char *verdict)
{
	for (int kind = 0; kind < SUBJECT_KINDS; kind++)
		if (kinds[kind].read &&
		    strcmp(verdict, subject_verdict((enum subject_kind)kind)) == 0)
			return kind;
	return -ENOENT;
}

bool api_subject_verdict(const char *verdict)
{
	return kind_of(verdict) >= 0;
}

static void refuse(struct api_request *rq, int r, const struct asked *asked)
{
	if (r == -ENOSPC)
		api_problem(rq, 507, "table-full", NULL,
			    "the table of decided subjects has no room for it: nothing changed");
	else if (r == -EMFILE)
		api_problem(rq, 507, "table-full", NULL,
			    "%d services are locked down already: unlock one first",
			    GL_LOCKDOWNS_MAX);
	else if (r == -ENOENT)
		api_problem(rq, 422, "no-such-class", NULL, "the policy has no such class: %s",
			    asked->text);
	else if (r == -EINVAL || r == -E2BIG)
		api_problem(rq, 422, "bad-subject", NULL,
			    "%s: a grant is for one IPv4 address, one IPv6 /64 or one principal; "
			    "networks are exempt by policy",
			    asked->text);
	else
		api_problem(rq, 500, "not-in-force", NULL,
			    "the decision could not be put in force: %s", strerror(-r));
}

/* In monitor nothing is stopped: whoever contains something has to know. */
static void set_effect(json_t *o, const struct keeper *keeper, const struct asked *asked)
{
	const struct gl_control *control = kern_control(keeper->kern);
	const struct gl_service *service = NULL;
	bool effect = control->mode == GL_MODE_ENFORCE;

	if (asked->kind == SUBJECT_OPERATION || asked->kind == SUBJECT_SERVICE)
		service = ruling_service(keeper, subject_service_of(apply_intern(keeper->apply),
								    asked->text, false));
	if (service)
		effect = judge_enforces(keeper, service);
	json_object_set_new(o, "enforced", json_boolean(effect || asked->kind == SUBJECT_WORKLOAD));
}

static void put(struct api_request *rq, const struct asked *asked, const struct subject_ask *ask)
{
	struct keeper *keeper = rq->keeper;
	const struct subject *was = subjects_by_text(keeper->subjects, ask->kind, ask->text), *made;
	json_t *before = was ? api_subject_json(keeper, was) : NULL, *answer;
	char ttl[DURATION_TEXT], text[EVENT_MESSAGE];
	unsigned cut;
	int r = subjects_put(keeper->subjects, ask, clock_now(), &made);

	if (r < 0) {
		json_decref(before);
		refuse(rq, r, asked);
		return;
	}
	cut = asked->keep_open ? 0 : open_cut_subject(keeper, made);
	if (ask->kind == SUBJECT_WORKLOAD)
		r = kills_follow(keeper);
	persist_decisions(keeper);
	api_changed(rq, EVENT_DECISION, "decision add", before, api_subject_json(keeper, made),
		    "%.64s for %s", contain_subject_text(made, text, sizeof(text)),
		    duration_format(ask->ttl_s, ttl));
	if (r < 0) {
		api_problem(rq, 500, "not-in-force", NULL, "%s: %s; it is tried again", made->text,
			    r == -ENOTSUP ? "not on this kernel" : strerror(-r));
		return;
	}
	answer = api_subject_json(keeper, made);
	set_effect(answer, keeper, asked);
	json_object_set_new(answer, "connectionsCut", json_integer(cut));
	api_reply(rq, 201, answer);
}

static void try_only(struct api_request *rq, const struct asked *asked,
		     const struct subject_ask *ask)
{
	struct clock_now now = clock_now();
	int r = subjects_try(rq->keeper->subjects, ask);
	json_t *o;

	if (r < 0) {
		refuse(rq, r, asked);
		return;
	}
	o = api_subject_row(0, ask->kind, ask->text, ask->detail, now.wall_ns,
			    now.wall_ns + (int64_t)(ask->ttl_s * CLOCK_NS_PER_S));
	json_object_set_new(o, "reason", json_string(ask->reason));
	json_object_set_new(o, "origin", json_string(ask->origin));
	json_object_set_new(o, "hits", json_integer(0));
	set_effect(o, rq->keeper, asked);
	api_reply(rq, 200, o);
}

void api_subjects_add(struct api_request *rq, const char *verdict)
{
	struct asked asked = {.kind = (enum subject_kind)kind_of(verdict)};
	struct subject_ask ask = {.kind = asked.kind, .origin = "manual"};

	if (!api_body_has_only(rq, kinds[asked.kind].members) || !read_common(rq, &asked) ||
	    !kinds[asked.kind].read(rq, &asked))
		return;
	ask.text = asked.text;
	ask.detail = asked.detail;
	ask.ttl_s = asked.ttl_s;
	ask.reason = asked.reason ? asked.reason : "";
	if (asked.dry_run)
		try_only(rq, &asked, &ask);
	else
		put(rq, &asked, &ask);
}

void api_subjects_remove(struct api_request *rq, uint32_t id)
{
	struct keeper *keeper = rq->keeper;
	const struct subject *s = subjects_by_id(keeper->subjects, id);
	json_t *before = api_subject_json(keeper, s);
	char text[EVENT_MESSAGE];
	bool workload = s->kind == SUBJECT_WORKLOAD;

	contain_subject_text(s, text, sizeof(text));
	subjects_remove(keeper->subjects, id);
	if (workload)
		kills_follow(keeper);
	persist_decisions(keeper);
	api_changed(rq, EVENT_DECISION, "decision remove", before, NULL, "end of %.80s", text);
	api_reply(rq, 200, json_pack("{s:i}", "removed", 1));
}

/* ---------------------------------------------------------------------------------------------
 * Ending, by what it is about
 */

/* A member of the query, which never has a credential, or of the body. "" if there is none. */
static const char *member(const struct api_request *rq, const char *name)
{
	const char *value = json_string_value(json_object_get(rq->query, name));

	if (!value)
		value = json_string_value(json_object_get(rq->body, name));
	return value ? value : "";
}

static bool say_subject(struct api_request *rq, struct asked *asked)
{
	const char *source = member(rq, "source"), *cls = member(rq, "class");
	struct addr_prefix prefix;
	char who[PREFIX_TEXT], wrong[SUBJECT_MESSAGE];

	switch (asked->kind) {
	case SUBJECT_OPERATION:
		snprintf(asked->text, sizeof(asked->text), "%s %s", member(rq, "service"),
			 member(rq, "operation"));
		return true;
	case SUBJECT_SERVICE:
		snprintf(asked->text, sizeof(asked->text), "%s", member(rq, "service"));
		return true;
	case SUBJECT_PRINCIPAL:
		return *member(rq, "principal")
			       ? read_hash(rq, member(rq, "principal"), asked->text)
			       : read_principal(rq, asked);
	case SUBJECT_WORKLOAD:
		kills_parse(member(rq, "workload"), asked->text, sizeof(asked->text), wrong);
		return true;
	case SUBJECT_GRANT:
		if (*source && !api_parse_source(rq, source, &prefix))
			return false;
		snprintf(asked->text, sizeof(asked->text), "%s %.64s%s%.63s",
			 *source ? "source" : "principal",
			 *source ? prefix_format(&prefix, who) : member(rq, "principal"),
			 *cls ? " class " : "", cls);
		return true;
	default:
		return true;
	}
}

void api_subjects_end(struct api_request *rq, const char *verdict)
{
	struct asked asked = {.kind = (enum subject_kind)kind_of(verdict)};
	const struct subject *s;

	if (!api_query_has_only(rq, kinds[asked.kind].members) ||
	    !api_body_has_only(rq, kinds[asked.kind].members) || !say_subject(rq, &asked))
		return;
	s = subjects_by_text(rq->keeper->subjects, asked.kind, asked.text);
	if (s)
		api_subjects_remove(rq, s->id);
	else
		api_problem(rq, 404, "no-such-decision", NULL, "there is no %s of %.200s", verdict,
			    asked.text);
}
