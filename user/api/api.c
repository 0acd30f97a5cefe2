/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/api/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/duration.h"
#include "user/keeper/exports.h"
#include "user/keeper/held.h"

typedef void (*api_handler)(struct api_request *rq);

enum role { ROLE_READER, ROLE_ROOT };

struct route {
	const char *method;
	const char *path; /* a segment "{id}" takes any one segment */
	enum role role;
	api_handler handler;
	bool can_try; /* knows dryRun: readers may use it with that */
};

static const struct route routes[] = {
	{"GET", "/v1/status", ROLE_READER, api_status, false},
	{"GET", "/v1/doctor", ROLE_READER, api_doctor, false},
	{"POST", "/v1/detach", ROLE_ROOT, api_detach, false},
	{"GET", "/v1/policy", ROLE_READER, api_policy_get, false},
	{"POST", "/v1/policy", ROLE_ROOT, api_policy_post, true},
	{"GET", "/v1/policies", ROLE_READER, api_policies_list, false},
	{"GET", "/v1/policies/{id}", ROLE_READER, api_policies_get, false},
	{"PUT", "/v1/mode", ROLE_ROOT, api_mode_put, false},
	{"POST", "/v1/panic", ROLE_ROOT, api_panic, false},
	{"GET", "/v1/decisions", ROLE_READER, api_decisions_list, false},
	{"POST", "/v1/decisions", ROLE_ROOT, api_decisions_add, true},
	{"DELETE", "/v1/decisions", ROLE_ROOT, api_decisions_remove, false},
	{"GET", "/v1/limits", ROLE_READER, api_limits, false},
	{"GET", "/v1/sources", ROLE_READER, api_sources, false},
	{"POST", "/v1/explain", ROLE_READER, api_explain, false},
	{"GET", "/v1/verdicts/{id}", ROLE_READER, api_verdict, false},
	{"GET", "/v1/events", ROLE_READER, api_events, false},
	{"GET", "/v1/counters", ROLE_READER, api_counters, false},
	{"GET", "/v1/tls", ROLE_READER, api_tls, false},
	{"GET", "/v1/tls/certificates", ROLE_READER, api_certificates, false},
	{"DELETE", "/v1/tls/names", ROLE_ROOT, api_tls_forget, false},
	{"GET", "/v1/audit", ROLE_READER, api_audit, false},
	{"GET", "/v1/audit/verify", ROLE_READER, api_audit_verify, false},
	{"GET", "/v1/findings", ROLE_READER, api_findings, false},
	{"GET", "/v1/findings/{id}", ROLE_READER, api_finding, false},
	{"GET", "/v1/transactions", ROLE_READER, api_transactions, false},
	{"GET", "/v1/alerts", ROLE_READER, api_alerts, false},
	{"GET", "/v1/alerts/{id}", ROLE_READER, api_alert, false},
	{"GET", "/v1/alerts/{id}/explanation", ROLE_READER, api_alert_explanation, false},
	{"PUT", "/v1/alerts/{id}/state", ROLE_ROOT, api_alert_state, false},
	{"GET", "/v1/controls", ROLE_READER, api_controls, false},
	{"GET", "/v1/coverage", ROLE_READER, api_coverage, false},
	{"GET", "/v1/approvals", ROLE_READER, api_approvals_list, false},
	{"POST", "/v1/approvals/{id}/approve", ROLE_ROOT, api_approval_approve, true},
	{"POST", "/v1/approvals/{id}/deny", ROLE_ROOT, api_approval_deny, true},
	{"POST", "/v1/incidents/{id}/undo", ROLE_ROOT, api_incident_undo, true},
	{"GET", "/v1/incidents", ROLE_READER, api_incidents_list, false},
	{"POST", "/v1/incidents", ROLE_ROOT, api_incident_open, true},
	{"GET", "/v1/incidents/{id}", ROLE_READER, api_incident_get, false},
	{"GET", "/v1/incidents/{id}/timeline", ROLE_READER, api_incident_timeline, false},
	{"GET", "/v1/incidents/{id}/scope", ROLE_READER, api_incident_scope, false},
	{"GET", "/v1/incidents/{id}/report", ROLE_READER, api_incident_report, false},
	{"PUT", "/v1/incidents/{id}/assignee", ROLE_ROOT, api_incident_assign, true},
	{"PUT", "/v1/incidents/{id}/priority", ROLE_ROOT, api_incident_priority, true},
	{"POST", "/v1/incidents/{id}/notes", ROLE_ROOT, api_incident_note, true},
	{"PUT", "/v1/incidents/{id}/phase", ROLE_ROOT, api_incident_phase, true},
	{"POST", "/v1/incidents/{id}/close", ROLE_ROOT, api_incident_close, true},
	{"POST", "/v1/incidents/{id}/reopen", ROLE_ROOT, api_incident_reopen, true},
	{"POST", "/v1/incidents/{id}/merge", ROLE_ROOT, api_incident_merge, true},
	{"POST", "/v1/incidents/{id}/split", ROLE_ROOT, api_incident_split, true},
	{"POST", "/v1/incidents/{id}/tasks", ROLE_ROOT, api_incident_task, true},
	{"PUT", "/v1/incidents/{id}/tasks", ROLE_ROOT, api_incident_task_end, true},
	{"GET", "/v1/exports", ROLE_READER, api_exports, false},
	{"GET", "/metrics", ROLE_READER, api_metrics, false},
};

