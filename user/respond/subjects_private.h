/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subjects_private.h - what subjects.c (the list, what is in force) and subjects_store.c (what is
 * remembered) share.
 */
#pragma once

#include <stdlib.h>

#include "user/respond/subjects.h"

struct subjects {
	struct subjects_parts parts;
	struct subject_table table;
	unsigned epoch;
	struct subject **items; /* by id, but for those replaced: few, so lists are walked */
	size_t n, room;
	bool dirty;
	uint32_t *gone; /* ids to be removed from the store */
	size_t n_gone;
};

struct subject *subject_new(const struct subject_ask *ask, uint32_t id, struct clock_now now);
void subject_free(struct subject *subject); /* NULL-safe */
int subjects_append(struct subjects *subjects, struct subject *item); /* takes on success */

/* Puts keys (and networks, whose set goes into the key) into the table: all or none. */
int subjects_enforce(struct subjects *subjects, struct subject_resolved *resolved,
		     enum subject_kind kind, uint64_t expires_ns, uint32_t id,
		     const struct subject *was);
/* Services with suspended operations, made right in the table after all of them are listed. */
void subjects_refollow(struct subjects *subjects);
void subjects_clear_networks(struct subjects *subjects, uint32_t set);
