/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_in.h - layer 2: the wire door's client side: bans, placing, parsing, judging, delivering.
 *
 * A segment's way: packet_parse -> ban_check -> wire_find -> flow_place -> wire_read
 * (judge_request at every complete head) -> pass, trim, answer, reset or drop. In monitor the same
 * way is walked and nothing is dropped, changed or delayed (I6).
 */
#pragma once

#include "bpf/lib/ban.h"
#include "bpf/lib/refuse.h"
#include "bpf/lib/trim.h"
#include "bpf/lib/wire_end.h"
#include "bpf/lib/wire_h2.h"
#include "bpf/lib/wire_hello.h"
#include "bpf/lib/wire_read.h"

static __always_inline void wire_release_held(void)
{
	__u32 zero = 0;
	__u64 *held = bpf_map_lookup_elem(&held_flows, &zero);

	if (held)
		__sync_fetch_and_sub(held, 1);
}

/*
 * I9: an answer goes out only when the server owes nothing and the client has all it sent. What is
 * sent is read after the count of responses (flow_answered).
 */
static __always_inline int wire_may_answer(const struct flow *f, const struct packet *p,
					   const struct wire_sock *sock)
{
	return f->out_known && !flow_owed(f) && p->ack == flow_sent_end(f, sock->snd_nxt) &&
	       (sock->state == BPF_TCP_ESTABLISHED || sock->state == BPF_TCP_CLOSE_WAIT ||
		sock->state == BPF_TCP_NEW_SYN_RECV);
}

/* Does the service on this port enforce? For packets that never get as far as a flow. */
static __always_inline int wire_port_enforces(const struct gl_control *control,
					      const struct gl_policy *policy, __u16 port)
{
	const struct gl_service *service =
		at_index(policy->services, GL_SERVICES_MAX, policy->port_service[port] - 1u);

	return service && admit_enforces(control, service);
}

__global int wire_end_flow(struct __sk_buff *skb, struct packet *p, struct flow *f,
			   const struct wire_sock *sock, __u64 now_ns)
{
	if (!p || !f || !sock)
		return TC_DROP;
	wire_release_held();
	judge_tell(f, GL_DELIVERY_RESET, 0, now_ns);
	return refuse_reset(skb, p, f, sock->rcv_nxt);
}

/*
 * The packet meets a refusal: answers it if it is time, else passes what came before the refused
 * request (or the bare ACK, which the server needs) and lets the client send the rest again.
 */
__global int wire_deliver(struct __sk_buff *skb, struct packet *p, struct flow *f,
			  const struct gl_policy *policy, const struct wire_sock *sock)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	__u32 len, keep;
	__s32 before;

	if (!p || !f || !sock)
		return TC_DROP;
	before = seq_diff(f->refusal.seq, p->seq);
	len = packet_length(p);
	keep = before > 0 ? before : 0;

	if (!keep && f->refusal.answer == FLOW_ALERT)
		return wire_end_flow(skb, p, f, sock, now_ns);
	if (!keep && wire_may_answer(f, p, sock) && (f->refusal.answer & FLOW_ALERT)) {
		wire_release_held();
		judge_tell(f, GL_DELIVERY_ALERT, 0, now_ns);
		return refuse_answer(skb, p, f, NULL, sock->rcv_nxt);
	}
	if (!keep && wire_may_answer(f, p, sock)) {
		const struct gl_answer *a =
			policy ? at_index(policy->answers, GL_ANSWERS_MAX, f->refusal.answer)
			       : NULL;

		if (!a || !a->len)
			return wire_end_flow(skb, p, f, sock, now_ns);
		wire_release_held();
		judge_tell(f, GL_DELIVERY_ANSWER, a->status, now_ns);
		return refuse_answer(skb, p, f, a, sock->rcv_nxt);
	}
	if (now_ns - f->refusal.since_ns > FLOW_HOLD_NS)
		f->refusal.rec.reason = GL_REASON_HOLD_TIMEOUT;
	if (!f->out_known || f->refusal.rec.reason == GL_REASON_HOLD_TIMEOUT)
		return wire_end_flow(skb, p, f, sock, now_ns);
	if (keep >= len)
		return TC_NEXT;
	count(GL_CTR_HELD);
	return trim_segment(skb, p, keep) ? TC_DROP : TC_NEXT;
}

