/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff.h - what changes between two policies, one line each, for people: `policy apply` and the
 * audit log. Both are models, so comments and order of keys do not show.
 */
#pragma once

#include <stddef.h>

#include "user/policy/model.h"

typedef void (*diff_line_fn)(const char *line, void *userdata);

/* Calls `line` for each difference; old NULL = everything is new. Returns how many. */
size_t policy_diff(const struct policy *old, const struct policy *new, diff_line_fn line,
		   void *userdata);
