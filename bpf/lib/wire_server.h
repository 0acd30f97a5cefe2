/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_server.h - layer 2: the server's part of a TLS handshake at egress: what it chose, held
 * against the floor, the denied ciphers and what it has given before (TLS-02, TLS-03), and up to
 * TLS 1.2 the leaf certificate's bytes for the inspector (TLS-05).
 *
 * A refusal here ends both sides: the packet becomes the alert, the server gets a reset. Where a
 * part of the record went out before, an alert would land inside of it: the client gets a reset.
 */
#pragma once

#include "bpf/lib/handshake.h"
#include "bpf/lib/refuse.h"
#include "bpf/lib/stream.h"
#include "bpf/lib/wire_read.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gl_rec_certificate);
} certificate_records SEC(".maps");

/* Bytes at once up to the ServerHello, most of which have less. */
#define SERVER_HELLO_PIECE 256

struct server_turn {
	struct __sk_buff *skb;
	struct flow *flow;
	struct tls_server_cursor cursor;
	__u32 off, end; /* from the network header */
	__u32 l2;
	__u32 event; /* enum tls_event */
	__u16 floor;
	__u16 service;
	__u32 reserved;
};

static long server_step(__u32 i, struct tls_server_cursor *c)
{
	return tls_server_step(c);
}

/* The bytes at t->off, f->tls.out.span of them, are the certificate's. */
static __always_inline void server_certificate(struct server_turn *t)
{
	struct flow_tls *tls = &t->flow->tls;
	__u32 zero = 0, n = tls->out.span, last;
	struct gl_rec_certificate *r = bpf_map_lookup_elem(&certificate_records, &zero);

	if (!r)
		return;
	r->conn = t->flow->conn;
	r->total = tls->out.cert_total;
	r->off = tls->out.cert_off;
	r->service = t->service;
	r->port = t->flow->port;
	r->flags = 0;
	last = last_of(n);
	if (last >= GL_CERTIFICATE_PIECE ||
	    bpf_skb_load_bytes(t->skb, t->l2 + t->off, r->bytes, last + 1)) {
		count(GL_CTR_LOST_CERTIFICATE);
		return;
	}
	r->n = last + 1;
	event_send(r, GL_REC_CERTIFICATE, sizeof(*r), bpf_ktime_get_boot_ns());
}

static long server_piece(__u32 i, struct server_turn *t)
{
	struct http_piece *piece = t->cursor.piece;
	__u32 n = t->end - t->off, last, limit;

	if (t->off >= t->end)
		return 1;
	/* behind the ServerHello of 1.3 nothing is looked at: not copied either */
	limit = t->flow->tls.out.hello ? HTTP_PIECE : SERVER_HELLO_PIECE;
	if (n > limit)
		n = limit;
	last = last_of(n);
	if (last >= HTTP_PIECE ||
	    bpf_skb_load_bytes(t->skb, t->l2 + t->off, piece->bytes, last + 1)) {
		t->event = TLS_ERROR;
		return 1;
	}
	piece->off = 0;
	piece->len = n;
	piece->event = TLS_NOTHING;
	bpf_loop(HTTP_STEPS, server_step, &t->cursor, 0);
	t->off += piece->off;
	if (piece->event == TLS_CERTIFICATE) {
		__u32 before = piece->off;

		server_certificate(t);
		tls_server_skip(&t->cursor);
		t->off += piece->off - before;
		return 0;
	}
	t->event = piece->event;
	return t->event != TLS_NOTHING || !piece->off;
}

/* Reads the server's bytes on from run->off to the next event. enum tls_event. */
__global int server_read(struct __sk_buff *skb, const struct packet *p, struct flow *f,
			 struct wire_run *run, __u16 service_id)
{
	struct server_turn t = {.skb = skb, .flow = f, .service = service_id};

	if (!p || !f || !run)
		return TLS_ERROR;
	t.cursor.piece = wire_copy_piece(GL_TO_CLIENT);
	if (!t.cursor.piece)
		return TLS_ERROR;
	t.cursor.state = &f->tls.out;
	t.cursor.server = &f->tls.server;
	t.off = run->off;
	t.end = run->end;
	t.l2 = p->l2;
	bpf_loop(256, server_piece, &t, 0);
	run->off = t.off;
	return t.event;
}

struct server_denied {
	const struct gl_tls *tls;
	__u32 low, high; /* the cipher, if it is there, is in [low, high) */
	__u16 cipher;
	__u16 found;
	__u32 reserved;
};

