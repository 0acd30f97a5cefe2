/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name_table.h - texts of an enum, made from its X-macro list, and the way back. Every table of
 * names in user space is one of these:
 *
 *	static const char *const colours[] = {COLOUR_LIST(NAME_TABLE_ENTRY)};
 *	NAME_OF(colours, colour)   never NULL: a number the enum has not is "unknown"
 *	NAME_FIND(colours, text)   the number; -ENOENT, also for NULL
 */
#pragma once

#include <stddef.h>

#include "user/base/cleanup.h"

#define NAME_TABLE_ENTRY(name, text) [name] = text,

const char *name_table_text(const char *const *table, size_t n, unsigned value);
int name_table_find(const char *const *table, size_t n, const char *text);

#define NAME_OF(table, value)  name_table_text(table, ARRAY_SIZE(table), (unsigned)(value))
#define NAME_FIND(table, text) name_table_find(table, ARRAY_SIZE(table), text)
