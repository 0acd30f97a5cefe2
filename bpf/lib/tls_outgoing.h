/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_outgoing.h - layer 2: the client role: connections that processes of guarded namespaces make
 * themselves, where the policy wants them recorded (spec.outgoing: record). Their content goes to
 * the inspectors; nothing of them is parsed, judged, scanned or cut here.
 *
 * A handle that is no service's is a client's if the first thing written to it is the beginning of
 * an HTTP request. Its socket is the one received from inside of one of its calls; with memory BIOs
 * it is the thread's last receive, asked from the handle's second call on, for the first one shakes
 * hands before anything has come, until data moves: node finishes the handshake and writes the
 * request in one call. A guess that was wrong gives a record a wrong peer, no verdict.
 *
 * A table of its own, in which the longest unused one makes room: what this host asks for must take
 * no place from those who ask it.
 */
#pragma once

#include "bpf/lib/tls_stream.h"

#define OUTGOING_MAX 4096
/* Of one message, before the other side speaks again. HTTP/2, where a hole ends the reading of all
 * that follows, is copied whole. All of it counts as body: the first to go where a ring gets full.
 */
#define OUTGOING_BYTES (64u << 10)

enum outgoing_flags {
	OUTGOING_BEGIN = 1, /* known from its handshake on */
	OUTGOING_GUESSED = 2, /* bound by the thread's last receive */
	OUTGOING_CLIENT = 4, /* it wrote a request */
	OUTGOING_NONE = 8, /* it did not: somebody else's protocol, or a server's */
	OUTGOING_HTTP2 = 16,
	OUTGOING_WRITES = 32, /* the last call that moved data wrote */
	OUTGOING_CALLED = 64, /* this is not its first call */
};

struct outgoing {
	struct tls_sock sock; /* cookie 0: not known yet */
	__u64 off[2]; /* by enum gl_direction */
	__u32 left; /* bytes to copy of the message at hand; FLOW_TAKE_OVER */
	__u32 flags; /* enum outgoing_flags */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OUTGOING_MAX);
	__type(key, struct gl_tls_key);
	__type(value, struct outgoing);
} outgoing SEC(".maps");

