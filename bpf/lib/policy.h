/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.h - layer 1: the compiled policy of a flow. The outer map holds four generations; a head
 * is finished on the one it began on.
 */
#pragma once

#include "bpf/lib/flow.h"

struct policy_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct gl_policy));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GL_GENERATIONS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct policy_inner);
} policies SEC(".maps");

static __always_inline const struct gl_policy *policy_at(__u32 slot)
{
	__u32 zero = 0;
	void *inner;

	inner = bpf_map_lookup_elem(&policies, &slot);
	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

/*
 * The policy for this segment: the head's own while one is being read or its answer is held, the
 * active one otherwise.
 * NULL: none is loaded, or the head's generation was reused under it (a head slower than the head
 * timeout).
 */
static __always_inline const struct gl_policy *policy_of(struct flow *f, const struct gl_control *c)
{
	int in_head = flow_in_head(f) || flow_is_refused(f);
	const struct gl_policy *policy;
	__u32 slot = in_head ? f->slot : c->active;

	policy = policy_at(slot);
	if (!policy || (in_head && policy->generation != f->generation))
		return NULL;
	if (!in_head) {
		f->slot = slot;
		f->generation = policy->generation;
		f->service = policy->port_service[f->port];
	}
	return f->service && f->service <= GL_SERVICES_MAX ? policy : NULL;
}

static __always_inline const struct gl_service *policy_service(const struct gl_policy *policy,
							       const struct flow *f)
{
	return at_index(policy->services, GL_SERVICES_MAX, f->service - 1u);
}
