/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out.h - what people see: aligned tables, times of their zone, colors on terminals, and nothing
 * that a terminal would obey (texts may come from clients of the guarded APIs).
 */
#pragma once

#include <jansson.h>

#include "user/ctl/ctl.h"

enum out_color { OUT_PLAIN, OUT_BOLD, OUT_DIM, OUT_GREEN, OUT_YELLOW, OUT_RED };

/* "\033[31m" or "" */
const char *out_color(const struct ctl *ctl, enum out_color color);
/* limit, refuse, suspend, ban: red; allow: green; anything else plain */
enum out_color out_verdict_color(const char *verdict);

/* The text with control characters as '?': one of a few static buffers, for a printf right away. */
const char *out_clean(const char *text);

/* Members as text for a table: "" when absent or null; integers, strings, booleans ("yes"/"no"). */
const char *out_member(const json_t *object, const char *name);
/* RFC 3339 in UTC to "2026-01-31T15:03:07+01:00" here; other text as it is. */
const char *out_time(const char *utc);
const char *out_bytes(json_int_t bytes); /* "1.5 MiB" */

/* Columns are cut to no width; a title that begins with '>' is right-aligned. */
struct out_table;
struct out_table *out_table_new(const char *const *titles, unsigned columns);
/* `cells`: one text per column, copied and cleaned. */
void out_table_add(struct out_table *table, enum out_color color, const char *const *cells);
/* Prints and frees; with no rows prints `empty`. */
void out_table_print(const struct ctl *ctl, struct out_table *table, const char *empty);
#define OUT_ROW(table, color, ...) out_table_add(table, color, (const char *const[]){__VA_ARGS__})

/* "name   value" lines. */
void out_pair(const struct ctl *ctl, const char *name, const char *value);

/* The "problems" or "warnings" of a policy on err, as a compiler would. */
void out_problems(const struct ctl *ctl, const json_t *problems);
