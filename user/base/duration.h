/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * duration.h - "90s", "15m", "4h", "7d" and back. One number and one unit; a bare number is
 * refused, it has no unit.
 */
#pragma once

#include <stdint.h>

#define DURATION_TEXT 24

/* Seconds, 1..UINT32_MAX; -EINVAL for other text, -ERANGE for 0 or too large. */
int duration_parse(const char *text, uint32_t *ret_seconds);
/* With the largest unit that divides: 900 is "15m", 90 is "90s". Returns `out`. */
const char *duration_format(uint64_t seconds, char out[DURATION_TEXT]);
