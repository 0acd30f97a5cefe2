/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_limits.c - every size a document may have, at N (accepted) and N + 1 (refused, with
 * one clear error); alias bombs; the largest document.
 */
#include "tests/unit/policy_text.h"

#include "user/policy/document.h"

/* Writes a document with n of something. */
typedef void (*write_fn)(FILE *out, size_t n);

static char *written(write_fn write, size_t n, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	assert_non_null(out);
	write(out, n);
	fclose(out);
	return text;
}

static void assert_said(write_fn write, size_t n, int result, const char *expected)
{
	size_t size;
	_cleanup_free_ char *text = written(write, n, &size);

	policy_assert_said(text, size, result, expected);
}

static void assert_limit(write_fn write, size_t n, const char *expected)
{
	assert_said(write, n, 0, "");
	assert_said(write, n + 1, -EINVAL, expected);
}

static void write_services(FILE *out, size_t n)
{
	fputs(POLICY_HEAD "  services:\n", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "    - {name: s%zu, ports: [%zu]}\n", i, i + 1);
}

static void write_ports(FILE *out, size_t n)
{
	fputs(POLICY_HEAD "  services:\n    - name: a\n      ports:\n", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "        - %zu\n", i + 1);
}

static void write_classes(FILE *out, size_t n)
{
	fputs(POLICY_HEAD POLICY_SERVICE "  classes:\n", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "    c%zu: {limit: 1/1s}\n", i);
}

/* Half of them in each of two services: the limit is over all. */
static void write_operations(FILE *out, size_t n)
{
	fputs(POLICY_HEAD "  classes: {general: {limit: 1/1s}}\n  services:\n", out);
	for (size_t s = 0; s < 2; s++) {
		fprintf(out, "    - name: s%zu\n      ports: [%zu]\n      operations:\n", s, s + 1);
		for (size_t i = s; i < n; i += 2)
			fprintf(out, "        - {match: \"GET /o%zu\", class: general}\n", i);
	}
}

static void write_networks(FILE *out, size_t n)
{
	fputs(POLICY_HEAD POLICY_SERVICE "  protect: {never: [10.9.9.9]}\n  exempt:\n", out);
	for (size_t i = 1; i < n; i++)
		fprintf(out, "    - 10.0.%zu.%zu\n", i / 256, i % 256);
}

static void write_class_matches(FILE *out, size_t n)
{
	fputs(POLICY_HEAD POLICY_SERVICE "  classes:\n    c:\n      exempt: true\n      match:\n",
	      out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "        - GET /m%zu\n", i);
}

static void write_headers(FILE *out, size_t n)
{
	fputs(POLICY_HEAD POLICY_SERVICE "  credentials:\n    apiKeyHeaders:\n", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "      - x-key-%zu\n", i);
}

static void write_tags(FILE *out, size_t n)
{
	fputs(POLICY_HEAD "  classes: {c: {limit: 1/1s}}\n  services:\n    - name: a\n      ports: "
			  "[1]\n      operations:\n        - match: GET /\n          class: c\n"
			  "          tags:\n",
	      out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "            - t%zu\n", i);
}

static void write_name(FILE *out, size_t n)
{
	fputs("apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nspec:\n" POLICY_SERVICE
	      "metadata:\n  name: ",
	      out);
	for (size_t i = 0; i < n; i++)
		fputc('n', out);
	fputc('\n', out);
}

