/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libs_known.h - files that were looked into, by a hash of how /proc/PID/maps shows them: which
 * library each is, or that there is none in it. Bounded, in sets of four. Called by libs.c.
 *
 * A file without a library makes no room for itself where libraries are: it costs a look again,
 * and a library that is forgotten would be shown as none (hosts map thousands of files: every
 * container has its own).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KNOWN_SLOTS  8192
#define KNOWN_WAYS   4
#define FORGOTTEN_MS 600000 /* then a file without TLS is looked into again */

struct known {
	uint64_t hash, since_ms; /* hash 0: free */
	uint32_t library; /* number + 1; 0: nothing in it */
};

static inline size_t known_set(uint64_t hash)
{
	return hash % (KNOWN_SLOTS / KNOWN_WAYS) * KNOWN_WAYS;
}

static inline const struct known *known_find(const struct known *table, uint64_t hash,
					     uint64_t now_ms)
{
	const struct known *set = &table[known_set(hash)];

	for (size_t i = 0; i < KNOWN_WAYS; i++)
		if (set[i].hash == hash &&
		    (set[i].library || now_ms - set[i].since_ms < FORGOTTEN_MS))
			return &set[i];
	return NULL;
}

/* Is a better to be replaced than b? Free ones, then those without a library, then the oldest. */
static inline bool known_goes_first(const struct known *a, const struct known *b)
{
	if (!a->hash || !b->hash)
		return !a->hash && b->hash;
	if (!a->library != !b->library)
		return !a->library;
	return a->since_ms < b->since_ms;
}

static inline void known_remember(struct known *table, uint64_t hash, uint32_t library,
				  uint64_t now_ms)
{
	struct known *set = &table[known_set(hash)], *to = set;

	for (size_t i = 0; i < KNOWN_WAYS; i++) {
		if (set[i].hash == hash) {
			to = &set[i];
			break;
		}
		if (known_goes_first(&set[i], to))
			to = &set[i];
	}
	if (to->hash && to->hash != hash && to->library && !library)
		return;
	*to = (struct known){.hash = hash, .since_ms = now_ms, .library = library};
}

static inline void known_forget_library(struct known *table, uint32_t library)
{
	for (size_t i = 0; i < KNOWN_SLOTS; i++)
		if (table[i].hash && table[i].library == library)
			memset(&table[i], 0, sizeof(table[i]));
}
