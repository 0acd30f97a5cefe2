/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oauth.c - AUTH-01: people come in by the authorization code with PKCE (RFC 7636, S256), not by
 * the implicit or the password grant (RFC 9700), and tokens travel in no URL (RFC 6750
 * section 5.3). Judged is what the server did: a grant it refused is none.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

struct request {
	struct raw response_type, client_id, challenge_method, grant_type;
	bool has_challenge, has_verifier;
};

static void read_pair(struct request *r, struct raw name, struct raw value)
{
	if (raw_is(name, RAW("response_type"))) {
		r->response_type = value;
	} else if (raw_is(name, RAW("client_id"))) {
		r->client_id = value;
	} else if (raw_is(name, RAW("code_challenge"))) {
		r->has_challenge = value.n > 0;
	} else if (raw_is(name, RAW("code_challenge_method"))) {
		r->challenge_method = value;
	} else if (raw_is(name, RAW("grant_type"))) {
		r->grant_type = value;
	} else if (raw_is(name, RAW("code_verifier"))) {
		r->has_verifier = value.n > 0;
	}
}

static struct request read_pairs(struct raw pairs)
{
	struct request r = {0};
	struct raw name, value;

	while (raw_pair(&pairs, '&', &name, &value))
		read_pair(&r, name, value);
	return r;
}

/* One of the words of "code+id_token" or "code%20id_token". */
static bool has_word(struct raw words, struct raw word)
{
	while (words.n) {
		size_t n = 0;

		while (n < words.n && words.p[n] != '+' && words.p[n] != '%' && words.p[n] != ' ')
			n++;
		if (raw_is(raw_first(words, n), word))
			return true;
		words = raw_from(words, n + (n < words.n && words.p[n] == '%' ? 3 : 1));
	}
	return false;
}

static void judge_authorization(const struct transaction *tx, const struct facts *f,
				const struct detect_out *out)
{
	const struct request r = read_pairs(f->query);

	if (!r.response_type.n || !r.client_id.n)
		return;
	if (has_word(r.response_type, RAW("token")))
		DETECT(out, "AUTH-01", "implicit-grant", FINDING_MEDIUM, PART_PATH,
		       "response_type=%s was answered %u: the token comes back in the URL",
		       masked_token(r.response_type, 40).text, tx->status);
	if (!has_word(r.response_type, RAW("code")))
		return;
	if (!r.has_challenge)
		DETECT(out, "AUTH-01", "pkce-missing", FINDING_MEDIUM, PART_PATH,
		       "response_type=code without code_challenge was answered %u", tx->status);
	else if (!raw_is(r.challenge_method, RAW("S256")))
		DETECT(out, "AUTH-01", "pkce-plain", FINDING_MEDIUM, PART_PATH,
		       "code_challenge_method is %s, not S256, and was answered %u",
		       r.challenge_method.n ? masked_token(r.challenge_method, 16).text : "missing",
		       tx->status);
}

static void judge_grant(const struct transaction *tx, const struct facts *f,
			const struct detect_out *out)
{
	struct raw body = facts_body(&tx->request_body);
	struct request r;

	if (f->method != METHOD_POST || !f->success || !body.n ||
	    !raw_is_nocase(f->request_type, RAW("application/x-www-form-urlencoded")))
		return;
	r = read_pairs(body);
	if (raw_is(r.grant_type, RAW("password")))
		DETECT(out, "AUTH-01", "password-grant", FINDING_HIGH, PART_REQUEST_BODY,
		       "grant_type=password was answered %u: the client has the user's password",
		       tx->status);
	else if (raw_is(r.grant_type, RAW("authorization_code")) && !r.has_verifier &&
		 facts_body_whole(&tx->request_body))
		DETECT(out, "AUTH-01", "verifier-missing", FINDING_MEDIUM, PART_REQUEST_BODY,
		       "grant_type=authorization_code without code_verifier was answered %u",
		       tx->status);
}

static const char *token_in(struct raw pairs)
{
	static const struct raw names[] = {
		RAW_INIT("access_token"),
		RAW_INIT("refresh_token"),
		RAW_INIT("id_token"),
		RAW_INIT("client_secret"),
	};
	struct raw name, value;

	while (raw_pair(&pairs, '&', &name, &value))
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && value.n; i++)
			if (raw_is_nocase(name, names[i]))
				return names[i].p;
	return NULL;
}

static void judge_urls(const struct transaction *tx, const struct facts *f,
		       const struct detect_out *out)
{
	struct raw location = heads_value(&f->response, HEAD_LOCATION), rest;
	const char *name = token_in(f->query);

	/* RP-initiated logout sends the ID token so by its specification */
	if (name && !(name[0] == 'i' && raw_has_nocase(f->path, RAW("logout"))))
		DETECT(out, "AUTH-01", "token-in-query", FINDING_MEDIUM, PART_PATH,
		       "%s in the query was answered %u: logs and histories keep it", name,
		       tx->status);
	if (!location.n)
		return;
	raw_cut(location, '#', &rest);
	name = token_in(rest);
	if (!name) {
		raw_cut(location, '?', &rest);
		name = token_in(rest);
	}
	if (name)
		DETECT(out, "AUTH-01", "token-in-location", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "%s is handed out in the URL of a redirect (%u)", name, tx->status);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;

	(void)policy;
	if (!f->answered || tx->status >= 400)
		return;
	if (f->query.n && f->method == METHOD_GET)
		judge_authorization(tx, f, out);
	judge_grant(tx, f, out);
	judge_urls(tx, f, out);
}

static const char *const controls[] = {"AUTH-01", NULL};
const struct detector detector_oauth = {"oauth", controls, judge, 0};
