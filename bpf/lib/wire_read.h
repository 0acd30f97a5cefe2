/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_read.h - layer 2: reads a segment's bytes from the parse position on, judges every complete
 * head, remembers what passes and what was refused. Delivering is wire_in.h's.
 */
#pragma once

#include "bpf/lib/bpf.h"

#include "bpf/lib/tables.h"

#include "bpf/lib/judge.h"
#include "bpf/lib/pass.h"
#include "bpf/lib/stream.h"
#include "bpf/lib/wire_copy.h"
#include "bpf/lib/wire_sock.h"

/* How far a segment is read, from the network header. */
struct wire_run {
	__u32 off, end;
};

/* What does not fit the stack; one per CPU (tc runs with bottom halves off). */
struct wire_scratch {
	struct packet packet;
	struct judgement judgement;
	struct wire_sock sock;
	struct wire_run run;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct wire_scratch);
} wire_scratches SEC(".maps");

/* Flows whose refusal waits: pure ACKs need a look at the socket only while there are any. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} held_flows SEC(".maps");

enum wire_end {
	WIRE_MORE, /* go on reading */
	WIRE_READ, /* to the segment's end */
	WIRE_HEAD, /* a head is complete */
	WIRE_ERROR, /* the parser gave up */
	WIRE_REFUSED, /* f->refusal is set */
	WIRE_FULL, /* too many requests unanswered: hold the rest back */
	WIRE_BUSY, /* no turn at a window: the segment comes again */
	WIRE_OPAQUE, /* not HTTP/1: pass from here on */
	WIRE_HTTP2, /* the same, and what it is is known */
	WIRE_FAILED, /* the packet could not be read */
};

/* A run over one segment, up to a head that must be judged. */
struct wire_turn {
	struct stream stream;
	struct flow *flow;
	__u32 end; /* enum wire_end */
	__u32 proxy_set;
};

static __always_inline __u32 wire_seq(const struct packet *p, __u32 off)
{
	return p->seq + (off - p->payload);
}

/* From here on the client's data meets f->refusal. */
static __always_inline void wire_hold(struct flow *f, __u64 now_ns)
{
	__u32 zero = 0;
	__u64 *held = bpf_map_lookup_elem(&held_flows, &zero);

	if (held)
		__sync_fetch_and_add(held, 1);
	f->state = FLOW_REFUSED;
	f->refusal.since_ns = now_ns;
	f->refusal.seq = f->head_seq;
	f->refusal.head = 0;
}

static __always_inline void wire_hold_refusal(struct flow *f, const struct judgement *j)
{
	wire_hold(f, j->now_ns);
	f->refusal.head = f->request.method == HTTP_METHOD_HEAD;
	f->refusal.answer = j->verdict.verdict == GL_VERDICT_LIMIT
				    ? j->verdict.answer
				    : judge_answer(j->verdict.reason);
	http_open(&f->in, 0);
}

/*
 * May another request begin? Not while the table of unanswered ones is full (where responses are
 * not read, nobody looks into it), and not behind a CONNECT: only its response says whether what
 * follows is HTTP (RFC 9110 section 9.3.6).
 */
static __always_inline int wire_may_begin(struct flow *f)
{
	__u32 owed = f->next - *(const volatile __u32 *)&f->answered;

	if (!owed)
		return 1;
	return (owed < FLOW_PENDING || !f->out_known) &&
	       !(flow_pending(f, f->next - 1)->flags & FLOW_R_CONNECT);
}

static long wire_turn(__u32 i, struct wire_turn *t)
{
	struct flow *f = t->flow;
	struct stream *s = &t->stream;
	__u32 before = s->off, body, n, tell = 0;

	if (s->off >= s->end)
		return 1;
	body = http_skippable(&f->in, s->end - s->off);
	if (f->in.phase == HTTP_IDLE) {
		if (!wire_may_begin(f)) {
			t->end = WIRE_FULL;
			return 1;
		}
		f->head_seq = wire_seq(s->packet, s->off);
	}
	if (stream_turn(s, &f->in, &f->request)) {
		t->end = WIRE_FAILED;
		return 1;
	}
	n = body ? pass_take(&f->in_take, body, &tell) : s->off - before;
	wire_copy_keep(s->skb, wire_copy_get(GL_TO_SERVER), before, n, tell, body != 0);
	if (f->in.phase < HTTP_BODY || f->in.phase > HTTP_TUNNEL)
		f->structure = wire_seq(s->packet, s->off);
	if (s->piece->event == HTTP_ADDRESS)
		http_address(&f->request, nets_match(s->policy, t->proxy_set, &f->request.element));
	else if (s->piece->event == HTTP_HEAD)
		t->end = WIRE_HEAD;
	else if (s->piece->event == HTTP_ERROR)
		t->end = WIRE_ERROR;
	return t->end != WIRE_READ;
}

