/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * persist.h - what the keeper has in memory and the store remembers: brought back at start, stored
 * once a second and whenever a person changed something.
 */
#pragma once

#include "user/keeper/keeper.h"

/* History and findings of earlier runs; the best TLS versions go back into the kernel. */
void persist_load(struct keeper *keeper);
/*
 * What is not stored yet. What only counts on, handshakes and certificates seen before, is stored
 * every ten seconds: with it alone each second would be a transaction, and a wait for the disk.
 */
void persist_tick(struct keeper *keeper);
/* All of it: the last time. */
void persist_all(struct keeper *keeper);
/* From rows; -EINVAL: a version that knows less wrote, or reads, it. */
void persist_finding_of(const struct store_finding *row, struct finding *ret_finding);
int persist_alert_of(const struct store_alert *row, struct alert *ret_alert);
/* Within a transaction of the store; userdata is the keeper. */
void persist_alert(const struct alert *alert, void *userdata);
/* Decisions alone, at once: before a change of them is answered. */
void persist_decisions(struct keeper *keeper);
