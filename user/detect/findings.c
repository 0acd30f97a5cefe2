/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct findings {
	struct finding items[FINDINGS_MAX]; /* ascending by id */
	size_t n;
	uint64_t last_id, evicted;
};

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {"info", "low", "medium", "high", "critical"};

	return (unsigned)severity <= FINDING_CRITICAL ? names[severity] : "unknown";
}

int findings_new(struct findings **ret_findings)
{
	*ret_findings = calloc(1, sizeof(**ret_findings));
	return *ret_findings ? 0 : -ENOMEM;
}

void findings_free(struct findings *findings)
{
	free(findings);
}

static struct finding *same(struct findings *f, const struct finding *finding)
{
	for (size_t i = f->n; i-- > 0;) {
		struct finding *item = &f->items[i];

		if (strcmp(item->subject, finding->subject) == 0 &&
		    strcmp(item->rule, finding->rule) == 0 &&
		    strcmp(item->control, finding->control) == 0 &&
		    strcmp(item->service, finding->service) == 0)
			return item;
	}
	return NULL;
}

static void make_room(struct findings *f)
{
	size_t oldest = 0;

	if (f->n < FINDINGS_MAX)
		return;
	for (size_t i = 1; i < f->n; i++)
		if (f->items[i].last_wall_ns < f->items[oldest].last_wall_ns)
			oldest = i;
	memmove(&f->items[oldest], &f->items[oldest + 1],
		(f->n - oldest - 1) * sizeof(f->items[0]));
	f->n--;
	f->evicted++;
}

int findings_put(struct findings *findings, const struct finding *finding,
		 const struct finding **ret_finding)
{
	struct finding *item = same(findings, finding);
	int fresh = !item;

	if (fresh) {
		make_room(findings);
		item = &findings->items[findings->n++];
		*item = *finding;
		item->id = ++findings->last_id;
		item->first_wall_ns = finding->last_wall_ns;
		item->count = 0;
	} else {
		memcpy(item->evidence, finding->evidence, sizeof(item->evidence));
		item->severity = finding->severity;
		item->last_wall_ns = finding->last_wall_ns;
	}
	item->count++;
	item->dirty = true;
	if (ret_finding)
		*ret_finding = item;
	return fresh;
}

void findings_restore(struct findings *findings, const struct finding *finding)
{
	if (findings->n == FINDINGS_MAX || finding->id <= findings->last_id)
		return;
	findings->items[findings->n++] = *finding;
	findings->last_id = finding->id;
}

size_t findings_count(const struct findings *findings)
{
	return findings->n;
}

const struct finding *findings_at(const struct findings *findings, size_t i)
{
	return i < findings->n ? &findings->items[i] : NULL;
}

const struct finding *findings_find(const struct findings *findings, uint64_t id)
{
	for (size_t i = 0; i < findings->n; i++)
		if (findings->items[i].id == id)
			return &findings->items[i];
	return NULL;
}

void findings_each_dirty(const struct findings *findings,
			 void (*fn)(const struct finding *finding, void *userdata), void *userdata)
{
	for (size_t i = 0; i < findings->n; i++)
		if (findings->items[i].dirty)
			fn(&findings->items[i], userdata);
}

static void mark(struct findings *findings, bool dirty)
{
	for (size_t i = 0; i < findings->n; i++)
		findings->items[i].dirty = dirty;
}

void findings_stored(struct findings *findings)
{
	mark(findings, false);
}

void findings_unstored(struct findings *findings)
{
	mark(findings, true);
}

uint64_t findings_evicted(const struct findings *findings)
{
	return findings->evicted;
}
