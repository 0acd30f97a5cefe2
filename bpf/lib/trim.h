/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trim.h - layer 2: passes only the first bytes of a segment, or its pure ACK. The client sends the
 * rest again: this is how a request is held back without losing the connection (I2, I9).
 * Also takes away the urgent mark: an application does not get the urgent byte in the stream (RFC
 * 6093), so what it reads would not be what was judged (I2).
 */
#pragma once

#include "bpf/lib/answer.h"

#define TRIM_PIECE 512

struct trim_sum {
	struct __sk_buff *skb;
	struct answer_buf *buf;
	__u32 off, end; /* from the packet's start */
	__u64 sum;
};

static long trim_sum_piece(__u32 i, struct trim_sum *s)
{
	__u32 n = s->end - s->off, last;

	if (s->off >= s->end)
		return 1;
	if (n > TRIM_PIECE)
		n = TRIM_PIECE;
	__builtin_memset(s->buf->text, 0, TRIM_PIECE);
	last = last_of(n);
	if (last >= TRIM_PIECE || bpf_skb_load_bytes(s->skb, s->off, s->buf->text, last + 1))
		return 1;
	s->sum = (__u32)bpf_csum_diff(0, 0, (__be32 *)s->buf->text, TRIM_PIECE, s->sum);
	s->off += n;
	return 0;
}

/* Is the TCP checksum right? One left to the device was never on a wire. */
__global int trim_sum_right(struct __sk_buff *skb, const struct packet *p)
{
	struct trim_sum s = {.skb = skb, .buf = answer_buf()};

	if (!p || !s.buf)
		return 0;
	if (csum_is_partial(skb, p->l2 + p->l4 + 16))
		return 1;
	s.off = p->l2 + p->l4;
	s.end = p->l2 + p->end;
	s.sum = csum_pseudo(p, p->end - p->l4);
	bpf_loop(65536 / TRIM_PIECE, trim_sum_piece, &s, 0);
	return csum_fold(s.sum) == 0xffff;
}

static __always_inline int trim_ip(struct __sk_buff *skb, struct packet *p, __u32 len)
{
	__be16 before, after;

	if (p->v6) {
		after = bpf_htons(len - sizeof(struct ipv6hdr));
		return bpf_skb_store_bytes(skb, p->l2 + 4, &after, 2, BPF_F_RECOMPUTE_CSUM);
	}
	after = bpf_htons(len);
	if (bpf_skb_load_bytes(skb, p->l2 + 2, &before, 2))
		return -1;
	if (bpf_l3_csum_replace(skb, p->l2 + 10, before, after, 2))
		return -1;
	return bpf_skb_store_bytes(skb, p->l2 + 2, &after, 2, 0);
}

/* Leaves the first `keep` bytes of payload; FIN and PSH belong to what is cut off. 0 or -1. */
__global int trim_segment(struct __sk_buff *skb, struct packet *p, __u32 keep)
{
	struct trim_sum s = {.skb = skb, .buf = answer_buf()};
	__u32 tcp_off, len;
	__u16 zero = 0, check;
	__u8 flags;

	if (!p || !s.buf || keep >= packet_length(p))
		return -1;
	tcp_off = p->l2 + p->l4;
	len = p->payload + keep;
	flags = p->flags & ~(TCP_FIN | TCP_PSH);
	if (bpf_skb_change_tail(skb, p->l2 + len, 0) || trim_ip(skb, p, len))
		return -1;
	if (csum_is_partial(skb, tcp_off + 16)) {
		check = csum_fold(csum_pseudo(p, len - p->l4));
		if (bpf_skb_store_bytes(skb, tcp_off + 13, &flags, 1, 0))
			return -1;
	} else {
		if (bpf_skb_store_bytes(skb, tcp_off + 13, &flags, 1, BPF_F_RECOMPUTE_CSUM) ||
		    bpf_skb_store_bytes(skb, tcp_off + 16, &zero, 2, BPF_F_RECOMPUTE_CSUM))
			return -1;
		s.off = tcp_off;
		s.end = p->l2 + len;
		s.sum = csum_pseudo(p, len - p->l4);
		bpf_loop(65536 / TRIM_PIECE, trim_sum_piece, &s, 0);
		check = ~csum_fold(s.sum);
	}
	if (bpf_skb_store_bytes(skb, tcp_off + 16, &check, 2, BPF_F_RECOMPUTE_CSUM))
		return -1;
	p->end = len;
	p->flags = flags;
	count(GL_CTR_TRIMMED);
	return 0;
}

/* Makes urgent data ordinary. Both words are in the sum unless the device computes it. */
static __always_inline int trim_urgent(struct __sk_buff *skb, struct packet *p)
{
	__u32 tcp_off = p->l2 + p->l4;
	__be16 word, plain, pointer, zero = 0;

	if (bpf_skb_load_bytes(skb, tcp_off + 12, &word, 2) ||
	    bpf_skb_load_bytes(skb, tcp_off + 18, &pointer, 2))
		return -1;
	plain = word & ~bpf_htons(TCP_URG);
	if (bpf_l4_csum_replace(skb, tcp_off + 16, word, plain, 2) ||
	    bpf_l4_csum_replace(skb, tcp_off + 16, pointer, zero, 2))
		return -1;
	p->flags &= ~TCP_URG;
	if (bpf_skb_store_bytes(skb, tcp_off + 12, &plain, 2, 0))
		return -1;
	return bpf_skb_store_bytes(skb, tcp_off + 18, &zero, 2, 0);
}
