/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_asking.c - an inspector knows of a request what a door would: operation, credential and
 * source, and of one no door could read, that much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/tx_build.h"
#include "user/inspect/asking.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

static const char text[] = "apiVersion: glacis.dev/v1alpha1\n"
			   "kind: ApiPolicy\n"
			   "metadata: {name: t}\n"
			   "spec:\n"
			   "  mode: monitor\n"
			   "  credentials: {apiKeyHeaders: [x-key], sessionCookies: [sid]}\n"
			   "  services:\n"
			   "    - name: shop\n"
			   "      ports: [8080]\n"
			   "      trustedProxies: [192.0.2.0/24]\n"
			   "      operations:\n"
			   "        - {match: \"POST /login\", class: auth, auth: none}\n"
			   "        - {match: \"* /private/**\", class: general, auth: required}\n"
			   "  classes:\n"
			   "    general: {limit: 100/15m}\n"
			   "    auth: {limit: 5/15m}\n";

static struct gl_policy *policy;
static struct intern *intern;

static int setup(void **state)
{
	struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	struct problems problems;
	struct policy *model = NULL;
	bool good;

	(void)state;
	policy = calloc(1, sizeof(*policy));
	good = policy && problems_init(&problems, "t") == 0 &&
	       policy_read(text, strlen(text), "t", &problems, &model) == 0 &&
	       intern_new(&intern) == 0 &&
	       policy_compile(model, &keys, 1, intern, &problems, policy) == 0;
	problems_clear(&problems);
	policy_free(model);
	return good ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	intern_free(intern);
	free(policy);
	return 0;
}

struct expected {
	const char *request;
	const char *op; /* the operation's label ends so; "" = the default's */
	uint8_t credential, outcome;
	const char *source;
};

static const struct expected cases[] = {
	{"POST /login HTTP/1.1\nHost: a\n\n", "/login", 0, GL_OUTCOME_OK, "192.0.2.10"},
	{"GET /login HTTP/1.1\nHost: a\n\n", "", 0, GL_OUTCOME_OK, "192.0.2.10"},
	{"GET /private/x?y HTTP/1.1\nAuthorization: Bearer x\n\n", "/private/**",
	 GL_CRED_AUTHORIZATION, GL_OUTCOME_OK, "192.0.2.10"},
	{"GET /private/x HTTP/1.1\nX-Key: k\ncookie: a=b; sid=7\n\n", "/private/**",
	 GL_CRED_API_KEY | GL_CRED_COOKIE, GL_OUTCOME_OK, "192.0.2.10"},
	{"GET /private/x HTTP/1.1\ncookie: a=b\n\n", "/private/**", 0, GL_OUTCOME_OK, "192.0.2.10"},
	{"GET /private/x HTTP/1.1\nX-Forwarded-For: 203.0.113.7, 192.0.2.99\n\n", "/private/**", 0,
	 GL_OUTCOME_OK, "203.0.113.7"},
	{"POST /login HTTP/1.1\nContent-Length: 7\nContent-Length: 8\nTransfer-Encoding: gzip\n\n",
	 "/login", 0, GL_OUTCOME_OK, "192.0.2.10"},
	{"GET /private%2fx HTTP/1.1\nHost: a\n\n", "/login", 0, GL_OUTCOME_AMBIGUOUS, "192.0.2.10"},
};

static void check(const struct expected *e)
{
	struct transaction *tx = tx_build(e->request, "");
	struct asking asking;
	struct gl_addr source;
	const char *name;

	addr_parse(e->source, &source);
	tx->op = tx->cls = tx->service = 77;
	assert_int_equal(asking_read(policy, tx, &asking), 0);
	name = intern_name(intern, INTERN_OPERATION, tx->op);
	if (asking.outcome != e->outcome || tx->credential != e->credential ||
	    !addr_equal(&tx->source, &source) || !name || !strstr(name, e->op) ||
	    (!*e->op && asking.matched))
		fail_msg("%s: outcome %d credential %d op %s", e->request, asking.outcome,
			 tx->credential, name ?: "none");
	assert_int_equal(tx->service, policy->services[0].id);
	assert_int_equal(!!tx->principal, tx->credential != 0);
	assert_int_equal(policy->ops[asking.op].id, tx->op);
	free(tx);
}

static void test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

/* The same credential is the same principal, another is another. */
static void test_principals(void **state)
{
	struct transaction *tx = tx_build("GET / HTTP/1.1\nAuthorization: Bearer a\n\n", "");
	struct asking asking;
	uint64_t first;

	(void)state;
	asking_read(policy, tx, &asking);
	first = tx->principal;
	asking_read(policy, tx, &asking);
	assert_int_equal(tx->principal, first);
	tx->request.field[0].value = RAW("Bearer b");
	asking_read(policy, tx, &asking);
	assert_int_not_equal(tx->principal, first);
	free(tx);
}

static void test_unreadable(void **state)
{
	struct transaction *tx = tx_build("GET / HTTP/1.1\nAuthorization: Bearer a\n\n", "");
	static char longest[20000];
	struct asking asking;

	(void)state;
	/* in HTTP/2 a value may hold anything: it is left out, the rest is read */
	tx->request.field[tx->request.n++] = (struct field){RAW("x-key"), RAW("a\r\nX-Key: b")};
	assert_int_equal(asking_read(policy, tx, &asking), 0);
	assert_int_equal(asking.outcome, GL_OUTCOME_OK);
	assert_int_equal(tx->credential, GL_CRED_AUTHORIZATION);

	tx->target = RAW("/a\r\nX-Key: b");
	assert_int_equal(asking_read(policy, tx, &asking), 0);
	assert_int_equal(asking.outcome, GL_OUTCOME_MALFORMED);
	assert_int_equal(tx->credential, 0);
	assert_int_equal(tx->principal, 0);

	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	tx->target = (struct raw){longest, sizeof(longest)};
	assert_int_equal(asking_read(policy, tx, &asking), 0);
	assert_int_not_equal(asking.outcome, GL_OUTCOME_OK);
	tx->target = (struct raw){0};
	assert_int_equal(asking_read(policy, tx, &asking), 0);
	assert_int_equal(asking.outcome, GL_OUTCOME_MALFORMED);

	tx->server_port = 9;
	tx->op = 77;
	assert_int_equal(asking_read(policy, tx, &asking), -ENOENT);
	assert_int_equal(tx->op, 77);
	free(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_principals),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
