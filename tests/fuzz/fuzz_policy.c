/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_policy.c - any bytes as a policy document. Beyond not crashing: the answer and the problems
 * agree, a message cannot write to a terminal, and what was accepted keeps the model's promises.
 *
 * How to run it for hours: user/policy/README.md.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/policy/match.h"
#include "user/policy/read.h"

static void check_problems(const struct problems *problems, int r)
{
	size_t errors = 0;

	CHECK(r == 0 || r == -EINVAL);
	CHECK((r == 0) == (problems->errors == 0));
	CHECK(problems->n <= PROBLEMS_KEPT_MAX);
	for (size_t i = 0; i < problems->n; i++) {
		errors += problems->items[i].severity == PROBLEM_ERROR;
		CHECK((problems->items[i].line == 0) == (problems->items[i].column == 0));
		check_line(problems->items[i].path);
		check_line(problems->items[i].message);
		check_line(problems->items[i].hint);
	}
	CHECK(problems->errors <= errors + problems->dropped);
}

static bool has_class(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_classes; i++)
		if (!strcmp(policy->classes[i].name, name))
			return true;
	return false;
}

static void check_cidrs(const struct policy_cidrs *cidrs)
{
	for (size_t i = 0; i < cidrs->n; i++)
		for (unsigned bit = cidrs->items[i].len; bit < 128; bit++)
			CHECK(!(cidrs->items[i].addr.b[bit / 8] & (0x80 >> bit % 8)));
}

static size_t check_service(const struct policy *policy, const struct policy_service *service)
{
	struct match_fault fault;

	CHECK(service->name && service->n_ports >= 1 && service->n_ports <= 64);
	CHECK(service->mode <= policy->mode);
	CHECK(!service->default_class || has_class(policy, service->default_class));
	check_cidrs(&service->trusted_proxies);
	for (size_t i = 0; i < service->n_operations; i++) {
		const struct policy_operation *operation = &service->operations[i];

		CHECK(match_check(operation->match, &fault) == 0);
		CHECK(has_class(policy, operation->cls));
		CHECK(operation->auth <= GL_CRED_ANY && operation->pos.line);
		check_cidrs(&operation->sources);
	}
	return service->n_operations;
}

static void check_policy(const struct policy *policy)
{
	static uint8_t ports[65536];
	size_t operations = 0;

	CHECK(policy->name && policy->file);
	CHECK(policy->n_services >= 1 && policy->n_services <= GL_SERVICES_MAX);
	CHECK(policy->n_classes <= GL_CLASSES_MAX);
	memset(ports, 0, sizeof(ports));
	for (size_t i = 0; i < policy->n_services; i++) {
		operations += check_service(policy, &policy->services[i]);
		for (size_t p = 0; p < policy->services[i].n_ports; p++)
			CHECK(!ports[policy->services[i].ports[p]]++);
	}
	CHECK(operations <= GL_POLICY_OPS_MAX);
	for (size_t i = 0; i < policy->n_classes; i++) {
		const struct policy_class *cls = &policy->classes[i];

		CHECK(cls->limit || cls->exempt);
		CHECK(cls->window_s >= 1 && cls->window_s <= 7 * 86400);
		CHECK(cls->source_ceiling >= cls->limit);
		CHECK(cls->source_ceiling <= GL_WINDOW_COUNT_MAX);
	}
	check_cidrs(&policy->exempt);
	check_cidrs(&policy->protect_never);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *policy = NULL;
	struct problems problems;
	int r;

	if (problems_init(&problems, "fuzz") < 0)
		return 0;
	r = policy_read((const char *)data, size, "fuzz", &problems, &policy);
	check_problems(&problems, r);
	CHECK((r == 0) == (policy != NULL));
	if (policy)
		check_policy(policy);
	policy_free(policy);
	problems_clear(&problems);
	return 0;
}
