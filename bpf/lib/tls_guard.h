/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_guard.h - layer 2: the response guard inside TLS: what an application is about to write is
 * scanned at the library's entry, before it is encrypted; in enforce a hit marks the connection
 * (cut.h), so that nothing of the call leaves.
 *
 * A library may take less than it is given, or nothing, and is given the rest again. So the scan
 * goes ahead on a copy of what is known of the stream; what is known moves on only when the call
 * returns, by what was taken (tls_guard_moved). Bytes that come again are scanned again and counted
 * once.
 *
 * The program may sleep: a page that nobody has touched yet is read in. Where it may not, such
 * bytes are unscanned.
 */
#pragma once

#include "bpf/lib/guard_scan.h"
#include "bpf/lib/tls_stream.h"

/* Set before the load: the programs at the library's entry may sleep. */
const volatile __u32 guard_may_sleep = 1;

/* One thread's scan of one call. */
struct tls_guard {
	struct guard_work work;
	struct http_msg out; /* the framing, ahead of the flow's */
	struct guard_carry carry;
	struct guard_h2 h2;
	__u64 from; /* address in user space */
	__u32 off, end;
	__u32 seen; /* so many of the bytes were scanned by a call before */
	__u32 raw; /* nothing is known of the structure */
	struct guard_text text;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_guard);
} tls_guards_by_thread SEC(".maps");

/* Is what this service writes to TLS looked at? */
static __always_inline int tls_guards(const struct gl_service *service)
{
	return (service->flags & GL_SERVICE_GUARD) && !(service->flags & GL_SERVICE_TLS_BLIND);
}

/* Is it known where responses begin and end? */
static __always_inline int tls_framed(const struct flow *f)
{
	return f->state == FLOW_HTTP && f->out_known;
}

/* ---------------------------------------------------------------------------------------------
 * The call has returned
 */

struct tls_guard_frames {
	struct tls_scratch *x;
	struct tls_conn *c;
	__u32 off;
	__u32 reserved;
};

/*
 * n bytes of content at `off` of the call's were taken: the stream's last ones are remembered. They
 * were just read by the library, so they are there. What the piece holds is lost. (Read to a fixed
 * place: the verifier of 6.1 follows either a place or a length.)
 */
__global int tls_guard_moved(struct tls_scratch *x, struct tls_conn *c, __u32 off, __u32 n)
{
	struct guard_carry *carry;
	const __u8 *end;
	__u8 *piece;
	int fault;

	if (!x || !c)
		return 0;
	carry = &c->flow.guard;
	piece = x->piece.bytes;
	c->guard_off = c->off[GL_TO_CLIENT] + off + n;
	if (!n)
		return 0;
	if (n >= GL_GUARD_REACH) {
		fault = bpf_probe_read_user(carry->bytes, GL_GUARD_REACH,
					    (const void *)(x->run.from + off + n - GL_GUARD_REACH));
		carry->n = GL_GUARD_REACH;
	} else {
		guard_copy(piece, carry->bytes);
		opaque(n);
		fault = n >= GL_GUARD_REACH ||
			bpf_probe_read_user(piece + GL_GUARD_REACH, n,
					    (const void *)(x->run.from + off));
		end = at_index(x->piece.bytes, GL_GUARD_REACH, n);
		if (end)
			guard_copy(carry->bytes, end);
		carry->n = carry->n + n < GL_GUARD_REACH ? carry->n + n : GL_GUARD_REACH;
	}
	if (fault) {
		guard_forget(carry);
		/* GnuTLS is asked to go on by NULL: what it takes then was scanned before */
		if (x->run.from)
			c->flags |= TLS_CONN_GUARD_HOLE;
	}
	return 0;
}

