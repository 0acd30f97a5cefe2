/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * playbook_blast.h - what a playbook's action would be and hit: its decision in the words of
 * subjects.h, who is protected from it. Whom it would hit (playbooks_measure) is here, too.
 */
#pragma once

#include "user/keeper/keeper.h"
#include "user/respond/playbook.h"

/* Of an action that is no ban. Its texts are its own. */
struct action_subject {
	struct subject_ask ask;
	char text[PLAYBOOK_TARGET], detail[SUBJECT_TEXT];
};
void playbook_subject(struct keeper *keeper, const struct action *action, const char *reason,
		      struct action_subject *ret_subject);

/* Why it is never done, approved or not; NULL: it may be. */
const char *playbook_protected_by(struct keeper *keeper, const struct action *action,
				  char why[PROTECT_WHY]);
