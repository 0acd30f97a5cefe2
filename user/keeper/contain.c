/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contain.c - automatic bans: what escalate.c thinks, held against whom a ban must not hit, becomes
 * a decision. Every one has a TTL; the rate has a ceiling; whoever is spared is named in an event.
 */
#include <stdio.h>

#include "user/base/clock.h"
#include "user/base/duration.h"
#include "user/keeper/keeper.h"
#include "user/keeper/open_cut.h"

#define ACTOR             "escalation"
#define PROTECTED_MAX_AGE 10
/* Blast radius: with this many clients served behind it, told apart by proven credentials or by TLS
 * fingerprints, a source is an office or a proxy nobody told us about, not an attacker alone. */
#define SHARED_BY 3
/* A fingerprint has one match key under one key; more only after the keys were lost. */
#define JA4_KEYS 16

int contain_refresh_protected(struct keeper *keeper, unsigned max_age_s)
{
	uint64_t now_ns = clock_boot_ns();
	int r;

	if (keeper->protect_ns && now_ns - keeper->protect_ns < max_age_s * CLOCK_NS_PER_S)
		return 0;
	r = protect_refresh(keeper->protect, apply_ruling(keeper->apply)->policy);
	if (r == 0)
		keeper->protect_ns = now_ns;
	return r;
}

/* True, and said, when the source is spared. */
static bool is_spared(struct keeper *keeper, const struct escalate_ban *ban, const char *source)
{
	char why[PROTECT_WHY];
	unsigned shared;

	if (contain_refresh_protected(keeper, PROTECTED_MAX_AGE) < 0) {
		records_note(keeper, EVENT_DECISION, ACTOR,
			     "%s is not banned: whom to protect is unknown", source);
		return true;
	}
	if (protect_hit(keeper->protect, &ban->prefix, why)) {
		records_note(keeper, EVENT_DECISION, ACTOR, "%s is not banned: %s", source, why);
		return true;
	}
	shared = sources_clients(keeper->sources, &ban->prefix.addr, clock_boot_ns());
	if (shared >= SHARED_BY) {
		records_note(
			keeper, EVENT_DECISION, ACTOR,
			"%s is not banned: %u%s clients share it, by credential or fingerprint",
			source, shared, shared >= 32 ? "+" : "");
		return true;
	}
	return false;
}

static void ban_source(struct keeper *keeper, const struct escalate_ban *ban, const char *source)
{
	char ttl[DURATION_TEXT], per[DURATION_TEXT];
	struct decision_ask ask = {
		.prefix = ban->prefix,
		.set = GL_SET_BAN,
		.ttl_s = ban->ttl_s,
		.origin = "escalation",
	};
	const struct decision *made;
	int r;

	duration_format(ban->ttl_s, ttl);
	duration_format(ban->per_s, per);
	snprintf(ask.reason, sizeof(ask.reason), "%u refusals in %s%s", ban->refusals, per,
		 ban->strike > 1 ? ", again" : "");
	r = decisions_put(keeper->decisions, &ask, clock_now(), &made);
	if (r < 0) {
		log_err(r, "cannot ban %s", source);
		return;
	}
	open_cut_decision(keeper, made);
	records_note(keeper, EVENT_DECISION, ACTOR, "ban %s for %s: %s", source, ttl, ask.reason);
	audit_write(
		keeper->audit, &(struct audit_actor){.origin = ACTOR}, "ban", NULL,
		json_pack("{s:s, s:s, s:s}", "source", source, "ttl", ttl, "reason", ask.reason));
}

void contain_verdict(struct keeper *keeper, const struct gl_rec_verdict *record)
{
	char source[PREFIX_TEXT], ttl[DURATION_TEXT], per[DURATION_TEXT];
	struct escalate_ban ban;

	if (escalate_record(keeper->escalate, record, &ban) != ESCALATE_BAN)
		return;
	prefix_format(&ban.prefix, source);
	if (is_spared(keeper, &ban, source))
		return;
	if (ban.would) {
		records_note(keeper, EVENT_DECISION, ACTOR,
			     "would ban %s for %s: %u refusals in %s", source,
			     duration_format(ban.ttl_s, ttl), ban.refusals,
			     duration_format(ban.per_s, per));
		return;
	}
	ban_source(keeper, &ban, source);
}

/* ---------------------------------------------------------------------------------------------
 * Fingerprints (TLS-06): the kernel knows match keys, people say JA4
 */
void contain_hello(struct keeper *keeper, const char *ja4, uint64_t key)
{
	const struct decision *d = *ja4 ? decisions_find_ja4(keeper->decisions, ja4) : NULL;
	int r;

	if (!d)
		return;
	r = kern_hello_block(keeper->kern, key, d->expires_boot_ns, d->id);
	if (r < 0)
		log_err(r, "cannot block the fingerprint %s", ja4);
}

int contain_ja4(struct keeper *keeper, const struct decision *decision)
{
	uint64_t keys[JA4_KEYS];
	size_t n = tls_history_keys(keeper->tls_history, decision->ja4, keys, JA4_KEYS);

	for (size_t i = 0; i < n; i++) {
		int r = kern_hello_block(keeper->kern, keys[i], decision->expires_boot_ns,
					 decision->id);

		if (r < 0)
			return r;
	}
	return 0;
}

void contain_ja4_end(struct keeper *keeper, const char *ja4)
{
	uint64_t keys[JA4_KEYS];
	size_t n = tls_history_keys(keeper->tls_history, ja4, keys, JA4_KEYS);

	for (size_t i = 0; i < n; i++)
		kern_hello_unblock(keeper->kern, keys[i]);
}

uint64_t contain_ja4_hits(const struct keeper *keeper, const char *ja4)
{
	uint64_t keys[JA4_KEYS], hits = 0;
	size_t n = tls_history_keys(keeper->tls_history, ja4, keys, JA4_KEYS);

	for (size_t i = 0; i < n; i++)
		hits += kern_hello_hits(keeper->kern, keys[i]);
	return hits;
}

const char *contain_subject_text(const struct subject *subject, char *text, size_t size)
{
	snprintf(text, size, "%s %s", subject_verdict(subject->kind), subject->text);
	return text;
}
