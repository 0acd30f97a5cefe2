/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authentication.c - REV-01: an operation that needs a credential answered without one; TLS-04: a
 * credential went readable over the network; PRE-08: which scheme it was, where that is a finding.
 * Whether a credential is good only the application knows.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

static const char *const method_names[] = {
	[METHOD_OTHER] = "a request", [METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",
	[METHOD_POST] = "POST",       [METHOD_PUT] = "PUT",         [METHOD_PATCH] = "PATCH",
	[METHOD_DELETE] = "DELETE",   [METHOD_OPTIONS] = "OPTIONS",
};

/* OPTIONS never has a credential when a browser asks whether it may send one. */
static void judge_missing(const struct transaction *tx, const struct facts *f,
			  const struct detect_policy *policy, const struct detect_out *out)
{
	if (!policy->auth_required || !f->success || f->credential || !f->request_whole ||
	    f->method == METHOD_OPTIONS)
		return;
	DETECT(out, "REV-01", "unauthenticated", FINDING_HIGH, PART_RESPONSE_HEAD,
	       "%s %s was answered %u without any credential (%lu bytes)", method_names[f->method],
	       masked_path(f->path).text, tx->status, (unsigned long)tx->response_body.wire_bytes);
}

static void judge_plaintext(const struct transaction *tx, const struct facts *f,
			    const struct detect_out *out)
{
	struct raw authorization = heads_value(&f->request, HEAD_AUTHORIZATION);
	const char *what = NULL;

	if (!f->credential || !facts_plaintext(tx, f))
		return;
	if (raw_begins_nocase(authorization, RAW("basic ")))
		what = "a user name and password (Basic)";
	else if (raw_begins_nocase(authorization, RAW("bearer ")))
		what = "a bearer token";
	else if (authorization.n)
		what = "an Authorization";
	else if (tx->credential & GL_CRED_API_KEY || f->request.first[HEAD_X_API_KEY])
		what = "an API key";
	else if (tx->credential & GL_CRED_COOKIE)
		what = "a session cookie";
	if (what)
		DETECT(out, "TLS-04", "credential-plaintext",
		       raw_begins_nocase(authorization, RAW("basic ")) ? FINDING_HIGH
								       : FINDING_MEDIUM,
		       PART_REQUEST_HEAD, "%s came without TLS, and was answered %u", what,
		       tx->status);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;

	if (tx->flags & TX_NO_REQUEST)
		return;
	judge_missing(tx, f, policy, out);
	judge_plaintext(tx, f, out);
	if (f->success &&
	    raw_begins_nocase(heads_value(&f->request, HEAD_AUTHORIZATION), RAW("basic ")))
		DETECT(out, "PRE-08", "basic-authentication", FINDING_INFO, PART_REQUEST_HEAD,
		       "Basic was taken: the password travels with every request");
}

static const char *const controls[] = {"REV-01", "TLS-04", "PRE-08", NULL};
const struct detector detector_authentication = {"authentication", controls, judge, 0};
