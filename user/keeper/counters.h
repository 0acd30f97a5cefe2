/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counters.h - what user space counts of itself (I5: evictions, losses, overflows), by name. The
 * kernel's counters are keeper->counters. Shown by /v1/counters and /metrics.
 */
#pragma once

#include <jansson.h>

struct keeper;

json_t *counters_own(struct keeper *keeper);
