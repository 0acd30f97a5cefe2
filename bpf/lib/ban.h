/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ban.h - layer 2: bans come before everything else, at the nic and at the wire door; the allow
 * list exempts; in monitor they are counted only.
 */
#pragma once

#include "bpf/lib/tables.h"

#include "include/glacis/nets.h"

/* True: drop the packet. counter: what an enforced ban counts as at this door. */
static __always_inline int ban_check(const struct gl_control *control, const struct gl_addr *source,
				     __u32 counter)
{
	struct nets_table table = {.n = control->ban_slots};
	struct gl_prefix_slot *slot;
	int found;

	if (!control->decision_lens[GL_SET_BAN].entries)
		return 0;
	found = nets_banned(&table, control, source, bpf_ktime_get_boot_ns());
	if (!found)
		return 0;
	slot = decision_slot(found - 1);
	if (slot)
		__sync_fetch_and_add(&slot->hits, 1);
	if (control->mode != GL_MODE_ENFORCE || control->ban_mode != GL_MODE_ENFORCE) {
		count(GL_CTR_WOULD_BAN);
		return 0;
	}
	count(counter);
	return 1;
}
