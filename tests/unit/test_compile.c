/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_compile.c - documents through the reader and the compiler: every field of the image, what
 * stays over a reload, warnings and errors as the user reads them, the limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "include/glacis/nets.h"
#include "include/glacis/route.h"
#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

#define UNUSED __attribute__((unused))
#define HEAD   "apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: test}\nspec:\n"

static const struct compile_keys keys = {{1, 2}, {3, 4}};
static struct gl_policy image;
static struct problems problems;
static struct intern *intern;

static int setup(void **state UNUSED)
{
	assert_int_equal(problems_init(&problems, "test.yaml"), 0);
	assert_int_equal(intern_new(&intern), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	problems_clear(&problems);
	intern_free(intern);
	return 0;
}

static void print_problems(void)
{
	problems_print(&problems, stderr);
}

/* The compiler's answer to a document the reader accepts; its problems alone are in `problems`. */
static int compile(const char *text)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;

	problems_clear(&problems);
	assert_int_equal(problems_init(&problems, "test.yaml"), 0);
	if (policy_read(text, strlen(text), "test.yaml", &problems, &policy)) {
		print_problems();
		fail_msg("the reader refused the document");
	}
	problems_clear(&problems);
	assert_int_equal(problems_init(&problems, "test.yaml"), 0);
	memset(&image, 0xa5, sizeof(image)); /* whatever was there */
	return policy_compile(policy, &keys, 7, intern, &problems, &image);
}

static void compile_clean(const char *text)
{
	int err = compile(text);

	if (err || problems.n) {
		print_problems();
		fail_msg("%d, %zu problems", err, problems.n);
	}
}

static void expect_problem(size_t index, enum problem_severity severity, unsigned line,
			   const char *message)
{
	if (index >= problems.n || problems.items[index].severity != severity ||
	    strcmp(problems.items[index].message, message) || problems.items[index].line != line) {
		print_problems();
		fail_msg("problem %zu is not line %u: %s", index, line, message);
	}
}

/* The operation a request to a port has, by its interned name; "*": the service's catch-all. */
static const struct gl_op *op_at(uint16_t port, const char *method, const char *path)
{
	const struct gl_service *service;
	struct route_walk w;
	uint32_t ambiguous, op;

	assert_in_range(image.port_service[port], 1, image.n_services);
	service = &image.services[image.port_service[port] - 1];
	route_begin(&w, &image, service->root);
	for (; *method; method++)
		route_method_byte(&w, &image, (__u8)*method);
	route_method_end(&w, &image);
	for (; *path; path++)
		route_byte(&w, &image, (__u8)*path);
	op = route_end(&w, &image, &ambiguous);
	assert_int_equal(ambiguous, 0);
	op = op ? op : service->default_op;
	assert_in_range(op, 1, image.n_ops - 1);
	assert_int_equal(image.ops[op].service, service - image.services);
	return &image.ops[op];
}

static const char *name_at(uint16_t port, const char *method, const char *path)
{
	return intern_name(intern, INTERN_OPERATION, op_at(port, method, path)->id);
}

/* ---------------------------------------------------------------------------------------------
 * The image
 */
static const char shop[] =
	HEAD "  mode: enforce\n"
	     "  classes:\n"
	     "    general: {limit: 100/15m}\n"
	     "    auth:    {limit: 5/15m, per: source}\n"
	     "    public:  {limit: 7/1m, per: principal, sourceCeiling: 50, mode: monitor}\n"
	     "    health:  {match: [\"GET /healthz\", \"GET /readyz\"], exempt: true}\n"
	     "  credentials: {apiKeyHeaders: [x-shop-key], sessionCookies: [sid]}\n"
	     "  exempt: [10.244.0.0/16, 2001:db8:1::/48]\n"
	     "  services:\n"
	     "    - name: shop\n"
	     "      ports: [8080, 8443]\n"
	     "      trustedProxies: [10.0.0.0/8]\n"
	     "      auth: required\n"
	     "      operations:\n"
	     "        - {match: \"POST /api/v1/auth/**\", class: auth, auth: none}\n"
	     "        - {match: \"* /api/v1/public/**\", class: public, auth: none}\n"
	     "        - {match: \"* /api/v1/admin/**\", sources: [10.1.0.0/16, 10.1.2.0/24], mode: "
	     "monitor}\n"
	     "        - {match: \"GET /api/v1/users/{id:uuid}\", auth: [bearer], sources: "
	     "[10.0.0.0/8]}\n"
	     "        - {match: \"GET /**\", class: public}\n"
	     "    - name: legacy\n"
	     "      ports: [80]\n"
	     "      mode: monitor\n"
	     "      caseInsensitive: true\n"
	     "      ambiguousPath: judge\n"
	     "      http2: allow\n"
	     "      unknownOperation: refuse\n"
	     "      operations:\n"
	     "        - {match: \"GET /Old/{n:int}\", sources: [10.1.0.0/16]}\n";

