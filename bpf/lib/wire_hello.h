/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_hello.h - layer 2: the client's part of a TLS handshake at the wire door: reads the
 * ClientHello, judges it against the service's floor, the blocked fingerprints and the fallback
 * mark, and remembers it for the server's part. Delivering is wire_in.h's.
 *
 * The order of judgement: readable -> floor (TLS-01) -> fingerprint (TLS-06) -> fallback (TLS-03).
 */
#pragma once

#include "bpf/lib/handshake.h"
#include "bpf/lib/stream.h"
#include "bpf/lib/wire_read.h"

/* The first byte of a stream: a TLS record of type handshake, or a hello of SSL 2.0. */
#define HELLO_RECORD 0x16
#define HELLO_SSL2   0x80

struct hello_turn {
	struct __sk_buff *skb;
	struct tls_hello_cursor cursor;
	__u32 off, end; /* from the network header */
	__u32 l2;
	__u32 event; /* enum tls_event; TLS_NOTHING: the segment's end */
};

static long hello_step(__u32 i, struct tls_hello_cursor *c)
{
	return tls_hello_step(c);
}

static long hello_piece(__u32 i, struct hello_turn *t)
{
	struct http_piece *piece = t->cursor.piece;
	__u32 n = t->end - t->off, last;

	if (t->off >= t->end)
		return 1;
	if (n > HTTP_PIECE)
		n = HTTP_PIECE;
	last = last_of(n);
	if (last >= HTTP_PIECE ||
	    bpf_skb_load_bytes(t->skb, t->l2 + t->off, piece->bytes, last + 1)) {
		t->event = TLS_ERROR;
		return 1;
	}
	piece->off = 0;
	piece->len = n;
	piece->event = TLS_NOTHING;
	bpf_loop(HTTP_STEPS, hello_step, &t->cursor, 0);
	t->off += piece->off;
	t->event = piece->event;
	return t->event != TLS_NOTHING || !piece->off;
}

/* Reads the hello on from run->off. enum tls_event; run->off is behind what was read. */
__global int hello_read(struct __sk_buff *skb, const struct packet *p, struct flow *f,
			const struct gl_policy *policy, struct wire_run *run)
{
	struct hello_turn t = {.skb = skb};

	if (!p || !f || !policy || !run)
		return TLS_ERROR;
	t.cursor.piece = wire_copy_piece(GL_TO_SERVER);
	if (!t.cursor.piece)
		return TLS_ERROR;
	t.cursor.state = &f->tls.in;
	t.cursor.hello = &f->tls.hello;
	t.cursor.key = &policy->subject_key;
	t.off = run->off;
	t.end = run->end;
	t.l2 = p->l2;
	bpf_loop(65536 / HTTP_PIECE, hello_piece, &t, 0);
	run->off = t.off;
	return t.event;
}

/* Apart, for the stack's sake. What is asked of the HTTP side comes first: the hello lies over it.
 */
__global int hello_begin(struct flow *f, __u32 seq)
{
	__u32 out_start;
	__u8 flags;

	if (!f)
		return -1;
	out_start = f->guard_begun ? f->guard_pos : f->out_pos;
	flags = f->guard_begun ? FLOW_TLS_SPOKEN : 0;
	/* in the middle of a response nothing can be answered, and none would be framed again */
	if (f->out.phase != HTTP_IDLE)
		f->out_known = 0;
	f->state = FLOW_HELLO;
	f->head_seq = seq;
	tls_hello_begin(&f->tls.in, &f->tls.hello);
	tls_server_begin(&f->tls.out, &f->tls.server);
	flow_save_hello(f);
	f->tls.hello_ns = 0;
	f->tls.out_start = out_start;
	f->tls.flags = flags;
	f->tls.verdict = f->tls.reason = f->tls.out_done = 0;
	return 0;
}

