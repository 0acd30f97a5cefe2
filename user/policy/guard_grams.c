/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_grams.c - which four bytes of every pattern the scan looks for: those with a fixed place in
 * it, few of them, rare in the text servers send.
 */
#include "user/policy/guard_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/guard.h"

#define COMBINATIONS_MAX 128 /* of four bytes, for one pattern */
#define BACK_MAX         GL_GUARD_GRAM_BACK

/* Four sets at a fixed distance from the pattern's first byte. */
struct window {
	struct guard_set sets[4];
	unsigned back, cost, combinations;
};

/* How common a byte is in JSON and HTML, roughly, in halves of a bit. */
static unsigned commonness(unsigned byte)
{
	if (byte == '"' || byte == ' ')
		return 12;
	if (byte && strchr("etaoinsr", (int)byte))
		return 11;
	if (byte >= 'a' && byte <= 'z')
		return 9;
	if ((byte >= '0' && byte <= '9') || byte == ':' || byte == ',' || byte == '\n')
		return 8;
	if (byte == '-' || byte == '/' || byte == '.' || byte == '\\')
		return 7;
	if (byte >= 'A' && byte <= 'Z')
		return 4;
	return 5;
}

static unsigned set_count(const struct guard_set *set)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n += (unsigned)__builtin_popcountll(set->bits[i]);
	return n;
}

static unsigned set_common(const struct guard_set *set)
{
	unsigned most = 0;

	for (unsigned byte = 0; byte < 256; byte++)
		if (guard_set_has(set, byte) && commonness(byte) > most)
			most = commonness(byte);
	return most;
}

/* What may be at every distance from the first byte, up to where a match may be over. */
static unsigned spread(const struct guard_pattern *pattern, struct guard_set at[GUARD_SYMBOLS_MAX])
{
	uint32_t items[2][GUARD_SYMBOLS_MAX * (GUARD_SYMBOLS_MAX + 1)];
	struct guard_places here = {.items = items[0]}, next = {.items = items[1]};

	memset(at, 0, sizeof(*at) * GUARD_SYMBOLS_MAX);
	guard_places_add(&here, pattern, 0, 0);
	for (unsigned distance = 0; distance < pattern->shortest; distance++) {
		next.n = 0;
		guard_places_tidy(&here);
		for (size_t i = 0; i < here.n; i++) {
			const struct guard_set *set = &pattern->symbols[here.items[i]];

			for (int k = 0; k < 4; k++)
				at[distance].bits[k] |= set->bits[k];
			guard_places_add(&next, pattern, 0, here.items[i] + 1);
		}
		memcpy(here.items, next.items, next.n * sizeof(*next.items));
		here.n = next.n;
	}
	return pattern->shortest;
}

static size_t windows_list(const struct guard_pattern *pattern, struct window *windows)
{
	struct guard_set at[GUARD_SYMBOLS_MAX];
	unsigned length = spread(pattern, at);
	size_t n = 0;

	for (unsigned back = 0; back + 4 <= length && back <= BACK_MAX; back++) {
		struct window w = {.back = back, .combinations = 1};

		for (int i = 0; i < 4; i++) {
			w.sets[i] = at[back + (unsigned)i];
			w.combinations *= set_count(&w.sets[i]);
			w.cost += set_common(&w.sets[i]);
			if (w.combinations > COMBINATIONS_MAX)
				break;
		}
		if (w.combinations > COMBINATIONS_MAX)
			continue;
		for (unsigned c = w.combinations; c > 1; c /= 2)
			w.cost += 2;
		windows[n++] = w;
	}
	return n;
}

/* Enters the window's grams into the table; with `try`, only asks whether they may be. */
static int enter(struct gl_guard *guard, const struct window *w, bool try)
{
	uint8_t slot = (uint8_t)(GL_GUARD_GRAM | w->back);
	unsigned bytes[4];

	for (bytes[0] = 0; bytes[0] < 256; bytes[0]++) {
		if (!guard_set_has(&w->sets[0], bytes[0]))
			continue;
		for (bytes[1] = 0; bytes[1] < 256; bytes[1]++) {
			if (!guard_set_has(&w->sets[1], bytes[1]))
				continue;
			for (unsigned rest = 0; rest < 65536; rest++) {
				uint8_t *at;

				bytes[2] = rest >> 8;
				bytes[3] = rest & 255;
				if (!guard_set_has(&w->sets[2], bytes[2])) {
					rest |= 255;
					continue;
				}
				if (!guard_set_has(&w->sets[3], bytes[3]))
					continue;
				at = &guard->gram[guard_hash(bytes[0] | bytes[1] << 8 |
							     bytes[2] << 16 | bytes[3] << 24)];
				if (*at && *at != slot)
					return -EEXIST;
				if (!try && !*at)
					guard->n_grams++;
				if (!try)
					*at = slot;
			}
		}
	}
	return 0;
}

static int place(struct gl_guard *guard, const struct window *windows, size_t n, __u32 *ret_back)
{
	const struct window *best = NULL;

	for (size_t i = 0; i < n; i++)
		if ((!best || windows[i].cost < best->cost) && !enter(guard, &windows[i], true))
			best = &windows[i];
	if (!best)
		return -EEXIST;
	*ret_back = best->back;
	return enter(guard, best, false);
}

/* Patterns with the fewest windows first: whoever has a choice goes round them. */
int guard_grams_build(const struct guard_builder *builder, struct gl_guard *guard, int *ret_pattern)
{
	struct window windows[GUARD_SYMBOLS_MAX];

	for (size_t wanted = 1; wanted <= GUARD_SYMBOLS_MAX; wanted++) {
		for (size_t i = 0; i < builder->n; i++) {
			size_t n = windows_list(&builder->entries[i].pattern, windows);
			int err;

			if (n != wanted && !(n == 0 && wanted == 1))
				continue;
			err = place(guard, windows, n, &guard->patterns[i].back);
			if (err) {
				*ret_pattern = (int)i;
				return err;
			}
		}
	}
	return 0;
}
