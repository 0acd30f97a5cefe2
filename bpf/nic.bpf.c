/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic.bpf.c - the nic door: XDP on physical NICs. Drops the packets of banned sources before the
 * stack allocates anything for them. A request cannot be judged here: that is the wire door's.
 */
#include "bpf/lib/bpf.h"

#include "bpf/lib/ban.h"

char LICENSE[] SEC("license") = "GPL";

#define NIC_VLANS 2

struct nic_vlan {
	__be16 tci, proto;
};

/* The source of an IP packet behind at most two VLAN tags. 0 = not IP. */
static __always_inline int nic_source(struct xdp_md *ctx, struct gl_addr *ret_source)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	void *at = eth + 1;
	__be16 proto;

	if (at > end)
		return 0;
	proto = eth->h_proto;
#pragma clang loop unroll(full)
	for (int i = 0; i < NIC_VLANS; i++) {
		struct nic_vlan *tag = at;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		at = tag + 1;
		if (at > end)
			return 0;
		proto = tag->proto;
	}
	if (proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > end)
			return 0;
		ret_source->q[0] = 0;
		ret_source->w[2] = bpf_htonl(0xffff);
		ret_source->w[3] = ip->saddr;
		return 1;
	}
	if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end)
			return 0;
		__builtin_memcpy(ret_source, &ip->saddr, sizeof(*ret_source));
		return 1;
	}
	return 0;
}

SEC("xdp")
int nic_in(struct xdp_md *ctx)
{
	const struct gl_control *control = control_get();
	struct gl_addr source;

	if (!control || !nic_source(ctx, &source))
		return XDP_PASS;
	return ban_check(control, &source, GL_CTR_NIC_BAN) ? XDP_DROP : XDP_PASS;
}
