/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calendar.h - business days: which they are (weekend, holidays, the office's time zone) and when
 * so many of them are over. Called by incident_clock.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/policy/model.h"

/* Of its zone's date. */
bool calendar_is_business(const struct policy_calendar *calendar, int year, unsigned month,
			  unsigned day);

/*
 * The end (midnight in the calendar's zone) of the n-th business day after the day `from` lies on:
 * that day itself is not counted, however early it is. Wall clock, nanoseconds since 1970.
 */
int64_t calendar_due(const struct policy_calendar *calendar, int64_t from_ns, unsigned n);
