/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/calendar.h"

#include "user/base/clock.h"
#include "user/base/zone.h"

/* A year of nothing but holidays between two business days is the most a policy can say. */
#define DAYS_MAX(n) ((int)(n)*7 + POLICY_HOLIDAYS_MAX * 7 + 7)

bool calendar_is_business(const struct policy_calendar *calendar, int year, unsigned month,
			  unsigned day)
{
	const struct civil noon = {.year = year, .month = month, .day = day, .hour = 12};
	struct civil date = civil_add_days(&noon, 0);
	uint32_t number = policy_date((unsigned)date.year, date.month, date.day);

	if (calendar->weekend & (1u << date.weekday))
		return false;
	for (size_t i = 0; i < calendar->n_holidays; i++)
		if (calendar->holidays[i] == number)
			return false;
	return true;
}

int64_t calendar_due(const struct policy_calendar *calendar, int64_t from_ns, unsigned n)
{
	const char *zone = calendar->zone ? calendar->zone : "UTC";
	struct civil date = zone_civil(zone, clock_wall_read(from_ns) / (int64_t)CLOCK_NS_PER_S);

	date.hour = date.minute = date.second = 0;
	for (int i = 0; n > 0 && i < DAYS_MAX(n); i++) {
		date = civil_add_days(&date, 1);
		if (calendar_is_business(calendar, date.year, date.month, date.day))
			n--;
	}
	date = civil_add_days(&date, 1);
	return zone_instant(zone, &date) * (int64_t)CLOCK_NS_PER_S;
}
