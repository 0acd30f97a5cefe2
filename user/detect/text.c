/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.c - one scan: literals by literals.c or Vectorscan and candidates by personal.c, each
 * confirmed against its rule, then put in order so that two rules never speak of the same bytes.
 * How literals become a database is text_build.c's.
 */
#include <string.h>

#include "user/detect/assigned.h"
#include "user/detect/checks.h"
#include "user/detect/personal.h"
#include "user/detect/text_private.h"

#define KEYWORD_BYTES 100 /* before a value */

struct scan {
	struct text *text;
	struct raw bytes;
	enum rule_where where;
	unsigned families, per_rule;
	text_match_fn fn;
	void *userdata;
};

/* --- confirming ------------------------------------------------------------------------------- */

static bool has_word(struct raw bytes, const struct rule_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		size_t n = strlen(words->items[i]);

		for (size_t at = 0; at + n <= bytes.n; at++)
			if (strncasecmp(bytes.p + at, words->items[i], n) == 0)
				return true;
	}
	return false;
}

static bool is_word(struct raw value, const struct rule_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		if (strlen(words->items[i]) == value.n &&
		    strncasecmp(value.p, words->items[i], value.n) == 0)
			return true;
	return false;
}

static bool speaks(const struct scan *scan, const struct rule *rule)
{
	size_t i = (size_t)(rule - scan->text->rules->items);

	return (rule->where >> scan->where & 1) && (scan->families >> rule->family & 1) &&
	       (scan->per_rule == 0 || scan->text->told[i] < scan->per_rule);
}

static struct masked evidence(const struct rule *rule, struct raw value, unsigned detail)
{
	switch (rule->mask) {
	case MASK_PREFIX:
		return masked_value(value, 4);
	case MASK_DIGITS:
		return masked_digits(value);
	case MASK_EMAIL:
		return masked_email(value);
	case MASK_ABOUT:
		return detail ? masked_format("%s, cost %u", rule->about, detail)
			      : masked_own(rule->about);
	default:
		return masked_value(value, 0);
	}
}

/* Tells what was found so far, in order, the better one of two that overlap. */
static void flush(struct scan *scan);

static void found(struct scan *scan, const struct rule *rule, size_t begin, size_t end,
		  unsigned detail)
{
	struct text *text = scan->text;

	if (text->n_found == TEXT_FOUND_MAX)
		flush(scan);
	/* two words of one name */
	if (text->n_found > 0 && text->found[text->n_found - 1].rule == rule &&
	    text->found[text->n_found - 1].begin == begin)
		return;
	text->told[rule - text->rules->items]++;
	text->found[text->n_found++] = (struct found){rule, begin, end, detail};
}

/* The form is right: what else the rule asks for. */
static void confirm(struct scan *scan, const struct rule *rule, size_t begin, size_t end)
{
	const struct rules *rules = scan->text->rules;
	struct raw value = {scan->bytes.p + begin, end - begin};
	size_t before = begin > KEYWORD_BYTES ? begin - KEYWORD_BYTES : 0;
	unsigned detail = 0;

	if (rule->keywords.n > 0 &&
	    !has_word((struct raw){scan->bytes.p + before, begin - before}, &rule->keywords))
		return;
	if (rule->entropy > 0 && (check_entropy(value) < rule->entropy || check_made_up(value)))
		return;
	if (!check_value(rule->check, value, &detail))
		return;
	if (has_word(value, &rule->allow) || has_word(value, &rules->allow) ||
	    is_word(value, &rule->allow_whole) || is_word(value, &rules->allow_whole))
		return;
	found(scan, rule, begin, end, detail);
}

/* --- what finds ------------------------------------------------------------------------------- */

static void on_literal(unsigned id, size_t to, void *userdata)
{
	struct scan *scan = userdata;
	const struct text *text = scan->text;
	const struct literal *literal = &text->literals[id];
	struct token_match match;
	size_t value = 0;
	bool asked = false;

	scan->text->hits++;
	for (size_t i = literal->first; i < literal->end; i++) {
		const struct use *use = &text->uses[i];

		if (!speaks(scan, use->rule))
			continue;
		if (!use->near) {
			if (token_pattern_match(use->pattern, scan->bytes, to - literal->size,
						&match))
				confirm(scan, use->rule, match.value_begin, match.value_end);
			continue;
		}
		if (!asked)
			value = assigned_value(scan->bytes, to);
		asked = true;
		if (value && token_pattern_match_at(use->pattern, scan->bytes, value, &match))
			confirm(scan, use->rule, match.value_begin, match.value_end);
	}
}

static int on_hs_literal(unsigned id, unsigned long long from, unsigned long long to,
			 unsigned flags, void *userdata)
{
	(void)from;
	(void)flags;
	on_literal(id, to, userdata);
	return 0;
}

static int on_unanchored(unsigned id, unsigned long long from, unsigned long long to,
			 unsigned flags, void *userdata)
{
	struct scan *scan = userdata;
	const struct use *use = &scan->text->unanchored[id];
	struct token_match match;

	(void)to;
	(void)flags;
	scan->text->hits++;
	if (speaks(scan, use->rule) &&
	    token_pattern_match_at(use->pattern, scan->bytes, from, &match))
		confirm(scan, use->rule, match.value_begin, match.value_end);
	return 0;
}

