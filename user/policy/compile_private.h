/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile_private.h - what the stages of one compilation share. For compile*.c only.
 *
 * A stage returns -EINVAL after it has added an error, other -errno (memory) without one. Stages
 * after a failed one still run where they can: the user hears of every error at once.
 */
#pragma once

#include "user/policy/compile.h"
#include "user/policy/networks.h"
#include "user/policy/routes.h"

#define RULE_PATH_MAX   128
#define UNREACHABLE_MAX 100 /* warnings of one service */

/* One rule of a service: an operation of it, or a match of a class. Borrows from the policy. */
struct compiled_rule {
	const char *match;
	struct policy_pos pos;
	const struct policy_operation *operation; /* NULL: a class's */
	size_t index; /* in the operations, or in the class's matches */
	uint8_t cls; /* of a class's match */
};

struct compilation {
	const struct policy *policy;
	struct intern *intern;
	struct problems *problems;
	struct networks *networks;
	struct gl_policy *image;
	bool used[GL_CLASSES_MAX]; /* some operation counts in the class */
	bool routes_full; /* no room was left in the automaton */
	struct routes_cost {
		size_t states, edges;
	} costs[GL_SERVICES_MAX]; /* what each service takes of the automaton */
};

/* Index in classes[] of a class by name; -ENOENT. */
int compile_class_index(const struct policy *policy, const char *name);
int compile_classes(struct compilation *c);
/* After every service was compiled: classes nothing counts in. */
void compile_unused_classes(struct compilation *c);

/* The service's operations, routes and catch-all. */
int compile_service(struct compilation *c, size_t index);

/* Its automaton. `rules` are those added to `routes`, in order. */
int compile_routes(struct compilation *c, size_t index, struct routes *routes,
		   const struct compiled_rule *rules, size_t n);
/* After every service: the error, if they did not fit, with the service that costs most. */
int compile_routes_budget(struct compilation *c);

/* struct gl_policy.expect_sum */
uint32_t compile_expect_sum(const struct policy *policy);

/* After every service: the tables of what may not leave. */
int compile_guard(struct compilation *c);
/* struct gl_op.guard of an operation with these responses; `monitor`: it only looks. */
uint8_t compile_guard_bits(const struct policy_responses *responses, bool monitor);

/* The number of a list's prefix set, with the error added where there are too many. */
int compile_networks(struct compilation *c, const struct policy_cidrs *cidrs, struct policy_pos pos,
		     const char *path, uint8_t *ret_set);

/* The id of a name, likewise. */
int compile_intern(struct compilation *c, enum intern_space space, const char *name,
		   struct policy_pos pos, uint16_t *ret_id);
