/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hello.bpf.c - the reading of a ClientHello as the wire door does it: a piece in a map, steps from
 * bpf_loop. Only for test_hello.c, which compares with the host build's reading and times it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "include/glacis/tls_hello.h"

/* A hello of one piece, and what was made of it. Filled by the test. */
struct reading {
	struct gl_key key;
	struct tls_hello_state state;
	struct gl_hello hello;
	struct http_piece piece;
	__u32 len;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reading);
} readings SEC(".maps");

static long step(__u32 i, struct tls_hello_cursor *c)
{
	return tls_hello_step(c);
}

static int begin(struct reading **ret_reading)
{
	__u32 zero = 0;
	struct reading *r = bpf_map_lookup_elem(&readings, &zero);

	if (!r)
		return -1;
	tls_hello_begin(&r->state, &r->hello);
	r->piece.off = 0;
	r->piece.len = r->len;
	r->piece.event = TLS_NOTHING;
	*ret_reading = r;
	return 0;
}

SEC("tc")
int hello_whole(struct __sk_buff *skb)
{
	struct tls_hello_cursor c = {};
	struct reading *r;

	if (begin(&r))
		return 1;
	c.piece = &r->piece;
	c.state = &r->state;
	c.hello = &r->hello;
	c.key = &r->key;
	bpf_loop(HTTP_STEPS, step, &c, 0);
	return 0;
}

/* All around it, for what the reading alone costs. */
SEC("tc")
int hello_nothing(struct __sk_buff *skb)
{
	struct reading *r;

	return begin(&r) ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
