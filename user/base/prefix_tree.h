/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_tree.h - which prefixes of a set lie inside a given one: a crit-bit tree over the slots of
 * a prefix table, keyed by address and length. The writer's own memory; only prefix_table.c uses
 * it.
 */
#pragma once

#include <stdint.h>

#include "include/glacis/abi.h"

#define PREFIX_TREE_NONE (~0u)

struct prefix_tree_node {
	uint32_t child[2];
	uint32_t bit;
};

struct prefix_tree {
	const struct gl_prefix_slot *slots; /* borrowed: keys are read from it */
	struct prefix_tree_node *nodes;
	uint32_t *roots;
	uint32_t unused; /* nodes never given out begin here */
	uint32_t free; /* first of those given back */
};

/* For at most n_slots keys in n_roots trees. -ENOMEM. */
int prefix_tree_init(struct prefix_tree *tree, const struct gl_prefix_slot *slots, uint32_t n_slots,
		     uint32_t n_roots);
void prefix_tree_clear(struct prefix_tree *tree);

/* The slot's address and length must be set, in no other slot of this root, and not change. */
void prefix_tree_add(struct prefix_tree *tree, uint32_t root, uint32_t slot);
void prefix_tree_del(struct prefix_tree *tree, uint32_t root, uint32_t slot);

/* Calls fn for every slot of the root whose prefix lies inside addr/len, but for addr/len itself.
 */
typedef void (*prefix_tree_fn)(uint32_t slot, void *userdata);
void prefix_tree_inside(const struct prefix_tree *tree, uint32_t root, const struct gl_addr *addr,
			uint8_t len, prefix_tree_fn fn, void *userdata);
