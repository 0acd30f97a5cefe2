/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - layer 2: the application's refusals and errors, and exceeded limits, counted towards
 * alert thresholds (include/glacis/watch.h). A crossing sends a record with a wakeup; the table
 * says the same to whoever looks, so a full ring loses no alert.
 *
 * Only what wire_out and tls_out read as a server's answer to a judged request comes here: the
 * agent's own answers have no socket and are never read.
 */
#pragma once

#include "bpf/lib/events.h"
#include "bpf/lib/tables.h"
#include "include/glacis/watch.h"

/* The memory of a door for one event, filled but for `by`: counts it in all its lines. */
__global int watch_event(const struct gl_policy *policy, struct watch_ask *ask)
{
	const struct gl_watch_rule *rule;

	if (!policy || !ask)
		return -1;
	rule = at_index(policy->watch, GL_WATCH_MAX, ask->rule);
	if (!rule)
		return -1;
	for (__u32 by = 0; by < GL_WATCH_BY_MAX; by++) {
		int outcome = WATCH_STALE;
		__u64 now_ns = 0;

		ask->by = by;
		if (!watch_name(ask, rule, &policy->subject_key))
			continue;
		for (int i = 0; i < WINDOW_CLOCK_TRIES && outcome == WATCH_STALE; i++) {
			now_ns = bpf_ktime_get_boot_ns();
			outcome = watch_open(ask, now_ns);
			if (outcome == WATCH_COUNTED)
				outcome = watch_count(ask, now_ns);
		}
		if (ask->evicted)
			count(GL_CTR_WATCH_EVICTED);
		ask->evicted = 0;
		if (outcome == WATCH_CROSSED) {
			count(GL_CTR_CROSSED);
			ask->crossed.index = ask->index;
			ask->crossed.reserved = 0;
			event_send_flags(&ask->crossed, GL_REC_CROSSED, sizeof(ask->crossed),
					 now_ns, BPF_RB_FORCE_WAKEUP);
		} else if (outcome != WATCH_COUNTED) {
			count(GL_CTR_LOST_WATCH);
		}
	}
	return 0;
}
