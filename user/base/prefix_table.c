/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_table.c - adds, removes, expires and lists the entries of prefix sets.
 *
 * `parent` of a real entry and `best` of a marker name the next shorter real prefix. An entry is
 * visible before anything names it, and nothing names it any more before it goes.
 */
#include "user/base/prefix_private.h"

#include <errno.h>
#include <stdlib.h>

#include "include/glacis/prefix.h"
#include "user/base/cleanup.h"

#define STORE(x, v)    __atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#define N_SLOTS_MAX    (1u << 24)
#define MARKS_ANY_COPY 3u

int prefix_table_new(struct gl_prefix_slot *slots, uint32_t n_slots, struct gl_prefix_lens *lens,
		     uint32_t n_sets, const struct gl_key *key, struct prefix_table **ret_table)
{
	_cleanup_(prefix_table_freep) struct prefix_table *table = NULL;
	int r;

	if (!n_slots || n_slots & (n_slots - 1) || n_slots > N_SLOTS_MAX || !n_sets ||
	    n_sets > UINT16_MAX)
		return -EINVAL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	*table = (struct prefix_table){
		.slots = slots,
		.lens = lens,
		.n_slots = n_slots,
		.n_sets = n_sets,
		.next_expiry_ns = UINT64_MAX,
	};
	table->refs = calloc(n_slots, sizeof(*table->refs));
	table->used = calloc(n_sets, sizeof(*table->used));
	if (!table->refs || !table->used)
		return -ENOMEM;
	r = prefix_tree_init(&table->tree, slots, n_slots, n_sets * 2);
	if (r < 0)
		return r;
	if (!lens[0].key.k0 && !lens[0].key.k1)
		lens[0].key = *key;
	for (uint32_t i = 1; i < n_sets; i++)
		lens[i].key = lens[0].key;
	r = prefix_adopt(table);
	if (r < 0)
		return r;
	*ret_table = TAKE_PTR(table);
	return 0;
}

void prefix_table_free(struct prefix_table *table)
{
	if (!table)
		return;
	prefix_tree_clear(&table->tree);
	free(table->refs);
	free(table->used);
	free(table);
}

/* The parent's number changes for everything inside a prefix that named `from`. */
struct renaming {
	struct prefix_table *table;
	uint32_t from, to;
};

static void rename_one(uint32_t slot, void *userdata)
{
	const struct renaming *renaming = userdata;
	struct gl_prefix_slot *s = &renaming->table->slots[slot];
	uint32_t *named = s->state == GL_PREFIX_REAL ? &s->parent : &s->best;

	if (*named == renaming->from)
		STORE(*named, renaming->to);
}

static void rename_inside(struct prefix_table *table, const struct prefix_key *key, uint32_t from,
			  uint32_t to)
{
	struct renaming renaming = {.table = table, .from = from, .to = to};

	prefix_tree_inside(&table->tree, prefix_key_root(key), &key->addr, key->len, rename_one,
			   &renaming);
}

/* Real prefixes from `found` (slot + 1) on through its parents. */
static unsigned chain_length(const struct prefix_table *table, uint32_t found)
{
	unsigned n = 0;

	for (; found; found = table->slots[found - 1].parent)
		n++;
	return n;
}

struct deepest {
	const struct prefix_table *table;
	unsigned chain;
};

static void deepest_one(uint32_t slot, void *userdata)
{
	struct deepest *deepest = userdata;
	unsigned chain;

	if (deepest->table->slots[slot].state != GL_PREFIX_REAL)
		return;
	chain = chain_length(deepest->table, slot + 1);
	if (chain > deepest->chain)
		deepest->chain = chain;
}

/* Whether one more real prefix at `key` makes some chain longer than readers follow. */
static bool is_too_deep(const struct prefix_table *table, const struct prefix_key *key,
			uint32_t parent)
{
	struct deepest deepest = {.table = table, .chain = chain_length(table, parent)};

	prefix_tree_inside(&table->tree, prefix_key_root(key), &key->addr, key->len, deepest_one,
			   &deepest);
	return deepest.chain >= PREFIX_CHAIN;
}

