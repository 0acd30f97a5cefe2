/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.h - the syntax of an operation's match: "METHOD /path/template".
 *
 * METHOD is upper-case letters, digits, '-' and '_', or `*` for any. The path has at most
 * GL_PATH_DEPTH segments: a literal (decoded, normalized, at most MATCH_LITERAL_MAX bytes),
 * `{name}` or `*` for one segment, `{name:int}`, `{name:uuid}` for one of that form, `**` for any
 * number, at most once. Called by the reader; the compiler relies on what passed here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MATCH_METHOD_MAX  32
#define MATCH_LITERAL_MAX 64
#define MATCH_NAME_MAX    63

struct match_fault {
	char message[224];
	char hint[128]; /* "" = none */
};

/* -EINVAL: the first thing wrong is in *ret_fault, which is else untouched. */
int match_check(const char *match, struct match_fault *ret_fault);

/* Whether a valid match has a parameter of this name: owner.param is one. */
bool match_has_parameter(const char *match, const char *name);
