/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagination.c - REV-09 and API-11: no answer holds more items than the maximum, and none that
 * nobody sized holds more than the default. A server that takes limit=1000 and gives 100 did right:
 * a number asked for weighs only what was given. Only JSON answers to GET are judged.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

#define MAX_PAGE     100
#define DEFAULT_PAGE 20

/* Sizes of pages; nothing else is called so. */
static const struct raw sizes[] = {
	RAW_INIT("limit"),          RAW_INIT("page_size"),
	RAW_INIT("pagesize"),       RAW_INIT("page-size"),
	RAW_INIT("per_page"),       RAW_INIT("perpage"),
	RAW_INIT("per-page"),       RAW_INIT("page[size]"),
	RAW_INIT("page[limit]"),    RAW_INIT("$top"),
	RAW_INIT("maxresults"),     RAW_INIT("max_results"),
	RAW_INIT("max-results"),    RAW_INIT("pagelen"),
	RAW_INIT("page%5bsize%5d"), RAW_INIT("page%5blimit%5d"),
	RAW_INIT("%24top"),
};
/* ... or of other things: they count only beside a list that is too long. */
static const struct raw maybe_sizes[] = {
	RAW_INIT("size"), RAW_INIT("count"), RAW_INIT("top"), RAW_INIT("first"),
	RAW_INIT("rows"), RAW_INIT("max"),   RAW_INIT("num"), RAW_INIT("take"),
};

struct asked {
	const char *name; /* NULL: no size was asked for */
	uint64_t value;
	bool unlimited; /* 0 or negative: what many servers read as "all" */
	bool sure;
};

static const char *name_in(struct raw name, const struct raw *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (raw_is_nocase(name, names[i]))
			return names[i].p;
	return NULL;
}

static struct asked read_query(struct raw query)
{
	struct asked asked = {0};
	struct raw name, value;

	while (raw_pair(&query, '&', &name, &value)) {
		const char *sure = name_in(name, sizes, sizeof(sizes) / sizeof(sizes[0]));
		const char *maybe =
			name_in(name, maybe_sizes, sizeof(maybe_sizes) / sizeof(maybe_sizes[0]));
		bool negative = raw_begins(value, RAW("-"));
		uint64_t number;

		if (!(sure || maybe) || !raw_number(raw_from(value, negative), &number))
			continue;
		if (asked.sure && !sure)
			continue;
		asked.name = sure ?: maybe;
		asked.sure = sure != NULL;
		asked.value = number;
		asked.unlimited = negative || number == 0;
	}
	return asked;
}

static void judge_items(const struct facts *f, const struct asked *asked, uint64_t max,
			const struct detect_out *out)
{
	const struct json_shape *s = &f->shape;
	const char *least = s->items_more ? "at least " : "";
	const char *where = s->list.n ? " in a member" : "";

	if (asked->name)
		DETECT(out, "REV-09", "page-over-maximum", FINDING_MEDIUM, PART_RESPONSE_BODY,
		       "%s%zu items%s for %s=%s%lu, at most %lu", least, s->items, where,
		       asked->name, asked->unlimited && asked->value ? "-" : "",
		       (unsigned long)asked->value, (unsigned long)max);
	else
		DETECT(out, "REV-09", "page-over-maximum", FINDING_MEDIUM, PART_RESPONSE_BODY,
		       "%s%zu items%s, no page size was asked for, at most %lu", least, s->items,
		       where, (unsigned long)max);
}

static void judge_asked(const struct transaction *tx, const struct facts *f,
			const struct asked *asked, uint64_t max, const struct detect_out *out)
{
	if (!asked->sure || (asked->value <= max && !asked->unlimited))
		return;
	/* how many were given is known, and it is not too many */
	if (f->shape_whole && f->shape.ending == WALK_END)
		return;
	DETECT(out, "REV-09", "limit-accepted", FINDING_LOW, PART_PATH,
	       "%s=%s%lu was answered %u, at most %lu; how many items were given was not seen",
	       asked->name, asked->unlimited && asked->value ? "-" : "",
	       (unsigned long)asked->value, tx->status, (unsigned long)max);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	const uint64_t max = policy->max_page ?: MAX_PAGE;
	const uint64_t usual = policy->default_page ?: DEFAULT_PAGE;
	struct asked asked;

	if (!f->success || !f->json || f->method != METHOD_GET)
		return;
	asked = read_query(f->query);
	if (f->shape.items > max)
		judge_items(f, &asked, max, out);
	else
		judge_asked(tx, f, &asked, max, out);
	if (!asked.name && f->shape.items > usual && f->shape.items <= max)
		DETECT(out, "API-11", "default-page", FINDING_LOW, PART_RESPONSE_BODY,
		       "%s%zu items where no page size was asked for, by default %lu",
		       f->shape.items_more ? "at least " : "", f->shape.items,
		       (unsigned long)usual);
}

static const char *const controls[] = {"REV-09", "API-11", NULL};
const struct detector detector_pagination = {"pagination", controls, judge, 0};
