/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes_shadows.c - who wins on the paths of a rule that never wins itself.
 *
 * Walks the finished automaton and the one rule side by side over every segment the rule accepts.
 * Only for rules that routes_reachable() denies.
 */
#include "user/policy/routes.h"

#include <errno.h>
#include <stdlib.h>

#include "user/base/cleanup.h"
#include "user/policy/routes_private.h"

#define POSITIONS (GL_PATH_DEPTH + 2)

struct pursuit {
	const struct routes *routes;
	const struct rule *rule;
	bool *seen; /* state * POSITIONS + pos */
	uint32_t *todo; /* the same numbers */
	size_t n_todo;
	bool *winners; /* by rule */
};

static void reach(struct pursuit *p, uint32_t state, size_t pos)
{
	uint32_t at = state * POSITIONS + (uint32_t)pos;

	if (state == 0 || p->seen[at])
		return;
	p->seen[at] = true;
	p->todo[p->n_todo++] = at;
}

/* Every segment of a type: the typed edge and the literals of the type. */
static void follow_type(struct pursuit *p, const struct state *state, uint32_t type, size_t pos)
{
	reach(p, state->next[type], pos);
	for (size_t e = state->edges; e < state->edges + state->n_edges; e++) {
		const struct edge *edge = &p->routes->edges[e];

		if (p->routes->literals[edge->literal].type == type)
			reach(p, edge->next, pos);
	}
}

static void follow_literal(struct pursuit *p, const struct state *state, uint32_t literal,
			   size_t pos)
{
	for (size_t e = state->edges; e < state->edges + state->n_edges; e++) {
		if (p->routes->edges[e].literal != literal)
			continue;
		reach(p, p->routes->edges[e].next, pos);
		return;
	}
	reach(p, state->next[p->routes->literals[literal].type], pos);
}

static void follow(struct pursuit *p, uint32_t number, size_t pos)
{
	const struct state *state = &p->routes->states[number];
	size_t after = pos + 1;

	if (pos >= p->rule->n) {
		if (state->winner != NO_RULE)
			p->winners[state->winner] = true;
		return;
	}
	switch (p->rule->kind[pos]) {
	case SYMBOL_LITERAL:
		follow_literal(p, state, p->rule->literal[pos], after);
		return;
	case SYMBOL_INT:
		follow_type(p, state, ROUTE_TYPE_INT, after);
		return;
	case SYMBOL_UUID:
		follow_type(p, state, ROUTE_TYPE_UUID, after);
		return;
	case SYMBOL_MANY:
		reach(p, number, after);
		after = pos;
		break;
	}
	for (uint32_t type = 0; type < 3; type++)
		follow_type(p, state, type, after);
}

int routes_shadows(const struct routes *routes, size_t rule, size_t max, size_t *ret_rules,
		   size_t *ret_n)
{
	_cleanup_free_ bool *seen = calloc(routes->n_states * POSITIONS, sizeof(*seen));
	_cleanup_free_ uint32_t *todo = calloc(routes->n_states * POSITIONS, sizeof(*todo));
	_cleanup_free_ bool *winners = calloc(routes->n_rules, sizeof(*winners));
	struct pursuit p = {.routes = routes,
			    .rule = &routes->rules[rule],
			    .seen = seen,
			    .todo = todo,
			    .winners = winners};
	size_t n = 0;

	if (!seen || !todo || !winners)
		return -ENOMEM;
	reach(&p, ROUTES_ROOT, 0);
	while (p.n_todo) {
		uint32_t at = todo[--p.n_todo];

		follow(&p, at / POSITIONS, at % POSITIONS);
	}
	for (size_t i = 0; i < routes->n_rules; i++) {
		if (winners[i] && n++ < max)
			ret_rules[n - 1] = i;
	}
	*ret_n = n;
	return 0;
}
