/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow.h - layer 2: what the wire door remembers of a connection, in the socket's own storage (I1),
 * and which bytes of a segment may be parsed, passed or held back (I2).
 *
 * Sequence numbers are compared by signed difference (RFC 9293 section 3.4).
 */
#pragma once

#include "bpf/lib/bpf.h"
#include "bpf/lib/maps.h"
#include "bpf/lib/packet.h"
#include "include/glacis/guard.h"
#include "include/glacis/http_msg.h"
#include "include/glacis/tls_hello.h"
#include "include/glacis/tls_server.h"
#include "include/glacis/window_known.h"

#define FLOW_PENDING 16 /* requests admitted and not yet answered; more are held back */
#define FLOW_HEADS   33 /* heads read of one segment or call */
#define FLOW_HOLD_NS SEC_NS
#define FLOW_BORNE   GL_OPEN_BORNE /* credentials of what is in flight: of the first, of the last */

enum flow_state {
	FLOW_FRESH, /* storage just created */
	FLOW_HTTP,
	FLOW_OPAQUE, /* TLS, HTTP/2, a tunnel, not HTTP: counted once, not judged here */
	FLOW_MIDSTREAM, /* joined in the middle: waits for an idle boundary */
	FLOW_LOST, /* monitor only: the parse position is lost, as I2 says */
	FLOW_REFUSED, /* a request was refused, its answer waits until the server owes nothing (I9)
		       */
	FLOW_CLOSED, /* answered or reset: nothing more of the client's data passes */
	FLOW_HELLO, /* a ClientHello is being read, or is not yet behind rcv_nxt */
	FLOW_TLS, /* its hello was judged; egress reads the server's part */
	FLOW_HTTP2, /* HTTP/2, or in monitor what the parser gave up on: copied, not judged here */
	FLOW_CUT, /* ended at egress: nothing more of either side passes */
	FLOW_REFUSED_HELLO, /* as FLOW_REFUSED, but what was refused is a hello */
};

/* A request passed on, until its final response has gone by. */
struct flow_request {
	__u64 principal; /* 0 = none, or the operation cannot prove one */
	__u64 judged_ns;
	struct gl_addr source;
	__u16 op; /* interned ids, for the record */
	__u16 cls;
	__u16 service;
	__u8 flags; /* enum gl_rec_flags, FLOW_R_CONNECT */
	__u8 credential;
	__u32 take; /* bytes of the response's body for inspectors; FLOW_TAKE_ALL */
	__u8 guard; /* GL_OP_GUARD, GUARD_MONITOR: what may not leave in the response */
	__u8 reserved[3];
};
_Static_assert(sizeof(struct flow_request) == 48, "no padding");
/* GL_OP_GUARD has three groups a half; this is in neither: the request is only monitored. */
#define GUARD_MONITOR  8
#define FLOW_TAKE_ALL  0xffffffff
#define FLOW_TAKE_OVER 0xfffffffe /* nothing more, and the inspectors know */
#define FLOW_R_CONNECT 0x80
#define FLOW_ALERT     0x8000 /* flow_refusal.answer: a TLS alert; 0 as description: a reset */

/* A refusal on its way to the client, with the record that will tell of it. */
struct flow_refusal {
	__u64 since_ns;
	__u32 seq; /* where the refused request begins */
	__u16 answer; /* index in policy->answers[], or FLOW_ALERT | description */
	__u8 head; /* HEAD: no body */
	__u8 reserved;
	struct gl_rec_verdict rec;
};
_Static_assert(sizeof(struct flow_refusal) == 128, "no padding");

/*
 * What there is to know of a hello besides its lists: these only grow, and a rewind cuts them. The
 * key comes first and is known when the hello is complete: no state to return to has one.
 */
#define FLOW_HELLO_HEAD __builtin_offsetof(struct gl_hello, ciphers)
#define FLOW_HELLO_FROM __builtin_offsetof(struct gl_hello, sni_key)