static void test_header_of_the_image(void **state UNUSED)
{
	compile_clean(shop);
	assert_int_equal(image.generation, 7);
	assert_memory_equal(&image.route_key, &keys.route, sizeof(keys.route));
	assert_memory_equal(&image.subject_key, &keys.subject, sizeof(keys.subject));
	assert_int_equal(image.mode, GL_MODE_ENFORCE);
	assert_int_equal(image.n_services, 2);
	assert_int_equal(image.n_classes, 4);
	assert_int_equal(image.n_ops, 1 + (2 + 5 + 1) + (2 + 1 + 1));
	assert_int_equal(image.port_service[8080], 1);
	assert_int_equal(image.port_service[8443], 1);
	assert_int_equal(image.port_service[80], 2);
	assert_int_equal(image.port_service[0], 0);
	assert_int_equal(image.port_service[65535], 0);
	assert_int_equal(image.answers[GL_ANSWER_503].status, 503);
	assert_int_equal(image.answers[GL_ANSWER_CLASS + 3].status, 429);
	assert_int_equal(image.answers[GL_ANSWER_CLASS + 4].status, 0);
}

static int class_index(const char *name)
{
	for (uint32_t i = 0; i < image.n_classes; i++)
		if (!strcmp(intern_name(intern, INTERN_CLASS, image.classes[i].id), name))
			return (int)i;
	fail_msg("no class %s", name);
	return -1;
}

static void test_classes(void **state UNUSED)
{
	const struct gl_class *cls;
	int i;

	compile_clean(shop);
	i = class_index("auth");
	cls = &image.classes[i];
	assert_int_equal(cls->limit, 5);
	assert_int_equal(cls->window_s, 900);
	assert_int_equal(cls->sub_ns, 100000000000ull);
	assert_int_equal(cls->source_ceiling, 100);
	assert_int_equal(cls->prefix_ceiling, 80);
	assert_int_equal(cls->flags, GL_CLASS_BY_SOURCE);
	assert_int_equal(cls->answer, GL_ANSWER_CLASS + i);
	cls = &image.classes[class_index("public")];
	assert_int_equal(cls->sub_ns, 6666666667ull); /* rounded up: never more than N in W */
	assert_int_equal(cls->source_ceiling, 50);
	assert_int_equal(cls->flags, GL_CLASS_BY_PRINCIPAL | GL_CLASS_MONITOR);
	assert_int_equal(image.classes[class_index("health")].flags, GL_CLASS_EXEMPT);
	assert_int_equal(image.classes[class_index("general")].flags, 0);
}

static void test_services(void **state UNUSED)
{
	const struct gl_service *s = image.services;

	compile_clean(shop);
	assert_string_equal(intern_name(intern, INTERN_SERVICE, s[0].id), "shop");
	assert_int_equal(s[0].flags, GL_SERVICE_AMBIGUOUS_REFUSE | GL_SERVICE_HTTP2_REFUSE |
					     GL_SERVICE_INSPECT);
	assert_int_equal(s[0].mode, GL_MODE_ENFORCE);
	assert_string_equal(intern_name(intern, INTERN_SERVICE, s[1].id), "legacy");
	assert_int_equal(s[1].flags,
			 GL_SERVICE_FOLD_CASE | GL_SERVICE_UNKNOWN_REFUSE | GL_SERVICE_INSPECT);
	assert_int_equal(s[1].mode, GL_MODE_MONITOR);
	assert_int_equal(s[1].proxy_set, GL_NET_SET_ANY);
	/* 5 in 15 minutes is the least; legacy has nothing stricter than 100 in 15 */
	assert_int_equal(image.ops[s[0].strict_op].cls, class_index("auth"));
	assert_int_equal(image.ops[s[1].strict_op].cls, class_index("general"));
	assert_int_equal(image.ops[s[1].strict_op].service, 1);
}

