/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * h2.h - layer 2: HTTP/2 connections whose requests are judged in user space (http2: judge, in
 * enforce). The doors copy what the client sends and count its streams; the inspectors decode, the
 * keeper judges and says up to which byte (map `h2_judged`).
 *
 * A source that was refused, or that opens streams faster than GL_H2_FREE_STREAMS a second, is read
 * in lockstep: nothing the server sends on its connections leaves before everything it asked there
 * is judged. The server sends it again by itself; for others nothing waits.
 */
#pragma once

#include "bpf/lib/chunk.h"
#include "bpf/lib/cut.h"
#include "include/glacis/admit.h"

#define H2_FRAME_HEADER 9
#define H2_PREFACE      24
#define H2_HEADERS      1
#define H2_FRAMES_MAX   4096 /* in one call or segment: 16 KiB are 1,820 */
#define H2_LATE_NS      (SEC_NS / 50) /* judged later than that, anybody's answers wait */
#define H2_HOLD_NS      SEC_NS /* nobody judges: the connection ends */

enum h2_conn_flags {
	H2_BLIND = 1, /* its place in the frames is not known: always in lockstep */
	H2_EXEMPT = 2, /* the peer is a trusted proxy: its streams are many clients' */
};

struct h2_conn {
	struct gl_h2_source_key source; /* the peer's */
	__u64 read; /* bytes of the client that the application has, or will have at once */
	__u64 held_ns; /* since when packets are held; 0 = they are not */
	__u64 took_ns; /* the client's last new bytes */
	__u64 asked_ns; /* the first of them that were not judged when the next came */
	__u32 left; /* of the payload of the frame being read */
	__u8 head[H2_FRAME_HEADER];
	__u8 n_head;
	__u8 flags; /* enum h2_conn_flags */
	__u8 reserved;
};
_Static_assert(sizeof(struct h2_conn) == 72, "no padding");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GL_H2_CONNS_MAX);
	__type(key, __u64); /* as in struct gl_chunk */
	__type(value, struct h2_conn);
} h2_conns SEC(".maps");

/* Up to which byte everything is judged; written by the keeper. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GL_H2_CONNS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} h2_judged SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GL_H2_SOURCES_MAX);
	__type(key, struct gl_h2_source_key);
	__type(value, struct gl_h2_source);
} h2_sources SEC(".maps");

/* A stretch of the client's bytes being walked; on the stack. */
struct h2_walk {
	void *source; /* the packet; not used inside TLS */
	__u64 at; /* offset in the packet, or address in user space */
	struct h2_conn *conn;
	__u32 n;
	__u32 streams; /* HEADERS frames seen */
	__u32 failed;
};

#ifdef DOOR_TLS
#define H2_LOAD(w, to, n) bpf_probe_read_user(to, n, (const void *)(w)->at)
#else
#define H2_LOAD(w, to, n) bpf_skb_load_bytes((struct __sk_buff *)(w)->source, (w)->at, to, n)
#endif

/* A frame's header is there. */
static __always_inline void h2_header(struct h2_walk *w, const __u8 *b)
{
	w->conn->left = (__u32)b[0] << 16 | (__u32)b[1] << 8 | b[2];
	if (b[3] == H2_HEADERS)
		w->streams++;
}

static long h2_step(__u32 i, struct h2_walk *w)
{
	struct h2_conn *c = w->conn;
	__u8 b[H2_FRAME_HEADER] = {};
	__u32 n = w->n;

	if (!n)
		return 1;
	if (c->left) {
		n = n < c->left ? n : c->left;
		c->left -= n;
	} else if (!c->n_head && n >= H2_FRAME_HEADER) {
		n = H2_FRAME_HEADER;
		w->failed |= H2_LOAD(w, b, H2_FRAME_HEADER) != 0;
		h2_header(w, b);
	} else {
		n = 1;
		w->failed |= H2_LOAD(w, b, 1) != 0;
		if (c->n_head < H2_FRAME_HEADER)
			c->head[c->n_head] = b[0];
		if (++c->n_head >= H2_FRAME_HEADER) {
			c->n_head = 0;
			h2_header(w, c->head);
		}
	}
	w->at += n;
	w->n -= n;
	return w->failed;
}

