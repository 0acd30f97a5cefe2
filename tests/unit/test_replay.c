/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_replay.c - requests that have been under another policy: limits to the request and to the
 * moment they end, principals proven as at the doors, alert thresholds once a window, heads that
 * are none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"
#include "user/policy/replay.h"

#define POLICY                                                                                     \
	"apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: shop}\nspec:\n"        \
	"  mode: monitor\n"                                                                        \
	"  classes:\n"                                                                             \
	"    auth: {limit: 5/15m}\n"                                                               \
	"    work: {limit: 10/15m}\n"                                                              \
	"  services:\n"                                                                            \
	"    - name: shop\n"                                                                       \
	"      ports: [8080]\n"                                                                    \
	"      operations:\n"                                                                      \
	"        - {match: \"POST /login\", class: auth, auth: none}\n"                            \
	"        - {match: \"* /work/**\", class: work, auth: required}\n"                         \
	"  alerts:\n"                                                                              \
	"    authFailures: {atLeast: 5, per: 1m}\n"
#define SECOND 1000000000ll
#define START  (1767225600 * SECOND)

static struct gl_policy *image;
static struct intern *names;
static struct replay *replay;

static int setup(void **state)
{
	static const struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	struct policy *policy;
	struct problems problems;

	(void)state;
	image = malloc(sizeof(*image));
	if (!image || problems_init(&problems, "test") < 0 || intern_new(&names) < 0 ||
	    policy_read(POLICY, strlen(POLICY), "test", &problems, &policy) < 0 ||
	    policy_compile(policy, &keys, 1, names, &problems, image) < 0 ||
	    replay_new(image, &replay) < 0)
		return -1;
	policy_free(policy);
	problems_clear(&problems);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	replay_free(replay);
	intern_free(names);
	free(image);
	return 0;
}

static struct replay_outcome ask(const char *method, const char *path, const char *source,
				 uint64_t principal, uint16_t status, int64_t at_s)
{
	struct replay_request request = {
		.wall_ns = START + at_s * SECOND,
		.method = method,
		.path = path,
		.principal = principal,
		.port = 8080,
		.status = status,
	};
	struct replay_outcome outcome;

	assert_int_equal(addr_parse(source, &request.source), 0);
	assert_int_equal(replay_request(replay, &request, &outcome), 0);
	return outcome;
}

/* Monitor is the policy's; what would be limited is limited here. */
static void test_limits(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(ask("POST", "/login", "192.0.2.1", 0, 200, i).verdict,
				 i < 5 ? GL_VERDICT_ALLOW : GL_VERDICT_LIMIT);
	assert_int_equal(ask("POST", "/login", "192.0.2.2", 0, 200, 8).verdict, GL_VERDICT_ALLOW);
	assert_int_equal(ask("POST", "/login", "192.0.2.1", 0, 200, 880).verdict, GL_VERDICT_LIMIT);
	assert_int_equal(ask("POST", "/login", "192.0.2.1", 0, 200, 1100).verdict,
			 GL_VERDICT_ALLOW);
	/* a clock that went back is the newest reading */
	assert_int_equal(ask("POST", "/login", "192.0.2.3", 0, 200, 5).verdict, GL_VERDICT_ALLOW);
}

static void test_principals(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/work/x", "192.0.2.1", 0, 200, 0).reason,
			 GL_REASON_NO_CREDENTIAL);
	/* the first is the source's and proves it; then it has its own ten */
	for (int i = 0; i < 12; i++)
		assert_int_equal(ask("GET", "/work/x", "192.0.2.1", 77, 200, 1).verdict,
				 i < 11 ? GL_VERDICT_ALLOW : GL_VERDICT_LIMIT);
	assert_int_equal(ask("GET", "/work/x", "192.0.2.1", 77, 200, 2).reason,
			 GL_REASON_LIMIT_PRINCIPAL);
	/* one that never was is the source's */
	for (int i = 0; i < 12; i++)
		assert_int_equal(ask("GET", "/work/x", "192.0.2.9", 88, 401, 3).verdict,
				 i < 10 ? GL_VERDICT_ALLOW : GL_VERDICT_LIMIT);
}

static void test_alerts(void **state)
{
	unsigned crossed = 0;

	(void)state;
	for (int i = 0; i < 9; i++) {
		struct replay_outcome o = ask("GET", "/none", "192.0.2.1", 0, 401, i);

		assert_int_equal(!!(o.crossed & 1 << GL_WATCH_AUTH), i == 4);
		crossed += o.crossed != 0;
	}
	assert_int_equal(crossed, 1);
	for (int i = 0; i < 9; i++)
		assert_int_equal(ask("GET", "/none", "192.0.2.2", 0, 401, 100 + i * 30).crossed, 0);
}

static void test_heads(void **state)
{
	struct replay_request request = {
		.wall_ns = START, .method = "GET", .path = "/x", .port = 1};
	struct replay_outcome outcome;

	(void)state;
	assert_int_equal(replay_request(replay, &request, &outcome), -ENOENT);
	request.port = 8080;
	request.path = "";
	assert_int_equal(replay_request(replay, &request, &outcome), -EINVAL);
	request.path = "/x\r\nX-API-Key: y";
	assert_int_equal(replay_request(replay, &request, &outcome), -EINVAL);
	assert_int_equal(ask("G:T", "/x", "192.0.2.1", 0, 200, 0).verdict, GL_VERDICT_REFUSE);
	assert_int_equal(image->ops[ask("GET", "/x", "192.0.2.1", 0, 200, 0).op].flags &
				 GL_OP_DEFAULT,
			 GL_OP_DEFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_principals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alerts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
