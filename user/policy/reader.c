/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.c - walks shapes over nodes: paths, unknown and missing keys, lists. It knows no key by
 * name; those stand in the tables of read.c and read_*.c.
 */
#include "user/policy/reader.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

static size_t push(struct reader *r, const char *text)
{
	size_t mark = r->path_len, len = strlen(text);

	if (len >= sizeof(r->path) - mark)
		len = sizeof(r->path) - mark - 1;
	memcpy(r->path + mark, text, len);
	r->path_len = mark + len;
	r->path[r->path_len] = '\0';
	return mark;
}

/* ".key", or ["odd key"]: the keys of `classes` are the author's. */
size_t reader_key(struct reader *r, const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";
	char text[128];

	if (*key && strlen(key) < 64 && !key[strspn(key, plain)])
		snprintf(text, sizeof(text), "%s%s", r->path_len ? "." : "", key);
	else
		snprintf(text, sizeof(text), "[%s]", problem_quote(key).text);
	return push(r, text);
}

size_t reader_index(struct reader *r, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "[%zu]", index);
	return push(r, text);
}

void reader_up(struct reader *r, size_t mark)
{
	r->path_len = mark;
	r->path[mark] = '\0';
}

void reader_error(struct reader *r, const struct node *at, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_addv(r->problems, PROBLEM_ERROR, at->pos.line, at->pos.column, r->path, hint, fmt,
		      ap);
	va_end(ap);
}

void reader_error_at(struct reader *r, const struct node *map, const char *key, const char *hint,
		     const char *fmt, ...)
{
	const struct node *at = node_member(map, key);
	size_t mark = reader_key(r, key);
	va_list ap;

	va_start(ap, fmt);
	problems_addv(r->problems, PROBLEM_ERROR, at->pos.line, at->pos.column, r->path, hint, fmt,
		      ap);
	va_end(ap);
	reader_up(r, mark);
}

void reader_mismatch(struct reader *r, const struct node *node, const char *hint, const char *what)
{
	if (node->kind != NODE_SCALAR)
		reader_error(r, node, hint, "expected %s, got %s", what, node_noun(node));
	else if (node->type == SCALAR_NULL)
		reader_error(r, node, hint ?: "give it a value, or remove the key",
			     "expected %s, got nothing", what);
	else
		reader_error(r, node, hint, "expected %s, got %s %s", what, node_noun(node),
			     problem_quote(node->text).text);
}

void reader_note(struct reader *r, const struct node *at, const void *id, const char *fmt, ...)
{
	struct reader_note *note;
	va_list ap;

	for (size_t i = 0; i < r->n_notes; i++) {
		if (r->notes[i].id == id) {
			r->notes[i].places++;
			return;
		}
	}
	if (r->n_notes == READER_NOTES_MAX)
		return;
	note = &r->notes[r->n_notes++];
	*note = (struct reader_note){.id = id, .pos = at->pos, .places = 1};
	note->path = reader_strdup(r, r->path);
	va_start(ap, fmt);
	vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

void reader_flush_notes(struct reader *r)
{
	for (size_t i = 0; i < r->n_notes; i++) {
		struct reader_note *note = &r->notes[i];
		char places[64] = "";

		if (note->places > 1)
			snprintf(places, sizeof(places), " (%zu places, the first is here)",
				 note->places);
		problems_add(r->problems, PROBLEM_WARNING, note->pos.line, note->pos.column,
			     note->path, NULL, "%s%s", note->text, places);
		free(note->path);
	}
	r->n_notes = 0;
}

bool reader_expect(struct reader *r, const struct node *node, enum node_kind kind, const char *what)
{
	if (node->kind == kind)
		return true;
	reader_mismatch(r, node, NULL, what);
	return false;
}

static const struct field *find_field(const struct shape *shape, const char *key)
{
	for (size_t i = 0; i < shape->n_fields; i++)
		if (!strcmp(shape->fields[i].key, key))
			return &shape->fields[i];
	return NULL;
}

static void unknown_key(struct reader *r, const struct shape *shape, const struct node *key)
{
	struct suggestion suggestion;
	char near[96], all[256];
	size_t len = 0;

	suggest_begin(&suggestion, key->text);
	len += snprintf(all, sizeof(all), "%s has", shape->noun);
	for (size_t i = 0; i < shape->n_fields && len < sizeof(all); i++) {
		suggest_offer(&suggestion, shape->fields[i].key);
		len += snprintf(all + len, sizeof(all) - len, "%s %s", i ? "," : "",
				shape->fields[i].key);
	}
	if (!strcmp(key->text, "<<"))
		reader_error(r, key, "write the keys out", "merge keys (<<) are not read");
	else
		reader_error(r, key, suggest_hint(&suggestion, near, sizeof(near)) ?: all,
			     "unknown key %s", problem_quote(key->text).text);
}

void reader_map(struct reader *r, const struct shape *shape, const struct node *node, void *target)
{
	char what[64];

	snprintf(what, sizeof(what), "a map (%s)", shape->noun);
	if (!reader_expect(r, node, NODE_MAP, what))
		return;
	for (const struct node *member = node->first; member; member = member->next)
		if (!find_field(shape, member->key->text))
			unknown_key(r, shape, member->key);
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct field *field = &shape->fields[i];
		const struct node *member = node_member(node, field->key);
		size_t mark;

		if (!member) {
			if (field->flags & FIELD_REQUIRED)
				reader_error(r, node, NULL, "%s needs the key \"%s\"", shape->noun,
					     field->key);
			continue;
		}
		mark = reader_key(r, field->key);
		if (field->flags & FIELD_UNENFORCED)
			reader_note(r, member->key, field,
				    "\"%s\" is accepted, not enforced by this version", field->key);
		field->read(r, field, member, (char *)target + field->offset);
		reader_up(r, mark);
	}
}

void read_shape(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	reader_map(r, field->arg, node, target);
}

bool reader_list(struct reader *r, const struct node *node, uint32_t min, uint32_t max,
		 const char *what, size_t size, void *ret_items)
{
	char hint[64];
	void *items;

	if (!reader_expect(r, node, NODE_LIST, what))
		return false;
	if (node->n < min || node->n > max) {
		snprintf(hint, sizeof(hint), "use %u to %u", min, max);
		reader_error(r, node, hint, "%zu items in a list", node->n);
		return false;
	}
	items = calloc(node->n + 1, size);
	if (!items) {
		r->no_memory = true;
		return false;
	}
	*(void **)ret_items = items;
	return true;
}

char *reader_strdup(struct reader *r, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		r->no_memory = true;
	return copy;
}
