/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refuse.h - layer 2: how a refusal reaches the client (architecture.md "Deliveries").
 *
 * The client gets an HTTP answer and the end of the stream, the server a reset at its exact
 * rcv_nxt, in one step. What the client still sends on the dead connection is acknowledged here and
 * goes no further ("tombstone"), so that no reset overtakes the answer.
 */
#pragma once

#include "bpf/lib/answer.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/wire_sock.h"

struct tombstone {
	__u32 seq; /* what the agent sends next on the server's behalf */
	__u32 reserved;
};

/* Evicting one costs a client its quiet end (the kernel answers with a reset), nothing else. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, struct tombstone);
} tombstones SEC(".maps");

/* When the last one was put, CLOCK_BOOTTIME: mostly never, and no packet must pay for a lookup. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} tombstone_last SEC(".maps");

#define TOMBSTONE_NS (600 * SEC_NS) /* longer than a client waits that has seen the stream end */

static __always_inline void tombstone_put(const struct flow_key *key, const struct tombstone *t)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&tombstone_last, &zero);

	if (last)
		*(volatile __u64 *)last = bpf_ktime_get_boot_ns();
	if (bpf_map_update_elem(&tombstones, key, t, BPF_ANY))
		count(GL_CTR_LOST_UPDATE);
}

static __always_inline int tombstone_any(void)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&tombstone_last, &zero);

	return last && *last && bpf_ktime_get_boot_ns() - *last < TOMBSTONE_NS;
}

static __always_inline void put_hex(__u8 *at, __u64 value)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < GL_INSTANCE_WIDTH; i++) {
		__u8 nibble = (value >> (60 - 4 * i)) & 15;

		at[i] = nibble < 10 ? '0' + nibble : 'a' + nibble - 10;
	}
}

/* Left-aligned, the rest stays blank. */
static __always_inline void put_decimal(__u8 *at, __u32 value)
{
	__u64 text = 0;

	if (value > 99999999)
		value = 99999999;
#pragma clang loop unroll(full)
	for (int i = 0; i < GL_HOLE_WIDTH; i++) {
		if (value || !i)
			text = text << 8 | ('0' + value % 10);
		value /= 10;
	}
#pragma clang loop unroll(full)
	for (int i = 0; i < GL_HOLE_WIDTH; i++) {
		at[i] = text ? (__u8)text : ' ';
		text >>= 8;
	}
}

struct refuse_blank {
	struct answer_buf *buf;
	__u32 from;
};

static long refuse_blank_byte(__u32 i, struct refuse_blank *b)
{
	__u8 *at = at_index(b->buf->text, ANSWER_BYTES, b->from + i);

	if (!at)
		return 1;
	*at = 0;
	return 0;
}

/* The prepared answer with its numbers, in answer_buf(), zeroes after it. Its length, or 0. */
__global __u32 refuse_text(const struct gl_answer *a, const struct flow_refusal *r)
{
	struct answer_buf *buf = answer_buf();
	__u32 len;

	if (!a || !r || !buf)
		return 0;
	len = r->head ? a->body_off : a->len;
	if (len > GL_ANSWER_TEXT)
		return 0;
	__builtin_memcpy(buf->text, a->text, GL_ANSWER_TEXT);
	__builtin_memset(buf->text + GL_ANSWER_TEXT, 0, ANSWER_BYTES - GL_ANSWER_TEXT);
	for (int i = 0; i < GL_ANSWER_HOLES; i++) {
		__u32 off = a->hole_off[i];

		if (off > GL_ANSWER_TEXT - GL_INSTANCE_WIDTH)
			continue;
		if (a->hole_kind[i] == GL_HOLE_RETRY_S)
			put_decimal(buf->text + off, r->rec.retry_s);
		else if (a->hole_kind[i] == GL_HOLE_INSTANCE)
			put_hex(buf->text + off, r->rec.instance);
	}
	if (r->head) {
		struct refuse_blank blank = {.buf = buf, .from = len};

		bpf_loop(ANSWER_BYTES, refuse_blank_byte, &blank, 0);
	}
	return len;
}