/* Turns the marker at this key, if there is one, into the entry, else adds it. */
static int place(struct prefix_table *table, const struct prefix_key *key,
		 const struct gl_prefix_slot *fields, uint32_t *ret_slot)
{
	uint32_t slot = prefix_slot_find(table, key);
	struct gl_prefix_slot *s;
	int r;

	if (slot == PREFIX_NO_SLOT) {
		r = prefix_slot_add(table, key, fields, &slot);
		if (r < 0)
			return r;
		prefix_tree_add(&table->tree, prefix_key_root(key), slot);
	} else {
		s = &table->slots[slot];
		s->parent = fields->parent;
		s->expires_ns = fields->expires_ns;
		s->value = fields->value;
		s->hits = 0;
		STORE(s->state, GL_PREFIX_REAL);
		table->markers--;
	}
	*ret_slot = slot;
	return 0;
}

static int add(struct prefix_table *table, const struct prefix_key *key, uint64_t expires_ns,
	       uint32_t value)
{
	struct gl_prefix_slot fields = {.state = GL_PREFIX_REAL,
					.expires_ns = expires_ns,
					.value = value,
					.parent = prefix_parent(table, key)};
	uint32_t slot;
	int r;

	if (is_too_deep(table, key, fields.parent))
		return -E2BIG;
	if (!prefix_length_in_use(table, key)) {
		r = prefix_lengths_renew(table, key->set, key);
		if (r < 0)
			return r;
	}
	r = prefix_marks_add(table, key, MARKS_ANY_COPY);
	if (r < 0)
		return r;
	/* Counted first: a reader skips a set without entries. */
	STORE(table->lens[key->set].entries, table->lens[key->set].entries + 1);
	r = place(table, key, &fields, &slot);
	if (r < 0) {
		STORE(table->lens[key->set].entries, table->lens[key->set].entries - 1);
		prefix_marks_del(table, key, MARKS_ANY_COPY);
		return r;
	}
	rename_inside(table, key, fields.parent, slot + 1);
	table->used[key->set][prefix_length_index(key)]++;
	table->entries++;
	return 0;
}

int prefix_table_insert(struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
			uint8_t len, uint64_t expires_ns, uint32_t value)
{
	struct prefix_key key;
	uint32_t slot;
	int r;

	if (set >= table->n_sets || len > 128)
		return -EINVAL;
	key = prefix_key_of(set, addr, len);
	slot = prefix_slot_find(table, &key);
	if (slot != PREFIX_NO_SLOT && table->slots[slot].state == GL_PREFIX_REAL) {
		STORE(table->slots[slot].value, value);
		STORE(table->slots[slot].expires_ns, expires_ns);
	} else {
		r = add(table, &key, expires_ns, value);
		if (r < 0)
			return r;
	}
	if (expires_ns && expires_ns < table->next_expiry_ns)
		table->next_expiry_ns = expires_ns;
	return 0;
}

static void drop(struct prefix_table *table, uint32_t slot)
{
	struct prefix_key key = prefix_key_at(table, slot);
	struct gl_prefix_slot *s = &table->slots[slot];
	uint32_t parent = s->parent;

	rename_inside(table, &key, slot + 1, parent);
	if (table->refs[slot].by_copy[0] || table->refs[slot].by_copy[1]) {
		s->best = parent;
		STORE(s->state, GL_PREFIX_MARKER);
		table->markers++;
	} else {
		prefix_tree_del(&table->tree, prefix_key_root(&key), slot);
		prefix_slot_free(table, slot);
	}
	prefix_marks_del(table, &key, MARKS_ANY_COPY);
	STORE(table->lens[key.set].entries, table->lens[key.set].entries - 1);
	table->used[key.set][prefix_length_index(&key)]--;
	table->entries--;
}

