/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_stream.h - layer 2: the bytes of a TLS call, read from the application's memory: to the HTTP
 * parser in pieces of 2 KiB, to the inspectors by capture plan (heads and framing whole, bodies as
 * far as the operation says).
 */
#pragma once

#include "bpf/lib/http_run.h"
#include "bpf/lib/tls_conn.h"

/* One call's bytes and how far they are read. Offsets count from its first byte. */
struct tls_run {
	__u64 from; /* address in user space */
	__u32 off, end;
	__u32 keep_from, keep_to; /* read, to be copied, not sent yet */
	__u32 fault; /* memory could not be read */
	__u32 tell; /* that nothing is copied is worth a chunk */
	__u32 guarded; /* the response guard has to know how it ends */
	__u32 structure_to; /* of what is kept: the last head or framing ends here */
};

/* What a thread needs room for while it judges. */
struct tls_scratch {
	struct packet packet; /* the connection as a packet of the client would name it */
	struct judgement judgement;
	struct tls_run run;
	struct http_piece piece;
	struct chunk_ask ask; /* last, as the above */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_scratch);
} tls_scratches SEC(".maps");

static __always_inline struct tls_scratch *tls_scratch_get(void)
{
	struct tls_scratch *x;

	x = bpf_task_storage_get(&tls_scratches, (void *)bpf_get_current_task_btf(), NULL,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!x)
		count(GL_CTR_LOST_STORAGE);
	return x;
}

/* Whose bytes these are, for the packet-minded judge and for chunks. */
static __always_inline void tls_scratch_name(struct tls_scratch *x, const struct tls_conn *c,
					     __u32 direction)
{
	struct gl_chunk *h = &x->ask.head;

	x->packet.src = h->client = c->sock.peer;
	x->packet.dst = h->server = c->sock.local;
	x->packet.sport = h->client_port = c->sock.peer_port;
	x->packet.dport = h->server_port = c->sock.port;
	x->judgement.secure = 1;
	h->conn = c->sock.cookie;
	h->service = c->service;
	h->how = GL_HOW_PROBE;
	h->role = GL_ROLE_SERVER;
	h->pid = bpf_get_current_pid_tgid() >> 32;
	h->direction = direction;
	h->rec.ts_ns = 0;
	x->ask.n_inspectors = 0;
}

static __always_inline int tls_is_cut(const struct tls_conn *c)
{
	return c->flow.state == FLOW_CUT || (c->flags & TLS_CONN_GUARD_CUT);
}

/* Sends what is kept; [keep_from, end) is what was read since. */
__global int tls_flush(struct tls_scratch *x, struct tls_conn *c, __u32 direction, __u32 end)
{
	struct tls_run *run;
	struct chunk_ask *a;

	if (!x || !c || direction > GL_TO_CLIENT)
		return -1;
	run = &x->run;
	a = &x->ask;
	if ((run->keep_to <= run->keep_from && !run->tell) || !a->n_inspectors)
		return 0;
	run->tell = 0;
	a->head.off = c->off[direction] + run->keep_from;
	a->head.flags = GL_CHUNK_SECURE | (tls_is_cut(c) ? GL_CHUNK_CUT : 0) |
			(!a->head.off && (c->flags & TLS_CONN_BEGIN) ? GL_CHUNK_BEGIN : 0);
	a->from = run->from + run->keep_from;
	a->n = run->keep_to - run->keep_from;
	a->total = end - run->keep_from;
	a->structure = run->structure_to > run->keep_from ? run->structure_to - run->keep_from : 0;
	chunk_send(NULL, a);
	run->keep_from = run->keep_to;
	return 0;
}

/* The n bytes at `from` are to be copied: heads and framing. */
static __always_inline void tls_keep(struct tls_scratch *x, struct tls_conn *c, __u32 direction,
				     __u32 from, __u32 n)
{
	if (!n)
		return;
	if (from != x->run.keep_to) {
		tls_flush(x, c, direction, from);
		x->run.keep_from = from;
	}
	x->run.keep_to = x->run.structure_to = from + n;
	x->run.tell = 0;
}

