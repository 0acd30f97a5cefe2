/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sight.c - what inspection brought: transactions, findings, the standard's state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/keeper/controls.h"
#include "user/keeper/coverage.h"
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

/* Oldest first; `after` is the id of the last one of the page before. */
void api_findings(struct api_request *rq)
{
	static const char *const parameters[] = {"limit",   "after",    "control",
						 "service", "severity", NULL};
	const struct findings *findings = rq->keeper->findings;
	struct wanted wanted;
	const struct finding *f;
	bool more = false;
	uint64_t after;
	json_t *items;
	size_t limit;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, PAGE, &limit) ||
	    !api_page_after(rq, &after) || !read_wanted(rq, &wanted))
		return;
	items = json_array();
	for (size_t i = 0; (f = findings_at(findings, i)); i++) {
		if (f->id <= after || !is_wanted(f, &wanted))
			continue;
		more = json_array_size(items) == limit;
		if (more)
			break;
		json_array_append_new(items, finding_json(f));
	}
	api_page(rq, items, more);
}

void api_finding(struct api_request *rq)
{
	const struct finding *f;
	char *end;
	uint64_t id = strtoull(rq->parameter, &end, 10);

	if (*end || end == rq->parameter) {
		api_problem(rq, 400, "bad-id", NULL, "'%.32s' is not the number of a finding",
			    rq->parameter);
		return;
	}
	f = findings_find(rq->keeper->findings, id);
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
