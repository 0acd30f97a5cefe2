/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_detectors.c - every family over its cases: exactly what is expected is stated, and nothing
 * of what is to stay hidden is shown. A registered detector without cases fails here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/detect/authentication.h"
#include "tests/unit/detect/content_type.h"
#include "tests/unit/detect/cookies.h"
#include "tests/unit/detect/cors.h"
#include "tests/unit/detect/exposure.h"
#include "tests/unit/detect/headers.h"
#include "tests/unit/detect/jwt.h"
#include "tests/unit/detect/oauth.h"
#include "tests/unit/detect/pagination.h"
#include "tests/unit/detect/password.h"
#include "tests/unit/detect/problems.h"
#include "tests/unit/detect/ratelimit.h"
#include "tests/unit/detect/smuggling.h"
#include "tests/unit/detect/status.h"
#include "tests/unit/detect/text.h"
#include "tests/unit/detect/uploads.h"
#include "tests/unit/detect/versioning.h"
#include "user/detect/policy.h"
#include "user/detect/text.h"

static const struct detect_suite suites[] = {
	SUITE(authentication), SUITE(content_type), SUITE(cookies),  SUITE(cors),
	SUITE(exposure),       SUITE(headers),      SUITE(jwt),      SUITE(oauth),
	SUITE(pagination),     SUITE(password),     SUITE(problems), SUITE(ratelimit),
	SUITE(smuggling),      SUITE(status),       SUITE(text),     SUITE(uploads),
	SUITE(versioning),
};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

static const struct detect_suite *suite_of(const struct detector *detector)
{
	for (size_t i = 0; i < SUITES; i++)
		if (suites[i].detector == detector)
			return &suites[i];
	return NULL;
}

static bool speaks_for(const struct detector *detector, const char *control)
{
	for (const char *const *id = detector->controls; *id; id++)
		if (strcmp(*id, control) == 0)
			return true;
	return false;
}

/* 1 if it is not as expected. */
static int check_case(const struct detector *detector, const struct detect_case *c)
{
	struct detect_heard heard;
	int bad = 0;

	detect_run_case(detector, c, &heard);
	bad |= strcmp(heard.text, c->expect) != 0;
	bad |= c->hidden && strstr(heard.evidence, c->hidden);
	bad |= c->shown && !strstr(heard.evidence, c->shown);
	bad |= heard.longest_rule >= FINDING_RULE;
	for (size_t i = 0; i < heard.n; i++)
		bad |= !speaks_for(detector, heard.controls[i]);
	if (bad)
		print_error("%s: %s: \"%s\", expected \"%s\", shown %s, hidden %s:\n%s",
			    detector->name, c->name, heard.text, c->expect, c->shown ?: "-",
			    c->hidden ?: "-", heard.evidence);
	return bad;
}

static void test_cases(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t s = 0; s < SUITES; s++)
		for (size_t i = 0; i < suites[s].n; i++)
			bad += check_case(suites[s].detector, &suites[s].cases[i]);
	assert_int_equal(bad, 0);
}

static void test_every_detector_has_cases(void **state)
{
	(void)state;
	for (size_t d = 0; d < detectors_count(); d++) {
		const struct detect_suite *suite = suite_of(detectors[d]);
		size_t positive = 0, negative = 0;

		if (!suite)
			fail_msg("%s has no cases", detectors[d]->name);
		for (size_t i = 0; i < suite->n; i++)
			*(suite->cases[i].expect[0] ? &positive : &negative) += 1;
		if (!positive || !negative)
			fail_msg("%s: %zu positive, %zu negative", detectors[d]->name, positive,
				 negative);
	}
	assert_int_equal(detectors_count(), SUITES);
}

/* Whether some case of the suite makes it speak for the control. */
static bool is_spoken_for(const struct detect_suite *suite, const char *control)
{
	for (size_t i = 0; i < suite->n; i++)
		if (strstr(suite->cases[i].expect, control))
			return true;
	return false;
}

