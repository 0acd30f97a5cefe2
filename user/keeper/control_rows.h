/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_rows.h - rows of the catalogue that no detector of requests speaks for: alerts by rule,
 * the phases of incidents, containment. And rows of which only a part is built.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/keeper/keeper.h"

#define CONTROL_WHY 160

struct control_facts {
	uint64_t inspected, violated;
	char why[CONTROL_WHY];
};

/* False: the row is none of these. */
bool control_rows_look(const struct keeper *keeper, const char *id,
		       struct control_facts *ret_facts);

/*
 * What nobody looks at of a row although a detector speaks for some of it: it fails when that finds
 * something, and never passes. NULL: all of it is looked at.
 */
const char *control_rows_missing(const char *id);
