/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_private.h - what the files of the prefix table's writer share. The order of stores that
 * keeps readers right is stated at each function; prefix.h says what readers rely on.
 */
#pragma once

#include "user/base/prefix_table.h"
#include "user/base/prefix_tree.h"

#define PREFIX_NO_SLOT (~0u)
#define PREFIX_LENGTHS (33 + 129)

/* Who needs a slot as a marker, by copy of the lengths its bisection passes it in. */
struct prefix_refs {
	uint32_t by_copy[2];
};

struct prefix_table {
	struct gl_prefix_slot *slots; /* borrowed */
	struct gl_prefix_lens *lens; /* borrowed */
	uint32_t n_slots, n_sets;
	struct prefix_refs *refs; /* per slot */
	uint32_t (*used)[PREFIX_LENGTHS]; /* per set: real entries by prefix_length_index() */
	struct prefix_tree tree; /* root set * 2 + family; real entries and markers */
	uint64_t next_expiry_ns; /* nothing expires before */
	uint32_t entries, markers;
};

/* A prefix of a set: masked, its family told by the address. */
struct prefix_key {
	struct gl_addr addr;
	uint32_t set;
	uint8_t len;
	bool v4;
};

/* prefix_slots.c: slots and hops. */
struct prefix_key prefix_key_of(uint32_t set, const struct gl_addr *addr, uint8_t len);
struct prefix_key prefix_key_at(const struct prefix_table *table, uint32_t slot);
struct prefix_key prefix_key_cut(const struct prefix_key *key, uint8_t len);
uint32_t prefix_key_root(const struct prefix_key *key);
uint64_t prefix_key_hash(const struct prefix_table *table, const struct prefix_key *key);
uint32_t prefix_slot_find(const struct prefix_table *table, const struct prefix_key *key);
/* -ENOSPC. The slot is in no tree yet, its refs are 0, and readers see it. */
int prefix_slot_add(struct prefix_table *table, const struct prefix_key *key,
		    const struct gl_prefix_slot *fields, uint32_t *ret_slot);
/* The slot is in no tree any more. */
void prefix_slot_free(struct prefix_table *table, uint32_t slot);

/* prefix_marks.c: lengths in use and markers. */
uint32_t prefix_length_index(const struct prefix_key *key);
bool prefix_length_in_use(const struct prefix_table *table, const struct prefix_key *key);
/* The longest real prefix of the set, shorter than key->len, that covers it: slot + 1, or 0. */
uint32_t prefix_parent(const struct prefix_table *table, const struct prefix_key *key);
/* Adds the markers a real entry of this key needs, in one copy or both. -ENOSPC: none added. */
int prefix_marks_add(struct prefix_table *table, const struct prefix_key *key, unsigned copies);
void prefix_marks_del(struct prefix_table *table, const struct prefix_key *key, unsigned copies);
/* A marker nobody needs goes; a real entry that also marks stays. */
void prefix_marker_drop_unused(struct prefix_table *table, uint32_t slot);
/* Empties a copy that is not in force: no entry has marks in it any more. */
void prefix_lengths_forget(struct prefix_table *table, uint32_t set, unsigned copy);
/*
 * Puts the lengths that have entries, and *also (may be NULL), in force. -ENOSPC: as before.
 */
int prefix_lengths_renew(struct prefix_table *table, uint32_t set, const struct prefix_key *also);

/* prefix_adopt.c: takes over what an earlier writer left, and mends it. */
int prefix_adopt(struct prefix_table *table);
