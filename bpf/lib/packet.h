/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet.h - layer 1: IP and TCP headers of a packet at tc, by offset from the network header, so
 * that devices with and without a link-layer header share the code. Lengths come from the IP header
 * (padding is not payload); skb->len only for BIG TCP, where the IP length is 0 (I2).
 */
#pragma once

#include "bpf/lib/bpf.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

struct packet {
	struct gl_addr src, dst;
	__u32 l4; /* offset of the TCP header from the network header */
	__u32 payload; /* offset of the payload from the network header */
	__u32 end; /* offset of the packet's end from the network header */
	__u32 seq, ack; /* host order */
	__u32 l2; /* bytes of link-layer header in front */
	__u16 sport, dport; /* host order */
	__u8 flags;
	__u8 v6;
	__u8 plain; /* no IP options and no extension headers: can be answered in place */
	__u8 fragment; /* enum packet_fragment; of a first one the ports are known */
};

enum packet_fragment { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

enum packet_kind { PACKET_NOT_IP, PACKET_IP, PACKET_TCP, PACKET_BAD, PACKET_UDP };

#define PACKET_EXTENSIONS 4
#define PACKET_HEADERS    256 /* how far into a packet they are looked for without a call */

/*
 * Bytes at an offset from the network header. Not bpf_skb_load_bytes_relative(): that one sees only
 * the linear part, and payload is mostly in fragments.
 */
static __always_inline int packet_load(struct __sk_buff *skb, const struct packet *p, __u32 off,
				       void *to, __u32 len)
{
	return bpf_skb_load_bytes(skb, p->l2 + off, to, len);
}

/*
 * The same of a header, into *to: without a call where it lies in the linear part, as it nearly
 * always does.
 */
#define packet_header(skb, p, off, to)                                                             \
	({                                                                                         \
		void *_data = (void *)(long)(skb)->data, *_end = (void *)(long)(skb)->data_end;    \
		__u32 _off = (p)->l2 + (off);                                                      \
		long _failed = 0;                                                                  \
		opaque(_off);                                                                      \
		if (_off <= PACKET_HEADERS && _data + _off + sizeof(*(to)) <= _end)                \
			__builtin_memcpy(to, _data + _off, sizeof(*(to)));                         \
		else                                                                               \
			_failed = packet_load(skb, p, off, to, sizeof(*(to)));                     \
		_failed;                                                                           \
	})

static __always_inline __u32 packet_length(const struct packet *p)
{
	return p->end - p->payload;
}

static __always_inline int packet_parse_v4(struct __sk_buff *skb, struct packet *p, __u8 *ret_proto)
{
	struct iphdr ip;
	__u32 total;

	if (packet_header(skb, p, 0, &ip) || ip.version != 4 || ip.ihl < 5)
		return PACKET_BAD;
	p->src.q[0] = p->dst.q[0] = 0;
	p->src.w[2] = p->dst.w[2] = bpf_htonl(0xffff);
	p->src.w[3] = ip.saddr;
	p->dst.w[3] = ip.daddr;
	total = bpf_ntohs(ip.tot_len);
	if (!total)
		total = skb->len - p->l2;
	p->l4 = ip.ihl * 4;
	p->end = total;
	p->plain = ip.ihl == 5;
	p->v6 = 0;
	p->fragment = ip.frag_off & bpf_htons(0x1fff)   ? FRAGMENT_LATER
		      : ip.frag_off & bpf_htons(0x2000) ? FRAGMENT_FIRST
							: 0;
	*ret_proto = ip.protocol;
	return total < p->l4 || total > skb->len - p->l2 ? PACKET_BAD : PACKET_IP;
}

/* Hop-by-hop, routing, destination options and fragment headers, at most four (RFC 8200 4.1). */
static __always_inline int packet_skip_extensions(struct __sk_buff *skb, struct packet *p,
						  __u8 *proto)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < PACKET_EXTENSIONS; i++) {
		__u8 h[4];

		if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_ROUTING &&
		    *proto != IPPROTO_DSTOPTS && *proto != IPPROTO_FRAGMENT)
			return PACKET_IP;
		if (packet_load(skb, p, p->l4, h, sizeof(h)))
			return PACKET_BAD;
		p->plain = 0;
		if (*proto == IPPROTO_FRAGMENT) {
			p->fragment = h[2] | (h[3] & 0xf8) ? FRAGMENT_LATER
				      : h[3] & 1           ? FRAGMENT_FIRST
							   : p->fragment;
			p->l4 += 8;
		} else {
			p->l4 += 8 + h[1] * 8;
		}
		*proto = h[0];
		if (p->fragment)
			return PACKET_IP;
	}
	return PACKET_BAD;
}

