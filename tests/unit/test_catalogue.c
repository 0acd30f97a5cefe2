/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_catalogue.c - the catalogue as data (deploy/controls/controls.json): every row is whole, ids
 * are those of the standard, and every control a detector speaks for is in it and is spoken of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/detect/detector.h"

#define CATALOGUE "deploy/controls/controls.json"

static json_t *catalogue;

static int load(void **state)
{
	json_error_t error;

	(void)state;
	catalogue = json_load_file(CATALOGUE, 0, &error);
	if (!catalogue)
		fprintf(stderr, "%s: %s\n", CATALOGUE, error.text);
	return catalogue ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	json_decref(catalogue);
	return 0;
}

static const json_t *row_of(const char *id)
{
	size_t i;
	json_t *row;

	json_array_foreach(catalogue, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "id"));

		if (name && strcmp(name, id) == 0)
			return row;
	}
	return NULL;
}

/* An array of texts of one letter, each one of `letters`, none twice. */
static bool are_letters(const json_t *array, const char *letters)
{
	unsigned seen = 0;
	json_t *item;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach(array, i, item)
	{
		const char *text = json_string_value(item), *at;

		if (!text || strlen(text) != 1 || !(at = strchr(letters, text[0])) ||
		    seen & 1u << (at - letters))
			return false;
		seen |= 1u << (at - letters);
	}
	return true;
}

static bool is_text(const json_t *row, const char *name, bool may_be_empty)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text && (may_be_empty || *text) && !strchr(text, '`') && !strchr(text, '|');
}

static void test_rows(void **state)
{
	json_t *row;
	size_t i;

	(void)state;
	json_array_foreach(catalogue, i, row)
	{
		const json_t *same = json_object_get(row, "same");
		const json_t *mode = json_object_get(row, "mode");

		if (!is_text(row, "id", false) || !is_text(row, "title", false) ||
		    !is_text(row, "phase", false) || !is_text(row, "how", true) ||
		    !are_letters(mode, "EDVA") || !json_array_size(mode) ||
		    !are_letters(json_object_get(row, "sees"), "PTHNSC") ||
		    json_object_size(row) != (same ? 7 : 6))
			fail_msg("row %zu is not whole", i);
	}
}

/* Counted by hand from the standard: a row that is lost or invented is seen. */
static void test_ids(void **state)
{
	static const struct {
		const char *prefix, *phase;
		unsigned n;
	} families[] = {
		{"PRE", "before-shipping", 17}, {"REV", "code-review", 19},
		{"AUTH", "authentication", 9},  {"API", "api-design", 11},
		{"LOG", "logging", 10},         {"ALR", "logging", 4},
		{"IR", "incident-response", 7}, {"AI", "ai", 40},
		{"STC", "status-codes", 1},     {"TLS", "tls", 6},
	};
	size_t total = 0;

	(void)state;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		for (unsigned n = 1; n <= families[f].n; n++, total++) {
			const json_t *row;
			char id[16];

			snprintf(id, sizeof(id), "%s-%02u", families[f].prefix, n);
			row = row_of(id);
			if (!row)
				fail_msg("%s is missing", id);
			assert_string_equal(json_string_value(json_object_get(row, "phase")),
					    families[f].phase);
		}
	}
	assert_int_equal(json_array_size(catalogue), total);
	assert_int_equal(total, 124);
}

static void test_same(void **state)
{
	size_t i, k, n = 0;
	json_t *row, *id;

	(void)state;
	json_array_foreach(catalogue, i, row)
	{
		json_array_foreach(json_object_get(row, "same"), k, id)
		{
			const json_t *other = row_of(json_string_value(id));

			assert_non_null(other);
			assert_ptr_not_equal(other, row);
			assert_null(json_object_get(other, "same")); /* no chains */
			n++;
		}
	}
	assert_int_equal(n, 11);
}

static void test_detectors_are_of_it(void **state)
{
	(void)state;
	for (size_t d = 0; d < detectors_count(); d++) {
		assert_non_null(detectors[d]->controls[0]);
		for (const char *const *id = detectors[d]->controls; *id; id++) {
			if (!row_of(*id))
				fail_msg("%s speaks for %s, which is no control",
					 detectors[d]->name, *id);
			assert_non_null(detector_for(*id));
		}
		for (size_t other = 0; other < d; other++)
			assert_string_not_equal(detectors[d]->name, detectors[other]->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_detectors_are_of_it),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
