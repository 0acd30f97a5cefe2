/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jwt.c - REV-04: tokens whose header chooses how they are verified; PRE-12: tokens that do not
 * end, or are taken after they ended; REV-05 (and AUTH-04, which says the same): access tokens that
 * live too long, in requests that were answered 2xx and in answers that hand them out.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"
#include "user/detect/jwt_read.h"

#define LIFETIME_S  900
#define SKEW_S      120 /* clocks differ */
#define SECONDS_MAX 100000000000ll /* a "time" above: milliseconds */
#define TOKENS_MAX  4 /* of one request */

struct judging {
	const struct transaction *tx;
	const struct facts *f;
	const struct detect_policy *policy;
	const struct detect_out *out;
	const char *where; /* "Authorization" */
	struct raw seen[TOKENS_MAX];
	size_t n_seen;
};

/* An attack that was taken, or one that was refused. */
static enum finding_severity weigh(const struct judging *j, enum finding_severity taken,
				   enum finding_severity refused)
{
	if (!j->f->success)
		return refused;
	/* a public operation answers whoever sends what: not yet proof */
	return j->policy->auth_required || taken < FINDING_HIGH ? taken : taken - 1;
}

static const char *taken(const struct judging *j)
{
	return j->f->success ? "taken" : "refused";
}

