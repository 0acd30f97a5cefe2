/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_schema.c - the JSON Schema knows the keys of the reader's own tables, the required
 * ones, their words and their ranges; and the policies we ship are right.
 */
#include "tests/unit/policy_text.h"

#include <jansson.h>

#include "user/policy/reader.h"

#define SCHEMA "deploy/schema/apipolicy.schema.json"

/* "" is the document itself, any other name one of $defs. */
static const json_t *definition(const json_t *schema, const char *name)
{
	return *name ? json_object_get(json_object_get(schema, "$defs"), name) : schema;
}

static bool is_required(const json_t *object, const char *key)
{
	const json_t *value;
	size_t i;

	json_array_foreach(json_object_get(object, "required"), i,
			   value) if (!strcmp(json_string_value(value), key)) return true;
	return false;
}

/* Which keyword a bound is said with depends on the type; there is at most one. */
static void assert_bound(const json_t *property, const char *const *keywords, uint32_t expected,
			 const char *key)
{
	for (; *keywords; keywords++) {
		const json_t *bound = json_object_get(property, *keywords);

		if (bound && json_integer_value(bound) != expected)
			fail_msg("%s: %s is %lld, the reader has %u", key, *keywords,
				 (long long)json_integer_value(bound), expected);
	}
}

static void assert_range(const struct field *field, const json_t *property)
{
	static const char *const lowest[] = {"minimum", "minItems", NULL};
	static const char *const highest[] = {"maximum", "maxItems", "maxProperties", NULL};

	assert_bound(property, lowest, field->min, field->key);
	assert_bound(property, highest, field->max, field->key);
	if (field->read == read_number && !json_object_get(property, "maximum"))
		fail_msg("%s has no maximum", field->key);
	if (field->read == read_texts && !json_object_get(property, "maxItems"))
		fail_msg("%s has no maxItems", field->key);
}

/* A word is said with enum, or const where there is one. */
static void assert_words(const struct field *field, const json_t *property)
{
	const struct words *words = field->arg;
	const json_t *list = json_object_get(property, "enum");
	const json_t *one = json_object_get(property, "const");

	if (one) {
		assert_int_equal(words->n, 1);
		assert_string_equal(json_string_value(one), words->items[0].text);
		return;
	}
	if (!list)
		fail_msg("%s has no words", field->key);
	assert_int_equal(json_array_size(list), words->n);
	for (size_t i = 0; i < words->n; i++)
		assert_string_equal(json_string_value(json_array_get(list, i)),
				    words->items[i].text);
}

static void assert_shape(const json_t *schema, const struct shape *shape)
{
	const json_t *object = definition(schema, shape->schema);
	const json_t *properties = json_object_get(object, "properties");

	if (!properties)
		fail_msg("the schema has no %s", shape->schema);
	assert_true(json_is_false(json_object_get(object, "additionalProperties")));
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct field *field = &shape->fields[i];
		const json_t *property = json_object_get(properties, field->key);

		if (!property)
			fail_msg("%s.%s is not in the schema", shape->schema, field->key);
		if (is_required(object, field->key) != !!(field->flags & FIELD_REQUIRED))
			fail_msg("%s.%s: required in one of both", shape->schema, field->key);
		if (field->read == read_word || field->read == read_word_bool ||
		    field->read == check_word)
			assert_words(field, property);
		assert_range(field, property);
	}
	/* as many, and each of ours is one of theirs: none is theirs alone */
	assert_int_equal(json_object_size(properties), shape->n_fields);
}

