/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_out.h - layer 2: the wire door's server side: response framing, so that an answer never
 * lands inside another (I9), status and service time per request, and proof of principals.
 *
 * Packets without a socket are not the server's (the agent's own answers among them). The server's
 * HTTP always passes unchanged; its part of a TLS handshake is wire_server.h's.
 */
#pragma once

#include "bpf/lib/wire_cut.h"
#include "bpf/lib/wire_guard.h"
#include "bpf/lib/wire_in.h"
#include "bpf/lib/wire_server.h"

/*
 * A response nobody asked for. 408 and an early 4xx to a head still being sent are the server's
 * right (RFC 9112 section 9.5); anything else means it read requests that were not judged.
 */
static __always_inline void wire_unsolicited(struct flow *f)
{
	if (f->out.status == 408 || (f->out.status >= 400 && flow_in_head(f)))
		return;
	count(GL_CTR_DESYNC);
	f->out_known = 0;
	f->state = FLOW_LOST;
}

static __always_inline struct judgement *wire_out_memory(void)
{
	__u32 one = 1;
	struct wire_scratch *x = bpf_map_lookup_elem(&wire_scratches, &one);

	return x ? &x->judgement : NULL;
}

/* A response head is complete. Apart, for the stack's sake: the guard's calls lie deep. */
__global int wire_response(struct flow *f, const struct packet *p, const struct gl_policy *policy)
{
	struct flow_request *r;
	__u16 status;
	int head = 0;

	if (!f || !p || !policy)
		return 0;
	r = flow_pending(f, f->answered);
	status = f->out.status;
	if (status >= 200 || status == 101) {
		__u64 now_ns = bpf_ktime_get_boot_ns();
		struct judgement *j = wire_out_memory();

		count(GL_CTR_RESPONSES);
		wire_copy_at(GL_TO_CLIENT, now_ns);
		if (!flow_owed(f)) {
			wire_unsolicited(f);
		} else {
			head = (r->flags & GL_RECF_HEAD) != 0;
			f->out_take = r->take;
			pass_prove(r, status, now_ns);
			if (!j)
				return 0;
			pass_watch(policy, r, status, &j->watch);
			pass_tell(f, p->sport, p->dport, r, now_ns, &j->told);
		}
	}
	if (status == 101 ||
	    (status >= 200 && status < 300 && flow_owed(f) && (r->flags & FLOW_R_CONNECT))) {
		count(GL_CTR_UNJUDGED_TUNNEL);
		f->state = FLOW_OPAQUE;
		f->answered = f->judged;
		f->out.phase = HTTP_TUNNEL;
		return 0;
	}
	if (http_body_begin(&f->out, head) && status >= 200 && flow_owed(f))
		flow_answered(f);
	return 0;
}

struct wire_out_turn {
	struct stream stream;
	struct flow *flow;
	struct wire_copy *copy;
	__u32 end;
	__u32 reserved;
};

/* A packet begins as no response does: HTTP/2's, maybe, in the middle of its client's preface. */
__global int wire_out_no_http(struct flow *f, const struct packet *p,
			      const struct http_piece *piece, __u32 before)
{
	if (!f || !p || !piece || piece->event != HTTP_ERROR || before != p->payload ||
	    piece->bytes[0] == 'H')
		return 0;
	f->out_known = 0;
	wire_copy_unanchor(f, p);
	return 1;
}

