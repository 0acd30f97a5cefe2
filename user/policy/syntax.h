/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syntax.h - what is wrong with a text that is no YAML at all. Called by document.c.
 */
#pragma once

#include <stddef.h>
#include <yaml.h>

#include "user/policy/problems.h"

/*
 * What must be known before libyaml sees the text: its size, NUL (which libyaml takes for the end)
 * and %TAG lines (which it compares in pairs). -EINVAL with an error in `problems`.
 */
int syntax_precheck(const char *text, size_t size, struct problems *problems);

/* Adds what stopped the parser, with its place and a hint where the cause is a usual one. -EINVAL,
 * or -ENOMEM when that was it. */
int syntax_explain(const yaml_parser_t *parser, const char *text, size_t size,
		   struct problems *problems);
