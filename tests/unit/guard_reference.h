/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_reference.h - the response guard the slow way: every pattern at every position, symbol by
 * symbol. And the real one, driven over a text in pieces. For test_guard.c and fuzz_guard.c.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/guard.h"
#include "user/policy/guard.h"

/* Bytes of the shortest match of `pattern` at the beginning of the text; 0 = none. */
static inline size_t reference_match(const struct guard_pattern *pattern, unsigned symbol,
				     const uint8_t *text, size_t n)
{
	size_t best = 0, rest;

	if (symbol == pattern->n)
		return SIZE_MAX; /* matched, no byte more */
	if (pattern->skip[symbol]) {
		rest = reference_match(pattern, pattern->skip[symbol] - 1u, text, n);
		if (rest)
			best = rest;
	}
	if (n && guard_set_has(&pattern->symbols[symbol], *text)) {
		rest = reference_match(pattern, symbol + 1, text + 1, n - 1);
		if (rest) {
			rest = rest == SIZE_MAX ? 1 : rest + 1;
			if (!best || (best != SIZE_MAX && rest < best))
				best = rest;
		}
	}
	return best;
}

/* Places of the text where a pattern begins, and where the first to end ends (SIZE_MAX: none). */
static inline size_t reference_count(const struct guard_pattern *patterns, size_t n_patterns,
				     const uint8_t *text, size_t n, size_t *ret_first_end)
{
	size_t places = 0;

	*ret_first_end = SIZE_MAX;
	for (size_t at = 0; at < n; at++) {
		size_t shortest = 0;

		for (size_t i = 0; i < n_patterns; i++) {
			size_t length = reference_match(&patterns[i], 0, text + at, n - at);

			if (length && (!shortest || length < shortest))
				shortest = length;
		}
		places += shortest != 0;
		if (shortest && at + shortest < *ret_first_end)
			*ret_first_end = at + shortest;
	}
	return places;
}

/* One stream. `cut` as in struct guard_scan: 0 counts all, else the first ends it. */
struct guard_stream {
	const struct gl_guard *guard;
	struct guard_carry carry;
	struct guard_text text;
	uint32_t cut, look, service;
	size_t behind; /* bytes handed on */
	size_t places; /* counted */
	size_t hit_end; /* of the hit that ended it */
	uint32_t pattern;
};

/* False: there was a hit, and these bytes do not leave. */
static inline bool guard_stream_put(struct guard_stream *s, const uint8_t *bytes, size_t n)
{
	struct guard_scan scan = {.guard = s->guard,
				  .text = &s->text,
				  .look = s->look,
				  .cut = s->cut,
				  .service = s->service};
	int result;

	guard_begin(&s->text, &s->carry);
	if (n)
		memcpy(s->text.bytes + GUARD_AT, bytes, n);
	result = guard_run(&scan, &s->carry, (uint32_t)n);
	guard_end(&s->carry, &s->text, (uint32_t)n);
	s->places += s->text.would;
	if (s->text.would || s->text.hits)
		s->pattern = s->text.pattern;
	if (result == GUARD_CLEAN) {
		s->behind += n;
		return true;
	}
	s->hit_end = s->behind + s->text.hit_end;
	return false;
}
