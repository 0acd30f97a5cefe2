/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_copy.h - layer 2: plaintext content for the inspectors, by capture plan: heads and framing
 * whole, bodies as far as the operation says. Offsets come from sequence numbers, so a resend
 * carries the offset it had.
 */
#pragma once

#include "bpf/lib/chunk.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/pass.h"
#include "include/glacis/http_msg.h"

/* One direction of one segment; one per CPU and direction (tc runs with bottom halves off). */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgnu-variable-sized-type-not-at-end"
struct wire_copy {
	__u64 off; /* of the payload in its direction */
	__u32 keep_from, keep_to; /* to be copied, not sent yet; from the network header */
	__u32 payload, l2;
	__u32 tell; /* that nothing is copied is worth a chunk */
	__u32 structure_to; /* of what is kept: the last head or framing ends here */
	struct chunk_ask ask; /* its end is a chunk's head ... */
	struct http_piece piece; /* ... and what is parsed the content behind it */
};
#pragma clang diagnostic pop
_Static_assert(__builtin_offsetof(struct wire_copy, piece) ==
			       __builtin_offsetof(struct wire_copy, ask) +
				       sizeof(struct chunk_ask) &&
		       CHUNK_READY <= HTTP_PIECE,
	       "what is parsed is a chunk's content");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct wire_copy);
} wire_copies SEC(".maps");

/* By enum gl_direction. NULL is not an error to anybody here. */
static __always_inline struct wire_copy *wire_copy_get(__u32 direction)
{
	return bpf_map_lookup_elem(&wire_copies, &direction);
}

/* The buffer the parsers read a direction from. */
static __always_inline struct http_piece *wire_copy_piece(__u32 direction)
{
	struct wire_copy *k = wire_copy_get(direction);

	return k ? &k->piece : NULL;
}

/* The time was read: chunks of this segment need not read it again. */
static __always_inline void wire_copy_at(__u32 direction, __u64 now_ns)
{
	struct wire_copy *k = wire_copy_get(direction);

	if (k)
		k->ask.head.rec.ts_ns = now_ns;
}

/*
 * The client's stream begins at this sequence number; the server's where its first bytes are read.
 * What a server of HTTP/2 says before its client's preface was read (RFC 9113 section 3.4 lets it)
 * may leave before there is a flow, on another processor, when snd_nxt does not count it yet: a
 * stream that began at snd_nxt would begin with a hole.
 * cookie 0: it has none yet.
 */
static __always_inline void wire_copy_open(struct flow *f, __u64 cookie, __u32 in)
{
	/* a number of its own, which no cookie is */
	if (!cookie)
		cookie = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1ull << 63;
	if (!f->conn)
		f->conn = cookie;
	f->copied[GL_TO_SERVER] = f->copied[GL_TO_CLIENT] = 0;
	f->copied_seq[GL_TO_SERVER] = in;
	f->copy_begun = 0;
}

/* A packet of the server is read for the inspectors: is it the first one? */
static __always_inline void wire_copy_anchor(struct flow *f, const struct packet *p)
{
	if (f->copy_begun)
		return;
	f->copied[GL_TO_CLIENT] = 0;
	f->copied_seq[GL_TO_CLIENT] = p->seq;
	f->copy_begun = 1;
}

/* Nothing of this packet, which was the first one, is copied: the stream begins behind it. */
static __always_inline void wire_copy_unanchor(struct flow *f, const struct packet *p)
{
	if (!f->copied[GL_TO_CLIENT] && f->copied_seq[GL_TO_CLIENT] == p->seq)
		f->copy_begun = 0;
}

static __always_inline __u64 wire_copy_place(struct flow *f, __u32 direction, __u32 seq)
{
	__s32 on = seq_diff(seq, f->copied_seq[direction & 1]);

	if (on > 0) {
		f->copied[direction & 1] += on;
		f->copied_seq[direction & 1] = seq;
		on = 0;
	}
	return f->copied[direction & 1] + on;
}

/* Whose packet it is, by its direction. 0: nobody looks into this service. */
static __always_inline __u32 wire_copy_name(struct wire_copy *k, const struct packet *p,
					    const struct flow *f, const struct gl_policy *policy,
					    __u32 direction)
{
	const struct gl_control *control = control_get();
	const struct gl_service *service;
	struct gl_chunk *h = &k->ask.head;

	k->ask.n_inspectors = k->ask.lost = 0;
	k->piece.len = 0;
	service = at_index(policy->services, GL_SERVICES_MAX, policy->port_service[f->port] - 1u);
	if (!control || !control->n_inspectors || !service ||
	    !(service->flags & GL_SERVICE_INSPECT) || !f->conn)
		return 0;
	h->client = direction == GL_TO_SERVER ? p->src : p->dst;
	h->server = direction == GL_TO_SERVER ? p->dst : p->src;
	h->client_port = direction == GL_TO_SERVER ? p->sport : p->dport;
	h->server_port = f->port;
	h->conn = f->conn;
	h->service = service->id;
	h->how = GL_HOW_WIRE;
	h->role = GL_ROLE_SERVER;
	h->direction = direction;
	h->pid = 0;
	h->rec.ts_ns = 0;
	return control->n_inspectors;
}

/*
 * A segment is about to be read: who it is from, where it lies. Without inspectors, or where the
 * service is not inspected, nothing will be copied.
 */
