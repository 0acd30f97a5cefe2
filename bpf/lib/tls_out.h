/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_out.h - layer 2: what a server has written to TLS: responses, for status and service time,
 * proof of principals, and the idle boundary a connection older than the agent joins at.
 */
#pragma once

#include "bpf/lib/tls_guard.h"
#include "bpf/lib/tls_in.h"

/* A response head is complete. */
static __always_inline void tls_out_head(struct tls_scratch *x, struct tls_conn *c,
					 const struct gl_policy *policy)
{
	struct flow *f = &c->flow;
	struct flow_request *r = flow_pending(f, f->answered);
	__u16 status = f->out.status;
	int head = 0;

	f->out_take = FLOW_TAKE_ALL;
	if (status >= 200 || status == 101) {
		__u64 now_ns = bpf_ktime_get_boot_ns();

		count(GL_CTR_RESPONSES);
		if (flow_owed(f)) {
			head = (r->flags & GL_RECF_HEAD) != 0;
			f->out_take = r->take;
			pass_prove(r, status, now_ns);
			pass_watch(policy, r, status, &x->judgement.watch);
			pass_tell(f, c->sock.port, c->sock.peer_port, r, now_ns,
				  &x->judgement.told);
		} else if (status != 408 && !(status >= 400 && flow_in_head(f))) {
			count(GL_CTR_DESYNC);
			f->out_known = 0;
		}
	}
	if (status == 101) {
		count(GL_CTR_UNJUDGED_TUNNEL);
		f->state = FLOW_OPAQUE;
		f->out.phase = HTTP_TUNNEL;
		return;
	}
	if (http_body_begin(&f->out, head) && status >= 200 && flow_owed(f))
		f->answered++;
}

static long tls_out_turn(__u32 i, struct tls_turn *t)
{
	struct flow *f = &t->c->flow;
	struct tls_run *run = &t->x->run;
	__u32 event, before = run->off;
	int content = guard_content(&f->out);

	if (run->off >= run->end)
		return 1;
	if (tls_turn_bytes(t, GL_TO_CLIENT)) {
		run->fault = 1;
		return 1;
	}
	if (run->guarded && content)
		tls_guard_moved(t->x, t->c, before, run->off - before);
	event = t->x->piece.event;
	if (event == HTTP_HEAD)
		tls_out_head(t->x, t->c, t->policy);
	else if (event == HTTP_MESSAGE && flow_owed(f))
		f->answered++;
	else if (event == HTTP_ERROR)
		return 1;
	return 0;
}

__global int tls_out_run(struct tls_scratch *x, struct tls_conn *c, const struct gl_policy *policy)
{
	struct tls_turn t = {.x = x, .c = c, .policy = policy};

	if (!x || !c || !policy)
		return -1;
	bpf_loop(1 << 16, tls_out_turn, &t, 0);
	return 0;
}

/* Midstream: the beginning of a final response is what an idle boundary follows. */
static __always_inline void tls_out_midstream(struct tls_scratch *x, struct flow *f)
{
	__u8 b[10];

	if (x->run.end < sizeof(b) || bpf_probe_read_user(b, sizeof(b), (void *)x->run.from))
		return;
	if (b[0] == 'H' && b[1] == 'T' && b[2] == 'T' && b[3] == 'P' && b[4] == '/' &&
	    b[5] == '1' && b[9] >= '2')
		f->answer_seen = 1;
}

/* The application has written x->run, and the library has taken it. */
__global int tls_out_data(struct tls_scratch *x, struct tls_conn *c)
{
	const struct gl_service *service = NULL;
	const struct gl_policy *policy;
	struct flow *f;

	if (!x || !c)
		return -1;
	f = &c->flow;
	policy = tls_policy(x, c, &service);
	if (!policy || !service || f->state == FLOW_CUT)
		return 0;
	/* frames are followed at once, HTTP/1 as it is read */
	x->run.guarded = tls_guards(service) && !tls_guard_frames_moved(x, c);
	if (f->state == FLOW_MIDSTREAM)
		tls_out_midstream(x, f);
	if (!tls_framed(f)) {
		if (x->run.guarded)
			tls_guard_moved(x, c, 0, x->run.end);
		if (f->state != FLOW_OPAQUE || (c->flags & TLS_CONN_HTTP2))
			tls_keep_all(x, c, GL_TO_CLIENT);
		tls_guard_over(c);
		return 0;
	}
	tls_out_run(x, c, policy);
	if (x->run.fault || f->out.phase == HTTP_FAILED) {
		/* HTTP/2 servers speak first: nothing of a request is lost then */
		if (flow_owed(f))
			count(GL_CTR_LOST_PENDING);
		f->out_known = 0;
		if (x->run.guarded)
			tls_guard_moved(x, c, x->run.off, x->run.end - x->run.off);
		tls_keep(x, c, GL_TO_CLIENT, x->run.off, x->run.end - x->run.off);
	}
	if (x->run.guarded)
		c->guard_off = c->off[GL_TO_CLIENT] + x->run.end;
	tls_flush(x, c, GL_TO_CLIENT, x->run.end);
	tls_guard_over(c);
	return 0;
}
