/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/format.h"

#include <string.h>

static int is_scalar(const json_t *value)
{
	return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static void each_of(json_t *object, format_each_fn fn, int own, void *userdata)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (is_scalar(value))
			fn(name, value, own, userdata);
	}
}

void format_each(const json_t *record, format_each_fn fn, void *userdata)
{
	json_t *data = json_object_get(record, "data");

	each_of(json_object_get(data, "attributes"), fn, 0, userdata);
	each_of(data, fn, 1, userdata);
}
