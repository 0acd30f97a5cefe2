/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard.c - collects patterns and builds the tables from them.
 */
#include "user/policy/guard_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int guard_builder_new(struct guard_builder **ret_builder)
{
	struct guard_builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return -ENOMEM;
	*ret_builder = builder;
	return 0;
}

void guard_builder_free(struct guard_builder *builder)
{
	free(builder);
}

static bool same(const struct guard_pattern *a, const struct guard_pattern *b)
{
	return a->n == b->n && !memcmp(a->symbols, b->symbols, a->n * sizeof(a->symbols[0])) &&
	       !memcmp(a->skip, b->skip, a->n);
}

int guard_builder_add(struct guard_builder *builder, const struct guard_pattern *pattern,
		      const char *name, enum gl_guard_group group,
		      const uint64_t services[GL_GUARD_SERVICES / 64])
{
	struct guard_entry *entry = builder->entries;

	while (entry < builder->entries + builder->n && !same(&entry->pattern, pattern))
		entry++;
	if (entry == builder->entries + builder->n) {
		if (builder->n == GL_GUARD_PATTERNS)
			return -ENOSPC;
		builder->n++;
		entry->pattern = *pattern;
		entry->out.groups = group;
		snprintf(entry->out.name, sizeof(entry->out.name), "%s", name);
	}
	for (int i = 0; i < GL_GUARD_SERVICES / 64; i++)
		entry->out.services[i] |= services[i];
	return (int)(entry - builder->entries);
}

int guard_builder_build(const struct guard_builder *builder, struct gl_guard *guard,
			int *ret_pattern)
{
	int err = guard_automaton_build(builder, guard);

	if (err)
		return err;
	guard->n_patterns = (uint32_t)builder->n;
	for (size_t i = 0; i < builder->n; i++)
		guard->patterns[i] = builder->entries[i].out;
	return guard_grams_build(builder, guard, ret_pattern);
}
