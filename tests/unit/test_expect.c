/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_expect.c - what a policy expects of answers and requests, from its text to the detectors:
 * read and inherited, every error with its place, told apart by diff and by the image's sum, packed
 * for the inspectors and opened there; broken bytes are refused.
 */
#include "tests/unit/policy_text.h"

#include <stdio.h>

#include "user/detect/expect.h"
#include "user/policy/diff.h"

#define UNUSED __attribute__((unused))

#define EXPECTING                                                                                  \
	POLICY_HEAD                                                                                \
	"  classes: {general: {limit: 100/15m}}\n"                                                 \
	"  expect: {maxPage: 50, jwt: {algorithms: [RS256, ES256], maxLifetime: 10m}}\n"           \
	"  services:\n"                                                                            \
	"    - name: a\n"                                                                          \
	"      ports: [80]\n"                                                                      \
	"      responses: {forbiddenFields: [password_hash]}\n"                                    \
	"      expect:\n"                                                                          \
	"        requiredHeaders: [Cache-Control]\n"                                               \
	"        forbiddenHeaders: [X-Powered-By, server]\n"                                       \
	"        cors: {origins: ['https://App.example.com', 'http://localhost:3000']}\n"          \
	"        uploads: {maxBytes: 1000, types: [image/png, 'video/*']}\n"                       \
	"      operations:\n"                                                                      \
	"        - {match: GET /old, deprecated: true}\n"                                          \
	"        - {match: GET /many, expect: {maxPage: 500, defaultPage: 100}}\n"                 \
	"        - {match: POST /files, expect: {uploads: {types: [application/pdf]}}}\n"          \
	"        - {match: GET /plain}\n"                                                          \
	"    - {name: b, ports: [81]}\n"                                                           \
	"    - {name: c, ports: [82], expect: {jwt: {algorithms: [HS256]}}}\n"

static void assert_texts(const struct policy_strings *texts, const char *expected)
{
	char all[256] = "";

	for (size_t i = 0; i < texts->n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "",
			 texts->items[i]);
	assert_string_equal(all, expected);
}

static void test_read(void **state UNUSED)
{
	struct policy *policy = policy_assert_good(EXPECTING);
	const struct policy_service *a = &policy->services[0], *b = &policy->services[1];

	assert_int_equal(a->expect.max_page, 50);
	assert_int_equal(a->expect.default_page, 0);
	assert_int_equal(a->expect.jwt_lifetime_s, 600);
	assert_texts(&a->expect.jwt_algorithms, "RS256 ES256");
	assert_texts(&a->expect.required_headers, "cache-control");
	assert_texts(&a->expect.forbidden_headers, "x-powered-by server");
	assert_texts(&a->expect.cors_origins, "https://app.example.com http://localhost:3000");
	assert_texts(&a->expect.upload_types, "image/png video/*");
	assert_true(a->operations[0].deprecated);
	assert_false(a->operations[1].deprecated);
	assert_int_equal(a->operations[1].expect.max_page, 500);
	assert_int_equal(a->operations[1].expect.upload_bytes, 1000);
	assert_texts(&a->operations[1].expect.upload_types, "image/png video/*");
	assert_texts(&a->operations[2].expect.upload_types, "application/pdf");
	/* the spec's, and nothing of another service's */
	assert_int_equal(b->expect.max_page, 50);
	assert_texts(&b->expect.jwt_algorithms, "RS256 ES256");
	assert_int_equal(b->expect.required_headers.n, 0);
	assert_texts(&policy->services[2].expect.jwt_algorithms, "HS256");
	assert_int_equal(policy->services[2].expect.jwt_lifetime_s, 600);
	policy_free(policy);
}

static const struct {
	const char *expect, *said;
} wrong[] = {
	{"{maxPage: 0}", "p:6:21: error: maxPage 0 is out of range (at spec.expect.maxPage)\n"
			 "    hint: use 1 to 1000000\n"},
	{"{maxPage: 20, defaultPage: 30}",
	 "p:6:38: error: a default page of 30 items is above a maximum of 20 (at "
	 "spec.expect.defaultPage)\n    hint: the default page is at most maxPage\n"},
	{"{requiredHeaders: [a b]}",
	 "p:6:30: error: \"a b\" is not a header name (at spec.expect.requiredHeaders[0])\n"
	 "    hint: 1 to 63 letters, digits and !#$%&'*+-.^_`|~\n"},
	{"{requiredHeaders: [server], forbiddenHeaders: [Server]}",
	 "p:6:57: error: the header \"server\" is required and forbidden (at "
	 "spec.expect.forbiddenHeaders)\n    hint: leave it out of one of both\n"},
	{"{jwt: {algorithms: [none]}}",
	 "p:6:31: error: \"none\" is not an algorithm that signs (at "
	 "spec.expect.jwt.algorithms[0])\n"
	 "    hint: RS256, PS256, ES256, EdDSA, HS256 and their kin; none is never allowed\n"},
	{"{jwt: {algorithms: []}}",
	 "p:6:30: error: 0 items in a list (at spec.expect.jwt.algorithms)\n"
	 "    hint: use 1 to 64\n"},
	{"{jwt: {maxLifetime: 1s}}",
	 "p:6:31: error: duration \"1s\" is out of range (at spec.expect.jwt.maxLifetime)\n"
	 "    hint: use 1m to 30d\n"},
	{"{cors: {origins: ['*']}}",
	 "p:6:29: error: \"*\" is not an origin (at spec.expect.cors.origins[0])\n"
	 "    hint: scheme://host or scheme://host:port, each by its name: "
	 "https://app.example.com\n"},
	{"{cors: {origins: ['https://a.example/x']}}",
	 "p:6:29: error: \"https://a.example/x\" is not an origin (at "
	 "spec.expect.cors.origins[0])\n"
	 "    hint: scheme://host or scheme://host:port, each by its name: "
	 "https://app.example.com\n"},
	{"{uploads: {types: [png]}}",
	 "p:6:30: error: \"png\" is not a media type (at spec.expect.uploads.types[0])\n"
	 "    hint: type/subtype or type/*, without parameters\n"},
	{"{maxPages: 5}", "p:6:12: error: unknown key \"maxPages\" (at spec.expect)\n"
			  "    hint: did you mean \"maxPage\"?\n"},
};