static void test_operations(void **state UNUSED)
{
	const struct gl_op *op;

	compile_clean(shop);
	op = op_at(8080, "POST", "/api/v1/auth/login");
	assert_string_equal(name_at(8080, "POST", "/api/v1/auth/login"),
			    "shop POST /api/v1/auth/**");
	assert_int_equal(op->cls, class_index("auth"));
	assert_int_equal(op->auth, GL_CRED_NONE);
	assert_int_equal(op->net_set, GL_NET_SET_ANY);
	assert_int_equal(op->flags, 0);
	op = op_at(8443, "DELETE", "/api/v1/admin/x/y");
	assert_int_equal(op->cls, class_index("general"));
	assert_int_equal(op->auth, GL_CRED_ANY);
	assert_int_equal(op->flags, GL_OP_MONITOR);
	op = op_at(8080, "GET", "/api/v1/users/550e8400-e29b-41d4-a716-446655440000");
	assert_int_equal(op->auth, GL_CRED_AUTHORIZATION);
	assert_string_equal(name_at(8080, "GET", "/api/v1/users/7"), "shop GET /**");
	/* the probes' class comes before the service's own GET of everything */
	op = op_at(8080, "GET", "/healthz");
	assert_int_equal(op->cls, class_index("health"));
	assert_int_equal(op->auth, GL_CRED_NONE);
	assert_string_equal(name_at(8080, "GET", "/healthz"), "shop GET /healthz");
	assert_string_equal(name_at(80, "GET", "/HEALTHZ"), "legacy GET /healthz");
	assert_string_equal(name_at(8080, "HEAD", "/healthz"), "shop *");
	op = op_at(8080, "PUT", "/nothing");
	assert_int_equal(op->flags, GL_OP_DEFAULT);
	assert_int_equal(op->cls, class_index("general"));
	assert_int_equal(op->auth, GL_CRED_ANY);
	assert_string_equal(name_at(80, "GET", "/oLD/12"), "legacy GET /Old/{n:int}");
	assert_string_equal(name_at(80, "GET", "/old/x"), "legacy *");
	assert_int_equal(op_at(80, "GET", "/old/x")->auth, 0);
}

static bool in_set(uint8_t set, const char *text)
{
	struct gl_addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return nets_match(&image, set, &addr);
}

static void test_networks(void **state UNUSED)
{
	uint8_t admin, users, old;

	compile_clean(shop);
	admin = op_at(8080, "GET", "/api/v1/admin/x")->net_set;
	users = op_at(8080, "GET", "/api/v1/users/550e8400-e29b-41d4-a716-446655440000")->net_set;
	old = op_at(80, "GET", "/old/1")->net_set;
	assert_int_equal(admin, old); /* what lies in another network of the list says nothing */
	assert_int_equal(users, image.services[0].proxy_set);
	assert_int_not_equal(admin, users);
	assert_true(in_set(admin, "10.1.2.3"));
	assert_true(in_set(admin, "10.1.255.255"));
	assert_false(in_set(admin, "10.2.0.0"));
	assert_false(in_set(admin, "::10.1.2.3"));
	assert_true(in_set(users, "10.255.0.1"));
	assert_false(in_set(users, "11.0.0.1"));
	assert_true(in_set(image.exempt_set, "10.244.9.9"));
	assert_true(in_set(image.exempt_set, "2001:db8:1::5"));
	assert_false(in_set(image.exempt_set, "2001:db8:2::5"));
	assert_false(in_set(image.exempt_set, "10.245.0.0"));
	assert_false(in_set(GL_NET_SET_ANY, "10.1.2.3"));
}

