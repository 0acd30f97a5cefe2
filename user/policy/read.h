/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.h - YAML or JSON text to a validated struct policy, or to the full list of what is wrong
 * with it.
 */
#pragma once

#include <stddef.h>

#include "user/policy/model.h"
#include "user/policy/problems.h"

/*
 * Reads `size` bytes of `text` (JSON is read as YAML: it is a subset). `name` stands in messages.
 * On success *ret_policy is the caller's and problems may hold warnings. -EINVAL: at least one
 * error in `problems` (initialized by the caller), nothing returned. -ENOMEM otherwise.
 */
int policy_read(const char *text, size_t size, const char *name, struct problems *problems,
		struct policy **ret_policy);

/* The same from a file; "-" is standard input. Other -errno when it cannot be read (a problem is
 * added too). */
int policy_read_file(const char *path, struct problems *problems, struct policy **ret_policy);