void api_reply(struct api_request *rq, int status, json_t *body)
{
	struct keeper *keeper = rq->keeper;

	if (keeper->held && strcmp(rq->method, "GET") != 0 &&
	    store_ticket(keeper->store) != rq->ticket)
		held_reply(keeper->held, rq->reply, status, body);
	else
		courier_reply(rq->reply, status, body);
	rq->reply = NULL;
}

void api_problem(struct api_request *rq, int status, const char *kind, json_t *extra,
		 const char *fmt, ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	courier_reply_problem(rq->reply, status, kind, extra, "%s", detail);
	rq->reply = NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Reading requests
 */
static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

bool api_body_has_only(struct api_request *rq, const char *const *names)
{
	const char *name;
	json_t *value;

	json_object_foreach(rq->body, name, value)
	{
		if (is_one_of(name, names))
			continue;
		api_problem(rq, 422, "unknown-member", NULL, "the body has an unknown member '%s'",
			    name);
		return false;
	}
	return true;
}

bool api_query_has_only(struct api_request *rq, const char *const *names)
{
	const char *name;
	json_t *value;

	json_object_foreach(rq->query, name, value)
	{
		if (is_one_of(name, names))
			continue;
		api_problem(rq, 400, "unknown-parameter", NULL, "unknown parameter '%s'", name);
		return false;
	}
	return true;
}

bool api_body_string(struct api_request *rq, const char *name, bool required,
		     const char **ret_value)
{
	const json_t *value = json_object_get(rq->body, name);

	if (!value || json_is_null(value)) {
		*ret_value = NULL;
		if (required)
			api_problem(rq, 422, "missing-member", NULL, "'%s' is missing", name);
		return !required;
	}
	if (!json_is_string(value)) {
		api_problem(rq, 422, "bad-member", NULL, "'%s' is not a string", name);
		return false;
	}
	*ret_value = json_string_value(value);
	return true;
}

bool api_body_bool(struct api_request *rq, const char *name, bool *ret_value)
{
	const json_t *value = json_object_get(rq->body, name);

	*ret_value = json_is_true(value);
	if (value && !json_is_boolean(value)) {
		api_problem(rq, 422, "bad-member", NULL, "'%s' is neither true nor false", name);
		return false;
	}
	return true;
}

/* Digits only; strtoul() would take signs and spaces. */
static int parse_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*text || strlen(text) > 19)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

bool api_page_limit(struct api_request *rq, size_t otherwise, size_t *ret_limit)
{
	const char *text = json_string_value(json_object_get(rq->query, "limit"));
	uint64_t value;

	if (!text) {
		*ret_limit = otherwise;
		return true;
	}
	if (parse_number(text, API_PAGE_MAX, &value) < 0 || value == 0) {
		api_problem(rq, 400, "bad-limit", NULL, "limit is a number from 1 to %d, not '%s'",
			    API_PAGE_MAX, text);
		return false;
	}
	*ret_limit = value;
	return true;
}

