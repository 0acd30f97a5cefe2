/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api.h - the control API (deploy/schema/openapi.yaml): one table of routes, who may use them, and
 * the handlers, one file per group.
 *
 * The courier has read the HTTP and tells who asks; here it is decided whether they may, and done.
 * Only root changes anything; readers (root and the group) read, and try changes with dryRun.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "user/keeper/keeper.h"

#define API_PAGE_MAX  100
#define API_PARAMETER 128

struct api_request {
	struct keeper *keeper;
	const char *method, *path;
	json_t *query, *body; /* body: an object, empty when there was none */
	char parameter[API_PARAMETER]; /* the {id} of the path */
	uid_t uid;
	pid_t pid;
	bool reader;
	uint64_t ticket; /* of the store, when it began */
	struct courier_reply *reply; /* each handler replies exactly once */
};

/* The courier_request_fn; userdata is the keeper. */
void api_handle(json_t *request, struct courier_reply *reply, void *userdata);

/* For handlers. api_reply() takes body; a change is answered when it is on the disk (held.h). */
void api_reply(struct api_request *rq, int status, json_t *body);
__attribute__((format(printf, 5, 6))) void api_problem(struct api_request *rq, int status,
						       const char *kind, json_t *extra,
						       const char *fmt, ...);

/*
 * These answer with the right problem and return false when the request does not fit: members the
 * body may have (a NULL-terminated list), one string member, one page parameter.
 */
bool api_body_has_only(struct api_request *rq, const char *const *names);
bool api_query_has_only(struct api_request *rq, const char *const *names);
/* *ret_value NULL when absent and not required. */
bool api_body_string(struct api_request *rq, const char *name, bool required,
		     const char **ret_value);
bool api_body_bool(struct api_request *rq, const char *name, bool *ret_value);
bool api_page_limit(struct api_request *rq, size_t otherwise, size_t *ret_limit);
/* Replies with a page; `more`: its last item's id is the `next`. Takes items. */
void api_page(struct api_request *rq, json_t *items, bool more);
/* The "after" of a page, 0 when absent. */
bool api_page_after(struct api_request *rq, uint64_t *ret_after);
/* "4h", and bare seconds. */
bool api_parse_ttl(struct api_request *rq, const char *text, uint32_t *ret_seconds);
/* A source in the query or body: an address or a network. */
bool api_parse_source(struct api_request *rq, const char *text, struct addr_prefix *ret_prefix);

/* Records a change in audit log and events. Takes before and after. */
__attribute__((format(printf, 6, 7))) void api_changed(struct api_request *rq, enum event_kind kind,
						       const char *what, json_t *before,
						       json_t *after, const char *fmt, ...);

/* Handlers by group. */
void api_status(struct api_request *rq);
void api_doctor(struct api_request *rq);
void api_detach(struct api_request *rq);
void api_policy_get(struct api_request *rq);
void api_policy_post(struct api_request *rq);
void api_policies_list(struct api_request *rq);
void api_policies_get(struct api_request *rq);
void api_mode_put(struct api_request *rq);
void api_panic(struct api_request *rq);
void api_decisions_list(struct api_request *rq);
void api_decisions_add(struct api_request *rq);
void api_decisions_remove(struct api_request *rq);
/* subjects.c: the verdicts that are not about a source. */
bool api_subject_verdict(const char *verdict);
void api_subjects_add(struct api_request *rq, const char *verdict);
void api_subjects_remove(struct api_request *rq, uint32_t id);
/* By what it is about: members of the query, or of the body. */
void api_subjects_end(struct api_request *rq, const char *verdict);
/* subject_json.c: one as it is; one that is only asked for (id 0). */
json_t *api_subject_json(const struct keeper *keeper, const struct subject *subject);
json_t *api_subject_row(uint32_t id, enum subject_kind kind, const char *text, const char *detail,
			int64_t created_ns, int64_t expires_ns);
void api_limits(struct api_request *rq);
void api_sources(struct api_request *rq);
void api_explain(struct api_request *rq);
void api_verdict(struct api_request *rq);
void api_events(struct api_request *rq);
void api_counters(struct api_request *rq);
void api_certificates(struct api_request *rq);
void api_tls(struct api_request *rq);
void api_tls_forget(struct api_request *rq);
void api_audit(struct api_request *rq);
void api_audit_verify(struct api_request *rq);
void api_findings(struct api_request *rq);
void api_finding(struct api_request *rq);
void api_transactions(struct api_request *rq);
void api_alerts(struct api_request *rq);
void api_alert(struct api_request *rq);
void api_alert_explanation(struct api_request *rq);
void api_alert_state(struct api_request *rq);
void api_controls(struct api_request *rq);
void api_coverage(struct api_request *rq);
void api_approvals_list(struct api_request *rq);
void api_approval_approve(struct api_request *rq);
void api_approval_deny(struct api_request *rq);
/* incidents.c: the number in a text; the incident of the path. */
bool api_incident_number(struct api_request *rq, const char *text, uint32_t *ret_id);
bool api_incident_find(struct api_request *rq, const struct incident **ret_incident);
void api_incident_undo(struct api_request *rq);
void api_incidents_list(struct api_request *rq);
void api_incident_get(struct api_request *rq);
void api_incident_scope(struct api_request *rq);
void api_incident_report(struct api_request *rq);
void api_incident_timeline(struct api_request *rq);
void api_incident_open(struct api_request *rq);
void api_incident_assign(struct api_request *rq);
void api_incident_priority(struct api_request *rq);
void api_incident_note(struct api_request *rq);
void api_incident_phase(struct api_request *rq);
void api_incident_close(struct api_request *rq);
void api_incident_reopen(struct api_request *rq);
void api_incident_merge(struct api_request *rq);
void api_incident_split(struct api_request *rq);
void api_incident_task(struct api_request *rq);
void api_incident_task_end(struct api_request *rq);
void api_exports(struct api_request *rq);
void api_metrics(struct api_request *rq);
