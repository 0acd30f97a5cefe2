/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes.h - operations as written ("GET /users/{id}") to the deterministic automaton the kernel
 * walks (include/glacis/route.h), one service at a time.
 *
 * Subset construction over segment positions: a set of places in rules becomes one state, the first
 * rule of a set that may end there is the state's answer, so "first match wins" costs nothing at
 * run time. Called by the policy compiler.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "include/glacis/route.h"
#include "user/policy/match.h"

enum symbol_kind {
	SYMBOL_LITERAL,
	SYMBOL_INT, /* {n:int}: digits */
	SYMBOL_UUID, /* {id:uuid} */
	SYMBOL_ANY, /* {id} or *: one segment */
	SYMBOL_MANY, /* **: any number of segments, none too */
};

_Static_assert(MATCH_LITERAL_MAX <= ROUTE_LITERAL_MAX, "every literal can be an edge");

struct symbol {
	uint8_t kind; /* enum symbol_kind */
	uint8_t len;
	char text[ROUTE_LITERAL_MAX]; /* of a literal: not terminated */
};

/* symbols[0] is the method (SYMBOL_LITERAL or SYMBOL_ANY), then the path's segments. */
struct pattern {
	size_t n;
	struct symbol symbols[GL_PATH_DEPTH + 1];
};

/*
 * "METHOD /path". -EINVAL: *ret_fault says why. fold: literals of the path are folded to lower case
 * (caseInsensitive).
 */
int pattern_parse(const char *text, bool fold, struct pattern *ret_pattern,
		  struct match_fault *ret_fault);

/* The automaton of one service. */
struct routes;
int routes_new(const struct gl_key *key, struct routes **ret_routes);
void routes_free(struct routes *routes);
static inline void routes_freep(struct routes **p)
{
	routes_free(*p);
}

/* Adds a rule after all earlier ones; rules are numbered from 0. op: index in ops[], not 0. */
int routes_add(struct routes *routes, const struct pattern *pattern, uint16_t op);

/*
 * Builds the automaton. -E2BIG: more than GL_STATES_MAX states, or more work than a policy may
 * cost. After either, routes_states() and routes_edges() are how many there were.
 */
int routes_build(struct routes *routes);
size_t routes_states(const struct routes *routes);
size_t routes_edges(const struct routes *routes);

/*
 * Writes the states behind the image's (n_states) and the edges into its table. `flags` are the
 * root's. -E2BIG: the image has too few states left, -ENOSPC: or edges; nothing useful was written.
 */
int routes_emit(const struct routes *routes, uint16_t flags, struct gl_policy *image,
		uint32_t *ret_root);

/* True if some path ends at the rule. */
bool routes_reachable(const struct routes *routes, size_t rule);
/*
 * The rules that win on the paths of an unreachable one: at most `max`, in order, into `ret_rules`.
 * *ret_n is how many there are in all.
 */
int routes_shadows(const struct routes *routes, size_t rule, size_t max, size_t *ret_rules,
		   size_t *ret_n);