static long server_denied_step(__u32 i, struct server_denied *d)
{
	__u32 middle = (d->low + d->high) / 2;
	const __u16 *at;

	if (d->low >= d->high)
		return 1;
	at = at_index(d->tls->denied, GL_TLS_DENIED_MAX, middle);
	if (!at)
		return 1;
	if (*at == d->cipher) {
		d->found = 1;
		return 1;
	}
	if (*at < d->cipher)
		d->low = middle + 1;
	else
		d->high = middle;
	return 0;
}

static __always_inline int server_cipher_denied(const struct gl_tls *tls, __u16 cipher)
{
	struct server_denied d = {.tls = tls, .high = tls->n_denied, .cipher = cipher};

	if (!tls->n_denied)
		return 0;
	bpf_loop(9, server_denied_step, &d, 0);
	return d.found;
}

/* enum gl_downgrade bits of a ServerHello (TLS-03; RFC 8446 section 4.1.3, RFC 7507). */
static __always_inline __u8 server_downgrade(const struct flow_tls *tls, __u16 best)
{
	__u16 offered = tls->hello.max_version, got = tls->server.version;
	__u8 found = 0;

	if ((tls->server.flags & GL_SERVER_SENTINEL_12) && offered >= GL_TLS_1_3 &&
	    got < GL_TLS_1_3)
		found |= GL_DOWNGRADE_SENTINEL;
	if ((tls->server.flags & GL_SERVER_SENTINEL_11) && offered >= GL_TLS_1_2 &&
	    got < GL_TLS_1_2)
		found |= GL_DOWNGRADE_SENTINEL;
	if ((tls->hello.flags & GL_HELLO_FALLBACK_SCSV) && offered < best)
		found |= GL_DOWNGRADE_FALLBACK;
	if (got < best && got < offered)
		found |= GL_DOWNGRADE_LESS;
	return found;
}

/* Fills end->result and what else a ServerHello says; GL_REASON_NONE: it may pass. */
__global int server_judge(const struct gl_tls *tls, struct flow *f, struct handshake_end *end)
{
	struct gl_tls_name name = {};
	struct gl_tls_best *best;

	if (!tls || !f || !end)
		return GL_REASON_TLS_MALFORMED;
	handshake_name(f, end->service, &name);
	best = bpf_map_lookup_elem(&tls_best, &name);
	end->best = best ? best->version : 0;
	end->result = GL_HANDSHAKE_NEGOTIATED;
	end->downgrade = server_downgrade(&f->tls, end->best);
	if (tls->min_version && f->tls.server.version < tls->min_version)
		return GL_REASON_TLS_VERSION;
	if (server_cipher_denied(tls, f->tls.server.cipher))
		return GL_REASON_TLS_CIPHER;
	if (end->downgrade && (tls->flags & GL_TLS_DOWNGRADE_REFUSE))
		return GL_REASON_TLS_DOWNGRADE;
	handshake_remember(&name, best, f->tls.server.version, end->now_ns);
	return GL_REASON_NONE;
}

/*
 * Ends the connection from here: a reset to the server, exactly where it expects the client's next
 * byte; the packet in hand becomes the alert, or a reset where bytes of its record are out already.
 */