/* Its literal stands at bytes[at]? */
static void try_word(struct scan *scan, const struct use *use, size_t at)
{
	const struct token_pattern *pattern = use->pattern;
	struct token_match match;

	if (scan->bytes.p[at] != pattern->anchor[0] || scan->bytes.n - at < pattern->anchor_size ||
	    memcmp(scan->bytes.p + at, pattern->anchor, pattern->anchor_size) != 0 ||
	    !speaks(scan, use->rule))
		return;
	scan->text->hits++;
	if (token_pattern_match(pattern, scan->bytes, at, &match))
		confirm(scan, use->rule, match.value_begin, match.value_end);
}

static void try_begins(struct scan *scan, size_t at)
{
	const struct words *words = &scan->text->begins;
	unsigned char first = (unsigned char)scan->bytes.p[at];

	for (size_t i = words->first[first]; i < words->first[first + 1]; i++)
		try_word(scan, &words->uses[i], at);
}

static void on_word(struct personal *personal, size_t begin)
{
	struct scan *scan = personal->userdata;
	const struct words *behind = &scan->text->behind;
	const char *p = scan->bytes.p;

	try_begins(scan, begin);
	for (size_t i = 0; i < behind->n && behind->uses[i].pattern->ahead <= begin; i++)
		try_word(scan, &behind->uses[i], begin - behind->uses[i].pattern->ahead);
	/* the letter of an escape is not of the word: "\nAKIA" */
	if (begin > 0 && p[begin - 1] == '\\' && strchr("nrt", p[begin]))
		try_begins(scan, begin + 1);
}

static void on_personal(struct personal *personal, enum rule_form form, size_t begin, size_t end)
{
	struct scan *scan = personal->userdata;
	const struct rule *rule = scan->text->forms[form];

	scan->text->hits++;
	confirm(scan, rule, begin, end);
	if (!speaks(scan, rule))
		personal->forms &= ~(1u << form);
}

static unsigned forms(const struct scan *scan)
{
	unsigned forms = 0;

	for (unsigned form = 0; form < FORM_MAX; form++)
		if (scan->text->forms[form] && speaks(scan, scan->text->forms[form]))
			forms |= 1u << form;
	return forms;
}

/* --- order ------------------------------------------------------------------------------------ */

/* Is a better than b, where both take the same bytes? */
static bool better(const struct found *a, const struct found *b)
{
	if (a->rule->generic != b->rule->generic)
		return b->rule->generic;
	if (a->rule->severity != b->rule->severity)
		return a->rule->severity > b->rule->severity;
	if (a->end - a->begin != b->end - b->begin)
		return a->end - a->begin > b->end - b->begin;
	return a->rule < b->rule;
}

/* Of one begin, the rule that stands first: what finds them has an order of its own. */
static bool before(const struct found *a, const struct found *b)
{
	if (a->begin != b->begin)
		return a->begin < b->begin;
	return a->rule != b->rule ? a->rule < b->rule : a->end < b->end;
}

/* Few, and nearly in order: the literals came by their places. */
static void sort(struct found *found, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct found one = found[i];
		size_t j = i;

		for (; j > 0 && before(&one, &found[j - 1]); j--)
			found[j] = found[j - 1];
		found[j] = one;
	}
}

static void tell(struct scan *scan, const struct found *found)
{
	struct raw value = {scan->bytes.p + found->begin, found->end - found->begin};
	struct text_match match = {
		.rule = found->rule,
		.begin = found->begin,
		.end = found->end,
		.detail = found->detail,
		.evidence = evidence(found->rule, value, found->detail),
	};

	scan->text->matches++;
	scan->fn(&match, scan->userdata);
}

static void flush(struct scan *scan)
{
	struct text *text = scan->text;
	const struct found *held = NULL;

	sort(text->found, text->n_found);
	for (size_t i = 0; i < text->n_found; i++) {
		const struct found *next = &text->found[i];

		if (held && next->begin < held->end) {
			if (better(next, held))
				held = next;
			continue;
		}
		if (held)
			tell(scan, held);
		held = next;
	}
	if (held)
		tell(scan, held);
	text->n_found = 0;
}

void text_each(struct text *text, struct raw bytes, enum rule_where where, unsigned families,
	       unsigned per_rule, text_match_fn fn, void *userdata)
{
	struct scan scan = {
		.text = text,
		.bytes = bytes,
		.where = where,
		.families = families,
		.per_rule = per_rule,
		.fn = fn,
		.userdata = userdata,
	};
	struct personal personal = {.found = on_personal, .word = on_word, .userdata = &scan};

	if (bytes.n == 0 || bytes.n > TEXT_WINDOW_MAX)
		return;
	memset(text->told, 0, text->rules->n * sizeof(*text->told));
	personal.forms = forms(&scan);
	personal_scan(&personal, bytes);
	if (text->fast)
		literals_find(text->fast, bytes, on_literal, &scan);
	if (text->database)
		hs_scan(text->database, bytes.p, (unsigned)bytes.n, 0, text->scratch, on_hs_literal,
			&scan);
	if (text->slow)
		hs_scan(text->slow, bytes.p, (unsigned)bytes.n, 0, text->scratch, on_unanchored,
			&scan);
	flush(&scan);
}

void text_counts(const struct text *text, uint64_t *ret_hits, uint64_t *ret_matches)
{
	*ret_hits = text->hits;
	*ret_matches = text->matches;
}

const char *text_way_name(const struct text *text)
{
	return text->fast ? "vbmi" : "vectorscan";
}