void api_page(struct api_request *rq, json_t *items, bool more)
{
	size_t n = json_array_size(items);
	json_t *next = more ? json_object_get(json_array_get(items, n - 1), "id") : NULL;

	next = next ? json_incref(next) : json_null();
	api_reply(rq, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

bool api_page_after(struct api_request *rq, uint64_t *ret_after)
{
	const char *text = json_string_value(json_object_get(rq->query, "after"));

	*ret_after = 0;
	if (!text || parse_number(text, INT64_MAX, ret_after) == 0)
		return true;
	api_problem(rq, 400, "bad-after", NULL, "after is the 'next' of the page before, not '%s'",
		    text);
	return false;
}

bool api_parse_ttl(struct api_request *rq, const char *text, uint32_t *ret_seconds)
{
	char with_unit[32];
	int r;

	snprintf(with_unit, sizeof(with_unit), "%s%s", text,
		 *text && strspn(text, "0123456789") == strlen(text) ? "s" : "");
	r = duration_parse(with_unit, ret_seconds);
	if (r == 0 && *ret_seconds <= DECISION_TTL_MAX_S)
		return true;
	api_problem(rq, 422, "bad-ttl", NULL,
		    "'%s' is not a time to live: 30s, 15m, 4h, 7d; at most 366d", text);
	return false;
}

bool api_parse_source(struct api_request *rq, const char *text, struct addr_prefix *ret_prefix)
{
	if (prefix_parse(text, ret_prefix) == 0)
		return true;
	api_problem(rq, 422, "bad-source", NULL,
		    "'%s' is neither an address nor a network (192.0.2.7, 2001:db8::/48)", text);
	return false;
}

/* ---------------------------------------------------------------------------------------------
 * Recording changes
 */
void api_changed(struct api_request *rq, enum event_kind kind, const char *what, json_t *before,
		 json_t *after, const char *fmt, ...)
{
	struct audit_actor who = {.origin = "api", .uid = rq->uid, .pid = rq->pid};
	char message[EVENT_MESSAGE], actor[EVENT_ACTOR];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	exports_take(rq->keeper->exports, EXPORT_AUDIT, EXPORT_LOW_SEVERITY, clock_wall_ns(),
		     message,
		     json_pack("{s:s, s:s, s:I, s:i, s:O?, s:O?}", "what", what, "origin", "api",
			       "uid", (json_int_t)rq->uid, "pid", (int)rq->pid, "before", before,
			       "after", after));
	audit_write(rq->keeper->audit, &who, what, before, after);
	snprintf(actor, sizeof(actor), "uid %u", (unsigned)rq->uid);
	records_note(rq->keeper, kind, actor, "%s", message);
}

/* ---------------------------------------------------------------------------------------------
 * Dispatching
 */
/* "{id}" stands for one segment, which is copied to `parameter`; longer ones match nothing. */
static bool path_matches(const char *pattern, const char *path, char parameter[API_PARAMETER])
{
	const char *brace = strchr(pattern, '{'), *rest;
	size_t n;

	if (!brace)
		return strcmp(pattern, path) == 0;
	n = (size_t)(brace - pattern);
	if (strncmp(pattern, path, n) != 0)
		return false;
	path += n;
	n = strcspn(path, "/");
	rest = strchr(brace, '}') + 1;
	if (n == 0 || n >= API_PARAMETER || strcmp(rest, path + n) != 0)
		return false;
	memcpy(parameter, path, n);
	parameter[n] = '\0';
	return true;
}

/* The route, or NULL after 404 or 405 (with Allow) was answered. */
static const struct route *find_route(struct api_request *rq)
{
	char allow[64] = "";
	bool known = false;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		size_t used = strlen(allow);

		if (!path_matches(routes[i].path, rq->path, rq->parameter))
			continue;
		if (strcmp(routes[i].method, rq->method) == 0)
			return &routes[i];
		known = true;
		snprintf(allow + used, sizeof(allow) - used, "%s%s", used ? ", " : "",
			 routes[i].method);
	}
	if (!known) {
		api_problem(rq, 404, "no-such-resource", NULL, "there is no %s", rq->path);
		return NULL;
	}
	courier_reply_header(rq->reply, "Allow", allow);
	api_problem(rq, 405, "method-not-allowed", NULL, "%s does not take %s", rq->path,
		    rq->method);
	return NULL;
}

static bool is_allowed(struct api_request *rq, const struct route *route)
{
	if (!rq->reader) {
		api_problem(rq, 403, "not-a-reader", NULL,
			    "only root and members of the group may ask");
		return false;
	}
	if (route->role == ROLE_ROOT && rq->uid != 0 &&
	    !(route->can_try && json_is_true(json_object_get(rq->body, "dryRun")))) {
		api_problem(rq, 403, "not-root", NULL, "only root may change anything");
		return false;
	}
	return true;
}

void api_handle(json_t *request, struct courier_reply *reply, void *userdata)
{
	const json_t *peer = json_object_get(request, "peer");
	json_t *nothing = json_object(), *body = json_object_get(request, "body"),
	       *query = json_object_get(request, "query");
	struct api_request rq = {
		.keeper = userdata,
		.method = json_string_value(json_object_get(request, "method")),
		.path = json_string_value(json_object_get(request, "path")),
		.query = json_is_object(query) ? query : nothing,
		.body = json_is_object(body) ? body : nothing,
		/* a frame without a uid is nobody's: never root's */
		.uid = json_is_integer(json_object_get(peer, "uid"))
			       ? (uid_t)json_integer_value(json_object_get(peer, "uid"))
			       : (uid_t)-1,
		.pid = (pid_t)json_integer_value(json_object_get(peer, "pid")),
		.reader = json_is_true(json_object_get(peer, "reader")),
		.reply = reply,
	};
	const struct route *route;

	if (rq.method && rq.path && strcmp(rq.method, "HEAD") == 0)
		rq.method = "GET"; /* the courier leaves the body out */
	if (!rq.method || !rq.path) {
		api_problem(&rq, 400, "bad-request", NULL, "no method or path");
	} else {
		route = find_route(&rq);
		if (route && is_allowed(&rq, route)) {
			/* what a client was told a moment ago must be known already */
			records_drain(rq.keeper);
			rq.ticket = store_ticket(rq.keeper->store);
			route->handler(&rq);
		}
	}
	json_decref(nothing);
}