/*
 * A fatal TLS alert in a record of its own (RFC 8446 section 6), in answer_buf(). Its version is
 * the hello's record version, as servers answer before a version is agreed on. Its length, or 0.
 */
__global __u32 refuse_alert_text(__u16 record_version, __u8 description)
{
	struct answer_buf *buf = answer_buf();
	__u16 version = record_version >= GL_TLS_1_0 - 1 && record_version <= GL_TLS_1_2
				? record_version
				: GL_TLS_1_0;

	if (!buf)
		return 0;
	/* in two: more at once would be a call */
	__builtin_memset(buf->text, 0, ANSWER_BYTES / 2);
	asm volatile("" ::: "memory");
	__builtin_memset(buf->text + ANSWER_BYTES / 2, 0, ANSWER_BYTES / 2);
	buf->text[0] = 0x15;
	buf->text[1] = version >> 8;
	buf->text[2] = version;
	buf->text[4] = 2; /* length */
	buf->text[5] = 2; /* fatal */
	buf->text[6] = description;
	return 7;
}

/* Sends a reset to the server as if from the client, exactly where it expects the next byte. */
__global int refuse_reset_server(struct __sk_buff *skb, const struct packet *p, __u32 rcv_nxt)
{
	struct answer_spec spec = {.seq = rcv_nxt, .flags = TCP_RST | TCP_ACK};

	if (!p)
		return -1;
	spec.ack = p->ack;

	answer_stamps(skb, p, &spec);
	if (answer_write(skb, p, &spec))
		return -1;
	return bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS) ? -1 : 0;
}

/* Whatever carried the refused bytes becomes nothing: the safe end of every failed delivery. */
static __always_inline int refuse_failed(void)
{
	count(GL_CTR_LOST_ANSWER);
	return TC_DROP;
}

/*
 * Answers with prepared answer `a` (NULL: the alert of f->refusal) and ends the connection on both
 * sides. The packet is the client's; its payload is acknowledged and goes nowhere. Only where I9
 * holds: the server owes nothing and p->ack is its snd_nxt.
 */
__global int refuse_answer(struct __sk_buff *skb, struct packet *p, struct flow *f,
			   const struct gl_answer *a, __u32 rcv_nxt)
{
	struct answer_spec spec = {.flags = TCP_ACK | TCP_PSH | TCP_FIN, .reverse = 1};
	struct flow_key key = {};
	struct tombstone t = {};

	if (!p || !f)
		return TC_DROP;
	/* the option bytes go with the first rewrite: read them now, for the way back */
	answer_stamps(skb, p, &spec);
	spec.seq = p->ack;
	spec.ack = p->seq + packet_length(p) + (p->flags & TCP_FIN ? 1 : 0);
	if (a)
		spec.payload = refuse_text(a, &f->refusal);
	else
		spec.payload =
			refuse_alert_text(f->tls.hello.record_version, f->refusal.answer & 0xff);
	if (!spec.payload || refuse_reset_server(skb, p, rcv_nxt))
		return refuse_failed();
	flow_name(skb, p, &key);
	t.seq = spec.seq + spec.payload + 1;
	tombstone_put(&key, &t);
	/* last: what the server still sends becomes its reset now, on any processor, and what the
	 * client sends to the socket that is gone must find its tombstone */
	f->state = FLOW_CLOSED;
	if (answer_write(skb, p, &spec))
		return refuse_failed();
	count(a ? GL_CTR_ANSWERS : GL_CTR_ALERTS);
	return bpf_redirect(skb->ifindex, 0);
}

