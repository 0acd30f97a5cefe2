/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cors.c - REV-18: who else's scripts may read the answers. Echoing the origin of an allowed site
 * is how an allow list looks, so an echo is stated only across sites, and weighs more when no list
 * would hold that origin: null, plain http beside TLS, a name made to look like the service's.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

static void judge_wildcard(const struct facts *f, const struct detect_policy *policy,
			   bool credentials, const struct detect_out *out)
{
	bool guarded = policy->auth_required || f->credential;

	if (credentials)
		DETECT(out, "REV-18", "wildcard-credentials", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "Access-Control-Allow-Origin: * with Allow-Credentials: browsers refuse it; "
		       "the next step must not be to echo the origin");
	else
		DETECT(out, "REV-18", "wildcard", guarded ? FINDING_MEDIUM : FINDING_LOW,
		       PART_RESPONSE_HEAD, "Access-Control-Allow-Origin: *%s",
		       guarded ? " on answers that need a credential" : "");
}

/* "evil-shop.test" or "shop.test.evil.example" for shop.test: what a sloppy pattern lets through.
 */
static bool looks_like(struct raw host, struct raw own)
{
	return own.n >= 4 && host.n > own.n && memmem(host.p, host.n, own.p, own.n);
}

static void judge_echo(const struct transaction *tx, struct raw origin, bool credentials,
		       const struct detect_out *out)
{
	struct raw host = facts_host(origin), own = facts_host(tx->authority);
	bool plain = tx->flags & TX_SECURE && raw_begins_nocase(origin, RAW("http://"));

	if (!credentials || !own.n)
		return;
	if (!facts_same_site(host, own))
		DETECT(out, "REV-18",
		       looks_like(host, own) ? "origin-lookalike" : "origin-reflected",
		       plain || looks_like(host, own) ? FINDING_HIGH : FINDING_MEDIUM,
		       PART_RESPONSE_HEAD, "origin %s of another site%s echoed with credentials",
		       masked_token(host, 80).text, plain ? ", without TLS," : " is");
	else if (plain)
		DETECT(out, "REV-18", "origin-plaintext", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "origin http://%s may read answers of a TLS service, with credentials",
		       masked_token(host, 80).text);
}

static bool is_listed(struct raw origin, const struct detect_policy *policy)
{
	for (size_t i = 0; i < policy->n_cors_origins; i++)
		if (raw_is_nocase(origin, (struct raw){policy->cors_origins[i],
						       strlen(policy->cors_origins[i])}))
			return true;
	return false;
}

/* The policy has a list: one that is on it is right, whatever it looks like. */
static void judge_listed(const struct detect_policy *policy, struct raw allowed, bool credentials,
			 const struct detect_out *out)
{
	if (!is_listed(allowed, policy))
		DETECT(out, "REV-18", "origin-not-listed",
		       credentials ? FINDING_HIGH : FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "origin %s, which the policy does not list, may read answers%s",
		       masked_token(facts_host(allowed), 80).text,
		       credentials ? " with credentials" : "");
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	struct raw allowed = heads_value(&f->response, HEAD_ACCESS_CONTROL_ALLOW_ORIGIN);
	struct raw origin = heads_value(&f->request, HEAD_ORIGIN);
	bool credentials = raw_is(heads_value(&f->response, HEAD_ACCESS_CONTROL_ALLOW_CREDENTIALS),
				  RAW("true"));

	if (!f->answered || !allowed.n)
		return;
	if (raw_is(allowed, RAW("*")))
		judge_wildcard(f, policy, credentials, out);
	else if (raw_is_nocase(allowed, RAW("null")))
		DETECT(out, "REV-18", "null-origin", credentials ? FINDING_HIGH : FINDING_MEDIUM,
		       PART_RESPONSE_HEAD,
		       "Access-Control-Allow-Origin: null%s: any sandboxed page is it",
		       credentials ? " with credentials" : "");
	else if (policy->n_cors_origins)
		judge_listed(policy, allowed, credentials, out);
	else if (origin.n && raw_is(allowed, origin))
		judge_echo(tx, origin, credentials, out);
}

static const char *const controls[] = {"REV-18", NULL};
const struct detector detector_cors = {"cors", controls, judge, 0};