/* Does this segment begin a TLS connection? Asked at the first byte of a stream. */
static __always_inline int hello_begins(struct __sk_buff *skb, const struct wire_scratch *x,
					const struct flow *f)
{
	__u8 first = 0;

	if (f->next || f->in.phase != HTTP_IDLE ||
	    packet_load(skb, &x->packet, x->run.off, &first, 1))
		return 0;
	return first == HELLO_RECORD || (first & HELLO_SSL2);
}

/* Why the complete hello is refused, GL_REASON_NONE if it is not. */
__global int hello_judge(const struct gl_policy *policy, const struct flow *f, __u16 service_id,
			 __u64 now_ns)
{
	const struct gl_control *control = control_get();
	const struct gl_tls *tls;
	struct gl_tls_name name = {};

	if (!policy || !f || !control)
		return GL_REASON_TLS_MALFORMED;
	tls = at_index(policy->tls, GL_SERVICES_MAX, f->service - 1u);
	if (!tls)
		return GL_REASON_TLS_MALFORMED;
	if (tls->min_version && f->tls.hello.max_version < tls->min_version)
		return GL_REASON_TLS_VERSION;
	if (hello_blocked(control, f->tls.hello.key, now_ns))
		return GL_REASON_JA4;
	if (!(f->tls.hello.flags & GL_HELLO_FALLBACK_SCSV) ||
	    !(tls->flags & GL_TLS_DOWNGRADE_REFUSE))
		return GL_REASON_NONE;
	handshake_name(f, service_id, &name);
	return f->tls.hello.max_version < handshake_best(&name) ? GL_REASON_TLS_FALLBACK
								: GL_REASON_NONE;
}

static __always_inline __u8 hello_alert(int reason)
{
	switch (reason) {
	case GL_REASON_TLS_VERSION:
		return TLS_ALERT_PROTOCOL_VERSION;
	case GL_REASON_TLS_FALLBACK:
		return TLS_ALERT_INAPPROPRIATE_FALLBACK;
	case GL_REASON_TLS_MALFORMED:
		return TLS_ALERT_DECODE_ERROR;
	}
	return 0; /* a reset */
}

/* The handshake that ended with f->refusal: its record. */
__global int hello_tell_refusal(struct wire_scratch *x, struct flow *f)
{
	struct handshake_end end = {
		.mode = GL_MODE_ENFORCE,
		.known = 1,
	};
	struct gl_tls_name name = {};

	if (!x || !f)
		return -1;
	end.now_ns = f->refusal.since_ns;
	end.verdict = f->refusal.rec.verdict;
	end.reason = f->refusal.rec.reason;
	end.service = f->refusal.rec.service;
	end.result = end.reason == GL_REASON_TLS_MALFORMED ? GL_HANDSHAKE_UNREADABLE
							   : GL_HANDSHAKE_REFUSED;
	end.downgrade = end.reason == GL_REASON_TLS_FALLBACK ? GL_DOWNGRADE_FALLBACK : 0;
	end.alert = f->refusal.answer & 0xff;
	end.delivery = end.alert ? GL_DELIVERY_ALERT : GL_DELIVERY_RESET;
	handshake_name(f, end.service, &name);
	end.best = handshake_best(&name);
	f->tls.flags |= FLOW_TLS_TOLD;
	return handshake_tell(f, &x->packet.src, &x->packet.dst, x->packet.sport, &end);
}

/* The hello is complete, or cannot be read. WIRE_READ or WIRE_REFUSED. */
static __always_inline int hello_settle(struct wire_scratch *x, struct flow *f,
					const struct gl_policy *policy, int reason)
{
	__u8 alert = hello_alert(reason);

	if (judge_unreadable(policy, f, &x->packet, &x->judgement, reason))
		return WIRE_FAILED;
	judge_record(f, &x->packet, &x->judgement);
	if (!x->judgement.enforce) {
		judge_tell(f, GL_DELIVERY_NONE, 0, x->judgement.now_ns);
		f->tls.verdict = x->judgement.verdict.verdict;
		f->tls.reason = reason;
		return WIRE_READ;
	}
	wire_hold(f, x->judgement.now_ns);
	f->state = FLOW_REFUSED_HELLO;
	f->refusal.answer = FLOW_ALERT | alert;
	return WIRE_REFUSED;
}

