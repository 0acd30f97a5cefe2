/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules_read.c - a rule file to rules. Everything wrong is reported, with its place and a hint;
 * one error and the file is none.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/detect/rules_private.h"
#include "user/policy/document.h"
#include "user/policy/suggest.h"

#define ANCHOR_SHORT 3 /* bytes; literals below this are found all over the place */

struct reading {
	struct problems *problems;
	struct rules *rules;
	struct rule defaults; /* of the file; owns nothing */
	char prefix[64]; /* "rules[3]." */
	bool no_memory;
};

typedef void (*key_fn)(struct reading *r, const struct node *node, void *target);

struct key {
	const char *name;
	key_fn read;
	size_t offset;
};

__attribute__((format(printf, 5, 6))) static void say(struct reading *r,
						      enum problem_severity severity,
						      const struct node *at, const char *hint,
						      const char *fmt, ...)
{
	const char *key = at->key ? at->key->text : "";
	char path[160];
	va_list ap;

	snprintf(path, sizeof(path), "%s%s", r->prefix, key);
	if (!*key && *path)
		path[strlen(path) - 1] = 0;
	va_start(ap, fmt);
	problems_addv(r->problems, severity, at->pos.line, at->pos.column, path, hint, fmt, ap);
	va_end(ap);
}
#define error(r, at, hint, ...) say(r, PROBLEM_ERROR, at, hint, __VA_ARGS__)

static bool is_text(struct reading *r, const struct node *node)
{
	if (node->kind == NODE_SCALAR && node->type == SCALAR_STRING && *node->text)
		return true;
	error(r, node, "put it between single quotes", "expected a text, got %s", node_noun(node));
	return false;
}

/* --- words of a list -------------------------------------------------------------------------- */

#define RULE_ENUM_TEXT(name, text) text,

static int find_word(struct reading *r, const struct node *node, const char *const *words, size_t n)
{
	struct suggestion suggestion;
	char hint[128], all[256] = "use ";

	if (!is_text(r, node))
		return -1;
	suggest_begin(&suggestion, node->text);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], node->text) == 0)
			return (int)i;
		suggest_offer(&suggestion, words[i]);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			 words[i]);
	}
	error(r, node, suggest_hint(&suggestion, hint, sizeof(hint)) ?: all, "%s is not known here",
	      problem_quote(node->text).text);
	return -1;
}

#define READ_WORD(fn, type, ...)                                                                   \
	static void fn(struct reading *r, const struct node *node, void *target)                   \
	{                                                                                          \
		static const char *const words[] = {__VA_ARGS__};                                  \
		int found = find_word(r, node, words, ARRAY_SIZE(words));                          \
                                                                                                   \
		if (found >= 0)                                                                    \
			*(type *)target = (type)found;                                             \
	}
READ_WORD(read_family, enum rule_family, RULE_FAMILY_LIST(RULE_ENUM_TEXT))
READ_WORD(read_check, enum rule_check, RULE_CHECK_LIST(RULE_ENUM_TEXT))
READ_WORD(read_form, enum rule_form, RULE_FORM_LIST(RULE_ENUM_TEXT))
READ_WORD(read_mask, enum rule_mask, RULE_MASK_LIST(RULE_ENUM_TEXT))
READ_WORD(read_severity, enum finding_severity, "info", "low", "medium", "high", "critical")

static void read_where(struct reading *r, const struct node *node, void *target)
{
	static const char *const words[] = {RULE_WHERE_LIST(RULE_ENUM_TEXT)};
	unsigned where = 0;

	if (node->kind != NODE_LIST || node->n == 0) {
		error(r, node, "where: [response, file]", "expected a list of places");
		return;
	}
	for (const struct node *item = node->first; item; item = item->next) {
		int found = find_word(r, item, words, ARRAY_SIZE(words));

		if (found >= 0)
			where |= 1u << found;
	}
	/* a wrong word is said; that there is no place is not said too */
	*(unsigned *)target = where ? where : 1u << WHERE_FILE;
}

/* --- texts ------------------------------------------------------------------------------------ */

static bool copy_text(struct reading *r, const struct node *node, char *target, size_t size)
{
	if (!is_text(r, node))
		return false;
	if (strlen(node->text) >= size) {
		error(r, node, NULL, "longer than %zu characters", size - 1);
		return false;
	}
	for (const char *p = node->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e) {
			error(r, node, "use printable ASCII", "a character that is not shown");
			return false;
		}
	}
	memcpy(target, node->text, strlen(node->text) + 1);
	return true;
}

