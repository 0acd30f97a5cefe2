/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/subjects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/subjects_private.h"

const char *subject_kind_name(enum subject_kind kind)
{
#define NAME(value, text, verdict) [value] = text,
	static const char *const names[] = {SUBJECT_KIND_LIST(NAME)};

	return names[kind];
}

const char *subject_verdict(enum subject_kind kind)
{
#define VERDICT(value, text, verdict) [value] = verdict,
	static const char *const verdicts[] = {SUBJECT_KIND_LIST(VERDICT)};

	return verdicts[kind];
}

int subject_kind_find(const char *name)
{
	for (int kind = 0; kind < SUBJECT_KINDS; kind++)
		if (strcmp(name, subject_kind_name((enum subject_kind)kind)) == 0)
			return kind;
	return -ENOENT;
}

void subject_free(struct subject *subject)
{
	if (!subject)
		return;
	free(subject->text);
	free(subject->detail);
	free(subject);
}

int subjects_new(const struct subjects_parts *parts, struct subjects **ret_subjects)
{
	struct subjects *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->parts = *parts;
	s->epoch = store_epoch(parts->store);
	subject_table_open(&s->table, parts->slots, parts->control);
	*ret_subjects = s;
	return 0;
}

void subjects_free(struct subjects *subjects)
{
	if (!subjects)
		return;
	for (size_t i = 0; i < subjects->n; i++)
		subject_free(subjects->items[i]);
	free(subjects->items);
	free(subjects->gone);
	free(subjects);
}

/* ---------------------------------------------------------------------------------------------
 * The list
 */
size_t subjects_count(const struct subjects *subjects)
{
	return subjects->n;
}

const struct subject *subjects_at(const struct subjects *subjects, size_t i)
{
	return i < subjects->n ? subjects->items[i] : NULL;
}

static struct subject *by_id(const struct subjects *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i]->id == id)
			return s->items[i];
	return NULL;
}

const struct subject *subjects_by_id(const struct subjects *subjects, uint32_t id)
{
	return by_id(subjects, id);
}

/* Hashes are words of fixed length: no one is part of another. */
static bool is_about(const struct subject *item, enum subject_kind kind, const char *text)
{
	if (item->kind != kind)
		return false;
	if (kind == SUBJECT_PRINCIPAL)
		return *text && (strstr(item->text, text) || strstr(item->detail, text));
	return strcmp(item->text, text) == 0;
}

static struct subject *by_text(const struct subjects *s, enum subject_kind kind, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_about(s->items[i], kind, text))
			return s->items[i];
	return NULL;
}

const struct subject *subjects_by_text(const struct subjects *subjects, enum subject_kind kind,
				       const char *text)
{
	return by_text(subjects, kind, text);
}

uint64_t subjects_hits(const struct subjects *subjects, const struct subject *subject)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < subject->n_keys; i++) {
		const struct gl_subject *slot =
			subject_table_find(&subjects->table, &subject->keys[i]);

		hits += slot ? slot->hits : 0;
	}
	return hits;
}

int subjects_append(struct subjects *s, struct subject *item)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct subject **grown = reallocarray(s->items, room, sizeof(struct subject *));

		if (!grown)
			return -ENOMEM;
		s->items = grown;
		s->room = room;
	}
	s->items[s->n++] = item;
	return 0;
}

/* Without memory for it the row stays until it has expired by itself. */
static void note_gone(struct subjects *s, uint32_t id)
{
	uint32_t *grown = reallocarray(s->gone, s->n_gone + 1, sizeof(*grown));

	if (!grown)
		return;
	s->gone = grown;
	s->gone[s->n_gone++] = id;
}

/* ---------------------------------------------------------------------------------------------
 * In force
 */

/* A service with suspended operations: its ambiguous paths are held until the last one resumes. */
static void follow_suspensions(struct subjects *s, const char *operation)
{
	struct intern *names = s->parts.names(s->parts.userdata);
	int service = subject_service_of(names, operation, true);
	struct subject_key key = {
		.tag = GL_SUBJECT_TAG(GL_SUBJECT_SUSPENDED_IN, 0),
		.subject = (uint64_t)service,
	};
	uint64_t last_ns = 0;

	if (!service)
		return;
	for (size_t i = 0; i < s->n; i++) {
		const struct subject *item = s->items[i];

		if (item->kind == SUBJECT_OPERATION && item->expires_boot_ns > last_ns &&
		    subject_service_of(names, item->text, true) == service)
			last_ns = item->expires_boot_ns;
	}
	if (last_ns)
		subject_table_put(&s->table, &key, last_ns, 0);
	else
		subject_table_remove(&s->table, &key);
}

void subjects_refollow(struct subjects *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i]->kind == SUBJECT_OPERATION)
			follow_suspensions(s, s->items[i]->text);
}

static int note_network(const struct prefix_table_entry *entry, void *userdata)
{
	struct prefix_table_entry *ret_entry = userdata;

	*ret_entry = *entry;
	return -EEXIST; /* one is enough */
}

