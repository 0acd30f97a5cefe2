/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_conn.h - layer 2: what the tls door remembers of a connection, by the library's handle and
 * the process it lives in, and how a handle finds its connection.
 *
 * A receive names one call's connection: servers that begin a handshake before anything came
 * (asyncio) must not get the connection before. A handle is bound once and stays bound (a thread's
 * last receive may be another connection's by the next call), unless a later call is seen to
 * receive from another socket. It ends when the library frees the handle; what a dead process
 * leaves behind is swept by user/kern once its socket is gone.
 */
#pragma once

#include "bpf/lib/chunk.h"
#include "bpf/lib/cut.h"
#include "bpf/lib/judge.h"
#include "bpf/lib/pass.h"
#include "bpf/lib/tls_claims.h"
#include "bpf/lib/tls_sock.h"
#include "include/glacis/guard_h2.h"
#include "include/glacis/http.h"

/* Of a flow only HTTP is used here, and nothing to return to: the rest of it has room for this. */
struct tls_conn {
	union {
		struct flow flow;
		struct {
			__u64 closed_ns; /* first: user/kern reads it; 0 = the socket lives */
			__u64 cookie; /* second, as that: flow.conn is the socket's cookie */
			__u8 shared[FLOW_SHARED - 2 * sizeof(__u64)];
			struct tls_sock sock;
			__u64 off[2]; /* by enum gl_direction: application data so far */
			__u32 flags; /* enum tls_conn_flags */
			__u16 service; /* interned id, as last known; GL_SERVICE_NONE */
			__u16 reserved;
			__u64 guard_off; /* what flow.guard ends at, of off[GL_TO_CLIENT] */
			__u64 guard_seen; /* scanned up to here */
			struct guard_h2 guard_h2;
		};
	};
};
/* A hash element has 48 bytes and the key in front of it and 8 behind: it fits 2,048, not 4,096. */
_Static_assert(sizeof(struct tls_conn) <= 2048 - 48 - sizeof(struct gl_tls_key) - 8,
	       "a connection in a slab of 2,048 bytes");
_Static_assert(sizeof(struct tls_conn) == sizeof(struct flow), "its own lies in the flow's room");

enum tls_conn_flags {
	TLS_CONN_BEGIN = 1, /* known from its handshake on */
	TLS_CONN_GUESSED = 2, /* bound by the thread's last receive, not by one of its own */
	TLS_CONN_HTTP2 = 4, /* or, in monitor, what the parser gave up on: copied whole */
	TLS_CONN_ENDED = 8, /* the inspectors know that nothing more comes */
	TLS_CONN_CERTIFICATE = 16, /* the server's certificate was told */
	TLS_CONN_CLIENT_CERTIFICATE = 32, /* the client's was */
	TLS_CONN_GUARD_CUT = 64, /* the guard ended it: the call at hand is the last that is told */
	TLS_CONN_GUARD_HOLE = 128, /* the end of what left last is not known */
};

#define TLS_CONNS_MAX 16384

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TLS_CONNS_MAX);
	__type(key, struct gl_tls_key);
	__type(value, struct tls_conn);
} tls_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GL_PROBE_LIBRARIES_MAX);
	__type(key, __u32);
	__type(value, struct gl_probe_account);
} tls_account SEC(".maps");

