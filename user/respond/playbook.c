/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/playbook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/name_table.h"
#include "user/store/incidents.h"

struct actions {
	struct store *store;
	struct action *items[PLAYBOOK_ACTIONS_MAX]; /* ascending by id */
	size_t n;
	uint32_t next_id;
	bool loaded;
	uint64_t dropped;
};

static const char *const states[] = {PLAYBOOK_STATE_LIST(NAME_TABLE_ENTRY)};
static const char *const verbs[POLICY_VERBS] = {
	[POLICY_VERB_BLOCK] = "block",   [POLICY_VERB_SUSPEND] = "suspend",
	[POLICY_VERB_REVOKE] = "revoke", [POLICY_VERB_LOCKDOWN] = "lockdown",
	[POLICY_VERB_KILL] = "kill",     [POLICY_VERB_JA4] = "ja4",
};

const char *action_state_name(unsigned state)
{
	return NAME_OF(states, state);
}

int action_state_find(const char *text)
{
	return NAME_FIND(states, text);
}

const char *playbook_verb_name(unsigned verb)
{
	return NAME_OF(verbs, verb);
}

/* ---------------------------------------------------------------------------------------------
 * The judgement
 */
enum playbook_verdict playbook_judge(const struct playbook_facts *facts, char why[PLAYBOOK_WHY])
{
	*why = '\0';
	if (facts->protected_by) {
		snprintf(why, PLAYBOOK_WHY, "%s", facts->protected_by);
		return PLAYBOOK_NEVER;
	}
	if (!facts->automatic)
		snprintf(why, PLAYBOOK_WHY, "the playbook asks");
	else if (!facts->allowed)
		snprintf(why, PLAYBOOK_WHY, "containment.auto does not name this priority");
	else if (!facts->enforcing)
		snprintf(why, PLAYBOOK_WHY, "the agent monitors");
	else if (facts->clients >= PLAYBOOK_SHARED_BY)
		snprintf(why, PLAYBOOK_WHY, "%u clients share it", facts->clients);
	else if (facts->hit &&
		 (uint64_t)facts->hit * 100 >= (uint64_t)facts->good * PLAYBOOK_SHARE_PERCENT)
		snprintf(why, PLAYBOOK_WHY, "it would hit %u of %u sources that were served lately",
			 facts->hit, facts->good);
	else if (facts->ceiling)
		snprintf(why, PLAYBOOK_WHY, "containment.maxBansPerMinute is reached");
	else
		return PLAYBOOK_DO;
	return PLAYBOOK_ASK;
}

/* ---------------------------------------------------------------------------------------------
 * The list
 */
int actions_new(struct store *store, struct actions **ret_actions)
{
	struct actions *actions = calloc(1, sizeof(*actions));

	if (!actions)
		return -ENOMEM;
	actions->store = store;
	actions->next_id = 1;
	*ret_actions = actions;
	return 0;
}

void actions_free(struct actions *actions)
{
	if (!actions)
		return;
	for (size_t i = 0; i < actions->n; i++)
		free(actions->items[i]);
	free(actions);
}

size_t actions_count(const struct actions *actions)
{
	return actions->n;
}

struct action *actions_at(const struct actions *actions, size_t i)
{
	return i < actions->n ? actions->items[i] : NULL;
}

struct action *actions_get(const struct actions *actions, uint32_t id)
{
	for (size_t i = 0; i < actions->n; i++)
		if (actions->items[i]->id == id)
			return actions->items[i];
	return NULL;
}

struct action *actions_find(const struct actions *actions, uint32_t incident, unsigned verb,
			    const char *target)
{
	for (size_t i = 0; i < actions->n; i++)
		if (actions->items[i]->incident == incident && actions->items[i]->verb == verb &&
		    strcmp(actions->items[i]->target, target) == 0)
			return actions->items[i];
	return NULL;
}

/* The oldest that is neither waiting nor in force. */
static bool make_room(struct actions *actions)
{
	size_t at;

	if (actions->n < PLAYBOOK_ACTIONS_MAX)
		return true;
	for (at = 0; at < actions->n; at++)
		if (actions->items[at]->state != ACTION_PROPOSED &&
		    actions->items[at]->state != ACTION_DONE && !actions->items[at]->dirty)
			break;
	if (at == actions->n)
		return false;
	free(actions->items[at]);
	actions->n--;
	memmove(&actions->items[at], &actions->items[at + 1],
		(actions->n - at) * sizeof(struct action *));
	return true;
}

static bool has_many(const struct actions *actions, uint32_t incident)
{
	size_t n = 0;

	for (size_t i = 0; i < actions->n; i++)
		n += actions->items[i]->incident == incident;
	return n >= PLAYBOOK_PER_INCIDENT;
}

