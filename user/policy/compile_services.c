/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile_services.c - services: the entries of their operations, the catch-all, the strictest.
 *
 * Order of a service's rules: the classes' own matches first (a probe's health operation must never
 * be limited by a rule of the service), then the service's operations as written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/compile_private.h"

/* The longest name: a service, a space, a match. */
#define OPERATION_NAME_MAX (POLICY_NAME_MAX + 1 + MATCH_METHOD_MAX + 2 + GL_PATH_DEPTH * 80)

static void rule_path(const struct compilation *c, size_t service, const struct compiled_rule *rule,
		      char out[RULE_PATH_MAX])
{
	if (rule->operation)
		snprintf(out, RULE_PATH_MAX, "spec.services[%zu].operations[%zu].match", service,
			 rule->index);
	else
		snprintf(out, RULE_PATH_MAX, "spec.classes.%s.match[%zu]",
			 c->policy->classes[rule->cls].name, rule->index);
}

static size_t rules_list(const struct compilation *c, const struct policy_service *service,
			 struct compiled_rule *rules)
{
	const struct policy *p = c->policy;
	size_t n = 0;

	for (size_t i = 0; i < p->n_classes; i++) {
		for (size_t k = 0; k < p->classes[i].match.n; k++)
			rules[n++] = (struct compiled_rule){
				.match = p->classes[i].match.items[k],
				.pos = p->classes[i].match_pos[k],
				.cls = (uint8_t)i,
				.index = k,
			};
	}
	for (size_t i = 0; i < service->n_operations; i++)
		rules[n++] = (struct compiled_rule){
			.match = service->operations[i].match,
			.pos = service->operations[i].pos,
			.operation = &service->operations[i],
			.index = i,
		};
	return n;
}

static size_t rules_count(const struct compilation *c, const struct policy_service *service)
{
	size_t n = service->n_operations;

	for (size_t i = 0; i < c->policy->n_classes; i++)
		n += c->policy->classes[i].match.n;
	return n;
}

/* ---------------------------------------------------------------------------------------------
 * Entries of ops[]
 */
static int op_add(struct compilation *c, const char *service, const char *match,
		  struct policy_pos pos, struct gl_op op, uint16_t *ret_index)
{
	char name[OPERATION_NAME_MAX];
	int err;

	if (c->image->n_ops >= GL_OPS_MAX) {
		problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column, "",
			     "operations of classes count once for every service",
			     "more than %d operations in all", GL_OPS_MAX - 1);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%s %s", service, match);
	err = compile_intern(c, INTERN_OPERATION, name, pos, &op.id);
	if (err)
		return err;
	if (op.cls != GL_CLASS_UNLIMITED)
		c->used[op.cls] = true;
	*ret_index = (uint16_t)c->image->n_ops;
	c->image->ops[c->image->n_ops++] = op;
	return 0;
}

static int class_of(struct compilation *c, const char *name, struct policy_pos pos, __u8 *ret_cls)
{
	int index = compile_class_index(c->policy, name);

	if (index < 0) {
		problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column, "", NULL,
			     "there is no class %s", problem_quote(name).text);
		return -EINVAL;
	}
	*ret_cls = (__u8)index;
	return 0;
}

/* What of its content is inspected, and what may not leave in it. */
static void op_content(struct gl_op *op, const struct policy_responses *responses,
		       const struct policy_inspect *inspect, bool monitor)
{
	uint32_t kib = (inspect->max_bytes + 1023) / 1024;

	if (inspect->bodies == POLICY_BODIES_NONE)
		kib = 0;
	else if (inspect->bodies == POLICY_BODIES_ALL)
		kib = GL_CAPTURE_ALL;
	op->request_kib = op->response_kib = (__u16)kib;
	op->sample = (__u16)inspect->sample;
	op->guard = compile_guard_bits(responses, monitor);
}

static int rule_op(struct compilation *c, size_t index, const struct compiled_rule *rule,
		   uint16_t *ret_op)
{
	const struct policy_service *service = &c->policy->services[index];
	const struct policy_operation *operation = rule->operation;
	struct gl_op op = {.service = (__u16)index, .cls = rule->cls, .net_set = GL_NET_SET_ANY};
	int err = 0;

	op_content(&op, operation ? &operation->responses : &service->responses,
		   operation ? &operation->inspect : &service->inspect,
		   operation && operation->mode == POLICY_MODE_MONITOR);
	if (operation) {
		char path[RULE_PATH_MAX];

		snprintf(path, sizeof(path), "spec.services[%zu].operations[%zu].sources", index,
			 rule->index);
		op.auth = operation->auth;
		op.flags = operation->mode == POLICY_MODE_MONITOR ? GL_OP_MONITOR : 0;
		err = class_of(c, operation->cls, operation->pos, &op.cls);
		if (!err)
			err = compile_networks(c, &operation->sources, operation->pos, path,
					       &op.net_set);
	}
	return err ? err : op_add(c, service->name, rule->match, rule->pos, op, ret_op);
}

static int default_op(struct compilation *c, size_t index)
{
	const struct policy_service *service = &c->policy->services[index];
	struct gl_op op = {
		.service = (__u16)index,
		.cls = GL_CLASS_UNLIMITED,
		.auth = service->default_auth,
		.net_set = GL_NET_SET_ANY,
		.flags = GL_OP_DEFAULT,
	};
	int err = 0;

	op_content(&op, &service->responses, &service->inspect, false);
	if (service->default_class)
		err = class_of(c, service->default_class, service->pos, &op.cls);
	return err ? err
		   : op_add(c, service->name, "*", service->pos, op,
			    &c->image->services[index].default_op);
}

