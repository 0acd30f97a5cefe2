/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ratelimit.c - API-07: answers of limited operations say how much is left; STC-01: a 429 says when
 * to come back; REV-15: an application that counts, and answers although nothing is left.
 *
 * Missing fields weigh little: the limit is the agent's, and it sends them with its own 429.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

static bool tells_limit(const struct facts *f)
{
	static const enum head heads[] = {
		HEAD_RATELIMIT,         HEAD_RATELIMIT_POLICY,    HEAD_RATELIMIT_LIMIT,
		HEAD_X_RATELIMIT_LIMIT, HEAD_RATELIMIT_REMAINING, HEAD_X_RATELIMIT_REMAINING,
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (f->response.first[heads[i]])
			return true;
	return false;
}

static void judge_overrun(const struct transaction *tx, const struct facts *f,
			  const struct detect_out *out)
{
	struct raw left = heads_value(&f->response, HEAD_RATELIMIT_REMAINING);

	if (!left.n)
		left = heads_value(&f->response, HEAD_X_RATELIMIT_REMAINING);
	if (raw_begins(left, RAW("-")) && !raw_is(left, RAW("-1")))
		DETECT(out, "REV-15", "limit-not-applied", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "%u, although less than nothing of the limit is left (%s)", tx->status,
		       masked_token(left, 20).text);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;

	if (!f->answered)
		return;
	if (f->success)
		judge_overrun(tx, f, out);
	if (!f->head_whole)
		return;
	if (tx->status == 429 && !f->response.first[HEAD_RETRY_AFTER])
		DETECT(out, "STC-01", "no-retry-after", FINDING_LOW, PART_RESPONSE_HEAD,
		       "429 without Retry-After");
	if (policy->limited && tx->status < 500 && tx->status != 304 && !tells_limit(f))
		DETECT(out, "API-07", "ratelimit-missing", FINDING_INFO, PART_RESPONSE_HEAD,
		       "a limited operation answered %u without RateLimit fields", tx->status);
}

static const char *const controls[] = {"API-07", "STC-01", "REV-15", NULL};
const struct detector detector_ratelimit = {"ratelimit", controls, judge, 0};
