/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_sock.h - layer 1: what a thread is at: the TLS call it is inside of, the socket it received
 * from during that call, and the one it received from last.
 *
 * tcp_rcv_space_adjust runs in the receiving thread, with the socket. Received inside a TLS call,
 * that socket is the call's connection, whatever the library's structures look like. Servers that
 * receive first and hand the bytes to the library (memory BIOs) are known by their last receive.
 *
 * Probe programs are preemptible: nothing here is per CPU.
 */
#pragma once

#include "bpf/lib/maps.h"
#include "bpf/lib/policy.h"
#include "vmlinux/sock.h"

#define TLS_AF_INET6 10

/* A TCP connection as one of its ends sees it. */
struct tls_sock {
	__u64 cookie; /* 0 = none */
	struct gl_addr local, peer;
	__u16 port, peer_port;
	__u16 service; /* index in services[] + 1 of the policy then active; 0 = not ours */
	__u8 begins; /* its handshake was not over yet */
	__u8 midstream; /* the wire door did not see it begin: it may be anything */
};
_Static_assert(sizeof(struct tls_sock) == 48, "no padding");

#define TLS_CALL_MAX 0x7fffffff /* bytes */

enum tls_op { TLS_CALL_NONE, TLS_CALL_READ, TLS_CALL_WRITE, TLS_CALL_HANDSHAKE };

struct tls_call {
	__u64 ssl, buf, num, done;
	__u32 op; /* enum tls_op */
	__u8 shape; /* enum gl_probe_shape */
	__u8 library;
	__u8 reserved[2];
};

/* A certificate of this call that user space knows; told when the call ends. 0: none. */
struct tls_marks {
	__u64 server, client;
};

struct tls_thread {
	struct tls_call call;
	struct tls_marks marks;
	__u64 encode_out; /* i2d_X509()'s second argument, until it returns */
	struct tls_sock inside; /* received from during the call */
	struct tls_sock last;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_thread);
} tls_threads SEC(".maps");

/* Namespaces whose services are this agent's, by inode; written by user/kern. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} guarded_netns SEC(".maps");

/* A bit for each port of a service; written by user/kern, in front of the policy that has them. */
extern __u8 served_ports[65536 / 8];

static __always_inline int tls_served(__u16 port)
{
	return served_ports[port >> 3] >> (port & 7) & 1;
}

static __always_inline int tls_guarded(__u32 inum)
{
	return bpf_map_lookup_elem(&guarded_netns, &inum) != NULL;
}

/* NULL: it has none. Most have nothing of any program, which is one load to see. */
static __always_inline struct tls_thread *tls_thread_of(struct task_struct *task)
{
	return task->bpf_storage ? bpf_task_storage_get(&tls_threads, (void *)task, NULL, 0) : NULL;
}

/* The thread's own record; of threads in guarded namespaces only, made at the first call. */
static __always_inline struct tls_thread *tls_thread_get(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct tls_thread *t = bpf_task_storage_get(&tls_threads, (void *)task, NULL, 0);
	struct nsproxy *ns;

	if (t)
		return t;
	ns = task->nsproxy;
	if (!ns || !tls_guarded(ns->net_ns->ns.inum))
		return NULL;
	t = bpf_task_storage_get(&tls_threads, (void *)task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t)
		count(GL_CTR_LOST_CALL);
	return t;
}

static __always_inline void tls_sock_addr(struct gl_addr *a, __be32 v4)
{
	a->q[0] = 0;
	a->w[2] = bpf_htonl(0xffff);
	a->w[3] = v4;
}

static __always_inline void tls_sock_read(struct sock *sk, struct tls_sock *s, __u16 service)
{
	struct sock_common *c = &sk->__sk_common;

	s->cookie = bpf_get_socket_cookie(sk);
	s->port = c->skc_num;
	s->peer_port = bpf_ntohs(c->skc_dport);
	s->service = service;
	s->begins = 0;
	if (c->skc_family != TLS_AF_INET6) {
		tls_sock_addr(&s->local, c->skc_rcv_saddr);
		tls_sock_addr(&s->peer, c->skc_daddr);
		return;
	}
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++) {
		s->local.w[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		s->peer.w[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
	}
}

/*
 * The wire door knows whether a connection speaks TLS and how far its handshake is: 1 = it may be
 * TLS, 0 = it is plaintext.
 */
static __always_inline int tls_sock_judge(const struct flow *f, __u8 *ret_begins,
					  __u8 *ret_midstream)
{
	if (!f)
		return 1;
	if (f->state == FLOW_HTTP || flow_is_refused(f))
		return 0;
	*ret_begins = flow_is_tls(f) && !f->tls.server.version;
	*ret_midstream = !flow_is_tls(f);
	return 1;
}

#define TLS_RECEIVED_OTHER 1 /* a socket that is no service's; somebody wants to know */

/* A thread received from a TCP socket. */
static __always_inline int tls_receive(struct sock *sk)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct tls_thread *t = tls_thread_of(task);
	const struct gl_control *control;
	const struct gl_policy *policy;
	const struct flow *f;
	struct tls_sock *s;
	__u16 service;
	__u8 begins = 0, midstream = 0;
	__u64 before;
	int guarded;

	/* a library receives a record in two calls, a handshake in many: the first has said all */
	if (t && t->call.op && t->inside.service &&
	    t->inside.cookie == (__u64)sk->__sk_common.skc_cookie.counter)
		return 0;
	/* every receive on the host comes by here: most end at this, which costs one load */
	if (!t && !tls_served(sk->__sk_common.skc_num))
		return 0;
	control = control_get();
	policy = control ? policy_at(control->active) : NULL;
	if (!policy)
		return 0;
	service = policy->port_service[sk->__sk_common.skc_num];
	f = service ? bpf_sk_storage_get(&flows, sk, NULL, 0) : NULL;
	/* only a guarded namespace has a door that makes flows */
	guarded = f ? 1 : service && tls_guarded(sk->__sk_common.skc_net.net->ns.inum);
	/* the compiler would join two pointers in one test, which may not be done */
	opaque(guarded);
	if (!guarded)
		service = 0;
	if (!t && !service)
		return 0;
	if (!t)
		t = bpf_task_storage_get(&tls_threads, (void *)task, NULL,
					 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		count(GL_CTR_LOST_CALL);
		return 0;
	}
	s = t->call.op ? &t->inside : &t->last;
	/* the service's socket stays, whatever a callback of the library talks to meanwhile */
	if (t->call.op && s->service && !service)
		return 0;
	/* once more within the call: a record comes in two receives */
	if (t->call.op && s->service == service && service &&
	    s->cookie == (__u64)sk->__sk_common.skc_cookie.counter)
		return 0;
	if (service && !tls_sock_judge(f, &begins, &midstream))
		service = 0;
	if (!service && !t->call.op) {
		s->cookie = 0;
		return policy->outgoing ? TLS_RECEIVED_OTHER : 0;
	}
	/* one blocking call may take the whole handshake and the first request */
	before = t->call.op && s->begins ? s->cookie : 0;
	tls_sock_read(sk, s, service);
	s->begins = begins || before == s->cookie;
	s->midstream = midstream;
	return 0;
}
