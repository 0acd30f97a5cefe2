/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/exports.h"

#include "user/base/name_table.h"

#define NAME_TEXT(name, text) text,
static const char *const kinds[] = {EXPORT_KIND_LIST(NAME_TEXT)};
static const char *const severities[] = {EXPORT_SEVERITY_LIST(NAME_TEXT)};
static const char *const types[] = {EXPORT_TYPE_LIST(NAME_TEXT)};

const char *export_kind_name(unsigned kind)
{
	return NAME_OF(kinds, kind);
}

const char *export_severity_name(unsigned severity)
{
	return NAME_OF(severities, severity);
}

const char *export_type_name(unsigned type)
{
	return NAME_OF(types, type);
}

int export_kind_find(const char *text)
{
	return NAME_FIND(kinds, text);
}

int export_severity_find(const char *text)
{
	return NAME_FIND(severities, text);
}

int export_type_find(const char *text)
{
	return NAME_FIND(types, text);
}
