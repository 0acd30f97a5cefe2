/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pass.h - layer 2: requests passed on to the application, until their responses have gone by: what
 * the door remembers of them, what a status proves, the record of the response, and how much of
 * their bodies the inspectors want.
 */
#pragma once

#include "bpf/lib/judge.h"

static __always_inline __u32 pass_bytes(__u16 kib)
{
	return kib == GL_CAPTURE_ALL ? FLOW_TAKE_ALL : (__u32)kib << 10;
}

/* The operation's capture plan; a request and its response are sampled together. */
static __always_inline void pass_plan(struct flow *f, struct flow_request *r,
				      const struct gl_op *op)
{
	f->in_take = r->take = 0;
	if (!op || (op->sample > 1 && bpf_get_prandom_u32() % op->sample))
		return;
	f->in_take = pass_bytes(op->request_kib);
	r->take = pass_bytes(op->response_kib);
}

/*
 * Of n bytes of a body, how many are to be copied; counts them. *ret_tell: none, and nothing copied
 * so far says so.
 */
static __always_inline __u32 pass_take(__u32 *take, __u32 n, __u32 *ret_tell)
{
	if (*take == FLOW_TAKE_ALL)
		return n;
	if (*take == FLOW_TAKE_OVER)
		return 0;
	if (n <= *take) {
		*take -= n;
		return n;
	}
	n = *take;
	*take = FLOW_TAKE_OVER;
	*ret_tell = !n;
	return n;
}

/*
 * Which credentials a connection's unanswered requests bore, for who revokes one: those of the
 * first of a row and of the last. Pipelined ones in between are not remembered.
 */
static __always_inline void pass_borne(struct flow *f)
{
	const struct http_request *r = &f->request;
	__u64 *to = flow_owed(f) ? f->borne + HTTP_CREDENTIALS : f->borne;

	for (__u32 i = 0; i < HTTP_CREDENTIALS; i++)
		to[i] = i < r->n_credentials ? r->credentials[i] : 0;
	if (to == f->borne)
		__builtin_memset(f->borne + HTTP_CREDENTIALS, 0,
				 sizeof(f->borne[0]) * HTTP_CREDENTIALS);
}

/* The request goes to the application: remember what its response will be measured against. */
JUDGE_FUNCTION int pass_request(struct flow *f, const struct gl_policy *policy,
				const struct judgement *j)
{
	struct flow_request *r;
	const struct gl_op *op;

	if (!f || !policy || !j)
		return 0;
	r = flow_pending(f, f->next);
	op = at_index(policy->ops, GL_OPS_MAX, j->head.op);
	r->judged_ns = j->now_ns;
	r->source = j->head.source;
	r->op = j->op_id;
	r->cls = j->cls_id;
	r->service = j->service_id;
	r->credential = j->head.credential;
	r->flags = (j->head.forwarded ? GL_RECF_SOURCE_FORWARDED : 0) |
		   (j->verdict.proven ? GL_RECF_PROVEN : 0) |
		   (f->request.method == HTTP_METHOD_HEAD ? GL_RECF_HEAD : 0) |
		   (f->request.method == HTTP_METHOD_CONNECT ? FLOW_R_CONNECT : 0);
	/* only an operation that asks for a credential can prove one */
	r->principal = op && op->auth ? j->head.principal : 0;
	r->guard = op && op->guard ? op->guard | (j->enforce ? 0 : GUARD_MONITOR) : 0;
	pass_plan(f, r, op);
	pass_borne(f);
	f->next++;
	if (seq_diff(f->next, f->judged) > 0)
		f->judged = f->next;
	return 0;
}

__global int pass_proven(__u64 principal, __u16 status, __u64 now_ns)
{
	__u32 now_s = now_ns / SEC_NS;
	int outcome;

	if (status == 401) {
		proven_forget(NULL, GL_PROVEN_SLOTS, principal);
		return 0;
	}
	if (status == 403)
		return 0;
	outcome = proven_mark(NULL, GL_PROVEN_SLOTS, principal, now_s);
	if (outcome == PROVEN_NEW || outcome == PROVEN_EVICTED)
		count(GL_CTR_PROVEN);
	if (outcome == PROVEN_EVICTED)
		count(GL_CTR_PROVEN_EVICTED);
	return 0;
}

static __always_inline void pass_prove(const struct flow_request *r, __u16 status, __u64 now_ns)
{
	if (r->principal)
		pass_proven(r->principal, status, now_ns);
}

/* What the application answered, towards alert thresholds. */
static __always_inline void pass_watch(const struct gl_policy *policy, const struct flow_request *r,
				       __u16 status, struct watch_ask *ask)
{
	__u32 rule = watch_rule_of(status);

	if (rule >= GL_WATCH_MAX)
		return;
	judge_watch_begin(ask, &r->source, r->principal, rule);
	ask->service = r->service;
	ask->op = r->op;
	ask->cls = r->cls;
	ask->status = status;
	watch_event(policy, ask);
}

static __always_inline void pass_tell(const struct flow *f, __u16 port, __u16 peer_port,
				      const struct flow_request *r, __u64 now_ns,
				      struct gl_rec_response *rec)
{
	rec->source = r->source;
	rec->principal = r->principal;
	rec->time_ns = now_ns - r->judged_ns;
	rec->port = port;
	rec->peer_port = peer_port;
	rec->service = r->service;
	rec->op = r->op;
	rec->cls = r->cls;
	rec->status = f->out.status;
	rec->flags = r->flags & ~FLOW_R_CONNECT;
	rec->credential = r->credential;
	rec->reserved = 0;
	event_send(rec, GL_REC_RESPONSE, sizeof(*rec), now_ns);
}
