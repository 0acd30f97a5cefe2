/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.bpf.c - the wire door: tcx (clsact below 6.6) ingress and egress inside the network
 * namespace that owns the listening socket. Bans first; then, for segments to a service port, the
 * socket's own state decides what may be parsed, heads are judged, refusals delivered.
 *
 * The `_l3` twins are for devices without a link-layer header (tun, wireguard).
 */
#include "bpf/lib/bpf.h"

#include "bpf/lib/chunk.h"
#include "bpf/lib/wire_in.h"
#include "bpf/lib/wire_out.h"

char LICENSE[] SEC("license") = "GPL";

const struct {
	__u32 major, minor;
} abi SEC(".rodata.abi") = {GL_ABI_MAJOR, GL_ABI_MINOR};

SEC("tc")
int wire_in(struct __sk_buff *skb)
{
	return wire_ingress(skb, ETH_HLEN);
}

SEC("tc")
int wire_in_l3(struct __sk_buff *skb)
{
	return wire_ingress(skb, 0);
}

SEC("tc")
int wire_out(struct __sk_buff *skb)
{
	return wire_egress(skb, ETH_HLEN);
}

SEC("tc")
int wire_out_l3(struct __sk_buff *skb)
{
	return wire_egress(skb, 0);
}