__global int wire_copy_begin(const struct packet *p, struct flow *f, const struct gl_policy *policy,
			     __u32 direction)
{
	struct wire_copy *k = wire_copy_get(direction);
	__u32 n_inspectors;

	if (!p || !f || !policy || !k)
		return 0;
	n_inspectors = wire_copy_name(k, p, f, policy, direction);
	if (!n_inspectors)
		return 0;
	if (direction == GL_TO_CLIENT)
		wire_copy_anchor(f, p);
	k->off = wire_copy_place(f, direction, p->seq);
	if ((__s64)k->off < 0)
		return 0; /* from before the flow was known */
	k->payload = p->payload;
	k->l2 = p->l2;
	k->keep_from = k->keep_to = k->tell = k->structure_to = 0;
	k->ask.n_inspectors = n_inspectors;
	return 1;
}

/* Sends what is kept; up to `end` the segment was read since. */
static __always_inline void wire_copy_send(struct __sk_buff *skb, struct wire_copy *k, __u32 end,
					   __u32 flags)
{
	if (k->keep_to <= k->keep_from && !flags && !k->tell)
		return;
	k->tell = 0;
	k->ask.head.off = k->off + (k->keep_from - k->payload);
	if (!k->ask.head.off && !(flags & GL_CHUNK_END))
		flags |= GL_CHUNK_BEGIN;
	k->ask.head.flags = flags;
	k->ask.from = k->l2 + k->keep_from;
	k->ask.n = k->keep_to - k->keep_from;
	k->ask.total = end - k->keep_from;
	k->ask.structure = k->structure_to > k->keep_from ? k->structure_to - k->keep_from : 0;
	if (k->ask.structure > k->ask.n)
		k->ask.structure = k->ask.n;
	k->ask.ready = k->keep_from == k->piece.from ? k->piece.len : 0;
	chunk_send(skb, &k->ask);
	k->keep_from = k->keep_to;
}

/* The same, for the many places where it is seldom needed. */
__global int wire_copy_flush(struct __sk_buff *skb, struct wire_copy *k, __u32 end, __u32 flags)
{
	if (k && k->ask.n_inspectors)
		wire_copy_send(skb, k, end, flags);
	return 0;
}

/* The n bytes at `from` are to be copied: of a body, or heads and framing. */
static __always_inline void wire_copy_keep(struct __sk_buff *skb, struct wire_copy *k, __u32 from,
					   __u32 n, __u32 tell, int body)
{
	if (!k || (!n && !tell) || !k->ask.n_inspectors)
		return;
	if (from != k->keep_to) {
		wire_copy_flush(skb, k, from, 0);
		k->keep_from = from;
	}
	k->keep_to = from + n;
	k->tell = tell;
	if (!body)
		k->structure_to = k->keep_to;
}

/* Read up to `end`; of it, what lies at or behind `limit` stays here. */
static __always_inline void wire_copy_end(struct __sk_buff *skb, struct wire_copy *k, __u32 end,
					  __u32 limit)
{
	if (!k || !k->ask.n_inspectors)
		return;
	if (k->keep_to > limit)
		k->keep_to = limit;
	if (end > limit)
		end = limit;
	wire_copy_send(skb, k, end, 0);
}

/* The whole segment, unread: heads are among HTTP/2's frames. */
static __always_inline void wire_copy_all(struct __sk_buff *skb, const struct packet *p,
					  struct flow *f, const struct gl_policy *policy,
					  __u32 direction)
{
	struct wire_copy *k = wire_copy_get(direction);

	if (!k || !packet_length(p) || !wire_copy_begin(p, f, policy, direction))
		return;
	wire_copy_keep(skb, k, p->payload, packet_length(p), 0, 0);
	wire_copy_flush(skb, k, p->end, 0);
}

/*
 * By a packet of either direction it is known that this one is over: told once. Where is not said:
 * it is where the inspectors are, for all there was of it is copied before TCP takes the packet.
 */
__global int wire_copy_over(struct __sk_buff *skb, const struct packet *p, struct flow *f,
			    const struct gl_policy *policy, __u32 over)
{
	struct wire_copy *k;
	__u32 direction;

	if (!p || !f || !policy || (f->over & (1 << over)))
		return 0;
	f->over |= 1 << over;
	direction = p->dport == f->port ? GL_TO_SERVER : GL_TO_CLIENT;
	k = wire_copy_get(direction);
	if (!k)
		return 0;
	k->ask.n_inspectors = wire_copy_name(k, p, f, policy, direction);
	if (!k->ask.n_inspectors)
		return 0;
	k->ask.head.direction = over;
	k->off = 0; /* says nothing */
	k->payload = k->keep_from = k->keep_to = k->structure_to = 0;
	return wire_copy_flush(skb, k, 0, GL_CHUNK_END);
}

/* FIN or RST of the server: nothing more comes in this direction. */
static __always_inline void wire_copy_close(struct __sk_buff *skb, const struct packet *p,
					    struct flow *f, const struct gl_policy *policy,
					    __u32 direction)
{
	struct wire_copy *k = wire_copy_get(direction);

	if (!k || !f->conn || !wire_copy_begin(p, f, policy, direction))
		return;
	k->keep_from = k->keep_to = p->end;
	wire_copy_flush(skb, k, p->end, GL_CHUNK_END);
}