static long wire_out_turn(__u32 i, struct wire_out_turn *t)
{
	struct flow *f = t->flow;
	struct stream *s = &t->stream;
	const struct gl_policy *policy = s->policy;
	__u32 before = s->off, body, n, tell = 0, content;
	struct guard_work *guard = wire_guard_on();

	if (s->off >= t->end)
		return 1;
	s->end = t->end;
	if (guard) {
		guard_work_of(guard, f, f->answered, 1);
		if (s->end - before > GUARD_BYTES)
			s->end = before + GUARD_BYTES;
	}
	content = guard_content(&f->out);
	body = http_skippable(&f->out, s->end - s->off);
	if (stream_turn(s, &f->out, NULL)) {
		f->out_known = 0;
		count(GL_CTR_LOST_PENDING);
		return 1;
	}
	if (wire_out_no_http(f, s->packet, s->piece, before))
		return 1;
	n = body ? pass_take(&f->out_take, body, &tell) : s->off - before;
	wire_copy_keep(s->skb, t->copy, before, n, tell, body != 0);
	if (guard && content &&
	    wire_guard_piece(s->skb, guard, f, policy, s->packet->l2 + before, s->off - before))
		return 1;
	if (s->piece->event == HTTP_HEAD) {
		wire_response(f, s->packet, policy);
		return 0;
	}
	if (s->piece->event == HTTP_MESSAGE) {
		if (flow_owed(f))
			flow_answered(f);
		return 0;
	}
	if (s->piece->event == HTTP_ERROR) {
		f->out_known = 0;
		return 1;
	}
	return 0;
}

/* Midstream: the beginning of a final response is what an idle boundary follows. */
static __always_inline void wire_out_midstream(struct __sk_buff *skb, const struct packet *p,
					       struct flow *f)
{
	__u8 b[10];

	if (packet_length(p) < sizeof(b) || packet_load(skb, p, p->payload, b, sizeof(b)))
		return;
	if (b[0] == 'H' && b[1] == 'T' && b[2] == 'T' && b[3] == 'P' && b[4] == '/' && b[9] >= '2')
		f->answer_seen = 1;
}

__global int wire_out_read(struct __sk_buff *skb, struct packet *p, struct flow *f,
			   const struct gl_policy *policy)
{
	struct wire_out_turn t = {.flow = f};
	struct guard_work *guard;
	__s32 known;
	__u32 len;

	if (!p || !f || !policy)
		return -1;
	known = seq_diff(f->out_pos, p->seq);
	len = packet_length(p);
	if (!len) /* an ACK behind the FIN is one further on */
		return 0;
	if (known < 0) {
		f->out_known = 0;
		count(GL_CTR_LOST_PENDING);
		guard = wire_guard_on();
		if (guard)
			wire_guard_hole(guard, f);
		return -1;
	}
	if ((__u32)known >= len)
		return -1;
	t.stream.skb = skb;
	t.stream.packet = p;
	t.stream.piece = wire_copy_piece(GL_TO_CLIENT);
	t.stream.off = p->payload + known;
	t.stream.end = t.end = p->end;
	if (!t.stream.piece)
		return -1;
	t.stream.policy = policy;
	/* before any response is over: see wire_may_answer() */
	f->out_pos = p->seq + len;
	wire_copy_begin(p, f, policy, GL_TO_CLIENT);
	t.copy = wire_copy_get(GL_TO_CLIENT);
	bpf_loop(1 << 16, wire_out_turn, &t, 0);
	wire_copy_end(skb, t.copy, t.stream.off, p->end);
	/* if framing ends here, this is where the unframed stream begins */
	f->guard_pos = p->seq + (t.stream.off - p->payload);
	f->guard_begun = 1;
	return 0;
}

/*
 * A response may come before a second segment of the client: then the flow is still an embryo,
 * under the client's direction of the addresses.
 */
static __noinline struct flow *wire_out_embryo(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock *sk = skb->sk;
	struct flow_key key = {};

	if (!sk)
		return NULL;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return NULL;
	flow_name(skb, p, &key);
	key.src = p->dst;
	key.dst = p->src;
	key.sport = p->dport;
	key.dport = p->sport;
	return bpf_map_lookup_elem(&embryos, &key) ? embryo_adopt(sk, &key) : NULL;
}

static __always_inline struct flow *wire_out_flow(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return NULL;
	sk = bpf_sk_fullsock(sk);
	return sk ? bpf_sk_storage_get(&flows, sk, NULL, 0) : NULL;
}

/* True if its responses are framed: the state of a connection of HTTP/1. */
static __always_inline int wire_out_framed(const struct flow *f)
{
	return f->state != FLOW_OPAQUE && f->state != FLOW_HTTP2 && f->state != FLOW_MIDSTREAM;
}

