/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile_routes.c - a service's automaton into the image, what it costs, and the warnings it
 * gives: rules that can never match.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/policy/compile_private.h"

#define SHADOWS_NAMED 3

/* "GET /a" (line 4:9), "GET /b" (line 5:9) and 2 more */
static void shadows_text(const struct compiled_rule *rules, const size_t *shadows, size_t n,
			 char *out, size_t size)
{
	size_t named = n < SHADOWS_NAMED ? n : SHADOWS_NAMED, at = 0;

	for (size_t i = 0; i < named && at < size; i++) {
		const struct compiled_rule *rule = &rules[shadows[i]];

		at += (size_t)snprintf(out + at, size - at, "%s%s (line %u:%u)",
				       i == 0       ? ""
				       : i + 1 == n ? " and "
						    : ", ",
				       problem_quote(rule->match).text, rule->pos.line,
				       rule->pos.column);
	}
	if (n > named && at < size)
		snprintf(out + at, size - at, " and %zu more", n - named);
}

static int warn_unreachable(struct compilation *c, const struct routes *routes,
			    const struct compiled_rule *rules, size_t rule)
{
	size_t shadows[SHADOWS_NAMED], n = 0;
	char text[SHADOWS_NAMED * 160 + 32] = "";
	int err = routes_shadows(routes, rule, SHADOWS_NAMED, shadows, &n);

	if (err)
		return err;
	shadows_text(rules, shadows, n, text, sizeof(text));
	problems_add(c->problems, PROBLEM_WARNING, rules[rule].pos.line, rules[rule].pos.column, "",
		     "the first match wins: move it before them, or remove it",
		     "%s can never match: %s match%s first", problem_quote(rules[rule].match).text,
		     text, n == 1 ? "es" : "");
	return 0;
}

static int warn_all(struct compilation *c, size_t index, const struct routes *routes,
		    const struct compiled_rule *rules, size_t n)
{
	size_t warned = 0;

	for (size_t i = 0; i < n && warned < UNREACHABLE_MAX; i++) {
		int err;

		/* the classes' matches are the same in every service: say it once */
		if (routes_reachable(routes, i) || (!rules[i].operation && index > 0))
			continue;
		err = warn_unreachable(c, routes, rules, i);
		if (err)
			return err;
		warned++;
	}
	return 0;
}

int compile_routes(struct compilation *c, size_t index, struct routes *routes,
		   const struct compiled_rule *rules, size_t n)
{
	struct gl_service *service = &c->image->services[index];
	uint16_t flags = service->flags & GL_SERVICE_FOLD_CASE ? GL_STATE_FOLD : 0;
	int err = routes_build(routes);

	c->costs[index] = (struct routes_cost){routes_states(routes), routes_edges(routes)};
	if (!err)
		err = warn_all(c, index, routes, rules, n);
	if (!err && !c->routes_full)
		err = routes_emit(routes, flags, c->image, &service->root);
	if (err != -E2BIG && err != -ENOSPC)
		return err;
	c->routes_full = true; /* compile_routes_budget() says so, once every service is counted */
	return 0;
}

/* Of what is scarcer for it: states or edges. */
static double cost_share(const struct routes_cost *cost)
{
	double states = (double)cost->states / GL_STATES_MAX;
	double edges = (double)cost->edges / GL_EDGES_MAX;

	return states > edges ? states : edges;
}

int compile_routes_budget(struct compilation *c)
{
	const struct policy *p = c->policy;
	size_t worst = 0;

	if (!c->routes_full)
		return 0;
	for (size_t i = 0; i < p->n_services; i++)
		if (cost_share(&c->costs[i]) > cost_share(&c->costs[worst]))
			worst = i;
	problems_add(c->problems, PROBLEM_ERROR, p->services[worst].pos.line,
		     p->services[worst].pos.column, "",
		     "what costs is ** or a parameter before many different literals",
		     "the operations do not fit the route automaton of %d states and %d edges: "
		     "service %s costs most, %zu states and %zu edges or more",
		     GL_STATES_MAX, GL_EDGES_MAX, problem_quote(p->services[worst].name).text,
		     c->costs[worst].states, c->costs[worst].edges);
	return -EINVAL;
}
