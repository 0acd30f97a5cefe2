/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zone.h - civil time of a named zone ("Europe/Stockholm"), with its daylight saving, by the
 * system's tzdata. Not clock.h: nothing here asks what time it is.
 *
 * glibc knows one zone at a time, that of the environment: it is changed for the call and put back.
 * One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ZONE_NAME 64 /* with the NUL */

struct civil {
	int year; /* 2026 */
	unsigned month, day; /* 1..12, 1..31 */
	unsigned hour, minute, second;
	unsigned weekday; /* 0 = Sunday; not looked at by zone_instant() */
};

/* A name of tzdata that is installed; "UTC" always is. */
bool zone_exists(const char *name);

/* What clocks there show. A zone that is not installed is UTC. */
struct civil zone_civil(const char *zone, int64_t unix_s);
/*
 * When they show it. An hour that comes twice: the first time. One that is left out: as if the
 * clock had not been put forward, which is as much later.
 */
int64_t zone_instant(const char *zone, const struct civil *civil);

/* Does that day exist? */
bool civil_valid(int year, unsigned month, unsigned day);
/* The date `days` later, at the same time of day. */
struct civil civil_add_days(const struct civil *civil, int days);
