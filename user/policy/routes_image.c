/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes_image.c - the finished automaton into struct gl_policy, with a place in the edge table for
 * every literal edge, so that the walk looks at two buckets of four and never further (route.h).
 *
 * Cuckoo hashing: where both buckets of an edge are full, one edge of them moves to its other
 * bucket. Two choices of four slots fill such a table to 97 %; failure is an error of the policy.
 */
#include "user/policy/routes.h"

#include <errno.h>

#include "user/policy/routes_private.h"

#define MOVES_MAX 2000

static struct gl_edge *bucket_of(struct gl_policy *image, uint32_t number)
{
	return &image->edges[number * ROUTE_BUCKET_SLOTS];
}

static bool bucket_take(struct gl_edge *bucket, const struct gl_edge *edge)
{
	for (int i = 0; i < ROUTE_BUCKET_SLOTS; i++) {
		if (bucket[i].state)
			continue;
		bucket[i] = *edge;
		return true;
	}
	return false;
}

static uint32_t bucket_other(const struct gl_edge *edge, uint32_t number)
{
	uint64_t mix = route_edge_mix(edge->state, edge->hash);
	uint32_t first = route_edge_bucket1(mix);

	return number == first ? route_edge_bucket2(mix) : first;
}

static int edge_put(struct gl_policy *image, uint32_t state, uint64_t key, uint32_t next)
{
	struct gl_edge edge = {.hash = key, .state = state, .next = next};
	uint64_t mix = route_edge_mix(state, key), chance = mix;
	uint32_t number = route_edge_bucket1(mix);

	if (bucket_take(bucket_of(image, number), &edge)) {
		image->n_edges++;
		return 0;
	}
	number = route_edge_bucket2(mix);
	for (int moves = 0; moves < MOVES_MAX; moves++) {
		struct gl_edge *bucket = bucket_of(image, number), *victim, moved;

		if (bucket_take(bucket, &edge)) {
			image->n_edges++;
			return 0;
		}
		chance = chance * 6364136223846793005ull + 1442695040888963407ull;
		victim = &bucket[chance >> 62];
		moved = *victim;
		*victim = edge;
		edge = moved;
		number = bucket_other(&edge, number);
	}
	return -ENOSPC;
}

int routes_emit(const struct routes *r, uint16_t flags, struct gl_policy *image, uint32_t *ret_root)
{
	uint32_t base = image->n_states - ROUTES_ROOT;

	if (image->n_states + routes_states(r) > GL_STATES_MAX)
		return -E2BIG;
	for (size_t i = ROUTES_ROOT; i < r->n_states; i++) {
		const struct state *state = &r->states[i];
		uint32_t number = base + (uint32_t)i, next[3];

		for (size_t type = 0; type < 3; type++)
			next[type] = state->next[type] ? base + state->next[type] : 0;
		image->states[number] = (struct gl_state){
			.on_any = next[ROUTE_TYPE_ANY],
			.on_int = next[ROUTE_TYPE_INT],
			.on_uuid = next[ROUTE_TYPE_UUID],
			.op = state->winner == NO_RULE ? 0 : r->rules[state->winner].op,
			.flags = (state->n_edges ? GL_STATE_LITERALS : 0) |
				 (i == ROUTES_ROOT ? flags : 0),
		};
		for (size_t e = state->edges; e < state->edges + state->n_edges; e++) {
			int err = edge_put(image, number, r->literals[r->edges[e].literal].key,
					   base + r->edges[e].next);
			if (err)
				return err;
		}
	}
	image->n_states += (uint32_t)routes_states(r);
	*ret_root = base + ROUTES_ROOT;
	return 0;
}
