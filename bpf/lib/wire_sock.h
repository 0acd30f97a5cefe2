/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_sock.h - layer 2: from a packet to its socket and the flow in the socket's storage (I1).
 */
#pragma once

#include "bpf/lib/embryo.h"
#include "bpf/lib/flow.h"
#include "vmlinux/sock.h"

/* The few fields no helper tells, found by CO-RE. */
struct tcp_options_received {
	__u32 ts_recent;
} __attribute__((preserve_access_index));

struct inet_sock {
	struct sock sk;
} __attribute__((preserve_access_index));

struct inet_connection_sock {
	struct inet_sock icsk_inet;
} __attribute__((preserve_access_index));

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	struct tcp_options_received rx_opt;
	__u32 rcv_nxt, snd_nxt;
	__u64 bytes_received;
} __attribute__((preserve_access_index));

struct request_sock {
	struct sock_common __req_common;
} __attribute__((preserve_access_index));

struct inet_request_sock {
	struct request_sock req;
} __attribute__((preserve_access_index));

struct tcp_request_sock {
	struct inet_request_sock req;
	__u32 rcv_nxt, snt_isn;
} __attribute__((preserve_access_index));

/* What the kernel knows of the connection right now. */
struct wire_sock {
	__u32 rcv_nxt, snd_nxt;
	__u32 ts_recent; /* newest timestamp taken (RFC 7323); 0 = none */
	__u32 received; /* bytes_received, saturated */
	__u8 state; /* BPF_TCP_* */
	__u8 reserved[3];
	__u64 cookie; /* 0 = none yet: wire_out gives each connection one with its SYN-ACK */
};

enum wire_found {
	WIRE_NONE, /* no socket of this namespace, or none that matters */
	WIRE_HANDSHAKE, /* a listener: the socket comes with a SYN cookie, if at all */
	WIRE_EMBRYO, /* a request socket */
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

static __always_inline int wire_read_request(struct bpf_sock *sk, struct wire_sock *ret_sock)
{
	struct tcp_request_sock *request = bpf_skc_to_tcp_request_sock(sk);

	if (!request)
		return WIRE_HANDSHAKE;
	ret_sock->state = BPF_TCP_NEW_SYN_RECV;
	ret_sock->rcv_nxt = request->rcv_nxt;
	ret_sock->snd_nxt = request->snt_isn + 1;
	ret_sock->received = 0;
	ret_sock->ts_recent = 0;
	ret_sock->cookie = request->req.req.__req_common.skc_cookie.counter;
	return WIRE_EMBRYO;
}

static __always_inline int wire_read_sock(struct __sk_buff *skb, const struct packet *p,
					  struct bpf_sock *sk, struct wire_sock *ret_sock,
					  struct flow **ret_flow)
{
	struct flow_key key = {};
	struct tcp_sock *tcp;
	__u64 received;

	if (sk->state == BPF_TCP_LISTEN)
		return WIRE_HANDSHAKE;
	if (sk->state == BPF_TCP_NEW_SYN_RECV)
		return wire_read_request(sk, ret_sock);
	tcp = bpf_skc_to_tcp_sock(sk); /* full sockets only */
	if (!tcp)
		return WIRE_NONE;
	ret_sock->state = sk->state;
	ret_sock->rcv_nxt = tcp->rcv_nxt;
	ret_sock->snd_nxt = tcp->snd_nxt;
	received = tcp->bytes_received;
	ret_sock->received = received > 0xffffffff ? 0xffffffff : received;
	ret_sock->ts_recent = tcp->rx_opt.ts_recent;
	ret_sock->cookie = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
	*ret_flow = bpf_sk_storage_get(&flows, tcp, NULL, 0);
	if (*ret_flow)
		return WIRE_FLOW;
	flow_name(skb, p, &key);
	*ret_flow = embryo_adopt(tcp, &key);
	return *ret_flow ? WIRE_FLOW : WIRE_NO_STORAGE;
}

static __noinline int wire_find(struct __sk_buff *skb, const struct packet *p,
				struct wire_sock *ret_sock, struct flow **ret_flow)
{
	struct bpf_sock *sk = wire_lookup(skb, p);
	int found;

	if (!sk)
		return WIRE_NONE;
	found = wire_read_sock(skb, p, sk, ret_sock, ret_flow);
	bpf_sk_release(sk);
	return found;
}
