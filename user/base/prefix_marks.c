/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_marks.c - the lengths in use of a set, and the markers its bisection needs.
 *
 * A set has two copies of its lengths, the one in force and the one before it. Entries keep markers
 * for both: a reader still bisecting the older copy finds everything that was there when it was in
 * force. Renewing fills the older copy and puts it in force; only then a reader two versions behind
 * could go wrong, and it looks again (prefix_match()).
 */
#include "user/base/prefix_private.h"

#include <errno.h>
#include <string.h>

#include "include/glacis/prefix.h"

#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

uint32_t prefix_length_index(const struct prefix_key *key)
{
	return key->v4 ? key->len - 96u : 33u + key->len;
}

static unsigned copy_in_force(const struct prefix_table *table, uint32_t set)
{
	return table->lens[set].version & 1;
}

static const uint8_t *lengths_of(const struct gl_prefix_lengths *lengths, bool v4, uint8_t *ret_n)
{
	*ret_n = v4 ? lengths->n4 : lengths->n6;
	return v4 ? lengths->len4 : lengths->len6;
}

/*
 * The lengths at which the bisection for key->len turns to longer ones, in the order it passes
 * them. 0 when key->len is not among the copy's lengths.
 */
static unsigned marker_lengths(const struct prefix_table *table, const struct prefix_key *key,
			       unsigned copy, uint8_t ret_lens[PREFIX_STEPS])
{
	uint8_t base = key->v4 ? 96 : 0, high, low = 0;
	const uint8_t *lens = lengths_of(&table->lens[key->set].in_use[copy], key->v4, &high);
	unsigned n = 0;

	for (int step = 0; low < high; step++) {
		uint8_t middle = (uint8_t)prefix_middle(step, low, high);
		uint8_t len = lens[middle] + base;

		if (len == key->len)
			return n;
		if (len < key->len) {
			ret_lens[n++] = len;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return 0;
}

bool prefix_length_in_use(const struct prefix_table *table, const struct prefix_key *key)
{
	uint8_t n, base = key->v4 ? 96 : 0;
	const uint8_t *lens = lengths_of(
		&table->lens[key->set].in_use[copy_in_force(table, key->set)], key->v4, &n);

	for (uint8_t i = 0; i < n; i++)
		if (lens[i] + base == key->len)
			return true;
	return false;
}

uint32_t prefix_parent(const struct prefix_table *table, const struct prefix_key *key)
{
	const uint32_t *used = table->used[key->set];
	uint8_t base = key->v4 ? 96 : 0;

	for (int len = key->len - 1; len >= base; len--) {
		struct prefix_key shorter = prefix_key_cut(key, (uint8_t)len);
		uint32_t slot;

		if (!used[prefix_length_index(&shorter)])
			continue;
		slot = prefix_slot_find(table, &shorter);
		if (slot != PREFIX_NO_SLOT && table->slots[slot].state == GL_PREFIX_REAL)
			return slot + 1;
	}
	return 0;
}

static int marker_hold(struct prefix_table *table, const struct prefix_key *key, unsigned copy)
{
	uint32_t slot = prefix_slot_find(table, key);

	if (slot == PREFIX_NO_SLOT) {
		struct gl_prefix_slot fields = {.state = GL_PREFIX_MARKER,
						.best = prefix_parent(table, key)};
		int r = prefix_slot_add(table, key, &fields, &slot);

		if (r < 0)
			return r;
		prefix_tree_add(&table->tree, prefix_key_root(key), slot);
		table->markers++;
	}
	table->refs[slot].by_copy[copy]++;
	return 0;
}

void prefix_marker_drop_unused(struct prefix_table *table, uint32_t slot)
{
	struct prefix_key key = prefix_key_at(table, slot);
	const struct prefix_refs *refs = &table->refs[slot];

	if (table->slots[slot].state != GL_PREFIX_MARKER || refs->by_copy[0] || refs->by_copy[1])
		return;
	prefix_tree_del(&table->tree, prefix_key_root(&key), slot);
	prefix_slot_free(table, slot);
	table->markers--;
}

static void marker_release(struct prefix_table *table, const struct prefix_key *key, unsigned copy)
{
	uint32_t slot = prefix_slot_find(table, key);

	if (slot == PREFIX_NO_SLOT || !table->refs[slot].by_copy[copy])
		return;
	table->refs[slot].by_copy[copy]--;
	prefix_marker_drop_unused(table, slot);
}

static void copy_marks_del(struct prefix_table *table, const struct prefix_key *key, unsigned copy,
			   unsigned n)
{
	uint8_t lens[PREFIX_STEPS];

	if (marker_lengths(table, key, copy, lens) < n)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct prefix_key mark = prefix_key_cut(key, lens[i]);

		marker_release(table, &mark, copy);
	}
}

static int copy_marks_add(struct prefix_table *table, const struct prefix_key *key, unsigned copy)
{
	uint8_t lens[PREFIX_STEPS];
	unsigned n = marker_lengths(table, key, copy, lens);

	for (unsigned i = 0; i < n; i++) {
		struct prefix_key mark = prefix_key_cut(key, lens[i]);
		int r = marker_hold(table, &mark, copy);

		if (r < 0) {
			copy_marks_del(table, key, copy, i);
			return r;
		}
	}
	return 0;
}

int prefix_marks_add(struct prefix_table *table, const struct prefix_key *key, unsigned copies)
{
	for (unsigned copy = 0; copy < 2; copy++) {
		int r = copies & 1u << copy ? copy_marks_add(table, key, copy) : 0;

		if (r < 0) {
			prefix_marks_del(table, key, copies & ((1u << copy) - 1));
			return r;
		}
	}
	return 0;
}

void prefix_marks_del(struct prefix_table *table, const struct prefix_key *key, unsigned copies)
{
	uint8_t lens[PREFIX_STEPS];

	for (unsigned copy = 0; copy < 2; copy++)
		if (copies & 1u << copy)
			copy_marks_del(table, key, copy, marker_lengths(table, key, copy, lens));
}

void prefix_lengths_forget(struct prefix_table *table, uint32_t set, unsigned copy)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		if (table->slots[slot].state == GL_PREFIX_FREE || table->slots[slot].set != set)
			continue;
		table->refs[slot].by_copy[copy] = 0;
		prefix_marker_drop_unused(table, slot);
	}
	memset(&table->lens[set].in_use[copy], 0, sizeof(table->lens[set].in_use[copy]));
}

