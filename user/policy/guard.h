/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard.h - from texts that must not leave to the tables of the response guard (abi_guard.h).
 *
 * A pattern is a sequence of byte sets, each once or a bounded number of times: `AKIA[0-9A-Z]{16}`,
 * `\$2[aby]\$[0-9]{2}\$`, `"name"[ \t]{0,2}:`. No alternatives, no unbounded repetition, no groups:
 * every match is at most GL_GUARD_REACH bytes, so the automaton has no loops, is small and minimal,
 * and a scan needs only that many bytes of what went before. A backslash makes the next byte
 * literal; \n \r \t are what they are in C.
 *
 * Used by compile_guard.c, and by tests and the fuzzer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

#define GUARD_SYMBOLS_MAX GL_GUARD_REACH

struct guard_set {
	uint64_t bits[4];
};

/* A pattern, written out: symbol i must be there, or, if skip[i], one may go on at skip[i] - 1. */
struct guard_pattern {
	struct guard_set symbols[GUARD_SYMBOLS_MAX];
	uint8_t skip[GUARD_SYMBOLS_MAX];
	uint8_t n;
	uint8_t shortest; /* bytes of the shortest match */
};

static inline int guard_set_has(const struct guard_set *set, unsigned byte)
{
	return set->bits[byte / 64] >> (byte % 64) & 1;
}

/* -EINVAL: *ret_fault says why; -E2BIG: a match could be longer than GL_GUARD_REACH. */
int guard_pattern_parse(const char *text, struct guard_pattern *ret_pattern,
			const char **ret_fault);

/* The pattern of a JSON member of that name: in quotes, a colon behind. -E2BIG: too long. */
int guard_pattern_member(const char *name, struct guard_pattern *ret_pattern);

struct guard_builder;
int guard_builder_new(struct guard_builder **ret_builder);
void guard_builder_free(struct guard_builder *builder);
static inline void guard_builder_freep(struct guard_builder **builder)
{
	guard_builder_free(*builder);
}

/*
 * Adds a pattern; its number is returned. One that is there already (same symbols) gets the
 * services added to its own. -ENOSPC: GL_GUARD_PATTERNS are there.
 */
int guard_builder_add(struct guard_builder *builder, const struct guard_pattern *pattern,
		      const char *name, enum gl_guard_group group,
		      const uint64_t services[GL_GUARD_SERVICES / 64]);

/*
 * Fills *guard, zeroed by the caller. -E2BIG: more states or classes than there is room for;
 * -EEXIST: *ret_pattern cannot be told from others by four bytes.
 */
int guard_builder_build(const struct guard_builder *builder, struct gl_guard *guard,
			int *ret_pattern);

/* One of the formats every policy that guards secrets looks for. */
struct guard_format {
	const char *name;
	const char *pattern;
	enum gl_guard_group group;
};
extern const struct guard_format guard_formats[];
extern const size_t guard_formats_n;