/* Bytes the kernel took were not judged, or cannot be: ends the flow, or says so in monitor. */
__global int wire_unjudged(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f,
			   const struct gl_policy *policy, __u8 reason)
{
	struct packet *p;

	if (!x || !f || !policy)
		return TC_NEXT;
	p = &x->packet;
	if (judge_unreadable(policy, f, p, &x->judgement, reason))
		return TC_NEXT;
	judge_record(f, p, &x->judgement);
	if (!x->judgement.enforce) {
		judge_tell(f, GL_DELIVERY_NONE, 0, x->judgement.now_ns);
		flow_become(f, FLOW_LOST);
		return TC_NEXT;
	}
	judge_tell(f, GL_DELIVERY_RESET, 0, x->judgement.now_ns);
	return refuse_reset(skb, p, f, x->sock.rcv_nxt);
}

/* ---------------------------------------------------------------------------------------------
 * A segment of a known flow
 */
static __always_inline void wire_open(struct flow *f, const struct packet *p,
				      const struct wire_sock *sock)
{
	f->pos = f->commit = f->structure = sock->rcv_nxt;
	f->out_pos = f->sent = sock->snd_nxt;
	f->out_known = 1;
	f->port = p->dport;
	f->state = FLOW_HTTP;
	f->opened_ns = bpf_ktime_get_boot_ns();
	flow_open_http(f);
	f->judged = f->next = f->answered = 0;
	wire_copy_open(f, sock->cookie, f->pos);
}

/*
 * A connection older than the agent joins at an idle boundary: a final response went by, the client
 * has all of it, and now begins something. Until then it is midstream, counted once.
 */
static __always_inline int wire_join(struct flow *f, const struct packet *p,
				     const struct wire_sock *sock)
{
	if (f->state == FLOW_FRESH && !sock->received) {
		wire_open(f, p, sock);
		return 1;
	}
	if (f->state == FLOW_FRESH) {
		f->state = FLOW_MIDSTREAM;
		f->port = p->dport;
		f->sent = sock->snd_nxt;
		count(GL_CTR_UNJUDGED_MIDSTREAM);
	}
	if (!f->answer_seen || p->seq != sock->rcv_nxt || p->ack != flow_sent_end(f, sock->snd_nxt))
		return 0;
	wire_open(f, p, sock);
	return 1;
}

/* The head took so long that its policy's slot was given away: it cannot be finished. */
static __always_inline int wire_stale(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f,
				      const struct gl_control *control)
{
	const struct gl_policy *policy = policy_at(control->active);

	f->service = policy ? policy->port_service[f->port] : 0;
	count(GL_CTR_UNJUDGED_NO_POLICY);
	return wire_unjudged(skb, x, f, policy, GL_REASON_STALE_POLICY);
}

/*
 * TLS, its hello judged: the bytes are nobody's business here. But a fingerprint may be blocked
 * after its first handshake was seen (TLS-06), and the client's answer to the ServerHello tells of
 * a downgrade.
 */
