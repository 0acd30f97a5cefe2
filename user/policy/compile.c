/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile.c - the order of a compilation, and what belongs to the policy as a whole: keys, mode,
 * ports, header names, networks, the answers every class shares.
 */
#include "user/policy/compile.h"

#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/answers.h"
#include "user/policy/compile_private.h"
#include "user/policy/header_automaton.h"

#define POLICY_WIDE 0, 0 /* line and column of what concerns the document as a whole */

int compile_networks(struct compilation *c, const struct policy_cidrs *cidrs, struct policy_pos pos,
		     const char *path, uint8_t *ret_set)
{
	int err = networks_set(c->networks, cidrs, ret_set);

	if (err != -ENOSPC)
		return err;
	problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column, path,
		     "lists that are equal count once: use fewer different ones",
		     "more than %d different lists of networks", GL_NET_SETS_MAX);
	return -EINVAL;
}

int compile_intern(struct compilation *c, enum intern_space space, const char *name,
		   struct policy_pos pos, uint16_t *ret_id)
{
	int id = intern_id(c->intern, space, name);

	if (id == -ENOSPC) {
		problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column, "",
			     "numbers of names are kept over reloads; `glacisctl detach` and a new "
			     "start begin anew",
			     "no number is left for the name %s", problem_quote(name).text);
		return -EINVAL;
	}
	if (id < 0)
		return id;
	*ret_id = (uint16_t)id;
	return 0;
}

static int compile_headers(struct compilation *c)
{
	const char *name = "";
	int err = header_automaton_build(&c->policy->api_key_headers, &c->policy->session_cookies,
					 &c->image->headers, &name);
	const char *path = "spec.credentials";

	switch (err) {
	case -EEXIST:
		problems_add(c->problems, PROBLEM_ERROR, POLICY_WIDE, path,
			     "the agent reads this field itself: leave it out",
			     "the header %s cannot be an API key", problem_quote(name).text);
		return -EINVAL;
	case -EINVAL:
		problems_add(c->problems, PROBLEM_ERROR, POLICY_WIDE, path,
			     "letters, digits and !#$%&'*+-.^_`|~",
			     "%s is not the name of a header or cookie", problem_quote(name).text);
		return -EINVAL;
	case -E2BIG:
		problems_add(c->problems, PROBLEM_ERROR, POLICY_WIDE, path,
			     "use fewer or shorter names",
			     "the names of headers and cookies are too long together");
		return -EINVAL;
	default:
		return err;
	}
}

static int compile_ports(struct compilation *c, size_t index)
{
	const struct policy_service *service = &c->policy->services[index];
	int ret = 0;

	for (size_t i = 0; i < service->n_ports; i++) {
		uint16_t *slot = &c->image->port_service[service->ports[i]];

		if (*slot && *slot != index + 1) {
			problems_add(c->problems, PROBLEM_ERROR, service->pos.line,
				     service->pos.column, "", "a port belongs to one service",
				     "port %u is also a port of service %s", service->ports[i],
				     problem_quote(c->policy->services[*slot - 1].name).text);
			ret = -EINVAL;
		}
		*slot = (uint16_t)(index + 1);
	}
	return ret;
}

static int compile_networks_emit(struct compilation *c)
{
	int err = networks_emit(c->networks, c->image);

	if (err != -ENOSPC)
		return err;
	problems_add(c->problems, PROBLEM_ERROR, POLICY_WIDE, "spec",
		     "join neighbouring networks into shorter prefixes",
		     "the networks of the policy do not fit: a table has %d slots", GL_NETS_MAX);
	return -EINVAL;
}

static int check_sizes(struct compilation *c)
{
	const struct policy *p = c->policy;

	if (p->n_services <= GL_SERVICES_MAX && p->n_classes <= GL_CLASSES_MAX)
		return 0;
	problems_add(c->problems, PROBLEM_ERROR, POLICY_WIDE, "spec", NULL,
		     "%zu services and %zu classes: at most %d and %d", p->n_services, p->n_classes,
		     GL_SERVICES_MAX, GL_CLASSES_MAX);
	return -EINVAL;
}

/* The first error wins, but memory's always: what follows it is not worth hearing. */
static int worse(int a, int b)
{
	if (a && a != -EINVAL)
		return a;
	return b ? b : a;
}

/* Thresholds of spec.alerts. A server error counts for its operation: at_least is meant there. */
static void compile_watch(const struct compilation *c)
{
	const struct policy_alert_rule *rules[GL_WATCH_MAX] = {
		[GL_WATCH_AUTH] = &c->policy->auth_failures,
		[GL_WATCH_FORBIDDEN] = &c->policy->forbidden,
		[GL_WATCH_ERROR] = &c->policy->server_errors,
		[GL_WATCH_LIMIT] = &c->policy->limit_exceeded,
	};

	for (size_t i = 0; i < GL_WATCH_MAX; i++) {
		const struct policy_alert_rule *rule = rules[i];
		struct gl_watch_rule *watch = &c->image->watch[i];

		if (!rule->enabled)
			continue;
		watch->window_s = rule->per_s;
		watch->sub_ns = ((uint64_t)rule->per_s * 1000000000 + 8) / 9;
		if (i == GL_WATCH_ERROR) {
			watch->at_least[GL_WATCH_BY_OPERATION] = rule->at_least;
			continue;
		}
		watch->at_least[GL_WATCH_BY_SOURCE] = rule->at_least;
		if (i == GL_WATCH_LIMIT)
			continue;
		watch->at_least[GL_WATCH_BY_PRINCIPAL] = rule->at_least;
		watch->at_least[GL_WATCH_BY_OPERATION] = rule->per_operation;
	}
}

static int compile_all(struct compilation *c)
{
	const struct policy *p = c->policy;
	int err, ret;

	compile_watch(c);
	ret = answers_common(c->image);
	ret = worse(ret, compile_headers(c));
	ret = worse(ret, compile_classes(c));
	ret = worse(ret, compile_networks(c, &p->exempt, (struct policy_pos){}, "spec.exempt",
					  &c->image->exempt_set));
	c->image->n_ops = 1; /* [0] is "none" */
	c->image->n_states = 1; /* [0] is dead */
	for (size_t i = 0; i < p->n_services; i++) {
		ret = worse(ret, compile_ports(c, i));
		err = compile_service(c, i);
		ret = worse(ret, err);
		if (err && err != -EINVAL)
			return ret;
	}
	ret = worse(ret, compile_routes_budget(c));
	ret = worse(ret, compile_guard(c));
	compile_unused_classes(c);
	return worse(ret, compile_networks_emit(c));
}

int policy_compile(const struct policy *policy, const struct compile_keys *keys,
		   uint64_t generation, struct intern *intern, struct problems *problems,
		   struct gl_policy *image)
{
	_cleanup_(networks_freep) struct networks *networks = NULL;
	struct compilation c = {
		.policy = policy, .intern = intern, .problems = problems, .image = image};
	int err;

	memset(image, 0, sizeof(*image));
	image->generation = generation;
	image->route_key = keys->route;
	image->subject_key = keys->subject;
	image->mode = (__u8)policy->mode;
	image->outgoing = policy->outgoing;
	image->expect_sum = compile_expect_sum(policy);
	image->n_services = (__u32)policy->n_services;
	image->n_classes = (__u32)policy->n_classes;
	err = check_sizes(&c);
	if (!err)
		err = networks_new(&networks);
	c.networks = networks;
	return err ? err : compile_all(&c);
}