/* The same of a body. tell: that nothing of it is copied is worth a chunk. */
static __always_inline void tls_keep_body(struct tls_scratch *x, struct tls_conn *c,
					  __u32 direction, __u32 from, __u32 n, __u32 tell)
{
	if (!n && !tell)
		return;
	if (from != x->run.keep_to) {
		tls_flush(x, c, direction, from);
		x->run.keep_from = from;
	}
	x->run.keep_to = from + n;
	x->run.tell = tell;
}

/* The whole call, unread: where structure is not known, or is another protocol's. */
static __always_inline void tls_keep_all(struct tls_scratch *x, struct tls_conn *c, __u32 direction)
{
	x->run.keep_from = 0;
	x->run.keep_to = x->run.end;
	/* heads are among HTTP/2's frames; of the rest nobody knows */
	x->run.structure_to = c->flags & TLS_CONN_HTTP2 ? x->run.end : 0;
	tls_flush(x, c, direction, x->run.end);
}

/* One direction being read; on the stack. */
struct tls_turn {
	struct tls_scratch *x;
	struct tls_conn *c;
	const struct gl_policy *policy;
	__u32 proxy_set; /* of the service, for requests */
	__u32 end; /* enum http_event that stopped the run */
};

/* Moves on by one piece or one body's worth; sets piece->event. -1: memory cannot be read. */
static __always_inline int tls_turn_bytes(struct tls_turn *t, __u32 direction)
{
	struct flow *f = &t->c->flow;
	struct http_piece *piece = &t->x->piece;
	struct tls_run *run = &t->x->run;
	struct http_msg *msg = direction == GL_TO_SERVER ? &f->in : &f->out;
	struct http_request *request = direction == GL_TO_SERVER ? &f->request : NULL;
	__u32 *take = direction == GL_TO_SERVER ? &f->in_take : &f->out_take;
	__u32 n = run->end - run->off;
	__u32 skip = http_skippable(msg, n), kept, tell = 0;

	piece->event = HTTP_NOTHING;
	if (skip) {
		if (http_skipped(msg, skip))
			piece->event = HTTP_MESSAGE;
		kept = pass_take(take, skip, &tell);
		tls_keep_body(t->x, t->c, direction, run->off, kept, tell);
		run->off += skip;
		return 0;
	}
	if (n > HTTP_PIECE)
		n = HTTP_PIECE;
	if (bpf_probe_read_user(piece->bytes, n, (const void *)(run->from + run->off)))
		return -1;
	http_run(piece, n, t->policy, msg, request);
	tls_keep(t->x, t->c, direction, run->off, piece->off);
	run->off += piece->off;
	return 0;
}

/* Starts on a call's n bytes. */
static __always_inline void tls_run_begin(struct tls_scratch *x, __u64 from, __u32 n)
{
	x->run.from = from;
	x->run.off = x->run.keep_from = x->run.keep_to = 0;
	x->run.end = n;
	x->run.fault = x->run.tell = x->run.guarded = x->run.structure_to = 0;
	x->ask.lost = x->ask.urgent = 0;
}

/* The inspectors know that nothing more comes. */
static __always_inline void tls_end(struct tls_scratch *x, struct tls_conn *c, __u32 n_inspectors)
{
	if (!n_inspectors || (c->flags & TLS_CONN_ENDED) || !(c->off[0] | c->off[1]))
		return;
	c->flags |= TLS_CONN_ENDED;
	for (__u32 direction = 0; direction < 2; direction++) {
		tls_scratch_name(x, c, direction);
		x->ask.n_inspectors = n_inspectors;
		x->ask.head.off = c->off[direction];
		x->ask.head.flags = GL_CHUNK_SECURE | GL_CHUNK_END;
		x->ask.n = x->ask.total = x->ask.structure = 0;
		x->ask.from = 0;
		chunk_piece(NULL, &x->ask);
	}
}