__global int wire_tls(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;
	const struct gl_service *service;

	if (!x || !f || !control)
		return TC_NEXT;
	if (!control->hello_blocks && (f->tls.flags & FLOW_TLS_CLIENT))
		return TC_NEXT;
	policy = policy_of(f, control);
	service = policy ? policy_service(policy, f) : NULL;
	if (!service || flow_acceptable(f, x->packet.flags, x->packet.ack, x->sock.snd_nxt))
		return TC_NEXT;
	hello_aftermath(skb, &x->packet, f, service->id);
	if (!hello_blocked(control, f->tls.hello.key, bpf_ktime_get_boot_ns()))
		return TC_NEXT;
	if (f->tls.reason == GL_REASON_JA4 && !admit_enforces(control, service))
		return TC_NEXT; /* told once */
	if (judge_unreadable(policy, f, &x->packet, &x->judgement, GL_REASON_JA4))
		return TC_NEXT;
	judge_record(f, &x->packet, &x->judgement);
	f->tls.reason = GL_REASON_JA4;
	if (!x->judgement.enforce) {
		judge_tell(f, GL_DELIVERY_NONE, 0, x->judgement.now_ns);
		return TC_NEXT;
	}
	f->refusal.rec.flags |= GL_RECF_APP_SAW;
	judge_tell(f, GL_DELIVERY_RESET, 0, x->judgement.now_ns);
	return refuse_reset(skb, &x->packet, f, x->sock.rcv_nxt);
}

/*
 * Acknowledges what the door has not seen leave. TCP takes no data of it, unless it left where no
 * door is and snd_nxt is about to move: never taken unread, so only the ACK passes.
 */
static __always_inline int wire_ahead(struct __sk_buff *skb, struct packet *p, int enforce)
{
	if (!enforce)
		return TC_NEXT;
	count(GL_CTR_HELD);
	return trim_segment(skb, p, 0) ? TC_DROP : TC_NEXT;
}

/* HTTP/2: read by the inspectors. Where they judge, what TCP drops is not copied. */
static __always_inline int wire_http2(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f)
{
	struct wire_copy *k = wire_copy_get(GL_TO_SERVER);
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;
	int end = WIRE_H2_NEW, judged, accept;

	if (!policy || !k)
		return TC_NEXT;
	judged = wire_h2_judged(f, policy) != NULL;
	accept = flow_acceptable(f, x->packet.flags, x->packet.ack, x->sock.snd_nxt);
	if (judged && accept == ACCEPT_AHEAD)
		return wire_ahead(skb, &x->packet, 1);
	if (judged && (accept != ACCEPT_DATA || !wire_genuine(skb, &x->packet, &x->sock)))
		return TC_NEXT;
	if (judged)
		end = wire_h2_take(skb, x, f, policy);
	if (end == WIRE_H2_NEW) {
		k->ask.urgent = judged;
		wire_copy_all(skb, &x->packet, f, policy, GL_TO_SERVER);
		k->ask.urgent = 0;
		if (judged && k->ask.lost)
			end = WIRE_H2_LOST;
	}
	if (end == WIRE_H2_HOLD) {
		count(GL_CTR_HELD);
		return TC_DROP;
	}
	if (end != WIRE_H2_LOST)
		return TC_NEXT;
	f->service = policy->port_service[f->port];
	count(GL_CTR_H2_LOST);
	return wire_unjudged(skb, x, f, policy, GL_REASON_REORDERED);
}

/* States in which nobody here reads requests: TLS, HTTP/2, other protocols, before joining. */
static __always_inline int wire_is_unread(const struct flow *f)
{
	return f->state == FLOW_OPAQUE || f->state == FLOW_HTTP2 || f->state == FLOW_TLS ||
	       f->state == FLOW_MIDSTREAM || f->state == FLOW_LOST;
}

/*
 * A service locked down: a connection whose requests are not read here is judged by its peer, open
 * ones included; a trusted proxy's by its requests, where they are read. TC_NEXT: it passes.
 */
