/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decisions_store.h - decisions as rows of the store. Called by decisions.c.
 */
#pragma once

#include "user/respond/decisions.h"

/* Inside of a transaction. */
int decisions_store_put(struct store *store, const struct decision *decision, const char *boot_id,
			struct clock_now now);

/*
 * Decisions that have not expired by `now`, ascending by id; the caller frees each and the array.
 * Within the boot that stored one its boottime counts, after another one the wall clock. -EBADMSG:
 * a row was unreadable, the others are returned. -EIO: the store cannot be read.
 */
int decisions_store_read(struct store *store, const char *boot_id, struct clock_now now,
			 struct decision ***ret_items, size_t *ret_n);
