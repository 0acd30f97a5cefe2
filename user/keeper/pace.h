/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pace.h - when the ring is looked at next, and what else is done in the same wakeup: one costs as
 * much as 40 records. No clock of its own. Called by loop.c.
 *
 * Nobody waits for ordinary handshakes: looked at every 200 ms each costs 0.2 us less. But then the
 * first refusal beside them reached a follower after 134 ms and not 66 (medians), so they keep the
 * pace of all records.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_MS      100
#define PACE_IDLE_MS 200
#define PACE_BUSY_MS 20
#define PACE_BUSY    512 /* so many records at once: the ring is not to fill up */
#define PACE_EMPTY   10 /* looks in vain before slowing down */

struct pace {
	unsigned empty; /* looks in a row that found nothing */
};

/* ms until the next look. n: records of this one; negative: it failed. */
static inline unsigned pace_next(struct pace *pace, int n)
{
	if (n > 0)
		pace->empty = 0;
	else if (pace->empty < PACE_EMPTY)
		pace->empty++;
	if (n >= PACE_BUSY)
		return PACE_BUSY_MS;
	return pace->empty < PACE_EMPTY ? PACE_MS : PACE_IDLE_MS;
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