__global int wire_lockdown(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;
	const struct gl_service *service;
	struct admit_tables *t;

	if (!x || !f || !control)
		return TC_NEXT;
	policy = policy_of(f, control);
	service = policy ? policy_service(policy, f) : NULL;
	if (!service || !admit_enforces(control, service) ||
	    flow_acceptable(f, x->packet.flags, x->packet.ack, x->sock.snd_nxt) != ACCEPT_DATA ||
	    nets_match(policy, service->proxy_set, &x->packet.src))
		return TC_NEXT;
	t = &x->judgement.tables;
	t->service = service->id;
	t->decisions.n = control->ban_slots;
	t->now_ns = bpf_ktime_get_boot_ns();
	if (!admit_locked(control, t, &x->packet.src))
		return TC_NEXT;
	if (judge_unreadable(policy, f, &x->packet, &x->judgement, GL_REASON_LOCKDOWN))
		return TC_NEXT;
	judge_record(f, &x->packet, &x->judgement);
	f->refusal.rec.flags |= GL_RECF_APP_SAW;
	judge_tell(f, GL_DELIVERY_RESET, 0, x->judgement.now_ns);
	return refuse_reset(skb, &x->packet, f, x->sock.rcv_nxt);
}

static __always_inline int wire_reordered(struct __sk_buff *skb, struct wire_scratch *x,
					  struct flow *f, const struct gl_policy *policy)
{
	count(GL_CTR_UNJUDGED_REORDERED);
	return wire_unjudged(skb, x, f, policy, GL_REASON_REORDERED);
}

static __always_inline int wire_segment(struct __sk_buff *skb, struct wire_scratch *x,
					struct flow *f)
{
	struct packet *p = &x->packet;
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;
	const struct gl_service *service;
	__u32 end = p->seq + packet_length(p);
	int accept, place, read, enforce, hello;

	if (!control)
		return TC_NEXT;
	if (control->lockdowns && wire_is_unread(f)) {
		int action = wire_lockdown(skb, x, f);

		if (action != TC_NEXT)
			return action;
	}
	if (f->state == FLOW_OPAQUE)
		return TC_NEXT;
	if (f->state == FLOW_HTTP2)
		return wire_http2(skb, x, f);
	/* refused before it had a socket, which its first segment made all the same */
	if (f->state == FLOW_FRESH && x->sock.received && refuse_ended(skb, p))
		f->state = FLOW_CLOSED;
	if (f->state == FLOW_CLOSED)
		return refuse_again(skb, p); /* the reset has not met the socket */
	if (f->state == FLOW_CUT)
		return TC_DROP;
	if ((f->state == FLOW_FRESH || f->state == FLOW_MIDSTREAM) && !wire_join(f, p, &x->sock))
		return TC_NEXT;
	flow_commit(f, x->sock.rcv_nxt);
	if (f->state == FLOW_HELLO && (f->tls.flags & FLOW_TLS_HELLO) &&
	    seq_diff(x->sock.rcv_nxt, f->structure) >= 0)
		f->state = FLOW_TLS;
	if (f->state == FLOW_TLS)
		return wire_tls(skb, x, f);
	policy = policy_of(f, control);
	if (flow_is_refused(f))
		return wire_deliver(skb, p, f, policy, &x->sock);
	if (!policy && flow_in_head(f))
		return wire_stale(skb, x, f, control);
	if (!policy)
		return TC_NEXT;
	service = policy_service(policy, f);
	if (!service)
		return TC_NEXT;
	enforce = admit_enforces(control, service);
	if (f->state == FLOW_LOST)
		return enforce ? wire_reordered(skb, x, f, policy) : TC_NEXT;
	if (enforce && (p->flags & TCP_URG) && trim_urgent(skb, p))
		return TC_DROP;
	accept = flow_acceptable(f, p->flags, p->ack, x->sock.snd_nxt);
	if (accept == ACCEPT_AHEAD)
		return wire_ahead(skb, p, enforce);
	if (accept != ACCEPT_DATA)
		return TC_NEXT;
	place = flow_place(f, p->seq, end, x->sock.rcv_nxt);
	if (place == PLACE_PASS) {
		/* ahead, in a body */
		if (!flow_is_tls(f) && f->in_take && seq_diff(p->seq, f->pos) > 0)
			wire_copy_all(skb, p, f, policy, GL_TO_SERVER);
		return TC_NEXT;
	}
	if (place == PLACE_HOLD && enforce) {
		count(GL_CTR_HELD);
		return TC_DROP;
	}
	if (place != PLACE_PARSE)
		return wire_reordered(skb, x, f, policy);
	count(GL_CTR_SEGMENTS);
	wire_read_begin(x, f, policy, service);
	if (f->state == FLOW_HTTP && hello_begins(skb, x, f))
		hello_begin(f, p->seq + (x->run.off - p->payload));
	hello = f->state == FLOW_HELLO;
	read = hello ? hello_segment(skb, x, f, policy) : wire_read(skb, x, f, policy, enforce);
	if (read == WIRE_BUSY || (read == WIRE_REFUSED && !wire_genuine(skb, p, &x->sock))) {
		if (read == WIRE_REFUSED)
			wire_release_held();
		f->state = hello ? FLOW_HELLO : FLOW_HTTP;
		flow_rewind(f);
		flow_settle(f);
		count(GL_CTR_HELD);
		return TC_DROP; /* as TCP would; where this door is wrong, not unjudged */
	}
	if (read == WIRE_REFUSED && hello)
		hello_tell_refusal(x, f);
	if (read == WIRE_REFUSED)
		return wire_deliver(skb, p, f, policy, &x->sock);
	if (read == WIRE_OPAQUE)
		flow_become(f, FLOW_OPAQUE);
	if (read == WIRE_HTTP2) {
		f->state = FLOW_HTTP2;
		wire_h2_take(skb, x, f, policy); /* copied already */
	}
	if (read == WIRE_FULL || read == WIRE_FAILED) {
		__u32 keep = f->pos - p->seq;

		if (!enforce) {
			count(read == WIRE_FULL ? GL_CTR_LOST_PENDING : GL_CTR_LOST_STORAGE);
			flow_become(f, FLOW_LOST);
			return TC_NEXT;
		}
		count(GL_CTR_HELD);
		return trim_segment(skb, p, keep) ? TC_DROP : TC_NEXT;
	}
	return TC_NEXT;
}