static bool is_registered(struct raw alg)
{
	static const struct raw names[] = {
		RAW_INIT("RS256"),     RAW_INIT("RS384"),     RAW_INIT("RS512"),
		RAW_INIT("PS256"),     RAW_INIT("PS384"),     RAW_INIT("PS512"),
		RAW_INIT("ES256"),     RAW_INIT("ES384"),     RAW_INIT("ES512"),
		RAW_INIT("ES256K"),    RAW_INIT("EdDSA"),     RAW_INIT("Ed25519"),
		RAW_INIT("Ed448"),     RAW_INIT("HS256"),     RAW_INIT("HS384"),
		RAW_INIT("HS512"),     RAW_INIT("ML-DSA-44"), RAW_INIT("ML-DSA-65"),
		RAW_INIT("ML-DSA-87"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (raw_is(alg, names[i]))
			return true;
	return false;
}

static bool is_expected(const struct detect_policy *policy, struct raw alg)
{
	if (!policy->n_jwt_algorithms)
		return is_registered(alg);
	for (size_t i = 0; i < policy->n_jwt_algorithms; i++) {
		const char *name = policy->jwt_algorithms[i];

		if (raw_is(alg, (struct raw){name, strlen(name)}))
			return true;
	}
	return false;
}

static void judge_algorithm(const struct judging *j, const struct jwt *jwt)
{
	const struct raw alg = {jwt->alg, strlen(jwt->alg)};

	if (raw_is_nocase(alg, RAW("none")) || (jwt->signed_by_nobody && !jwt->encrypted))
		DETECT(j->out, "REV-04", j->f->success ? "alg-none-accepted" : "alg-none-refused",
		       weigh(j, FINDING_CRITICAL, FINDING_LOW), PART_REQUEST_HEAD,
		       "%s: a token signed by nobody (alg %s) was answered %u", j->where,
		       masked_token(alg, 16).text, j->tx->status);
	else if (!jwt->encrypted && !is_expected(j->policy, alg))
		DETECT(j->out, "REV-04", "alg-unexpected", weigh(j, FINDING_HIGH, FINDING_LOW),
		       PART_REQUEST_HEAD, "%s: a token with alg %s was answered %u", j->where,
		       masked_token(alg, 16).text, j->tx->status);
}

static void judge_key_url(const struct judging *j, const struct jwt *jwt)
{
	struct raw url = {jwt->key_url, strlen(jwt->key_url)}, host = facts_host(url);
	bool odd = !raw_begins_nocase(url, RAW("https://")) || raw_index(url, '@') < url.n;

	if (!odd && facts_same_site(host, facts_host(j->tx->authority)))
		return; /* the issuer's own key set */
	DETECT(j->out, "REV-04", "key-url",
	       weigh(j, odd ? FINDING_HIGH : FINDING_MEDIUM, FINDING_LOW), PART_REQUEST_HEAD,
	       "%s: a token that brings its key from %s (%s) was answered %u", j->where,
	       masked_token(host, 80).text, jwt->has_jku ? "jku" : "x5u", j->tx->status);
}

static void judge_kid(const struct judging *j, const struct jwt *jwt)
{
	static const char *const kinds[] = {
		[JWT_KID_PATH] = "a path",
		[JWT_KID_QUERY] = "the end of a query or command",
		[JWT_KID_CONTROL] = "control characters",
	};

	DETECT(j->out, "REV-04", "kid-injection", weigh(j, FINDING_CRITICAL, FINDING_MEDIUM),
	       PART_REQUEST_HEAD, "%s: a token with %s in its kid was answered %u", j->where,
	       kinds[jwt->kid], j->tx->status);
}

static void judge_header(const struct judging *j, const struct jwt *jwt)
{
	judge_algorithm(j, jwt);
	if (jwt->has_jwk)
		DETECT(j->out, "REV-04", "key-embedded", weigh(j, FINDING_CRITICAL, FINDING_LOW),
		       PART_REQUEST_HEAD, "%s: a token that brings its own key (jwk) was %s: %u",
		       j->where, taken(j), j->tx->status);
	if (jwt->has_jku || jwt->has_x5u)
		judge_key_url(j, jwt);
	if (jwt->kid != JWT_KID_PLAIN)
		judge_kid(j, jwt);
}

static void judge_lifetime(const struct judging *j, const struct jwt *jwt, enum detect_part part,
			   const char *verb)
{
	const int64_t max = j->policy->access_token_max_s ?: LIFETIME_S;
	int64_t now = j->tx->begin_wall_ns / 1000000000, lifetime;

	if (jwt->exp_s > SECONDS_MAX) {
		DETECT(j->out, "PRE-12", "exp-unit", FINDING_MEDIUM, part,
		       "%s: exp is %ld: not seconds; it never ends", j->where, (long)jwt->exp_s);
		return;
	}
	lifetime = jwt->exp_s - (jwt->has_iat ? jwt->iat_s : now);
	if (!jwt->refresh && jwt->iat_s >= 0 && jwt->iat_s < SECONDS_MAX && lifetime > max)
		DETECT(j->out, "REV-05", "token-lifetime", FINDING_MEDIUM, part,
		       "%s: a token that lives %s%ld s was %s, at most %ld s", j->where,
		       jwt->has_iat ? "" : "another ", (long)lifetime, verb, (long)max);
}

/* A token the application took. */
static void judge_claims(const struct judging *j, const struct jwt *jwt)
{
	int64_t now = j->tx->begin_wall_ns / 1000000000;

	if (!jwt->has_exp) {
		if (!jwt->cut)
			DETECT(j->out, "PRE-12", "exp-missing", FINDING_MEDIUM, PART_REQUEST_HEAD,
			       "%s: a token without exp was answered %u", j->where, j->tx->status);
		return;
	}
	if (jwt->exp_s + SKEW_S < now)
		DETECT(j->out, "PRE-12", "expired-accepted",
		       j->policy->auth_required ? FINDING_HIGH : FINDING_LOW, PART_REQUEST_HEAD,
		       "%s: a token that ended %ld s ago was answered %u", j->where,
		       (long)(now - jwt->exp_s), j->tx->status);
	judge_lifetime(j, jwt, PART_REQUEST_HEAD, "taken");
}

static void judge_token(struct judging *j, struct raw token)
{
	struct jwt jwt;

	for (size_t i = 0; i < j->n_seen; i++)
		if (raw_is(token, j->seen[i]))
			return;
	if (j->n_seen == TOKENS_MAX || jwt_read(token, &jwt) < 0 || jwt.proof)
		return;
	j->seen[j->n_seen++] = token;
	judge_header(j, &jwt);
	if (j->f->success && !jwt.encrypted)
		judge_claims(j, &jwt);
}

static void judge_pairs(struct judging *j, struct raw pairs, char separator, const char *where)
{
	struct raw name, value;

	j->where = where;
	while (raw_pair(&pairs, separator, &name, &value))
		if (raw_begins(value, RAW("ey")))
			judge_token(j, value);
}

/* "Bearer eyJ..."; a proof of possession (DPoP) is a JWT that is meant to bring its key. */
static void judge_fields(struct judging *j)
{
	const struct fields *request = &j->tx->request;

	for (size_t i = 0; i < request->n; i++) {
		const struct field *field = &request->field[i];
		struct raw value = field->value, rest;

		if (field == j->f->request.first[HEAD_COOKIE] ||
		    field == j->f->request.first[HEAD_DPOP])
			continue;
		if (field == j->f->request.first[HEAD_AUTHORIZATION]) {
			raw_cut(value, ' ', &rest);
			value = rest.n ? raw_trim(rest) : value;
		}
		if (!raw_begins(value, RAW("ey")))
			continue;
		j->where = field == j->f->request.first[HEAD_AUTHORIZATION] ? "Authorization"
									    : "a field";
		judge_token(j, value);
	}
}

/* A token that is handed out: not secret-worthy that it is there, but how long it lives is. */
static void judge_issued(struct judging *j)
{
	const struct json_shape *shape = &j->f->shape;
	const int64_t max = j->policy->access_token_max_s ?: LIFETIME_S;
	struct jwt jwt;

	if (!j->f->success || !shape->token.n)
		return;
	j->where = "the answer";
	if (raw_begins(shape->token, RAW("ey")) && jwt_read(shape->token, &jwt) == 0 &&
	    !jwt.encrypted) {
		if (!jwt.has_exp && !jwt.cut)
			DETECT(j->out, "PRE-12", "exp-missing", FINDING_MEDIUM, PART_RESPONSE_BODY,
			       "%s: a token without exp was handed out", j->where);
		else if (jwt.has_exp)
			judge_lifetime(j, &jwt, PART_RESPONSE_BODY, "handed out");
		return;
	}
	if (shape->expires_in > (uint64_t)max)
		DETECT(j->out, "REV-05", "token-lifetime", FINDING_MEDIUM, PART_RESPONSE_BODY,
		       "%s: a token that lives %lu s was handed out, at most %ld s", j->where,
		       (unsigned long)shape->expires_in, (long)max);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	struct judging j = {.tx = tx, .f = out->facts, .policy = policy, .out = out};
	const struct field *cookie = j.f->request.first[HEAD_COOKIE];

	if (!j.f->answered)
		return;
	judge_fields(&j);
	for (; cookie; cookie = heads_next(&tx->request, cookie, HEAD_COOKIE))
		judge_pairs(&j, cookie->value, ';', "Cookie");
	judge_pairs(&j, j.f->query, '&', "the query");
	judge_issued(&j);
}

static const char *const controls[] = {"REV-04", "REV-05", "AUTH-04", "PRE-12", NULL};
const struct detector detector_jwt = {"jwt", controls, judge, 0};
