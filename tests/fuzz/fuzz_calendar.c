/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_calendar.c - any calendar, any instant: when so many business days are over. Beyond not
 * crashing: never before the instant; midnight there; and exactly so many business days lie
 * between.
 */
#include "tests/fuzz/fuzz.h"
#include "user/base/clock.h"
#include "user/base/zone.h"
#include "user/respond/calendar.h"

#define HOLIDAYS 32
#define DAYS_MAX 31

/* As the policy reader makes sure: ascending, none twice. */
static size_t take_holidays(const uint8_t *data, size_t size, uint32_t *holidays)
{
	uint32_t last = policy_date(2025, 12, 1);
	size_t n = 0;

	for (size_t i = 0; i < size && n < HOLIDAYS; i++) {
		const struct civil day = {
			.year = (int)(last / 10000), .month = last / 100 % 100, .day = last % 100};
		struct civil next = civil_add_days(&day, 1 + data[i] % 16);

		last = policy_date((unsigned)next.year, next.month, next.day);
		holidays[n++] = last;
	}
	return n;
}

static void check_due(const struct policy_calendar *calendar, int64_t from_ns, int64_t due_ns,
		      unsigned n)
{
	const int64_t second = (int64_t)CLOCK_NS_PER_S;
	struct civil day = zone_civil(calendar->zone, from_ns / second),
		     end = zone_civil(calendar->zone, due_ns / second);
	unsigned met = 0;

	CHECK(due_ns > from_ns);
	day.hour = day.minute = day.second = 0;
	/* the day it ends with is the one before that midnight */
	end = civil_add_days(&end, end.hour < 12 ? -1 : 0);
	while (day.year != end.year || day.month != end.month || day.day != end.day) {
		day = civil_add_days(&day, 1);
		met += calendar_is_business(calendar, day.year, day.month, day.day);
		CHECK(met <= n);
	}
	CHECK(met == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const zones[] = {
		"UTC",          "Europe/Stockholm",    "America/New_York",  "Asia/Kathmandu",
		"Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo"};
	struct policy_calendar calendar = {};
	uint32_t holidays[HOLIDAYS];
	uint64_t at;
	unsigned n;

	if (size < 11)
		return 0;
	calendar.zone = (char *)zones[data[0] % 8];
	calendar.weekend = data[1] & 0x7f;
	n = data[2] % DAYS_MAX;
	memcpy(&at, data + 3, 8);
	if (calendar.weekend == 0x7f || !zone_exists(calendar.zone))
		return 0;
	calendar.n_holidays = take_holidays(data + 11, size - 11, holidays);
	calendar.holidays = holidays;
	/* any instant of a wall clock; the days are counted again only where that is done soon */
	calendar_due(&calendar, (int64_t)at, n);
	at = 1764547200ull * CLOCK_NS_PER_S + at % (1000ull * 86400 * CLOCK_NS_PER_S);
	check_due(&calendar, (int64_t)at, calendar_due(&calendar, (int64_t)at, n), n);
	return 0;
}
