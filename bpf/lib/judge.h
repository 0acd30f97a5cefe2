/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h - layer 2: from a complete head to a verdict on the flow: calls admit(), settles the
 * mode, counts, and tells user space.
 */
#pragma once

#include "bpf/lib/events.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/policy.h"
#include "bpf/lib/tables.h"
#include "bpf/lib/watch.h"
#include "include/glacis/admit.h"

/*
 * What a door does at a complete head. The wire door does it in one function, which is verified by
 * itself: no calls there (a return is a wrong prediction where returns are guarded).
 */
#ifdef DOOR_TLS
#define JUDGE_FUNCTION __global
#define JUDGE_KNOWN(f) NULL /* its flows have no room for it */
#else
#define JUDGE_FUNCTION static __always_inline
#define JUDGE_KNOWN(f) (&(f)->known)
#endif

/* A request or flow being judged; per-CPU scratch of the door. */
struct judgement {
	struct admit_head head;
	struct admit_verdict verdict;
	__u64 now_ns;
	__u16 service_id, op_id;
	__u16 cls_id;
	__u8 enforce;
	__u8 secure; /* the door is inside TLS: the application has the request already */
	struct admit_tables tables;
	/* memory for what a response tells: the stack has no room for it */
	struct watch_ask watch;
	struct gl_rec_response told;
};

static __always_inline void judge_count(__u8 verdict, int enforced)
{
	if (verdict == GL_VERDICT_ALLOW)
		count(GL_CTR_ALLOW);
	else if (verdict == GL_VERDICT_LIMIT)
		count(enforced ? GL_CTR_LIMIT : GL_CTR_WOULD_LIMIT);
	else if (verdict == GL_VERDICT_REFUSE)
		count(enforced ? GL_CTR_REFUSE : GL_CTR_WOULD_REFUSE);
	else if (verdict == GL_VERDICT_SUSPEND)
		count(enforced ? GL_CTR_SUSPEND : GL_CTR_WOULD_SUSPEND);
	else if (verdict == GL_VERDICT_BAN)
		count(enforced ? GL_CTR_BAN : GL_CTR_WOULD_BAN);
}

static __always_inline void judge_head(const struct flow *f, const struct packet *p,
				       const struct gl_policy *policy,
				       const struct gl_service *service, struct judgement *j)
{
	const struct http_request *r = &f->request;

	j->head.forwarded = (r->flags & HTTP_R_FORWARDED) != 0;
	j->head.source = j->head.forwarded ? r->source : p->src;
	j->head.principal = r->principal;
	j->head.credential = r->credential;
	__builtin_memcpy(j->head.credentials, r->credentials, sizeof(j->head.credentials));
	j->head.n_credentials = r->n_credentials;
	j->head.outcome = r->flags & HTTP_R_AMBIGUOUS ? GL_OUTCOME_AMBIGUOUS : GL_OUTCOME_OK;
	j->head.flags = (f->in.flags & HTTP_F_H2C ? ADMIT_H2C : 0) | (j->secure ? ADMIT_SECURE : 0);
	j->head.op = r->op;
	if (r->flags & HTTP_R_AMBIGUOUS)
		j->head.op = service->strict_op;
	else if (!r->op)
		j->head.op = service->default_op;
}

/* Names for the record, by interned id. */
static __always_inline void judge_ids(const struct gl_policy *policy,
				      const struct gl_service *service, struct judgement *j)
{
	const struct gl_op *op = at_index(policy->ops, GL_OPS_MAX, j->head.op);
	const struct gl_class *cls = at_index(policy->classes, GL_CLASSES_MAX, j->verdict.cls);

	j->service_id = service->id;
	j->op_id = op ? op->id : 0;
	j->cls_id = cls ? cls->id : 0xffff;
}

/* Everything but the limits; 1 = they have the last word. Apart, for the stack's sake. */
__global int judge_rules(const struct gl_policy *policy, struct flow *f, const struct packet *p,
			 struct judgement *j)
{
	const struct gl_control *control = control_get();
	const struct gl_service *service;
	int limits;

