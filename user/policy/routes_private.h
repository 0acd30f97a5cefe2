/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes_private.h - the automaton while it is being made. For routes*.c only.
 */
#pragma once

#include "user/policy/routes.h"

#define NO_RULE     UINT32_MAX
#define ROUTES_ROOT 1 /* the first state after the dead one */
#define STATE_SLOTS (1u << 15)
_Static_assert(STATE_SLOTS >= 2 * GL_STATES_MAX, "a free slot is always near");

/* One operation's symbols; the method is the first. */
struct rule {
	uint16_t op;
	uint8_t n;
	uint8_t kind[GL_PATH_DEPTH + 1]; /* enum symbol_kind */
	uint32_t literal[GL_PATH_DEPTH + 1]; /* number, of literals */
};

struct literal {
	uint64_t key; /* route_segment_key() */
	uint32_t type; /* enum route_type */
};

/* A place: before symbol `pos` of a rule; pos == n: at its end. Numeric order is rule order. */
static inline uint32_t place_make(uint32_t rule, size_t pos)
{
	return rule << 5 | (uint32_t)pos;
}
static inline uint32_t place_rule(uint32_t place)
{
	return place >> 5;
}
static inline size_t place_pos(uint32_t place)
{
	return place & 31;
}
_Static_assert(GL_PATH_DEPTH + 1 < 32, "a position has five bits");

struct list {
	uint32_t *items;
	size_t n;
};

struct state {
	size_t places, n_places; /* in routes->places */
	size_t edges, n_edges; /* in routes->edges */
	uint32_t next[3]; /* by enum route_type */
	uint32_t winner; /* rule, or NO_RULE */
};

struct edge {
	uint32_t literal, next;
};

struct routes {
	struct gl_key key;
	struct rule *rules;
	size_t n_rules, cap_rules;
	struct literal *literals;
	size_t n_literals, cap_literals;
	uint32_t *literal_slots; /* number + 1 */
	size_t literal_mask;
	struct state *states; /* [0] is dead */
	size_t n_states, cap_states;
	uint32_t *places;
	size_t n_places, cap_places;
	struct edge *edges;
	size_t n_edges, cap_edges;
	bool *won; /* by rule */
	uint32_t *state_slots; /* while building; borrowed */
	uint64_t work;
};