static void read_id(struct reading *r, const struct node *node, void *target)
{
	const char *hint = "as in aws-access-key: lower case letters, digits, hyphens";
	const struct rule *other;

	if (!copy_text(r, node, target, FINDING_RULE))
		return;
	for (const char *p = node->text; *p; p++) {
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '-') {
			error(r, node, hint, "%s is no id", problem_quote(node->text).text);
			return;
		}
	}
	other = rules_find(r->rules, node->text);
	if (other)
		error(r, node, NULL, "the id %s is there already, at %s", node->text,
		      other->source);
}

static void read_control(struct reading *r, const struct node *node, void *target)
{
	const char *p = node->kind == NODE_SCALAR ? node->text : "";
	size_t letters = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	size_t digits = p[letters] == '-' ? strspn(p + letters + 1, "0123456789") : 0;

	if (!copy_text(r, node, target, FINDING_CONTROL))
		return;
	if (letters < 2 || digits != 2 || p[letters + 3])
		error(r, node, "as in REV-17", "%s is no control", problem_quote(p).text);
}

static void read_about(struct reading *r, const struct node *node, void *target)
{
	copy_text(r, node, target, RULE_ABOUT);
}

static void read_words(struct reading *r, const struct node *node, void *target)
{
	struct rule_words *words = target;

	if (node->kind != NODE_LIST || node->n == 0 || node->n > RULE_WORDS_MAX) {
		error(r, node, NULL, "expected a list of 1 to %d texts", RULE_WORDS_MAX);
		return;
	}
	words->items = calloc(node->n, sizeof(*words->items));
	for (const struct node *item = node->first; words->items && item; item = item->next) {
		if (!is_text(r, item))
			continue;
		if (strlen(item->text) > 128) {
			error(r, item, NULL, "longer than 128 bytes");
			continue;
		}
		words->items[words->n] = strdup(item->text);
		r->no_memory = r->no_memory || !words->items[words->n];
		words->n += words->items[words->n] != NULL;
	}
	r->no_memory = r->no_memory || !words->items;
}

/* Of every rule of every file: appended. */
static void read_common_words(struct reading *r, const struct node *node, void *target)
{
	struct rule_words more = {0}, *words = target;
	char **items;

	read_words(r, node, &more);
	items = realloc(words->items, (words->n + more.n + 1) * sizeof(*items));
	if (!items) {
		r->no_memory = true;
		rule_words_clear(&more);
		return;
	}
	words->items = items;
	for (size_t i = 0; i < more.n; i++)
		words->items[words->n++] = more.items[i];
	free(more.items);
}

static void read_near(struct reading *r, const struct node *node, void *target)
{
	struct rule_words *words = target;

	read_words(r, node, target);
	for (size_t i = 0; i < words->n; i++)
		if (strlen(words->items[i]) < ANCHOR_SHORT)
			error(r, node, "it is what is searched for", "%s is too short",
			      problem_quote(words->items[i]).text);
}

static void read_entropy(struct reading *r, const struct node *node, void *target)
{
	double entropy;
	char *end;

	if (node->kind == NODE_SCALAR && (node->type == SCALAR_INT || node->type == SCALAR_FLOAT)) {
		entropy = strtod(node->text, &end);
		if (!*end && isfinite(entropy) && entropy >= 0 && entropy <= 8) {
			*(double *)target = entropy;
			return;
		}
	}
	error(r, node, "hexadecimal digits have up to 4, base64 up to 6",
	      "expected bits per character, 0 to 8");
}

static void read_bool(struct reading *r, const struct node *node, void *target)
{
	if (node->kind == NODE_SCALAR && node->type == SCALAR_BOOL)
		*(bool *)target = *node->text == 't' || *node->text == 'T';
	else
		error(r, node, NULL, "expected true or false");
}

/* --- rules ------------------------------------------------------------------------------------ */

/* A rule as it is read: what shapes its patterns may stand behind them. */
struct draft {
	struct rule rule;
	const struct node *pattern, *patterns;
	bool ignore_case, part_begin, part_end;
};

static void keep_node(struct reading *r, const struct node *node, void *target)
{
	(void)r;
	*(const struct node **)target = node;
}

