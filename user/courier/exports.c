/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/exports.h"

#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"

#define NAME_TEXT(name, text) text,
static const char *const kinds[] = {EXPORT_KIND_LIST(NAME_TEXT)};
static const char *const severities[] = {EXPORT_SEVERITY_LIST(NAME_TEXT)};
static const char *const types[] = {EXPORT_TYPE_LIST(NAME_TEXT)};

static int find(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; text && i < n; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -ENOENT;
}

const char *export_kind_name(unsigned kind)
{
	return kind < ARRAY_SIZE(kinds) ? kinds[kind] : "unknown";
}

const char *export_severity_name(unsigned severity)
{
	return severity < ARRAY_SIZE(severities) ? severities[severity] : "unknown";
}

const char *export_type_name(unsigned type)
{
	return type < ARRAY_SIZE(types) ? types[type] : "unknown";
}

int export_kind_find(const char *text)
{
	return find(kinds, ARRAY_SIZE(kinds), text);
}

int export_severity_find(const char *text)
{
	return find(severities, ARRAY_SIZE(severities), text);
}

int export_type_find(const char *text)
{
	return find(types, ARRAY_SIZE(types), text);
}