/* Streams were opened: too many in a second, and the source is read in lockstep for the next. */
static __always_inline void h2_streams(const struct gl_h2_source_key *key, __u32 streams,
				       __u64 now_ns)
{
	struct gl_h2_source *s = bpf_map_lookup_elem(&h2_sources, key);
	struct gl_h2_source fresh = {.second = now_ns / SEC_NS, .streams = streams};

	if (!s) {
		if (bpf_map_update_elem(&h2_sources, key, &fresh, BPF_NOEXIST))
			s = bpf_map_lookup_elem(&h2_sources, key);
		if (!s)
			return;
	}
	if (s->second != fresh.second) {
		s->second = fresh.second;
		s->streams = 0;
	}
	if (__sync_fetch_and_add(&s->streams, streams) + streams <= GL_H2_FREE_STREAMS)
		return;
	if (s->until_ns < now_ns + SEC_NS) {
		if (s->until_ns < now_ns)
			count(GL_CTR_H2_LOCKSTEP);
		s->until_ns = now_ns + SEC_NS;
	}
}

/* By itself, because of 6.1: the frames of callers and callees are at most 512 bytes together. */
static __noinline int h2_conn_begin(__u64 conn, __u64 off, __u16 service_id,
				    const struct gl_addr *peer, int exempt)
{
	struct h2_conn fresh = {};

	fresh.source.source = admit_source(peer);
	fresh.source.service = service_id;
	fresh.read = off;
	if (off < H2_PREFACE)
		fresh.left = H2_PREFACE - off;
	else
		fresh.flags |= H2_BLIND; /* forgotten, or older than this policy */
	if (exempt)
		fresh.flags |= H2_EXEMPT;
	if (bpf_map_update_elem(&h2_conns, &conn, &fresh, BPF_NOEXIST))
		count(GL_CTR_LOST_UPDATE);
	return 0;
}

/* The connection's record; made at its first bytes. */
static __always_inline struct h2_conn *h2_conn_of(__u64 conn, __u64 off,
						  const struct gl_policy *policy,
						  const struct gl_service *service,
						  const struct gl_addr *peer)
{
	struct h2_conn *c = bpf_map_lookup_elem(&h2_conns, &conn);
	struct gl_control *control = control_get();

	if (c || !control)
		return c;
	control->h2 = 1;
	h2_conn_begin(conn, off, service->id, peer, nets_match(policy, service->proxy_set, peer));
	return bpf_map_lookup_elem(&h2_conns, &conn);
}

/*
 * n bytes of the client, from `off` of its stream on, are about to be the application's: w->source,
 * w->at and w->n say where they are.
 */
static __noinline void h2_take(__u64 conn, struct h2_conn *c, struct h2_walk *w, __u64 off)
{
	const __u64 *judged = bpf_map_lookup_elem(&h2_judged, &conn);
	__u64 end = off + w->n;

	if (end <= c->read)
		return;
	c->took_ns = bpf_ktime_get_boot_ns();
	if (!c->asked_ns || (judged && *judged >= c->read))
		c->asked_ns = c->took_ns;
	if (off > c->read) {
		c->flags |= H2_BLIND;
	} else {
		w->at += c->read - off;
		w->n -= c->read - off;
	}
	w->conn = c;
	c->read = end;
	if (!(c->flags & H2_BLIND)) {
		bpf_loop(H2_FRAMES_MAX, h2_step, w, 0);
		if (w->failed || w->n)
			c->flags |= H2_BLIND;
	}
	if (w->streams && !(c->flags & H2_EXEMPT))
		h2_streams(&c->source, w->streams, c->took_ns);
}

static __always_inline void h2_forget(__u64 conn)
{
	const struct gl_control *control = control_get();

	if (!control || !control->h2)
		return;
	bpf_map_delete_elem(&h2_conns, &conn);
	bpf_map_delete_elem(&h2_judged, &conn);
}
