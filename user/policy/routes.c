/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes.c - subset construction: the rules of a service to one deterministic automaton.
 *
 * A place is (rule, position in its symbols), packed so that numeric order is rule order. A state
 * is a sorted set of places. Two things keep it small: a rule that ends in ** takes every path from
 * there on, so places of later rules are dropped from the set; and a literal that leads where its
 * type would lead anyway gets no edge. What a policy may cost is bounded by counting places, so a
 * hostile or unlucky set of rules is an error and not a hang.
 */
#include "user/policy/routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/routes_private.h"

#define PLACES_MAX (1u << 24) /* of all states: 64 MiB while compiling */
#define WORK_MAX   (1u << 27) /* places looked at */

/* Makes room for one more element behind n. */
static int grow(void *array, size_t n, size_t *capacity, size_t size)
{
	void **items = array, *more;
	size_t wanted;

	if (n < *capacity)
		return 0;
	wanted = *capacity ? *capacity * 2 : 64;
	more = reallocarray(*items, wanted, size);
	if (!more)
		return -ENOMEM;
	*items = more;
	*capacity = wanted;
	return 0;
}

int routes_new(const struct gl_key *key, struct routes **ret_routes)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return -ENOMEM;
	routes->key = *key;
	*ret_routes = routes;
	return 0;
}

void routes_free(struct routes *routes)
{
	if (!routes)
		return;
	free(routes->rules);
	free(routes->literals);
	free(routes->literal_slots);
	free(routes->states);
	free(routes->places);
	free(routes->edges);
	free(routes->won);
	free(routes);
}

/* ---------------------------------------------------------------------------------------------
 * Rules and literals
 */

/* The walk itself says what a segment's key and type are; text is folded already. */
static struct literal literal_of(const struct gl_key *key, const struct symbol *symbol)
{
	struct route_walk w = {};

	route_segment_begin(&w);
	for (size_t i = 0; i < symbol->len; i++) {
		__u8 b = (__u8)symbol->text[i];

		route_segment_byte(&w, key, b, route_class[b]);
	}
	return (struct literal){.key = route_segment_key(&w), .type = route_segment_type(&w)};
}

static int literal_slots_grow(struct routes *r)
{
	size_t size = r->literal_mask ? (r->literal_mask + 1) * 2 : 256;
	uint32_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_literals; i++) {
		size_t at = r->literals[i].key * 0x9e3779b97f4a7c15ull >> 32;

		while (slots[at & (size - 1)])
			at++;
		slots[at & (size - 1)] = (uint32_t)i + 1;
	}
	free(r->literal_slots);
	r->literal_slots = slots;
	r->literal_mask = size - 1;
	return 0;
}

/* Number of a literal; equal keys are equal literals, to the walk as well. */
static int literal_number(struct routes *r, const struct symbol *symbol, uint32_t *ret_number)
{
	struct literal literal = literal_of(&r->key, symbol);
	size_t at = literal.key * 0x9e3779b97f4a7c15ull >> 32;
	int err;

	if (r->n_literals * 2 >= r->literal_mask) {
		err = literal_slots_grow(r);
		if (err)
			return err;
	}
	for (; r->literal_slots[at & r->literal_mask]; at++) {
		uint32_t number = r->literal_slots[at & r->literal_mask] - 1;

		if (r->literals[number].key == literal.key) {
			*ret_number = number;
			return 0;
		}
	}
	err = grow(&r->literals, r->n_literals, &r->cap_literals, sizeof(*r->literals));
	if (err)
		return err;
	r->literals[r->n_literals++] = literal;
	r->literal_slots[at & r->literal_mask] = (uint32_t)r->n_literals;
	*ret_number = (uint32_t)r->n_literals - 1;
	return 0;
}