void subjects_clear_networks(struct subjects *s, uint32_t set)
{
	struct prefix_table *table = decisions_table(s->parts.decisions);
	struct prefix_table_entry entry;

	while (prefix_table_foreach(table, set, note_network, &entry) == -EEXIST)
		if (prefix_table_remove(table, set, &entry.addr, entry.len) < 0)
			return;
}

/* -EMFILE: every set is some lockdown's. */
static int free_set(const struct subjects *s, uint32_t *ret_set)
{
	for (uint32_t set = GL_SET_LOCKDOWN; set < GL_DECISION_SETS; set++) {
		bool used = false;

		for (size_t i = 0; i < s->n && !used; i++)
			used = s->items[i]->kind == SUBJECT_SERVICE && s->items[i]->n_keys &&
			       s->items[i]->keys[0].value == set;
		if (!used) {
			*ret_set = set;
			return 0;
		}
	}
	return -EMFILE;
}

/* The networks are there before the service is locked down to them. */
static int put_networks(struct subjects *s, struct subject_resolved *r, uint32_t id)
{
	struct prefix_table *table = decisions_table(s->parts.decisions);
	uint32_t set = 0;
	int err = free_set(s, &set);

	if (err < 0)
		return err;
	subjects_clear_networks(s, set);
	for (unsigned i = 0; i < r->n_networks && err == 0; i++)
		err = prefix_table_insert(table, set, &r->networks[i].addr, r->networks[i].len, 0,
					  id);
	if (err < 0)
		subjects_clear_networks(s, set);
	else
		r->keys[0].value = set;
	return err;
}

static void remove_keys(struct subjects *s, const struct subject_key *keys, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		subject_table_remove(&s->table, &keys[i]);
}

static bool has_key(const struct subject_key *keys, unsigned n, const struct subject_key *key)
{
	for (unsigned i = 0; i < n; i++)
		if (keys[i].tag == key->tag && keys[i].subject == key->subject)
			return true;
	return false;
}

int subjects_enforce(struct subjects *s, struct subject_resolved *r, enum subject_kind kind,
		     uint64_t expires_ns, uint32_t id, const struct subject *was)
{
	int err = kind == SUBJECT_SERVICE ? put_networks(s, r, id) : 0;

	if (err < 0)
		return err;
	for (unsigned i = 0; i < r->n_keys && err == 0; i++) {
		err = subject_table_put(&s->table, &r->keys[i], expires_ns, id);
		/* what was there before stays as it was */
		for (unsigned j = 0; err < 0 && j < i; j++)
			if (!was || !has_key(was->keys, was->n_keys, &r->keys[j]))
				subject_table_remove(&s->table, &r->keys[j]);
	}
	if (err < 0 && kind == SUBJECT_SERVICE)
		subjects_clear_networks(s, r->keys[0].value);
	return err;
}

/* What an entry had and its successor has not. */
static void end_remains(struct subjects *s, const struct subject *was,
			const struct subject_resolved *r)
{
	for (unsigned i = 0; i < was->n_keys; i++)
		if (!has_key(r->keys, r->n_keys, &was->keys[i]))
			subject_table_remove(&s->table, &was->keys[i]);
	if (was->kind == SUBJECT_SERVICE && was->n_keys)
		subjects_clear_networks(s, was->keys[0].value);
}

static void end(struct subjects *s, const struct subject *item)
{
	remove_keys(s, item->keys, item->n_keys);
	if (item->kind == SUBJECT_SERVICE && item->n_keys)
		subjects_clear_networks(s, item->keys[0].value);
}

/* ---------------------------------------------------------------------------------------------
 * Changing
 */
struct subject *subject_new(const struct subject_ask *ask, uint32_t id, struct clock_now now)
{
	struct subject *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->id = id;
	item->kind = ask->kind;
	item->text = strdup(ask->text);
	item->detail = strdup(ask->detail ? ask->detail : "");
	item->created_wall_ns = now.wall_ns;
	item->expires_boot_ns = now.boot_ns + ask->ttl_s * CLOCK_NS_PER_S;
	snprintf(item->origin, sizeof(item->origin), "%s", ask->origin);
	snprintf(item->reason, sizeof(item->reason), "%s", ask->reason ? ask->reason : "");
	if (item->text && item->detail)
		return item;
	subject_free(item);
	return NULL;
}

static int check(const struct subjects *s, const struct subject_ask *ask,
		 struct subject_resolved *ret_resolved)
{
	if (ask->ttl_s == 0 || ask->ttl_s > DECISION_TTL_MAX_S)
		return -ERANGE;
	if (strlen(ask->text) >= SUBJECT_TEXT ||
	    (ask->detail && strlen(ask->detail) >= SUBJECT_TEXT))
		return -EINVAL;
	return subject_resolve(ask->kind, ask->text, ask->detail, s->parts.names(s->parts.userdata),
			       false, ret_resolved);
}

