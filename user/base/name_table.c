/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/name_table.h"

#include <errno.h>
#include <string.h>

const char *name_table_text(const char *const *table, size_t n, unsigned value)
{
	return value < n && table[value] ? table[value] : "unknown";
}

int name_table_find(const char *const *table, size_t n, const char *text)
{
	for (size_t i = 0; text && i < n; i++)
		if (table[i] && strcmp(table[i], text) == 0)
			return (int)i;
	return -ENOENT;
}