/* Frames of HTTP/2 as they were taken. One head, or one piece of payload. */
static long tls_guard_h2_moved(__u32 i, struct tls_guard_frames *t)
{
	struct tls_run *run = &t->x->run;
	struct guard_h2 *h = &t->c->guard_h2;
	__u32 n = run->end - t->off, left = guard_h2_left(h);

	if (t->off >= run->end || !h->on)
		return 1;
	if (left) {
		if (n > left)
			n = left;
		if (guard_h2_content(h))
			tls_guard_moved(t->x, t->c, t->off, n);
		guard_h2_passed(h, n);
		t->off += n;
		return 0;
	}
	if (n > GUARD_H2_HEAD)
		n = GUARD_H2_HEAD;
	opaque(n);
	if (n > GUARD_H2_HEAD ||
	    bpf_probe_read_user(t->x->piece.bytes, n, (const void *)(run->from + t->off))) {
		t->c->flags |= TLS_CONN_GUARD_HOLE;
		h->on = 0;
		return 1;
	}
	t->off += guard_h2_head(h, &t->c->flow.guard, t->x->piece.bytes, n);
	return 0;
}

/* True: it is frames that the library has taken. */
__global int tls_guard_frames_moved(struct tls_scratch *x, struct tls_conn *c)
{
	struct tls_guard_frames t = {.x = x, .c = c};
	__u8 head[GUARD_H2_HEAD];

	if (!x || !c)
		return 0;
	if (!c->off[GL_TO_CLIENT] && (c->flags & TLS_CONN_BEGIN) && x->run.end >= sizeof(head) &&
	    !bpf_probe_read_user(head, sizeof(head), (const void *)x->run.from))
		c->guard_h2.on = guard_h2_begins(head);
	if (!c->guard_h2.on)
		return 0;
	bpf_loop(1 << 20, tls_guard_h2_moved, &t, 0);
	if (!c->guard_h2.on)
		guard_forget(&c->flow.guard);
	c->guard_off = c->off[GL_TO_CLIENT] + x->run.end;
	return 1;
}

/* What the guard ended was told to the inspectors: nothing more is. */
static __always_inline void tls_guard_over(struct tls_conn *c)
{
	if (c->flags & TLS_CONN_GUARD_CUT)
		c->flow.state = FLOW_CUT;
}

/* ---------------------------------------------------------------------------------------------
 * The call begins
 */
static __always_inline long tls_guard_read(void *to, __u32 n, __u64 from)
{
	if (guard_may_sleep)
		return bpf_copy_from_user(to, n, (const void *)from);
	return bpf_probe_read_user(to, n, (const void *)from);
}

static __always_inline void tls_guard_unscanned(struct tls_guard *g, struct flow *f)
{
	guard_forget(&g->carry);
	if (!g->work.again)
		guard_work_unscanned(&g->work, f);
}

/* Scans n bytes at `off` of the call: the stream's next content. */
__global int tls_guard_scan(struct tls_guard *g, struct tls_conn *c, const struct gl_policy *policy,
			    __u32 off, __u32 n)
{
	if (!g || !c || !policy)
		return GUARD_UNSCANNED;
	guard_begin(&g->text, &g->carry);
	opaque(n);
	if (n > GUARD_BYTES || tls_guard_read(g->text.bytes + GUARD_AT, n, g->from + off)) {
		tls_guard_unscanned(g, &c->flow);
		return g->work.result;
	}
	guard_work_scan(&g->work, &c->flow, policy, &g->text, &g->carry, n);
	return g->work.result;
}

struct tls_guard_turn {
	struct tls_guard *guard;
	struct tls_conn *conn;
	const struct gl_policy *policy;
	struct http_piece *piece;
	__u32 stepped; /* the parser moved on: its event counts */
	__u32 reserved;
};

/* One frame's head, or one piece of its payload. *content: it is to be scanned. -1: as below. */
static __always_inline int tls_guard_frame(struct tls_guard *g, struct http_piece *piece, __u32 n,
					   int *content)
{
	__u32 left = guard_h2_left(&g->h2);

	*content = 0;
	if (left) {
		if (n > left)
			n = left;
		if (n > GUARD_BYTES)
			n = GUARD_BYTES;
		*content = guard_h2_content(&g->h2);
		guard_h2_passed(&g->h2, n);
		g->off += n;
		return 0;
	}
	if (n > GUARD_H2_HEAD)
		n = GUARD_H2_HEAD;
	opaque(n);
	if (n > GUARD_H2_HEAD || tls_guard_read(piece->bytes, n, g->from + g->off))
		return -1;
	g->off += guard_h2_head(&g->h2, &g->carry, piece->bytes, n);
	return 0;
}

