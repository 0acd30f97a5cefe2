/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naive.bpf.c - the peer of tests/bench/sight: probes that do nothing at all, for the entry and the
 * return of the exported SSL_read and SSL_write. What they cost is the trap.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("uprobe")
int naive(void *ctx)
{
	return 0;
}
