/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format_prometheus.c - text exposition format 0.0.4. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/courier/format.h"

/* In HELP: \ and newline; in a label's value also ". */
static void put_escaped(FILE *f, const char *text, int quote)
{
	for (; *text; text++) {
		if (*text == '\\' || (quote && *text == '"'))
			fputc('\\', f);
		if (*text == '\n')
			fputs("\\n", f);
		else
			fputc(*text, f);
	}
}

static void put_labels(FILE *f, json_t *labels)
{
	const char *name, *separator = "{";
	json_t *value;

	json_object_foreach(labels, name, value)
	{
		fprintf(f, "%s%s=\"", separator, name);
		put_escaped(f, json_string_value(value) ?: "", 1);
		fputc('"', f);
		separator = ",";
	}
	if (json_object_size(labels))
		fputc('}', f);
}

static void put_family(FILE *f, const json_t *family)
{
	const char *name = json_string_value(json_object_get(family, "name"));
	const json_t *samples = json_object_get(family, "samples");

	if (!name)
		return;
	fprintf(f, "# HELP %s ", name);
	put_escaped(f, json_string_value(json_object_get(family, "help")) ?: "", 0);
	fprintf(f, "\n# TYPE %s %s\n", name,
		json_string_value(json_object_get(family, "type")) ?: "untyped");
	for (size_t i = 0; i < json_array_size(samples); i++) {
		const json_t *sample = json_array_get(samples, i);
		const json_t *value = json_object_get(sample, "value");

		fputs(name, f);
		put_labels(f, json_object_get(sample, "labels"));
		if (json_is_integer(value))
			fprintf(f, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
		else
			fprintf(f, " %.17g\n", json_real_value(value));
	}
}

char *format_prometheus(const json_t *metrics, size_t *ret_size)
{
	const json_t *families = json_object_get(metrics, "families");
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < json_array_size(families); i++)
		put_family(f, json_array_get(families, i));
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
