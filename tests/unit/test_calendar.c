/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_calendar.c - civil time of zones and business days: over a weekend, holidays, both changes
 * of daylight saving, the end of a year, odd weekends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/zone.h"
#include "user/respond/calendar.h"

#define SATURDAY_SUNDAY (1u << 6 | 1u << 0)

static int64_t at(const char *text)
{
	int64_t ns;

	assert_int_equal(clock_parse(text, &ns), 0);
	return ns;
}

static void assert_time(int64_t ns, const char *expected)
{
	char text[CLOCK_TEXT];

	assert_string_equal(clock_format(ns, text), expected);
}

static void zones_exist(void **state)
{
	static const char *const bad[] = {
		"",
		"Europe",
		"Europe/Atlantis",
		"../../etc/passwd",
		"/etc/localtime",
		"Europe/Stockholm\n",
		"posixrules.bad",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)state;
	assert_true(zone_exists("UTC"));
	assert_true(zone_exists("Europe/Stockholm"));
	assert_true(zone_exists("America/Argentina/Buenos_Aires"));
	assert_true(zone_exists("Etc/GMT+5"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(zone_exists(bad[i]));
}

static void a_zone_is_asked_for_and_put_back(void **state)
{
	const struct civil winter = {.year = 2026, .month = 1, .day = 15, .hour = 12};
	const struct civil summer = {.year = 2026, .month = 7, .day = 15, .hour = 12};
	struct civil shown;

	(void)state;
	setenv("TZ", "America/New_York", 1);
	tzset();
	shown = zone_civil("Europe/Stockholm",
			   at("2026-07-15T10:00:00Z") / (int64_t)CLOCK_NS_PER_S);
	assert_int_equal(shown.hour, 12);
	assert_int_equal(shown.weekday, 3);
	assert_string_equal(getenv("TZ"), "America/New_York");
	assert_int_equal(timezone, 5 * 3600);
	assert_time(zone_instant("Europe/Stockholm", &winter) * (int64_t)CLOCK_NS_PER_S,
		    "2026-01-15T11:00:00.000Z");
	assert_time(zone_instant("Europe/Stockholm", &summer) * (int64_t)CLOCK_NS_PER_S,
		    "2026-07-15T10:00:00.000Z");
	unsetenv("TZ");
	zone_civil("Asia/Tokyo", 0);
	assert_null(getenv("TZ"));
}

/* 2026-03-29 02:30 is not shown in Stockholm, 2026-10-25 02:30 is twice. */
static void hours_that_are_not_or_twice(void **state)
{
	const struct civil none = {.year = 2026, .month = 3, .day = 29, .hour = 2, .minute = 30};
	const struct civil twice = {.year = 2026, .month = 10, .day = 25, .hour = 2, .minute = 30};

	(void)state;
	assert_time(zone_instant("Europe/Stockholm", &none) * (int64_t)CLOCK_NS_PER_S,
		    "2026-03-29T01:30:00.000Z");
	assert_time(zone_instant("Europe/Stockholm", &twice) * (int64_t)CLOCK_NS_PER_S,
		    "2026-10-25T00:30:00.000Z");
}

static void dates(void **state)
{
	(void)state;
	assert_true(civil_valid(2024, 2, 29));
	assert_false(civil_valid(2026, 2, 29));
	assert_false(civil_valid(2026, 4, 31));
	assert_false(civil_valid(2026, 13, 1));
	assert_false(civil_valid(2026, 0, 1));
	assert_false(civil_valid(2026, 1, 0));
	assert_false(civil_valid(1969, 12, 31));
}

static void business_days(void **state)
{
	uint32_t holidays[] = {20261224, 20261225};
	const struct policy_calendar calendar = {
		.weekend = SATURDAY_SUNDAY, .holidays = holidays, .n_holidays = 2};

	(void)state;
	assert_true(calendar_is_business(&calendar, 2026, 12, 23)); /* Wednesday */
	assert_false(calendar_is_business(&calendar, 2026, 12, 24));
	assert_false(calendar_is_business(&calendar, 2026, 12, 25));
	assert_false(calendar_is_business(&calendar, 2026, 12, 26)); /* Saturday */
	assert_false(calendar_is_business(&calendar, 2026, 12, 27));
	assert_true(calendar_is_business(&calendar, 2026, 12, 28));
}

/* The day itself is not counted; the last one is over at midnight there. */
static void due_dates(void **state)
{
	static const struct {
		const char *zone, *from, *due;
		unsigned n;
		uint8_t weekend;
	} cases[] = {
		/* Monday to the end of Friday: Tuesday is the first */
		{"UTC", "2026-06-01T09:00:00Z", "2026-06-06T00:00:00.000Z", 4, SATURDAY_SUNDAY},
		/* over a weekend: Monday to the end of the next Monday */
		{"UTC", "2026-06-01T09:00:00Z", "2026-06-09T00:00:00.000Z", 5, SATURDAY_SUNDAY},
		/* begun on a Saturday: Monday is the first */
		{"UTC", "2026-06-06T23:59:59Z", "2026-06-13T00:00:00.000Z", 5, SATURDAY_SUNDAY},
		/* a holiday each way: Christmas from Wednesday the 23rd, 1 January is one, too */
		{"UTC", "2026-12-23T12:00:00Z", "2027-01-05T00:00:00.000Z", 5, SATURDAY_SUNDAY},
		/* midnight in Stockholm is 22:00 or 23:00 UTC; clocks go forward on 29 March */
		{"Europe/Stockholm", "2026-03-26T10:00:00Z", "2026-03-27T23:00:00.000Z", 1,
		 SATURDAY_SUNDAY},
		{"Europe/Stockholm", "2026-03-26T10:00:00Z", "2026-04-02T22:00:00.000Z", 5,
		 SATURDAY_SUNDAY},
		/* and back on 25 October */
		{"Europe/Stockholm", "2026-10-22T10:00:00Z", "2026-10-29T23:00:00.000Z", 5,
		 SATURDAY_SUNDAY},
		/* Friday evening in New York is Saturday in UTC: it is that Friday that is left out
		 */
		{"America/New_York", "2026-06-06T02:00:00Z", "2026-06-09T04:00:00.000Z", 1,
		 SATURDAY_SUNDAY},
		/* Friday and Saturday are the weekend */
		{"Asia/Riyadh", "2026-06-03T09:00:00Z", "2026-06-04T21:00:00.000Z", 1,
		 1u << 5 | 1u << 6},
		{"Asia/Riyadh", "2026-06-04T09:00:00Z", "2026-06-07T21:00:00.000Z", 1,
		 1u << 5 | 1u << 6},
		/* no weekend at all */
		{"UTC", "2026-06-05T09:00:00Z", "2026-06-11T00:00:00.000Z", 5, 0},
		{"UTC", "2026-06-05T09:00:00Z", "2026-06-06T00:00:00.000Z", 0, 0},
	};
	uint32_t holidays[] = {20261224, 20261225, 20270101};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct policy_calendar calendar = {
			.zone = (char *)(uintptr_t)cases[i].zone,
			.weekend = cases[i].weekend,
			.holidays = holidays,
			.n_holidays = ARRAY_SIZE(holidays),
		};

		print_message("%s %s\n", cases[i].zone, cases[i].from);
		assert_time(calendar_due(&calendar, at(cases[i].from), cases[i].n), cases[i].due);
	}
}

/* The worst a policy can say still ends. */
static void every_day_a_holiday(void **state)
{
	uint32_t holidays[POLICY_HOLIDAYS_MAX];
	struct civil day = {.year = 2026, .month = 1, .day = 1};
	struct policy_calendar calendar = {
		.weekend = 0x7e, .holidays = holidays, .n_holidays = POLICY_HOLIDAYS_MAX};

	(void)state;
	/* Sundays only, and each of them a holiday for seven years */
	day = civil_add_days(&day, 3); /* 4 January 2026 */
	for (size_t i = 0; i < POLICY_HOLIDAYS_MAX; i++) {
		holidays[i] = policy_date((unsigned)day.year, day.month, day.day);
		day = civil_add_days(&day, 7);
	}
	assert_int_equal(calendar_due(&calendar, at("2026-01-01T00:00:00Z"), 1),
			 zone_instant("UTC", &(struct civil){.year = day.year,
							     .month = day.month,
							     .day = day.day + 1}) *
				 (int64_t)CLOCK_NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_exist),
		cmocka_unit_test(a_zone_is_asked_for_and_put_back),
		cmocka_unit_test(hours_that_are_not_or_twice),
		cmocka_unit_test(dates),
		cmocka_unit_test(business_days),
		cmocka_unit_test(due_dates),
		cmocka_unit_test(every_day_a_holiday),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