	if (!policy || !f || !p || !j || !control)
		return -1;
	service = policy_service(policy, f);
	if (!service)
		return -1;
	judge_head(f, p, policy, service, j);
	j->tables.window_lines = control->window_lines;
	j->tables.decisions.n = control->ban_slots;
	j->tables.noticed = 0;
	j->now_ns = bpf_ktime_get_boot_ns();
	limits =
		admit_begin(policy, service, control, &j->tables, &j->head, j->now_ns, &j->verdict);
	j->enforce = admit_enforces(control, service) && !j->verdict.monitor;
	judge_ids(policy, service, j);
	return limits;
}

/* Fills in the memory for one event. */
static __always_inline void judge_watch_begin(struct watch_ask *ask, const struct gl_addr *source,
					      __u64 principal, __u32 rule)
{
	ask->source = *source;
	ask->principal = principal;
	ask->table = NULL;
	ask->rule = rule;
	ask->status = 0;
	ask->evicted = 0;
}

/* A limit was exceeded. */
static __always_inline void judge_watch(const struct gl_policy *policy, struct judgement *j)
{
	judge_watch_begin(&j->watch, &j->head.source, j->head.principal, GL_WATCH_LIMIT);
	j->watch.service = j->service_id;
	j->watch.op = j->op_id;
	j->watch.cls = j->cls_id;
	watch_event(policy, &j->watch);
}

#define JUDGE_WAITS 1 /* judge_request(): no verdict yet */

/*
 * Another processor keeps the window's lines or its clock to itself (a virtual one may stand still
 * for milliseconds in there). That says nothing against the request: the wire door holds it back,
 * and its sender sends it again. After FLOW_HOLD_NS it is refused.
 */
static __always_inline int judge_waits(struct flow *f, const struct judgement *j)
{
	if (j->secure || !j->enforce)
		return 0;
	if (j->verdict.reason != GL_REASON_CLOCK) {
		f->refusal.since_ns = 0;
		return 0;
	}
	if (!f->refusal.since_ns)
		f->refusal.since_ns = j->now_ns;
	if (j->now_ns - f->refusal.since_ns > FLOW_HOLD_NS)
		return 0;
	count(GL_CTR_WINDOW_HELD);
	return 1;
}

/*
 * Judges the complete head in f->request: 0, JUDGE_WAITS, or -1. A clock behind the window is read
 * again a few times and then waited for or refused, never admitted (I3).
 */
JUDGE_FUNCTION int judge_request(const struct gl_policy *policy, struct flow *f,
				 const struct packet *p, struct judgement *j)
{
	int limits;

	if (!policy || !f || !p || !j)
		return -1;
	limits = judge_rules(policy, f, p, j);
	if (limits < 0)
		return -1;
	if (limits) {
		for (int i = 0; i < WINDOW_CLOCK_TRIES; i++) {
			if (i)
				j->now_ns = j->tables.now_ns = bpf_ktime_get_boot_ns();
			opaque(j); /* else its members' addresses lie on the stack, which is full */
			admit_limits(policy, &j->tables, &j->head, JUDGE_KNOWN(f), &j->verdict);
			if (j->verdict.reason != GL_REASON_CLOCK)
				break;
			count(GL_CTR_WINDOW_CLOCK);
		}
		if (judge_waits(f, j))
			return JUDGE_WAITS;
	}
	if (j->tables.noticed & WINDOW_EVICTED)
		count(GL_CTR_WINDOW_EVICTED);
	if (j->tables.noticed & WINDOW_SHARED)
		count(GL_CTR_WINDOW_SHARED);
	if (j->verdict.granted)
		count(GL_CTR_GRANTED);
	count(GL_CTR_REQUESTS);
	judge_count(j->verdict.verdict, j->enforce);
	if (j->verdict.verdict == GL_VERDICT_LIMIT)
		judge_watch(policy, j);
	return 0;
}

