/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_table.h - the one writer of a table of prefix sets (include/glacis/prefix.h): add, remove,
 * expire, list. Readers, in the kernel too, look up in the same memory meanwhile.
 *
 * Used for the decisions (mapped memory, adopted by the next keeper) and by the policy compiler
 * (its own memory, published afterwards). IPv4 prefixes are ::ffff:a.b.c.d with length 96 + n; they
 * and IPv6 prefixes never cover each other, ::/0 included. One thread, or the caller's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

struct prefix_table;

struct prefix_table_entry {
	struct gl_addr addr; /* masked to len */
	uint64_t expires_ns; /* CLOCK_BOOTTIME, 0 = never */
	uint64_t hits; /* what it decided so far */
	uint32_t value;
	uint32_t slot; /* what prefix_match() returns, less one */
	uint16_t set;
	uint8_t len;
};

struct prefix_table_counts {
	uint32_t slots;
	uint32_t entries; /* of all sets */
	uint32_t markers; /* slots the bisection needs beside them */
};

/*
 * Takes over `slots` (n_slots, a power of two, at most 2^24) and `lens` (n_sets), which stay the
 * caller's and must outlive the table. All zero: a new table, hashed under `key`. Otherwise the
 * table is adopted as an earlier writer left it, with its own key, mended where that was killed in
 * the middle of a change. -EINVAL, -ENOMEM.
 */
int prefix_table_new(struct gl_prefix_slot *slots, uint32_t n_slots, struct gl_prefix_lens *lens,
		     uint32_t n_sets, const struct gl_key *key, struct prefix_table **ret_table);

/* Frees the writer's own memory; the entries stay in force. NULL-safe. */
void prefix_table_free(struct prefix_table *table);
static inline void prefix_table_freep(struct prefix_table **p)
{
	prefix_table_free(*p);
}

/*
 * Adds a prefix, or gives the one that is there a new expiry and value (hits stay). addr is masked
 * here. -ENOSPC: no room where it hashes to, nothing changed; -E2BIG: more than PREFIX_CHAIN
 * prefixes of the set would lie in each other; -EINVAL.
 */
int prefix_table_insert(struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
			uint8_t len, uint64_t expires_ns, uint32_t value);

/* -ENOENT when this very prefix is not in the set. */
int prefix_table_remove(struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
			uint8_t len);

/* Removes what expired by now_ns, and lengths no longer in use. Returns how many entries. */
size_t prefix_table_expire(struct prefix_table *table, uint64_t now_ns);

/* This very prefix, expired or not; -ENOENT. */
int prefix_table_find(const struct prefix_table *table, uint32_t set, const struct gl_addr *addr,
		      uint8_t len, struct prefix_table_entry *ret_entry);

/* The entry of a slot that prefix_match() returned; -ENOENT when it has gone. */
int prefix_table_at(const struct prefix_table *table, uint32_t slot,
		    struct prefix_table_entry *ret_entry);

/*
 * Calls fn for every entry of the set, in no order; a negative return stops and is returned. The
 * table must not be changed meanwhile.
 */
typedef int (*prefix_table_fn)(const struct prefix_table_entry *entry, void *userdata);
int prefix_table_foreach(const struct prefix_table *table, uint32_t set, prefix_table_fn fn,
			 void *userdata);

void prefix_table_count(const struct prefix_table *table, struct prefix_table_counts *ret_counts);
