/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile_classes.c - classes: limits, ceilings, flags, the 429 of each.
 */
#include <errno.h>
#include <string.h>

#include "user/policy/answers.h"
#include "user/policy/compile_private.h"

#define SUB_WINDOWS    9 /* of a window (I3) */
#define PREFIX_CEILING 16 /* N for every IPv6 /48 (I3) */

int compile_class_index(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_classes; i++)
		if (strcmp(policy->classes[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* A ceiling above what a slot can count would never be reached: the nearest is stricter. */
static uint32_t ceiling(uint64_t n)
{
	return n > GL_WINDOW_COUNT_MAX ? GL_WINDOW_COUNT_MAX : (uint32_t)n;
}

static uint32_t class_flags(const struct policy_class *cls)
{
	uint32_t flags = 0;

	if (cls->exempt)
		flags |= GL_CLASS_EXEMPT;
	if (cls->count_by == POLICY_COUNT_SOURCE)
		flags |= GL_CLASS_BY_SOURCE;
	if (cls->count_by == POLICY_COUNT_PRINCIPAL)
		flags |= GL_CLASS_BY_PRINCIPAL;
	if (cls->mode == POLICY_MODE_MONITOR)
		flags |= GL_CLASS_MONITOR;
	return flags;
}

static int compile_class(struct compilation *c, size_t index)
{
	const struct policy_class *cls = &c->policy->classes[index];
	uint16_t answer = (uint16_t)(GL_ANSWER_CLASS + index);
	uint64_t window_ns = (uint64_t)cls->window_s * 1000000000ull;
	struct gl_class *out = &c->image->classes[index];
	int err;

	*out = (struct gl_class){
		.sub_ns = (window_ns + SUB_WINDOWS - 1) / SUB_WINDOWS,
		.limit = ceiling(cls->limit),
		.window_s = cls->window_s,
		.source_ceiling = ceiling(cls->source_ceiling),
		.prefix_ceiling = ceiling((uint64_t)cls->limit * PREFIX_CEILING),
		.answer = answer,
		.flags = class_flags(cls),
	};
	err = compile_intern(c, INTERN_CLASS, cls->name, cls->pos, &out->id);
	if (err)
		return err;
	err = answers_class(cls, &c->image->answers[answer]);
	if (err != -ENAMETOOLONG)
		return err;
	problems_add(c->problems, PROBLEM_ERROR, cls->pos.line, cls->pos.column, "",
		     "use a shorter name", "the 429 of class %s does not fit %d bytes",
		     problem_quote(cls->name).text, GL_ANSWER_TEXT);
	return -EINVAL;
}

int compile_classes(struct compilation *c)
{
	int ret = 0;

	for (size_t i = 0; i < c->policy->n_classes; i++) {
		int err = compile_class(c, i);

		if (err && err != -EINVAL)
			return err;
		ret = ret ? ret : err;
	}
	return ret;
}

void compile_unused_classes(struct compilation *c)
{
	for (size_t i = 0; i < c->policy->n_classes; i++) {
		const struct policy_class *cls = &c->policy->classes[i];

		if (c->used[i])
			continue;
		problems_add(c->problems, PROBLEM_WARNING, cls->pos.line, cls->pos.column, "",
			     "name it in an operation or as defaultClass, or remove it",
			     "no operation is in class %s", problem_quote(cls->name).text);
	}
}
