/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_text.c - strings and lists of strings, each kind by its rule.
 */
#include "user/policy/reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/scalar.h"

static bool is_name(const char *text)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(text);

	if (!len || text[strspn(text, inner)])
		return false;
	return isalnum((unsigned char)text[0]) && isalnum((unsigned char)text[len - 1]);
}

/* RFC 9110 section 5.6.2: what header and cookie names are made of. */
static bool is_token(const char *text)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789!#$%&'*+-.^_`|~";

	return *text && !text[strspn(text, token)];
}

/* Headers the head parser acts on: as an API key they would lose that meaning. */
static bool is_known_header(const char *text)
{
#define HEADER_NAME(value, name) name,
	static const char *const known[] = {GL_HEADER_LIST(HEADER_NAME)};
#undef HEADER_NAME

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcasecmp(text, known[i]))
			return true;
	return false;
}

static bool is_printable(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

const struct text_rule text_name = {
	.noun = "a name",
	.form = "1 to 63 of a-z, 0-9, -, _ and ., with a letter or digit at both ends",
	.valid = is_name,
	.max_bytes = POLICY_NAME_MAX,
};
const struct text_rule text_label = {
	.noun = "a text",
	.form = "1 to 128 bytes without control characters",
	.valid = is_printable,
	.max_bytes = 128,
};
const struct text_rule text_cookie = {
	.noun = "a cookie name",
	.form = "1 to 63 letters, digits and !#$%&'*+-.^_`|~",
	.valid = is_token,
	.max_bytes = POLICY_NAME_MAX,
	.lower = true,
};
const struct text_rule text_header = {
	.noun = "a header name",
	.form = "1 to 63 letters, digits and !#$%&'*+-.^_`|~",
	.valid = is_token,
	.max_bytes = POLICY_NAME_MAX,
	.lower = true,
	.reserved = is_known_header,
};
/* text_header is one that carries a credential; this is any. */
const struct text_rule text_field = {
	.noun = "a header name",
	.form = "1 to 63 letters, digits and !#$%&'*+-.^_`|~",
	.valid = is_token,
	.max_bytes = POLICY_NAME_MAX,
	.lower = true,
};
const struct text_rule text_any = {
	.noun = "a text",
	.form = "1 to 1024 bytes without control characters",
	.valid = is_printable,
	.max_bytes = 1024,
};

bool reader_text(struct reader *r, const struct text_rule *rule, const struct node *node)
{
	char hint[128];

	if (node->kind == NODE_SCALAR && node->type != SCALAR_STRING && node->type != SCALAR_NULL) {
		snprintf(hint, sizeof(hint), "write it in quotes: %s",
			 problem_quote(node->text).text);
		reader_mismatch(r, node, hint, rule->noun);
		return false;
	}
	if (node->kind != NODE_SCALAR || node->type == SCALAR_NULL) {
		reader_mismatch(r, node, NULL, rule->noun);
		return false;
	}
	if (strlen(node->text) > rule->max_bytes || !rule->valid(node->text)) {
		reader_error(r, node, rule->form, "%s is not %s", problem_quote(node->text).text,
			     rule->noun);
		return false;
	}
	if (rule->reserved && rule->reserved(node->text)) {
		reader_error(r, node, "glacis reads this header itself; name another",
			     "%s cannot carry a credential of its own",
			     problem_quote(node->text).text);
		return false;
	}
	return true;
}

static char *keep(struct reader *r, const struct text_rule *rule, const char *text)
{
	char *copy = reader_strdup(r, text);

	for (char *c = copy; rule->lower && c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

void read_text(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	const struct text_rule *rule = field->arg;
	char **text = target;

	if (!reader_text(r, rule, node))
		return;
	free(*text);
	*text = keep(r, rule, node->text);
}

void check_text(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	(void)target;
	reader_text(r, field->arg, node);
}

/* The index of the first equal text before n, or n. */
static size_t find_text(const struct policy_strings *strings, const char *text)
{
	size_t i = 0;

	while (i < strings->n && strcmp(strings->items[i], text))
		i++;
	return i;
}

static void clear(struct policy_strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct policy_strings){0};
}

void read_texts(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	const struct text_rule *rule = field->arg;
	struct policy_strings *strings = target;
	size_t index = 0;
	char **items;

	if (!reader_list(r, node, field->min, field->max, "a list of texts", sizeof(*items),
			 &items))
		return;
	clear(strings); /* the default */
	strings->items = items;
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);
		char *text = reader_text(r, rule, item) ? keep(r, rule, item->text) : NULL;

		if (text && find_text(strings, text) < strings->n)
			reader_error(r, item, "remove one of them", "%s is listed twice",
				     problem_quote(text).text);
		else if (text)
			items[strings->n++] = TAKE_PTR(text);
		free(text);
		reader_up(r, mark);
	}
}

void reader_copy_texts(struct reader *r, const struct policy_strings *from,
		       struct policy_strings *to)
{
	*to = (struct policy_strings){0};
	if (!from->n)
		return;
	to->items = calloc(from->n, sizeof(*to->items));
	if (!to->items) {
		r->no_memory = true;
		return;
	}
	for (; to->n < from->n; to->n++)
		to->items[to->n] = reader_strdup(r, from->items[to->n]);
}
