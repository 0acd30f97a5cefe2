/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chunk.h - layer 1: content for the inspectors: one ring each, a connection always in the same
 * one, what finds no room counted (I5). Which bytes are worth a copy is the doors' business.
 * Bodies go first when an inspector lags: the last quarter of a ring is for heads and framing, so
 * that requests stay transactions when what they carry is no longer looked at.
 *
 * Content that lies behind its head already goes out as it is. For other content room is reserved,
 * in seven sizes, because a reservation's size must be a constant; it is copied in place, once.
 */
#pragma once

#include "bpf/lib/maps.h"

struct chunk_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GL_CHUNK_RING_BYTES);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GL_INSPECTORS_MAX);
	__uint(key_size, sizeof(__u32));
	__array(values, struct chunk_ring);
} chunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_INSPECTORS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_inspector);
} inspectors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GL_INSPECTORS_MAX);
	__type(key, __u32);
	__type(value, struct gl_chunk_account);
} chunk_account SEC(".maps");

/* What one chunk is made from; lives in the door's scratch. */
struct chunk_ask {
	__u64 from; /* address in user space, or offset in the packet */
	__u32 n; /* bytes to copy; more than fit one chunk become several */
	__u32 total; /* bytes of the call or segment from head.off on */
	__u32 n_inspectors;
	__u16 lost; /* chunks that somebody would read, without room for them or unreadable */
	__u16 urgent; /* somebody is waited for: he is woken */
	__u32 structure; /* of n: up to the end of the last head or framing; the rest is body */
	__u32 ready; /* so many bytes from `from` on lie behind head already (CHUNK_READY) */
	struct gl_chunk
		head; /* last, as it ends in the content; n, and ts_ns if 0, are filled in here */
};

static __always_inline __u32 chunk_inspector(const struct chunk_ask *a)
{
	__u64 mixed = a->head.conn * 0x9e3779b97f4a7c15ull;

	return a->n_inspectors ? (__u32)(mixed >> 32) % a->n_inspectors : 0;
}

static __always_inline void chunk_counted(__u32 i, int sent, __u32 bytes, int body)
{
	struct gl_chunk_account *account = bpf_map_lookup_elem(&chunk_account, &i);

	if (!account)
		return;
	if (sent) {
#ifdef DOOR_TLS
		__sync_fetch_and_add(&account->sent, 1); /* a packet may come in between */
#else
		account->sent++;
#endif
		return;
	}
	__sync_fetch_and_add(&account->lost, 1);
	__sync_fetch_and_add(&account->lost_bytes, bytes);
	if (body)
		__sync_fetch_and_add(&account->lost_bodies, 1);
	count(GL_CTR_LOST_CHUNK);
}

/* Is only the share of heads left? */
static __always_inline int chunk_pressed(void *ring)
{
	__u64 size = bpf_ringbuf_query(ring, BPF_RB_RING_SIZE);

	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > size - size / 4;
}

/* The head of a chunk of n bytes; *c is a copy of a->head, or that itself. */
static __always_inline void chunk_head(struct gl_chunk *c, const struct chunk_ask *a, __u32 n)
{
	c->rec.kind = GL_REC_CHUNK;
	c->rec.len = sizeof(*c) + n;
	c->rec.cpu = bpf_get_smp_processor_id();
	if (!c->rec.ts_ns)
		c->rec.ts_ns = bpf_ktime_get_boot_ns();
	c->n = n;
	c->total = n < a->n ? n : a->total; /* what is left out is told by the last piece */
	if (n == a->n && n < a->total && !(c->flags & GL_CHUNK_FAULT))
		c->flags |= GL_CHUNK_PLAN;
}

/* Copies the content; 0 or what went wrong. In packets n > 0. */
#ifdef DOOR_TLS
#define CHUNK_COPY(source, c, n, limit, a) chunk_read(c, n, limit, a)
/* The compiler knows that n fits and drops the test; 6.1's verifier does not: it is made to stay.
 */
static __always_inline long chunk_read(struct gl_chunk *c, __u32 n, __u32 limit,
				       const struct chunk_ask *a)
{
	opaque(n);
	if (n > limit)
		return -1;
	return bpf_probe_read_user(c->bytes, n, (const void *)a->from);
}
#else
#define CHUNK_COPY(source, c, n, limit, a) chunk_load(source, c, n, limit, a)
static __always_inline long chunk_load(struct __sk_buff *skb, struct gl_chunk *c, __u32 n,
				       __u32 limit, const struct chunk_ask *a)
{
	__u32 last = last_of(n);

	if (!n)
		return 0;
	if (last >= limit)
		return -1;
	return bpf_skb_load_bytes(skb, a->from, c->bytes, last + 1);
}
#endif