/* ---------------------------------------------------------------------------------------------
 * The strictest reading of an ambiguous path
 */

/* True if a is stricter: fewer admissions a second; among equals, asking for a credential. */
static bool op_stricter(const struct gl_policy *image, const struct gl_op *a, const struct gl_op *b)
{
	const struct gl_class *x = a->cls == GL_CLASS_UNLIMITED ? NULL : &image->classes[a->cls];
	const struct gl_class *y = b->cls == GL_CLASS_UNLIMITED ? NULL : &image->classes[b->cls];
	bool x_limits = x && !(x->flags & GL_CLASS_EXEMPT);
	bool y_limits = y && !(y->flags & GL_CLASS_EXEMPT);

	if (x_limits != y_limits)
		return x_limits;
	if (x_limits) {
		uint64_t left = (uint64_t)x->limit * y->window_s;
		uint64_t right = (uint64_t)y->limit * x->window_s;

		if (left != right)
			return left < right;
	}
	return a->auth && !b->auth;
}

static void strict_op(struct compilation *c, struct gl_service *service, uint32_t first)
{
	uint32_t best = first;

	for (uint32_t i = first + 1; i < c->image->n_ops; i++)
		if (op_stricter(c->image, &c->image->ops[i], &c->image->ops[best]))
			best = i;
	service->strict_op = (__u16)best;
}

static void guard_flags(struct compilation *c, struct gl_service *service, uint32_t first)
{
	for (uint32_t i = first; i < c->image->n_ops; i++) {
		if (c->image->ops[i].guard)
			service->flags |= GL_SERVICE_GUARD | (__u32)c->image->ops[i].guard << 24;
		if (GL_OP_GUARD_CUT(c->image->ops[i].guard))
			service->flags |= GL_SERVICE_GUARD_BLOCK;
	}
}

/* ---------------------------------------------------------------------------------------------
 * A service
 */
static int rules_compile(struct compilation *c, size_t index, const struct compiled_rule *rules,
			 size_t n, struct routes *routes)
{
	bool fold = c->policy->services[index].fold_case;
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		struct match_fault fault = {};
		struct pattern pattern;
		char path[RULE_PATH_MAX];
		uint16_t op = 0;
		int err = pattern_parse(rules[i].match, fold, &pattern, &fault);

		if (err) {
			rule_path(c, index, &rules[i], path);
			problems_add(c->problems, PROBLEM_ERROR, rules[i].pos.line,
				     rules[i].pos.column, path, *fault.hint ? fault.hint : NULL,
				     "%s", fault.message);
			ret = -EINVAL;
			continue;
		}
		err = rule_op(c, index, &rules[i], &op);
		if (!err)
			err = routes_add(routes, &pattern, op);
		if (err && err != -EINVAL)
			return err;
		ret = ret ? ret : err;
	}
	return ret;
}

static void service_tls(const struct policy_tls *tls, struct gl_tls *out)
{
	out->min_version = tls->min_version;
	out->flags = tls->downgrade_refuse ? GL_TLS_DOWNGRADE_REFUSE : 0;
	out->n_denied = (__u16)tls->n_denied;
	for (size_t i = 0; i < tls->n_denied; i++)
		out->denied[i] = tls->denied[i];
}

static int service_record(struct compilation *c, size_t index)
{
	const struct policy_service *service = &c->policy->services[index];
	struct gl_service *out = &c->image->services[index];
	char path[RULE_PATH_MAX];
	int err;

	out->flags = (service->ambiguous_refuse ? GL_SERVICE_AMBIGUOUS_REFUSE : 0) |
		     (service->fold_case ? GL_SERVICE_FOLD_CASE : 0) |
		     (service->http2 == POLICY_HTTP2_REFUSE ? GL_SERVICE_HTTP2_REFUSE : 0) |
		     (service->http2 == POLICY_HTTP2_JUDGE ? GL_SERVICE_HTTP2_JUDGE : 0) |
		     (service->unknown_refuse ? GL_SERVICE_UNKNOWN_REFUSE : 0) |
		     (service->tls.plaintext_refuse ? GL_SERVICE_PLAINTEXT_REFUSE : 0) |
		     (service->quic_refuse ? GL_SERVICE_QUIC_REFUSE : 0) |
		     (service->inspect.tls ? 0 : GL_SERVICE_TLS_BLIND) |
		     (service->responses.unscanned_pass ? GL_SERVICE_UNSCANNED_PASS : 0) |
		     GL_SERVICE_INSPECT;
	service_tls(&service->tls, &c->image->tls[index]);
	out->mode = (__u8)service->mode;
	err = compile_intern(c, INTERN_SERVICE, service->name, service->pos, &out->id);
	if (err)
		return err;
	snprintf(path, sizeof(path), "spec.services[%zu].trustedProxies", index);
	return compile_networks(c, &service->trusted_proxies, service->pos, path, &out->proxy_set);
}

int compile_service(struct compilation *c, size_t index)
{
	const struct policy_service *service = &c->policy->services[index];
	_cleanup_free_ struct compiled_rule *rules = NULL;
	_cleanup_(routes_freep) struct routes *routes = NULL;
	uint32_t first = c->image->n_ops;
	size_t n = rules_count(c, service);
	int err;

	rules = calloc(n + 1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	rules_list(c, service, rules);
	err = routes_new(&c->image->route_key, &routes);
	if (!err)
		err = service_record(c, index);
	if (!err)
		err = rules_compile(c, index, rules, n, routes);
	if (!err)
		err = default_op(c, index);
	if (err)
		return err;
	strict_op(c, &c->image->services[index], first);
	guard_flags(c, &c->image->services[index], first);
	return compile_routes(c, index, routes, rules, n);
}