/* A packet of the server in plaintext. */
__global int wire_out_plain(struct __sk_buff *skb, struct packet *p, struct flow *f,
			    const struct gl_policy *policy)
{
	int guarded, last;

	if (!p || !f || !policy)
		return TC_NEXT;
	guarded = wire_guard_begin(f, policy);
	last = p->flags & (TCP_FIN | TCP_RST);
	if (wire_out_framed(f) && f->out_known)
		wire_out_read(skb, p, f, policy);
	else if (f->state == FLOW_MIDSTREAM)
		wire_out_midstream(skb, p, f);
	else if (f->state == FLOW_HTTP2) /* read by the inspectors */
		wire_copy_all(skb, p, f, policy, GL_TO_CLIENT);
	if (guarded) {
		if (!wire_out_framed(f) || !f->out_known)
			wire_guard_stream(skb, p, f, policy);
		if (wire_guard_end(p, f)) {
			f->state = FLOW_CUT;
			return wire_cut_both(skb, p);
		}
	}
	if ((p->flags & TCP_FIN) && f->out.phase == HTTP_UNTIL_CLOSE && wire_out_framed(f) &&
	    flow_owed(f))
		flow_answered(f);
	if (last && (f->state == FLOW_HTTP || f->state == FLOW_HTTP2))
		wire_out_close(skb, p, f, policy);
	return TC_NEXT;
}

static __always_inline int wire_egress(struct __sk_buff *skb, __u32 l2)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;
	struct wire_scratch *x;
	struct flow *f;
	__u32 one = 1, end;

	/* a cookie now is the connection's own from its first byte on, whichever door asks */
	if (skb->sk && skb->sk->state == BPF_TCP_NEW_SYN_RECV)
		bpf_get_socket_cookie(skb);
	f = wire_out_flow(skb);
	x = bpf_map_lookup_elem(&wire_scratches, &one);
	if (!x || !control)
		return TC_NEXT;
	if (control->cuts && skb->sk) {
		/* the keeper names a plaintext flow as chunks do */
		struct gl_cut *cut =
			cut_of(f && f->conn >> 63 ? f->conn : bpf_get_socket_cookie(skb));

		if (cut) {
			if (f)
				f->state = FLOW_CUT; /* the client's data has no reader any more */
			return wire_cut(skb, &x->packet, cut, l2);
		}
	}
	if (!f && (!skb->sk || !embryo_any()))
		return TC_NEXT;
	if (packet_parse(skb, &x->packet, l2) != PACKET_TCP)
		return TC_NEXT;
	if (!f)
		f = wire_out_embryo(skb, &x->packet);
	if (!f)
		return TC_NEXT;
	if (f->state == FLOW_CLOSED)
		return refuse_again_out(skb, &x->packet);
	if (control->h2 && f->state != FLOW_HTTP &&
	    (packet_length(&x->packet) || (x->packet.flags & TCP_FIN)) &&
	    h2_holds(f->state == FLOW_HTTP2 ? f->conn : bpf_get_socket_cookie(skb)))
		return TC_DROP; /* the server sends it again */
	end = x->packet.seq + packet_length(&x->packet) + (x->packet.flags & TCP_FIN ? 1 : 0);
	if (f->state == FLOW_HTTP2 && packet_length(&x->packet) && seq_diff(end, f->sent) <= 0)
		return TC_NEXT; /* read when it left first; the inspectors may have closed it */
	flow_sent(f, end);
	if (f->state == FLOW_CUT)
		return TC_DROP;
	if (f->state == FLOW_REFUSED_HELLO) {
		/* an alert of ours might land inside a record of the server's */
		if (packet_length(&x->packet))
			f->out_known = 0;
		return TC_NEXT;
	}
	if (flow_is_tls(f))
		return f->tls.out_done ? TC_NEXT : server_segment(skb, x, f);
	policy = policy_at(control->active);
	return policy ? wire_out_plain(skb, &x->packet, f, policy) : TC_NEXT;
}
