/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * playbooks.h - what the policy's playbooks do about incidents: targets, blast radius, the verbs,
 * and undoing. What is done at once and what is asked is user/respond/playbook.h's judgement.
 */
#pragma once

#include <jansson.h>

#include "user/keeper/keeper.h"
#include "user/respond/incident.h"
#include "user/respond/playbook.h"

/* Proposes, or does, what the playbooks say of this incident; each once a target. */
void playbooks_run(struct keeper *keeper, const struct incident *incident);
/* Once a second: what nobody decided expires; all is stored. */
void playbooks_tick(struct keeper *keeper);

/*
 * By a person. `why` (PLAYBOOK_WHY) says what is wrong. -EALREADY, -ETIME, -EPERM (protected),
 * -EBUSY (its incident is closed), or the verb's own error. dry_run: nothing is changed.
 */
int playbooks_approve(struct keeper *keeper, struct action *action, const char *who, bool dry_run,
		      char *why);
int playbooks_deny(struct keeper *keeper, struct action *action, const char *who,
		   const char *reason, bool dry_run, char *why);
int playbooks_undo(struct keeper *keeper, struct action *action, const char *who, bool dry_run,
		   char *why);
/* Counts anew whom it would hit. */
void playbooks_measure(struct keeper *keeper, struct action *action);

json_t *action_json(const struct action *action);
