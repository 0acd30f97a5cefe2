/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_end.h - layer 2: what TCP takes of a packet, and when a side of a connection is over: the
 * inspectors are told. Who is told of an end reads nothing behind it, so a packet that TCP drops
 * must not tell of one: what the client asks behind it would be neither read nor judged.
 */
#pragma once

#include "bpf/lib/answer.h"
#include "bpf/lib/trim.h"
#include "bpf/lib/wire_copy.h"
#include "bpf/lib/wire_sock.h"

#define PAWS_WINDOW 1 /* TCP takes a timestamp that much older than the newest */

/*
 * Asked before a refusal acts: checksum, signature options, timestamp (PAWS, RFC 7323 section 5).
 * Who can forge the rest can also send what he likes.
 */
__global int wire_genuine(struct __sk_buff *skb, const struct packet *p,
			  const struct wire_sock *sock)
{
	struct answer_spec spec = {};

	if (!p || !sock)
		return 0;
	answer_stamps(skb, p, &spec);
	if (spec.signature)
		return 0;
	if (spec.stamps && sock->ts_recent &&
	    seq_diff(bpf_ntohl(spec.tsval), sock->ts_recent) < -PAWS_WINDOW)
		return 0;
	return trim_sum_right(skb, p);
}

/*
 * A FIN or RST of the client, if it is one. Who is told of an end reads nothing behind it, so only
 * what TCP takes for one is told: a RST that is exactly next (RFC 5961 section 3.2) ends both
 * sides. A FIN may be old, forged, or ahead of data that was held back or lost, and to know which
 * is to model TCP: while the server may answer, its own FIN tells (wire_out_close()), which leaves
 * when it is done.
 */
__global int wire_in_close(struct __sk_buff *skb, const struct packet *p, struct flow *f,
			   const struct wire_sock *sock)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;

	if (!p || !f || !sock || !policy || !(p->flags & (TCP_FIN | TCP_RST)) ||
	    (f->state != FLOW_HTTP && f->state != FLOW_HTTP2))
		return 0;
	if (p->flags & TCP_RST) {
		if ((p->flags & (TCP_SYN | TCP_FIN)) || p->seq != sock->rcv_nxt ||
		    !wire_genuine(skb, p, sock))
			return 0;
		wire_copy_over(skb, p, f, policy, GL_TO_CLIENT);
	} else if (sock->state != BPF_TCP_FIN_WAIT1 && sock->state != BPF_TCP_FIN_WAIT2) {
		return 0;
	}
	wire_copy_over(skb, p, f, policy, GL_TO_SERVER);
	return 0;
}

/*
 * FIN or RST: the server says nothing more. Nor does it read, if its socket is closed or has taken
 * the client's FIN: what the packets of the client alone do not tell (wire_in_close()).
 */
static __always_inline void wire_out_close(struct __sk_buff *skb, const struct packet *p,
					   struct flow *f, const struct gl_policy *policy)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;
	struct tcp_sock *tcp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;

	if (tcp && (tcp->inet_conn.icsk_inet.sk.sk_shutdown & RCV_SHUTDOWN))
		wire_copy_over(skb, p, f, policy, GL_TO_SERVER);
	wire_copy_close(skb, p, f, policy, GL_TO_CLIENT);
}
