/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts.c - alerts: looking, explaining, acknowledging, closing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/page.h"
#include "user/keeper/persist.h"
#include "user/keeper/alerting.h"

#define PAGE 100

/* ---------------------------------------------------------------------------------------------
 * Lists
 */
struct wanted {
	int rule, severity, state; /* rule, state: -1 = any; severity: at least */
	bool current; /* not closed */
	const char *service;
};

static bool read_word(struct api_request *rq, const char *name, int (*find)(const char *text),
		      int otherwise, int *ret_value)
{
	const char *text = json_string_value(json_object_get(rq->query, name));

	*ret_value = text ? find(text) : otherwise;
	if (*ret_value >= 0 || !text)
		return true;
	api_problem(rq, 400, "bad-parameter", NULL, "'%.32s' is no %s of an alert", text, name);
	return false;
}

static bool read_wanted(struct api_request *rq, struct wanted *ret_wanted)
{
	struct wanted *w = ret_wanted;

	const char *all = json_string_value(json_object_get(rq->query, "all"));

	w->service = json_string_value(json_object_get(rq->query, "service"));
	w->current = all && strcmp(all, "false") == 0;
	if (all && !w->current && strcmp(all, "true") != 0) {
		api_problem(rq, 400, "bad-all", NULL, "all is true or false, not '%.32s'", all);
		return false;
	}
	return read_word(rq, "rule", alert_kind_find, -1, &w->rule) &&
	       read_word(rq, "severity", alert_severity_find, 0, &w->severity) &&
	       read_word(rq, "state", alert_state_find, -1, &w->state);
}

static bool is_wanted(const struct alert *a, const struct wanted *w)
{
	return (w->rule < 0 || (int)a->kind == w->rule) && (int)a->severity >= w->severity &&
	       (w->state < 0 || (int)a->state == w->state) &&
	       (!w->current || a->state != ALERT_CLOSED) &&
	       (!w->service || strcmp(a->service, w->service) == 0);
}

static bool is_remembered(const struct keeper *keeper, uint64_t id)
{
	return alerts_get(keeper->alerts, id) != NULL;
}

/* Rows of a page that memory does not have, by position. */
struct rows {
	const struct api_page *page;
	json_t *items[API_PAGE_MAX];
	size_t n;
};

static void take_row(const struct store_alert *row, void *userdata)
{
	struct rows *rows = userdata;
	static struct alert alert;

	for (size_t i = 0; i < rows->n; i++)
		if (rows->page->merged[i] == row->id && persist_alert_of(row, &alert) == 0)
			rows->items[i] = alert_json(&alert, false);
}

static int collect(struct api_request *rq, const struct wanted *w, uint64_t after,
		   struct api_page *page)
{
	const struct alerts *alerts = rq->keeper->alerts;
	const struct store_page question = {
		.newest = true,
		.from = after,
		.kind = w->rule < 0 ? NULL : alert_kind_name((unsigned)w->rule),
		.service = w->service,
		.severity = w->severity,
		.state = w->current ? STORE_NOT_CLOSED : w->state,
	};

	for (size_t i = alerts_count(alerts); i > 0; i--) {
		const struct alert *a = alerts_at(alerts, i - 1);

		if ((!after || a->id < after) && is_wanted(a, w))
			api_page_add(page, a->id);
	}
	return api_page_ask(page, store_page_alerts, question, alerts_count(alerts));
}

/* Newest first: what a person looks at. `after` is the id of the last one of the page before. */
void api_alerts(struct api_request *rq)
{
	static const char *const parameters[] = {"limit",   "after", "rule", "severity",
						 "service", "state", "all",  NULL};
	struct api_page page = {.newest = true, .remembered = is_remembered, .keeper = rq->keeper};
	struct rows rows = {.page = &page};
	uint64_t after, ids[API_PAGE_MAX];
	struct wanted wanted;
	json_t *items;
	size_t n;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, PAGE, &n) ||
	    !api_page_after(rq, &after) || !read_wanted(rq, &wanted))
		return;
	page.max = n + 1;
	/* what cannot be read now is said with the page: memory is answered */
	collect(rq, &wanted, after, &page);
	rows.n = page.n < n ? page.n : n;
	store_get_alerts(rq->keeper->store, ids, api_page_stored(&page, ids), take_row, &rows);
	items = json_array();
	for (size_t i = 0; i < rows.n; i++) {
		const struct alert *a = alerts_get(rq->keeper->alerts, page.merged[i]);

		json_array_append_new(items, a ? alert_json(a, false) : rows.items[i]);
	}
	api_page_reply(rq, &page, items);
}

/* ---------------------------------------------------------------------------------------------
 * One
 */
static void keep_row(const struct store_alert *row, void *userdata)
{
	struct alert *alert = userdata;

	if (persist_alert_of(row, alert) < 0)
		alert->id = 0;
}

/* The newest are in memory, the others in the store; those are valid until the next call. */
static const struct alert *find_stored(struct api_request *rq, uint64_t id)
{
	static struct alert alert;

	alert.id = 0;
	if (store_get_alerts(rq->keeper->store, &id, 1, keep_row, &alert) == -EBUSY) {
		api_problem(rq, 503, "store-unreadable", NULL,
			    "alert %" PRIu64 " is in the store, which does not answer now", id);
		return NULL;
	}
	if (!alert.id)
		api_problem(rq, 404, "no-such-alert", NULL, "no alert %" PRIu64 " is remembered",
			    id);
	return alert.id ? &alert : NULL;
}

static const struct alert *find(struct api_request *rq)
{
	const struct alert *alert;
	char *end;
	uint64_t id = strtoull(rq->parameter, &end, 10);

	if (*end || rq->parameter[0] < '0' || rq->parameter[0] > '9') {
		api_problem(rq, 400, "bad-id", NULL, "'%.32s' is not the number of an alert",
			    rq->parameter);
		return NULL;
	}
	alert = alerts_get(rq->keeper->alerts, id);
	return alert ? alert : find_stored(rq, id);
}