static void test_wrong(void **state UNUSED)
{
	unsigned bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_free_ char *said = NULL;
		struct policy *policy = NULL;
		struct problems problems;
		char document[1024];

		snprintf(document, sizeof(document), POLICY_HEAD POLICY_SERVICE "  expect: %s\n",
			 wrong[i].expect);
		assert_int_equal(problems_init(&problems, "p"), 0);
		assert_int_equal(policy_read(document, strlen(document), "p", &problems, &policy),
				 -EINVAL);
		assert_null(policy);
		said = policy_problems_text(&problems);
		if (strcmp(said, wrong[i].said) != 0)
			print_error("%s\n%s--- expected\n%s", wrong[i].expect, said, wrong[i].said);
		bad += strcmp(said, wrong[i].said) != 0;
		problems_clear(&problems);
	}
	assert_int_equal(bad, 0);
}

static void note_line(const char *line, void *userdata)
{
	snprintf((char *)userdata + strlen(userdata), 2048 - strlen(userdata), "%s\n", line);
}

static void test_diff(void **state UNUSED)
{
	struct policy *old = policy_assert_good(
		POLICY_HEAD "  classes: {general: {limit: 100/15m}}\n"
			    "  services: [{name: a, ports: [80], operations: [{match: GET "
			    "/old}]}]\n");
	struct policy *new = policy_assert_good(
		POLICY_HEAD
		"  classes: {general: {limit: 100/15m}}\n"
		"  services: [{name: a, ports: [80], expect: {maxPage: 50, requiredHeaders: [x-a], "
		"jwt: "
		"{maxLifetime: 5m}}, operations: [{match: GET /old, deprecated: true}]}]\n");
	char lines[2048] = "";

	assert_int_equal(policy_diff(old, new, note_line, lines), 5);
	assert_string_equal(lines, "service a: expect maxPage: default -> 50\n"
				   "service a: expect jwt.maxLifetime (s): default -> 300\n"
				   "service a: expect requiredHeaders: another list (0 -> 1)\n"
				   "service a: operation GET /old: expect maxPage: default -> 50\n"
				   "service a: operation GET /old: deprecated\n");
	policy_free(old);
	policy_free(new);
}

struct compiled {
	struct policy *policy;
	struct intern *intern;
	struct gl_policy *image;
};

static void compile(const char *document, struct intern *intern, struct compiled *ret)
{
	const struct compile_keys keys = {0};
	struct problems problems;

	ret->policy = policy_assert_good(document);
	ret->intern = intern;
	ret->image = calloc(1, sizeof(*ret->image));
	assert_non_null(ret->image);
	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(policy_compile(ret->policy, &keys, 1, intern, &problems, ret->image), 0);
	problems_clear(&problems);
}

static void drop(struct compiled *c)
{
	policy_free(c->policy);
	free(c->image);
}

/* A policy that differs in nothing but this is another image, and the same text the same one. */
static void test_sum(void **state UNUSED)
{
	static const char *const others[] = {
		"maxPage: 51",
		"uploads: {maxBytes: 5}",
		"requiredHeaders: [x]",
		"forbiddenHeaders: [x]",
		"cors: {origins: ['https://a.example']}",
		"jwt: {algorithms: [RS256]}",
		"jwt: {maxLifetime: 5m}",
		"defaultPage: 7",
		"uploads: {types: [a/b]}",
	};
	struct intern *intern = NULL;
	uint32_t sums[ARRAY_SIZE(others)];

	assert_int_equal(intern_new(&intern), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct compiled c;
		char document[512];

		snprintf(document, sizeof(document), POLICY_HEAD "  expect: {%s}\n" POLICY_SERVICE,
			 others[i]);
		compile(document, intern, &c);
		sums[i] = c.image->expect_sum;
		drop(&c);
		compile(document, intern, &c);
		assert_int_equal(sums[i], c.image->expect_sum);
		drop(&c);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(sums[i], sums[j]);
	}
	intern_free(intern);
}