enum flow_tls_flags {
	FLOW_TLS_HELLO = 1, /* the hello is complete and was passed */
	FLOW_TLS_TOLD = 2, /* the handshake's record is sent */
	FLOW_TLS_CLIENT = 4, /* the client's first bytes after the hello were looked at */
	FLOW_TLS_SPOKEN = 8, /* the server had sent something before the hello */
};

/* A TLS handshake. What the server's side writes lies where it writes in a flow of HTTP, too. */
struct flow_tls {
	struct tls_hello_state in;
	__u32 out_start; /* where the server's stream was when the hello began */
	__u8 flags; /* enum flow_tls_flags; the client's side writes it */
	__u8 verdict, reason; /* what monitor would have done */
	__u8 out_done; /* nothing more of the server is read; its side writes it */
	__u8 saved_head[FLOW_HELLO_HEAD - FLOW_HELLO_FROM];
	struct tls_server_state out;
	struct gl_server_hello server;
	__u64 hello_ns;
	struct tls_hello_state saved_in;
	struct gl_hello hello;
};

/*
 * In this order: what each packet touches, on the first two lines (the storage's own 72 bytes in
 * front of it end 8 bytes into a line), the refusal, and what only HTTP or only TLS needs.
 */
struct flow {
	__u64 opened_ns; /* first: user/kern reads it of embryos */
	__u64 conn; /* second, as that; names the connection in chunks and records of TLS */
	/* client to server */
	__u32 pos; /* next byte to parse */
	__u32 commit; /* sequence number `saved` is the state at */
	__u32 structure; /* one past the last byte that had structure (head, chunk size) */
	__u32 head_seq; /* where the head being read began */
	__u64 generation; /* the head being read is judged by this policy ... */
	__u32 slot; /* ... in this slot of the outer map */
	__u16 service; /* index in services[] of that policy + 1 */
	__u16 port;
	__u32 sent; /* one past the last byte that left the server, FIN included; only grows */
	__u32 busy; /* compare-and-swap: one CPU at a time reads the client's side */
	__u32 out_pos; /* next byte of the server to be read */
	__u8 state; /* enum flow_state */
	__u8 out_known; /* the position in the server's stream is known (I9) */
	__u8 answer_seen; /* midstream: a final response went by */
	__u8 behind; /* segments were read behind structure that the kernel had not taken */
	__u32 judged; /* requests passed on; what the server's side measures responses against */
	__u32 answered; /* final responses complete */
	__u32 next; /* requests in the stream up to pos; below judged while a resend is read again
		     */
	__u32 saved_next;
	__u64 copied[2]; /* by enum gl_direction: offset of ... */
	__u32 copied_seq[2]; /* ... this sequence number */
	struct flow_refusal refusal;
	union {
		/* all states but those of flow_is_tls() */
		struct {
			struct http_msg in;
			__u64 borne[FLOW_BORNE]; /* of requests in flight; 0 = none */
			__u32 in_take, out_take; /* bytes of the current body still to be copied */
			/* the server's side writes these */
			struct http_msg out;
			struct guard_carry guard; /* the server's last bytes */
			__u32 guard_pos; /* unframed streams: the server's next byte, once ... */
			__u8 guard_begun; /* ... this is set */
			__u8 copy_begun; /* the server's stream, to the inspectors */
			__u8 over; /* 1 << enum gl_direction: the inspectors were told */
			__u8 reserved;
			struct http_request request;
			struct flow_request pending[FLOW_PENDING];
			/* inside TLS nothing is rewound: from here on the room is the tls door's
			 * (tls_conn.h) */
			struct http_msg saved_in;
			struct http_request saved_request;
			struct window_known known; /* the window of the last request */
		};
		struct flow_tls tls; /* flow_is_tls() */
	};
};
/*
 * Each new connection gets one, zeroed: 2,560 bytes came from slabs of 4,096, and zeroing and
 * touching them was 2.0 to 2.7 us more. bpf_local_storage_elem has 72 bytes in front of it.
 */