/* A response head is complete: what its body is. */
static __always_inline void tls_guard_head(struct tls_guard *g, const struct flow *f)
{
	int owed = guard_work_owed(&g->work, f);
	int head = owed && (flow_pending((struct flow *)f, g->work.answered)->flags & GL_RECF_HEAD);
	__u16 status = g->out.status;

	if (status == 101) {
		g->raw = 1;
		return;
	}
	if (http_body_begin(&g->out, head) && status >= 200 && owed)
		g->work.answered++;
}

/* One piece of a response, or of a body. Sets the piece's event; -1: memory cannot be read. */
static __always_inline int tls_guard_step(struct tls_guard_turn *t, __u32 n)
{
	struct http_piece *piece = t->piece;
	struct tls_guard *g = t->guard;
	__u32 skip = http_skippable(&g->out, n);

	piece->event = HTTP_NOTHING;
	if (skip) {
		if (skip > GUARD_BYTES)
			skip = GUARD_BYTES;
		if (http_skipped(&g->out, skip))
			piece->event = HTTP_MESSAGE;
		g->off += skip;
		return 0;
	}
	if (n > HTTP_PIECE)
		n = HTTP_PIECE;
	opaque(n);
	if (n > HTTP_PIECE || tls_guard_read(piece->bytes, n, g->from + g->off))
		return -1;
	http_run(piece, n, t->policy, &g->out, NULL);
	g->off += piece->off;
	return 0;
}

static __always_inline void tls_guard_event(struct tls_guard_turn *t)
{
	struct tls_guard *g = t->guard;

	switch (t->piece->event) {
	case HTTP_HEAD:
		tls_guard_head(g, &t->conn->flow);
		break;
	case HTTP_MESSAGE:
		if (guard_work_owed(&g->work, &t->conn->flow))
			g->work.answered++;
		break;
	case HTTP_ERROR:
		g->raw = 1;
		break;
	}
}

static long tls_guard_turn(__u32 i, struct tls_guard_turn *t)
{
	struct tls_guard *g = t->guard;
	struct guard_work *work = &g->work;
	__u32 before = g->off, n = g->end - before;
	int content = g->raw || guard_content(&g->out), fault = 0;

	if (before >= g->end || work->result != GUARD_CLEAN)
		return 1;
	work->again = before < g->seen;
	if (work->again && n > g->seen - before)
		n = g->seen - before;
	guard_work_of(work, &t->conn->flow, work->answered, !g->raw && !g->h2.on);
	if (g->h2.on) {
		fault = tls_guard_frame(g, t->piece, n, &content);
	} else if (g->raw) {
		g->off += n > GUARD_BYTES ? GUARD_BYTES : n;
	} else {
		fault = tls_guard_step(t, n);
		t->stepped = 1;
	}
	if (fault) {
		tls_guard_unscanned(g, &t->conn->flow);
		return 1;
	}
	if (content && work->look && g->off > before)
		tls_guard_scan(g, t->conn, t->policy, before, g->off - before);
	if (t->stepped)
		tls_guard_event(t);
	t->stepped = 0;
	return 0;
}

/* Begins where the stream is: nothing of what the library did not take counts. */
static __always_inline void tls_guard_begin(struct tls_guard *g, struct tls_conn *c, __u64 from,
					    __u32 n)
{
	__u64 ahead = c->guard_seen - c->off[GL_TO_CLIENT];

	g->out = c->flow.out;
	g->work.answered = c->flow.answered;
	g->raw = !tls_framed(&c->flow);
	g->from = from;
	g->off = 0;
	g->end = n;
	g->seen = c->guard_seen > c->off[GL_TO_CLIENT] ? (ahead < n ? (__u32)ahead : n) : 0;
	g->carry = c->flow.guard;
	g->h2.on = 0;
	if (c->guard_h2.on || !c->off[GL_TO_CLIENT])
		g->h2 = c->guard_h2;
	/* what was written while nothing was looked for */
	if (c->guard_off != c->off[GL_TO_CLIENT])
		guard_forget(&g->carry);
	if (c->guard_seen < c->off[GL_TO_CLIENT] + n)
		c->guard_seen = c->off[GL_TO_CLIENT] + n;
}

