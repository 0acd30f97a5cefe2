/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * networks.c - see networks.h.
 *
 * Only membership matters in these sets, so a list is reduced to the networks no other of it
 * covers: two lists that mean the same are then the same, and nothing nests in the table.
 */
#include "user/policy/networks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/prefix_table.h"

#define KEYS_TRIED 4

struct network_set {
	struct addr_prefix *items; /* sorted, none covers another */
	size_t n;
};

struct networks {
	struct network_set sets[GL_NET_SETS_MAX];
	size_t n;
};

int networks_new(struct networks **ret_networks)
{
	struct networks *networks = calloc(1, sizeof(*networks));

	if (!networks)
		return -ENOMEM;
	*ret_networks = networks;
	return 0;
}

void networks_free(struct networks *networks)
{
	if (!networks)
		return;
	for (size_t i = 0; i < networks->n; i++)
		free(networks->sets[i].items);
	free(networks);
}

/* By address, shorter first: what covers a network stands before it. */
static int compare_prefixes(const void *a, const void *b)
{
	const struct addr_prefix *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->len - (int)y->len;
}

/* Families are apart in the table: ::/0 covers no IPv4 network. */
static bool covers(const struct addr_prefix *wide, const struct addr_prefix *narrow)
{
	bool wide_v4 = wide->len >= 96 && addr_is_v4(&wide->addr);
	bool narrow_v4 = narrow->len >= 96 && addr_is_v4(&narrow->addr);

	return wide_v4 == narrow_v4 && prefix_contains(wide, &narrow->addr);
}

static int set_make(const struct policy_cidrs *cidrs, struct network_set *ret_set)
{
	struct network_set set = {.items = calloc(cidrs->n, sizeof(*set.items))};

	if (!set.items)
		return -ENOMEM;
	for (size_t i = 0; i < cidrs->n; i++)
		set.items[i] = prefix_of(&cidrs->items[i].addr, cidrs->items[i].len);
	qsort(set.items, cidrs->n, sizeof(*set.items), compare_prefixes);
	for (size_t i = 0; i < cidrs->n; i++)
		if (!set.n || !covers(&set.items[set.n - 1], &set.items[i]))
			set.items[set.n++] = set.items[i];
	*ret_set = set;
	return 0;
}

static bool set_equal(const struct network_set *a, const struct network_set *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!prefix_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

int networks_set(struct networks *networks, const struct policy_cidrs *cidrs, uint8_t *ret_set)
{
	struct network_set set;
	size_t i = 0;
	int err;

	if (cidrs->n == 0) {
		*ret_set = GL_NET_SET_ANY;
		return 0;
	}
	err = set_make(cidrs, &set);
	if (err)
		return err;
	while (i < networks->n && !set_equal(&networks->sets[i], &set))
		i++;
	if (i < networks->n || i == GL_NET_SETS_MAX) {
		free(set.items);
	} else {
		networks->sets[i] = set;
		networks->n++;
	}
	if (i == GL_NET_SETS_MAX)
		return -ENOSPC;
	*ret_set = (uint8_t)i;
	return 0;
}

static int set_emit(struct prefix_table *table, uint32_t number, const struct network_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		int err = prefix_table_insert(table, number, &set->items[i].addr, set->items[i].len,
					      0, 0);

		if (err)
			return err;
	}
	return 0;
}

static int table_emit(const struct networks *networks, const struct gl_key *key,
		      struct gl_policy *image)
{
	_cleanup_(prefix_table_freep) struct prefix_table *table = NULL;
	struct prefix_table_counts counts;
	int err;

	memset(image->nets, 0, sizeof(image->nets));
	memset(image->net_lens, 0, sizeof(image->net_lens));
	err = prefix_table_new(image->nets, GL_NETS_MAX, image->net_lens, GL_NET_SETS_MAX, key,
			       &table);
	for (size_t i = 0; !err && i < networks->n; i++)
		err = set_emit(table, (uint32_t)i, &networks->sets[i]);
	if (err)
		return err;
	prefix_table_count(table, &counts);
	image->n_nets = counts.entries + counts.markers;
	return 0;
}

int networks_emit(const struct networks *networks, struct gl_policy *image)
{
	struct gl_key key = image->route_key;
	int err = -ENOSPC;

	/* a home may be overfull by bad luck of the key (prefix.h): another one may do */
	for (int i = 0; err == -ENOSPC && i < KEYS_TRIED; i++) {
		err = table_emit(networks, &key, image);
		key.k1 += 0x9e3779b97f4a7c15ull;
	}
	return err;
}
