/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_certificate.h - layer 2: the certificates of a handshake as they pass the library, which no
 * wire shows in TLS 1.3: a server encodes its own with i2d_X509() and decodes a client's with
 * d2i_X509(), both exported by every OpenSSL, while a TLS call is open in the same thread. The
 * first of a chain is the leaf; the rest is not looked at.
 *
 * The bytes go to the inspector as those from the wire do. Nothing is parsed here.
 */
#pragma once

#include "bpf/lib/tls_stream.h"

#define TLS_CERTIFICATE_MAX    16384
#define TLS_CERTIFICATE_PIECES (TLS_CERTIFICATE_MAX / GL_CERTIFICATE_PIECE)

struct tls_certificate {
	struct tls_conn *conn;
	__u64 from; /* in the application's memory */
	__u32 total, off;
	__u16 service, flags;
	__u32 failed;
};

static long tls_certificate_piece(__u32 i, struct tls_certificate *t)
{
	struct gl_rec_certificate *r;
	__u32 n = t->total - t->off;

	if (t->off >= t->total)
		return 1;
	if (n > GL_CERTIFICATE_PIECE)
		n = GL_CERTIFICATE_PIECE;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		t->failed = 1;
		return 1;
	}
	opaque(n);
	if (n > GL_CERTIFICATE_PIECE || bpf_probe_read_user(r->bytes, n, (const void *)t->from)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		t->failed = 1;
		return 1;
	}
	event_name(&r->rec, GL_REC_CERTIFICATE, sizeof(*r), bpf_ktime_get_boot_ns());
	r->conn = t->conn->sock.cookie;
	r->total = t->total;
	r->off = t->off;
	r->n = n;
	r->service = t->service;
	r->port = t->conn->sock.port;
	r->flags = t->flags;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	t->off += n;
	t->from += n;
	return 0;
}

/* The interned id of the connection's service; 0: none any more. */
static __always_inline __u16 tls_certificate_service(const struct tls_conn *c)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;
	const struct gl_service *service;

	if (!policy || !c->sock.service)
		return 0;
	service = at_index(policy->services, GL_SERVICES_MAX, c->sock.service - 1u);
	return service ? service->id : 0;
}

/* A certificate of n bytes lies at `from`, in a TLS call of this thread. */
static __always_inline int tls_certificate_seen(struct tls_thread *t, __u64 from, __u32 n,
						__u32 client)
{
	struct tls_certificate told = {.from = from, .total = n};
	__u32 once = client ? TLS_CONN_CLIENT_CERTIFICATE : TLS_CONN_CERTIFICATE;
	struct tls_conn *c;

	if (!n || n > TLS_CERTIFICATE_MAX)
		return 0;
	c = tls_conn_of(t, &t->call);
	if (!c || (c->flags & once))
		return 0;
	c->flags |= once;
	told.conn = c;
	told.service = tls_certificate_service(c);
	told.flags = GL_CERTIFICATE_LIBRARY | (client ? GL_CERTIFICATE_CLIENT : 0);
	bpf_loop(TLS_CERTIFICATE_PIECES, tls_certificate_piece, &told, 0);
	if (told.failed)
		count(GL_CTR_LOST_CERTIFICATE);
	return 0;
}

static __always_inline struct tls_thread *tls_certificate_thread(void)
{
	struct tls_thread *t =
		bpf_task_storage_get(&tls_threads, (void *)bpf_get_current_task_btf(), NULL, 0);

	return t && t->call.op ? t : NULL;
}
