/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile_expect.c - a sum of what only detectors are told (expect, deprecated, forbiddenFields):
 * the kernel's image does not hold it, and a policy that differs in nothing else is another one all
 * the same, whose generation inspectors are told.
 */
#include <string.h>

#include "user/policy/compile_private.h"

/* FNV-1a: no secret, nobody to collide with but the policy before. */
static void add(uint32_t *sum, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		*sum = (*sum ^ p[i]) * 16777619u;
}

static void add_number(uint32_t *sum, uint32_t number)
{
	add(sum, &number, sizeof(number));
}

static void add_text(uint32_t *sum, const char *text)
{
	add(sum, text, strlen(text) + 1);
}

static void add_texts(uint32_t *sum, const struct policy_strings *texts)
{
	add_number(sum, (uint32_t)texts->n);
	for (size_t i = 0; i < texts->n; i++)
		add_text(sum, texts->items[i]);
}

static void add_expect(uint32_t *sum, const struct policy_expect *expect)
{
	add_number(sum, expect->max_page);
	add_number(sum, expect->default_page);
	add_number(sum, expect->upload_bytes);
	add_number(sum, expect->jwt_lifetime_s);
	add_texts(sum, &expect->required_headers);
	add_texts(sum, &expect->forbidden_headers);
	add_texts(sum, &expect->jwt_algorithms);
	add_texts(sum, &expect->cors_origins);
	add_texts(sum, &expect->upload_types);
}

uint32_t compile_expect_sum(const struct policy *policy)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < policy->n_services; i++) {
		const struct policy_service *service = &policy->services[i];

		add_text(&sum, service->name);
		add_expect(&sum, &service->expect);
		add_texts(&sum, &service->responses.forbidden_fields);
		for (size_t j = 0; j < service->n_operations; j++) {
			add_text(&sum, service->operations[j].match);
			add_number(&sum, service->operations[j].deprecated);
			add_text(&sum, service->operations[j].failed_login.location);
			add_expect(&sum, &service->operations[j].expect);
		}
	}
	return sum;
}
