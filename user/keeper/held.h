/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * held.h - answers to changes, held until the change is on the disk: the keeper's thread goes on
 * meanwhile. A disk that takes too long does not keep the answer: it then says "stored": false.
 * What was asked for is in force before either.
 */
#pragma once

#include "user/keeper/keeper.h"

#define HELD_MS 2000 /* at most */

struct held;

/* Makes the store and the other writers of files go on in threads of their own. */
int held_new(struct keeper *keeper, struct held **ret_held);
/* Answers all, after giving the disk its time. NULL-safe. */
void held_free(struct held *held);

/*
 * Sends the answer once everything that was given to the store so far is written. Takes reply and
 * body.
 */
void held_reply(struct held *held, struct courier_reply *reply, int status, json_t *body);
