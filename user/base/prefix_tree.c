/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_tree.c - crit-bit trees (D. J. Bernstein, "Crit-bit trees") over 136-bit keys: the 128
 * bits of the address, then the length as 8. All keys that share an address's first n bits stand in
 * one subtree.
 */
#include "user/base/prefix_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define LEAF     0x80000000u
#define KEY_BITS 136

static bool is_leaf(uint32_t ref)
{
	return ref & LEAF;
}

static unsigned bit_of(const struct gl_addr *addr, uint8_t len, uint32_t bit)
{
	uint8_t byte = bit < 128 ? addr->b[bit / 8] : len;

	return byte >> (7 - bit % 8) & 1;
}

static unsigned slot_bit(const struct prefix_tree *tree, uint32_t slot, uint32_t bit)
{
	return bit_of(&tree->slots[slot].addr, tree->slots[slot].len, bit);
}

/* First bit in which the keys differ; KEY_BITS when they are equal. */
static uint32_t first_difference(const struct gl_addr *a, uint8_t a_len, const struct gl_addr *b,
				 uint8_t b_len)
{
	for (uint32_t i = 0; i < 16; i++)
		if (a->b[i] != b->b[i])
			return i * 8 + (uint32_t)__builtin_clz(a->b[i] ^ b->b[i]) - 24;
	if (a_len != b_len)
		return 128 + (uint32_t)__builtin_clz(a_len ^ b_len) - 24;
	return KEY_BITS;
}

int prefix_tree_init(struct prefix_tree *tree, const struct gl_prefix_slot *slots, uint32_t n_slots,
		     uint32_t n_roots)
{
	*tree = (struct prefix_tree){.slots = slots, .free = PREFIX_TREE_NONE};
	tree->nodes = calloc(n_slots, sizeof(*tree->nodes));
	tree->roots = malloc(n_roots * sizeof(*tree->roots));
	if (!tree->nodes || !tree->roots) {
		prefix_tree_clear(tree);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n_roots; i++)
		tree->roots[i] = PREFIX_TREE_NONE;
	return 0;
}

void prefix_tree_clear(struct prefix_tree *tree)
{
	free(tree->nodes);
	free(tree->roots);
	*tree = (struct prefix_tree){.free = PREFIX_TREE_NONE};
}

static uint32_t node_take(struct prefix_tree *tree)
{
	uint32_t node = tree->free;

	if (node == PREFIX_TREE_NONE)
		return tree->unused++;
	tree->free = tree->nodes[node].child[0];
	return node;
}

static void node_give_back(struct prefix_tree *tree, uint32_t node)
{
	tree->nodes[node].child[0] = tree->free;
	tree->free = node;
}

void prefix_tree_add(struct prefix_tree *tree, uint32_t root, uint32_t slot)
{
	uint32_t *at = &tree->roots[root], ref = *at, node, difference;
	const struct gl_prefix_slot *key = &tree->slots[slot], *other;
	unsigned side;

	if (ref == PREFIX_TREE_NONE) {
		*at = LEAF | slot;
		return;
	}
	while (!is_leaf(ref))
		ref = tree->nodes[ref].child[slot_bit(tree, slot, tree->nodes[ref].bit)];
	other = &tree->slots[ref & ~LEAF];
	difference = first_difference(&key->addr, key->len, &other->addr, other->len);
	while (!is_leaf(*at) && tree->nodes[*at].bit < difference)
		at = &tree->nodes[*at].child[slot_bit(tree, slot, tree->nodes[*at].bit)];
	node = node_take(tree);
	side = slot_bit(tree, slot, difference);
	tree->nodes[node].bit = difference;
	tree->nodes[node].child[side] = LEAF | slot;
	tree->nodes[node].child[!side] = *at;
	*at = node;
}

void prefix_tree_del(struct prefix_tree *tree, uint32_t root, uint32_t slot)
{
	uint32_t *at = &tree->roots[root], *above = NULL, node;
	unsigned side = 0;

	while (*at != PREFIX_TREE_NONE && !is_leaf(*at)) {
		above = at;
		side = slot_bit(tree, slot, tree->nodes[*at].bit);
		at = &tree->nodes[*at].child[side];
	}
	if (*at != (LEAF | slot))
		return;
	if (!above) {
		*at = PREFIX_TREE_NONE;
		return;
	}
	node = *above;
	*above = tree->nodes[node].child[!side];
	node_give_back(tree, node);
}

void prefix_tree_inside(const struct prefix_tree *tree, uint32_t root, const struct gl_addr *addr,
			uint8_t len, prefix_tree_fn fn, void *userdata)
{
	uint32_t ref = tree->roots[root], stack[KEY_BITS + 1], n = 0;

	if (ref == PREFIX_TREE_NONE)
		return;
	while (!is_leaf(ref) && tree->nodes[ref].bit < len)
		ref = tree->nodes[ref].child[bit_of(addr, len, tree->nodes[ref].bit)];
	stack[n++] = ref;
	while (n > 0) {
		const struct gl_prefix_slot *slot;

		ref = stack[--n];
		if (!is_leaf(ref)) {
			stack[n++] = tree->nodes[ref].child[1];
			stack[n++] = tree->nodes[ref].child[0];
			continue;
		}
		slot = &tree->slots[ref & ~LEAF];
		/* Nothing lies inside when the first leaf does not share the bits: none does. */
		if (first_difference(&slot->addr, 0, addr, 0) < len)
			return;
		if (slot->len > len)
			fn(ref & ~LEAF, userdata);
	}
}
