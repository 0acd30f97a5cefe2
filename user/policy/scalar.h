/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scalar.h - what an unquoted scalar is. Called by document.c.
 */
#pragma once

#include "user/policy/document.h"

/*
 * The type of a plain scalar by the core schema of YAML 1.2 (section 10.3.2). `yes`, `off` and `y`
 * are strings, as in JSON; a reader that wants a bool says so.
 */
enum scalar_type scalar_resolve(const char *text);
