/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pace.h - when the ring is looked at next, and what else is done in the same wakeup. A wakeup
 * costs as much as 40 records: what nobody waits for is looked at no oftener than a ring in which
 * nothing is. No clock of its own. Called by loop.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_MS      100 /* somebody may wait for what comes */
#define PACE_IDLE_MS 200 /* nothing comes, or what nobody waits for */
#define PACE_BUSY_MS 20
#define PACE_BUSY    512 /* so many records at once: the ring is not to fill up */
#define PACE_QUIET   10 /* looks in a row before slowing down */

struct pace {
	unsigned quiet; /* looks in a row without a record that somebody may wait for */
};

/* ms until the next look. n: records of this one, negative: it failed; awaited of them. */
static inline unsigned pace_next(struct pace *pace, int n, unsigned awaited)
{
	if (awaited)
		pace->quiet = 0;
	else if (pace->quiet < PACE_QUIET)
		pace->quiet++;
	if (n >= PACE_BUSY)
		return PACE_BUSY_MS;
	return pace->quiet < PACE_QUIET ? PACE_MS : PACE_IDLE_MS;
}

/*
 * Is what is done every so many ms due at this look, or nearer to it than to the next one? Then
 * *due_ms is when it is next.
 */
static inline bool pace_is_due(uint64_t *due_ms, uint64_t now_ms, unsigned every_ms)
{
	if (now_ms + PACE_MS / 2 < *due_ms)
		return false;
	*due_ms = *due_ms + every_ms > now_ms ? *due_ms + every_ms : now_ms + every_ms;
	return true;
}