/* The application is about to write n bytes. */
__global int tls_guard_write(struct tls_guard *g, struct tls_scratch *x, struct tls_conn *c,
			     const struct gl_policy *policy)
{
	const struct gl_control *control = control_get();
	struct tls_guard_turn t = {.guard = g, .conn = c, .policy = policy};
	int lost = 0;

	if (!g || !x || !c || !policy || !control ||
	    !guard_work_begin(&g->work, policy, control, c->sock.port))
		return 0;
	tls_guard_begin(g, c, x->run.from, x->run.end);
	if (c->flags & TLS_CONN_GUARD_HOLE) {
		c->flags &= ~TLS_CONN_GUARD_HOLE;
		guard_work_of(&g->work, &c->flow, g->work.answered, !g->raw);
		tls_guard_unscanned(g, &c->flow);
	}
	if (!c->off[GL_TO_CLIENT] && (c->flags & TLS_CONN_BEGIN) && g->end >= GUARD_H2_HEAD &&
	    !tls_guard_read(x->piece.bytes, GUARD_H2_HEAD, g->from))
		g->h2.on = guard_h2_begins(x->piece.bytes);
	t.piece = &x->piece;
	bpf_loop(1 << 20, tls_guard_turn, &t, 0);
	if (!guard_work_tells(&g->work))
		return 0;
	if (g->work.result != GUARD_CLEAN) {
		lost = cut_mark(c->sock.cookie, g->work.result == GUARD_HIT ? GL_REASON_SECRET
									    : GL_REASON_UNSCANNED);
		c->flags |= TLS_CONN_GUARD_CUT;
	}
	return guard_work_end(&g->work, &c->flow, &c->sock.peer, c->sock.peer_port, GL_DOOR_TLS,
			      lost ? GL_DELIVERY_NONE : GL_DELIVERY_RESET);
}

/*
 * Is there anything to look for in what this connection's server writes next? A handle that was
 * only guessed to be the service's is one that has read something: what a process writes first to
 * a connection it made itself is no response.
 */
static __always_inline int tls_guard_wanted(struct tls_conn *c, const struct gl_policy *policy)
{
	__u32 index = policy->port_service[c->sock.port] - 1u;
	const struct gl_service *service;
	struct flow *f = &c->flow;

	if (tls_is_cut(c) || ((c->flags & TLS_CONN_GUESSED) && !c->off[GL_TO_SERVER]))
		return 0;
	service = at_index(policy->services, GL_SERVICES_MAX, index);
	if (!service || !tls_guards(service))
		return 0;
	return !tls_framed(f) || flow_owed(f) != 1 || flow_pending(f, f->answered)->guard;
}

static __always_inline int tls_guard_call(__u64 ssl, __u64 from, __u64 n)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy;
	struct tls_scratch *x;
	struct tls_guard *g;
	struct tls_conn *c;
	struct gl_tls_key k;

	tls_key_of(ssl, &k);
	c = bpf_map_lookup_elem(&tls_conns, &k);
	policy = c && control ? policy_at(control->active) : NULL;
	if (!policy || !tls_guard_wanted(c, policy))
		return 0;
	x = tls_scratch_get();
	g = bpf_task_storage_get(&tls_guards_by_thread, (void *)bpf_get_current_task_btf(), NULL,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!x || !g) {
		count(GL_CTR_LOST_STORAGE);
		tls_conn_lost(&c->sock);
		return 0;
	}
	tls_run_begin(x, from, n);
	tls_guard_write(g, x, c, policy);
	return 0;
}