static void test_counts(void **state)
{
	(void)state;
	assert_limit(write_services, 256,
		     "p:6:5: error: 257 items in a list (at spec.services)\n"
		     "    hint: use 1 to 256\n");
	assert_limit(write_ports, 64,
		     "p:8:9: error: 65 items in a list (at spec.services[0].ports)\n"
		     "    hint: use 1 to 64\n");
	assert_limit(write_classes, 64, "p:7:5: error: 65 classes; at most 64 (at spec.classes)\n");
	assert_limit(write_operations, 4096,
		     "p:2062:9: error: more than 4096 operations in all services (at "
		     "spec.services[1].operations)\n");
	assert_limit(write_networks, 4000,
		     "p:6:21: error: more than 4000 networks in all lists (at "
		     "spec.protect.never[0])\n");
	assert_limit(write_class_matches, 64,
		     "p:10:9: error: 65 items in a list (at spec.classes.c.match)\n"
		     "    hint: use 0 to 64\n");
	assert_limit(write_headers, 8,
		     "p:8:7: error: 9 items in a list (at spec.credentials.apiKeyHeaders)\n"
		     "    hint: use 0 to 8\n");
	assert_limit(write_tags, 32,
		     "p:13:13: error: 33 items in a list (at spec.services[0].operations[0].tags)\n"
		     "    hint: use 0 to 32\n");
	assert_limit(
		write_name, 63,
		"p:6:9: error: \"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
		"n…\" is not a name (at metadata.name)\n"
		"    hint: 1 to 63 of a-z, 0-9, -, _ and ., with a letter or digit at both "
		"ends\n");
}

/* The document's own limits, without a policy in it: what stands there is not read on. */
static int parse(write_fn write, size_t n, char **ret_said, size_t *ret_count)
{
	size_t size;
	_cleanup_free_ char *text = written(write, n, &size);
	struct document *document = NULL;
	struct problems problems;
	int r;

	assert_int_equal(problems_init(&problems, "p"), 0);
	r = document_parse(text, size, &problems, &document);
	assert_int_equal(r == 0, document != NULL);
	*ret_said = policy_problems_text(&problems);
	*ret_count = document ? document_root(document)->count : 0;
	document_free(document);
	problems_clear(&problems);
	return r;
}

static void assert_parse(write_fn write, size_t n, size_t count, const char *expected)
{
	_cleanup_free_ char *good = NULL, *bad = NULL;
	size_t got;

	assert_int_equal(parse(write, n, &good, &got), 0);
	assert_string_equal(good, "");
	assert_int_equal(got, count);
	assert_int_equal(parse(write, n + 1, &bad, &got), -EINVAL);
	assert_string_equal(bad, expected);
}

static void write_depth(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fputc('[', out);
	for (size_t i = 0; i < n; i++)
		fputc(']', out);
}

static void write_map_depth(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%*sa:\n", (int)i, "");
}

/* a is 17 deep (n = 16), with 15 above it: 32. */
static void write_alias_depth(FILE *out, size_t n)
{
	fputs("- &a ", out);
	write_depth(out, 16);
	fputs("\n- ", out);
	for (size_t i = 0; i < n; i++)
		fputc('[', out);
	fputs("*a", out);
	for (size_t i = 0; i < n; i++)
		fputc(']', out);
}

static void write_nodes(FILE *out, size_t n)
{
	for (size_t i = 1; i < n; i++)
		fputs("- x\n", out);
}

/* Keys are nodes: 2 for each line, 1 for the map. */
static void write_pairs(FILE *out, size_t n)
{
	for (size_t i = 1; i < n; i++)
		fprintf(out, "k%zu: x\n", i);
}

static void write_anchors(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "- &a%zu x\n", i);
}

/* 1000 nodes, 198 times more as aliases (198999 and the list), n more as scalars. */
static void write_aliased_nodes(FILE *out, size_t n)
{
	fputs("- &a [x", out);
	for (size_t i = 2; i < 1000; i++)
		fputs(",x", out);
	fputs("]\n", out);
	for (size_t i = 0; i < 198; i++)
		fputs("- *a\n", out);
	for (size_t i = 0; i < n; i++)
		fputs("- x\n", out);
}

static void test_document_limits(void **state)
{
	(void)state;
	assert_parse(write_depth, 32, 32, "p:1:33: error: nested deeper than 32 levels\n");
	/* a map, its key, and in it the next; the innermost value is nothing */
	assert_parse(write_map_depth, 32, 65, "p:33:33: error: nested deeper than 32 levels\n");
	assert_parse(write_alias_depth, 15, 1 + 16 + 15 + 16,
		     "p:2:19: error: nested deeper than 32 levels\n");
	assert_parse(write_nodes, 200000, 200000,
		     "p:200000:3: error: the document has more than 200000 values\n");
	assert_parse(write_pairs, 100000, 199999,
		     "p:100000:10: error: the document has more than 200000 values\n");
	assert_parse(write_anchors, 256, 257, "p:257:3: error: more than 256 anchors\n");
	assert_parse(write_aliased_nodes, 999, 200000,
		     "p:1199:3: error: the document has more than 200000 values\n");
}