/* Resets both sides: where no answer can be given. */
__global int refuse_reset(struct __sk_buff *skb, struct packet *p, struct flow *f, __u32 rcv_nxt)
{
	struct answer_spec spec = {.flags = TCP_RST | TCP_ACK, .reverse = 1};

	if (!p || !f)
		return TC_DROP;
	answer_stamps(skb, p, &spec);
	spec.seq = p->ack;
	spec.ack = p->seq + packet_length(p);
	f->state = FLOW_CLOSED;
	if (refuse_reset_server(skb, p, rcv_nxt) || answer_write(skb, p, &spec))
		return refuse_failed();
	count(GL_CTR_RESETS);
	return bpf_redirect(skb->ifindex, 0);
}

/*
 * The agent's reset must carry the server's rcv_nxt exactly (RFC 5961 section 3.2). Where an
 * earlier segment was still between the door and its socket, on another processor, it did not, and
 * the server waits for the rest of a request that ended here. Each packet of that connection is
 * another chance: it becomes the reset again. TC_NEXT: there is no such socket.
 */
__global int refuse_again(struct __sk_buff *skb, struct packet *p)
{
	struct wire_sock sock = {};
	struct flow *f = NULL;

	if (!p || wire_find(skb, p, &sock, &f) != WIRE_FLOW || !f)
		return TC_NEXT;
	if (f->state != FLOW_CLOSED && f->state != FLOW_FRESH)
		return TC_NEXT;
	f->state = FLOW_CLOSED;
	count(GL_CTR_RESETS_AGAIN);
	if (refuse_reset_server(skb, p, sock.rcv_nxt))
		return refuse_failed();
	return TC_DROP;
}

/* The same at egress: what the server's socket sends on an ended connection says what it awaits. */
__global int refuse_again_out(struct __sk_buff *skb, const struct packet *p)
{
	struct answer_spec back = {.flags = TCP_RST | TCP_ACK, .reverse = 1};

	if (!p || p->flags & TCP_RST)
		return TC_NEXT;
	answer_stamps(skb, p, &back);
	back.seq = p->ack;
	back.ack = p->seq;
	count(GL_CTR_RESETS_AGAIN);
	if (answer_write(skb, p, &back) || bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return refuse_failed();
	return TC_DROP;
}

/* Did the agent end a connection of these addresses? A SYN would have begun a new one. */
__global int refuse_ended(struct __sk_buff *skb, const struct packet *p)
{
	struct flow_key key = {};

	if (!p)
		return 0;
	flow_name(skb, p, &key);
	return bpf_map_lookup_elem(&tombstones, &key) != NULL;
}

/*
 * A packet to a service port without a socket behind it, or without data. If the agent ended that
 * connection, it is acknowledged (data, FIN) or swallowed (ACK); a SYN begins a new one. TC_NEXT:
 * not ours.
 */
__global int refuse_afterwards(struct __sk_buff *skb, struct packet *p)
{
	struct answer_spec spec = {.flags = TCP_ACK, .reverse = 1};
	struct flow_key key = {};
	struct tombstone *t;
	int action;
	__u32 len;

	if (!p || !tombstone_any())
		return TC_NEXT;
	flow_name(skb, p, &key);
	t = bpf_map_lookup_elem(&tombstones, &key);
	if (!t)
		return TC_NEXT;
	if (p->flags & TCP_SYN) {
		bpf_map_delete_elem(&tombstones, &key);
		return TC_NEXT;
	}
	/* the agent's own reset to the server comes by here; anybody else's hurts nobody */
	if (p->flags & TCP_RST)
		return TC_NEXT;
	count(GL_CTR_TOMBSTONE);
	action = refuse_again(skb, p);
	if (action != TC_NEXT)
		return action;
	len = packet_length(p);
	if (!len && !(p->flags & TCP_FIN))
		return TC_DROP;
	answer_stamps(skb, p, &spec);
	spec.seq = t->seq;
	spec.ack = p->seq + len + (p->flags & TCP_FIN ? 1 : 0);
	if (answer_write(skb, p, &spec))
		return refuse_failed();
	return bpf_redirect(skb->ifindex, 0);
}
