/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subjects_store.c - decisions about subjects as rows of the store, and back at start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/subjects_private.h"

#define ADOPTED_REASON "in force when this agent started; why is not known"
#define DETAIL_MARK    '\t' /* between subject and detail, in one column */

/* ---------------------------------------------------------------------------------------------
 * Into the store
 */
static int put_row(struct subjects *s, const struct subject *item, const char *boot_id,
		   struct clock_now now)
{
	_cleanup_free_ char *subject = NULL;
	struct store_decision row = {
		.id = item->id,
		.kind = subject_kind_name(item->kind),
		.verdict = subject_verdict(item->kind),
		.origin = item->origin,
		.reason = item->reason,
		.boot_id = boot_id,
		.created_ns = item->created_wall_ns,
		.expires_ns = now.wall_ns + (int64_t)(item->expires_boot_ns - now.boot_ns),
		.expires_boot_ns = item->expires_boot_ns,
	};

	if (asprintf(&subject, "%s%s%s", item->text, *item->detail ? "\t" : "", item->detail) < 0) {
		subject = NULL;
		return -ENOMEM;
	}
	row.subject = subject;
	return store_put_decision(s->parts.store, &row);
}

static void all_unstored(struct subjects *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->items[i]->stored = false;
	s->dirty = true;
	s->epoch = store_epoch(s->parts.store);
}

int subjects_save(struct subjects *subjects, const char *boot_id, struct clock_now now)
{
	struct subjects *s = subjects;
	int r;

	if (s->epoch != store_epoch(s->parts.store))
		all_unstored(s);
	if (!s->dirty)
		return 0;
	r = store_begin(s->parts.store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n && r == 0; i++)
		if (!s->items[i]->stored)
			r = put_row(s, s->items[i], boot_id, now);
	for (size_t i = 0; i < s->n_gone && r == 0; i++)
		r = store_remove_decision(s->parts.store, s->gone[i]);
	r = store_commit(s->parts.store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n; i++)
		s->items[i]->stored = true;
	s->n_gone = 0;
	s->dirty = false;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * And back
 */
struct reading {
	struct subjects *subjects;
	const char *boot_id;
	struct clock_now now;
	bool adopted;
	int result;
};

static uint64_t expiry_of(const struct reading *reading, const struct store_decision *row)
{
	struct clock_now now = reading->now;

	if (*reading->boot_id && strcmp(row->boot_id, reading->boot_id) == 0)
		return row->expires_boot_ns;
	return row->expires_ns > now.wall_ns
		       ? now.boot_ns + (uint64_t)(row->expires_ns - now.wall_ns)
		       : 0;
}

/* Adopted: is it what the table holds? What it does not hold was ended before the row was. */
static bool is_in_force(struct subjects *s, struct subject *item)
{
	for (unsigned i = 0; i < item->n_keys; i++) {
		const struct gl_subject *slot = subject_table_find(&s->table, &item->keys[i]);

		if (!slot || slot->decision != item->id)
			return false;
		item->keys[i].value = slot->value;
		item->expires_boot_ns = slot->expires_ns;
	}
	return true;
}

static int restore(const struct reading *reading, const struct store_decision *row, int kind)
{
	struct subjects *s = reading->subjects;
	_cleanup_free_ char *text = strdup(row->subject);
	struct subject_resolved resolved;
	struct subject *item;
	struct subject_ask ask = {.kind = (enum subject_kind)kind, .text = text};
	char *mark;
	int r;

	if (!text)
		return -ENOMEM;
	mark = strchr(text, DETAIL_MARK);
	if (mark)
		*mark = '\0';
	ask.detail = mark ? mark + 1 : NULL;
	ask.origin = row->origin;
	ask.reason = row->reason;
	if (strcmp(row->verdict, subject_verdict(ask.kind)) != 0 ||
	    subject_resolve(ask.kind, text, ask.detail, s->parts.names(s->parts.userdata), true,
			    &resolved) < 0)
		return -EBADMSG;
	item = subject_new(&ask, row->id, reading->now);
	if (!item)
		return -ENOMEM;
	item->created_wall_ns = row->created_ns;
	item->expires_boot_ns = expiry_of(reading, row);
	memcpy(item->keys, resolved.keys, sizeof(item->keys));
	item->n_keys = resolved.n_keys;
	if (item->expires_boot_ns <= reading->now.boot_ns ||
	    (reading->adopted && !is_in_force(s, item))) {
		subject_free(item);
		return 0;
	}
	if (!reading->adopted) {
		r = subjects_enforce(s, &resolved, item->kind, item->expires_boot_ns, item->id,
				     NULL);
		memcpy(item->keys, resolved.keys, sizeof(item->keys));
		if (r < 0) {
			subject_free(item);
			return r;
		}
	}
	r = subjects_append(s, item);
	if (r < 0)
		subject_free(item);
	return r;
}

static void take_row(const struct store_decision *row, void *userdata)
{
	struct reading *reading = userdata;
	int kind = subject_kind_find(row->kind), r;

	if (kind < 0)
		return; /* decisions_store.c's */
	r = restore(reading, row, kind);
	if (r < 0)
		reading->result = r;
}

/* An entry that no row explains stays in force as long as it was meant to. */
static int adopt_unexplained(struct subjects *s, struct gl_subject *slot, struct clock_now now)
{
	char text[SUBJECT_TEXT];
	struct subject_ask ask = {.text = text, .origin = "adopted", .reason = ADOPTED_REASON};
	struct subject_key key = {.subject = slot->subject, .tag = slot->tag, .value = slot->value};
	struct subject *item;
	int r;

	if (!subject_describe(slot, s->parts.names(s->parts.userdata), &ask.kind, text)) {
		subject_table_remove(&s->table, &key);
		return 0;
	}
	item = subject_new(&ask, slot->decision, now);
	if (!item)
		return -ENOMEM;
	item->expires_boot_ns = slot->expires_ns;
	item->keys[0] = key;
	item->n_keys = 1;
	r = subjects_append(s, item);
	if (r < 0)
		subject_free(item);
	return r < 0 ? r : -EBADMSG;
}

static int adopt(struct subjects *s, struct clock_now now)
{
	int result = 0;

	for (uint32_t i = 0; i < GL_SUBJECT_SLOTS; i++) {
		struct gl_subject *slot = &s->table.slots[i];

		if (!slot->tag || GL_SUBJECT_KIND(slot->tag) == GL_SUBJECT_SUSPENDED_IN ||
		    slot->expires_ns <= now.boot_ns || subjects_by_id(s, slot->decision))
			continue;
		int r = adopt_unexplained(s, slot, now);

		if (r < 0)
			result = r;
	}
	return result;
}

int subjects_restore(struct subjects *subjects, bool adopted, const char *boot_id,
		     struct clock_now now)
{
	struct subjects *s = subjects;
	struct reading reading = {
		.subjects = s, .boot_id = boot_id, .now = now, .adopted = adopted};
	int r;

	if (!store_trouble(s->parts.store))
		store_each_decision(s->parts.store, take_row, &reading);
	r = adopted ? adopt(s, now) : 0;
	for (size_t i = 0; i < s->n; i++)
		decisions_seen_id(s->parts.decisions, s->items[i]->id);
	subjects_refollow(s);
	all_unstored(s);
	if (r == 0)
		r = reading.result;
	return r < 0 ? r : (int)s->n;
}
