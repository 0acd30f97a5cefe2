/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text_build.c - rules to databases: each literal once, with the rules it may be the begin of; and
 * the patterns without one, which cost (rules_read.c warned of them).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/detect/text_private.h"

/* A literal of a rule, before those of the same bytes are put together. */
struct wish {
	const char *bytes;
	size_t n;
	bool ignore_case;
	struct use use;
};

struct wishes {
	struct wish *items;
	size_t n;
};

static int compare_wishes(const void *left, const void *right)
{
	const struct wish *a = left, *b = right;
	int r = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);

	if (r == 0)
		r = (a->n > b->n) - (a->n < b->n);
	if (r == 0)
		r = a->ignore_case - b->ignore_case;
	return r ? r : (a->use.rule > b->use.rule) - (a->use.rule < b->use.rule);
}

static bool same_literal(const struct wish *a, const struct wish *b)
{
	return a->n == b->n && a->ignore_case == b->ignore_case &&
	       memcmp(a->bytes, b->bytes, a->n) == 0;
}

static void wish_rule(struct text *text, const struct rule *rule, struct wishes *wishes)
{
	for (size_t i = 0; i < rule->n_patterns; i++) {
		const struct token_pattern *pattern = &rule->patterns[i];
		struct use use = {rule, pattern, rule->near.n > 0};

		for (size_t j = 0; j < rule->near.n; j++)
			wishes->items[wishes->n++] = (struct wish){
				rule->near.items[j], strlen(rule->near.items[j]), true, use};
		if (rule->near.n == 0 && pattern->by == BY_WORD)
			text->begins.uses[text->begins.n++] = use;
		else if (rule->near.n == 0 && pattern->by == BY_WORD_BEHIND)
			text->behind.uses[text->behind.n++] = use;
		else if (rule->near.n == 0 && pattern->anchor_size > 0)
			wishes->items[wishes->n++] = (struct wish){
				pattern->anchor, pattern->anchor_size, pattern->ignore_case, use};
		else if (rule->near.n == 0)
			text->unanchored[text->n_unanchored++] = use;
	}
}

/* What is compared first: the literal's first byte, or how far before the word it stands. */
static uint8_t word_key(const struct use *use)
{
	return use->pattern->by == BY_WORD ? (uint8_t)use->pattern->anchor[0] : use->pattern->ahead;
}

static int compare_words(const void *left, const void *right)
{
	const struct use *a = left, *b = right;

	return word_key(a) != word_key(b) ? word_key(a) - word_key(b)
					  : (a->pattern > b->pattern) - (a->pattern < b->pattern);
}

static void index_words(struct words *words)
{
	size_t at = 0;

	qsort(words->uses, words->n, sizeof(*words->uses), compare_words);
	for (unsigned key = 0; key <= 256; key++) {
		while (at < words->n && word_key(&words->uses[at]) < key)
			at++;
		words->first[key] = (uint16_t)at;
	}
}

static int gather(struct text *text, struct wishes *wishes)
{
	size_t n = 0;

	for (size_t i = 0; i < text->rules->n; i++)
		n += text->rules->items[i].n_patterns * (1 + text->rules->items[i].near.n);
	wishes->items = calloc(n + 1, sizeof(*wishes->items));
	text->unanchored = calloc(n + 1, sizeof(*text->unanchored));
	text->uses = calloc(n + 1, sizeof(*text->uses));
	text->literals = calloc(n + 1, sizeof(*text->literals));
	text->told = calloc(text->rules->n + 1, sizeof(*text->told));
	text->begins.uses = calloc(n + 1, sizeof(*text->begins.uses));
	text->behind.uses = calloc(n + 1, sizeof(*text->behind.uses));
	if (!wishes->items || !text->unanchored || !text->uses || !text->literals || !text->told ||
	    !text->begins.uses || !text->behind.uses)
		return -ENOMEM;
	for (size_t i = 0; i < text->rules->n; i++) {
		const struct rule *rule = &text->rules->items[i];

		if (rule->form != FORM_PATTERN)
			text->forms[rule->form] = rule;
		else
			wish_rule(text, rule, wishes);
	}
	qsort(wishes->items, wishes->n, sizeof(*wishes->items), compare_wishes);
	index_words(&text->begins);
	index_words(&text->behind);
	return 0;
}

static int hs_error(hs_error_t error)
{
	return error == HS_SUCCESS ? 0 : error == HS_NOMEM ? -ENOMEM : -EINVAL;
}

