/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * repeats.h - findings that say the same of the same operation to the same source again and again
 * (a header missing from every answer): told at once, then with their number once a second. From
 * severity high on every one is told. Called by reading.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/detect/detector.h"
#include "user/inspect/report.h"

#define REPEATS_NS (1000000000ull) /* a repeat is told this long after the last telling */

struct repeats;

/* Takes a record to be told. */
typedef void (*repeats_fn)(struct report_finding *report, void *userdata);

int repeats_new(repeats_fn tell, void *userdata, struct repeats **ret_repeats);
void repeats_free(struct repeats *repeats); /* NULL-safe; tells what was not told */

/* A detector's statement about a transaction. `now_ns` is of any clock that does not go back. */
void repeats_take(struct repeats *repeats, const struct transaction *tx,
		  const struct detection *detection, uint64_t now_ns);
/* Time passes: tells repeats that have waited. */
void repeats_tick(struct repeats *repeats, uint64_t now_ns);
/* Statements that are not told yet. */
uint64_t repeats_waiting(const struct repeats *repeats);