/* Families are apart: ::/0 says nothing about IPv4, nor hides an IPv4 network beside it. */
static void test_networks_of_both_families(void **state UNUSED)
{
	compile_clean(HEAD "  classes: {general: {limit: 1/1m}}\n"
			   "  exempt: [\"::/0\", 192.0.2.0/24]\n"
			   "  services: [{name: a, ports: [1]}]\n");
	assert_true(in_set(image.exempt_set, "2001:db8::1"));
	assert_true(in_set(image.exempt_set, "192.0.2.1"));
	assert_false(in_set(image.exempt_set, "192.0.3.1"));
	compile_clean(HEAD "  classes: {general: {limit: 1/1m}}\n"
			   "  services: [{name: a, ports: [1]}]\n");
	assert_int_equal(image.exempt_set, GL_NET_SET_ANY);
}

/* Counts belong to names: a reload that reorders and adds keeps every number. */
static void test_numbers_survive_a_reload(void **state UNUSED)
{
	uint16_t auth, operation, service;

	compile_clean(
		HEAD
		"  classes: {general: {limit: 1/1m}, auth: {limit: 2/1m}}\n"
		"  services:\n"
		"    - {name: a, ports: [1], operations: [{match: \"GET /x\", class: auth}]}\n");
	auth = image.classes[class_index("auth")].id;
	operation = op_at(1, "GET", "/x")->id;
	service = image.services[0].id;
	compile_clean(
		HEAD
		"  classes: {auth: {limit: 3/1m}, extra: {limit: 9/1m}, general: {limit: 1/1m}}\n"
		"  services:\n"
		"    - {name: b, ports: [2], operations: [{match: \"GET /x\", class: extra}]}\n"
		"    - name: a\n"
		"      ports: [1]\n"
		"      operations: [{match: \"GET /w\"}, {match: \"GET /x\", class: auth}]\n");
	assert_int_equal(image.classes[class_index("auth")].id, auth);
	assert_int_equal(class_index("auth"), 0);
	assert_int_equal(op_at(1, "GET", "/x")->id, operation);
	assert_int_not_equal(op_at(2, "GET", "/x")->id, operation);
	assert_int_equal(image.services[1].id, service);
	assert_int_not_equal(image.services[0].id, service);
}

/* Among equal limits the operation that asks for a credential is the stricter; exempt never is. */
static void test_strictest(void **state UNUSED)
{
	compile_clean(HEAD "  classes:\n"
			   "    general: {limit: 60/1h}\n"
			   "    same: {limit: 1/1m}\n"
			   "    less: {limit: 119/2h}\n"
			   "    free: {limit: 1/1h, exempt: true}\n"
			   "  services:\n"
			   "    - name: a\n"
			   "      ports: [1]\n"
			   "      operations:\n"
			   "        - {match: \"GET /free\", class: free, auth: required}\n"
			   "        - {match: \"GET /general\", class: general}\n"
			   "        - {match: \"GET /same\", class: same, auth: required}\n"
			   "    - name: b\n"
			   "      ports: [2]\n"
			   "      operations:\n"
			   "        - {match: \"GET /same\", class: same, auth: required}\n"
			   "        - {match: \"GET /less\", class: less}\n");
	assert_int_equal(image.services[0].strict_op, op_at(1, "GET", "/same") - image.ops);
	assert_int_equal(image.services[1].strict_op, op_at(2, "GET", "/less") - image.ops);
}

/* ---------------------------------------------------------------------------------------------
 * Warnings and errors
 */
static void test_unreachable(void **state UNUSED)
{
	assert_int_equal(compile(HEAD "  classes: {general: {limit: 1/1m}}\n"
				      "  services:\n"
				      "    - name: a\n"
				      "      ports: [1]\n"
				      "      operations:\n"
				      "        - match: \"GET /api/**\"\n"
				      "        - match: \"GET /api/v1/users\"\n"
				      "        - match: \"* /x/{n:int}\"\n"
				      "        - match: \"* /x/{id}\"\n"
				      "        - match: \"POST /x/*\"\n"
				      "        - match: \"POST /x/12\"\n"
				      "        - match: \"POST /x/*/y\"\n"),
			 0);
	assert_int_equal(problems.n, 3);
	expect_problem(
		0, PROBLEM_WARNING, 11,
		"\"GET /api/v1/users\" can never match: \"GET /api/**\" (line 10:11) matches "
		"first");
	expect_problem(1, PROBLEM_WARNING, 14,
		       "\"POST /x/*\" can never match: \"* /x/{n:int}\" (line 12:11) and \"* "
		       "/x/{id}\" (line 13:11) match first");
	expect_problem(2, PROBLEM_WARNING, 15,
		       "\"POST /x/12\" can never match: \"* /x/{n:int}\" (line 12:11) matches "
		       "first");
	assert_string_equal(name_at(1, "POST", "/x/9/y"), "a POST /x/*/y");
}