_Static_assert(sizeof(struct flow) <= 2048 - 72 - 16, "a flow in a slab of 2,048 bytes");
#define FLOW_SHARED __builtin_offsetof(struct flow, saved_in)
/* Should one side change its mind in the middle of the other's packet, it does so to its own. */
_Static_assert(__builtin_offsetof(struct flow, tls.out) >= __builtin_offsetof(struct flow, out) &&
		       __builtin_offsetof(struct flow, tls.hello_ns) <=
			       __builtin_offsetof(struct flow, request),
	       "what the server's side writes of TLS lies over what it writes of HTTP");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow);
} flows SEC(".maps");

/* A connection by its addresses, where there is no socket of its own yet, or none any more. */
struct flow_key {
	struct gl_addr src, dst;
	__u16 sport, dport;
	__u32 ifindex; /* the same addresses may exist in two namespaces */
};
_Static_assert(sizeof(struct flow_key) == 40, "no padding");

static __always_inline void flow_name(struct __sk_buff *skb, const struct packet *p,
				      struct flow_key *k)
{
	k->src = p->src;
	k->dst = p->dst;
	k->sport = p->sport;
	k->dport = p->dport;
	k->ifindex = skb->ifindex;
}

static __always_inline __s32 seq_diff(__u32 a, __u32 b)
{
	return (__s32)(a - b);
}

static __always_inline struct flow_request *flow_pending(struct flow *f, __u32 i)
{
	return &f->pending[i & (FLOW_PENDING - 1)];
}

/*
 * A final response is complete. A full barrier: who sees it counted sees where it ends (out_pos),
 * on whatever processor.
 */
static __always_inline void flow_answered(struct flow *f)
{
	__sync_fetch_and_add(&f->answered, 1);
}

/* Requests the server still owes a final response for. */
static __always_inline __u32 flow_owed(const struct flow *f)
{
	return f->judged - *(const volatile __u32 *)&f->answered;
}

static long flow_free(__u32 i, struct flow **f)
{
	return !*(volatile __u32 *)&(*f)->busy;
}

/*
 * One processor at a time reads the client's side. Another one waits for as long as a segment takes
 * to be read (its sender would wait for a resend, which is 200 ms for the last one). False: it did
 * not get its turn.
 */
static __always_inline int flow_enter(struct flow *f)
{
	if (!__sync_val_compare_and_swap(&f->busy, 0, 1))
		return 1;
	bpf_loop(4096, flow_free, &f, 0);
	return !__sync_val_compare_and_swap(&f->busy, 0, 1);
}

static __always_inline void flow_leave(struct flow *f)
{
	/* what was read is there for the next one: x86 keeps stores in order, others get a barrier
	 */
#ifdef __TARGET_ARCH_x86
	asm volatile("" ::: "memory");
	*(volatile __u32 *)&f->busy = 0;
#else
	__sync_val_compare_and_swap(&f->busy, 1, 0);
#endif
}

/*
 * A packet of the server is about to leave. The kernel's snd_nxt moves only when the transmission
 * returns, and the client's next segment may be here before that, on another processor: what has
 * gone by counts as sent. Written under the socket's lock, in front of everything a response
 * changes.
 */
static __always_inline void flow_sent(struct flow *f, __u32 end)
{
	if (seq_diff(end, f->sent) > 0)
		*(volatile __u32 *)&f->sent = end;
}

/* One past what the client can have seen of the server. */
static __always_inline __u32 flow_sent_end(const struct flow *f, __u32 snd_nxt)
{
	__u32 sent = *(const volatile __u32 *)&f->sent;

	return seq_diff(sent, snd_nxt) > 0 ? sent : snd_nxt;
}

/* Will TCP look at a segment's data at all (RFC 9293 section 3.10.7.4)? */
enum flow_acceptance {
	ACCEPT_DATA,
	ACCEPT_NONE, /* no ACK, a SYN or a RST: TCP takes no data of it */
	ACCEPT_AHEAD, /* acknowledges what the server never sent */
};

