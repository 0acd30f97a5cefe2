/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"

#define FOLDER "/usr/share/zoneinfo/"
#define DAY_S  86400
#define ALPHANUMERIC                                                                               \
	"abcdefghijklmnopqrstuvwxyz"                                                               \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool zone_exists(const char *name)
{
	char path[sizeof(FOLDER) + ZONE_NAME], magic[4];
	_cleanup_fclose_ FILE *f = NULL;

	if (strcmp(name, "UTC") == 0)
		return true;
	/* no dots: the name is not a way out of the folder */
	if (!*name || strlen(name) >= ZONE_NAME || *name == '/' ||
	    strspn(name, ALPHANUMERIC "_+-/") != strlen(name))
		return false;
	snprintf(path, sizeof(path), FOLDER "%s", name);
	f = fopen(path, "re");
	return f && fread(magic, sizeof(magic), 1, f) == 1 && memcmp(magic, "TZif", 4) == 0;
}

/* localtime_r() in another zone. */
static struct tm broken_down(const char *zone, int64_t unix_s)
{
	char path[sizeof(FOLDER) + ZONE_NAME + 1];
	_cleanup_free_ char *before = NULL;
	const char *now = getenv("TZ");
	time_t t = (time_t)unix_s;
	struct tm tm = {};

	if (strcmp(zone, "UTC") == 0) {
		gmtime_r(&t, &tm);
		return tm;
	}
	before = now ? strdup(now) : NULL;
	snprintf(path, sizeof(path), ":" FOLDER "%s", zone);
	setenv("TZ", path, 1);
	tzset();
	localtime_r(&t, &tm);
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	return tm;
}

static struct civil civil_of(const struct tm *tm)
{
	return (struct civil){
		.year = tm->tm_year + 1900,
		.month = (unsigned)tm->tm_mon + 1,
		.day = (unsigned)tm->tm_mday,
		.hour = (unsigned)tm->tm_hour,
		.minute = (unsigned)tm->tm_min,
		.second = (unsigned)tm->tm_sec,
		.weekday = (unsigned)tm->tm_wday,
	};
}

/* As if it were UTC; normalizes what is out of range. */
static int64_t seconds_of(const struct civil *civil)
{
	struct tm tm = {
		.tm_year = civil->year - 1900,
		.tm_mon = (int)civil->month - 1,
		.tm_mday = (int)civil->day,
		.tm_hour = (int)civil->hour,
		.tm_min = (int)civil->minute,
		.tm_sec = (int)civil->second,
	};

	return timegm(&tm);
}

struct civil zone_civil(const char *zone, int64_t unix_s)
{
	struct tm tm = broken_down(zone, unix_s);

	return civil_of(&tm);
}

int64_t zone_instant(const char *zone, const struct civil *civil)
{
	int64_t wanted = seconds_of(civil);
	/* the zone's distance from UTC before and after any change near it */
	int64_t before = broken_down(zone, wanted - DAY_S).tm_gmtoff;
	int64_t after = broken_down(zone, wanted + DAY_S).tm_gmtoff;
	int64_t at = wanted - (before > after ? before : after);

	/* the larger distance is the earlier instant */
	for (int i = 0; i < 2; i++) {
		struct civil shown = zone_civil(zone, at);

		if (seconds_of(&shown) == wanted)
			return at;
		at = wanted - (before > after ? after : before);
	}
	return wanted - before; /* it is left out */
}

bool civil_valid(int year, unsigned month, unsigned day)
{
	const struct civil civil = {.year = year, .month = month, .day = day};
	struct civil again;

	if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	again = zone_civil("UTC", seconds_of(&civil));
	return again.month == month && again.day == day;
}

struct civil civil_add_days(const struct civil *civil, int days)
{
	return zone_civil("UTC", seconds_of(civil) + (int64_t)days * DAY_S);
}