/* All zero but what is the same for all: what a new one begins as. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tls_conn);
} no_conn SEC(".maps");

static __always_inline struct gl_probe_account *tls_account_of(const struct tls_call *call)
{
	__u32 library = call->library;

	return bpf_map_lookup_elem(&tls_account, &library);
}

static __always_inline void tls_key_of(__u64 ssl, struct gl_tls_key *k)
{
	k->ssl = ssl;
	k->tgid = bpf_get_current_pid_tgid() >> 32;
	k->reserved = 0;
}

static __always_inline void tls_conn_open(struct tls_conn *c, const struct tls_sock *sock,
					  int begins)
{
	struct flow *f = &c->flow;

	c->sock = *sock;
	c->closed_ns = 0;
	c->off[0] = c->off[1] = 0;
	c->guard_off = c->guard_seen = 0;
	__builtin_memset(&c->guard_h2, 0, sizeof(c->guard_h2));
	guard_forget(&f->guard);
	c->flags = begins ? TLS_CONN_BEGIN : 0;
	c->service = GL_SERVICE_NONE;
	f->port = sock->port;
	f->conn = sock->cookie;
	f->state = begins ? FLOW_HTTP : FLOW_MIDSTREAM;
	f->out_known = begins;
	f->answer_seen = 0;
	f->judged = f->next = f->answered = 0;
	f->service = 0;
	http_open(&f->in, 0);
	http_open(&f->out, HTTP_F_RESPONSE);
	if (!begins)
		count(GL_CTR_UNJUDGED_MIDSTREAM);
	count(GL_CTR_TLS_CONNECTIONS);
}

static __always_inline struct tls_conn *tls_conn_new(const struct gl_tls_key *k,
						     const struct tls_sock *sock, int begins)
{
	struct tls_conn *c, *zeroes;
	__u32 zero = 0;

	zeroes = bpf_map_lookup_elem(&no_conn, &zero);
	if (!zeroes)
		return NULL;
	if (bpf_map_update_elem(&tls_conns, k, zeroes, BPF_NOEXIST)) {
		count(GL_CTR_LOST_CONNECTION);
		return NULL;
	}
	c = bpf_map_lookup_elem(&tls_conns, k);
	if (!c)
		return NULL;
	tls_conn_open(c, sock, begins);
	claim_take(sock->cookie, k);
	return c;
}

/* May this thread's last receive name the connection of a new handle? */
static __always_inline int tls_sock_free(const struct tls_sock *last)
{
	return last->cookie && last->service && !claim_of(last->cookie);
}

/*
 * What cannot be remembered cannot be judged: where the service enforces, its connection ends here
 * (I3: a full table is no way around a limit).
 */
static __noinline int tls_conn_lost(const struct tls_sock *sock)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;
	const struct gl_service *service;

	if (!policy)
		return 0;
	service =
		at_index(policy->services, GL_SERVICES_MAX, policy->port_service[sock->port] - 1u);
	if (service && admit_enforces(control, service))
		cut_mark(sock->cookie, GL_REASON_DESYNCHRONIZED);
	return 0;
}

/* Where a guess was wrong the handle is somebody else's: a connection this process made. */
static __always_inline int tls_conn_wrong(const struct tls_thread *t, const struct tls_conn *c)
{
	return (c->flags & TLS_CONN_GUESSED) && t->inside.cookie && !t->inside.service &&
	       t->inside.cookie != c->sock.cookie;
}

/*
 * Is a handle known from its first byte on? A handshake call is one's beginning, unless the socket
 * was only guessed and may be in the middle of anything.
 */
static __always_inline int tls_conn_begins(const struct tls_sock *sock, const struct tls_call *call,
					   int guessed)
{
	return sock->begins || (call->op == TLS_CALL_HANDSHAKE && !(guessed && sock->midstream));
}

/* The connection of the call that ends. NULL: none of ours, or not known. */
static __always_inline struct tls_conn *tls_conn_of(struct tls_thread *t,
						    const struct tls_call *call)
{
	struct gl_probe_account *account = tls_account_of(call);
	const struct tls_sock *sock = NULL;
	struct gl_tls_key k;
	struct tls_conn *c;
	int guessed;

	tls_key_of(call->ssl, &k);
	c = bpf_map_lookup_elem(&tls_conns, &k);
	if (t->inside.cookie && t->inside.service)
		sock = &t->inside;
	/* what was received last is this call's: no new handle may take it for its own */
	if (c && c->sock.cookie == t->last.cookie)
		t->last.cookie = 0;
	if (c && tls_conn_wrong(t, c)) {
		claim_drop(c->sock.cookie);
		bpf_map_delete_elem(&tls_conns, &k);
		c = NULL;
	}
	if (c && (!sock || sock->cookie == c->sock.cookie))
		return c;
	if (c) { /* the handle serves another connection now */
		claim_drop(c->sock.cookie);
		tls_conn_open(c, sock, tls_conn_begins(sock, call, 0));
		claim_take(sock->cookie, &k);
		return c;
	}
	if (!sock && t->inside.cookie) {
		if (account)
			__sync_fetch_and_add(&account->foreign, 1);
		return NULL;
	}
	if (!sock && call->op != TLS_CALL_WRITE && tls_sock_free(&t->last))
		sock = &t->last;
	if (!sock) {
		if (account)
			__sync_fetch_and_add(&account->unbound, 1);
		return NULL;
	}
	guessed = sock == &t->last;
	c = tls_conn_new(&k, sock, tls_conn_begins(sock, call, guessed));
	if (!c)
		tls_conn_lost(sock);
	if (guessed) {
		t->last.cookie = 0;
		if (c)
			c->flags |= TLS_CONN_GUESSED;
	}
	return c;
}