int subjects_try(struct subjects *subjects, const struct subject_ask *ask)
{
	struct subject_resolved resolved;
	uint32_t set;
	int r = check(subjects, ask, &resolved);

	return r < 0 || ask->kind != SUBJECT_SERVICE ? r : free_set(subjects, &set);
}

static void replace(struct subjects *s, struct subject *was, struct subject *item,
		    const struct subject_resolved *resolved)
{
	end_remains(s, was, resolved);
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i] == was)
			s->items[i] = item;
	subject_free(was);
}

/* The one there is for the subject: of a credential, for any of its hashes. */
static struct subject *predecessor(const struct subjects *s, const struct subject_ask *ask,
				   const struct subject_resolved *resolved)
{
	if (ask->kind != SUBJECT_PRINCIPAL)
		return by_text(s, ask->kind, ask->text);
	for (size_t i = 0; i < s->n; i++)
		for (unsigned k = 0; k < resolved->n_keys; k++)
			if (s->items[i]->kind == SUBJECT_PRINCIPAL &&
			    has_key(s->items[i]->keys, s->items[i]->n_keys, &resolved->keys[k]))
				return s->items[i];
	return NULL;
}

/* All hashes of both, the older first, as far as they fit; they are 16 digits and a space each. */
static void join_hashes(const struct subject *was, const struct subject_ask *ask,
			char detail[SUBJECT_TEXT])
{
	char added[SUBJECT_TEXT * 2];
	size_t used;

	snprintf(detail, SUBJECT_TEXT, "%s", was->detail);
	snprintf(added, sizeof(added), "%s %s", ask->text, ask->detail ? ask->detail : "");
	used = strlen(detail);
	for (const char *hash = added; strlen(hash) >= 16; hash += 16 + (hash[16] == ' ')) {
		char one[17];

		snprintf(one, sizeof(one), "%.16s", hash);
		if (!strstr(was->text, one) && !strstr(detail, one) &&
		    used + 18 < (SUBJECT_KEYS - 1) * 17 + 1)
			used += (size_t)snprintf(detail + used, SUBJECT_TEXT - used, "%s%s",
						 used ? " " : "", one);
	}
}

int subjects_put(struct subjects *subjects, const struct subject_ask *ask, struct clock_now now,
		 const struct subject **ret_subject)
{
	struct subjects *s = subjects;
	struct subject_resolved resolved;
	struct subject *was, *item;
	struct subject_ask joined = *ask;
	char detail[SUBJECT_TEXT];
	int r = check(s, ask, &resolved);

	if (r < 0)
		return r;
	was = predecessor(s, ask, &resolved);
	if (was && ask->kind == SUBJECT_PRINCIPAL) {
		join_hashes(was, ask, detail);
		joined.text = was->text;
		joined.detail = detail;
		ask = &joined;
		r = check(s, ask, &resolved);
		if (r < 0)
			return r;
	}
	item = subject_new(ask, was ? was->id : decisions_take_id(s->parts.decisions), now);
	if (!item)
		return -ENOMEM;
	r = subjects_enforce(s, &resolved, ask->kind, item->expires_boot_ns, item->id, was);
	memcpy(item->keys, resolved.keys, sizeof(item->keys));
	item->n_keys = resolved.n_keys;
	if (r == 0 && was)
		replace(s, was, item, &resolved);
	else if (r == 0)
		r = subjects_append(s, item);
	if (r < 0) {
		if (!was && item->n_keys && subject_table_find(&s->table, &item->keys[0]))
			end(s, item);
		subject_free(item);
		return r;
	}
	if (ask->kind == SUBJECT_OPERATION)
		follow_suspensions(s, item->text);
	s->dirty = true;
	if (ret_subject)
		*ret_subject = item;
	return 0;
}

static void forget(struct subjects *s, struct subject *item)
{
	note_gone(s, item->id);
	end(s, item);
	for (size_t i = 0; i < s->n; i++) {
		if (s->items[i] != item)
			continue;
		memmove(&s->items[i], &s->items[i + 1], (s->n - i - 1) * sizeof(struct subject *));
		s->n--;
		break;
	}
	if (item->kind == SUBJECT_OPERATION)
		follow_suspensions(s, item->text);
	s->dirty = true;
	subject_free(item);
}

int subjects_remove(struct subjects *subjects, uint32_t id)
{
	struct subject *item = by_id(subjects, id);

	if (!item)
		return -ENOENT;
	forget(subjects, item);
	return 0;
}

int subjects_sweep(struct subjects *subjects, struct clock_now now,
		   void (*fn)(const struct subject *subject, void *userdata), void *userdata)
{
	int n = 0;

	for (size_t i = subjects->n; i-- > 0;) {
		struct subject *item = subjects->items[i];

		if (now.boot_ns < item->expires_boot_ns)
			continue;
		if (fn)
			fn(item, userdata);
		forget(subjects, item);
		n++;
	}
	return n;
}
