/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/tls_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"

#define ALERT_ILLEGAL_PARAMETER 47
#define ALERT_FALLBACK          86 /* inappropriate_fallback, RFC 7507 section 3 */

struct judging {
	const struct handshake *handshake;
	const char *service;
	tls_judge_fn emit;
	void *userdata;
};

/* "shop.test:8443" */
static void subject_of(const char *sni, uint16_t port, char subject[FINDING_SUBJECT])
{
	snprintf(subject, FINDING_SUBJECT, "%s:%u", *sni ? sni : "(no name)", port);
}

__attribute__((format(printf, 5, 6))) static void state(const struct judging *j,
							const char *control, const char *rule,
							enum finding_severity severity,
							const char *fmt, ...)
{
	struct finding finding = {
		.severity = severity,
		.last_wall_ns = j->handshake->wall_ns,
	};
	va_list ap;

	snprintf(finding.control, sizeof(finding.control), "%s", control);
	snprintf(finding.rule, sizeof(finding.rule), "%s", rule);
	snprintf(finding.service, sizeof(finding.service), "%s", j->service);
	subject_of(j->handshake->sni, j->handshake->port, finding.subject);
	va_start(ap, fmt);
	vsnprintf(finding.evidence, sizeof(finding.evidence), fmt, ap);
	va_end(ap);
	j->emit(&finding, j->userdata);
}

static const char *ending(const struct handshake *h)
{
	return h->mode == GL_MODE_ENFORCE ? "refused" : "not stopped (monitor)";
}

static void judge_floor(const struct judging *j)
{
	const struct handshake *h = j->handshake;
	char a[HANDSHAKE_TEXT], b[HANDSHAKE_TEXT], source[ADDR_TEXT];

	if (h->reason != GL_REASON_TLS_VERSION && h->reason != GL_REASON_TLS_CIPHER &&
	    h->reason != GL_REASON_TLS_MALFORMED)
		return;
	addr_format(&h->source, source);
	if (h->reason == GL_REASON_TLS_VERSION && !h->version)
		state(j, "TLS-01", "client-below-floor", FINDING_LOW, "%s offered %s at most: %s",
		      source, handshake_version(h->offered, a), ending(h));
	else if (h->reason == GL_REASON_TLS_VERSION && h->offered == h->version)
		state(j, "TLS-01", "client-below-floor", FINDING_LOW, "%s offered and got %s: %s",
		      source, handshake_version(h->offered, a), ending(h));
	else if (h->reason == GL_REASON_TLS_VERSION)
		state(j, "TLS-02", "server-below-floor", FINDING_HIGH,
		      "the server chose %s where %s was offered: %s",
		      handshake_version(h->version, a), handshake_version(h->offered, b),
		      ending(h));
	else if (h->reason == GL_REASON_TLS_CIPHER)
		state(j, "TLS-02", "denied-cipher", FINDING_HIGH, "the server chose %s: %s",
		      handshake_cipher(h->cipher, a), ending(h));
	else
		state(j, "TLS-01", "unreadable-hello", FINDING_LOW,
		      "%s sent a hello that cannot be read: %s", source, ending(h));
}

static void judge_less(const struct judging *j, const struct tls_name *before)
{
	const struct handshake *h = j->handshake;
	char a[HANDSHAKE_TEXT], b[HANDSHAKE_TEXT], c[HANDSHAKE_TEXT], time[CLOCK_TEXT];

	state(j, "TLS-03", "service-fell", FINDING_HIGH,
	      "%s where %s was offered and %s given before (last %s)%s",
	      handshake_version(h->version, a), handshake_version(h->offered, b),
	      handshake_version(h->best, c),
	      before->best ? clock_format(before->best_wall_ns, time) : "unknown",
	      h->mode == GL_MODE_ENFORCE && h->result == GL_HANDSHAKE_REFUSED ? ": refused" : "");
}

static void judge_downgrade(const struct judging *j, const struct tls_name *before)
{
	const struct handshake *h = j->handshake;
	char a[HANDSHAKE_TEXT], b[HANDSHAKE_TEXT], source[ADDR_TEXT];

	if (!h->downgrade && h->server_alert != ALERT_FALLBACK)
		return;
	addr_format(&h->source, source);
	if (h->downgrade & GL_DOWNGRADE_SENTINEL)
		state(j, "TLS-03", "sentinel", FINDING_CRITICAL,
		      "%s offered %s and got %s from a server that says it can do more", source,
		      handshake_version(h->offered, a), handshake_version(h->version, b));
	if (h->downgrade & GL_DOWNGRADE_FALLBACK)
		state(j, "TLS-03", "fallback", FINDING_MEDIUM,
		      "%s fell back to %s (TLS_FALLBACK_SCSV) from a service that has given %s",
		      source, handshake_version(h->offered, a), handshake_version(h->best, b));
	if (h->downgrade & GL_DOWNGRADE_LESS)
		judge_less(j, before);
	if (h->server_alert == ALERT_FALLBACK)
		state(j, "TLS-03", "fallback", FINDING_MEDIUM,
		      "%s fell back to %s (TLS_FALLBACK_SCSV): the server refused it", source,
		      handshake_version(h->offered, a));
}

/* The best is given again: what fell was not the service but what these clients were given. */
static void judge_recovery(const struct judging *j, const struct tls_name *before)
{
	const struct handshake *h = j->handshake;
	char a[HANDSHAKE_TEXT], b[HANDSHAKE_TEXT], time[CLOCK_TEXT];

	if (!before->fell_wall_ns || h->result != GL_HANDSHAKE_NEGOTIATED ||
	    h->version < before->best)
		return;
	state(j, "TLS-03", "client-downgraded", FINDING_HIGH,
	      "%lu capable clients got %s since %s, others get %s", (unsigned long)before->fell,
	      handshake_version(before->last, a), clock_format(before->fell_wall_ns, time),
	      handshake_version(h->version, b));
}

void tls_judge_handshake(const struct handshake *handshake, const struct tls_name *before,
			 const char *service, tls_judge_fn emit, void *userdata)
{
	const struct judging j = {handshake, service, emit, userdata};

	judge_floor(&j);
	judge_downgrade(&j, before);
	judge_recovery(&j, before);
}

void tls_judge_alert(const struct gl_rec_tls_alert *record, int64_t wall_ns, const char *service,
		     tls_judge_fn emit, void *userdata)
{
	const struct handshake h = {
		.wall_ns = wall_ns,
		.source = record->source,
		.port = record->port,
		.service = record->service,
		.version = record->version,
	};
	const struct judging j = {&h, service, emit, userdata};
	char a[HANDSHAKE_TEXT], source[ADDR_TEXT];

	if (record->description != ALERT_ILLEGAL_PARAMETER ||
	    !(record->server_flags & (GL_SERVER_SENTINEL_12 | GL_SERVER_SENTINEL_11)))
		return;
	state(&j, "TLS-03", "client-saw-sentinel", FINDING_CRITICAL,
	      "%s ended its handshake at the sentinel of a %s ServerHello: its hello was changed "
	      "on the way",
	      addr_format(&record->source, source), handshake_version(record->version, a));
}