void api_alert(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};
	const struct alert *alert;

	if (!api_query_has_only(rq, parameters))
		return;
	alert = find(rq);
	if (alert)
		api_reply(rq, 200, alert_json(alert, true));
}

/* What each rule says, for people who did not write the policy. */
static const char *const rules[ALERT_KIND_MAX] = {
	[ALERT_AUTH_FAILURES] =
		"The application answered 401 to one source, to one principal, or to many sources "
		"of one operation, as often as spec.alerts.authFailures says in any window.",
	[ALERT_FORBIDDEN] =
		"The application answered 403 to one source, to one principal, or to "
		"many sources of one operation, as often as spec.alerts.forbidden says.",
	[ALERT_SERVER_ERRORS] = "The application answered 5xx to requests of one operation, as "
				"often as spec.alerts.serverErrors says; ten and more are a storm.",
	[ALERT_LIMIT_EXCEEDED] =
		"Requests went over the limit of a class. The pattern says how: burst, sustained "
		"(a minute or longer), distributed (five sources or more, none with half of it), "
		"enumerating (one source over eight operations, or walking ids), slow-and-low (a "
		"few, the third time within a day).",
	[ALERT_CREDENTIAL_STUFFING] = "One source tried many accounts at a login, and failed.",
	[ALERT_PASSWORD_SPRAYING] = "One password was tried for many accounts, and failed; "
				    "passwords are compared by keyed hash.",
	[ALERT_ENUMERATION] = "One source or principal walked the ids of an operation.",
	[ALERT_SECRET_IN_RESPONSE] =
		"A response held a secret: a key, a token, a password hash. The detector's finding "
		"shows it masked.",
	[ALERT_TLS_DOWNGRADE] = "A TLS handshake ended below what both sides can do.",
	[ALERT_CERTIFICATE] = "A server's certificate ends soon, or has.",
	[ALERT_BLIND_LISTENER] = "A process listens on a guarded port with a TLS library the agent "
				 "cannot look into.",
	[ALERT_LOSS] = "The agent did not see, judge or count something, faster than it should.",
	[ALERT_STORE] = "What happens is not stored; enforcement does not need it.",
	[ALERT_FINDING] = "A detector stated something severe.",
	[ALERT_DEADLINE] = "A phase of an incident is due, or overdue.",
	[ALERT_ATTESTATION] = "An attestation ends soon, or has.",
};

/* The rule, the window, the events: why this is an alert. */
void api_alert_explanation(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};
	const struct alert *a;
	json_t *o;

	if (!api_query_has_only(rq, parameters))
		return;
	a = find(rq);
	if (!a)
		return;
	o = alert_json(a, true);
	json_object_set_new(o, "explanation", json_string(rules[a->kind]));
	json_object_set_new(o, "countedBy",
			    json_string(a->kind > ALERT_LIMIT_EXCEEDED
						? "inspectors and the keeper"
						: "the kernel for HTTP/1, the keeper for HTTP/2"));
	api_reply(rq, 200, o);
}

/* As alerts_set_state(), of one that memory does not have any more. */
static int change_stored(struct keeper *keeper, const struct alert *alert, enum alert_state state,
			 const char *who)
{
	struct alert *a = (struct alert *)alert; /* find_stored()'s */
	int r;

	if (a->state == state)
		return -EALREADY;
	if (a->state == ALERT_CLOSED && state == ALERT_ACKNOWLEDGED)
		return -EINVAL;
	a->state = state;
	a->changed_ns = clock_wall_ns();
	snprintf(a->who, sizeof(a->who), "%s", who);
	r = store_begin(keeper->store);
	if (r == 0)
		persist_alert(a, keeper);
	return r == 0 ? store_commit(keeper->store) : r;
}

void api_alert_state(struct api_request *rq)
{
	static const char *const members[] = {"state", NULL};
	static const char *const parameters[] = {NULL};
	const struct alert *alert;
	const char *text;
	char who[32];
	json_t *before;
	int state, r;

	if (!api_query_has_only(rq, parameters) || !api_body_has_only(rq, members) ||
	    !api_body_string(rq, "state", true, &text))
		return;
	state = alert_state_find(text);
	if (state < 0) {
		api_problem(rq, 422, "bad-member", NULL,
			    "'%.32s' is no state: open, acknowledged or closed", text);
		return;
	}
	alert = find(rq);
	if (!alert)
		return;
	before = alert_json(alert, false);
	snprintf(who, sizeof(who), "uid %u", (unsigned)rq->uid);
	if (alerts_get(rq->keeper->alerts, alert->id))
		r = alerts_set_state(rq->keeper->alerts, alert->id, (enum alert_state)state, who,
				     clock_wall_ns());
	else
		r = change_stored(rq->keeper, alert, (enum alert_state)state, who);
	if (r == -EALREADY || r == -EINVAL) {
		json_decref(before);
		api_problem(rq, 409, "wrong-state", NULL, "alert %" PRIu64 " is %s", alert->id,
			    alert_state_name(alert->state));
		return;
	}
	if (r < 0 && r != -ENOENT) {
		json_decref(before);
		api_problem(rq, 503, "store-unreadable", NULL,
			    "alert %" PRIu64 " is in the store, which cannot be written now: %s",
			    alert->id, strerror(-r));
		return;
	}
	api_changed(rq, EVENT_ALERT, "alert state", before, alert_json(alert, false),
		    "alert %" PRIu64 " is %s", alert->id, text);
	api_reply(rq, 200, alert_json(alert, true));
}