static json_t *load_schema(void)
{
	json_t *schema = json_load_file(SCHEMA, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(schema);
	return schema;
}

static void test_shapes(void **state)
{
	json_t *schema = load_schema();

	(void)state;
	assert_int_equal(policy_shapes_n, 33);
	for (size_t i = 0; i < policy_shapes_n; i++)
		assert_shape(schema, policy_shapes[i]);
	json_decref(schema);
}

/* Every $ref leads somewhere. Returns how many there are. */
static size_t follow_refs(const json_t *schema, const json_t *value)
{
	static const char prefix[] = "#/$defs/";
	const json_t *child;
	const char *key;
	size_t i, refs = 0;

	json_array_foreach(value, i, child) refs += follow_refs(schema, child);
	json_object_foreach((json_t *)(uintptr_t)value, key, child)
	{
		refs += follow_refs(schema, child);
		if (strcmp(key, "$ref"))
			continue;
		refs++;
		assert_memory_equal(json_string_value(child), prefix, strlen(prefix));
		if (!definition(schema, json_string_value(child) + strlen(prefix)))
			fail_msg("%s leads nowhere", json_string_value(child));
	}
	return refs;
}

/* An editor shows the description: every property has one, its own or its definition's. */
static void test_refs_and_descriptions(void **state)
{
	json_t *schema = load_schema();

	(void)state;
	assert_true(follow_refs(schema, schema) > 20);
	for (size_t i = 0; i < policy_shapes_n; i++) {
		const json_t *object = definition(schema, policy_shapes[i]->schema), *property;
		const char *key;

		assert_non_null(json_object_get(object, "description"));
		json_object_foreach(json_object_get(object, "properties"), key,
				    property) if (!json_object_get(property, "description") &&
						  !json_object_get(property, "$ref"))
			fail_msg("%s.%s has no description", policy_shapes[i]->schema, key);
	}
	json_decref(schema);
}

/* The policies people start from: no error, and only warnings about keys not enforced yet. */
static void test_shipped_policies(void **state)
{
	static const struct {
		const char *path, *name;
		enum gl_mode mode;
		size_t warnings;
	} shipped[] = {
		{"deploy/policies/baseline.yaml", "baseline", GL_MODE_MONITOR, 0},
		{"deploy/policies/strict.yaml", "shop-strict", GL_MODE_ENFORCE, 0},
		{"deploy/policies/two-services.json", "two-services", GL_MODE_ENFORCE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
		struct policy *policy = NULL;
		struct problems problems;

		assert_int_equal(problems_init(&problems, shipped[i].path), 0);
		if (policy_read_file(shipped[i].path, &problems, &policy) < 0)
			problems_print(&problems, stderr);
		assert_non_null(policy);
		assert_int_equal(problems.n, shipped[i].warnings);
		for (size_t k = 0; k < problems.n; k++)
			assert_non_null(strstr(problems.items[k].message,
					       "is accepted, not enforced by this version"));
		assert_string_equal(policy->name, shipped[i].name);
		assert_int_equal(policy->mode, shipped[i].mode);
		policy_free(policy);
		problems_clear(&problems);
	}
}

/* The numbers of the standard (controls API-04 to API-06, ALR-01 to ALR-03). */
static void test_baseline_numbers(void **state)
{
	static const struct {
		const char *name;
		uint32_t limit, window_s;
		bool exempt;
	} classes[] = {{"general", 100, 900, false},
		       {"auth", 5, 900, false},
		       {"public", 30, 60, false},
		       {"health", 0, 60, true}};
	static const uint16_t ports[] = {80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 8888, 9000};
	struct policy *policy = NULL;
	struct problems problems;

	(void)state;
	assert_int_equal(problems_init(&problems, "baseline"), 0);
	assert_int_equal(policy_read_file("deploy/policies/baseline.yaml", &problems, &policy), 0);
	assert_int_equal(policy->n_classes, ARRAY_SIZE(classes));
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		assert_string_equal(policy->classes[i].name, classes[i].name);
		assert_int_equal(policy->classes[i].limit, classes[i].limit);
		assert_int_equal(policy->classes[i].window_s, classes[i].window_s);
		assert_int_equal(policy->classes[i].exempt, classes[i].exempt);
	}
	assert_int_equal(policy->n_services, 1);
	assert_int_equal(policy->services[0].n_ports, ARRAY_SIZE(ports));
	assert_memory_equal(policy->services[0].ports, ports, sizeof(ports));
	assert_int_equal(policy->limit_exceeded.at_least, 1);
	assert_int_equal(policy->alert_cool_down_s, 600);
	assert_int_equal(policy->auth_failures.at_least, 5);
	assert_int_equal(policy->auth_failures.per_s, 60);
	assert_int_equal(policy->forbidden.at_least, 10);
	assert_int_equal(policy->forbidden.per_s, 60);
	assert_int_equal(policy->server_errors.at_least, 1);
	assert_int_equal(policy->server_errors.per_s, 60);
	policy_free(policy);
	problems_clear(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refs_and_descriptions),
		cmocka_unit_test(test_shipped_policies),
		cmocka_unit_test(test_baseline_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
