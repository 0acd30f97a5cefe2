/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit.c - who changed what, from the store.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/api/api.h"

static json_t *parsed(const char *text)
{
	json_t *json = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return json ? json : json_null();
}

static void add(const struct store_audit *audit, void *userdata)
{
	char id[24], time[CLOCK_TEXT];

	snprintf(id, sizeof(id), "%" PRId64, audit->id);
	json_array_append_new(userdata,
			      json_pack("{s:s, s:s, s:s, s:I, s:i, s:s, s:o, s:o}", "id", id,
					"time", clock_format(audit->time_ns, time), "origin",
					audit->origin, "uid", (json_int_t)audit->uid, "pid",
					(int)audit->pid, "what", audit->what, "before",
					parsed(audit->before), "after", parsed(audit->after)));
}

/* Newest first; `after` is the id of the last one of the page before. */
void api_audit(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", NULL};
	json_t *items;
	uint64_t after;
	size_t limit;
	int r;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after))
		return;
	items = json_array();
	r = store_each_audit(rq->keeper->store, (int64_t)after, limit, add, items);
	if (r < 0) {
		json_decref(items);
		api_problem(rq, 503, "no-store", NULL, "the audit cannot be read: %s",
			    store_trouble(rq->keeper->store) ?: "unknown");
		return;
	}
	api_page(rq, items, json_array_size(items) == limit);
}

/* Walks the chain: a tenth of a second for all that is kept. */
void api_audit_verify(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};
	struct audit_check check;
	char bad[24];

	if (!api_query_has_only(rq, parameters))
		return;
	audit_flush(rq->keeper->audit);
	if (audit_verify(rq->keeper->audit, &check) < 0) {
		api_problem(rq, 503, "no-store", NULL, "the audit cannot be read: %s",
			    store_trouble(rq->keeper->store) ?: "unknown");
		return;
	}
	snprintf(bad, sizeof(bad), "%" PRId64, check.bad);
	api_reply(rq, 200,
		  json_pack("{s:b, s:s?, s:s?, s:I, s:I, s:I, s:I, s:s, s:s}", "ok", check.ok,
			    "problem", check.problem, "record", check.bad ? bad : NULL, "records",
			    (json_int_t)check.records, "unsigned",
			    (json_int_t)check.unsigned_records, "first",
			    (json_int_t)check.head.first, "last", (json_int_t)check.head.last,
			    "hash", check.head.hash, "signature", check.head.signature));
}