#define RULE(member)  offsetof(struct draft, rule.member)
#define DRAFT(member) offsetof(struct draft, member)
static const struct key rule_keys[] = {
	{"id", read_id, RULE(id)},
	{"about", read_about, RULE(about)},
	{"family", read_family, RULE(family)},
	{"control", read_control, RULE(control)},
	{"severity", read_severity, RULE(severity)},
	{"where", read_where, RULE(where)},
	{"form", read_form, RULE(form)},
	{"pattern", keep_node, DRAFT(pattern)},
	{"patterns", keep_node, DRAFT(patterns)},
	{"ignoreCase", read_bool, DRAFT(ignore_case)},
	{"openBegin", read_bool, DRAFT(part_begin)},
	{"openEnd", read_bool, DRAFT(part_end)},
	{"near", read_near, RULE(near)},
	{"keywords", read_words, RULE(keywords)},
	{"entropy", read_entropy, RULE(entropy)},
	{"check", read_check, RULE(check)},
	{"mask", read_mask, RULE(mask)},
	{"generic", read_bool, RULE(generic)},
	{"allow", read_words, RULE(allow)},
	{"allowWhole", read_words, RULE(allow_whole)},
};

#define DEFAULT(member) offsetof(struct reading, defaults.member)
static const struct key default_keys[] = {
	{"family", read_family, DEFAULT(family)},
	{"control", read_control, DEFAULT(control)},
	{"severity", read_severity, DEFAULT(severity)},
	{"where", read_where, DEFAULT(where)},
	{"entropy", read_entropy, DEFAULT(entropy)},
	{"check", read_check, DEFAULT(check)},
	{"mask", read_mask, DEFAULT(mask)},
};

static void read_map(struct reading *r, const struct node *map, const struct key *keys, size_t n,
		     void *target)
{
	for (const struct node *member = map->first; member; member = member->next) {
		struct suggestion suggestion;
		char hint[128];
		size_t i = 0;

		suggest_begin(&suggestion, member->key->text);
		while (i < n && strcmp(keys[i].name, member->key->text) != 0)
			suggest_offer(&suggestion, keys[i++].name);
		if (i == n)
			error(r, member, suggest_hint(&suggestion, hint, sizeof(hint)),
			      "there is no key %s here", problem_quote(member->key->text).text);
		else if (node_member(map, member->key->text) == member)
			keys[i].read(r, member, (char *)target + keys[i].offset);
	}
}

/* Rules with a literal, or of a long word that begins in one way, cost next to nothing; the others
 * are said. */
static void check_cost(struct reading *r, const struct node *node,
		       const struct token_pattern *pattern, const struct rule *rule)
{
	if (rule->near.n > 0 || pattern->anchor_size >= ANCHOR_SHORT || pattern->by != BY_LITERAL)
		return;
	if (pattern->anchor_size == 0)
		say(r, PROBLEM_WARNING, node,
		    "give it three or more fixed characters in a row, or `near` words",
		    "%s: the pattern has no literal: it is tried at every byte, and slows all of "
		    "it",
		    rule->id);
	else
		say(r, PROBLEM_WARNING, node,
		    "three fixed characters in a row are found far less often, and so is a begin "
		    "with "
		    "15 or more letters and digits in a row",
		    "%s: the pattern's longest literal has %u character%s", rule->id,
		    pattern->anchor_size, pattern->anchor_size == 1 ? "" : "s");
}

static void read_pattern(struct reading *r, const struct node *node, const struct draft *draft,
			 struct rule *rule)
{
	struct token_pattern *pattern = &rule->patterns[rule->n_patterns];
	const char *why;
	size_t at;

	if (!is_text(r, node))
		return;
	if (token_pattern_parse(node->text, draft->ignore_case, pattern, &at, &why) < 0) {
		error(r, node, "the language is described in user/detect/README.md",
		      "the pattern has, at character %zu, %s", at + 1, why);
		return;
	}
	pattern->open_begin = draft->part_begin;
	pattern->open_end = draft->part_end;
	token_pattern_by(pattern);
	rule->pattern_texts[rule->n_patterns] = strdup(node->text);
	if (!rule->pattern_texts[rule->n_patterns]) {
		r->no_memory = true;
		return;
	}
	rule->n_patterns++;
	check_cost(r, node, pattern, rule);
}

static void read_patterns(struct reading *r, const struct draft *draft, struct rule *rule)
{
	const struct node *list = draft->patterns;

	if (list && (list->kind != NODE_LIST || list->n > RULE_PATTERNS_MAX)) {
		error(r, list, NULL, "expected a list of at most %d patterns", RULE_PATTERNS_MAX);
		return;
	}
	rule->patterns = calloc(1 + (list ? list->n : 0), sizeof(*rule->patterns));
	rule->pattern_texts = calloc(1 + (list ? list->n : 0), sizeof(*rule->pattern_texts));
	if (!rule->patterns || !rule->pattern_texts) {
		r->no_memory = true;
		return;
	}
	if (draft->pattern)
		read_pattern(r, draft->pattern, draft, rule);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next)
		read_pattern(r, item, draft, rule);
}

