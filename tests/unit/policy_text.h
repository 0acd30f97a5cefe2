/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_text.h - for tests of the policy reader: a document in, every problem as text out.
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/cleanup.h"
#include "user/policy/read.h"

/* Four lines: what follows begins in line 5. */
#define POLICY_HEAD    "apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: p}\nspec:\n"
#define POLICY_SERVICE "  services: [{name: a, ports: [80]}]\n"

/* What problems_print() says, about a document named "p". The caller frees it. */
static inline char *policy_problems_text(const struct problems *problems)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	problems_print(problems, out);
	fclose(out);
	return text;
}

/* Reads size bytes and compares everything there is to say with `expected`, and the result. */
static inline void policy_assert_said(const char *document, size_t size, int result,
				      const char *expected)
{
	_cleanup_free_ char *said = NULL;
	struct policy *policy = NULL;
	struct problems problems;

	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(policy_read(document, size, "p", &problems, &policy), result);
	said = policy_problems_text(&problems);
	assert_string_equal(said, expected);
	assert_int_equal(result == 0, policy != NULL);
	assert_int_equal(result == 0, problems.errors == 0);
	policy_free(policy);
	problems_clear(&problems);
}

/* A document that must be right, with nothing to say about it. */
static inline struct policy *policy_assert_good(const char *document)
{
	_cleanup_free_ char *said = NULL;
	struct policy *policy = NULL;
	struct problems problems;
	int r;

	assert_int_equal(problems_init(&problems, "p"), 0);
	r = policy_read(document, strlen(document), "p", &problems, &policy);
	said = policy_problems_text(&problems);
	assert_string_equal(said, "");
	assert_int_equal(r, 0);
	problems_clear(&problems);
	return policy;
}

/* One row of a table of documents. */
struct policy_case {
	const char *name;
	const char *document;
	int result;
	const char *expected;
};

static inline void policy_check_case(void **state)
{
	const struct policy_case *row = *state;

	policy_assert_said(row->document, strlen(row->document), row->result, row->expected);
}

/* Makes a test of every row behind the `n` already in tests. Returns how many there are then. */
static inline size_t policy_add_cases(struct CMUnitTest *tests, size_t n,
				      const struct policy_case *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, policy_check_case, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	return n;
}