/* Reads on from run->off to the next head, an error or the segment's end. enum wire_end. */
__global int wire_run(struct __sk_buff *skb, const struct packet *p, struct flow *f,
		      const struct gl_policy *policy, struct wire_run *run)
{
	struct wire_turn t = {.flow = f, .end = WIRE_READ};
	const struct gl_service *service;

	if (!p || !f || !policy || !run)
		return WIRE_FAILED;
	service = policy_service(policy, f);
	t.stream.skb = skb;
	t.stream.packet = p;
	t.stream.off = run->off;
	t.stream.end = run->end;
	t.stream.piece = wire_copy_piece(GL_TO_SERVER);
	if (!t.stream.piece || !service)
		return WIRE_FAILED;
	t.stream.policy = policy;
	t.stream.piece->root = service->root;
	t.proxy_set = service->proxy_set;
	bpf_loop(1 << 16, wire_turn, &t, 0);
	run->off = t.stream.off;
	return t.end;
}

/* A verdict that is not allow: in enforce the request stops here, in monitor it is told and goes
 * on. */
static __always_inline int wire_refuse(struct wire_scratch *x, struct flow *f)
{
	struct judgement *j = &x->judgement;

	judge_record(f, &x->packet, j);
	if (!j->enforce) {
		judge_tell(f, GL_DELIVERY_NONE, 0, j->now_ns);
		return WIRE_MORE;
	}
	wire_hold_refusal(f, j);
	return WIRE_REFUSED;
}

__global int wire_on_head(struct wire_scratch *x, struct flow *f, const struct gl_policy *policy)
{
	int judged;

	if (!x || !f || !policy)
		return WIRE_FAILED;
	judged = judge_request(policy, f, &x->packet, &x->judgement);
	if (judged)
		return judged == JUDGE_WAITS ? WIRE_BUSY : WIRE_FAILED;
	if (x->judgement.verdict.verdict != GL_VERDICT_ALLOW && wire_refuse(x, f) != WIRE_MORE)
		return WIRE_REFUSED;
	wire_copy_at(GL_TO_SERVER, x->judgement.now_ns);
	pass_request(f, policy, &x->judgement);
	http_body_begin(&f->in, 0);
	return WIRE_MORE;
}

/* What is not an HTTP/1 request at all: h2c, another protocol (TLS is wire_hello.h's). */
static __always_inline int wire_on_other(struct wire_scratch *x, struct flow *f,
					 const struct gl_policy *policy)
{
	const struct gl_service *service = policy_service(policy, f);
	int http2 = f->request.method == HTTP_METHOD_PRI;

	/* where only TLS is wanted, what is not HTTP cannot be answered: a reset (TLS-04) */
	if (service && (service->flags & GL_SERVICE_PLAINTEXT_REFUSE)) {
		if (judge_unreadable(policy, f, &x->packet, &x->judgement, GL_REASON_PLAINTEXT))
			return WIRE_FAILED;
		if (wire_refuse(x, f) != WIRE_MORE) {
			f->refusal.answer = FLOW_ALERT;
			return WIRE_REFUSED;
		}
	} else if (http2 && service && (service->flags & GL_SERVICE_HTTP2_REFUSE)) {
		if (judge_unreadable(policy, f, &x->packet, &x->judgement, GL_REASON_HTTP2))
			return WIRE_FAILED;
		f->request.method = HTTP_METHOD_OTHER;
		if (wire_refuse(x, f) != WIRE_MORE)
			return WIRE_REFUSED;
	}
	if (!http2 || !service || !(service->flags & GL_SERVICE_HTTP2_JUDGE))
		count(http2 ? GL_CTR_UNJUDGED_HTTP2 : GL_CTR_UNJUDGED_OTHER);
	return http2 ? WIRE_HTTP2 : WIRE_OPAQUE;
}

