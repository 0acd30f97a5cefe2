/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * content_type.c - REV-14 and API-08: the declared type is what the body is, and JSON says so. Of a
 * body that is not here from its first byte nothing is said.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

/* JSON in pieces, JSON by another name, or what may hold anything. */
static bool may_be_json(struct raw media)
{
	static const struct raw types[] = {
		RAW_INIT("application/x-ndjson"),
		RAW_INIT("application/ndjson"),
		RAW_INIT("application/jsonl"),
		RAW_INIT("application/json-seq"),
		RAW_INIT("application/jsonlines"),
		RAW_INIT("application/x-jsonlines"),
		RAW_INIT("application/octet-stream"),
		RAW_INIT("application/javascript"),
		RAW_INIT("text/javascript"),
		RAW_INIT("text/event-stream"),
		RAW_INIT("application/x-www-form-urlencoded"),
	};

	return facts_media_json(media) || RAW_ONE_OF(media, types);
}

static bool is_json(const struct facts *f)
{
	const struct json_shape *shape = &f->shape;

	if (!f->has_shape || (shape->root != WALK_OBJECT && shape->root != WALK_ARRAY))
		return false;
	return shape->ending == WALK_END || (shape->ending == WALK_CUT && !f->shape_whole);
}

static void judge_undeclared(const struct transaction *tx, const struct facts *f,
			     const struct detect_out *out)
{
	bool page = raw_is_nocase(f->response_type, RAW("text/html"));

	if (may_be_json(f->response_type) || f->response.first[HEAD_CONTENT_DISPOSITION])
		return;
	DETECT(out, "API-08", "json-undeclared", page ? FINDING_MEDIUM : FINDING_LOW,
	       PART_RESPONSE_HEAD, "the body is JSON, Content-Type is %s (%u)%s",
	       f->response_type.n ? masked_token(f->response_type, 60).text : "missing", tx->status,
	       page ? ": browsers run what is in it" : "");
}

/* "application/json", and then something else. */
static void judge_not_json(const struct transaction *tx, const struct facts *f,
			   const struct detect_out *out)
{
	const struct json_shape *shape = &f->shape;
	bool page = f->look == LOOK_HTML || f->look == LOOK_SCRIPT;
	bool guarded = raw_begins(facts_body(&tx->response_body), RAW(")]}'"));

	if (shape->ending == WALK_END || shape->ending == WALK_MORE || guarded)
		return;
	if (shape->ending == WALK_CUT && !f->shape_whole)
		return;
	DETECT(out, "REV-14", page ? "html-as-json" : "json-invalid",
	       page ? FINDING_MEDIUM : FINDING_LOW, PART_RESPONSE_BODY,
	       "Content-Type says JSON, the body is %s (%u, %lu bytes)",
	       page                        ? "HTML"
	       : shape->ending == WALK_CUT ? "JSON that ends early"
					   : "not JSON",
	       tx->status, (unsigned long)tx->response_body.decoded_bytes);
}

/* JSON is UTF-8 (RFC 8259 section 8.1). */
static void judge_charset(const struct facts *f, const struct detect_out *out)
{
	struct raw charset;

	if (!raw_parameter(heads_value(&f->response, HEAD_CONTENT_TYPE), RAW("charset"), &charset))
		return;
	if (!raw_is_nocase(charset, RAW("utf-8")) && !raw_is_nocase(charset, RAW("utf8")) &&
	    !raw_is_nocase(charset, RAW("us-ascii")))
		DETECT(out, "REV-14", "json-charset", FINDING_LOW, PART_RESPONSE_HEAD,
		       "JSON is UTF-8; charset=%s", masked_token(charset, 24).text);
}

/* A page under a type browsers do not run: an upload given back, or an error page. */
static void judge_disguise(const struct transaction *tx, const struct facts *f,
			   const struct detect_out *out)
{
	bool image = raw_begins_nocase(f->response_type, RAW("image/")) &&
		     !raw_is_nocase(f->response_type, RAW("image/svg+xml"));
	bool page = f->look == LOOK_HTML || f->look == LOOK_SCRIPT;
	bool nosniff = f->response.first[HEAD_X_CONTENT_TYPE_OPTIONS] != NULL;

	if (page && image)
		DETECT(out, "REV-14", "html-disguised", nosniff ? FINDING_LOW : FINDING_MEDIUM,
		       PART_RESPONSE_BODY, "Content-Type is %s, the body is HTML (%u)",
		       masked_token(f->response_type, 60).text, tx->status);
}

/* JSON sent as a form or as text passes where only JSON was meant to: a form of any site can. */
static void judge_request(const struct transaction *tx, const struct facts *f,
			  const struct detect_out *out)
{
	struct raw bytes = facts_body(&tx->request_body);
	struct json_walk walk;
	enum json_token token;

	if (!f->success || facts_look(bytes) != LOOK_JSON || facts_media_json(f->request_type))
		return;
	if (f->request_type.n && !raw_begins_nocase(f->request_type, RAW("text/plain")) &&
	    !raw_is_nocase(f->request_type, RAW("application/x-www-form-urlencoded")))
		return;
	json_begin(&walk, raw_first(bytes, 4096));
	while ((token = json_next(&walk)) >= WALK_OBJECT)
		;
	if (token == WALK_END || (token == WALK_CUT && bytes.n > 4096))
		DETECT(out, "API-08", "json-accepted-as-other", FINDING_LOW, PART_REQUEST_HEAD,
		       "a JSON body with Content-Type %s was answered %u; expected 415",
		       f->request_type.n ? masked_token(f->request_type, 60).text : "missing",
		       tx->status);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	struct raw bytes = facts_beginning(&tx->response_body);

	(void)policy;
	if (!f->answered || tx->flags & TX_GRPC)
		return;
	judge_request(tx, f, out);
	if (f->method == METHOD_HEAD || !bytes.n)
		return;
	if (f->json) {
		judge_not_json(tx, f, out);
		judge_charset(f, out);
	} else if (is_json(f)) {
		judge_undeclared(tx, f, out);
	} else if (!f->response_type.n && f->head_whole) {
		DETECT(out, "REV-14", "type-missing", FINDING_LOW, PART_RESPONSE_HEAD,
		       "a body of %lu bytes without Content-Type (%u)",
		       (unsigned long)tx->response_body.decoded_bytes, tx->status);
	} else {
		judge_disguise(tx, f, out);
	}
}

static const char *const controls[] = {"REV-14", "API-08", NULL};
const struct detector detector_content_type = {"content_type", controls, judge, 0};
