/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"

static uint64_t read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * (int64_t)CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_wall_read(int64_t wall_ns)
{
	const int64_t end_ns = 7258118400 * (int64_t)CLOCK_NS_PER_S; /* 2200-01-01 */

	if (wall_ns < 0)
		return 0;
	return wall_ns < end_ns ? wall_ns : end_ns;
}

struct clock_now clock_now(void)
{
	return (struct clock_now){.boot_ns = clock_boot_ns(), .wall_ns = clock_wall_ns()};
}

int64_t clock_wall_of_boot(uint64_t boot_ns)
{
	return clock_wall_ns() - (int64_t)(clock_boot_ns() - boot_ns);
}

const char *clock_format(int64_t wall_ns, char out[CLOCK_TEXT])
{
	time_t s = wall_ns / (int64_t)CLOCK_NS_PER_S;
	char date[24];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, CLOCK_TEXT, "%s.%03uZ", date,
		 (unsigned)(wall_ns % (int64_t)CLOCK_NS_PER_S / 1000000));
	return out;
}

const char *clock_format_short(int64_t wall_ns, char out[CLOCK_TEXT])
{
	time_t s = wall_ns / (int64_t)CLOCK_NS_PER_S;
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(out, CLOCK_TEXT, "%H:%M:%S", &tm);
	return out;
}

int clock_parse(const char *text, int64_t *ret_wall_ns)
{
	struct tm tm = {};
	unsigned ms = 0;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	char z;

	if (!end)
		return -EINVAL;
	if (strcmp(end, "Z") != 0 && (sscanf(end, ".%3u%c", &ms, &z) != 2 || z != 'Z'))
		return -EINVAL;
	*ret_wall_ns = timegm(&tm) * (int64_t)CLOCK_NS_PER_S + ms * 1000000ll;
	return 0;
}

const char *clock_boot_id(char out[CLOCK_BOOT_ID])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(out, CLOCK_BOOT_ID, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out;
}