int routes_add(struct routes *r, const struct pattern *pattern, uint16_t op)
{
	struct rule rule = {.op = op, .n = (uint8_t)pattern->n};
	int err;

	for (size_t i = 0; i < pattern->n; i++) {
		rule.kind[i] = pattern->symbols[i].kind;
		if (rule.kind[i] != SYMBOL_LITERAL)
			continue;
		err = literal_number(r, &pattern->symbols[i], &rule.literal[i]);
		if (err)
			return err;
	}
	err = grow(&r->rules, r->n_rules, &r->cap_rules, sizeof(*r->rules));
	if (err)
		return err;
	r->rules[r->n_rules++] = rule;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Sets of places
 */
static bool takes_all(const struct rule *rule, size_t pos)
{
	return pos + 1 == rule->n && rule->kind[pos] == SYMBOL_MANY;
}

/*
 * Appends a place and, past **, the ones behind it. Places come in order; one that an earlier **
 * of its rule has brought already is skipped. Returns false after a place that takes every path:
 * the rest of the set can win nothing.
 */
static bool set_put(const struct routes *r, struct list *set, uint32_t place)
{
	const struct rule *rule = &r->rules[place_rule(place)];
	size_t pos = place_pos(place);

	if (set->n && set->items[set->n - 1] >= place)
		return true;
	for (;; pos++) {
		if (pos < rule->n && takes_all(rule, pos)) {
			while (set->n && place_rule(set->items[set->n - 1]) == place_rule(place))
				set->n--;
			set->items[set->n++] = place_make(place_rule(place), pos);
			return false;
		}
		set->items[set->n++] = place_make(place_rule(place), pos);
		if (pos >= rule->n || rule->kind[pos] != SYMBOL_MANY)
			return true;
	}
}

/* The closed union of up to two ordered lists of places, in set->items (large enough). */
static void set_merge(struct routes *r, const struct list *a, const struct list *b,
		      struct list *set)
{
	size_t i = 0, j = 0;
	bool open = true;

	set->n = 0;
	while (open && (i < a->n || j < b->n)) {
		bool first = j >= b->n || (i < a->n && a->items[i] <= b->items[j]);

		open = set_put(r, set, first ? a->items[i++] : b->items[j++]);
	}
	r->work += i + j + set->n;
}

static uint64_t set_hash(const struct list *set)
{
	uint64_t h = set->n;

	for (size_t i = 0; i < set->n; i++)
		h = (h ^ set->items[i]) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
	return h;
}

/* The first rule that may end in the set, or NO_RULE. */
static uint32_t set_winner(const struct routes *r, const struct list *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *rule = &r->rules[place_rule(set->items[i])];
		size_t pos = place_pos(set->items[i]);

		if (pos >= rule->n || takes_all(rule, pos))
			return place_rule(set->items[i]);
	}
	return NO_RULE;
}

static int state_add(struct routes *r, const struct list *set, uint32_t *ret_state)
{
	struct state state = {.places = r->n_places, .n_places = set->n};
	int err;

	if (r->n_states >= GL_STATES_MAX || r->n_places + set->n > PLACES_MAX)
		return -E2BIG;
	while (r->n_places + set->n > r->cap_places) {
		err = grow(&r->places, r->cap_places, &r->cap_places, sizeof(*r->places));
		if (err)
			return err;
	}
	err = grow(&r->states, r->n_states, &r->cap_states, sizeof(*r->states));
	if (err)
		return err;
	if (set->n)
		memcpy(r->places + r->n_places, set->items, set->n * sizeof(*set->items));
	r->n_places += set->n;
	state.winner = set_winner(r, set);
	if (state.winner != NO_RULE)
		r->won[state.winner] = true;
	r->states[r->n_states] = state;
	*ret_state = (uint32_t)r->n_states++;
	return 0;
}

/* The state of a set, new or known. The empty set is state 0: dead. */
static int state_of(struct routes *r, const struct list *set, uint32_t *ret_state)
{
	uint64_t at = set_hash(set);
	int err;

	if (set->n == 0) {
		*ret_state = 0;
		return 0;
	}
	if (r->work > WORK_MAX)
		return -E2BIG;
	for (; r->state_slots[at & (STATE_SLOTS - 1)]; at++) {
		uint32_t number = r->state_slots[at & (STATE_SLOTS - 1)];
		const struct state *state = &r->states[number];

		if (state->n_places == set->n && memcmp(r->places + state->places, set->items,
							set->n * sizeof(*set->items)) == 0) {
			*ret_state = number;
			return 0;
		}
	}
	err = state_add(r, set, ret_state);
	if (err)
		return err;
	r->state_slots[at & (STATE_SLOTS - 1)] = *ret_state;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The construction
 */

/* Room for the places of one state's successors. */
struct scratch {
	struct list any, integer, uuid; /* successors over *, {n:int}, {id:uuid} */
	struct list by_type[3]; /* what every segment of a type may take, by enum route_type */
	struct list literal;
	struct list set;
	uint64_t *pairs; /* literal << 32 | successor */
	size_t n_pairs;
};

static int scratch_new(struct scratch *s, size_t places)
{
	struct list *lists[] = {&s->any,        &s->integer,    &s->uuid,   &s->by_type[0],
				&s->by_type[1], &s->by_type[2], &s->literal};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		lists[i]->items = calloc(places, sizeof(uint32_t));
		if (!lists[i]->items)
			return -ENOMEM;
	}
	s->set.items = calloc(places, sizeof(uint32_t));
	s->pairs = calloc(places, sizeof(uint64_t));
	return s->set.items && s->pairs ? 0 : -ENOMEM;
}

static void scratch_free(struct scratch *s)
{
	free(s->any.items);
	free(s->integer.items);
	free(s->uuid.items);
	for (size_t i = 0; i < ARRAY_SIZE(s->by_type); i++)
		free(s->by_type[i].items);
	free(s->literal.items);
	free(s->set.items);
	free(s->pairs);
}

static int compare_pairs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void list_put(struct list *list, uint32_t place)
{
	list->items[list->n++] = place;
}

