/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_cut.h - layer 2: the way out for connections another door marked (cut.h): the first packet
 * after the mark becomes a reset to the client, and one to the server; nothing else leaves.
 */
#pragma once

#include "bpf/lib/answer.h"
#include "bpf/lib/cut.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/refuse.h"

/* Turns the server's packet into a reset for both sides. */
__global int wire_cut_both(struct __sk_buff *skb, struct packet *p)
{
	struct answer_spec back = {.flags = TCP_RST | TCP_ACK, .reverse = 1};
	struct answer_spec on = {.flags = TCP_RST | TCP_ACK};
	struct bpf_tcp_sock *tcp;
	struct bpf_sock *sk;

	if (!p)
		return TC_DROP;
	/* the option bytes go with the first rewrite */
	answer_stamps(skb, p, &back);
	answer_stamps(skb, p, &on);
	sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	tcp = sk ? bpf_tcp_sock(sk) : NULL;
	back.seq = p->ack;
	if (tcp) {
		/* volatile: the compiler would choose between two pointers, which is not allowed */
		back.seq = *(const volatile __u32 *)&tcp->rcv_nxt;
	}
	back.ack = p->seq;
	on.seq = p->seq;
	on.ack = p->ack;
	if (answer_write(skb, p, &back) || bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return refuse_failed();
	/* the first rewrite turned the link-layer addresses round */
	if (answer_ethernet(skb, p, 1) || answer_write(skb, p, &on))
		return refuse_failed();
	count(GL_CTR_RESETS);
	return TC_NEXT;
}

/* The connection is marked: what happens to this packet of it. */
static __always_inline int wire_cut(struct __sk_buff *skb, struct packet *p, struct gl_cut *cut,
				    __u32 l2)
{
	count(GL_CTR_CUT_PACKETS);
	if (__sync_val_compare_and_swap(&cut->delivered, 0, 1))
		return TC_DROP;
	if (packet_parse(skb, p, l2) != PACKET_TCP)
		return TC_DROP;
	return wire_cut_both(skb, p);
}