static __always_inline int hello_done(struct wire_scratch *x, struct flow *f,
				      const struct gl_policy *policy,
				      const struct gl_service *service)
{
	int reason, end = WIRE_READ;

	f->tls.hello_ns = bpf_ktime_get_boot_ns();
	count(GL_CTR_HELLOS);
	count(GL_CTR_UNJUDGED_TLS);
	reason = hello_judge(policy, f, service->id, f->tls.hello_ns);
	if (reason != GL_REASON_NONE)
		end = hello_settle(x, f, policy, reason);
	if (end == WIRE_READ)
		f->tls.flags |= FLOW_TLS_HELLO;
	return end;
}

/*
 * Bytes that are no hello. On a service without a floor they pass, as anything else that is not
 * HTTP; where there is one, nothing that a server might take for a hello gets by (I8).
 */
static __always_inline int hello_unreadable(struct wire_scratch *x, struct flow *f,
					    const struct gl_policy *policy)
{
	const struct gl_tls *tls = at_index(policy->tls, GL_SERVICES_MAX, f->service - 1u);

	if (tls && tls->min_version) {
		int end = hello_settle(x, f, policy, GL_REASON_TLS_MALFORMED);

		if (end != WIRE_READ)
			return end;
	}
	count(GL_CTR_UNJUDGED_HELLO);
	return WIRE_OPAQUE;
}

/* Reads the segment of a FLOW_HELLO from f->pos on. As wire_read(). */
__global int hello_segment(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f,
			   const struct gl_policy *policy)
{
	const struct gl_service *service;
	int event, end = WIRE_READ;

	if (!x || !f || !policy)
		return WIRE_FAILED;
	service = policy_service(policy, f);
	if (!service)
		return WIRE_FAILED;
	/* behind the hello: early data, or what the next record is; not read */
	if (f->tls.flags & FLOW_TLS_HELLO) {
		f->pos = wire_seq(&x->packet, x->run.end);
		return WIRE_READ;
	}
	event = hello_read(skb, &x->packet, f, policy, &x->run);
	f->structure = wire_seq(&x->packet, x->run.off);
	if (event == TLS_HELLO)
		end = hello_done(x, f, policy, service);
	else if (event != TLS_NOTHING)
		end = hello_unreadable(x, f, policy);
	f->pos = end == WIRE_REFUSED ? f->head_seq : wire_seq(&x->packet, x->run.end);
	return end;
}

/* ---------------------------------------------------------------------------------------------
 * Behind the hello
 */
static __always_inline void hello_tell_alert(struct flow *f, const struct packet *p,
					     __u16 service_id, __u8 level, __u8 description)
{
	struct gl_rec_tls_alert rec = {};

	rec.conn = f->conn;
	rec.source = p->src;
	rec.sni_key = f->tls.hello.sni_key;
	rec.port = p->dport;
	rec.peer_port = p->sport;
	rec.version = f->tls.server.version;
	rec.max_version = f->tls.hello.max_version;
	rec.level = level;
	rec.description = description;
	rec.server_flags = f->tls.server.flags;
	rec.service = service_id;
	event_send(&rec, GL_REC_TLS_ALERT, sizeof(rec), bpf_ktime_get_boot_ns());
}

/* The client's answer to the ServerHello, if it is a fatal alert in the clear (TLS-03). */
static __always_inline void hello_aftermath(struct __sk_buff *skb, const struct packet *p,
					    struct flow *f, __u16 service_id)
{
	__u8 b[7];

	if ((f->tls.flags & FLOW_TLS_CLIENT) || p->seq != f->structure)
		return;
	f->tls.flags |= FLOW_TLS_CLIENT;
	if (packet_length(p) < sizeof(b) || packet_load(skb, p, p->payload, b, sizeof(b)))
		return;
	if (b[0] == 0x15 && b[1] == 3 && !b[3] && b[4] == 2)
		hello_tell_alert(f, p, service_id, b[5], b[6]);
}
