/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_h2.h - layer 2: plaintext HTTP/2 at the wire door. Where its requests are judged (h2.h), the
 * inspectors must read what the server will: only segments TCP takes are copied, in order, once.
 */
#pragma once

#include "bpf/lib/h2.h"
#include "bpf/lib/trim.h"
#include "bpf/lib/wire_read.h"

#define WIRE_H2_AGAIN_NS (SEC_NS / 10) /* the socket's backlog is taken by then */

enum wire_h2_end {
	WIRE_H2_PASS,
	WIRE_H2_NEW,
	WIRE_H2_HOLD, /* ahead of what was read: the client sends it again */
	WIRE_H2_LOST, /* what the server reads is not what was judged, or nobody could read it */
};

/* The service whose requests are judged in user space and whose answers can wait. NULL: none. */
static __always_inline const struct gl_service *wire_h2_judged(const struct flow *f,
							       const struct gl_policy *policy)
{
	const struct gl_control *control = control_get();
	const struct gl_service *service;

	if (!control || !control->n_inspectors)
		return NULL;
	service = at_index(policy->services, GL_SERVICES_MAX, policy->port_service[f->port] - 1u);
	if (!service || !(service->flags & GL_SERVICE_HTTP2_JUDGE) ||
	    !admit_enforces(control, service))
		return NULL;
	return service;
}

/* Bytes that were read and that the kernel does not have come again: they may say something else.
 */
static __always_inline int wire_h2_again(const struct h2_conn *c, const struct packet *p, __u64 off,
					 __u32 rcv_nxt)
{
	__u32 read = p->seq + (__u32)(c->read - off);
	__u32 from = seq_diff(p->seq, rcv_nxt) > 0 ? p->seq : rcv_nxt;

	return off < c->read && seq_diff(read, from) > 0;
}

/*
 * A segment of the client that TCP will take. WIRE_H2_PASS: nothing new. WIRE_H2_NEW: to be copied.
 */
__global int wire_h2_take(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f,
			  const struct gl_policy *policy)
{
	const struct gl_service *service;
	struct h2_walk w = {};
	struct h2_conn *c;
	struct packet *p;
	__u64 off, now_ns;

	if (!x || !f || !policy)
		return WIRE_H2_PASS;
	service = wire_h2_judged(f, policy);
	p = &x->packet;
	if (!service || !packet_length(p))
		return WIRE_H2_PASS;
	off = wire_copy_place(f, GL_TO_SERVER, p->seq);
	c = h2_conn_of(f->conn, off, policy, service, &p->src);
	if (!c || (__s64)off < 0)
		return WIRE_H2_LOST;
	if (off > c->read)
		return WIRE_H2_HOLD;
	now_ns = bpf_ktime_get_boot_ns();
	if (wire_h2_again(c, p, off, x->sock.rcv_nxt))
		return now_ns - c->took_ns < WIRE_H2_AGAIN_NS ? WIRE_H2_HOLD : WIRE_H2_LOST;
	if (off + packet_length(p) <= c->read)
		return WIRE_H2_PASS;
	w.source = skb;
	w.at = p->l2 + p->payload;
	w.n = packet_length(p);
	h2_take(f->conn, c, &w, off);
	return WIRE_H2_NEW;
}

/* Is a packet of the server with content to wait? */
__global int h2_holds(__u64 conn)
{
	struct h2_conn *c = bpf_map_lookup_elem(&h2_conns, &conn);
	const struct gl_h2_source *s;
	const __u64 *judged;
	int lockstep, done;
	__u64 now_ns;

	if (!c)
		return 0;
	now_ns = bpf_ktime_get_boot_ns();
	s = bpf_map_lookup_elem(&h2_sources, &c->source);
	judged = bpf_map_lookup_elem(&h2_judged, &conn);
	lockstep = (c->flags & H2_BLIND) || (s && s->until_ns > now_ns);
	done = judged && *judged >= c->read && (!lockstep || *judged != GL_H2_UNREAD);
	if (done || (!lockstep && now_ns - c->asked_ns < H2_LATE_NS)) {
		c->held_ns = 0;
		return 0;
	}
	count(GL_CTR_H2_HELD);
	if (!c->held_ns)
		c->held_ns = now_ns;
	else if (now_ns - c->held_ns > H2_HOLD_NS)
		cut_mark(conn, GL_REASON_HOLD_TIMEOUT);
	return 1;
}
