/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cut.h - layer 2: connections nothing may leave from any more, by socket cookie. A door that sees
 * a request but cannot answer it marks the connection here; the doors the packets leave by do the
 * rest. The mark stays until the socket is gone.
 */
#pragma once

#include "bpf/lib/maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GL_CUTS_MAX);
	__type(key, __u64);
	__type(value, struct gl_cut);
} cuts SEC(".maps");

/* Marks a connection. 0; -1: no room, which is counted: it goes on. */
static __always_inline int cut_mark(__u64 cookie, __u32 reason)
{
	struct gl_control *control = control_get();
	struct gl_cut cut = {.since_ns = bpf_ktime_get_boot_ns(), .reason = reason};

	if (!control)
		return -1;
	/* before the entry: who sees the entry missing must not have read a count of none later */
	__sync_fetch_and_add(&control->cuts, 1);
	if (!bpf_map_update_elem(&cuts, &cookie, &cut, BPF_NOEXIST)) {
		count(GL_CTR_CUTS);
		return 0;
	}
	__sync_fetch_and_sub(&control->cuts, 1);
	if (bpf_map_lookup_elem(&cuts, &cookie))
		return 0; /* marked before */
	count(GL_CTR_LOST_CUT);
	return -1;
}

static __always_inline void cut_forget(__u64 cookie)
{
	struct gl_control *control = control_get();

	if (control && control->cuts && !bpf_map_delete_elem(&cuts, &cookie))
		__sync_fetch_and_sub(&control->cuts, 1);
}

static __always_inline struct gl_cut *cut_of(__u64 cookie)
{
	const struct gl_control *control = control_get();

	return control && control->cuts ? bpf_map_lookup_elem(&cuts, &cookie) : NULL;
}
