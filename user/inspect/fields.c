/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields.c - looking up the fields of a head (transaction.h). */
#include "user/inspect/transaction.h"

#include <string.h>
#include <strings.h>

static const struct field *find(const struct fields *fields, size_t from, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = from; i < fields->n; i++) {
		const struct raw *it = &fields->field[i].name;

		if (it->n == n && strncasecmp(it->p, name, n) == 0)
			return &fields->field[i];
	}
	return NULL;
}

const struct field *fields_find(const struct fields *fields, const char *name)
{
	return find(fields, 0, name);
}

const struct field *fields_next(const struct fields *fields, const struct field *field,
				const char *name)
{
	return find(fields, (size_t)(field - fields->field) + 1, name);
}

size_t fields_count(const struct fields *fields, const char *name)
{
	size_t count = 0;

	for (const struct field *f = fields_find(fields, name); f; f = fields_next(fields, f, name))
		count++;
	return count;
}
