/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.h - layer 0: the maps the doors share, by name (user/kern pins and reuses them by name), and
 * the accessors the deciding headers ask for. Sizes marked "default" are set by user/kern at load.
 */
#pragma once

#include "bpf/lib/bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GL_CTR_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_BAN_SLOTS_DEFAULT); /* default */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_prefix_slot);
} decisions SEC(".maps");

/* I5: what was lost, refused or not judged is a number. */
static __always_inline void count(__u32 counter)
{
	__u64 *v = bpf_map_lookup_elem(&counters, &counter);

	if (!v)
		return;
#ifdef DOOR_TLS
	__sync_fetch_and_add(v, 1); /* a packet may come in between */
#else
	(*v)++;
#endif
}

static __always_inline struct gl_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline struct gl_prefix_slot *decision_slot(__u32 i)
{
	return bpf_map_lookup_elem(&decisions, &i);
}
