/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits.h - live windows of sources, read from the table by the names the judge gives them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/kern/kern.h"

struct limit_use {
	struct gl_addr source; /* as windows see it: /32, /64 */
	uint16_t service, cls; /* interned ids */
	uint32_t count, limit, window_s, remaining;
	uint32_t reset_s; /* until one more is admitted; 0: now */
};

struct limits_page {
	struct limit_use *items; /* fullest first */
	size_t n, max;
};

/*
 * Adds the windows of one source, for every class an operation of a service has, to the page, which
 * keeps the fullest. empty: also those with no admissions.
 */
void limits_of_source(const struct kern *kern, const struct gl_policy *image,
		      const struct gl_addr *source, bool empty, uint64_t now_ns,
		      struct limits_page *page);
