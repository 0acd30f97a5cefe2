/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.c - STC-01: the status code means what it says, and brings what RFC 9110 says comes with
 * it. TLS-04: a redirect from TLS to plain HTTP. The 429 is ratelimit.c's.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

static void judge_success(const struct transaction *tx, const struct facts *f,
			  const struct detect_out *out)
{
	const uint32_t members = f->shape.members;
	const char *what = NULL;

	if (!f->has_shape || f->shape.root != WALK_OBJECT || f->shape.ending == WALK_BAD)
		return;
	/* 207 has parts with codes of their own; so have JSON-RPC, and GraphQL where there is data
	 */
	if (tx->status == 207 || members & SHAPE_JSONRPC || raw_ends(f->path, RAW("/graphql")))
		return;
	if (members & SHAPE_ERROR_STATUS)
		what = "a status of 400 or more";
	else if (members & SHAPE_ERROR)
		what = "an \"error\"";
	else if (members & SHAPE_ERRORS && !(members & SHAPE_DATA))
		what = "\"errors\"";
	else if (members & SHAPE_FAILED)
		what = "a failure";
	if (what)
		DETECT(out, "STC-01", "success-with-error", FINDING_LOW, PART_RESPONSE_BODY,
		       "%u, and the body tells of %s", tx->status, what);
}

static void judge_fields(const struct transaction *tx, const struct facts *f,
			 const struct detect_out *out)
{
	static const struct {
		uint16_t status;
		enum head head;
		const char *rule, *name;
	} needed[] = {
		{401, HEAD_WWW_AUTHENTICATE, "no-challenge", "WWW-Authenticate"},
		{405, HEAD_ALLOW, "no-allow", "Allow"},
		{503, HEAD_RETRY_AFTER, "no-retry-after", "Retry-After"},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (tx->status == needed[i].status && !f->response.first[needed[i].head])
			DETECT(out, "STC-01", needed[i].rule, FINDING_LOW, PART_RESPONSE_HEAD,
			       "%u without %s", tx->status, needed[i].name);
}

/* 204 and 304 end with their head: what follows would be read as the next answer. */
static void judge_empty(const struct transaction *tx, const struct facts *f,
			const struct detect_out *out)
{
	struct raw length = heads_value(&f->response, HEAD_CONTENT_LENGTH);

	if (tx->response_body.wire_bytes)
		DETECT(out, "STC-01", "body-not-allowed", FINDING_MEDIUM, PART_RESPONSE_BODY,
		       "%u with a body of %lu bytes", tx->status,
		       (unsigned long)tx->response_body.wire_bytes);
	else if (tx->status == 204 && length.n && !raw_is(length, RAW("0")))
		DETECT(out, "STC-01", "body-not-allowed", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "204 that announces a body");
}

static void judge_redirect(const struct transaction *tx, const struct facts *f,
			   const struct detect_out *out)
{
	struct raw location = heads_value(&f->response, HEAD_LOCATION);

	if (!location.n && tx->status != 304 && tx->status != 300 && f->head_whole)
		DETECT(out, "STC-01", "no-location", FINDING_LOW, PART_RESPONSE_HEAD,
		       "%u without Location", tx->status);
	if (tx->flags & TX_SECURE && raw_begins_nocase(location, RAW("http://")))
		DETECT(out, "TLS-04", "redirect-plaintext", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "%u from TLS to http://%s", tx->status,
		       masked_token(facts_host(location), 80).text);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;

	(void)policy;
	if (!f->answered || tx->flags & TX_GRPC)
		return;
	if (tx->status == 204 || tx->status == 304)
		judge_empty(tx, f, out);
	else if (tx->status < 300)
		judge_success(tx, f, out);
	else if (tx->status < 400)
		judge_redirect(tx, f, out);
	else if (f->head_whole)
		judge_fields(tx, f, out);
}

static const char *const controls[] = {"STC-01", "TLS-04", NULL};
const struct detector detector_status = {"status", controls, judge, 0};
