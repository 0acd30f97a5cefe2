/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_slots.c - the slots of a prefix table: where an entry lies, how it appears and goes.
 *
 * An entry is written whole while its version is odd, then listed in its home's hops: a reader
 * finds it complete or not at all. It goes the other way round.
 */
#include "user/base/prefix_private.h"

#include <errno.h>
#include <string.h>

#include "include/glacis/prefix.h"

#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

struct prefix_key prefix_key_of(uint32_t set, const struct gl_addr *addr, uint8_t len)
{
	struct prefix_key key = {.addr = *addr, .set = set, .len = len};

	key.addr.q[0] &= prefix_mask(len);
	key.addr.q[1] &= prefix_mask(len < 64 ? 0 : len - 64u);
	key.v4 = len >= 96 && prefix_is_v4(&key.addr);
	return key;
}

struct prefix_key prefix_key_at(const struct prefix_table *table, uint32_t slot)
{
	const struct gl_prefix_slot *s = &table->slots[slot];

	return prefix_key_of(s->set, &s->addr, s->len);
}

/* The key's prefix of `len` bits, in its own family: 10.0.0.0/8 lies in 0.0.0.0/0, not in ::/0. */
struct prefix_key prefix_key_cut(const struct prefix_key *key, uint8_t len)
{
	struct prefix_key cut = prefix_key_of(key->set, &key->addr, len);

	cut.v4 = key->v4;
	return cut;
}

uint32_t prefix_key_root(const struct prefix_key *key)
{
	return key->set * 2 + key->v4;
}

uint64_t prefix_key_hash(const struct prefix_table *table, const struct prefix_key *key)
{
	return prefix_hash(&table->lens[0].key, key->set, key->len, key->addr.q[0], key->addr.q[1]);
}

uint32_t prefix_slot_find(const struct prefix_table *table, const struct prefix_key *key)
{
	uint32_t mask = table->n_slots - 1, home = (uint32_t)prefix_key_hash(table, key) & mask;

	for (uint64_t hops = table->slots[home].hops; hops; hops >>= 8) {
		uint32_t slot = (home + (uint32_t)(hops & 0xff) - 1) & mask;
		const struct gl_prefix_slot *s = &table->slots[slot];

		if (hops & 0xff && s->state != GL_PREFIX_FREE && s->set == key->set &&
		    s->len == key->len && !memcmp(&s->addr, &key->addr, sizeof(s->addr)))
			return slot;
	}
	return PREFIX_NO_SLOT;
}

/* Which of a home's hops is free, or PREFIX_HOPS. */
static unsigned free_hop(const struct gl_prefix_slot *home)
{
	unsigned i = 0;

	while (i < PREFIX_HOPS && home->hops >> 8 * i & 0xff)
		i++;
	return i;
}

/* Lists a slot in its home: the tag first, it means nothing without the hop. */
static void hop_add(struct prefix_table *table, uint64_t hash, uint32_t slot)
{
	uint32_t mask = table->n_slots - 1;
	struct gl_prefix_slot *home = &table->slots[(uint32_t)hash & mask];
	uint64_t hop = ((slot - (uint32_t)hash) & mask) + 1;
	unsigned i = free_hop(home);

	STORE(home->tags, (home->tags & ~(15u << 4 * i)) | prefix_tag(hash) << 4 * i);
	STORE(home->hops, home->hops | hop << 8 * i);
}

static void hop_del(struct prefix_table *table, uint64_t hash, uint32_t slot)
{
	uint32_t mask = table->n_slots - 1;
	struct gl_prefix_slot *home = &table->slots[(uint32_t)hash & mask];
	uint64_t hop = ((slot - (uint32_t)hash) & mask) + 1;

	for (unsigned i = 0; i < PREFIX_HOPS; i++)
		if ((home->hops >> 8 * i & 0xff) == hop)
			STORE(home->hops, home->hops & ~(0xffULL << 8 * i));
}

/* A free slot in reach of its home, or PREFIX_NO_SLOT. */
static uint32_t slot_near(const struct prefix_table *table, uint32_t home)
{
	uint32_t reach = table->n_slots < PREFIX_DISTANCE ? table->n_slots : PREFIX_DISTANCE;

	if (free_hop(&table->slots[home]) == PREFIX_HOPS)
		return PREFIX_NO_SLOT;
	for (uint32_t i = 0; i < reach; i++) {
		uint32_t slot = (home + i) & (table->n_slots - 1);

		if (table->slots[slot].state == GL_PREFIX_FREE)
			return slot;
	}
	return PREFIX_NO_SLOT;
}

int prefix_slot_add(struct prefix_table *table, const struct prefix_key *key,
		    const struct gl_prefix_slot *fields, uint32_t *ret_slot)
{
	uint64_t hash = prefix_key_hash(table, key);
	uint32_t slot = slot_near(table, (uint32_t)hash & (table->n_slots - 1));
	struct gl_prefix_slot *s;
	uint32_t version;

	if (slot == PREFIX_NO_SLOT)
		return -ENOSPC;
	s = &table->slots[slot];
	version = s->version | 1;
	STORE(s->version, version);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s->addr = key->addr;
	s->set = (uint16_t)key->set;
	s->len = key->len;
	s->expires_ns = fields->expires_ns;
	s->best = fields->best;
	s->parent = fields->parent;
	s->value = fields->value;
	s->hits = 0;
	STORE(s->state, fields->state);
	STORE(s->version, version + 1);
	hop_add(table, hash, slot);
	table->refs[slot] = (struct prefix_refs){0};
	*ret_slot = slot;
	return 0;
}

void prefix_slot_free(struct prefix_table *table, uint32_t slot)
{
	struct prefix_key key = prefix_key_at(table, slot);
	struct gl_prefix_slot *s = &table->slots[slot];
	uint32_t version = s->version | 1;

	hop_del(table, prefix_key_hash(table, &key), slot);
	STORE(s->version, version);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	STORE(s->state, GL_PREFIX_FREE);
	STORE(s->version, version + 1);
	table->refs[slot] = (struct prefix_refs){0};
}
