/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_automaton.c - the patterns' automaton: sets of places, from the start by every class of
 * bytes. It has no loops. What a row says is the difference of two states' numbers, and states that
 * go on alike share one.
 */
#include "user/policy/guard_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define SETS_SLOTS (GL_GUARD_STATES * 2)
#define ROWS_SLOTS (GL_GUARD_ROWS * 2)
#define PLACES_MAX (GL_GUARD_PATTERNS * 4)

struct memo {
	struct guard_places places;
	uint16_t state;
};

struct automaton {
	const struct guard_builder *builder;
	struct gl_guard *guard;
	unsigned char byte_of[GL_GUARD_CLASSES]; /* one of every class */
	struct memo sets[SETS_SLOTS];
	uint16_t rows[ROWS_SLOTS]; /* row + 1; 0 = free */
};

static uint64_t hash_bytes(const void *data, size_t n)
{
	const unsigned char *at = data;
	uint64_t hash = 14695981039346656037ull;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * 1099511628211ull;
	return hash ^ hash >> 29;
}

/* ---------------------------------------------------------------------------------------------
 * Places
 */
void guard_places_add(struct guard_places *out, const struct guard_pattern *pattern,
		      unsigned number, unsigned symbol)
{
	while (symbol < pattern->n && pattern->skip[symbol]) {
		out->items[out->n++] = GUARD_PLACE(number, symbol);
		symbol = pattern->skip[symbol] - 1u;
	}
	out->items[out->n++] = GUARD_PLACE(number, symbol);
}