static void check_rule(struct reading *r, const struct node *node, const struct draft *draft)
{
	const struct rule *rule = &draft->rule;
	bool patterns = draft->pattern || draft->patterns;

	if (!*rule->id)
		error(r, node, "id: aws-access-key", "the rule has no id");
	if (!*rule->control)
		error(r, node, "control: REV-17, here or in defaults", "the rule has no control");
	if (!*rule->about)
		error(r, node, "about: what it finds", "the rule does not say what it finds");
	if (rule->where == 0)
		error(r, node, "where: [response, file]", "the rule is for no place");
	if (rule->form == FORM_PATTERN && !patterns)
		error(r, node, "pattern: 'AKIA[A-Z2-7]{16}'", "the rule has no pattern");
	if (rule->form != FORM_PATTERN && (patterns || rule->near.n))
		error(r, node, "leave form out", "a rule of a form has no pattern and no near");
}

static void read_rule(struct reading *r, const struct node *node)
{
	struct draft draft = {.rule = r->defaults};
	struct rule *items;
	char source[256];

	if (node->kind != NODE_MAP) {
		error(r, node, NULL, "expected a rule, got %s", node_noun(node));
		return;
	}
	read_map(r, node, rule_keys, ARRAY_SIZE(rule_keys), &draft);
	read_patterns(r, &draft, &draft.rule);
	check_rule(r, node, &draft);
	snprintf(source, sizeof(source), "%s:%u", r->problems->file, node->pos.line);
	draft.rule.source = strdup(source);
	items = realloc(r->rules->items, (r->rules->n + 1) * sizeof(*items));
	if (items)
		r->rules->items = items;
	if (!items || !draft.rule.source) {
		r->no_memory = true;
		rule_clear(&draft.rule);
		return;
	}
	items[r->rules->n++] = draft.rule;
}

static void read_rules(struct reading *r, const struct node *node, void *target)
{
	size_t i = 0;

	(void)target;
	if (node->kind != NODE_LIST || node->n > RULES_MAX - r->rules->n) {
		error(r, node, NULL, "expected a list of rules, all files together at most %d",
		      RULES_MAX);
		return;
	}
	for (const struct node *item = node->first; item; item = item->next) {
		snprintf(r->prefix, sizeof(r->prefix), "rules[%zu].", i++);
		read_rule(r, item);
	}
	r->prefix[0] = 0;
}

static void read_defaults(struct reading *r, const struct node *node)
{
	if (node->kind != NODE_MAP) {
		error(r, node, NULL, "expected a map, got %s", node_noun(node));
		return;
	}
	snprintf(r->prefix, sizeof(r->prefix), "defaults.");
	read_map(r, node, default_keys, ARRAY_SIZE(default_keys), r);
	r->prefix[0] = 0;
}

/* `defaults`: before all else, wherever it stands. */
static void read_already(struct reading *r, const struct node *node, void *target)
{
	(void)r;
	(void)node;
	(void)target;
}

int rules_read_into(struct rules *rules, const char *text, size_t size, struct problems *problems)
{
	static const struct key root_keys[] = {
		{"defaults", read_already, 0},
		{"allow", read_common_words, offsetof(struct rules, allow)},
		{"allowWhole", read_common_words, offsetof(struct rules, allow_whole)},
		{"rules", read_rules, 0},
	};
	struct reading reading = {
		.problems = problems, .rules = rules, .defaults.severity = FINDING_MEDIUM};
	_cleanup_(document_freep) struct document *document = NULL;
	const struct node *root, *defaults;
	int r = document_parse(text, size, problems, &document);

	if (r < 0)
		return r;
	root = document_root(document);
	if (root->kind != NODE_MAP) {
		error(&reading, root, "rules: [...]", "expected a map, got %s", node_noun(root));
		return -EINVAL;
	}
	defaults = node_member(root, "defaults");
	if (defaults)
		read_defaults(&reading, defaults);
	read_map(&reading, root, root_keys, ARRAY_SIZE(root_keys), rules);
	if (reading.no_memory)
		return -ENOMEM;
	return problems->errors ? -EINVAL : 0;
}
