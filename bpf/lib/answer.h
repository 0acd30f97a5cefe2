/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer.h - layer 2: turns the packet in hand into another one: an HTTP answer or a reset to its
 * sender, a reset or a shorter segment to the server.
 *
 * Only tc can do this: it may clone and grow packets (native XDP on veth cannot). Checksums: a
 * locally generated or GRO packet is CHECKSUM_PARTIAL and wants only the pseudo-header's sum in the
 * TCP header, any other the full sum.
 */
#pragma once

#include "bpf/lib/bpf.h"
#include "bpf/lib/maps.h"
#include "bpf/lib/packet.h"

#define ANSWER_BYTES 1024

/* Payload under construction and sums; one per CPU: tc runs with bottom halves off. */
struct answer_buf {
	__u8 text[ANSWER_BYTES + 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer_buf);
} answer_bufs SEC(".maps");

static __always_inline struct answer_buf *answer_buf(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&answer_bufs, &zero);
}

/* The packet to become. */
struct answer_spec {
	__u32 seq, ack;
	__u32 payload; /* bytes of answer_buf()->text */
	__u8 flags; /* TCP_* */
	__u8 reverse; /* back to the sender */
	__u8 stamps; /* carries tsval, tsecr */
	__u8 signature; /* the packet in hand has an MD5 or AO option */
	__be32 tsval, tsecr;
};

struct answer_tcp {
	struct tcphdr tcp;
	__u8 options[12];
};

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/*
 * Is the checksum left to the device? bpf_l4_csum_replace() without BPF_F_PSEUDO_HDR does nothing
 * to a CHECKSUM_PARTIAL packet and changes any other. No helper tells it, and ip_summed needs BTF.
 */
static __always_inline int csum_is_partial(struct __sk_buff *skb, __u32 off)
{
	__u16 before = 0, after = 0;

	if (bpf_skb_load_bytes(skb, off, &before, 2))
		return 0;
	bpf_l4_csum_replace(skb, off, 0, bpf_htonl(0x1234), 4);
	if (bpf_skb_load_bytes(skb, off, &after, 2))
		return 0;
	if (before == after)
		return 1;
	bpf_skb_store_bytes(skb, off, &before, 2, 0);
	return 0;
}

static __always_inline __u64 csum_pseudo(const struct packet *p, __u32 tcp_len)
{
	struct {
		struct gl_addr src, dst;
		__be32 len, proto;
	} h = {};
	__u64 sum;

	if (p->v6) {
		h.src = p->src;
		h.dst = p->dst;
	} else {
		h.src.w[0] = p->src.w[3];
		h.dst.w[0] = p->dst.w[3];
	}
	h.len = bpf_htonl(tcp_len);
	h.proto = bpf_htonl(IPPROTO_TCP);
	sum = (__u32)bpf_csum_diff(0, 0, (__be32 *)&h, sizeof(h), 0);
	return sum;
}

/* Sum of the first n bytes of the answer buffer, which has zeroes after them. */
static __always_inline __u64 csum_text(struct answer_buf *buf, __u64 sum)
{
	sum = (__u32)bpf_csum_diff(0, 0, (__be32 *)buf->text, 512, sum);
	return (__u32)bpf_csum_diff(0, 0, (__be32 *)(buf->text + 512), 512, sum);
}

/* Linux writes NOP NOP TIMESTAMP first; other stacks are searched for it, ten options at most. */
__global int answer_stamps(struct __sk_buff *skb, const struct packet *p, struct answer_spec *spec)
{
	__u32 off;

	if (!p || !spec)
		return -1;
	off = p->l4 + sizeof(struct tcphdr);

#pragma clang loop unroll(full)
	for (int i = 0; i < 10; i++) {
		__u8 o[10];

		if (off + 2 > p->payload || packet_load(skb, p, off, o, 2) || !o[0])
			return 0;
		if (o[0] == 1) {
			off++;
			continue;
		}
		if (o[0] == 8 && o[1] == 10) {
			if (off + 10 > p->payload || packet_load(skb, p, off, o, 10))
				return 0;
			/* as seen by who receives the new packet */
			__builtin_memcpy(spec->reverse ? &spec->tsecr : &spec->tsval, o + 2, 4);
			__builtin_memcpy(spec->reverse ? &spec->tsval : &spec->tsecr, o + 6, 4);
			spec->stamps = 1;
			return 0;
		}
		if (o[0] == 19 || o[0] == 29)
			spec->signature = 1;
		if (o[1] < 2)
			return 0;
		off += o[1];
	}
	return 0;
}

