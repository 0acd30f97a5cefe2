/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_rules.c - any bytes as a rule file. Beyond not crashing: one error and there are no rules,
 * every problem has its place, and rules that were read find what they find inside of the bytes and
 * show it printable.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/detect/text.h"

#define COMPILED_MAX 3 /* rules: Vectorscan takes its time */

static void on_match(const struct text_match *match, void *userdata)
{
	const struct raw *bytes = userdata;

	CHECK(match->begin <= match->end && match->end <= bytes->n);
	CHECK(match->rule->id[0]);
	for (const char *p = match->evidence.text; *p; p++)
		CHECK(*p >= 0x20 && *p < 0x7f);
}

static void use(const struct rules *rules, const uint8_t *data, size_t size)
{
	struct raw bytes = {(const char *)data, size};
	struct text *text = NULL;

	for (size_t i = 0; i < rules->n; i++) {
		CHECK(rules->items[i].where && rules->items[i].source);
		CHECK(rules_find(rules, rules->items[i].id));
	}
	/* a pattern without a literal may be more than Vectorscan takes */
	if (rules->n > COMPILED_MAX || text_new(rules, &text) < 0)
		return;
	for (int where = 0; where < WHERE_MAX; where++)
		text_each(text, bytes, (enum rule_where)where, ~0u, 0, on_match, &bytes);
	text_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *rules = NULL;
	struct problems problems;
	int r;

	if (problems_init(&problems, "f") < 0)
		return 0;
	r = rules_read((const char *)data, size, &problems, &rules);
	CHECK((r == 0) == (rules != NULL));
	CHECK((r == -EINVAL) == (problems.errors > 0));
	if (r == 0)
		use(rules, data, size);
	rules_free(rules);
	problems_clear(&problems);
	return 0;
}