/* One reservation of a constant size; sets `sent`. */
#define CHUNK_IN(limit)                                                                            \
	do {                                                                                       \
		struct gl_chunk *c = bpf_ringbuf_reserve(ring, sizeof(*c) + (limit), 0);           \
                                                                                                   \
		if (!c)                                                                            \
			break;                                                                     \
		__builtin_memcpy(c, &a->head, sizeof(*c));                                         \
		chunk_head(c, a, n);                                                               \
		if (CHUNK_COPY(source, c, n, limit, a)) {                                          \
			c->n = 0;                                                                  \
			c->rec.len = sizeof(*c);                                                   \
			c->flags |= GL_CHUNK_FAULT;                                                \
			a->lost++;                                                                 \
		}                                                                                  \
		bpf_ringbuf_submit(c, wake);                                                       \
		sent = 1;                                                                          \
	} while (0)

/*
 * Content that was read for the parser lies behind a->head and goes out with it, by one call and
 * in as much of the ring as it needs.
 */
#ifdef DOOR_TLS
#define CHUNK_READY 0 /* bytes there is room for */
#else
#define CHUNK_READY 2048
#endif
static __always_inline int chunk_ready(void *ring, struct chunk_ask *a, __u32 n, __u64 wake)
{
	int full;

	chunk_head(&a->head, a, n);
	full = bpf_ringbuf_output(ring, &a->head, sizeof(a->head) + n, wake) != 0;
	a->head.flags &= ~GL_CHUNK_PLAN;
	return !full;
}

/* The next piece of *a, which moves on by it. Returns its bytes. */
static __always_inline __u32 chunk_piece(void *source, struct chunk_ask *a)
{
	__u32 i = chunk_inspector(a), n = a->n, shed = 0;
	struct gl_inspector *inspector;
	__u64 wake = BPF_RB_NO_WAKEUP;
	int sent = 0, body;
	void *ring;

	if (n > GL_CHUNK_BYTES)
		n = GL_CHUNK_BYTES;
	inspector = bpf_map_lookup_elem(&inspectors, &i);
	ring = bpf_map_lookup_elem(&chunks, &i);
	if (inspector && (inspector->asleep || a->urgent))
		wake = BPF_RB_FORCE_WAKEUP;
	body = n && !a->structure;
	if (ring && n > a->structure && chunk_pressed(ring)) {
		shed = 1;
		if (!body) {
			/* the head alone, which says what is missing after it */
			chunk_counted(i, 0, a->n - a->structure, 1);
			n = a->n = a->structure;
			a->head.flags |= GL_CHUNK_FAULT;
		}
	}
	if (ring && inspector && inspector->alive && !(body && shed)) {
		if (CHUNK_READY && n <= CHUNK_READY && n <= a->ready)
			sent = chunk_ready(ring, a, n, wake);
		else if (n <= 256)
			CHUNK_IN(256);
		else if (n <= 512)
			CHUNK_IN(512);
		else if (n <= 1024)
			CHUNK_IN(1024);
		else if (n <= 2048)
			CHUNK_IN(2048);
		else if (n <= 4096)
			CHUNK_IN(4096);
		else if (n <= 8192)
			CHUNK_IN(8192);
		else
			CHUNK_IN(GL_CHUNK_BYTES);
	}
	chunk_counted(i, sent, n, body);
	if (!sent && inspector && inspector->alive)
		a->lost++;
	a->ready = 0;
	a->head.off += n;
	a->from += n;
	a->n -= n;
	a->total -= n;
	a->structure -= n < a->structure ? n : a->structure;
	a->head.flags &= ~GL_CHUNK_BEGIN;
	return n;
}

struct chunk_turn {
	void *source;
	struct chunk_ask *ask;
};

static long chunk_turn(__u32 i, struct chunk_turn *t)
{
	chunk_piece(t->source, t->ask);
	return !t->ask->n;
}

/* Copies a->n bytes out, in as many chunks as it takes; n == 0 makes one without content. */
static __always_inline void chunk_send(void *source, struct chunk_ask *a)
{
	struct chunk_turn t = {.source = source, .ask = a};

	bpf_loop(1024, chunk_turn, &t, 0);
}
