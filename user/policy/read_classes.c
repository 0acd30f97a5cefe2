/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_classes.c - spec.classes: named limits, and the names other parts refer to them by.
 */
#include "user/policy/reader.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/match.h"

#define CLASS_MATCHES_MAX 64
/* Above it a sub-window's count (20 bits) could overflow before the limit is met. */
#define CLASS_LIMIT_MAX 1000000
#define CEILING_FACTOR  20
/* A class that limits nothing still counts: in windows of a minute, if it does not say. */
#define EXEMPT_WINDOW_S 60

static const struct word per_words[] = {
	{"auto", POLICY_COUNT_AUTO},
	{"source", POLICY_COUNT_SOURCE},
	{"principal", POLICY_COUNT_PRINCIPAL},
};
static const struct word lower_words[] = {{"monitor", POLICY_MODE_MONITOR}};

bool reader_match(struct reader *r, const struct node *node)
{
	struct match_fault fault;

	if (node->kind != NODE_SCALAR || node->type != SCALAR_STRING) {
		reader_mismatch(r, node, "as in \"GET /api/v1/users\"; * is any method",
				"a method and a path");
		return false;
	}
	if (match_check(node->text, &fault) == 0)
		return true;
	reader_error(r, node, fault.hint[0] ? fault.hint : NULL, "%s", fault.message);
	return false;
}

/* struct policy_class: its match list and where each stands. */
static void read_matches(struct reader *r, const struct field *field, const struct node *node,
			 void *target)
{
	struct policy_class *cls = target;
	size_t index = 0;
	char **items;

	if (!reader_list(r, node, field->min, field->max, "a list of matches", sizeof(*items),
			 &items))
		return;
	cls->match.items = items;
	cls->match_pos = calloc(node->n + 1, sizeof(*cls->match_pos));
	if (!cls->match_pos) {
		r->no_memory = true;
		return;
	}
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);

		if (reader_match(r, item)) {
			cls->match_pos[cls->match.n] = item->pos;
			items[cls->match.n] = reader_strdup(r, item->text);
			cls->match.n += items[cls->match.n] != NULL;
		}
		reader_up(r, mark);
	}
}

#define CLASS(member) offsetof(struct policy_class, member)
static const struct field class_fields[] = {
	{"limit", read_limit, 0, NULL, 1, CLASS_LIMIT_MAX, 0},
	{"match", read_matches, 0, NULL, 0, CLASS_MATCHES_MAX, 0},
	{"exempt", read_bool, CLASS(exempt), NULL, 0, 0, 0},
	{"per", read_word, CLASS(count_by), WORDS(per_words, NULL), 0, 0, 0},
	{"sourceCeiling", read_number, CLASS(source_ceiling), NULL, 1, GL_WINDOW_COUNT_MAX, 0},
	{"mode", read_word, CLASS(mode), WORDS(lower_words, "leave it out to follow the service"),
	 0, 0, 0},
};
const struct shape shape_class = {"a class", "class", class_fields, ARRAY_SIZE(class_fields)};

/* What one key cannot know of another. */
static void check_class(struct reader *r, const struct node *node, struct policy_class *cls)
{
	uint64_t usual = (uint64_t)cls->limit * CEILING_FACTOR;
	char hint[64];

	if (!cls->exempt && !node_member(node, "limit"))
		reader_error(r, node, "as in limit: 100/15m; or exempt: true",
			     "a class needs the key \"limit\"");
	if (!cls->source_ceiling)
		cls->source_ceiling = usual < GL_WINDOW_COUNT_MAX ? usual : GL_WINDOW_COUNT_MAX;
	else if (cls->source_ceiling < cls->limit) {
		snprintf(hint, sizeof(hint), "at least the limit, %u", cls->limit);
		reader_error_at(r, node, "sourceCeiling", hint,
				"sourceCeiling %u is below the limit", cls->source_ceiling);
	}
}

static void read_class(struct reader *r, const struct node *node, struct policy_class *cls)
{
	cls->pos = node->key->pos;
	cls->window_s = EXEMPT_WINDOW_S;
	if (strlen(node->key->text) > text_name.max_bytes || !text_name.valid(node->key->text))
		reader_error(r, node->key, text_name.form, "%s is not a class name",
			     problem_quote(node->key->text).text);
	cls->name = reader_strdup(r, node->key->text);
	reader_map(r, &shape_class, node, cls);
	if (node->kind == NODE_MAP)
		check_class(r, node, cls);
}

void read_classes(struct reader *r, const struct field *field, const struct node *node,
		  void *target)
{
	struct policy *policy = target;

	if (!reader_expect(r, node, NODE_MAP, "a map of classes") || node->n > field->max) {
		if (node->kind == NODE_MAP)
			reader_error(r, node, NULL, "%zu classes; at most %u", node->n, field->max);
		r->classes_unknown = true;
		return;
	}
	policy->classes = calloc(node->n + 1, sizeof(*policy->classes));
	if (!policy->classes) {
		r->no_memory = true;
		return;
	}
	for (const struct node *member = node->first; member; member = member->next) {
		size_t mark = reader_key(r, member->key->text);

		read_class(r, member, &policy->classes[policy->n_classes++]);
		reader_up(r, mark);
	}
}

/* Of what form it must be is said where it is defined; here it only has to be found. */
static bool is_given(const char *text)
{
	return *text;
}

static const struct text_rule text_class = {
	.noun = "a class",
	.form = "the name of a class",
	.valid = is_given,
	.max_bytes = 1024,
};

void read_class_name(struct reader *r, const struct field *field, const struct node *node,
		     void *target)
{
	const struct policy *policy = r->policy;
	struct suggestion suggestion;
	char near[96];
	char **name = target;

	(void)field;
	if (!reader_text(r, &text_class, node))
		return;
	free(*name);
	*name = reader_strdup(r, node->text);
	suggest_begin(&suggestion, node->text);
	for (size_t i = 0; i < policy->n_classes; i++) {
		const char *known = policy->classes[i].name ?: "";

		if (!strcmp(known, node->text))
			return;
		suggest_offer(&suggestion, known);
	}
	if (!r->classes_unknown)
		reader_error(r, node,
			     suggest_hint(&suggestion, near, sizeof(near))
				     ?: "define it in spec.classes",
			     "class %s is not defined", problem_quote(node->text).text);
}
