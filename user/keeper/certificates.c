/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/certificates.h"

#include <string.h>

#include "user/base/clock.h"
#include "user/detect/certificate_judge.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keeper.h"
#include "user/keeper/known.h"
#include "user/keeper/tls.h"

static bool text_valid(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return n < size;
}
#define TEXT_VALID(member) text_valid(member, sizeof(member))

static bool valid(const struct report_certificate *c)
{
	return TEXT_VALID(c->fingerprint) && TEXT_VALID(c->key) && TEXT_VALID(c->signature) &&
	       TEXT_VALID(c->subject) && TEXT_VALID(c->issuer) && TEXT_VALID(c->names) &&
	       (c->outcome == GL_OUTCOME_OK || c->outcome == GL_OUTCOME_MALFORMED);
}

static void judge_name(struct keeper *keeper, const struct certificate *certificate,
		       const char *name, int64_t wall_ns)
{
	char spare[16];

	certificate_judge_name(certificate, tls_service_name(keeper, certificate->service, spare),
			       name, wall_ns, tls_take_finding, keeper);
}

/* In the pieces it came in. */
static void ask(struct keeper *keeper, const struct gl_rec_certificate *last, const uint8_t *der,
		size_t n)
{
	struct gl_rec_certificate piece = *last;

	for (size_t off = 0; off < n; off += piece.n) {
		size_t left = n - off;

		piece.off = (uint32_t)off;
		piece.n = (uint32_t)(left < GL_CERTIFICATE_PIECE ? left : GL_CERTIFICATE_PIECE);
		memcpy(piece.bytes, der + off, piece.n);
		inspectors_record(keeper->inspectors, piece.conn, &piece.rec, sizeof(piece));
	}
}

static void apply_marks(struct keeper *keeper, const struct known_marks *marks)
{
	kern_certificate_unmark(keeper->kern, marks->clear);
	kern_certificate_mark(keeper->kern, marks->set);
}

/* One that is valid. */
static void take(struct keeper *keeper, const struct report_certificate *report, int64_t wall_ns)
{
	const struct certificate *certificate;
	const char *name = NULL;
	char spare[16];
	bool counted;

	certificate = certificates_add(keeper->certificates, report, wall_ns, &name, &counted);
	if (certificate->client)
		return;
	if (counted)
		certificate_judge(certificate,
				  tls_service_name(keeper, certificate->service, spare), wall_ns,
				  tls_take_finding, keeper);
	if (name)
		judge_name(keeper, certificate, name, wall_ns);
}

void certificates_record(struct keeper *keeper, const struct gl_rec_certificate *record,
			 size_t size)
{
	static const struct gl_key no_key;
	const struct gl_policy *policy = kern_policy(keeper->kern);
	const struct report_certificate *report;
	struct known_marks marks;
	const uint8_t *der;
	size_t n;
	int r = known_take(keeper->known, record, size, policy ? &policy->subject_key : &no_key,
			   keeper->drained.monotonic_ns, &report, &der, &n, &marks);

	apply_marks(keeper, &marks);
	if (r == KNOWN_READ)
		take(keeper, report, keeper->drained.wall_ns);
	else if (r == KNOWN_ASK)
		ask(keeper, record, der, n);
	else if (r < 0)
		inspectors_record(keeper->inspectors, record->conn, &record->rec, size);
}

void certificates_known(struct keeper *keeper, const struct gl_rec_certificate_known *record)
{
	const struct report_certificate *report;
	struct known_marks marks;
	int r = known_take_mark(keeper->known, record, keeper->drained.monotonic_ns, &report,
				&marks);

	apply_marks(keeper, &marks);
	if (r == KNOWN_READ)
		take(keeper, report, keeper->drained.wall_ns);
	else
		keeper->certificates_unknown++;
}

void certificates_learn(struct keeper *keeper, const struct report_certificate *report)
{
	struct known_marks marks;

	known_learn(keeper->known, report, clock_monotonic_ns(), &marks);
	apply_marks(keeper, &marks);
}

bool certificates_take(struct keeper *keeper, const struct report_certificate *report)
{
	if (!valid(report))
		return false;
	if (report->outcome != GL_OUTCOME_OK) {
		keeper->certificates_malformed++;
		return true;
	}
	take(keeper, report, clock_wall_ns());
	return true;
}

void certificates_take_handshake(struct keeper *keeper, const struct handshake *handshake)
{
	const struct certificate *certificate =
		certificates_handshake(keeper->certificates, handshake);

	if (certificate)
		judge_name(keeper, certificate, handshake->sni, handshake->wall_ns);
}