/* A control in a detector's list is stated by it, or says the same as one that is. */
static void test_every_control_is_stated(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++)
		for (const char *const *id = suites[s].detector->controls; *id; id++)
			if (!is_spoken_for(&suites[s], *id) && strcmp(*id, "AUTH-04") != 0 &&
			    strcmp(*id, "API-09") != 0 && strcmp(*id, "REV-12") != 0 &&
			    strcmp(*id, "API-10") != 0)
				fail_msg("%s never speaks for %s", suites[s].detector->name, *id);
}

static void test_part_names(void **state)
{
	(void)state;
	for (int i = 0; i < PART_MAX; i++)
		assert_true(detect_part_name(i)[0] >= 'a');
	assert_string_equal(detect_part_name(PART_MAX), "?");
}

static size_t statements(const char *request, const char *response, uint32_t flags, uint8_t role)
{
	struct transaction *tx = tx_build(request, response);
	struct detect_heard heard = {0};
	const struct detect_out out = {.emit = detect_hear, .userdata = &heard};

	tx->flags |= flags;
	tx->role = role;
	detect_transaction(tx, NULL, &out);
	free(tx);
	return heard.n;
}

static void test_who_is_judged(void **state)
{
	const char *bare = "HTTP/1.1 200 OK\nContent-Type: text/html\nSet-Cookie: sid=1\n\n{}";

	(void)state;
	assert_true(statements(GET, bare, 0, GL_ROLE_SERVER) >= 5);
	assert_int_equal(statements(GET, bare, TX_AGENT, GL_ROLE_SERVER), 0);
	assert_int_equal(statements(GET, bare, 0, GL_ROLE_CLIENT), 0);
	assert_int_equal(statements("", "", 0, GL_ROLE_SERVER), 0);
}

static void test_policy(void **state)
{
	struct gl_policy *image = calloc(1, sizeof(*image));
	struct detect_policy policy = {.auth_required = true, .max_page = 7};

	(void)state;
	assert_non_null(image);
	image->n_ops = 4;
	image->n_classes = 2;
	image->ops[1] = (struct gl_op){.cls = 0, .auth = GL_CRED_ANY};
	image->ops[2] = (struct gl_op){.cls = 1};
	image->ops[3] = (struct gl_op){.cls = GL_CLASS_UNLIMITED, .auth = GL_CRED_COOKIE};
	image->ops[4] = (struct gl_op){.cls = 0, .auth = GL_CRED_ANY}; /* beyond n_ops */
	image->classes[0].limit = 5;
	image->classes[1] = (struct gl_class){.limit = 5, .flags = GL_CLASS_EXEMPT};

	for (uint32_t op = 0; op < 6; op++) {
		detect_policy_read(image, op, &policy);
		assert_int_equal(policy.auth_required, op == 1 || op == 3);
		assert_int_equal(policy.limited, op == 1);
		assert_int_equal(policy.max_page, 0);
	}
	detect_policy_read(NULL, 1, &policy);
	assert_false(policy.auth_required);
	free(image);
}

static void test_detector_for(void **state)
{
	(void)state;
	assert_ptr_equal(detector_for("REV-13"), &detector_headers);
	assert_ptr_equal(detector_for("API-09"), &detector_problems);
	assert_null(detector_for("REV-1"));
	assert_null(detector_for(""));
}

static struct rules *rules;
static struct text *text;

static int load(void **state)
{
	(void)state;
	if (rules_load("deploy/rules", NULL, NULL, &rules) < 0 || text_new(rules, &text) < 0)
		return -1;
	text_detector_use(text);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	text_detector_use(NULL);
	text_free(text);
	rules_free(rules);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_detector_has_cases),
		cmocka_unit_test(test_every_control_is_stated),
		cmocka_unit_test(test_part_names),
		cmocka_unit_test(test_who_is_judged),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_detector_for),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
