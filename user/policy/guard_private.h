/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_private.h - what the builder of the guard's tables consists of. For guard_*.c only.
 */
#pragma once

#include <stdbool.h>

#include "user/policy/guard.h"

struct guard_entry {
	struct guard_pattern pattern;
	struct gl_guard_pattern out;
};

struct guard_builder {
	struct guard_entry entries[GL_GUARD_PATTERNS];
	size_t n;
};

/*
 * Bytes a pattern may be at: sorted, no place twice. A place is pattern << 7 | symbol; the symbol
 * one past the last is the end. The closure of the optional symbols is in it.
 */
struct guard_places {
	uint32_t *items;
	size_t n;
};
#define GUARD_PLACE(pattern, symbol) ((uint32_t)(pattern) << 7 | (uint32_t)(symbol))

/* Adds a place and what may follow without a byte. `out` has room for GUARD_SYMBOLS_MAX + 1 more.
 */
void guard_places_add(struct guard_places *out, const struct guard_pattern *pattern,
		      unsigned number, unsigned symbol);
void guard_places_tidy(struct guard_places *places);

int guard_automaton_build(const struct guard_builder *builder, struct gl_guard *guard);
int guard_grams_build(const struct guard_builder *builder, struct gl_guard *guard,
		      int *ret_pattern);
