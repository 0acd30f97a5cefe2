/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_failed_login.c - how a policy says what a login that failed is answered with (failedLogin),
 * from its text to the inspector: statuses, and where the answer sends to; every error with its
 * place, told apart by diff and by the image's sum; and which Location is one.
 */
#include "tests/unit/policy_text.h"

#include <stdio.h>

#include "tests/unit/tx_build.h"
#include "user/detect/expect.h"
#include "user/detect/subjects.h"
#include "user/policy/compile_private.h"
#include "user/policy/diff.h"

#define OPERATION                                                                                  \
	POLICY_HEAD "  classes: {general: {limit: 100/15m}}\n"                                     \
		    "  services: [{name: a, ports: [80], operations: [\n"                          \
		    "    {match: POST /in, failedLogin: %s}]}]\n"

static struct policy *read_one(const char *value)
{
	char document[512];

	snprintf(document, sizeof(document), OPERATION, value);
	return policy_assert_good(document);
}

static void assert_failed(const char *value, const char *location, unsigned n, unsigned first)
{
	struct policy *policy = read_one(value);
	const struct policy_failed_login *failed = &policy->services[0].operations[0].failed_login;

	assert_string_equal(failed->location, location);
	assert_int_equal(failed->n, n);
	assert_int_equal(failed->status[0], first);
	policy_free(policy);
}

static void test_read(void **state)
{
	(void)state;
	assert_failed("[200, 422]", "", 2, 200);
	assert_failed("{location: /in?error}", "/in?error", 5, 301);
	assert_failed("{location: /in, status: [303]}", "/in", 1, 303);
	assert_failed("{status: [200, 303], location: /}", "/", 2, 200);
}

static const struct {
	const char *value, *said;
} wrong[] = {
	{"[]", "p:7:36: error: 1 to 8 statuses (at spec.services[0].operations[0].failedLogin)\n"
	       "    hint: failedLogin: [200]\n"},
	{"[99]", "p:7:37: error: a status 99 is out of range (at "
		 "spec.services[0].operations[0].failedLogin[0])\n"
		 "    hint: use 200 to 599\n"},
	{"{status: [303]}", "p:7:36: error: failedLogin needs the key \"location\" (at "
			    "spec.services[0].operations[0].failedLogin)\n"},
	{"{location: in}", "p:7:47: error: \"in\" is not how a Location begins (at "
			   "spec.services[0].operations[0].failedLogin.location)\n"
			   "    hint: a path and the begin of its query: /login?error\n"},
	{"{location: 'https://a.example/in'}",
	 "p:7:47: error: \"https://a.example/in\" is not how a Location begins (at "
	 "spec.services[0].operations[0].failedLogin.location)\n"
	 "    hint: a path and the begin of its query: /login?error\n"},
	{"{location: /in, body: no}",
	 "p:7:52: error: unknown key \"body\" (at spec.services[0].operations[0].failedLogin)\n"
	 "    hint: failedLogin has status, location\n"},
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char document[512];

		snprintf(document, sizeof(document), OPERATION, wrong[i].value);
		policy_assert_said(document, strlen(document), -EINVAL, wrong[i].said);
	}
}

static void note_line(const char *line, void *userdata)
{
	snprintf((char *)userdata + strlen(userdata), 512 - strlen(userdata), "%s\n", line);
}

static void test_told_apart(void **state)
{
	static const char *const values[] = {"[302]", "{status: [302], location: /in}",
					     "{status: [302], location: /out}"};
	uint32_t sums[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct policy *old = read_one(values[i]), *new = read_one(values[(i + 1) % 3]);
		char lines[512] = "";

		sums[i] = compile_expect_sum(old);
		assert_int_equal(policy_diff(old, new, note_line, lines), 1);
		assert_string_equal(lines, "service a: operation POST /in: another answer to a "
					   "failed login\n");
		assert_int_equal(policy_diff(old, old, note_line, lines), 0);
		policy_free(old);
		policy_free(new);
	}
	assert_true(sums[0] != sums[1] && sums[1] != sums[2] && sums[0] != sums[2]);
}

/* What an inspector is told of the operation. */
static void test_packed(void **state)
{
	struct policy *policy = read_one("{location: /in?error}");
	struct detect_policy told = {0}, other = {0};
	struct intern *intern = NULL;
	struct expect *expect = NULL;
	uint8_t *bytes = NULL;
	size_t size = 0;
	int op;

	(void)state;
	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(expect_pack(policy, intern, &bytes, &size), 0);
	assert_int_equal(expect_open(bytes, size, &expect), 0);
	op = intern_id(intern, INTERN_OPERATION, "a POST /in");
	expect_read(expect, 1, (uint16_t)op, &told);
	assert_string_equal(told.failed_location, "/in?error");
	expect_read(expect, 1, (uint16_t)(op + 1), &other);
	assert_null(other.failed_location);
	/* statuses are the keeper's alone: nothing to tell */
	expect_free(expect);
	free(bytes);
	policy_free(policy);
	policy = read_one("[200]");
	assert_int_equal(expect_pack(policy, intern, &bytes, &size), 0);
	assert_null(bytes);
	policy_free(policy);
	intern_free(intern);
}

static bool sent(const char *location, const char *begins)
{
	char answer[256];
	struct transaction *tx;
	bool back;

	snprintf(answer, sizeof(answer), "HTTP/1.1 302 Found\n%s%s\n\n",
		 location ? "Location: " : "X: y", location ? location : "");
	tx = tx_build("POST /in HTTP/1.1\n\n", answer);
	back = subjects_sent_back(tx, begins);
	free(tx);
	return back;
}

static void test_locations(void **state)
{
	static const char *const back[] = {
		"/in?error=1",
		"/in?error",
		"https://shop.test/in?error=2&x",
		"//shop.test/in?error",
		"HTTP://h:8080/in?error",
	};
	static const char *const elsewhere[] = {
		"/in",
		"/home?next=/in?error",
		"in?error",
		"https://shop.test",
		"https:/x/in?error",
		"/IN?error",
		"//in?error",
		"",
		"/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++)
		assert_true(sent(back[i], "/in?error"));
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		assert_false(sent(elsewhere[i], "/in?error"));
	assert_false(sent(NULL, "/"));
	assert_true(sent("/", "/"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),       cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_told_apart), cmocka_unit_test(test_packed),
		cmocka_unit_test(test_locations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