/* A class's match shadows the service's; equal matches of classes are told once, not per service */
static void test_unreachable_behind_classes(void **state UNUSED)
{
	assert_int_equal(
		compile(HEAD
			"  classes:\n"
			"    general: {limit: 1/1m}\n"
			"    health: {exempt: true, match: [\"GET /healthz\"]}\n"
			"    again: {exempt: true, match: [\"GET /healthz\"]}\n"
			"  services:\n"
			"    - {name: a, ports: [1], operations: [{match: \"GET /healthz\"}]}\n"
			"    - {name: b, ports: [2]}\n"),
		0);
	assert_int_equal(problems.n, 2);
	assert_int_equal(problems.items[0].line, 8);
	assert_int_equal(problems.items[1].line, 10);
}

static void test_unused_class(void **state UNUSED)
{
	assert_int_equal(compile(HEAD "  classes:\n"
				      "    general: {limit: 1/1m}\n"
				      "    idle: {limit: 1/1m}\n"
				      "  services: [{name: a, ports: [1]}]\n"),
			 0);
	assert_int_equal(problems.n, 1);
	expect_problem(0, PROBLEM_WARNING, 7, "no operation is in class \"idle\"");
}

/* After "a" fourteen segments of anything: every subset of them is a state of its own. */
static void test_too_many_states(void **state UNUSED)
{
	static const char *const explosive =
		"        - match: \"GET /**/a/*/*/*/*/*/*/*/*/*/*/*/*/*/*\"\n";
	char text[2048];

	snprintf(text, sizeof(text),
		 HEAD "  classes: {general: {limit: 1/1m}}\n"
		      "  services:\n"
		      "    - {name: small, ports: [1], operations: [{match: \"GET /x\"}]}\n"
		      "    - name: large\n"
		      "      ports: [2]\n"
		      "      operations:\n%s",
		 explosive);
	assert_int_equal(compile(text), -EINVAL);
	assert_int_equal(problems.errors, 1);
	assert_int_equal(problems.items[0].line, 8);
	assert_non_null(strstr(problems.items[0].message, "service \"large\" costs most"));
	/* nothing is wrong with what is left */
	*strstr(text, "    - name: large") = '\0';
	compile_clean(text);
}

/* Few states, but each leads to every other: it is the edges that do not fit. */
static void test_too_many_edges(void **state UNUSED)
{
	static char text[32768];
	size_t at = (size_t)snprintf(text, sizeof(text),
				     HEAD "  classes: {general: {limit: 1/1m}}\n  services:\n"
					  "    - {name: small, ports: [1]}\n"
					  "    - name: a\n      ports: [2]\n      operations:\n");

	for (int i = 0; i < 200; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "        - {match: \"GET /**/w%d\"}\n", i);
	assert_int_equal(compile(text), -EINVAL);
	assert_int_equal(problems.errors, 1);
	assert_non_null(strstr(problems.items[0].message,
			       "service \"a\" costs most, 202 states and 40201 edges"));
}

/* Each fits, together they do not: the largest is named. */
static void test_too_many_states_together(void **state UNUSED)
{
	static const char *const stars[] = {"/*/*/*/*/*/*/*/*/*/*", "/*/*/*/*/*/*/*/*/*/*/*/*",
					    "/*/*/*/*/*/*/*/*/*/*", "/*/*/*/*/*/*/*/*/*/*/*"};
	char text[4096];
	size_t at = (size_t)snprintf(text, sizeof(text),
				     HEAD "  classes: {general: {limit: 1/1m}}\n  services:\n");

	/* 2,048, 8,192 and 2,048 states, then 4,096 more */
	for (size_t i = 0; i < 4; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "    - {name: s%zu, ports: [%zu], operations: [{match: "
				       "\"GET /**/a%s\"}]}\n",
				       i + 1, i + 1, stars[i]);
		assert_int_equal(compile(text), i < 3 ? 0 : -EINVAL);
	}
	assert_int_equal(problems.errors, 1);
	assert_non_null(strstr(problems.items[0].message, "service \"s2\" costs most"));
}

