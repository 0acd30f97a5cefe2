/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tables.h - layer 0: the counting tables and how the deciding headers reach them in the kernel.
 * Include it before admit.h.
 */
#pragma once

#include "bpf/lib/maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_WINDOW_LINES_DEFAULT); /* default */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_window_line);
} windows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_PROVEN_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_proven);
} proven SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_WATCH_LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_watch);
} watches SEC(".maps");

static __always_inline struct gl_watch *watch_line(__u32 i)
{
	return bpf_map_lookup_elem(&watches, &i);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_SUBJECT_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_subject);
} subjects SEC(".maps");

static __always_inline struct gl_window_line *window_line(__u32 i)
{
	return bpf_map_lookup_elem(&windows, &i);
}

static __always_inline struct gl_proven *proven_slot(__u32 i)
{
	return bpf_map_lookup_elem(&proven, &i);
}

static __always_inline struct gl_subject *subject_slot(__u32 i)
{
	return bpf_map_lookup_elem(&subjects, &i);
}

#define SUBJECT_SLOT(ctx, i)      subject_slot(i)
#define WINDOW_LINE(ctx, i)       window_line(i)
#define WINDOW_LOOP(n, step, ctx) bpf_loop(n, step, ctx, 0)
#define WATCH_LINE(ctx, i)        watch_line(i)
#define PROVEN_SLOT(ctx, i)       proven_slot(i)
/* a policy's own nets, or the decisions table */
#define PREFIX_SLOT(ctx, i)                                                                        \
	((ctx) ? (struct gl_prefix_slot *)at_index((ctx)->nets, GL_NETS_MAX, i) : decision_slot(i))
