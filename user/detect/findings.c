/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS (FINDINGS_MAX * 2) /* a power of two */
#define NONE    UINT16_MAX
_Static_assert(FINDINGS_MAX < NONE && (BUCKETS & (BUCKETS - 1)) == 0, "slot numbers fit");

/* Slots never move; a storm of the same statements costs a hash and four comparisons each. */
struct findings {
	struct finding items[FINDINGS_MAX];
	uint16_t order[FINDINGS_MAX]; /* slots, ascending by id */
	uint16_t next[FINDINGS_MAX]; /* in the same bucket */
	uint16_t buckets[BUCKETS];
	size_t n;
	uint64_t last_id, evicted;
	uint64_t made; /* occurrences */
	struct finding_tally tallies[FINDING_TALLIES_MAX];
	size_t n_tallies;
};

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {"info", "low", "medium", "high", "critical"};

	return (unsigned)severity <= FINDING_CRITICAL ? names[severity] : "unknown";
}

int findings_new(struct findings **ret_findings)
{
	struct findings *findings = calloc(1, sizeof(*findings));

	if (!findings)
		return -ENOMEM;
	memset(findings->buckets, 0xff, sizeof(findings->buckets));
	*ret_findings = findings;
	return 0;
}

void findings_free(struct findings *findings)
{
	free(findings);
}

/* FNV-1a; texts are bounded, and who collides only makes a chain longer. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return (hash ^ 0x1f) * 16777619u;
}

static uint16_t *bucket_of(struct findings *f, const struct finding *finding)
{
	uint32_t hash = hash_text(2166136261u, finding->control);

	hash = hash_text(hash, finding->rule);
	hash = hash_text(hash, finding->service);
	return &f->buckets[hash_text(hash, finding->subject) & (BUCKETS - 1)];
}

static struct finding *same(struct findings *f, const struct finding *finding)
{
	for (uint16_t i = *bucket_of(f, finding); i != NONE; i = f->next[i]) {
		struct finding *item = &f->items[i];

		if (strcmp(item->subject, finding->subject) == 0 &&
		    strcmp(item->rule, finding->rule) == 0 &&
		    strcmp(item->control, finding->control) == 0 &&
		    strcmp(item->service, finding->service) == 0)
			return item;
	}
	return NULL;
}

static void unlink_slot(struct findings *f, uint16_t slot)
{
	uint16_t *at = bucket_of(f, &f->items[slot]);

	while (*at != slot)
		at = &f->next[*at];
	*at = f->next[slot];
}

/* The slot for one more: the one not stated for longest makes room. */
static uint16_t take_slot(struct findings *f)
{
	size_t oldest = 0;
	uint16_t slot;

	if (f->n < FINDINGS_MAX)
		return (uint16_t)f->n;
	for (size_t i = 1; i < f->n; i++)
		if (f->items[f->order[i]].last_wall_ns < f->items[f->order[oldest]].last_wall_ns)
			oldest = i;
	slot = f->order[oldest];
	unlink_slot(f, slot);
	memmove(&f->order[oldest], &f->order[oldest + 1],
		(f->n - oldest - 1) * sizeof(f->order[0]));
	f->n--;
	f->evicted++;
	return slot;
}

static struct finding *add(struct findings *f, const struct finding *finding)
{
	uint16_t slot = take_slot(f), *bucket;

	f->items[slot] = *finding;
	bucket = bucket_of(f, finding);
	f->next[slot] = *bucket;
	*bucket = slot;
	f->order[f->n++] = slot;
	return &f->items[slot];
}

static struct finding_tally *tally_of(struct findings *f, const char *control, const char *service)
{
	struct finding_tally *tally;

	for (size_t i = 0; i < f->n_tallies; i++)
		if (strcmp(f->tallies[i].control, control) == 0 &&
		    strcmp(f->tallies[i].service, service) == 0)
			return &f->tallies[i];
	if (f->n_tallies == FINDING_TALLIES_MAX)
		return NULL;
	tally = &f->tallies[f->n_tallies++];
	*tally = (struct finding_tally){.count = 0};
	snprintf(tally->control, sizeof(tally->control), "%s", control);
	snprintf(tally->service, sizeof(tally->service), "%s", service);
	return tally;
}

static void count(struct findings *f, const struct finding *item, uint64_t n)
{
	struct finding_tally *tally;

	if (item->severity == FINDING_INFO)
		return;
	tally = tally_of(f, item->control, item->service);
	if (!tally)
		return;
	tally->count += n;
	tally->last_id = item->id;
	if (item->last_wall_ns > tally->last_wall_ns)
		tally->last_wall_ns = item->last_wall_ns;
	tally->dirty = true;
}

int findings_put(struct findings *findings, const struct finding *finding,
		 const struct finding **ret_finding)
{
	struct finding *item = same(findings, finding);
	int fresh = !item;

	if (fresh) {
		item = add(findings, finding);
		item->id = ++findings->last_id;
		item->first_wall_ns = finding->last_wall_ns;
		item->count = 0;
	} else {
		memcpy(item->evidence, finding->evidence, sizeof(item->evidence));
		memcpy(item->request, finding->request, sizeof(item->request));
		item->severity = finding->severity;
		item->last_wall_ns = finding->last_wall_ns;
	}
	item->count += 1ull + finding->more;
	item->dirty = true;
	findings->made += 1ull + finding->more;
	count(findings, item, 1ull + finding->more);
	if (ret_finding)
		*ret_finding = item;
	return fresh;
}

void findings_restore(struct findings *findings, const struct finding *finding)
{
	if (findings->n == FINDINGS_MAX || finding->id <= findings->last_id)
		return;
	add(findings, finding);
	findings->last_id = finding->id;
}

size_t findings_count(const struct findings *findings)
{
	return findings->n;
}

const struct finding *findings_at(const struct findings *findings, size_t i)
{
	return i < findings->n ? &findings->items[findings->order[i]] : NULL;
}

const struct finding *findings_find(const struct findings *findings, uint64_t id)
{
	size_t low = 0, high = findings->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct finding *item = findings_at(findings, middle);

		if (item->id == id)
			return item;
		if (item->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void findings_each_dirty(const struct findings *findings,
			 void (*fn)(const struct finding *finding, void *userdata), void *userdata)
{
	for (size_t i = 0; i < findings->n; i++)
		if (findings_at(findings, i)->dirty)
			fn(findings_at(findings, i), userdata);
}

static void mark(struct findings *findings, bool dirty)
{
	for (size_t i = 0; i < findings->n_tallies; i++)
		findings->tallies[i].dirty = dirty;
	for (size_t i = 0; i < findings->n; i++)
		findings->items[findings->order[i]].dirty = dirty;
}

void findings_stored(struct findings *findings)
{
	mark(findings, false);
}

void findings_unstored(struct findings *findings)
{
	mark(findings, true);
}

const struct finding_tally *findings_tally(const struct findings *findings, size_t i)
{
	return i < findings->n_tallies ? &findings->tallies[i] : NULL;
}

void findings_restore_tally(struct findings *findings, const struct finding_tally *tally)
{
	struct finding_tally *to = tally_of(findings, tally->control, tally->service);

	if (!to)
		return;
	*to = *tally;
	to->dirty = false;
}

uint64_t findings_made(const struct findings *findings)
{
	return findings->made;
}

uint64_t findings_evicted(const struct findings *findings)
{
	return findings->evicted;
}