/* The parser gave up. A stream that was never HTTP passes; anything else is refused (I8). */
__global int wire_on_error(struct wire_scratch *x, struct flow *f, const struct gl_policy *policy)
{
	__u8 outcome;

	if (!x || !f || !policy)
		return WIRE_FAILED;
	outcome = f->in.outcome;
	if (outcome == GL_OUTCOME_UNSUPPORTED && !f->next)
		return wire_on_other(x, f, policy);
	if (judge_unreadable(policy, f, &x->packet, &x->judgement,
			     outcome == GL_OUTCOME_TOO_LONG      ? GL_REASON_TOO_LONG
			     : outcome == GL_OUTCOME_UNSUPPORTED ? GL_REASON_UNSUPPORTED
								 : GL_REASON_MALFORMED))
		return WIRE_FAILED;
	x->judgement.head.outcome = outcome;
	if (wire_refuse(x, f) != WIRE_MORE)
		return WIRE_REFUSED;
	count(GL_CTR_UNJUDGED_MALFORMED);
	return WIRE_HTTP2; /* nobody judges it, but the inspectors say what it was */
}

static __always_inline void wire_read_begin(struct wire_scratch *x, struct flow *f,
					    const struct gl_policy *policy,
					    const struct gl_service *service)
{
	x->run.off = x->packet.payload + (f->pos - x->packet.seq);
	x->run.end = x->packet.end;
	if (flow_in_head(f))
		return;
	f->request.flags =
		nets_match(policy, service->proxy_set, &x->packet.src) ? HTTP_R_TRUSTED_PEER : 0;
}

/* What passes goes to the inspectors. */
__global int wire_read_copy(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f, int end)
{
	struct wire_copy *copy = wire_copy_get(GL_TO_SERVER);
	__u32 limit;

	if (!x || !f)
		return 0;
	limit = x->packet.end;
	if (end == WIRE_REFUSED || end == WIRE_FULL)
		limit = x->packet.payload + (f->pos - x->packet.seq);
	if ((__s32)limit < (__s32)x->packet.payload) /* the head began in an earlier segment */
		limit = x->packet.payload;
	if (end == WIRE_HTTP2)
		wire_copy_keep(skb, copy, x->run.off, x->packet.end - x->run.off, 0, 0);
	wire_copy_end(skb, copy, x->run.off < limit ? x->run.off : limit, limit);
	return 0;
}

/* Nothing is held back in monitor: requests are read on, and responses no more. */
static __always_inline int wire_full(struct flow *f, int enforce)
{
	if (enforce || !f->out_known)
		return WIRE_FULL;
	f->out_known = 0;
	count(GL_CTR_LOST_PENDING);
	return WIRE_MORE;
}

/* Reads the segment from f->pos on. enum wire_end, never WIRE_MORE, WIRE_HEAD or WIRE_ERROR. */
static __always_inline int wire_read(struct __sk_buff *skb, struct wire_scratch *x, struct flow *f,
				     const struct gl_policy *policy, int enforce)
{
	int end = WIRE_MORE;

	wire_copy_begin(&x->packet, f, policy, GL_TO_SERVER);
	for (int i = 0; i < FLOW_HEADS && end == WIRE_MORE && x->run.off < x->run.end; i++) {
		end = wire_run(skb, &x->packet, f, policy, &x->run);
		if (end == WIRE_HEAD)
			end = wire_on_head(x, f, policy);
		else if (end == WIRE_ERROR)
			end = wire_on_error(x, f, policy);
		else if (end == WIRE_FULL)
			end = wire_full(f, enforce);
	}
	if (end == WIRE_MORE)
		end = x->run.off < x->run.end ? WIRE_FULL : WIRE_READ;
	flow_settle(f);
	f->pos = end == WIRE_REFUSED ? f->head_seq : wire_seq(&x->packet, x->run.off);
	wire_read_copy(skb, x, f, end);
	return end;
}
