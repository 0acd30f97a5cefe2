/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sight.c - what inspection brought: transactions, findings, the standard's state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/page.h"
#include "user/keeper/controls.h"
#include "user/keeper/coverage.h"
#include "user/keeper/persist.h"
#include "user/keeper/transactions.h"

#define PAGE 100

static json_t *finding_json(const struct finding *f)
{
	char id[24], first[CLOCK_TEXT], last[CLOCK_TEXT];

	snprintf(id, sizeof(id), "%" PRIu64, f->id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "id", id,
			 "control", f->control, "rule", f->rule, "severity",
			 finding_severity_name(f->severity), "service", f->service, "subject",
			 f->subject, "evidence", f->evidence, "count", (json_int_t)f->count,
			 "firstSeen", clock_format(f->first_wall_ns, first), "lastSeen",
			 clock_format(f->last_wall_ns, last), "requestId", f->request);
}

/* What `control`, `service` and `severity` (at least) of the query ask for. */
struct wanted {
	const char *control, *service;
	int severity; /* least */
};

static bool read_wanted(struct api_request *rq, struct wanted *ret_wanted)
{
	const char *severity = json_string_value(json_object_get(rq->query, "severity"));
	struct wanted w = {
		.control = json_string_value(json_object_get(rq->query, "control")),
		.service = json_string_value(json_object_get(rq->query, "service")),
	};

	while (severity &&
	       strcmp(finding_severity_name((enum finding_severity)w.severity), severity))
		if (++w.severity > FINDING_CRITICAL) {
			api_problem(rq, 400, "bad-severity", NULL,
				    "severity is info, low, medium, high or critical");
			return false;
		}
	*ret_wanted = w;
	return true;
}

static bool is_wanted(const struct finding *f, const struct wanted *w)
{
	return (int)f->severity >= w->severity &&
	       (!w->control || !strcmp(w->control, f->control)) &&
	       (!w->service || !strcmp(w->service, f->service));
}

static bool is_remembered(const struct keeper *keeper, uint64_t id)
{
	return findings_find(keeper->findings, id) != NULL;
}

/* Rows of a page that memory does not have, by position. */
struct rows {
	const struct api_page *page;
	json_t *items[API_PAGE_MAX];
	size_t n;
};

static void take_row(const struct store_finding *row, void *userdata)
{
	struct rows *rows = userdata;
	struct finding f;

	persist_finding_of(row, &f);
	for (size_t i = 0; i < rows->n; i++)
		if (rows->page->merged[i] == row->id)
			rows->items[i] = finding_json(&f);
}

static void collect(struct api_request *rq, const struct wanted *w, uint64_t after,
		    struct api_page *page)
{
	const struct findings *findings = rq->keeper->findings;
	size_t count = findings_count(findings);
	const struct store_page question = {
		.newest = page->newest,
		.from = after,
		.kind = w->control,
		.service = w->service,
		.severity = w->severity,
		.state = -1,
	};

	for (size_t i = 0; i < count; i++) {
		const struct finding *f = findings_at(findings, page->newest ? count - 1 - i : i);

		if ((!after || (page->newest ? f->id < after : f->id > after)) && is_wanted(f, w))
			api_page_add(page, f->id);
	}
	api_page_ask(page, store_page_findings, question, count);
}

static bool read_order(struct api_request *rq, bool *ret_newest)
{
	const char *order = json_string_value(json_object_get(rq->query, "order"));

	*ret_newest = order && strcmp(order, "newest") == 0;
	if (!order || *ret_newest || strcmp(order, "oldest") == 0)
		return true;
	api_problem(rq, 400, "bad-order", NULL, "order is newest or oldest (first), not '%.32s'",
		    order);
	return false;
}

/* Oldest first unless asked otherwise; `after` is the id of the last one of the page before. */
void api_findings(struct api_request *rq)
{
	static const char *const parameters[] = {"limit",    "after", "control", "service",
						 "severity", "order", NULL};
	struct api_page page = {.remembered = is_remembered, .keeper = rq->keeper};
	struct rows rows = {.page = &page};
	uint64_t after, ids[API_PAGE_MAX];
	struct wanted wanted;
	json_t *items;
	size_t n;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, PAGE, &n) ||
	    !api_page_after(rq, &after) || !read_wanted(rq, &wanted) ||
	    !read_order(rq, &page.newest))
		return;
	page.max = n + 1;
	/* what cannot be read now is said with the page: memory is answered */
	collect(rq, &wanted, after, &page);
	rows.n = page.n < n ? page.n : n;
	store_get_findings(rq->keeper->store, ids, api_page_stored(&page, ids), take_row, &rows);
	items = json_array();
	for (size_t i = 0; i < rows.n; i++) {
		const struct finding *f = findings_find(rq->keeper->findings, page.merged[i]);

		json_array_append_new(items, f ? finding_json(f) : rows.items[i]);
	}
	api_page_reply(rq, &page, items);
}

static void keep_row(const struct store_finding *row, void *userdata)
{
	persist_finding_of(row, userdata);
}

void api_finding(struct api_request *rq)
{
	struct finding stored = {};
	const struct finding *f;
	char *end;
	uint64_t id = strtoull(rq->parameter, &end, 10);

	if (*end || end == rq->parameter) {
		api_problem(rq, 400, "bad-id", NULL, "'%.32s' is not the number of a finding",
			    rq->parameter);
		return;
	}
	f = findings_find(rq->keeper->findings, id);
	if (!f && store_get_findings(rq->keeper->store, &id, 1, keep_row, &stored) == -EBUSY) {
		api_problem(rq, 503, "store-unreadable", NULL,
			    "finding %" PRIu64 " is in the store, which does not answer now", id);
		return;
	}
	if (!f && stored.id)
		f = &stored;
	if (f)
		api_reply(rq, 200, finding_json(f));
	else
		api_problem(rq, 404, "no-such-finding", NULL,
			    "no finding %" PRIu64 " is remembered", id);
}

/* Oldest first. Without `after` the newest ones: what a person looks at. */
void api_transactions(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", NULL};
	const struct transactions *transactions = rq->keeper->transactions;
	size_t limit, at, count;
	uint64_t after;
	json_t *items;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after))
		return;
	count = transactions_count(transactions);
	at = json_object_get(rq->query, "after") ? transactions_after(transactions, after)
	     : count > limit                     ? count - limit
						 : 0;
	items = json_array();
	for (; at < count && json_array_size(items) < limit; at++) {
		const struct transaction_kept *kept = transactions_at(transactions, at);

		json_array_append_new(items,
				      transaction_json(kept, apply_intern(rq->keeper->apply)));
	}
	api_page(rq, items, at < count);
}

/* Every row of the standard: more than a page, and always all of them. */
void api_controls(struct api_request *rq)
{
	static const char *const parameters[] = {"service", NULL};
	const char *service = json_string_value(json_object_get(rq->query, "service"));
	const struct policy *policy = apply_ruling(rq->keeper->apply)->policy;
	bool known = !service;

	if (!api_query_has_only(rq, parameters))
		return;
	for (size_t i = 0; policy && i < policy->n_services; i++)
		known = known || strcmp(policy->services[i].name, service) == 0;
	if (!known) {
		api_problem(rq, 404, "no-such-service", NULL, "the policy has no service '%.64s'",
			    service);
		return;
	}
	health_read_counters(rq->keeper);
	api_reply(rq, 200,
		  json_pack("{s:o}", "items",
			    controls_json(rq->keeper->controls, rq->keeper, service)));
}

void api_coverage(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};

	if (api_query_has_only(rq, parameters))
		api_reply(rq, 200, coverage_json(rq->keeper));
}