static struct detect_policy expected_of(const struct compiled *c, const struct expect *expect,
					const char *service, const char *match)
{
	struct detect_policy policy = {0};
	char name[128];
	int op = 0xffff;

	snprintf(name, sizeof(name), "%s %s", service, match);
	if (*match)
		op = intern_id(c->intern, INTERN_OPERATION, name);
	expect_read(expect, (uint16_t)intern_id(c->intern, INTERN_SERVICE, service), (uint16_t)op,
		    &policy);
	return policy;
}

static void test_pack(void **state UNUSED)
{
	struct intern *intern = NULL;
	struct expect *expect = NULL;
	struct compiled c;
	struct detect_policy p;
	uint8_t *bytes = NULL;
	size_t size = 0;

	assert_int_equal(intern_new(&intern), 0);
	compile(EXPECTING, intern, &c);
	assert_int_equal(expect_pack(c.policy, intern, &bytes, &size), 0);
	assert_int_equal(expect_open(bytes, size, &expect), 0);

	p = expected_of(&c, expect, "a", "GET /plain");
	assert_int_equal(p.max_page, 50);
	assert_int_equal(p.default_page, 0);
	assert_int_equal(p.access_token_max_s, 600);
	assert_int_equal(p.max_upload_bytes, 1000);
	assert_int_equal(p.n_required_headers, 1);
	assert_string_equal(p.required_headers[0], "cache-control");
	assert_int_equal(p.n_forbidden_headers, 2);
	assert_string_equal(p.forbidden_headers[1], "server");
	assert_int_equal(p.n_jwt_algorithms, 2);
	assert_string_equal(p.jwt_algorithms[1], "ES256");
	assert_int_equal(p.n_cors_origins, 2);
	assert_string_equal(p.cors_origins[1], "http://localhost:3000");
	assert_int_equal(p.n_upload_types, 2);
	assert_int_equal(p.n_forbidden_fields, 1);
	assert_string_equal(p.forbidden_fields[0], "password_hash");
	assert_false(p.deprecated);

	assert_true(expected_of(&c, expect, "a", "GET /old").deprecated);
	p = expected_of(&c, expect, "a", "GET /many");
	assert_int_equal(p.max_page, 500);
	assert_int_equal(p.default_page, 100);
	assert_int_equal(p.n_required_headers, 1);
	p = expected_of(&c, expect, "a", "POST /files");
	assert_int_equal(p.n_upload_types, 1);
	assert_string_equal(p.upload_types[0], "application/pdf");
	assert_int_equal(p.max_upload_bytes, 1000);
	assert_string_equal(expected_of(&c, expect, "c", "").jwt_algorithms[0], "HS256");
	p = expected_of(&c, expect, "b", "");
	assert_int_equal(p.max_page, 50);
	assert_int_equal(p.n_required_headers, 0);
	/* ids nobody has */
	p = (struct detect_policy){0};
	expect_read(expect, 999, 999, &p);
	expect_read(NULL, 1, 1, &p);
	assert_int_equal(p.max_page, 0);

	expect_free(expect);
	expect_free(NULL);
	free(bytes);
	drop(&c);
	intern_free(intern);
}

static void test_nothing(void **state UNUSED)
{
	struct policy *policy = policy_assert_good(POLICY_HEAD POLICY_SERVICE);
	struct intern *intern = NULL;
	uint8_t *bytes = (uint8_t *)1;
	size_t size = 1;

	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(expect_pack(policy, intern, &bytes, &size), 0);
	assert_null(bytes);
	assert_int_equal(size, 0);
	intern_free(intern);
	policy_free(policy);
}

/* Cut anywhere, and with any one byte changed: refused, or opened without reading past its end. */
static void test_broken(void **state UNUSED)
{
	struct policy *policy = policy_assert_good(EXPECTING);
	struct intern *intern = NULL;
	struct expect *expect = NULL;
	size_t size = 0, opened = 0;
	uint8_t *bytes = NULL;

	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(expect_pack(policy, intern, &bytes, &size), 0);
	for (size_t n = 0; n < size; n++) {
		uint8_t *cut = malloc(n);

		memcpy(cut, bytes, n);
		assert_int_equal(expect_open(cut, n, &expect), -EINVAL);
		assert_null(expect);
		free(cut);
	}
	for (size_t i = 0; i < size; i++) {
		uint8_t *changed = malloc(size);

		memcpy(changed, bytes, size);
		changed[i] ^= 0xff;
		if (expect_open(changed, size, &expect) == 0) {
			struct detect_policy p = {0};

			for (unsigned id = 0; id < 16; id++)
				expect_read(expect, (uint16_t)id, (uint16_t)id, &p);
			opened++;
			expect_free(expect);
			expect = NULL;
		}
		free(changed);
	}
	assert_true(opened > 0 && opened < size);
	free(bytes);
	intern_free(intern);
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),   cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_diff),   cmocka_unit_test(test_sum),
		cmocka_unit_test(test_pack),   cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