__global int server_cut(struct __sk_buff *skb, struct packet *p, struct flow *f, __u32 clean,
			__u8 alert)
{
	struct answer_spec back = {.flags = TCP_RST | TCP_ACK, .reverse = 1};
	struct answer_spec on = {.flags = TCP_ACK | TCP_PSH | TCP_FIN};
	struct bpf_tcp_sock *tcp;
	struct flow_key key = {};
	struct tombstone t = {};
	struct bpf_sock *sk;

	if (!p || !f)
		return TC_DROP;
	/* the option bytes go with the first rewrite */
	answer_stamps(skb, p, &back);
	answer_stamps(skb, p, &on);
	sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	tcp = sk ? bpf_tcp_sock(sk) : NULL;
	back.seq = p->ack;
	if (tcp) {
		/* volatile: the compiler would choose between two pointers, which may not be done
		 */
		back.seq = *(const volatile __u32 *)&tcp->rcv_nxt;
	}
	back.ack = p->seq;
	f->state = FLOW_CUT;
	flow_name(skb, p, &key);
	key.src = p->dst;
	key.dst = p->src;
	key.sport = p->dport;
	key.dport = p->sport;
	on.seq = p->seq;
	on.ack = p->ack;
	if (answer_write(skb, p, &back) || bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return refuse_failed();
	/* the first rewrite turned the link-layer addresses round */
	if (answer_ethernet(skb, p, 1))
		return refuse_failed();
	if (!clean) {
		on.seq = f->out_pos;
		on.flags = TCP_RST | TCP_ACK;
		if (answer_write(skb, p, &on))
			return refuse_failed();
		count(GL_CTR_RESETS);
		return TC_NEXT;
	}
	on.payload = refuse_alert_text(f->tls.hello.record_version, alert);
	t.seq = on.seq + on.payload + 1;
	tombstone_put(&key, &t);
	if (answer_write(skb, p, &on))
		return refuse_failed();
	count(GL_CTR_ALERTS);
	return TC_NEXT;
}

/* Tells of the handshake, once. */
static __always_inline void server_tell(struct flow *f, const struct packet *p,
					const struct handshake_end *end)
{
	if (f->tls.flags & FLOW_TLS_TOLD)
		return;
	f->tls.flags |= FLOW_TLS_TOLD;
	handshake_tell(f, &p->dst, &p->src, p->dport, end);
}

/* The verdict's own record, by the client's direction of the addresses. */
static __always_inline void server_tell_verdict(struct flow *f, const struct packet *p,
						const struct handshake_end *end, int would)
{
	struct gl_rec_verdict *r = &f->refusal.rec;

	__builtin_memset(r, 0, sizeof(*r));
	r->instance = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	r->source = r->peer = p->dst;
	r->generation = f->generation;
	r->port = p->sport;
	r->peer_port = p->dport;
	r->service = end->service;
	r->cls = 0xffff;
	r->verdict = GL_VERDICT_REFUSE;
	r->reason = end->reason;
	r->delivery = end->delivery;
	r->door = GL_DOOR_WIRE;
	r->mode = would ? GL_MODE_MONITOR : GL_MODE_ENFORCE;
	r->flags = GL_RECF_APP_SAW | (would ? GL_RECF_WOULD : 0);
	event_send(r, GL_REC_VERDICT, sizeof(*r), end->now_ns);
	judge_count(GL_VERDICT_REFUSE, !would);
}

/* The policy the hello was judged by, or the ruling one if its slot was given away. */
static __always_inline const struct gl_policy *
server_policy(const struct flow *f, const struct gl_control *control, __u16 *ret_service)
{
	const struct gl_policy *policy = policy_at(f->slot);

	*ret_service = f->service;
	if (policy && policy->generation == f->generation)
		return policy;
	policy = policy_at(control->active);
	*ret_service = policy ? policy->port_service[f->port] : 0;
	return policy;
}

static __always_inline __u8 server_alert(int reason)
{
	return reason == GL_REASON_TLS_VERSION ? TLS_ALERT_PROTOCOL_VERSION
					       : TLS_ALERT_INSUFFICIENT_SECURITY;
}

/* What passes, and what would have been refused: the record says it. */
static __always_inline void server_pass(struct flow *f, const struct packet *p,
					struct handshake_end *end)
{
	end->verdict = f->tls.verdict;
	end->reason = f->tls.reason;
	server_tell(f, p, end);
}

/* A refusal by what the server chose. */
static __always_inline int server_refuse(struct __sk_buff *skb, struct packet *p, struct flow *f,
					 struct handshake_end *end, __u32 clean)
{
	end->verdict = GL_VERDICT_REFUSE;
	end->alert = clean ? server_alert(end->reason) : 0;
	end->delivery = end->mode != GL_MODE_ENFORCE ? GL_DELIVERY_NONE
			: clean                      ? GL_DELIVERY_ALERT
						     : GL_DELIVERY_RESET;
	if (end->mode == GL_MODE_ENFORCE)
		end->result = GL_HANDSHAKE_REFUSED;
	if (!(f->tls.flags & FLOW_TLS_TOLD))
		server_tell_verdict(f, p, end, end->mode != GL_MODE_ENFORCE);
	server_tell(f, p, end);
	if (end->mode != GL_MODE_ENFORCE)
		return TC_NEXT;
	f->tls.out_done = 1;
	return server_cut(skb, p, f, clean, end->alert);
}

/* A ServerHello was judged before: what its record says. */
static __always_inline void server_known(struct flow *f, struct handshake_end *end)
{
	struct gl_tls_name name = {};

	handshake_name(f, end->service, &name);
	end->best = handshake_best(&name);
	end->downgrade = server_downgrade(&f->tls, end->best);
	end->result = GL_HANDSHAKE_NEGOTIATED;
}

/* The early look: two bytes of the ServerHello are enough to know that it is below the floor. */
static __always_inline int server_is_low(const struct gl_tls *tls, const struct flow_tls *f)
{
	return tls->min_version && f->server.legacy_version && !f->server.version &&
	       f->server.legacy_version < tls->min_version && f->server.legacy_version < GL_TLS_1_2;
}

/* One event of the server's stream. TC_NEXT: go on while there is more; else what to do with it. */
static __always_inline int server_event(struct __sk_buff *skb, struct packet *p, struct flow *f,
					const struct gl_tls *tls, struct handshake_end *end,
					int event, __u32 clean)
{
	if (event == TLS_SERVER_HELLO) {
		end->reason = server_judge(tls, f, end);
		if (end->reason != GL_REASON_NONE) {
			int action = server_refuse(skb, p, f, end, clean);

			return f->tls.out_done ? action : -1;
		}
		/* up to 1.2 group, certificate and resumption are still to come */
		if (f->tls.server.version >= GL_TLS_1_3) {
			server_pass(f, p, end);
			f->tls.out_done = 1;
		}
		return -1;
	}
	f->tls.out_done = event != TLS_NOTHING;
	if (event != TLS_NOTHING && f->tls.server.version)
		server_known(f, end);
	if (event == TLS_NOTHING && server_is_low(tls, &f->tls)) {
		end->reason = GL_REASON_TLS_VERSION;
		f->tls.server.version = f->tls.server.legacy_version;
		return server_refuse(skb, p, f, end, clean);
	}
	if (event == TLS_ALERT) {
		end->result = GL_HANDSHAKE_SERVER_ALERT;
	} else if (event == TLS_ERROR) {
		count(GL_CTR_UNJUDGED_SERVER_HELLO);
		end->result = GL_HANDSHAKE_UNREADABLE;
	}
	if (event != TLS_NOTHING)
		server_pass(f, p, end);
	return TC_NEXT;
}

/* Where in the packet the unread part of the server's stream begins; 0: nothing new is in it. */
static __always_inline int server_place(const struct packet *p, struct flow *f,
					struct wire_run *run)
{
	__s32 known = seq_diff(f->out_pos, p->seq);
	__u32 len = packet_length(p);

	if (!len || (known >= 0 && (__u32)known >= len))
		return 0;
	if (known < 0) { /* bytes went by unseen */
		count(GL_CTR_UNJUDGED_SERVER_HELLO);
		f->tls.out_done = 1;
		return 0;
	}
	run->off = p->payload + known;
	run->end = p->end;
	return 1;
}

/* A packet of the server on a connection whose hello was read. What to do with it. */
__global int server_segment(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f)
{
	const struct gl_control *control = control_get();
	struct handshake_end end = {.known = 1};
	const struct gl_service *service;
	const struct gl_policy *policy;
	const struct gl_tls *tls;
	__u32 clean, out_pos;
	int action = -1;
	__u16 index;

	if (!x || !f || !control)
		return TC_NEXT;
	policy = server_policy(f, control, &index);
	if (!policy)
		return TC_NEXT;
	service = at_index(policy->services, GL_SERVICES_MAX, index - 1u);
	tls = at_index(policy->tls, GL_SERVICES_MAX, index - 1u);
	if (!service || !tls)
		return TC_NEXT;
	end.service = service->id;
	end.mode = admit_enforces(control, service) ? GL_MODE_ENFORCE : GL_MODE_MONITOR;
	end.now_ns = bpf_ktime_get_boot_ns();
	if (!server_place(&x->packet, f, &x->run)) {
		if (x->packet.flags & (TCP_FIN | TCP_RST)) {
			end.result = GL_HANDSHAKE_SERVER_CLOSED;
			if (f->tls.server.version)
				server_known(f, &end);
			server_pass(f, &x->packet, &end);
		}
		return TC_NEXT;
	}
	out_pos = f->out_pos;
	clean = x->packet.seq == out_pos && tls_server_between(&f->tls.out);
	for (int i = 0; i < 4 && action < 0 && !f->tls.out_done; i++) {
		int event = server_read(skb, &x->packet, f, &x->run, end.service);

		action = server_event(skb, &x->packet, f, tls, &end, event, clean);
		if (event == TLS_NOTHING)
			break;
	}
	/* a cut reads where the client is: it moves last */
	f->out_pos = x->packet.seq + packet_length(&x->packet);
	return action < 0 ? TC_NEXT : action;
}
