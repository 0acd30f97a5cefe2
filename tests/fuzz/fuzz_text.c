/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_text.c - any bytes through the installed text rules. Beyond not crashing: matches are inside
 * of the bytes, in order and apart from each other, shown printable; the same wherever the bytes
 * stand, for they are looked at 64 at a time; and the same where Vectorscan finds the literals.
 */
#include "tests/fuzz/fuzz.h"
#include "user/detect/text.h"

#define MATCHES_MAX 4096

struct said {
	struct {
		const struct rule *rule;
		size_t begin, end;
	} items[MATCHES_MAX];
	size_t n, size, last;
};

static struct text *fast, *plain;
static struct said first, other;

static void on_match(const struct text_match *match, void *userdata)
{
	struct said *said = userdata;

	CHECK(match->begin < match->end && match->end <= said->size);
	CHECK(match->begin >= said->last);
	said->last = match->end;
	for (const char *p = match->evidence.text; *p; p++)
		CHECK(*p >= 0x20 && *p < 0x7f);
	if (said->n == MATCHES_MAX)
		return;
	said->items[said->n].rule = match->rule;
	said->items[said->n].begin = match->begin;
	said->items[said->n++].end = match->end;
}

static void scan(struct text *text, const char *bytes, size_t size, enum rule_where where,
		 struct said *said)
{
	said->n = said->last = 0;
	said->size = size;
	text_each(text, (struct raw){bytes, size}, where, ~0u, 0, on_match, said);
}

static void start(void)
{
	struct rules *rules = NULL;

	CHECK(rules_load("deploy/rules", NULL, NULL, &rules) == 0);
	CHECK(text_new(rules, &fast) == 0);
	CHECK(text_new_by(rules, TEXT_VECTORSCAN, &plain) == 0);
}

/* The same as the first, `by` bytes further on. */
static void same(size_t by)
{
	CHECK(first.n == other.n);
	for (size_t i = 0; i < first.n; i++) {
		CHECK(first.items[i].rule == other.items[i].rule);
		CHECK(first.items[i].begin + by == other.items[i].begin);
		CHECK(first.items[i].end + by == other.items[i].end);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* from 1 to 64 lines before it, which are of nothing */
	size_t before = size ? 1 + (data[0] + size) % 64 : 1;
	char *bytes;

	if (!fast)
		start();
	bytes = malloc(before + size);
	CHECK(bytes);
	memset(bytes, '\n', before);
	memcpy(bytes + before, data, size);
	for (int where = 0; where < WHERE_MAX; where++) {
		scan(fast, (const char *)data, size, (enum rule_where)where, &first);
		scan(fast, bytes, before + size, (enum rule_where)where, &other);
		same(before);
		scan(plain, (const char *)data, size, (enum rule_where)where, &other);
		same(0);
	}
	free(bytes);
	return 0;
}