static int copy_mark_all(struct prefix_table *table, uint32_t set, unsigned copy)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		struct prefix_key key;
		int r;

		if (table->slots[slot].state != GL_PREFIX_REAL || table->slots[slot].set != set)
			continue;
		key = prefix_key_at(table, slot);
		r = prefix_marks_add(table, &key, 1u << copy);
		if (r < 0)
			return r;
	}
	return 0;
}

int prefix_lengths_renew(struct prefix_table *table, uint32_t set, const struct prefix_key *also)
{
	struct gl_prefix_lens *lens = &table->lens[set];
	const uint32_t extra = also ? prefix_length_index(also) : PREFIX_LENGTHS;
	unsigned copy = !copy_in_force(table, set);
	struct gl_prefix_lengths *next = &lens->in_use[copy];
	int r;

	prefix_lengths_forget(table, set, copy);
	for (uint32_t i = 0; i < PREFIX_LENGTHS; i++) {
		if (!table->used[set][i] && i != extra)
			continue;
		if (i < 33)
			next->len4[next->n4++] = (uint8_t)i;
		else
			next->len6[next->n6++] = (uint8_t)(i - 33);
	}
	r = copy_mark_all(table, set, copy);
	if (r < 0) {
		prefix_lengths_forget(table, set, copy);
		return r;
	}
	STORE(lens->version, lens->version + 1);
	return 0;
}
