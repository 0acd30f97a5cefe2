/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_exports_config.c - any bytes as the section `exports` of the configuration. Beyond not
 * crashing: the answer and the problems agree, a message cannot write to a terminal, and of what
 * was accepted every sink has a name of its own, a type, and bounds that are not 0.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/base/cleanup.h"
#include "user/courier/exports.h"
#include "user/keeper/exports_config.h"

static void check_problems(const struct problems *problems, int r)
{
	CHECK(r == 0 || r == -EINVAL);
	CHECK((r == 0) == (problems->errors == 0));
	for (size_t i = 0; i < problems->n; i++) {
		check_line(problems->items[i].path);
		check_line(problems->items[i].message);
		check_line(problems->items[i].hint);
	}
}

static void check_config(const json_t *config)
{
	const json_t *sinks = json_object_get(config, "sinks");
	json_t *names = json_object();
	const json_t *sink;
	size_t i;

	CHECK(json_is_array(sinks) && json_object_get(config, "listen"));
	json_array_foreach(sinks, i, sink)
	{
		const char *name = json_string_value(json_object_get(sink, "name"));

		CHECK(name && *name && strlen(name) < EXPORT_NAME && !strchr(name, '/') &&
		      *name != '.');
		CHECK(!json_object_get(names, name));
		CHECK(export_type_find(json_string_value(json_object_get(sink, "type"))) >= 0);
		json_object_set_new(names, name, json_true());
	}
	json_decref(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document *document = NULL;
	const struct node *section;
	struct problems problems;
	json_t *config = NULL;
	int r;

	if (problems_init(&problems, "fuzz") < 0)
		return 0;
	if (document_parse((const char *)data, size, &problems, &document) == 0) {
		section = document_root(document);
		if (section->kind == NODE_MAP && node_member(section, "exports"))
			section = node_member(section, "exports");
		r = exports_config_read(section, &problems, &config);
		check_problems(&problems, r);
		CHECK((r == 0) == (config != NULL));
		if (config)
			check_config(config);
	}
	json_decref(config);
	document_free(document);
	problems_clear(&problems);
	return 0;
}
