/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quota.h - the API's own limit: at most N requests of one user in any second. Exact (a log of the
 * last N times), not the keeper's windows: the courier shares no memory with anybody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define QUOTA_WINDOW_MS 1000
#define QUOTA_USERS     32 /* beyond it the user idle for longest is forgotten */

struct quota;
int quota_new(unsigned limit, struct quota **ret_quota);
void quota_free(struct quota *quota); /* NULL-safe */
unsigned quota_limit(const struct quota *quota);

/* True: counted. Either way *ret_remaining is what is left of this window and *ret_reset_ms when
 * the next request becomes free. `now_ms` is monotonic. */
bool quota_admit(struct quota *quota, uid_t uid, uint64_t now_ms, unsigned *ret_remaining,
		 unsigned *ret_reset_ms);
