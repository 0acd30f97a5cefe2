/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_sock.h - layer 2: from a packet to its socket and the flow in the socket's storage (I1).
 */
#pragma once

#include "bpf/lib/flow.h"

/* The few fields no helper tells, found by CO-RE. */
struct tcp_options_received {
	__u32 ts_recent;
} __attribute__((preserve_access_index));

struct tcp_sock {
	struct tcp_options_received rx_opt;
} __attribute__((preserve_access_index));

/* What the kernel knows of the connection right now. */
struct wire_sock {
	__u32 rcv_nxt, snd_nxt;
	__u32 ts_recent; /* newest timestamp taken (RFC 7323); 0 = none */
	__u32 received; /* bytes_received, saturated */
	__u8 state; /* BPF_TCP_* */
	__u8 reserved[3];
};

enum wire_found {
	WIRE_NONE, /* no socket of this namespace, or none that matters */
	WIRE_HANDSHAKE, /* a listener or a request socket: no full socket yet */
	WIRE_FLOW,
	WIRE_NO_STORAGE, /* memory */
};

static __always_inline struct bpf_sock *wire_lookup(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple t = {};

	if (!p->v6) {
		t.ipv4.saddr = p->src.w[3];
		t.ipv4.daddr = p->dst.w[3];
		t.ipv4.sport = bpf_htons(p->sport);
		t.ipv4.dport = bpf_htons(p->dport);
		return bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(t.ipv6.saddr, &p->src, 16);
	__builtin_memcpy(t.ipv6.daddr, &p->dst, 16);
	t.ipv6.sport = bpf_htons(p->sport);
	t.ipv6.dport = bpf_htons(p->dport);
	return bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
}

static __always_inline int wire_read_sock(struct bpf_sock *sk, struct wire_sock *ret_sock,
					  struct flow **ret_flow)
{
	struct bpf_sock *full;
	struct bpf_tcp_sock *tcp;
	struct tcp_sock *ktcp;

	if (sk->state == BPF_TCP_LISTEN || sk->state == BPF_TCP_NEW_SYN_RECV)
		return WIRE_HANDSHAKE;
	full = bpf_sk_fullsock(sk);
	tcp = bpf_tcp_sock(sk);
	if (!full || !tcp)
		return WIRE_NONE;
	ret_sock->state = sk->state;
	ret_sock->rcv_nxt = tcp->rcv_nxt;
	ret_sock->snd_nxt = tcp->snd_nxt;
	ktcp = bpf_skc_to_tcp_sock(full);
	ret_sock->ts_recent = ktcp ? ktcp->rx_opt.ts_recent : 0;
	ret_sock->received = tcp->bytes_received > 0xffffffff ? 0xffffffff : tcp->bytes_received;
	*ret_flow = bpf_sk_storage_get(&flows, full, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	return *ret_flow ? WIRE_FLOW : WIRE_NO_STORAGE;
}

static __noinline int wire_find(struct __sk_buff *skb, const struct packet *p,
				struct wire_sock *ret_sock, struct flow **ret_flow)
{
	struct bpf_sock *sk = wire_lookup(skb, p);
	int found;

	if (!sk)
		return WIRE_NONE;
	found = wire_read_sock(sk, ret_sock, ret_flow);
	bpf_sk_release(sk);
	return found;
}
