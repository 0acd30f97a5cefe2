/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile_guard.c - what may not leave, of every service and operation, to the tables of the
 * response guard and the bits that say what is looked for and what cuts.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/compile_private.h"
#include "user/policy/guard.h"

_Static_assert(GL_GUARD_SERVICES == GL_SERVICES_MAX, "a bit for each");

static uint8_t groups_at_least(const struct policy_responses *responses,
			       enum policy_response_action action)
{
	return (uint8_t)((responses->secrets >= action ? GL_GUARD_SECRET | GL_GUARD_FIELD : 0) |
			 (responses->stack_traces >= action ? GL_GUARD_TRACE : 0));
}

uint8_t compile_guard_bits(const struct policy_responses *responses, bool monitor)
{
	uint8_t look = groups_at_least(responses, POLICY_RESPONSE_DETECT);
	uint8_t cut = groups_at_least(responses, POLICY_RESPONSE_BLOCK);

	return GL_OP_GUARD(look, monitor ? 0 : cut);
}

/* Where a message about a service's responses points to. */
static struct policy_pos responses_pos(const struct compilation *c, size_t service)
{
	const struct policy_pos *own = &c->policy->services[service].responses.pos;

	return own->line ? *own : c->policy->responses.pos;
}

static int add_formats(struct compilation *c, struct guard_builder *builder, unsigned groups)
{
	static const uint64_t everywhere[GL_GUARD_SERVICES / 64] = {~0ull, ~0ull, ~0ull, ~0ull};

	(void)c;
	for (size_t i = 0; i < guard_formats_n; i++) {
		const struct guard_format *format = &guard_formats[i];
		struct guard_pattern pattern;
		const char *fault;
		int err = 0;

		if (!(groups & format->group))
			continue;
		err = guard_pattern_parse(format->pattern, &pattern, &fault);
		if (!err)
			err = guard_builder_add(builder, &pattern, format->name, format->group,
						everywhere);
		if (err < 0)
			return err;
	}
	return 0;
}

static int add_fields(struct compilation *c, struct guard_builder *builder, size_t service)
{
	const struct policy_strings *names =
		&c->policy->services[service].responses.forbidden_fields;
	struct policy_pos pos = responses_pos(c, service);
	uint64_t services[GL_GUARD_SERVICES / 64] = {};
	int ret = 0;

	services[service / 64] = 1ull << (service % 64);
	for (size_t i = 0; i < names->n; i++) {
		struct guard_pattern pattern;
		int err = guard_pattern_member(names->items[i], &pattern);

		if (!err)
			err = guard_builder_add(builder, &pattern, names->items[i], GL_GUARD_FIELD,
						services);
		if (err == -E2BIG)
			problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column,
				     "spec.responses.forbiddenFields",
				     "59 bytes at most, two for each \\ and \"",
				     "the name %s is too long to be looked for",
				     problem_quote(names->items[i]).text);
		if (err == -ENOSPC)
			problems_add(
				c->problems, PROBLEM_ERROR, pos.line, pos.column,
				"spec.responses.forbiddenFields",
				"names of all services count together, equal ones once",
				"more than %d forbidden texts, the %zu built-in ones among them",
				GL_GUARD_PATTERNS, guard_formats_n);
		if (err == -ENOSPC)
			return -EINVAL;
		if (err < 0)
			ret = -EINVAL;
	}
	return ret;
}

/* What any operation of the policy looks for. */
static unsigned groups_of(const struct gl_policy *image)
{
	unsigned groups = 0;

	for (uint32_t i = 1; i < image->n_ops; i++)
		groups |= GL_OP_GUARD_LOOK(image->ops[i].guard);
	return groups;
}

static int build(struct compilation *c, const struct guard_builder *builder)
{
	struct policy_pos pos = c->policy->responses.pos;
	int which = 0, err = guard_builder_build(builder, &c->image->guard, &which);

	for (size_t i = 0; i < c->policy->n_services && !pos.line; i++)
		pos = c->policy->services[i].responses.pos;
	if (err == -E2BIG)
		problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column,
			     "spec.responses.forbiddenFields", "use fewer or shorter names",
			     "the forbidden texts do not fit together: %u states of %d, %u classes "
			     "of bytes of %d",
			     c->image->guard.n_states, GL_GUARD_STATES, c->image->guard.n_classes,
			     GL_GUARD_CLASSES);
	if (err == -EEXIST)
		problems_add(c->problems, PROBLEM_ERROR, pos.line, pos.column,
			     "spec.responses.forbiddenFields", "leave it to the detectors: detect",
			     "%s cannot be told from the other forbidden texts by four bytes",
			     problem_quote(c->image->guard.patterns[which].name).text);
	return err == -E2BIG || err == -EEXIST ? -EINVAL : err;
}

int compile_guard(struct compilation *c)
{
	_cleanup_(guard_builder_freep) struct guard_builder *builder = NULL;
	unsigned groups = groups_of(c->image);
	int ret, err;

	if (!groups)
		return 0;
	err = guard_builder_new(&builder);
	if (!err)
		err = add_formats(c, builder, groups);
	if (err)
		return err;
	ret = 0;
	for (size_t i = 0; i < c->policy->n_services && (groups & GL_GUARD_FIELD); i++) {
		err = add_fields(c, builder, i);
		if (err && err != -EINVAL)
			return err;
		ret = ret ? ret : err;
	}
	return ret ? ret : build(c, builder);
}