/* (An ack of long ago is no sign: the kernel's fast path takes such data.) */
static __always_inline int flow_acceptable(const struct flow *f, __u8 flags, __u32 ack,
					   __u32 snd_nxt)
{
	if ((flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK)
		return ACCEPT_NONE;
	return seq_diff(ack, flow_sent_end(f, snd_nxt)) > 0 ? ACCEPT_AHEAD : ACCEPT_DATA;
}

/* What the flow table decides about a segment before any byte is read. */
enum flow_placing {
	PLACE_PARSE, /* parse from f->pos; bytes before it were judged */
	PLACE_PASS, /* nothing to parse: a duplicate, or inside a body */
	PLACE_HOLD, /* ahead of an unfinished head, or overlapping one: held back in enforce */
	PLACE_LOST, /* the kernel has taken bytes that were not judged */
};

/* True where f->tls is what the union holds, as far as anybody still asks. */
static __always_inline int flow_is_tls(const struct flow *f)
{
	return f->state == FLOW_HELLO || f->state == FLOW_TLS || f->state == FLOW_REFUSED_HELLO;
}

static __always_inline int flow_is_refused(const struct flow *f)
{
	return f->state == FLOW_REFUSED || f->state == FLOW_REFUSED_HELLO;
}

/* True while bytes of a head have been read and its end has not. */
static __always_inline int flow_in_head(const struct flow *f)
{
	if (f->state == FLOW_HELLO)
		return 1;
	return !flow_is_tls(f) && f->in.phase != HTTP_IDLE && f->in.phase < HTTP_BODY;
}

/* True in a part of a body whose length is known. */
static __always_inline int flow_in_body(const struct flow *f)
{
	return !flow_is_tls(f) && (f->in.phase == HTTP_BODY || f->in.phase == HTTP_CHUNK_DATA);
}

/* HTTP, from a message's beginning on in both directions. */
static __always_inline void flow_open_http(struct flow *f)
{
	http_open(&f->in, 0);
	http_open(&f->saved_in, 0);
	http_open(&f->out, HTTP_F_RESPONSE);
	f->in_take = f->out_take = 0;
	f->known.name[0] = 0;
}

/*
 * It was no hello, or not this one: the stream is where it was before its first byte (it begins
 * where a request could, as the first one). What the server has sent since was not read as HTTP,
 * and how a text of before it went on is not known. Apart, for the stack's sake.
 */
__global int flow_leave_tls(struct flow *f)
{
	__u32 out_start, spoken;

	if (!f)
		return -1;
	out_start = f->tls.out_start;
	spoken = f->tls.flags & FLOW_TLS_SPOKEN;
	if (f->out_pos != out_start)
		f->out_known = 0;
	flow_open_http(f);
	guard_forget(&f->guard);
	f->guard_pos = out_start;
	f->guard_begun = spoken != 0;
	f->copy_begun = f->over = 0;
	return 0;
}

/* A state without a hello. */
static __always_inline void flow_become(struct flow *f, __u8 state)
{
	if (flow_is_tls(f))
		flow_leave_tls(f);
	f->state = state;
}

/* To the last byte of the hello that the kernel has; before its first one, to no hello at all. */
static __always_inline void flow_rewind_hello(struct flow *f)
{
	if (seq_diff(f->commit, f->head_seq) <= 0) {
		flow_become(f, FLOW_HTTP);
		return;
	}
	f->tls.flags &= FLOW_TLS_SPOKEN;
	f->tls.in = f->tls.saved_in;
	f->tls.hello.key = 0;
	__builtin_memcpy(&f->tls.hello.sni_key, f->tls.saved_head, sizeof(f->tls.saved_head));
}

static __always_inline void flow_save_hello(struct flow *f)
{
	f->tls.saved_in = f->tls.in;
	__builtin_memcpy(f->tls.saved_head, &f->tls.hello.sni_key, sizeof(f->tls.saved_head));
}

/*
 * Requests are taken back only when something else has been read in their place (flow_settle): the
 * kernel may have taken them since rcv_nxt was read, and their responses may be on their way.
 */
static __always_inline void flow_rewind(struct flow *f)
{
	if (f->state == FLOW_HELLO) {
		flow_rewind_hello(f);
	} else {
		f->in = f->saved_in;
		f->request = f->saved_request;
		f->next = f->saved_next;
	}
	f->pos = f->commit;
	f->structure = f->commit;
	f->behind = 0;
	count(GL_CTR_REWINDS);
}

/* A segment was read: what it held in place of an earlier one counts. */
static __always_inline void flow_settle(struct flow *f)
{
	if (seq_diff(f->judged, f->next) > 0)
		f->judged = f->next;
}

/*
 * Places [seq, end) by the kernel's own rcv_nxt (I1, I2).
 *
 * Structure is what decides where messages end: heads and chunk sizes. While all of it is behind
 * rcv_nxt ("committed"), any segment inside the current body is harmless in any order, and a resend
 * of parsed bytes changes nothing. While structure is in flight, only the segment at the parse
 * position is read. A resend from rcv_nxt rewinds to the state saved there, unless segments behind
 * it were read and passed that it does not cover: the kernel may have kept those, and the server
 * would see a mixture that was never judged.
 */
static __always_inline int flow_place(struct flow *f, __u32 seq, __u32 end, __u32 rcv_nxt)
{
	int committed;

	/* read before another processor's segment was: the kernel has been further */
	if (seq_diff(f->commit, rcv_nxt) > 0)
		rcv_nxt = f->commit;
	committed = seq_diff(rcv_nxt, f->structure) >= 0;
	if (seq_diff(end, rcv_nxt) <= 0)
		return PLACE_PASS;
	if (seq_diff(rcv_nxt, f->pos) > 0) {
		__u32 gap = rcv_nxt - f->pos;

		/* taken by the kernel out of order, inside a body: arithmetic */
		if (!committed || !flow_in_body(f) || f->in.remaining < gap)
			return PLACE_LOST;
		f->in.remaining -= gap;
		f->pos = rcv_nxt;
		if (!f->in.remaining)
			f->in.phase = f->in.phase == HTTP_BODY ? HTTP_IDLE : HTTP_CHUNK_CRLF;
	}
	if (seq == f->pos) {
		f->behind |= !committed;
		return PLACE_PARSE;
	}
	if (seq_diff(seq, f->pos) > 0) {
		__u32 ahead = end - f->pos;

		if (committed && flow_in_body(f) && f->in.remaining >= ahead)
			return PLACE_PASS;
		return PLACE_HOLD;
	}
	if (committed)
		return seq_diff(end, f->pos) > 0 ? PLACE_PARSE : PLACE_PASS;
	/* starts inside structure the kernel has not taken, and not where it expects: ahead */
	if (seq_diff(seq, rcv_nxt) > 0)
		return PLACE_HOLD;
	if (rcv_nxt == f->commit && (!f->behind || seq_diff(end, f->pos) >= 0)) {
		/* what would be read again is answered: the kernel took it since */
		if (seq_diff(f->answered, f->saved_next) > 0)
			return seq_diff(end, f->pos) > 0 ? PLACE_HOLD : PLACE_PASS;
		flow_rewind(f);
		return PLACE_PARSE;
	}
	return PLACE_LOST;
}

/* Everything parsed so far has been taken by the kernel: this is what a rewind returns to. */
static __always_inline void flow_commit(struct flow *f, __u32 rcv_nxt)
{
	if (rcv_nxt != f->pos || f->commit == f->pos)
		return;
	f->behind = 0;
	f->commit = f->pos;
	if (f->state == FLOW_HELLO)
		flow_save_hello(f);
	if (flow_is_tls(f))
		return;
	f->saved_in = f->in;
	f->saved_next = f->next;
	if (flow_in_head(f))
		f->saved_request = f->request;
}
