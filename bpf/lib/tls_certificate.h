/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_certificate.h - layer 2: the certificates of a handshake as they pass the library, which no
 * wire shows in TLS 1.3: a server encodes its own with i2d_X509() and decodes a client's with
 * d2i_X509(), both exported by every OpenSSL, while a TLS call is open in the same thread. Where
 * the library's code behind i2d_X509() is understood, one probe there takes the place of two on
 * each of two calls (user/kern/probe_site.h). The first of a chain is the leaf; the rest is not
 * looked at.
 *
 * The bytes go to the inspector as those from the wire do. Nothing is parsed here. A server shows
 * the same certificate at every handshake: one that user space has read is told by its mark
 * (tls_mark.h), 40 cold bytes in the ring instead of a thousand, and not before the call ends: by
 * then the server's flight is on its way, and nobody waits for the handle to find its connection.
 */
#pragma once

#include "bpf/lib/tls_stream.h"
#include "include/glacis/tls_mark.h"

#define TLS_CERTIFICATE_MAX    16384
#define TLS_CERTIFICATE_PIECES (TLS_CERTIFICATE_MAX / GL_CERTIFICATE_PIECE)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_CERTIFICATE_MARKS);
	__type(key, __u32);
	__type(value, __u64);
} certificate_marks SEC(".maps");

struct tls_mark_walk {
	struct gl_key key;
	__u64 sum;
	__u64 from; /* in the application's memory */
	__u32 n, failed;
};

/* What is read follows from i alone: the verifier need not walk every way through a certificate. */
static long tls_mark_block(__u32 i, struct tls_mark_walk *m)
{
	const struct gl_key key = m->key;
	__u64 words[TLS_MARK_WORDS], sum = 0;
	__u32 off = i * TLS_MARK_BYTES, n;

	if (off >= m->n)
		return 1;
	n = m->n - off;
	if (n > TLS_MARK_BYTES)
		n = TLS_MARK_BYTES;
	__builtin_memset(words, 0, sizeof(words));
	opaque(n);
	if (n > TLS_MARK_BYTES || bpf_probe_read_user(words, n, (const void *)(m->from + off))) {
		m->failed = 1;
		return 1;
	}
	/* the rest is zero; a loop to n would cost the verifier every n */
	for (__u32 w = 0; w < TLS_MARK_WORDS; w++)
		sum += tls_mark_word(&key, i * TLS_MARK_WORDS + w, words[w]);
	m->sum += sum;
	return 0;
}

/* The mark of n bytes at `from`, as user space makes it of the same; 0: they cannot be read. */
static __always_inline __u64 tls_mark_of(const struct gl_key *key, __u64 from, __u32 n)
{
	struct tls_mark_walk m = {.key = *key, .from = from, .n = n};

	bpf_loop(TLS_CERTIFICATE_MAX / TLS_MARK_BYTES, tls_mark_block, &m, 0);
	return m.failed ? 0 : tls_mark_end(key, m.sum, n);
}

/* Has user space read it? */
static __always_inline int tls_mark_known(__u64 mark)
{
	__u32 place = mark % GL_CERTIFICATE_MARKS;
	__u64 *known = bpf_map_lookup_elem(&certificate_marks, &place);

	return mark && known && *known == mark;
}

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

static __always_inline __u16 tls_certificate_flags(__u32 client)
{
	return GL_CERTIFICATE_LIBRARY | (client ? GL_CERTIFICATE_CLIENT : 0);
}

/* The interned id of the connection's service; 0: none any more. */
static __always_inline __u16 tls_certificate_service(const struct gl_policy *policy,
						     const struct tls_conn *c)
{
	const struct gl_service *service;

	if (!policy || !c->sock.service)
		return 0;
	service = at_index(policy->services, GL_SERVICES_MAX, c->sock.service - 1u);
	return service ? service->id : 0;
}

