/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/escalate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/siphash.h"
#include "user/base/clock.h"

#define WAYS   8
#define SLOTS  8 /* sub-windows of W: a count covers the last 7/8 W to W, never more than W */
#define MINUTE 60

struct entry {
	struct gl_addr addr;
	uint64_t last_ns; /* 0 = free */
	uint64_t banned_until_ns;
	uint64_t epoch; /* newest sub-window */
	uint32_t counts[SLOTS];
	uint16_t strikes;
	bool would;
};

struct escalate {
	struct gl_key key;
	size_t sets;
	struct entry *entries;
	struct policy_escalate rules;
	uint32_t max_per_minute;
	struct {
		uint64_t second;
		uint32_t bans;
	} minute[MINUTE];
	uint64_t evicted, held_back;
};

int escalate_new(size_t size, const struct gl_key *key, struct escalate **ret_escalate)
{
	struct escalate *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->key = *key;
	e->sets = 1;
	while (e->sets * WAYS < (size ? size : ESCALATE_DEFAULT))
		e->sets *= 2;
	e->entries = calloc(e->sets * WAYS, sizeof(*e->entries));
	if (!e->entries) {
		free(e);
		return -ENOMEM;
	}
	*ret_escalate = e;
	return 0;
}

void escalate_free(struct escalate *escalate)
{
	if (!escalate)
		return;
	free(escalate->entries);
	free(escalate);
}

void escalate_set_rules(struct escalate *escalate, const struct policy_escalate *rules,
			uint32_t max_bans_per_minute)
{
	if (rules->per_s != escalate->rules.per_s) /* other sub-windows: old counts mean nothing */
		for (size_t i = 0; i < escalate->sets * WAYS; i++)
			memset(escalate->entries[i].counts, 0, sizeof(escalate->entries[i].counts));
	escalate->rules = *rules;
	escalate->max_per_minute = max_bans_per_minute;
}

bool escalate_counts(unsigned verdict, unsigned reason, unsigned door)
{
	if (door != GL_DOOR_WIRE && door != GL_DOOR_TLS)
		return false;
	if (verdict != GL_VERDICT_LIMIT && verdict != GL_VERDICT_REFUSE)
		return false;
	switch (reason) {
	case GL_REASON_LIMIT_SOURCE:
	case GL_REASON_LIMIT_PRINCIPAL:
	case GL_REASON_CEILING_SOURCE:
	case GL_REASON_NO_CREDENTIAL:
	case GL_REASON_SOURCE_NETWORK:
	case GL_REASON_AMBIGUOUS_PATH:
	case GL_REASON_MALFORMED:
	case GL_REASON_TOO_LONG:
	case GL_REASON_UNKNOWN_OPERATION:
	case GL_REASON_HTTP2:
	case GL_REASON_UNSUPPORTED:
	case GL_REASON_HEAD_TIMEOUT:
		return true;
	default:
		/* the /48's ceiling and a shared line are others' doing too; the rest is ours */
		return false;
	}
}

static struct entry *entry_of(struct escalate *e, const struct gl_addr *addr, bool would,
			      uint64_t now_ns)
{
	uint64_t hash = siphash_buf(addr->b, sizeof(addr->b), &e->key);
	struct entry *set = &e->entries[(hash & (e->sets - 1)) * WAYS], *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].last_ns && set[i].would == would && addr_equal(&set[i].addr, addr))
			return &set[i];
		if (set[i].last_ns < oldest->last_ns)
			oldest = &set[i];
	}
	if (oldest->last_ns)
		e->evicted++;
	*oldest = (struct entry){.addr = *addr, .would = would, .last_ns = now_ns};
	return oldest;
}