static __always_inline int packet_parse_v6(struct __sk_buff *skb, struct packet *p, __u8 *ret_proto)
{
	struct ipv6hdr ip;
	__u32 total;

	if (packet_header(skb, p, 0, &ip) || ip.version != 6)
		return PACKET_BAD;
	__builtin_memcpy(&p->src, &ip.saddr, 16);
	__builtin_memcpy(&p->dst, &ip.daddr, 16);
	total = sizeof(ip) + bpf_ntohs(ip.payload_len);
	if (!ip.payload_len)
		total = skb->len - p->l2;
	p->l4 = sizeof(ip);
	p->end = total;
	p->plain = 1;
	p->v6 = 1;
	p->fragment = 0;
	*ret_proto = ip.nexthdr;
	if (total > skb->len - p->l2)
		return PACKET_BAD;
	return packet_skip_extensions(skb, p, ret_proto);
}

static __always_inline int packet_parse_tcp(struct __sk_buff *skb, struct packet *p)
{
	struct tcphdr tcp;
	__u32 header;

	if (packet_header(skb, p, p->l4, &tcp))
		return PACKET_BAD;
	header = tcp.doff * 4;
	p->payload = p->l4 + header;
	if (header < sizeof(tcp) || p->payload > p->end)
		return PACKET_BAD;
	p->sport = bpf_ntohs(tcp.source);
	p->dport = bpf_ntohs(tcp.dest);
	p->seq = bpf_ntohl(tcp.seq);
	p->ack = bpf_ntohl(tcp.ack_seq);
	p->flags = (tcp.fin ? TCP_FIN : 0) | (tcp.syn ? TCP_SYN : 0) | (tcp.rst ? TCP_RST : 0) |
		   (tcp.psh ? TCP_PSH : 0) | (tcp.ack ? TCP_ACK : 0) | (tcp.urg ? TCP_URG : 0);
	return PACKET_TCP;
}

static __always_inline void packet_parse_ports(struct __sk_buff *skb, struct packet *p)
{
	__be16 ports[2];

	if (packet_load(skb, p, p->l4, ports, sizeof(ports)))
		return;
	p->sport = bpf_ntohs(ports[0]);
	p->dport = bpf_ntohs(ports[1]);
}

/* Fills *p as far as the returned kind says. A fragment is PACKET_IP with p->fragment. */
__global int packet_parse(struct __sk_buff *skb, struct packet *p, __u32 l2)
{
	__u8 proto = 0;
	int kind;

	if (!p)
		return PACKET_NOT_IP;
	p->l2 = l2;
	p->sport = p->dport = 0;
	if (skb->len < l2 + sizeof(struct iphdr))
		return PACKET_NOT_IP;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		kind = packet_parse_v4(skb, p, &proto);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		kind = packet_parse_v6(skb, p, &proto);
	else
		return PACKET_NOT_IP;
	if (kind == PACKET_IP && proto == IPPROTO_UDP && p->fragment != FRAGMENT_LATER) {
		packet_parse_ports(skb, p);
		return PACKET_UDP;
	}
	if (kind != PACKET_IP || proto != IPPROTO_TCP)
		return kind;
	if (p->fragment) {
		if (p->fragment == FRAGMENT_FIRST)
			packet_parse_ports(skb, p);
		return PACKET_IP;
	}
	return packet_parse_tcp(skb, p);
}
