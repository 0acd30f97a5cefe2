/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock.h - the two clocks of the agent and their texts.
 *
 * The kernel side counts in CLOCK_BOOTTIME (it expires decisions with no daemon alive, I7); people
 * and files read wall time. Functions that decide take `now` as an argument and do not call this.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CLOCK_NS_PER_S 1000000000ull
#define CLOCK_TEXT     32
#define CLOCK_BOOT_ID  40

uint64_t clock_boot_ns(void);
uint64_t clock_monotonic_ns(void); /* for systemd, which wants that one */
int64_t clock_wall_ns(void); /* since 1970 */
/*
 * What a file or a database says was a wall time, made one that can be reckoned with: from 1970 to
 * 2200, so that adding a deadline to it is no overflow.
 */
int64_t clock_wall_read(int64_t wall_ns);

/* Both at once, for functions that take time as an argument. */
struct clock_now {
	uint64_t boot_ns;
	int64_t wall_ns;
};
struct clock_now clock_now(void);

/* The wall time of a CLOCK_BOOTTIME instant, by the distance the two clocks have now. */
int64_t clock_wall_of_boot(uint64_t boot_ns);

/* "2026-01-31T14:03:07.123Z" (RFC 3339, UTC). Returns `out`. */
const char *clock_format(int64_t wall_ns, char out[CLOCK_TEXT]);
/* "14:03:07", local time. Returns `out`. */
const char *clock_format_short(int64_t wall_ns, char out[CLOCK_TEXT]);
/* What clock_format() wrote; -EINVAL. */
int clock_parse(const char *text, int64_t *ret_wall_ns);

/* /proc/sys/kernel/random/boot_id, "" when it cannot be read. Returns `out`. */
const char *clock_boot_id(char out[CLOCK_BOOT_ID]);