/* The flow cannot be judged as HTTP any further: one verdict for it, `reason` (I8). */
__global int judge_unreadable(const struct gl_policy *policy, struct flow *f,
			      const struct packet *p, struct judgement *j, __u8 reason)
{
	const struct gl_control *control = control_get();
	const struct gl_service *service;

	if (!policy || !f || !p || !j || !control)
		return -1;
	service = policy_service(policy, f);
	if (!service)
		return -1;
	__builtin_memset(&j->head, 0, sizeof(j->head));
	__builtin_memset(&j->verdict, 0, sizeof(j->verdict));
	j->now_ns = bpf_ktime_get_boot_ns();
	j->head.source = p->src;
	j->head.op = service->default_op;
	j->verdict.verdict = reason == GL_REASON_JA4 ? GL_VERDICT_BAN : GL_VERDICT_REFUSE;
	j->verdict.reason = reason;
	j->verdict.cls = GL_CLASS_UNLIMITED;
	j->enforce = admit_enforces(control, service);
	judge_ids(policy, service, j);
	judge_count(j->verdict.verdict, j->enforce);
	return 0;
}

/* Prepares the record of a verdict that is not allow; sent when its delivery is known. */
__global int judge_record(struct flow *f, const struct packet *p, const struct judgement *j)
{
	struct gl_rec_verdict *r;

	if (!f || !p || !j)
		return -1;
	r = &f->refusal.rec;

	r->instance = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	r->source = j->head.source;
	r->peer = p->src;
	r->principal = j->head.principal;
	r->generation = f->generation;
	r->limit = j->verdict.limit;
	r->window_s = j->verdict.window_s;
	r->remaining = j->verdict.remaining;
	r->retry_s = j->verdict.retry_s;
	r->port = p->dport;
	r->peer_port = p->sport;
	r->service = j->service_id;
	r->op = j->op_id;
	r->cls = j->cls_id;
	r->status = 0;
	r->verdict = j->verdict.verdict;
	r->reason = j->verdict.reason;
	r->delivery = GL_DELIVERY_NONE;
	r->door = j->secure ? GL_DOOR_TLS : GL_DOOR_WIRE;
	r->outcome = j->head.outcome;
	r->mode = j->enforce ? GL_MODE_ENFORCE : GL_MODE_MONITOR;
	r->flags = (j->enforce ? 0 : GL_RECF_WOULD) |
		   (j->enforce && !j->secure ? 0 : GL_RECF_APP_SAW) |
		   (j->head.forwarded ? GL_RECF_SOURCE_FORWARDED : 0) |
		   (j->verdict.proven ? GL_RECF_PROVEN : 0) |
		   (!flow_is_tls(f) && f->request.method == HTTP_METHOD_HEAD ? GL_RECF_HEAD : 0);
	r->credential = j->head.credential;
	r->pattern = 0;
	return 0;
}

static __always_inline void judge_tell(struct flow *f, __u8 delivery, __u16 status, __u64 now_ns)
{
	f->refusal.rec.delivery = delivery;
	f->refusal.rec.status = status;
	event_send(&f->refusal.rec, GL_REC_VERDICT, sizeof(f->refusal.rec), now_ns);
}

/* The prepared answer for a reason that is not a limit. */
static __always_inline __u16 judge_answer(__u8 reason)
{
	switch (reason) {
	case GL_REASON_NO_CREDENTIAL:
		return GL_ANSWER_401;
	case GL_REASON_REVOKED:
		return GL_ANSWER_REVOKED;
	case GL_REASON_LOCKDOWN:
		return GL_ANSWER_LOCKDOWN;
	case GL_REASON_SUSPENDED:
		return GL_ANSWER_SUSPENDED;
	case GL_REASON_SOURCE_NETWORK:
	case GL_REASON_BANNED:
		return GL_ANSWER_403;
	case GL_REASON_PLAINTEXT:
		return GL_ANSWER_PLAINTEXT;
	case GL_REASON_UNKNOWN_OPERATION:
		return GL_ANSWER_404;
	case GL_REASON_HEAD_TIMEOUT:
		return GL_ANSWER_408;
	case GL_REASON_TOO_LONG:
		return GL_ANSWER_431;
	case GL_REASON_HTTP2:
	case GL_REASON_UNSUPPORTED:
		return GL_ANSWER_501;
	case GL_REASON_CLOCK:
	case GL_REASON_LIMIT_SHARED:
		return GL_ANSWER_503;
	}
	return GL_ANSWER_400;
}
