/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "user/base/cleanup.h"

static const struct {
	char unit;
	uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

int duration_parse(const char *text, uint32_t *ret_seconds)
{
	uint64_t n = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++) {
		n = n * 10 + (uint64_t)(*c - '0');
		if (n > UINT32_MAX)
			return -ERANGE;
	}
	if (c == text || !c[0] || c[1])
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].unit != *c)
			continue;
		n *= units[i].seconds;
		if (n == 0 || n > UINT32_MAX)
			return -ERANGE;
		*ret_seconds = (uint32_t)n;
		return 0;
	}
	return -EINVAL;
}

const char *duration_format(uint64_t seconds, char out[DURATION_TEXT])
{
	size_t i = 0;

	while (seconds % units[i].seconds || (seconds == 0 && units[i].seconds > 1))
		i++;
	snprintf(out, DURATION_TEXT, "%" PRIu64 "%c", seconds / units[i].seconds, units[i].unit);
	return out;
}