/* Nine aliases of nine aliases ...: 9^n values in 9 lines. */
static void write_bomb(FILE *out, size_t n)
{
	fputs("l0: &l0 [x, x, x, x, x, x, x, x, x]\n", out);
	for (size_t i = 1; i < n; i++) {
		fprintf(out, "l%zu: &l%zu [*l%zu", i, i, i - 1);
		for (size_t k = 1; k < 9; k++)
			fprintf(out, ", *l%zu", i - 1);
		fputs("]\n", out);
	}
}

/* The sum over n levels: 10, 91, 820, 7381, 66430 values, a key each, the map. */
static void test_alias_bomb(void **state)
{
	_cleanup_free_ char *good = NULL, *bad = NULL;
	size_t count;

	(void)state;
	assert_int_equal(parse(write_bomb, 5, &good, &count), 0);
	assert_int_equal(count, 10 + 91 + 820 + 7381 + 66430 + 5 + 1);
	assert_int_equal(parse(write_bomb, 40, &bad, &count), -EINVAL);
	assert_string_equal(bad, "p:6:15: error: aliases expand the document past 200000 values\n"
				 "    hint: write the values out where they are needed\n");
}

/* n bytes: a policy behind comments. */
static void write_bytes(FILE *out, size_t n)
{
	static const char policy[] = POLICY_HEAD POLICY_SERVICE;
	size_t left = n - strlen(policy);

	while (left >= 80) {
		fprintf(out, "#%78s\n", "x");
		left -= 80;
	}
	for (; left; left--)
		fputc('\n', out);
	fputs(policy, out);
}

static void test_largest_document(void **state)
{
	(void)state;
	assert_limit(write_bytes, POLICY_SOURCE_MAX,
		     "p: error: the document has 4194305 bytes; at most 4194304 are read\n");
}

/* 4 MiB that are one value, one key, one bracket after the other, one unknown key in one map. */
static void write_long_value(FILE *out, size_t n)
{
	fputs("kind: ", out);
	for (size_t i = 6; i < n; i++)
		fputc('k', out);
}

static void write_brackets(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fputc('[', out);
}

static void write_long_keys(FILE *out, size_t n)
{
	for (size_t i = 0, written = 0; written + 1010 < n; i++)
		written += (size_t)fprintf(out, "%01000zu: x\n", i);
}

static void write_same_keys(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fputs("a: 1\n", out);
}

static void test_hostile_documents(void **state)
{
	_cleanup_free_ char *said[4] = {NULL};
	size_t count;

	(void)state;
	assert_int_equal(parse(write_long_value, POLICY_SOURCE_MAX, &said[0], &count), 0);
	assert_int_equal(count, 3);
	free(TAKE_PTR(said[0]));
	assert_int_equal(parse(write_brackets, POLICY_SOURCE_MAX, &said[0], &count), -EINVAL);
	assert_string_equal(said[0], "p:1:33: error: nested deeper than 32 levels\n");
	assert_int_equal(parse(write_long_keys, POLICY_SOURCE_MAX, &said[1], &count), 0);
	assert_string_equal(said[1], "");
	/* 99,998 repeat the first; 1000 are kept */
	assert_int_equal(parse(write_same_keys, 99999, &said[2], &count), 0);
	assert_non_null(strstr(said[2], "p:1001:1: error: duplicate key \"a\"\n"));
	assert_non_null(strstr(said[2], "\np: 98998 more not shown\n"));
	free(TAKE_PTR(said[2]));
	free(TAKE_PTR(said[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_document_limits),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_largest_document),
		cmocka_unit_test(test_hostile_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
