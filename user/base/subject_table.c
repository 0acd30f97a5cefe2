/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/subject_table.h"

#include <errno.h>

#include "include/glacis/subjects.h"

static uint32_t *count_of(struct gl_control *control, uint32_t tag)
{
	switch (GL_SUBJECT_KIND(tag)) {
	case GL_SUBJECT_PRINCIPAL:
		return &control->revocations;
	case GL_SUBJECT_SERVICE:
		return &control->lockdowns;
	case GL_SUBJECT_GRANT_SOURCE:
	case GL_SUBJECT_GRANT_PRINCIPAL:
		return &control->grants;
	default:
		return NULL;
	}
}

static void count(struct gl_control *control, uint32_t tag, uint32_t by)
{
	uint32_t *kind = count_of(control, tag);

	if (kind)
		__atomic_fetch_add(kind, by, __ATOMIC_RELEASE);
	__atomic_fetch_add(&control->subjects, by, __ATOMIC_RELEASE);
}

void subject_table_open(struct subject_table *table, struct gl_subject *slots,
			struct gl_control *control)
{
	struct gl_control counted = {};

	table->slots = slots;
	table->control = control;
	for (uint32_t i = 0; i < GL_SUBJECT_SLOTS; i++)
		if (slots[i].tag)
			count(&counted, slots[i].tag, 1);
	control->revocations = counted.revocations;
	control->lockdowns = counted.lockdowns;
	control->grants = counted.grants;
	control->subjects = counted.subjects;
}

/* Where it is, or could be: the first free slot of its set; NULL: no room. */
static struct gl_subject *slot_of(const struct subject_table *table, const struct subject_key *key,
				  bool *ret_there)
{
	struct gl_subject *set = &table->slots[subjects_set(key->tag, key->subject)], *room = NULL;

	*ret_there = false;
	for (uint32_t i = 0; i < GL_SUBJECT_WAYS; i++) {
		if (set[i].tag == key->tag && set[i].subject == key->subject) {
			*ret_there = true;
			return &set[i];
		}
		if (!set[i].tag && !room)
			room = &set[i];
	}
	return room;
}

int subject_table_put(struct subject_table *table, const struct subject_key *key,
		      uint64_t expires_ns, uint32_t decision)
{
	bool there;
	struct gl_subject *slot = slot_of(table, key, &there);

	if (!slot)
		return -ENOSPC;
	if (!there) {
		count(table->control, key->tag, 1);
		slot->subject = key->subject;
		slot->hits = 0;
	}
	slot->decision = decision;
	__atomic_store_n(&slot->value, key->value, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->expires_ns, expires_ns, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->tag, key->tag, __ATOMIC_RELEASE);
	return 0;
}

static void clear(struct subject_table *table, struct gl_subject *slot)
{
	uint32_t tag = slot->tag;

	__atomic_store_n(&slot->tag, 0, __ATOMIC_RELEASE);
	count(table->control, tag, -1u);
}

int subject_table_remove(struct subject_table *table, const struct subject_key *key)
{
	bool there;
	struct gl_subject *slot = slot_of(table, key, &there);

	if (!there)
		return -ENOENT;
	clear(table, slot);
	return 0;
}

const struct gl_subject *subject_table_find(const struct subject_table *table,
					    const struct subject_key *key)
{
	bool there;
	const struct gl_subject *slot = slot_of(table, key, &there);

	return there ? slot : NULL;
}

size_t subject_table_expire(struct subject_table *table, uint64_t now_ns)
{
	size_t n = 0;

	for (uint32_t i = 0; i < GL_SUBJECT_SLOTS; i++) {
		if (!table->slots[i].tag || now_ns < table->slots[i].expires_ns)
			continue;
		clear(table, &table->slots[i]);
		n++;
	}
	return n;
}
