/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * playbook.h - what is proposed for incidents and what became of it: done, denied, expired, undone.
 * And the judgement whether something is done at once, asked for, or never done.
 *
 * Which verbs there are and how they act is the keeper's (user/keeper/playbooks.c). Bounded: at
 * most PLAYBOOK_ACTIONS_MAX are remembered; the oldest one that is neither waiting nor in force
 * makes room. Time is an argument. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/policy/model_respond.h"
#include "user/store/store.h"

#define PLAYBOOK_ACTIONS_MAX  1024
#define PLAYBOOK_PER_INCIDENT 64 /* actions of one incident; the rest is counted */
#define PLAYBOOK_TARGET       200
#define PLAYBOOK_WHY          200
#define PLAYBOOK_NAME         64
/* An automatic action never hits so much of those who were served lately. */
#define PLAYBOOK_SHARE_PERCENT 50
/* With so many clients behind it, an address is an office or a proxy. */
#define PLAYBOOK_SHARED_BY 3

#define PLAYBOOK_STATE_LIST(X)                                                                     \
	X(ACTION_PROPOSED, "proposed")                                                             \
	X(ACTION_DONE, "done")                                                                     \
	X(ACTION_DENIED, "denied")                                                                 \
	X(ACTION_EXPIRED, "expired")                                                               \
	X(ACTION_UNDONE, "undone")                                                                 \
	X(ACTION_REFUSED, "refused")                                                               \
	X(ACTION_FAILED, "failed")
enum action_state { PLAYBOOK_STATE_LIST(GL_ENUM_VALUE) ACTION_STATE_MAX };
const char *action_state_name(unsigned state);
int action_state_find(const char *text); /* -ENOENT */
const char *playbook_verb_name(unsigned verb); /* "block" */

struct action {
	uint32_t id, incident;
	unsigned verb; /* enum policy_verb */
	enum action_state state;
	bool automatic; /* nobody was asked */
	uint32_t ttl_s, decision; /* decision: its id, when done */
	uint32_t hit, good; /* of `good` sources served lately it would hit `hit` */
	uint32_t clients; /* that are behind a source, about */
	int64_t created_ns, expires_ns, decided_ns; /* wall clock */
	char playbook[PLAYBOOK_NAME], target[PLAYBOOK_TARGET], why[PLAYBOOK_WHY];
	char who[PLAYBOOK_NAME]; /* decided */
	bool dirty;
};

/* What is known when it is to be decided. */
struct playbook_facts {
	bool automatic; /* the playbook says run: auto */
	bool allowed; /* containment.auto has the priority */
	bool enforcing; /* monitor contains nobody */
	const char *protected_by; /* NULL: nothing protects it */
	uint32_t hit, good, clients;
	bool ceiling; /* this minute has had its automatic actions */
};
enum playbook_verdict { PLAYBOOK_DO, PLAYBOOK_ASK, PLAYBOOK_NEVER };
/* `why`: why it is not done at once, in words; "" for PLAYBOOK_DO. */
enum playbook_verdict playbook_judge(const struct playbook_facts *facts, char why[PLAYBOOK_WHY]);

struct actions;

int actions_new(struct store *store, struct actions **ret_actions); /* borrows */
void actions_free(struct actions *actions); /* NULL-safe */
bool actions_load(struct actions *actions); /* false: the store cannot be read yet */
int actions_save(struct actions *actions);
void actions_unstored(struct actions *actions);

size_t actions_count(const struct actions *actions);
struct action *actions_at(const struct actions *actions, size_t i); /* ascending by id */
struct action *actions_get(const struct actions *actions, uint32_t id); /* NULL: not remembered */
/* The one that was made for this incident, verb and target; whatever became of it. */
struct action *actions_find(const struct actions *actions, uint32_t incident, unsigned verb,
			    const char *target);
/* Copies it, with the next id. NULL: no room, or the incident has PLAYBOOK_PER_INCIDENT (counted).
 */
struct action *actions_add(struct actions *actions, const struct action *action);
/* It has PLAYBOOK_PER_INCIDENT of them: what comes is counted as dropped. */
bool actions_full(struct actions *actions, uint32_t incident);
/* NULL-safe. */
uint64_t actions_dropped(const struct actions *actions);
/* Proposals that nobody decided in time. Returns how many. */
size_t actions_expire(struct actions *actions, int64_t now_ns,
		      void (*fn)(const struct action *action, void *userdata), void *userdata);
