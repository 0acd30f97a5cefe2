/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix.bpf.c - lookups in a prefix table as doors make them, in every kind of program that does.
 * Only for test_prefix.c, which compares them with the host's and times them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "include/glacis/abi.h"

/* What is asked, and what came of it. Filled and read by the test. */
struct question {
	struct gl_addr addr;
	__u64 now_ns;
	__u64 n; /* asked so far; also what the next address is made from */
	__u64 found; /* times there was a match */
	__u32 slots;
	__u32 last; /* what the last one found */
	__u32 random_bits; /* of the address, at its end: made from n modulo `different` */
	__u32 different;
	struct gl_prefix_lens lens;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gl_prefix_slot);
	__uint(map_flags, BPF_F_MMAPABLE);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct question);
} questions SEC(".maps");

static __always_inline struct gl_prefix_slot *slot_at(__u32 index)
{
	return bpf_map_lookup_elem(&prefixes, &index);
}

#define PREFIX_SLOT(ctx, index) slot_at(index)
#include "include/glacis/prefix.h"

/* The n-th address; the test makes the same ones. */
static __always_inline struct gl_addr address(const struct question *q, __u64 n)
{
	struct gl_addr addr = q->addr;
	__u64 bits = prefix_mix(n % (q->different ? q->different : 1) + 1);

	addr.w[3] ^= __builtin_bswap32((__u32)bits & (__u32)((1ULL << (q->random_bits & 63)) - 1));
	return addr;
}

static __always_inline int look_up(int really)
{
	__u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&questions, &zero);
	struct gl_addr addr;

	if (!q)
		return 1;
	addr = address(q, q->n++);
	q->last = really ? prefix_match(NULL, q->slots, &q->lens, 0, &addr, q->now_ns)
			 : addr.w[3] & q->slots;
	q->found += q->last != 0;
	return 0;
}

SEC("tc")
int prefix_tc(struct __sk_buff *skb)
{
	return look_up(1);
}

SEC("xdp")
int prefix_xdp(struct xdp_md *xdp)
{
	return look_up(1);
}

SEC("uprobe.s")
int prefix_uprobe(void *regs)
{
	return look_up(1);
}

SEC("tc")
int prefix_nothing(struct __sk_buff *skb)
{
	return look_up(0);
}

char _license[] SEC("license") = "GPL";