/* A thread's last receive outside of TLS calls from a socket that is no service's. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_sock);
} outgoing_received SEC(".maps");

static __always_inline const struct gl_control *outgoing_control(void)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;

	return policy && policy->outgoing ? control : NULL;
}

static __always_inline struct tls_sock *outgoing_last(__u64 flags)
{
	return bpf_task_storage_get(&outgoing_received, (void *)bpf_get_current_task_btf(), NULL,
				    flags);
}

/* tp_btf/tcp_rcv_space_adjust, of a thread that has called a TLS library. */
static __always_inline void outgoing_receive(struct sock *sk)
{
	struct tls_sock *last = outgoing_last(BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (last)
		tls_sock_read(sk, last, 0);
}

static __always_inline void outgoing_bind(struct outgoing *o, const struct tls_sock *sock,
					  __u32 flags)
{
	/* the handle serves another connection now, or a guess was wrong */
	if (o->sock.cookie) {
		o->off[0] = o->off[1] = 0;
		o->flags &= OUTGOING_CALLED;
	}
	o->sock = *sock;
	o->flags = (o->flags & ~OUTGOING_GUESSED) | flags;
}

static __always_inline void outgoing_name(struct outgoing *o, const struct tls_thread *t,
					  __u32 may_guess)
{
	const struct tls_sock *inside = &t->inside;
	struct tls_sock *last;

	if (inside->cookie && !inside->service) {
		if (o->sock.cookie != inside->cookie)
			outgoing_bind(o, inside, 0);
		return;
	}
	if (!may_guess || (o->sock.cookie && !(o->flags & OUTGOING_GUESSED)))
		return;
	last = outgoing_last(0);
	if (!last || !last->cookie)
		return;
	if (o->sock.cookie != last->cookie)
		outgoing_bind(o, last, OUTGOING_GUESSED);
	last->cookie = 0; /* it names no second handle */
}

/* What the first written bytes are the beginning of. */
static __always_inline __u32 outgoing_kind(__u64 from, __u32 n)
{
	__u8 b[4];

	if (n < sizeof(b) || bpf_probe_read_user(b, sizeof(b), (const void *)from))
		return OUTGOING_NONE;
	if (b[0] == 'P' && b[1] == 'R' && b[2] == 'I' && b[3] == ' ')
		return OUTGOING_CLIENT | OUTGOING_HTTP2;
		/* a method of three letters at least */
#pragma clang loop unroll(full)
	for (int i = 0; i < 3; i++)
		if (b[i] < 'A' || b[i] > 'Z')
			return OUTGOING_NONE;
	return OUTGOING_CLIENT;
}

/* Nothing of a message is copied beyond what the inspectors look at. Returns the bytes to copy. */
static __always_inline __u32 outgoing_take(struct outgoing *o, __u32 n, int writes, __u32 *ret_tell)
{
	if (o->flags & OUTGOING_HTTP2)
		return n;
	if (writes != ((o->flags & OUTGOING_WRITES) != 0))
		o->left = OUTGOING_BYTES;
	o->flags = (o->flags & ~OUTGOING_WRITES) | (writes ? OUTGOING_WRITES : 0);
	return pass_take(&o->left, n, ret_tell);
}

static __always_inline void outgoing_head(struct tls_scratch *x, const struct outgoing *o,
					  __u32 direction)
{
	struct gl_chunk *h = &x->ask.head;

	h->client = o->sock.local;
	h->server = o->sock.peer;
	h->client_port = o->sock.port;
	h->server_port = o->sock.peer_port;
	h->conn = o->sock.cookie;
	h->service = GL_SERVICE_NONE;
	h->how = GL_HOW_PROBE;
	h->role = GL_ROLE_CLIENT;
	h->pid = bpf_get_current_pid_tgid() >> 32;
	h->direction = direction;
	h->off = o->off[direction];
}

/* A call that is no service's has ended; it moved n bytes. */
__global int outgoing_call(struct tls_scratch *x, struct tls_thread *t, __u32 n)
{
	const struct gl_control *control = outgoing_control();
	struct outgoing *o, empty;
	__u32 direction, take, tell = 0, called;
	struct gl_tls_key k;
	int writes;

	if (!x || !t || !control)
		return 0;
	tls_key_of(t->call.ssl, &k);
	o = bpf_map_lookup_elem(&outgoing, &k);
	if (!o) {
		__builtin_memset(&empty, 0, sizeof(empty));
		empty.flags = t->call.op == TLS_CALL_HANDSHAKE ? OUTGOING_BEGIN : 0;
		empty.left = OUTGOING_BYTES;
		if (bpf_map_update_elem(&outgoing, &k, &empty, BPF_NOEXIST))
			return 0;
		o = bpf_map_lookup_elem(&outgoing, &k);
		if (!o)
			return 0;
	}
	called = o->flags & OUTGOING_CALLED;
	o->flags |= OUTGOING_CALLED;
	writes = t->call.op == TLS_CALL_WRITE;
	outgoing_name(o, t, called && !(o->off[0] | o->off[1]));
	if (!n || t->call.op == TLS_CALL_HANDSHAKE || (o->flags & OUTGOING_NONE))
		return 0;
	if (!(o->flags & OUTGOING_CLIENT))
		o->flags |= writes ? outgoing_kind(t->call.buf, n) : OUTGOING_NONE;
	if (!(o->flags & OUTGOING_CLIENT))
		return 0;
	direction = writes ? GL_TO_SERVER : GL_TO_CLIENT;
	take = outgoing_take(o, n, writes, &tell);
	if (o->sock.cookie && (take || tell)) {
		outgoing_head(x, o, direction);
		x->ask.head.flags =
			GL_CHUNK_SECURE |
			(!x->ask.head.off && (o->flags & OUTGOING_BEGIN) ? GL_CHUNK_BEGIN : 0);
		x->ask.n_inspectors = control->n_inspectors;
		x->ask.from = t->call.buf;
		x->ask.n = take;
		x->ask.total = n;
		x->ask.structure = 0;
		x->ask.lost = x->ask.urgent = 0;
		chunk_send(NULL, &x->ask);
	}
	o->off[direction] += n;
	return 0;
}

/* The handle is freed. */
static __always_inline void outgoing_free(const struct gl_tls_key *k)
{
	struct outgoing *o = bpf_map_lookup_elem(&outgoing, k);
	const struct gl_control *control = control_get();
	struct tls_scratch *x;

	if (!o)
		return;
	x = (o->flags & OUTGOING_CLIENT) && o->sock.cookie ? tls_scratch_get() : NULL;
	for (__u32 direction = 0; x && control && direction < 2; direction++) {
		outgoing_head(x, o, direction);
		x->ask.n_inspectors = control->n_inspectors;
		x->ask.head.flags = GL_CHUNK_SECURE | GL_CHUNK_END;
		x->ask.n = x->ask.total = x->ask.structure = 0;
		x->ask.lost = x->ask.urgent = 0;
		x->ask.from = 0;
		chunk_piece(NULL, &x->ask);
	}
	bpf_map_delete_elem(&outgoing, k);
}
