/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cut.bpf.c - the way out for marked connections (cut.h) on devices that have no wire door: at the
 * root of the cgroup hierarchy, nothing of them leaves but a reset.
 *
 * A connection the wire door knows is left to it: it tells both sides.
 */
#include "bpf/lib/bpf.h"

#include "bpf/lib/cut.h"
#include "bpf/lib/flow.h"

char LICENSE[] SEC("license") = "GPL";

const struct {
	__u32 major, minor;
} abi SEC(".rodata.abi") = {GL_ABI_MAJOR, GL_ABI_MINOR};

#define CUT_PASS 1
#define CUT_DROP 0

/* Packets begin with the network header here. */
static __always_inline int cut_is_reset(struct __sk_buff *skb)
{
	__u32 l4 = sizeof(struct ipv6hdr);
	__u8 first = 0, flags = 0;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return 0;
	if (first >> 4 == 4)
		l4 = (first & 15) * 4;
	return !bpf_skb_load_bytes(skb, l4 + 13, &flags, 1) && (flags & TCP_RST);
}

SEC("cgroup_skb/egress")
int cut_out(struct __sk_buff *skb)
{
	const struct gl_control *control = control_get();
	struct bpf_sock *sk = skb->sk;

	if (!control || !control->cuts || !sk || !cut_of(bpf_get_socket_cookie(skb)))
		return CUT_PASS;
	sk = bpf_sk_fullsock(sk);
	if (sk && bpf_sk_storage_get(&flows, sk, NULL, 0))
		return CUT_PASS;
	if (cut_is_reset(skb))
		return CUT_PASS;
	count(GL_CTR_CUT_PACKETS);
	return CUT_DROP;
}
