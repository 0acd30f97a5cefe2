/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * problems.c - PRE-05 (and API-09, which says the same): the body of every 4xx and 5xx is problem
 * details (RFC 9457) under its media type. A page shown to somebody's browser is no API's answer.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

/* A navigation: what is wanted is a page first of all. */
static bool wants_page(const struct facts *f)
{
	struct raw accept = heads_value(&f->request, HEAD_ACCEPT);

	return raw_begins_nocase(accept, RAW("text/html"));
}

static void judge_members(const struct transaction *tx, const struct facts *f,
			  const struct detect_out *out)
{
	static const struct {
		uint32_t member;
		const char *name, *type;
	} names[] = {
		{SHAPE_TYPE, "type", "text"},         {SHAPE_TITLE, "title", "text"},
		{SHAPE_STATUS, "status", "a number"}, {SHAPE_DETAIL, "detail", "text"},
		{SHAPE_INSTANCE, "instance", "text"},
	};
	const struct json_shape *shape = &f->shape;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(shape->wrong & names[i].member))
			continue;
		DETECT(out, "PRE-05", "problem-member-wrong", FINDING_LOW, PART_RESPONSE_BODY,
		       "\"%s\" is not %s (%u)", names[i].name, names[i].type, tx->status);
		return;
	}
	if (shape->members & SHAPE_STATUS && shape->status != tx->status)
		DETECT(out, "PRE-05", "problem-status-differs", FINDING_LOW, PART_RESPONSE_BODY,
		       "\"status\" is %lu, the status line says %u", (unsigned long)shape->status,
		       tx->status);
	else if (f->shape_whole && !(shape->members & SHAPE_PROBLEM))
		DETECT(out, "PRE-05", "problem-empty", FINDING_LOW, PART_RESPONSE_BODY,
		       "no type, title, status, detail or instance in it (%u)", tx->status);
}

static void judge_problem(const struct transaction *tx, const struct facts *f,
			  const struct detect_out *out)
{
	const struct json_shape *shape = &f->shape;

	if (!f->has_shape)
		return;
	if (shape->root != WALK_OBJECT || shape->ending == WALK_BAD || shape->ending == WALK_MORE ||
	    (shape->ending == WALK_CUT && f->shape_whole))
		DETECT(out, "PRE-05", "problem-not-object", FINDING_LOW, PART_RESPONSE_BODY,
		       "application/problem+json that is no JSON object (%u)", tx->status);
	else
		judge_members(tx, f, out);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	const struct raw type = f->response_type;

	(void)policy;
	if (!f->answered || tx->status < 400 || tx->status > 599 || f->method == METHOD_HEAD ||
	    tx->flags & TX_GRPC || !tx->response_body.wire_bytes)
		return;
	if (raw_is_nocase(type, RAW("application/problem+json")))
		judge_problem(tx, f, out);
	else if (!raw_is_nocase(type, RAW("application/problem+xml")) && f->head_whole)
		DETECT(out, "PRE-05", "error-not-problem",
		       wants_page(f) ? FINDING_INFO : FINDING_LOW, PART_RESPONSE_HEAD,
		       "%u with %s, not application/problem+json", tx->status,
		       type.n ? masked_token(type, 60).text : "no type");
}

static const char *const controls[] = {"PRE-05", "API-09", NULL};
const struct detector detector_problems = {"problems", controls, judge, 0};