static void test_too_many_network_lists(void **state UNUSED)
{
	static char text[32768];
	size_t at = (size_t)snprintf(text, sizeof(text),
				     HEAD "  classes: {general: {limit: 1/1m}}\n  services:\n"
					  "    - name: a\n      ports: [1]\n      operations:\n");
	size_t fit;

	for (int i = 0; i < GL_NET_SETS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "        - {match: \"GET /%d\", sources: [10.%d.0.0/16]}\n",
				       i, i);
	fit = at;
	compile_clean(text);
	assert_true(in_set(op_at(1, "GET", "/63")->net_set, "10.63.0.1"));
	snprintf(text + at, sizeof(text) - at,
		 "        - {match: \"GET /again\", sources: [10.3.0.0/16, 10.3.1.0/24]}\n");
	compile_clean(text);
	snprintf(text + fit, sizeof(text) - fit,
		 "        - {match: \"GET /one-more\", sources: [10.99.0.0/16]}\n");
	assert_int_equal(compile(text), -EINVAL);
	assert_int_equal(problems.errors, 1);
	expect_problem(0, PROBLEM_ERROR, 10 + GL_NET_SETS_MAX,
		       "more than 64 different lists of networks");
}

/* ---------------------------------------------------------------------------------------------
 * Size
 */
static void test_largest_policy(void **state UNUSED)
{
	static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE"};
	const size_t size = 1 << 20;
	_cleanup_free_ char *text = malloc(size);
	char path[64], name[96];
	size_t at, n = 0;
	clock_t begin;

	assert_non_null(text);
	at = (size_t)snprintf(text, size,
			      HEAD "  classes: {general: {limit: 1/1m}}\n  services:\n"
				   "    - name: a\n      ports: [1]\n      operations:\n");
	for (size_t i = 0; n < GL_POLICY_OPS_MAX; i++) {
		for (size_t v = 0; v < ARRAY_SIZE(verbs) && n < GL_POLICY_OPS_MAX; v++, n++)
			at += (size_t)snprintf(text + at, size - at,
					       "        - match: \"%s /api/v%zu/res-%zu/{id}\"\n",
					       verbs[v], i % 5, i);
	}
	begin = clock();
	compile_clean(text);
	print_message("# %d operations read and compiled in %.2f s, %u states, %u edges\n",
		      GL_POLICY_OPS_MAX, (double)(clock() - begin) / CLOCKS_PER_SEC, image.n_states,
		      image.n_edges);
	for (size_t i = 0; i < GL_POLICY_OPS_MAX / 4; i++) {
		for (size_t v = 0; v < ARRAY_SIZE(verbs); v++) {
			snprintf(path, sizeof(path), "/api/v%zu/res-%zu/77", i % 5, i);
			snprintf(name, sizeof(name), "a %s /api/v%zu/res-%zu/{id}", verbs[v], i % 5,
				 i);
			assert_string_equal(name_at(1, verbs[v], path), name);
		}
	}
	assert_string_equal(name_at(1, "GET", "/api/v0/res-1/77"), "a *");
}

static void test_baseline(void **state UNUSED)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;

	assert_int_equal(policy_read_file("deploy/policies/baseline.yaml", &problems, &policy), 0);
	problems_clear(&problems); /* the reader's: keys this version does not enforce */
	assert_int_equal(problems_init(&problems, "baseline.yaml"), 0);
	assert_int_equal(policy_compile(policy, &keys, 1, intern, &problems, &image), 0);
	if (problems.n) {
		print_problems();
		fail_msg("the baseline has problems");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_header_of_the_image),
		TEST(test_classes),
		TEST(test_services),
		TEST(test_operations),
		TEST(test_networks),
		TEST(test_networks_of_both_families),
		TEST(test_numbers_survive_a_reload),
		TEST(test_strictest),
		TEST(test_unreachable),
		TEST(test_unreachable_behind_classes),
		TEST(test_unused_class),
		TEST(test_too_many_states),
		TEST(test_too_many_states_together),
		TEST(test_too_many_edges),
		TEST(test_too_many_network_lists),
		TEST(test_largest_policy),
		TEST(test_baseline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
