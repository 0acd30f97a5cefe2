/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert_recent.h - how many different things somebody did within a time: accounts a source tried,
 * accounts a password was tried for, objects a principal asked for.
 *
 * Exact up to RECENT_ITEMS different things each; beyond, the oldest gives way (the rule has long
 * fired). Keyed by a hash its caller makes; sets of eight, the least recently used is evicted and
 * counted. Nothing here is a value: only hashes. Time is an argument.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECENT_ITEMS 64

struct recent_item {
	uint32_t hash, at_s;
	uint8_t step; /* one further on than the one before, as those before */
	uint8_t denied; /* answered 403 or 404 */
	uint16_t reserved;
};

/* Of one key. `number`, `step`: the owner's. */
struct recent {
	uint64_t key; /* 0: free */
	uint64_t number;
	int64_t step;
	uint32_t used_s;
	uint32_t n;
	struct recent_item items[RECENT_ITEMS];
};

struct recents;

/* `size`: a power of two, at least 8. */
int recents_new(size_t size, struct recents **ret_recents);
void recents_free(struct recents *recents); /* NULL-safe */

/* The key's, or one for it. */
struct recent *recents_get(struct recents *recents, uint64_t key, uint32_t now_s);
/* The key's, or NULL. */
struct recent *recents_find(struct recents *recents, uint64_t key);
uint64_t recents_evicted(const struct recents *recents);

/*
 * Notes one thing; returns its item. What is older than now_s - window_s is dropped, so that
 * recent->n is how many different ones the window holds.
 */
struct recent_item *recent_add(struct recent *recent, uint64_t hash, uint32_t now_s,
			       uint32_t window_s);
