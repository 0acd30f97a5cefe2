/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_in.h - layer 2: what a server has read from TLS: requests, judged as at the wire door, on the
 * same tables. The application has the bytes already, so a refusal is the cut: whatever it answers
 * does not leave.
 */
#pragma once

#include "bpf/lib/h2.h"
#include "bpf/lib/tls_stream.h"

static long tls_in_turn(__u32 i, struct tls_turn *t)
{
	struct flow *f = &t->c->flow;
	struct tls_run *run = &t->x->run;
	__u32 event;

	if (run->off >= run->end)
		return 1;
	if (tls_turn_bytes(t, GL_TO_SERVER)) {
		run->fault = 1;
		return 1;
	}
	event = t->x->piece.event;
	if (event == HTTP_ADDRESS)
		http_address(&f->request, nets_match(t->policy, t->proxy_set, &f->request.element));
	else if (event == HTTP_HEAD || event == HTTP_ERROR)
		t->end = event;
	return t->end != HTTP_NOTHING;
}

/* Reads on to the next head, an error or the end of the call: HTTP_HEAD, HTTP_ERROR or NOTHING. */
__global int tls_in_run(struct tls_scratch *x, struct tls_conn *c, const struct gl_policy *policy)
{
	struct tls_turn t = {.x = x, .c = c, .policy = policy};
	const struct gl_service *service;

	if (!x || !c || !policy)
		return HTTP_NOTHING;
	service = policy_service(policy, &c->flow);
	if (!service)
		return HTTP_NOTHING;
	x->piece.root = service->root;
	t.proxy_set = service->proxy_set;
	bpf_loop(1 << 16, tls_in_turn, &t, 0);
	return t.end;
}

/* A verdict that is not allow. 1: the connection ends here. */
static __always_inline int tls_in_refuse(struct tls_scratch *x, struct tls_conn *c)
{
	struct judgement *j = &x->judgement;
	struct flow *f = &c->flow;
	int lost;

	judge_record(f, &x->packet, j);
	if (!j->enforce) {
		judge_tell(f, GL_DELIVERY_NONE, 0, j->now_ns);
		return 0;
	}
	lost = cut_mark(c->sock.cookie, j->verdict.reason);
	judge_tell(f, lost ? GL_DELIVERY_NONE : GL_DELIVERY_RESET, 0, j->now_ns);
	f->state = FLOW_CUT;
	return 1;
}

static __always_inline int tls_in_head(struct tls_scratch *x, struct tls_conn *c,
				       const struct gl_policy *policy)
{
	struct flow *f = &c->flow;

	count(GL_CTR_TLS_REQUESTS);
	if (judge_request(policy, f, &x->packet, &x->judgement))
		return 1;
	if (x->judgement.verdict.verdict != GL_VERDICT_ALLOW && tls_in_refuse(x, c))
		return 1;
	if (f->out_known && flow_owed(f) >= FLOW_PENDING) {
		count(GL_CTR_LOST_PENDING);
		f->out_known = 0;
	}
	x->ask.head.rec.ts_ns = x->judgement.now_ns;
	pass_request(f, policy, &x->judgement);
	if (f->request.method == HTTP_METHOD_CONNECT) {
		count(GL_CTR_UNJUDGED_TUNNEL);
		f->in.phase = HTTP_TUNNEL;
		f->state = FLOW_OPAQUE;
		return 1;
	}
	http_body_begin(&f->in, 0);
	return 0;
}

/* What cannot be judged: one verdict for it. 1: the connection ends here. */
static __always_inline int tls_in_unreadable(struct tls_scratch *x, struct tls_conn *c,
					     const struct gl_policy *policy, __u8 reason,
					     __u8 outcome)
{
	if (judge_unreadable(policy, &c->flow, &x->packet, &x->judgement, reason))
		return 0;
	x->judgement.head.outcome = outcome;
	return tls_in_refuse(x, c);
}

/* The parser gave up: HTTP/2 and what was never HTTP pass, anything else is refused (I8). */
__global int tls_in_error(struct tls_scratch *x, struct tls_conn *c, const struct gl_policy *policy,
			  const struct gl_service *service)
{
	struct flow *f;
	int ended = 0;
	__u8 outcome;

	if (!x || !c || !policy || !service)
		return 0;
	f = &c->flow;
	outcome = f->in.outcome;
	if (outcome == GL_OUTCOME_UNSUPPORTED && !f->judged) {
		if (f->request.method == HTTP_METHOD_PRI) {
			c->flags |= TLS_CONN_HTTP2;
			f->request.method = HTTP_METHOD_OTHER;
			if (service->flags & GL_SERVICE_HTTP2_REFUSE)
				ended = tls_in_unreadable(x, c, policy, GL_REASON_HTTP2,
							  GL_OUTCOME_UNSUPPORTED);
			if (!ended && !(service->flags & GL_SERVICE_HTTP2_JUDGE))
				count(GL_CTR_UNJUDGED_HTTP2);
		} else {
			count(GL_CTR_UNJUDGED_OTHER);
		}
	} else {
		ended = tls_in_unreadable(x, c, policy,
					  outcome == GL_OUTCOME_TOO_LONG ? GL_REASON_TOO_LONG
					  : outcome == GL_OUTCOME_UNSUPPORTED
						  ? GL_REASON_UNSUPPORTED
						  : GL_REASON_MALFORMED,
					  outcome);
		if (!ended) {
			count(GL_CTR_UNJUDGED_MALFORMED);
			c->flags |= TLS_CONN_HTTP2; /* copied all the same */
		}
	}
	if (!ended)
		f->state = FLOW_OPAQUE;
	f->out_known = 0;
	return 0;
}