/* One that user space knows. */
static __always_inline void tls_certificate_tell(const struct tls_conn *c, __u64 mark, __u32 client)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;
	struct gl_rec_certificate_known *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r) {
		count(GL_CTR_LOST_CERTIFICATE);
		return;
	}
	event_name(&r->rec, GL_REC_CERTIFICATE_KNOWN, sizeof(*r), bpf_ktime_get_boot_ns());
	r->conn = c->sock.cookie;
	r->mark = mark;
	r->service = tls_certificate_service(policy, c);
	r->port = c->sock.port;
	r->flags = tls_certificate_flags(client);
	r->reserved = 0;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

/* The call ends, and its connection is known: the certificates it showed. Apart, for the stack. */
static __noinline int tls_certificate_told(struct tls_conn *c, const struct tls_marks *marks)
{
	if (marks->server && !(c->flags & TLS_CONN_CERTIFICATE))
		tls_certificate_tell(c, marks->server, 0);
	if (marks->client && !(c->flags & TLS_CONN_CLIENT_CERTIFICATE))
		tls_certificate_tell(c, marks->client, 1);
	c->flags |= (marks->server ? TLS_CONN_CERTIFICATE : 0) |
		    (marks->client ? TLS_CONN_CLIENT_CERTIFICATE : 0);
	return 0;
}

/* One that user space does not know: its bytes, now, for they are the library's. */
static __always_inline void tls_certificate_send(struct tls_thread *t,
						 const struct gl_policy *policy, __u64 from,
						 __u32 n, __u32 client)
{
	struct tls_certificate told = {.from = from, .total = n};
	__u32 once = client ? TLS_CONN_CLIENT_CERTIFICATE : TLS_CONN_CERTIFICATE;
	struct tls_conn *c = tls_conn_of(t, &t->call);

	if (!c || (c->flags & once))
		return;
	c->flags |= once;
	told.conn = c;
	told.service = tls_certificate_service(policy, c);
	told.flags = tls_certificate_flags(client);
	bpf_loop(TLS_CERTIFICATE_PIECES, tls_certificate_piece, &told, 0);
	if (told.failed)
		count(GL_CTR_LOST_CERTIFICATE);
}

/* A certificate of n bytes lies at `from`, in a TLS call of this thread. */
static __always_inline int tls_certificate_seen(struct tls_thread *t, __u64 from, __u32 n,
						__u32 client)
{
	const struct gl_control *control = control_get();
	const struct gl_policy *policy = control ? policy_at(control->active) : NULL;
	__u64 mark;

	/* behind the first of a chain are others' */
	if (!n || n > TLS_CERTIFICATE_MAX || (client ? t->marks.client : t->marks.server))
		return 0;
	mark = policy ? tls_mark_of(&policy->subject_key, from, n) : 0;
	if (!tls_mark_known(mark))
		tls_certificate_send(t, policy, from, n, client);
	else if (client)
		t->marks.client = mark;
	else
		t->marks.server = mark;
	return 0;
}

/*
 * Code of a library says that n bytes before `end` are a certificate. They are one if they begin as
 * a SEQUENCE of that length (RFC 5280 section 4.1, X.690): the code was understood.
 */
static __always_inline int tls_certificate_encoded(struct tls_thread *t, __u64 end, __s32 n)
{
	__u8 head[4];
	__u64 from = end - (__u32)n;

	if (n < (int)sizeof(head) || n > TLS_CERTIFICATE_MAX)
		return 0;
	if (bpf_probe_read_user(head, sizeof(head), (const void *)from) || head[0] != 0x30 ||
	    (head[1] == 0x82 ? (head[2] << 8 | head[3]) + 4 != n
			     : head[1] != 0x81 || head[2] + 3 != n)) {
		count(GL_CTR_LOST_CERTIFICATE);
		return 0;
	}
	return tls_certificate_seen(t, from, n, 0);
}

static __always_inline struct tls_thread *tls_certificate_thread(void)
{
	struct tls_thread *t =
		bpf_task_storage_get(&tls_threads, (void *)bpf_get_current_task_btf(), NULL, 0);

	return t && t->call.op ? t : NULL;
}
