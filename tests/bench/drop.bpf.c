/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drop.bpf.c - the least an XDP program can do: what a banned packet is measured against.
 *
 * Built and run by tests/bench/run.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int bare_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
