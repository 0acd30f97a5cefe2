/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_adopt.c - takes a prefix table over from an earlier writer, who may have been killed in
 * the middle of any change, while readers go on looking up in it.
 *
 * What can be found from its home is an entry; what cannot was not finished, or was going. Markers,
 * `best` and `parent` follow from the entries: they are held against what they should be, and only
 * what differs is written, so adopting a table left in order changes nothing in it.
 */
#include "user/base/prefix_private.h"

#include <errno.h>

#include "include/glacis/prefix.h"

#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

static bool is_valid(const struct prefix_table *table, uint32_t slot)
{
	const struct gl_prefix_slot *s = &table->slots[slot];
	struct prefix_key key;

	if (s->state != GL_PREFIX_REAL && s->state != GL_PREFIX_MARKER)
		return false;
	if (s->version & 1 || s->set >= table->n_sets || s->len > 128)
		return false;
	key = prefix_key_at(table, slot);
	return key.addr.q[0] == s->addr.q[0] && key.addr.q[1] == s->addr.q[1];
}

/* Keeps of a home's hops those that lead to an entry hashed there, each once, rightly tagged. */
static void mend_hops(struct prefix_table *table, uint32_t home)
{
	struct gl_prefix_slot *s = &table->slots[home];
	uint32_t mask = table->n_slots - 1, tags = s->tags;
	uint64_t kept = s->hops;

	for (unsigned i = 0; i < PREFIX_HOPS; i++) {
		uint32_t hop = s->hops >> 8 * i & 0xff, slot = (home + hop - 1) & mask;
		struct prefix_key key;
		uint64_t hash = 0;
		bool good = hop && is_valid(table, slot) && !table->refs[slot].by_copy[0];

		if (good) {
			key = prefix_key_at(table, slot);
			hash = prefix_key_hash(table, &key);
			good = ((uint32_t)hash & mask) == home;
		}
		if (good) {
			table->refs[slot].by_copy[0] = 1; /* seen */
			tags = (tags & ~(15u << 4 * i)) | prefix_tag(hash) << 4 * i;
		} else {
			kept &= ~(0xffULL << 8 * i);
		}
	}
	if (tags != s->tags)
		STORE(s->tags, tags);
	if (kept != s->hops)
		STORE(s->hops, kept);
}

/* Frees what no home leads to. */
static void mend_slots(struct prefix_table *table)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		struct gl_prefix_slot *s = &table->slots[slot];
		bool seen = table->refs[slot].by_copy[0];

		table->refs[slot] = (struct prefix_refs){0};
		if (seen)
			continue;
		if (s->state != GL_PREFIX_FREE) {
			STORE(s->version, s->version | 1);
			STORE(s->state, GL_PREFIX_FREE);
		}
		if (s->version & 1)
			STORE(s->version, s->version + 1);
	}
}

static void count_entries(struct prefix_table *table)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		const struct gl_prefix_slot *s = &table->slots[slot];
		struct prefix_key key;

		if (s->state == GL_PREFIX_FREE)
			continue;
		key = prefix_key_at(table, slot);
		prefix_tree_add(&table->tree, prefix_key_root(&key), slot);
		if (s->state == GL_PREFIX_MARKER) {
			table->markers++;
			continue;
		}
		table->entries++;
		table->used[s->set][prefix_length_index(&key)]++;
		if (s->expires_ns && s->expires_ns < table->next_expiry_ns)
			table->next_expiry_ns = s->expires_ns;
	}
	for (uint32_t set = 0; set < table->n_sets; set++) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < PREFIX_LENGTHS; i++)
			n += table->used[set][i];
		if (table->lens[set].entries != n)
			STORE(table->lens[set].entries, n);
	}
}

static void mend_names(struct prefix_table *table)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		struct gl_prefix_slot *s = &table->slots[slot];
		struct prefix_key key;
		uint32_t *named, parent;

		if (s->state == GL_PREFIX_FREE)
			continue;
		key = prefix_key_at(table, slot);
		named = s->state == GL_PREFIX_REAL ? &s->parent : &s->best;
		parent = prefix_parent(table, &key);
		if (*named != parent)
			STORE(*named, parent);
	}
}

static bool is_ascending(const uint8_t *lens, uint8_t n, uint8_t max)
{
	for (uint8_t i = 0; i < n; i++)
		if (lens[i] > max || (i > 0 && lens[i] <= lens[i - 1]))
			return false;
	return true;
}

/* A copy being filled when its writer died is a copy all the same; nonsense is emptied. */
static void mend_lengths(struct gl_prefix_lengths *lengths)
{
	if (lengths->n4 > sizeof(lengths->len4) || lengths->n6 > sizeof(lengths->len6) ||
	    !is_ascending(lengths->len4, lengths->n4, 32) ||
	    !is_ascending(lengths->len6, lengths->n6, 128))
		*lengths = (struct gl_prefix_lengths){0};
}

/* Adds the marks of one copy of the lengths; the older copy is given up where it does not fit. */
static int mend_marks(struct prefix_table *table, bool in_force)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		struct prefix_key key;
		unsigned copy;
		int r;

		if (table->slots[slot].state != GL_PREFIX_REAL)
			continue;
		key = prefix_key_at(table, slot);
		copy = (table->lens[key.set].version & 1) ^ !in_force;
		r = prefix_marks_add(table, &key, 1u << copy);
		if (r < 0 && in_force)
			return r;
		if (r < 0)
			prefix_lengths_forget(table, key.set, copy);
	}
	return 0;
}

/* Whether every length with entries is in force. */
static bool has_all_lengths(const struct prefix_table *table, uint32_t set)
{
	const struct gl_prefix_lens *lens = &table->lens[set];
	const struct gl_prefix_lengths *in_use = &lens->in_use[lens->version & 1];
	bool in_force[PREFIX_LENGTHS] = {false};

	for (uint8_t i = 0; i < in_use->n4; i++)
		in_force[in_use->len4[i]] = true;
	for (uint8_t i = 0; i < in_use->n6; i++)
		in_force[33 + in_use->len6[i]] = true;
	for (uint32_t i = 0; i < PREFIX_LENGTHS; i++)
		if (table->used[set][i] && !in_force[i])
			return false;
	return true;
}

int prefix_adopt(struct prefix_table *table)
{
	int r;

	for (uint32_t home = 0; home < table->n_slots; home++)
		if (table->slots[home].hops)
			mend_hops(table, home);
	mend_slots(table);
	count_entries(table);
	mend_names(table);
	for (uint32_t set = 0; set < table->n_sets; set++) {
		mend_lengths(&table->lens[set].in_use[0]);
		mend_lengths(&table->lens[set].in_use[1]);
	}
	r = mend_marks(table, true);
	if (r < 0)
		return r;
	(void)mend_marks(table, false);
	for (uint32_t slot = 0; slot < table->n_slots; slot++)
		prefix_marker_drop_unused(table, slot);
	for (uint32_t set = 0; set < table->n_sets; set++) {
		r = has_all_lengths(table, set) ? 0 : prefix_lengths_renew(table, set, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}