/* Sorts a state's places by the symbol they wait for. */
static void successors_collect(const struct routes *r, const struct state *state, struct scratch *s)
{
	s->any.n = s->integer.n = s->uuid.n = s->n_pairs = 0;
	for (size_t i = 0; i < state->n_places; i++) {
		uint32_t place = r->places[state->places + i];
		const struct rule *rule = &r->rules[place_rule(place)];
		size_t pos = place_pos(place);

		if (pos >= rule->n)
			continue;
		switch (rule->kind[pos]) {
		case SYMBOL_LITERAL:
			s->pairs[s->n_pairs++] = (uint64_t)rule->literal[pos] << 32 | (place + 1);
			break;
		case SYMBOL_INT:
			list_put(&s->integer, place + 1);
			break;
		case SYMBOL_UUID:
			list_put(&s->uuid, place + 1);
			break;
		case SYMBOL_ANY:
			list_put(&s->any, place + 1);
			break;
		case SYMBOL_MANY:
			list_put(&s->any, place);
			break;
		}
	}
	qsort(s->pairs, s->n_pairs, sizeof(*s->pairs), compare_pairs);
}

static int typed_successors(struct routes *r, struct scratch *s, uint32_t ret_next[3])
{
	static const struct list none;
	const struct list *typed[3] = {
		[ROUTE_TYPE_ANY] = &none,
		[ROUTE_TYPE_INT] = &s->integer,
		[ROUTE_TYPE_UUID] = &s->uuid,
	};

	for (size_t type = 0; type < 3; type++) {
		int err;

		set_merge(r, &s->any, typed[type], &s->set);
		memcpy(s->by_type[type].items, s->set.items, s->set.n * sizeof(uint32_t));
		s->by_type[type].n = s->set.n;
		err = state_of(r, &s->set, &ret_next[type]);
		if (err)
			return err;
	}
	return 0;
}

static int literal_successors(struct routes *r, struct scratch *s, const uint32_t next[3],
			      size_t *ret_edges)
{
	size_t edges = 0;

	for (size_t i = 0; i < s->n_pairs;) {
		uint32_t number = (uint32_t)(s->pairs[i] >> 32), to;
		uint8_t type = r->literals[number].type;
		int err;

		s->literal.n = 0;
		for (; i < s->n_pairs && s->pairs[i] >> 32 == number; i++)
			list_put(&s->literal, (uint32_t)s->pairs[i]);
		set_merge(r, &s->literal, &s->by_type[type], &s->set);
		err = state_of(r, &s->set, &to);
		if (err)
			return err;
		if (to == next[type])
			continue;
		err = grow(&r->edges, r->n_edges, &r->cap_edges, sizeof(*r->edges));
		if (err)
			return err;
		r->edges[r->n_edges++] = (struct edge){.literal = number, .next = to};
		edges++;
	}
	*ret_edges = edges;
	return 0;
}

static int state_expand(struct routes *r, struct scratch *s, size_t number)
{
	size_t first = r->n_edges, edges;
	uint32_t next[3];
	int err;

	successors_collect(r, &r->states[number], s);
	r->work += r->states[number].n_places;
	err = typed_successors(r, s, next);
	if (!err)
		err = literal_successors(r, s, next, &edges);
	if (err)
		return err;
	memcpy(r->states[number].next, next, sizeof(next));
	r->states[number].edges = first;
	r->states[number].n_edges = edges;
	return 0;
}

static int root_make(struct routes *r, struct scratch *s)
{
	uint32_t state;
	int err;

	s->set.n = 0;
	err = state_add(r, &s->set, &state); /* state 0: dead */
	if (err)
		return err;
	for (size_t i = 0; i < r->n_rules; i++)
		s->set.items[s->set.n++] = place_make((uint32_t)i, 0);
	return state_add(r, &s->set, &state); /* state 1: the root, before the method */
}

static int build(struct routes *r, struct scratch *s)
{
	int err = root_make(r, s);

	for (size_t i = ROUTES_ROOT; !err && i < r->n_states; i++)
		err = state_expand(r, s, i);
	return err;
}

int routes_build(struct routes *r)
{
	_cleanup_(scratch_free) struct scratch scratch = {};
	_cleanup_free_ uint32_t *slots = NULL;
	int err;

	r->won = calloc(r->n_rules + 1, sizeof(*r->won));
	slots = calloc(STATE_SLOTS, sizeof(*slots));
	if (!r->won || !slots)
		return -ENOMEM;
	err = scratch_new(&scratch, (r->n_rules + 1) * (GL_PATH_DEPTH + 2));
	if (err)
		return err;
	r->state_slots = slots;
	err = build(r, &scratch);
	r->state_slots = NULL;
	return err;
}

size_t routes_states(const struct routes *r)
{
	return r->n_states ? r->n_states - 1 : 0;
}

size_t routes_edges(const struct routes *r)
{
	return r->n_edges;
}

bool routes_reachable(const struct routes *r, size_t rule)
{
	return r->won[rule];
}