/* Who does not get its turn holds its segment back, and the client sends it again. */
static __always_inline int wire_known(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f,
				      int enforce)
{
	int action;

	if (!flow_enter(f)) {
		if (!enforce)
			return TC_NEXT; /* the flow will find that it went by unread */
		count(GL_CTR_HELD);
		return TC_DROP;
	}
	action = wire_segment(skb, x, f);
	if (action == TC_NEXT && (x->packet.flags & (TCP_FIN | TCP_RST)))
		wire_in_close(skb, &x->packet, f, &x->sock);
	flow_leave(f);
	return action;
}

/*
 * Data where no flow can be kept (SYN cookies, TCP Fast Open, a full table of embryos): only the
 * ACK passes and the client sends again.
 */
static __always_inline int wire_handshake(struct __sk_buff *skb, struct packet *p, int enforce)
{
	count(GL_CTR_HANDSHAKE_DATA);
	if (!enforce || (p->flags & TCP_SYN))
		return TC_NEXT; /* Fast Open: the data is read once the socket is there, as
				   midstream */
	return trim_segment(skb, p, 0) ? TC_DROP : TC_NEXT;
}

/* A refused connection ends before its socket began. */
static __always_inline int wire_embryo(struct __sk_buff *skb, struct wire_scratch *x,
				       struct flow *f, int enforce)
{
	int action = wire_known(skb, x, f, enforce);

	if (f->state == FLOW_CLOSED)
		embryo_forget(skb, &x->packet);
	return action;
}

