/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open.bpf.c - no door: two iterators that say which connections the doors know now, and which
 * requests are in flight on them, so that user space finds those a new decision falls on. Nothing
 * is changed here. Called by user/kern/open.c.
 *
 * Another processor may be in the middle of a flow: what is read may be a moment old, as it is for
 * whoever asks a moment earlier.
 */
#include "bpf/lib/bpf.h"

#include "bpf/lib/flow.h"
#include "bpf/lib/tls_conn.h"
#include "vmlinux/open.h"

char LICENSE[] SEC("license") = "GPL";

/* Of a tunnel, what opened it. */
static __always_inline __u32 open_in_flight(const struct flow *f)
{
	if (f->state == FLOW_OPAQUE)
		return f->judged ? 1 : 0;
	if (f->state != FLOW_HTTP && f->state != FLOW_REFUSED)
		return 0;
	return f->judged - f->answered;
}

static __always_inline void open_tell(struct seq_file *seq, const struct flow *f, struct gl_open *o)
{
	__u32 n = open_in_flight(f);

	if (flow_is_tls(f))
		o->hello_key = f->tls.hello.key;
	if (!n) {
		bpf_seq_write(seq, o, sizeof(*o));
		return;
	}
	__builtin_memcpy(o->borne, f->borne, sizeof(o->borne));
	o->flags |= GL_OPEN_REQUEST;
	/* unrolled: what an iterator is given may be read at constant offsets only */
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < FLOW_PENDING; i++) {
		const struct flow_request *r = &f->pending[i];

		if (((f->judged - 1 - i) & (FLOW_PENDING - 1)) >= n)
			continue;
		o->source = r->source;
		o->principal = r->principal;
		o->service = r->service;
		o->op = r->op;
		bpf_seq_write(seq, o, sizeof(*o));
	}
}

static __always_inline void open_addresses(const struct sock *sk, struct gl_open *o)
{
	const struct sock_common *c = &sk->__sk_common;

	if (c->skc_family == TLS_AF_INET6) {
#pragma clang loop unroll(full)
		for (int i = 0; i < 4; i++) {
			o->local.w[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			o->peer.w[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	} else {
		tls_sock_addr(&o->local, c->skc_rcv_saddr);
		tls_sock_addr(&o->peer, c->skc_daddr);
	}
	o->port = c->skc_num;
	o->peer_port = bpf_ntohs(c->skc_dport);
	o->netns = c->skc_net.net->ns.inum;
	o->cookie = c->skc_cookie.counter;
}

SEC("iter/bpf_sk_storage_map")
int open_flows(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	const struct flow *f = ctx->value;
	const struct sock *sk = ctx->sk;
	struct gl_open o = {};

	if (!f || !sk || f->state == FLOW_FRESH || f->state == FLOW_CLOSED || f->state == FLOW_CUT)
		return 0;
	open_addresses(sk, &o);
	o.conn = f->conn ? f->conn : o.cookie;
	if (f->state == FLOW_HTTP2)
		o.flags = GL_OPEN_HTTP2;
	open_tell(ctx->meta->seq, f, &o);
	return 0;
}

SEC("iter/bpf_map_elem")
int open_tls(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct tls_conn *c = ctx->value;
	struct gl_open o = {.flags = GL_OPEN_TLS};

	if (!c || c->closed_ns || c->flow.state == FLOW_CUT)
		return 0;
	o.conn = o.cookie = c->sock.cookie;
	o.peer = c->sock.peer;
	o.port = c->sock.port;
	o.peer_port = c->sock.peer_port;
	if (c->flags & TLS_CONN_HTTP2)
		o.flags |= GL_OPEN_HTTP2;
	open_tell(ctx->meta->seq, &c->flow, &o);
	return 0;
}