static int compare_places(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void guard_places_tidy(struct guard_places *places)
{
	size_t n = 0;

	qsort(places->items, places->n, sizeof(*places->items), compare_places);
	for (size_t i = 0; i < places->n; i++)
		if (!n || places->items[n - 1] != places->items[i])
			places->items[n++] = places->items[i];
	places->n = n;
}

static const struct guard_pattern *place_pattern(const struct automaton *a, uint32_t place)
{
	return &a->builder->entries[place >> 7].pattern;
}

static int step(const struct automaton *a, const struct guard_places *from, unsigned char byte,
		struct guard_places *to)
{
	to->n = 0;
	for (size_t i = 0; i < from->n; i++) {
		const struct guard_pattern *pattern = place_pattern(a, from->items[i]);
		unsigned symbol = from->items[i] & 127;

		if (symbol >= pattern->n || !guard_set_has(&pattern->symbols[symbol], byte))
			continue;
		if (to->n + GUARD_SYMBOLS_MAX + 1 > PLACES_MAX)
			return -E2BIG;
		guard_places_add(to, pattern, from->items[i] >> 7, symbol + 1);
	}
	guard_places_tidy(to);
	return 0;
}

/* The pattern that ends here, or -1: the first one added, of several. */
static int accepts(const struct automaton *a, const struct guard_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		if ((places->items[i] & 127) == place_pattern(a, places->items[i])->n)
			return (int)(places->items[i] >> 7);
	return -1;
}

/* ---------------------------------------------------------------------------------------------
 * Classes of bytes: those no pattern tells apart are one
 */
static int classes_build(struct automaton *a)
{
	uint8_t *class_of = a->guard->byte_class;
	unsigned n = 1;

	for (size_t i = 0; i < a->builder->n; i++) {
		const struct guard_pattern *pattern = &a->builder->entries[i].pattern;

		for (unsigned s = 0; s < pattern->n; s++) {
			uint16_t in[256] = {}, fresh[256] = {};

			/* those of a class that the set has become a class of their own */
			for (unsigned byte = 0; byte < 256; byte++)
				if (!guard_set_has(&pattern->symbols[s], byte))
					in[class_of[byte]] = 1;
			for (unsigned byte = 0; byte < 256; byte++) {
				unsigned old = class_of[byte];

				if (!guard_set_has(&pattern->symbols[s], byte) || !in[old])
					continue;
				if (!fresh[old])
					fresh[old] = (uint16_t)n++;
				if (n > GL_GUARD_CLASSES)
					return -E2BIG;
				class_of[byte] = (uint8_t)fresh[old];
			}
		}
	}
	a->guard->n_classes = n;
	for (unsigned byte = 0; byte < 256; byte++)
		a->byte_of[class_of[byte]] = (unsigned char)byte;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Rows
 */
#define ROW_BYTES (GL_GUARD_CLASSES * sizeof(uint16_t))

/* The row with these steps: one there is, or a new one. */
static int row_of(struct automaton *a, const uint16_t *next, uint16_t *ret_row)
{
	struct gl_guard *guard = a->guard;
	size_t slot = hash_bytes(next, ROW_BYTES) % ROWS_SLOTS;

	for (; a->rows[slot]; slot = (slot + 1) % ROWS_SLOTS) {
		unsigned row = a->rows[slot] - 1u;

		if (!memcmp(&guard->next[row * GL_GUARD_CLASSES], next, ROW_BYTES)) {
			*ret_row = (uint16_t)row;
			return 0;
		}
	}
	if (guard->n_rows >= GL_GUARD_ROWS)
		return -E2BIG;
	memcpy(&guard->next[guard->n_rows * GL_GUARD_CLASSES], next, ROW_BYTES);
	*ret_row = (uint16_t)guard->n_rows++;
	a->rows[slot] = (uint16_t)guard->n_rows;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * States, each by the places it stands for
 */
static struct memo *memo_find(struct automaton *a, const struct guard_places *places)
{
	size_t slot = hash_bytes(places->items, places->n * sizeof(*places->items)) % SETS_SLOTS;

	for (;; slot = (slot + 1) % SETS_SLOTS) {
		const struct guard_places *there = &a->sets[slot].places;

		if (!there->items ||
		    (there->n == places->n &&
		     !memcmp(there->items, places->items, places->n * sizeof(*places->items))))
			return &a->sets[slot];
	}
}

/* A number for new places. It is given before those of what follows: a chain counts up by one. */
static int number(struct automaton *a, const struct guard_places *places, struct memo *memo)
{
	size_t size = places->n * sizeof(*places->items);
	int accept = accepts(a, places);

	if (a->guard->n_states >= GL_GUARD_STATES)
		return -E2BIG;
	memo->places.items = malloc(size);
	if (!memo->places.items)
		return -ENOMEM;
	memcpy(memo->places.items, places->items, size);
	memo->places.n = places->n;
	memo->state = (uint16_t)a->guard->n_states++;
	a->guard->accept[memo->state] = (uint16_t)(accept + 1);
	return 0;
}

/* Goes as deep as the longest match. */
static int state_of(struct automaton *a, const struct guard_places *places, uint16_t *ret_state)
{
	_cleanup_free_ uint32_t *items = NULL;
	struct memo *memo = memo_find(a, places);
	uint16_t next[GL_GUARD_CLASSES] = {};
	struct guard_places to = {};
	uint16_t state, target;
	int err = 0;

	if (!memo->places.items) {
		err = number(a, places, memo);
		if (err)
			return err;
		to.items = items = malloc(PLACES_MAX * sizeof(*items));
		state = memo->state;
		for (unsigned class = 0; items && class < a->guard->n_classes && !err; class ++) {
			err = step(a, places, a->byte_of[class], &to);
			if (err || !to.n)
				continue;
			err = state_of(a, &to, &target);
			next[class] = (uint16_t)(target - state);
		}
		if (!items)
			err = -ENOMEM;
		if (!err)
			err = row_of(a, next, &a->guard->row[state]);
	}
	*ret_state = memo->state;
	return err;
}

static int start_build(struct automaton *a)
{
	_cleanup_free_ uint32_t *items =
		calloc(a->builder->n * (GUARD_SYMBOLS_MAX + 1) + 1, sizeof(*items));
	struct guard_places places = {.items = items};
	uint16_t start;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < a->builder->n; i++)
		guard_places_add(&places, &a->builder->entries[i].pattern, (unsigned)i, 0);
	guard_places_tidy(&places);
	a->guard->n_states = GL_GUARD_START;
	return state_of(a, &places, &start);
}

int guard_automaton_build(const struct guard_builder *builder, struct gl_guard *guard)
{
	_cleanup_free_ struct automaton *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->builder = builder;
	a->guard = guard;
	err = classes_build(a);
	if (!err && builder->n)
		err = start_build(a);
	for (size_t i = 0; i < SETS_SLOTS; i++)
		free(a->sets[i].places.items);
	return err;
}