/* Counts one refusal and returns how many there were in W. */
static uint32_t count(struct entry *entry, uint64_t sub_ns, uint64_t now_ns)
{
	uint64_t epoch = now_ns / sub_ns;
	uint32_t sum = 0;

	if (epoch > entry->epoch) {
		uint64_t passed = epoch - entry->epoch;

		for (uint64_t i = 1; i <= passed && i <= SLOTS; i++)
			entry->counts[(entry->epoch + i) % SLOTS] = 0;
		entry->epoch = epoch;
	}
	/* a record of another CPU may be a little older: it belongs to its own sub-window */
	if (entry->epoch - epoch < SLOTS)
		entry->counts[epoch % SLOTS]++;
	for (int i = 0; i < SLOTS; i++)
		sum += entry->counts[i];
	return sum;
}

static uint32_t bans_this_minute(const struct escalate *e, uint64_t second)
{
	uint32_t sum = 0;

	for (int i = 0; i < MINUTE; i++)
		if (e->minute[i].second + MINUTE > second)
			sum += e->minute[i].bans;
	return sum;
}

static bool take_from_minute(struct escalate *e, uint64_t now_ns)
{
	uint64_t second = now_ns / CLOCK_NS_PER_S;

	if (bans_this_minute(e, second) >= e->max_per_minute)
		return false;
	if (e->minute[second % MINUTE].second != second) {
		e->minute[second % MINUTE].second = second;
		e->minute[second % MINUTE].bans = 0;
	}
	e->minute[second % MINUTE].bans++;
	return true;
}

bool escalate_take(struct escalate *escalate, uint64_t now_ns)
{
	if (take_from_minute(escalate, now_ns))
		return true;
	escalate->held_back++;
	return false;
}

/* ban * growth^(strike - 1), at most max. */
static uint32_t ttl_of(const struct policy_escalate *rules, unsigned strike)
{
	uint64_t ttl = rules->ban_s;

	for (unsigned i = 1; i < strike && ttl < rules->max_s; i++) {
		if (rules->growth <= 1)
			break;
		ttl *= rules->growth;
	}
	return (uint32_t)(ttl < rules->max_s ? ttl : rules->max_s);
}

enum escalate_outcome escalate_record(struct escalate *escalate,
				      const struct gl_rec_verdict *record,
				      struct escalate_ban *ret_ban)
{
	const struct policy_escalate *rules = &escalate->rules;
	struct addr_prefix prefix = prefix_of_source(&record->source);
	uint64_t now_ns = record->rec.ts_ns;
	struct entry *entry;
	uint32_t refusals;

	if (!rules->enabled || !rules->per_s ||
	    !escalate_counts(record->verdict, record->reason, record->door))
		return ESCALATE_NOTHING;
	entry = entry_of(escalate, &prefix.addr, record->flags & GL_RECF_WOULD, now_ns);
	if (entry->last_ns < now_ns)
		entry->last_ns = now_ns;
	/* verdicts that were under way when the ban took effect do not make the next one */
	if (now_ns < entry->banned_until_ns)
		return ESCALATE_NOTHING;
	refusals = count(entry, rules->per_s * CLOCK_NS_PER_S / SLOTS, now_ns);
	if (refusals < rules->refusals)
		return ESCALATE_NOTHING;
	if (!entry->would && !take_from_minute(escalate, now_ns)) {
		escalate->held_back++;
		return ESCALATE_CEILING;
	}
	if (entry->strikes && now_ns > entry->banned_until_ns + rules->max_s * CLOCK_NS_PER_S)
		entry->strikes = 0; /* quiet for as long as the longest ban: forgiven */
	if (entry->strikes < UINT16_MAX)
		entry->strikes++;
	memset(entry->counts, 0, sizeof(entry->counts));
	*ret_ban = (struct escalate_ban){
		.prefix = prefix,
		.ttl_s = ttl_of(rules, entry->strikes),
		.refusals = refusals,
		.per_s = rules->per_s,
		.strike = entry->strikes,
		.would = entry->would,
	};
	entry->banned_until_ns = now_ns + ret_ban->ttl_s * CLOCK_NS_PER_S;
	return ESCALATE_BAN;
}

uint64_t escalate_evicted(const struct escalate *escalate)
{
	return escalate->evicted;
}

uint64_t escalate_held_back(const struct escalate *escalate)
{
	return escalate->held_back;
}
