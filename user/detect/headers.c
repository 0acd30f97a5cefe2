/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * headers.c - REV-13: the fields that tell browsers to be careful, and what a server tells of
 * itself. Only of answers with a body (nosniff) or inside TLS (HSTS, RFC 6797 section 7.2).
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

#define HSTS_MIN_S (180ull * 86400) /* half a year; shorter protects nobody who comes rarely */

static void judge_nosniff(const struct transaction *tx, const struct facts *f,
			  const struct detect_out *out)
{
	const struct field *field = f->response.first[HEAD_X_CONTENT_TYPE_OPTIONS];

	if (field && !raw_list_has(field->value, RAW("nosniff")))
		DETECT(out, "REV-13", "nosniff-wrong", FINDING_LOW, PART_RESPONSE_HEAD,
		       "X-Content-Type-Options: %s (only nosniff means anything)",
		       masked_token(field->value, 32).text);
	else if (!field && tx->response_body.wire_bytes && f->head_whole)
		DETECT(out, "REV-13", "nosniff-missing", FINDING_LOW, PART_RESPONSE_HEAD,
		       "no X-Content-Type-Options: nosniff (%u, %s)", tx->status,
		       f->response_type.n ? masked_token(f->response_type, 60).text : "no type");
}

static void judge_hsts(const struct transaction *tx, const struct facts *f,
		       const struct detect_out *out)
{
	const struct field *field = f->response.first[HEAD_STRICT_TRANSPORT_SECURITY];
	struct raw directives = field ? field->value : (struct raw){0}, name, value;
	uint64_t seconds = 0;
	bool known = false;

	if (!(tx->flags & TX_SECURE))
		return;
	if (!field) {
		if (f->head_whole)
			DETECT(out, "REV-13", "hsts-missing", FINDING_LOW, PART_RESPONSE_HEAD,
			       "no Strict-Transport-Security inside TLS (%u)", tx->status);
		return;
	}
	while (raw_pair(&directives, ';', &name, &value)) {
		if (!raw_is_nocase(name, RAW("max-age")))
			continue;
		if (value.n >= 2 && value.p[0] == '"')
			value = (struct raw){value.p + 1, value.n - 2};
		known = raw_number(value, &seconds);
	}
	if (!known)
		DETECT(out, "REV-13", "hsts-wrong", FINDING_LOW, PART_RESPONSE_HEAD,
		       "Strict-Transport-Security without a valid max-age is ignored");
	else if (seconds < HSTS_MIN_S)
		DETECT(out, "REV-13", "hsts-short", FINDING_LOW, PART_RESPONSE_HEAD,
		       "Strict-Transport-Security: max-age=%lu, at least %llu",
		       (unsigned long)seconds, HSTS_MIN_S);
}

static const struct field *field_named(const struct fields *fields, const char *name)
{
	const struct raw wanted = {name, strlen(name)};

	for (size_t i = 0; i < fields->n; i++)
		if (raw_is_nocase(fields->field[i].name, wanted))
			return &fields->field[i];
	return NULL;
}

static void judge_required(const struct transaction *tx, const struct facts *f,
			   const struct detect_policy *policy, const struct detect_out *out)
{
	for (size_t i = 0; f->head_whole && i < policy->n_required_headers; i++) {
		const char *name = policy->required_headers[i];

		if (!field_named(&tx->response, name))
			DETECT(out, "REV-13", "required-missing", FINDING_LOW, PART_RESPONSE_HEAD,
			       "no %s (%u)", name, tx->status);
	}
}

static void judge_forbidden(const struct transaction *tx, const struct detect_policy *policy,
			    const struct detect_out *out)
{
	for (size_t i = 0; i < policy->n_forbidden_headers; i++)
		if (field_named(&tx->response, policy->forbidden_headers[i]))
			DETECT(out, "REV-13", "forbidden-present", FINDING_LOW, PART_RESPONSE_HEAD,
			       "%s, which the policy forbids (%u)", policy->forbidden_headers[i],
			       tx->status);
}

/* A product with digits behind it is a version: "nginx/1.22.1", "PHP/8.2". */
static bool tells_version(struct raw value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] >= '0' && value.p[i] <= '9')
			return true;
	return false;
}

static void judge_disclosure(const struct facts *f, const struct detect_out *out)
{
	static const enum head tellers[] = {HEAD_SERVER, HEAD_X_POWERED_BY, HEAD_X_ASPNET_VERSION};

	for (size_t i = 0; i < sizeof(tellers) / sizeof(tellers[0]); i++) {
		const struct field *field = f->response.first[tellers[i]];

		if (!field || !tells_version(field->value))
			continue;
		DETECT(out, "REV-13", "version-disclosed", FINDING_INFO, PART_RESPONSE_HEAD,
		       "%s: %s", heads_name(tellers[i]).p, masked_token(field->value, 60).text);
		return; /* one of them says it all */
	}
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;

	if (!f->answered || tx->flags & TX_GRPC)
		return;
	judge_nosniff(tx, f, out);
	judge_hsts(tx, f, out);
	judge_required(tx, f, policy, out);
	judge_forbidden(tx, policy, out);
	judge_disclosure(f, out);
}

static const char *const controls[] = {"REV-13", NULL};
const struct detector detector_headers = {"headers", controls, judge, 0};