static int compile_database(struct text *text, const struct literal_text *texts, size_t n)
{
	_cleanup_free_ const char **bytes = calloc(n + 1, sizeof(*bytes));
	_cleanup_free_ unsigned *flags = calloc(n + 1, sizeof(*flags));
	_cleanup_free_ unsigned *ids = calloc(n + 1, sizeof(*ids));
	_cleanup_free_ size_t *sizes = calloc(n + 1, sizeof(*sizes));
	hs_compile_error_t *why = NULL;
	int r;

	if (!bytes || !flags || !ids || !sizes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bytes[i] = texts[i].bytes;
		sizes[i] = texts[i].n;
		flags[i] = texts[i].ignore_case ? HS_FLAG_CASELESS : 0;
		ids[i] = (unsigned)i;
	}
	r = hs_error(hs_compile_lit_multi(bytes, flags, ids, sizes, (unsigned)n, HS_MODE_BLOCK,
					  NULL, &text->database, &why));
	hs_free_compile_error(why);
	return r;
}

static int compile_literals(struct text *text, const struct wishes *wishes, enum text_way way)
{
	_cleanup_free_ struct literal_text *texts = calloc(wishes->n + 1, sizeof(*texts));
	size_t n = 0;
	int r;

	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < wishes->n; i++) {
		const struct wish *wish = &wishes->items[i];

		if (i == 0 || !same_literal(wish, wish - 1)) {
			texts[n] = (struct literal_text){wish->bytes, wish->n, wish->ignore_case};
			text->literals[n++] = (struct literal){i, i, wish->n};
		}
		text->literals[n - 1].end = i + 1;
		text->uses[i] = wish->use;
	}
	text->n_uses = wishes->n;
	text->n_literals = n;
	if (n == 0)
		return 0;
	r = way == TEXT_VECTORSCAN ? -ENOTSUP : literals_new(texts, n, &text->fast);
	return r == -ENOTSUP ? compile_database(text, texts, n) : r;
}

static int compile_slow(struct text *text)
{
	_cleanup_free_ const char **texts = calloc(text->n_unanchored + 1, sizeof(*texts));
	_cleanup_free_ unsigned *flags = calloc(text->n_unanchored + 1, sizeof(*flags));
	_cleanup_free_ unsigned *ids = calloc(text->n_unanchored + 1, sizeof(*ids));
	hs_compile_error_t *why = NULL;
	int r;

	if (!texts || !flags || !ids)
		return -ENOMEM;
	for (size_t i = 0; i < text->n_unanchored; i++) {
		const struct use *use = &text->unanchored[i];

		texts[i] = use->rule->pattern_texts[use->pattern - use->rule->patterns];
		flags[i] = HS_FLAG_SOM_LEFTMOST | HS_FLAG_ALLOWEMPTY |
			   (use->pattern->ignore_case ? HS_FLAG_CASELESS : 0);
		ids[i] = (unsigned)i;
	}
	if (text->n_unanchored == 0)
		return 0;
	r = hs_error(hs_compile_multi(texts, flags, ids, (unsigned)text->n_unanchored,
				      HS_MODE_BLOCK, NULL, &text->slow, &why));
	hs_free_compile_error(why);
	return r;
}

int text_new(const struct rules *rules, struct text **ret_text)
{
	return text_new_by(rules, TEXT_FASTEST, ret_text);
}

int text_new_by(const struct rules *rules, enum text_way way, struct text **ret_text)
{
	_cleanup_(text_freep) struct text *text = calloc(1, sizeof(*text));
	struct wishes wishes = {0};
	int r;

	if (!text)
		return -ENOMEM;
	text->rules = rules;
	r = gather(text, &wishes);
	if (r == 0)
		r = compile_literals(text, &wishes, way);
	free(wishes.items);
	if (r == 0)
		r = compile_slow(text);
	if (r == 0 && text->database)
		r = hs_error(hs_alloc_scratch(text->database, &text->scratch));
	if (r == 0 && text->slow)
		r = hs_error(hs_alloc_scratch(text->slow, &text->scratch));
	if (r == 0)
		*ret_text = TAKE_PTR(text);
	return r;
}

void text_free(struct text *text)
{
	if (!text)
		return;
	hs_free_scratch(text->scratch);
	literals_free(text->fast);
	hs_free_database(text->database);
	hs_free_database(text->slow);
	free(text->literals);
	free(text->uses);
	free(text->unanchored);
	free(text->begins.uses);
	free(text->behind.uses);
	free(text->told);
	free(text);
}