struct action *actions_add(struct actions *actions, const struct action *action)
{
	struct action *copy;

	if (has_many(actions, action->incident) || !make_room(actions)) {
		actions->dropped++;
		return NULL;
	}
	copy = malloc(sizeof(*copy));
	if (!copy) {
		actions->dropped++;
		return NULL;
	}
	*copy = *action;
	copy->id = actions->next_id++;
	copy->dirty = true;
	actions->items[actions->n++] = copy;
	return copy;
}

bool actions_full(struct actions *actions, uint32_t incident)
{
	bool full = has_many(actions, incident);

	actions->dropped += full;
	return full;
}

uint64_t actions_dropped(const struct actions *actions)
{
	return actions ? actions->dropped : 0;
}

size_t actions_expire(struct actions *actions, int64_t now_ns,
		      void (*fn)(const struct action *action, void *userdata), void *userdata)
{
	size_t n = 0;

	for (size_t i = 0; i < actions->n; i++) {
		struct action *action = actions->items[i];

		if (action->state != ACTION_PROPOSED || now_ns < action->expires_ns)
			continue;
		action->state = ACTION_EXPIRED;
		action->decided_ns = now_ns;
		action->dirty = true;
		fn(action, userdata);
		n++;
	}
	return n;
}

/* ---------------------------------------------------------------------------------------------
 * The store
 */
static void put(struct store *store, const struct action *a)
{
	const struct store_incident_action row = {
		.id = a->id,
		.incident = a->incident,
		.verb = a->verb,
		.state = a->state,
		.automatic = a->automatic,
		.ttl_s = a->ttl_s,
		.decision = a->decision,
		.hit = a->hit,
		.good = a->good,
		.clients = a->clients,
		.created_ns = a->created_ns,
		.expires_ns = a->expires_ns,
		.decided_ns = a->decided_ns,
		.playbook = a->playbook,
		.target = a->target,
		.why = a->why,
		.who = a->who,
	};

	store_put_incident_action(store, &row);
}

static void read_row(const struct store_incident_action *row, void *userdata)
{
	struct actions *actions = userdata;
	struct action *a;

	if (actions->n == PLAYBOOK_ACTIONS_MAX || row->state < 0 ||
	    row->state >= ACTION_STATE_MAX || row->verb < 0 || row->verb >= POLICY_VERBS ||
	    row->id <= 0 || row->id >= UINT32_MAX)
		return;
	a = calloc(1, sizeof(*a));
	if (!a)
		return;
	*a = (struct action){
		.id = (uint32_t)row->id,
		.incident = (uint32_t)row->incident,
		.verb = (unsigned)row->verb,
		.state = (enum action_state)row->state,
		.automatic = row->automatic != 0,
		.ttl_s = (uint32_t)row->ttl_s,
		.decision = (uint32_t)row->decision,
		.hit = (uint32_t)row->hit,
		.good = (uint32_t)row->good,
		.clients = (uint32_t)row->clients,
		.created_ns = row->created_ns,
		.expires_ns = row->expires_ns,
		.decided_ns = row->decided_ns,
	};
	snprintf(a->playbook, sizeof(a->playbook), "%s", row->playbook);
	snprintf(a->target, sizeof(a->target), "%s", row->target);
	snprintf(a->why, sizeof(a->why), "%s", row->why);
	snprintf(a->who, sizeof(a->who), "%s", row->who);
	actions->items[actions->n++] = a;
	if (a->id >= actions->next_id)
		actions->next_id = a->id + 1;
}

bool actions_load(struct actions *actions)
{
	if (actions->loaded)
		return true;
	/* without incidents there are no actions: nothing was made before the store was read */
	if (store_trouble(actions->store) || actions->n)
		return false;
	actions->loaded = store_each_incident_action(actions->store, PLAYBOOK_ACTIONS_MAX, read_row,
						     actions) == 0;
	return actions->loaded;
}

int actions_save(struct actions *actions)
{
	bool dirty = false;
	int r;

	for (size_t i = 0; i < actions->n; i++)
		dirty |= actions->items[i]->dirty;
	if (!dirty)
		return 0;
	r = store_begin(actions->store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < actions->n; i++)
		if (actions->items[i]->dirty)
			put(actions->store, actions->items[i]);
	r = store_commit(actions->store);
	for (size_t i = 0; r == 0 && i < actions->n; i++)
		actions->items[i]->dirty = false;
	return r;
}

void actions_unstored(struct actions *actions)
{
	for (size_t i = 0; i < actions->n; i++)
		actions->items[i]->dirty = true;
}
