/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/heads.h"

#include "user/detect/raws.h"

#define NAME_MAX_BYTES 33

#define HEAD_RAW(name, text) [name] = RAW_INIT(text),
static const struct raw names[HEAD_MAX] = {HEAD_LIST(HEAD_RAW)};

/* by length: the first name that is not shorter. The list is ascending. */
static uint8_t begins[NAME_MAX_BYTES + 1];

__attribute__((constructor)) static void index_names(void)
{
	for (size_t length = 0, i = 0; length <= NAME_MAX_BYTES; length++) {
		while (i < HEAD_MAX && names[i].n < length)
			i++;
		begins[length] = (uint8_t)i;
	}
}

struct raw heads_name(enum head name)
{
	return names[name];
}

void heads_read(struct heads *heads, const struct fields *fields)
{
	memset(heads, 0, sizeof(*heads));
	for (size_t i = 0; i < fields->n; i++) {
		const struct raw name = fields->field[i].name;

		if (name.n > NAME_MAX_BYTES)
			continue;
		for (size_t k = begins[name.n]; k < HEAD_MAX && names[k].n == name.n; k++) {
			if (!raw_is_nocase(name, names[k]))
				continue;
			if (!heads->first[k])
				heads->first[k] = &fields->field[i];
			break;
		}
	}
}

const struct field *heads_next(const struct fields *fields, const struct field *field,
			       enum head name)
{
	for (field++; field < fields->field + fields->n; field++)
		if (raw_is_nocase(field->name, names[name]))
			return field;
	return NULL;
}