/* Slot of a real entry; -ENOENT. */
static int real_slot(const struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
		     uint8_t len, uint32_t *ret_slot)
{
	struct prefix_key key;
	uint32_t slot;

	if (set >= table->n_sets || len > 128)
		return -ENOENT;
	key = prefix_key_of(set, addr, len);
	slot = prefix_slot_find(table, &key);
	if (slot == PREFIX_NO_SLOT || table->slots[slot].state != GL_PREFIX_REAL)
		return -ENOENT;
	*ret_slot = slot;
	return 0;
}

int prefix_table_remove(struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
			uint8_t len)
{
	uint32_t slot;
	int r = real_slot(table, set, addr, len, &slot);

	if (r < 0)
		return r;
	drop(table, slot);
	return 0;
}

/* Whether a length in force has no entry left. */
static bool has_idle_lengths(const struct prefix_table *table, uint32_t set)
{
	const struct gl_prefix_lens *lens = &table->lens[set];
	const struct gl_prefix_lengths *in_use = &lens->in_use[lens->version & 1];
	uint32_t n = 0;

	for (uint32_t i = 0; i < PREFIX_LENGTHS; i++)
		n += table->used[set][i] != 0;
	return n < (uint32_t)in_use->n4 + in_use->n6;
}

size_t prefix_table_expire(struct prefix_table *table, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	size_t n = 0;

	if (now_ns >= table->next_expiry_ns) {
		for (uint32_t slot = 0; slot < table->n_slots; slot++) {
			const struct gl_prefix_slot *s = &table->slots[slot];

			if (s->state != GL_PREFIX_REAL || !s->expires_ns)
				continue;
			if (s->expires_ns <= now_ns) {
				drop(table, slot);
				n++;
			} else if (s->expires_ns < next_ns) {
				next_ns = s->expires_ns;
			}
		}
		table->next_expiry_ns = next_ns;
	}
	for (uint32_t set = 0; set < table->n_sets; set++)
		if (has_idle_lengths(table, set))
			/* No room for other markers: the idle length stays, one probe too many. */
			(void)prefix_lengths_renew(table, set, NULL);
	return n;
}

static struct prefix_table_entry entry_at(const struct prefix_table *table, uint32_t slot)
{
	const struct gl_prefix_slot *s = &table->slots[slot];

	return (struct prefix_table_entry){
		.addr = s->addr,
		.expires_ns = s->expires_ns,
		.hits = __atomic_load_n(&s->hits, __ATOMIC_RELAXED),
		.value = s->value,
		.slot = slot,
		.set = s->set,
		.len = s->len,
	};
}

int prefix_table_find(const struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
		      uint8_t len, struct prefix_table_entry *ret_entry)
{
	uint32_t slot;
	int r = real_slot(table, set, addr, len, &slot);

	if (r < 0)
		return r;
	*ret_entry = entry_at(table, slot);
	return 0;
}

int prefix_table_at(const struct prefix_table *table, uint32_t slot,
		    struct prefix_table_entry *ret_entry)
{
	if (slot >= table->n_slots || table->slots[slot].state != GL_PREFIX_REAL)
		return -ENOENT;
	*ret_entry = entry_at(table, slot);
	return 0;
}

int prefix_table_foreach(const struct prefix_table *table, uint32_t set, prefix_table_fn fn,
			 void *userdata)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		struct prefix_table_entry entry;
		int r;

		if (table->slots[slot].set != set || prefix_table_at(table, slot, &entry) < 0)
			continue;
		r = fn(&entry, userdata);
		if (r < 0)
			return r;
	}
	return 0;
}

void prefix_table_count(const struct prefix_table *table, struct prefix_table_counts *ret_counts)
{
	*ret_counts = (struct prefix_table_counts){
		.slots = table->n_slots, .entries = table->entries, .markers = table->markers};
}