static __always_inline int answer_ethernet(struct __sk_buff *skb, const struct packet *p,
					   int reverse)
{
	__u8 eth[12], swapped[12];

	if (!p->l2 || !reverse)
		return 0;
	if (bpf_skb_load_bytes(skb, 0, eth, sizeof(eth)))
		return -1;
	__builtin_memcpy(swapped, eth + 6, 6);
	__builtin_memcpy(swapped + 6, eth, 6);
	return bpf_skb_store_bytes(skb, 0, swapped, sizeof(swapped), 0);
}

static __always_inline int answer_ip(struct __sk_buff *skb, const struct packet *p,
				     const struct answer_spec *spec, __u32 tcp_len)
{
	if (p->v6) {
		struct ipv6hdr h = {.version = 6, .nexthdr = IPPROTO_TCP, .hop_limit = 64};

		h.payload_len = bpf_htons(tcp_len);
		__builtin_memcpy(&h.saddr, spec->reverse ? &p->dst : &p->src, 16);
		__builtin_memcpy(&h.daddr, spec->reverse ? &p->src : &p->dst, 16);
		return bpf_skb_store_bytes(skb, p->l2, &h, sizeof(h), BPF_F_RECOMPUTE_CSUM);
	}
	struct iphdr h = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};

	h.frag_off = bpf_htons(0x4000);
	h.tot_len = bpf_htons(sizeof(h) + tcp_len);
	h.saddr = spec->reverse ? p->dst.w[3] : p->src.w[3];
	h.daddr = spec->reverse ? p->src.w[3] : p->dst.w[3];
	h.check = ~csum_fold((__u32)bpf_csum_diff(0, 0, (__be32 *)&h, sizeof(h), 0));
	return bpf_skb_store_bytes(skb, p->l2, &h, sizeof(h), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline void answer_tcp(struct answer_tcp *h, const struct packet *p,
				       const struct answer_spec *spec)
{
	__u8 *raw = (__u8 *)h;

	h->tcp.source = bpf_htons(spec->reverse ? p->dport : p->sport);
	h->tcp.dest = bpf_htons(spec->reverse ? p->sport : p->dport);
	h->tcp.seq = bpf_htonl(spec->seq);
	h->tcp.ack_seq = bpf_htonl(spec->ack);
	raw[12] = spec->stamps ? 8 << 4 : 5 << 4;
	raw[13] = spec->flags;
	h->tcp.window = bpf_htons(spec->flags & TCP_RST ? 0 : 512);
	if (!spec->stamps)
		return;
	h->options[0] = h->options[1] = 1;
	h->options[2] = 8;
	h->options[3] = 10;
	__builtin_memcpy(h->options + 4, &spec->tsval, 4);
	__builtin_memcpy(h->options + 8, &spec->tsecr, 4);
}

/*
 * Rewrites the packet. *p still describes the packet as it came and must be plain; afterwards
 * the packet's TCP header is at p->l4 again. 0 or -1; on -1 the packet must be dropped.
 */
__global int answer_write(struct __sk_buff *skb, const struct packet *p,
			  const struct answer_spec *spec)
{
	struct answer_tcp h = {};
	struct answer_buf *buf;
	__u32 tcp_len, header, partial, last;
	__u64 sum;

	if (!p || !spec)
		return -1;
	header = sizeof(struct tcphdr) + (spec->stamps ? 12 : 0);
	buf = answer_buf();
	if (!buf || !p->plain || spec->payload > ANSWER_BYTES)
		return -1;
	tcp_len = header + spec->payload;
	partial = csum_is_partial(skb, p->l2 + p->l4 + 16);
	if (bpf_skb_change_tail(skb, p->l2 + p->l4 + tcp_len, 0))
		return -1;
	answer_tcp(&h, p, spec);
	sum = csum_pseudo(p, tcp_len);
	if (partial) {
		h.tcp.check = csum_fold(sum);
	} else {
		sum = (__u32)bpf_csum_diff(0, 0, (__be32 *)&h, sizeof(h), sum);
		if (spec->payload)
			sum = csum_text(buf, sum);
		h.tcp.check = ~csum_fold(sum);
	}
	if (spec->payload)
		count(partial ? GL_CTR_CSUM_PARTIAL : GL_CTR_CSUM_FULL);
	if (answer_ethernet(skb, p, spec->reverse) || answer_ip(skb, p, spec, tcp_len))
		return -1;
	if (spec->stamps) {
		if (bpf_skb_store_bytes(skb, p->l2 + p->l4, &h, 32, BPF_F_RECOMPUTE_CSUM))
			return -1;
	} else if (bpf_skb_store_bytes(skb, p->l2 + p->l4, &h, 20, BPF_F_RECOMPUTE_CSUM)) {
		return -1;
	}
	if (!spec->payload)
		return 0;
	last = last_of(spec->payload);
	if (last >= ANSWER_BYTES)
		return -1;
	return bpf_skb_store_bytes(skb, p->l2 + p->l4 + header, buf->text, last + 1,
				   BPF_F_RECOMPUTE_CSUM);
}