static __always_inline int wire_data(struct __sk_buff *skb, struct wire_scratch *x, int enforce)
{
	struct packet *p = &x->packet;
	struct flow *f = NULL;
	int found = wire_find(skb, p, &x->sock, &f);

	/* I4: who does not acknowledge our SYN-ACK may be anybody; TCP takes nothing of it (RFC
	 * 9293 section 3.10.7.4) and no window pays for it. Cut, not passed: a SYN cookie might
	 * fit. */
	if (found == WIRE_EMBRYO && !(p->flags & TCP_SYN) && p->ack == x->sock.snd_nxt) {
		f = embryo_get(skb, p);
		if (f)
			return wire_embryo(skb, x, f, enforce);
	}
	if (found == WIRE_HANDSHAKE || found == WIRE_EMBRYO)
		return wire_handshake(skb, p, enforce);
	if (found == WIRE_NO_STORAGE) {
		count(GL_CTR_LOST_STORAGE);
		return enforce ? TC_DROP : TC_NEXT;
	}
	if (found == WIRE_FLOW && f)
		return wire_known(skb, x, f, enforce);
	return refuse_afterwards(skb, p);
}

/* No payload: of interest only to flows that wait for their answer and to ended ones. */
static __always_inline int wire_bare(struct __sk_buff *skb, struct wire_scratch *x)
{
	struct packet *p = &x->packet;
	__u32 zero = 0;
	__u64 *held = bpf_map_lookup_elem(&held_flows, &zero);
	const struct gl_control *control = control_get();
	struct flow *f = NULL;
	int action = refuse_afterwards(skb, p);

	if (action != TC_NEXT)
		return action;
	if (!((p->flags & (TCP_FIN | TCP_RST)) && control && control->n_inspectors) &&
	    (!held || !*held))
		return TC_NEXT;
	if (wire_find(skb, p, &x->sock, &f) != WIRE_FLOW || !f)
		return TC_NEXT;
	wire_in_close(skb, p, f, &x->sock);
	if ((p->flags & (TCP_SYN | TCP_RST)) || !flow_is_refused(f))
		return TC_NEXT;
	return wire_known(skb, x, f, 1);
}

/*
 * A datagram to a service port is QUIC or nothing of the service's: refused, it is dropped, and
 * clients fall back to TCP (RFC 9114 section 3.1).
 */
static __always_inline int wire_datagram(const struct gl_policy *policy, __u16 port, int enforce)
{
	const struct gl_service *service =
		at_index(policy->services, GL_SERVICES_MAX, policy->port_service[port] - 1u);

	if (!service || !(service->flags & GL_SERVICE_QUIC_REFUSE)) {
		count(GL_CTR_UNJUDGED_QUIC);
		return TC_NEXT;
	}
	count(enforce ? GL_CTR_QUIC : GL_CTR_WOULD_QUIC);
	return enforce ? TC_DROP : TC_NEXT;
}

static __always_inline int wire_ingress(struct __sk_buff *skb, __u32 l2)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;
	struct wire_scratch *x;
	__u32 zero = 0;
	int kind, enforce;

	x = bpf_map_lookup_elem(&wire_scratches, &zero);
	if (!control || !x)
		return TC_NEXT;
	/* a tagged packet comes by again, untagged, on its VLAN device */
	if (skb->vlan_present)
		return TC_NEXT;
	kind = packet_parse(skb, &x->packet, l2);
	if (kind == PACKET_NOT_IP)
		return TC_NEXT;
	if (kind != PACKET_BAD && ban_check(control, &x->packet.src, GL_CTR_BAN))
		return TC_DROP;
	policy = policy_at(control->active);
	if (!policy || !policy->port_service[x->packet.dport])
		return TC_NEXT;
	enforce = wire_port_enforces(control, policy, x->packet.dport);
	count(GL_CTR_PACKETS);
	if (kind == PACKET_UDP)
		return wire_datagram(policy, x->packet.dport, enforce);
	if (x->packet.fragment) {
		count(GL_CTR_UNJUDGED_FRAGMENT);
		return enforce ? TC_DROP : TC_NEXT;
	}
	if (kind != PACKET_TCP)
		return TC_NEXT;
	return packet_length(&x->packet) ? wire_data(skb, x, enforce) : wire_bare(skb, x);
}