/*
 * Bytes the application has could not be read: nobody knows what it was asked. On a connection that
 * was never read, the probe itself may be wrong, and that must not end connections.
 */
static __always_inline void tls_in_fault(struct tls_scratch *x, struct tls_conn *c,
					 const struct gl_policy *policy)
{
	count(GL_CTR_UNJUDGED_FAULT);
	if (!c->flow.judged ||
	    !tls_in_unreadable(x, c, policy, GL_REASON_DESYNCHRONIZED, GL_OUTCOME_SHORT))
		c->flow.state = FLOW_LOST;
}

/* The policy of what is being read; makes the service known to chunks. */
static __always_inline const struct gl_policy *tls_policy(struct tls_scratch *x, struct tls_conn *c,
							  const struct gl_service **ret_service)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;

	if (!control)
		return NULL;
	policy = policy_of(&c->flow, control);
	if (!policy)
		return NULL;
	*ret_service = policy_service(policy, &c->flow);
	if (!*ret_service)
		return NULL;
	x->ask.head.service = c->service = (*ret_service)->id;
	if ((*ret_service)->flags & GL_SERVICE_INSPECT)
		x->ask.n_inspectors = control->n_inspectors;
	return policy;
}

/*
 * HTTP/2: where its requests are judged in user space, what the call read is noted before the
 * application can answer it. 1: it is.
 */
__global int tls_h2_take(struct tls_scratch *x, struct tls_conn *c, const struct gl_policy *policy)
{
	const struct gl_control *control = control_get();
	const struct gl_service *service;
	struct h2_walk w = {};
	struct h2_conn *h2;

	if (!x || !c || !policy || !control)
		return 0;
	service = policy_service(policy, &c->flow);
	if (!service || !(service->flags & GL_SERVICE_HTTP2_JUDGE) || !control->n_inspectors ||
	    !admit_enforces(control, service))
		return 0;
	h2 = h2_conn_of(c->sock.cookie, c->off[GL_TO_SERVER], policy, service, &c->sock.peer);
	if (!h2)
		return 0;
	w.at = x->run.from;
	w.n = x->run.end;
	h2_take(c->sock.cookie, h2, &w, c->off[GL_TO_SERVER]);
	x->ask.urgent = 1;
	return 1;
}

/* And copied: what nobody could read ends the connection (I3). */
static __always_inline void tls_h2_taken(struct tls_scratch *x, struct tls_conn *c)
{
	x->ask.urgent = 0;
	if (!x->ask.lost)
		return;
	count(GL_CTR_H2_LOST);
	cut_mark(c->sock.cookie, GL_REASON_REORDERED);
	c->flow.state = FLOW_CUT;
}

#define TLS_IN_MORE 1 /* tls_in_data(): there are more heads than it reads at a turn */

/* The application has read x->run; the rest of it, if that is where a turn ended. */
__global int tls_in_data(struct tls_scratch *x, struct tls_conn *c)
{
	const struct gl_service *service = NULL;
	const struct gl_policy *policy;
	struct flow *f;
	int h2, heads;

	if (!x || !c)
		return -1;
	f = &c->flow;
	if (f->state == FLOW_CUT)
		return 0;
	policy = tls_policy(x, c, &service);
	if (!policy || !service) {
		count(GL_CTR_UNJUDGED_NO_POLICY);
		return 0;
	}
	/* a connection older than the agent joins where a request begins */
	if (f->state == FLOW_MIDSTREAM && f->answer_seen) {
		f->state = FLOW_HTTP;
		f->out_known = 1;
		f->judged = f->next = f->answered = 0;
		http_open(&f->in, 0);
		http_open(&f->out, HTTP_F_RESPONSE);
	}
	if (f->state != FLOW_HTTP) {
		int judged = (c->flags & TLS_CONN_HTTP2) && tls_h2_take(x, c, policy);

		if (f->state == FLOW_MIDSTREAM || (c->flags & TLS_CONN_HTTP2))
			tls_keep_all(x, c, GL_TO_SERVER);
		if (judged)
			tls_h2_taken(x, c);
		return 0;
	}
	if (!flow_in_head(f))
		f->request.flags = nets_match(policy, service->proxy_set, &x->packet.src)
					   ? HTTP_R_TRUSTED_PEER
					   : 0;
	for (heads = 0; heads < FLOW_HEADS; heads++) {
		int event = tls_in_run(x, c, policy);

		if (event == HTTP_HEAD && !tls_in_head(x, c, policy))
			continue;
		if (event == HTTP_ERROR)
			tls_in_error(x, c, policy, service);
		break;
	}
	if (heads == FLOW_HEADS && x->run.off < x->run.end)
		return TLS_IN_MORE;
	if (x->run.fault)
		tls_in_fault(x, c, policy);
	/* where parsing ended in the middle, the rest is content all the same */
	if (x->run.off < x->run.end && (f->state == FLOW_CUT || (c->flags & TLS_CONN_HTTP2)))
		tls_keep(x, c, GL_TO_SERVER, x->run.off, x->run.end - x->run.off);
	h2 = (c->flags & TLS_CONN_HTTP2) && f->state != FLOW_CUT && tls_h2_take(x, c, policy);
	tls_flush(x, c, GL_TO_SERVER, x->run.end);
	if (h2)
		tls_h2_taken(x, c);
	return 0;
}
