/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/certificate_judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/base/clock.h"

#define DAY_S        86400
#define WARN_DAYS    30
#define URGENT_DAYS  7
#define RSA_BITS_MIN 2048
#define EC_BITS_MIN  256

struct judging {
	const struct certificate *certificate;
	const char *service;
	const char *name;
	int64_t wall_ns;
	tls_judge_fn emit;
	void *userdata;
};

/* What it is about: the name asked for, else the certificate's first one. */
static void subject_of(const struct judging *j, char subject[FINDING_SUBJECT])
{
	const struct certificate *c = j->certificate;
	const char *names = *c->names ? c->names : c->subject;
	size_t n = *c->names ? strcspn(c->names, ",") : strlen(c->subject);

	if (j->name)
		names = j->name, n = strlen(j->name);
	snprintf(subject, FINDING_SUBJECT, "%.*s:%u", n < 88 ? (int)n : 88, names, c->port);
}

__attribute__((format(printf, 4, 5))) static void state(const struct judging *j, const char *rule,
							enum finding_severity severity,
							const char *fmt, ...)
{
	struct finding finding = {.severity = severity, .last_wall_ns = j->wall_ns};
	va_list ap;

	snprintf(finding.control, sizeof(finding.control), "TLS-05");
	snprintf(finding.rule, sizeof(finding.rule), "%s", rule);
	snprintf(finding.service, sizeof(finding.service), "%s", j->service);
	subject_of(j, finding.subject);
	va_start(ap, fmt);
	vsnprintf(finding.evidence, sizeof(finding.evidence), fmt, ap);
	va_end(ap);
	j->emit(&finding, j->userdata);
}

/* "2026-11-25", for any year a certificate can name. */
static const char *day(int64_t s, char out[CLOCK_TEXT])
{
	if (s > INT64_MAX / (int64_t)CLOCK_NS_PER_S || s < 0)
		return s < 0 ? "before 1970" : "after 2262";
	clock_format(s * (int64_t)CLOCK_NS_PER_S, out);
	out[10] = 0;
	return out;
}

static void judge_time(const struct judging *j)
{
	const struct certificate *c = j->certificate;
	int64_t now_s = j->wall_ns / (int64_t)CLOCK_NS_PER_S;
	char date[CLOCK_TEXT];
	long days;

	if (c->not_before_s > now_s)
		state(j, "not-yet-valid", FINDING_HIGH, "valid from %s on",
		      day(c->not_before_s, date));
	if (c->not_after_s < now_s) {
		state(j, "expired", FINDING_CRITICAL, "expired on %s", day(c->not_after_s, date));
		return;
	}
	days = (long)((c->not_after_s - now_s) / DAY_S);
	if (days < URGENT_DAYS)
		state(j, "expires-within-7-days", FINDING_HIGH, "expires on %s",
		      day(c->not_after_s, date));
	else if (days < WARN_DAYS)
		state(j, "expires-within-30-days", FINDING_MEDIUM, "expires on %s",
		      day(c->not_after_s, date));
}

static bool has_weak_key(const struct certificate *c)
{
	return strcmp(c->key, "DSA") == 0 ||
	       (strcmp(c->key, "RSA") == 0 && c->key_bits < RSA_BITS_MIN) ||
	       (strncmp(c->key, "EC ", 3) == 0 && c->key_bits < EC_BITS_MIN);
}

static bool has_weak_signature(const struct certificate *c)
{
	static const char *const weak[] = {"md2", "md4", "md5", "sha1"};

	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (strcasestr(c->signature, weak[i]))
			return true;
	return false;
}

bool certificate_is_sound(const struct certificate *certificate)
{
	return !has_weak_key(certificate) && !has_weak_signature(certificate);
}

static void judge_strength(const struct judging *j)
{
	const struct certificate *c = j->certificate;

	if (has_weak_key(c))
		state(j, "weak-key", FINDING_HIGH, "%s key of %u bits", c->key, c->key_bits);
	if (has_weak_signature(c))
		state(j, "weak-signature", FINDING_HIGH, "signed with %s", c->signature);
}

void certificate_judge(const struct certificate *certificate, const char *service, int64_t wall_ns,
		       tls_judge_fn emit, void *userdata)
{
	const struct judging j = {certificate, service, NULL, wall_ns, emit, userdata};

	judge_time(&j);
	if (!certificate->sound)
		judge_strength(&j);
}

/* ---------------------------------------------------------------------------------------------
 * Names
 */
static bool covers(const char *pattern, size_t n, const char *host)
{
	size_t host_n = strlen(host);
	const char *dot;

	if (n == host_n && strncasecmp(pattern, host, n) == 0)
		return true;
	/* "*." stands for exactly one label, the left-most */
	if (n < 3 || pattern[0] != '*' || pattern[1] != '.')
		return false;
	dot = strchr(host, '.');
	return dot && dot > host && strlen(dot) == n - 1 &&
	       strncasecmp(pattern + 1, dot, n - 1) == 0;
}

int certificate_covers(const char *names, const char *host)
{
	while (*names) {
		size_t n = strcspn(names, ",");

		if (n == 3 && strncmp(names, "...", 3) == 0)
			return -ENODATA;
		if (covers(names, n, host))
			return 1;
		names += n + (names[n] == ',');
	}
	return 0;
}

void certificate_judge_name(const struct certificate *certificate, const char *service,
			    const char *name, int64_t wall_ns, tls_judge_fn emit, void *userdata)
{
	const struct judging j = {certificate, service, name, wall_ns, emit, userdata};

	if (!*name || strlen(name) >= HANDSHAKE_NAME - 1 ||
	    certificate_covers(certificate->names, name) != 0)
		return;
	state(&j, "name-mismatch", FINDING_HIGH, "the certificate is for %.160s",
	      *certificate->names ? certificate->names : "no name (subjectAltName is missing)");
}
