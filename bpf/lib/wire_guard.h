/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire_guard.h - layer 2: the response guard at the wire door: plaintext a service is about to send
 * is scanned; in enforce the segment a forbidden text ends in does not leave, and both sides are
 * reset.
 *
 * Of responses that can be framed heads and bodies are scanned, chunk framing is taken out. Of
 * other streams (HTTP/2, tunnels, protocols that are no HTTP, connections older than the agent)
 * every byte is, as it comes. A segment that is not where the stream goes on was not seen whole:
 * unscanned. What was scanned once is not scanned again when it is resent.
 */
#pragma once

#include "bpf/lib/guard_scan.h"
#include "bpf/lib/wire_cut.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_text);
} guard_texts SEC(".maps");

/* The guard's part in the packet at hand; one per CPU (tc runs with bottom halves off). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_work);
} wire_guards SEC(".maps");

static __always_inline struct guard_work *wire_guard_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wire_guards, &zero);
}

/* NULL: nothing is looked for in the packet at hand. */
static __always_inline struct guard_work *wire_guard_on(void)
{
	struct guard_work *g = wire_guard_get();

	return g && g->on ? g : NULL;
}

/* Is there anything to look for? */
__global int wire_guard_begin(struct flow *f, const struct gl_policy *policy)
{
	const struct gl_control *control = control_get();
	struct guard_work *g = wire_guard_get();

	if (!f || !policy || !g || !control)
		return 0;
	return guard_work_begin(g, policy, control, f->port);
}

static __always_inline void wire_guard_unscanned(struct guard_work *g, struct flow *f)
{
	guard_forget(&f->guard);
	guard_work_unscanned(g, f);
}

/* The packet is not where the stream goes on. */
static __always_inline void wire_guard_hole(struct guard_work *g, struct flow *f)
{
	guard_work_of(g, f, f->answered, 1);
	wire_guard_unscanned(g, f);
	f->guard_begun = 0;
}

/* Scans n bytes at g->from of the packet: the stream's next. */
__global int wire_guard_scan(struct __sk_buff *skb, struct flow *f, const struct gl_policy *policy,
			     __u32 n)
{
	struct guard_work *g = wire_guard_get();
	struct guard_text *text;
	__u32 zero = 0, last;

	text = bpf_map_lookup_elem(&guard_texts, &zero);
	if (!f || !policy || !g || !text)
		return GUARD_UNSCANNED;
	last = last_of(n);
	guard_begin(text, &f->guard);
	if (last >= GUARD_BYTES ||
	    bpf_skb_load_bytes(skb, g->from, text->bytes + GUARD_AT, last + 1)) {
		wire_guard_unscanned(g, f);
		return g->result;
	}
	guard_work_scan(g, f, policy, text, &f->guard, last + 1);
	return g->result;
}

/* `n` bytes at `off` (from the network header) of a response were read. 1: go no further. */
static __always_inline int wire_guard_piece(struct __sk_buff *skb, struct guard_work *g,
					    struct flow *f, const struct gl_policy *policy,
					    __u32 from, __u32 n)
{
	if (!g->look || !n)
		return 0;
	g->from = from;
	return wire_guard_scan(skb, f, policy, n) != GUARD_CLEAN;
}

struct wire_guard_raw {
	struct __sk_buff *skb;
	struct guard_work *guard;
	struct flow *flow;
	const struct gl_policy *policy;
	__u32 off, end;
	__u32 l2;
	__u32 reserved;
};

static long wire_guard_turn(__u32 i, struct wire_guard_raw *t)
{
	__u32 n = t->end - t->off;

	if (t->off >= t->end)
		return 1;
	if (n > GUARD_BYTES)
		n = GUARD_BYTES;
	t->off += n;
	return wire_guard_piece(t->skb, t->guard, t->flow, t->policy, t->l2 + t->off - n, n);
}

/* Every new byte of the packet, unframed. */
__global int wire_guard_stream(struct __sk_buff *skb, const struct packet *p, struct flow *f,
			       const struct gl_policy *policy)
{
	struct wire_guard_raw t = {.skb = skb, .flow = f, .policy = policy};
	struct guard_work *g = wire_guard_get();
	__s32 known;
	__u32 len;

	if (!p || !f || !policy || !g)
		return GUARD_CLEAN;
	len = packet_length(p);
	if (!len)
		return GUARD_CLEAN;
	if (!f->guard_begun) {
		f->guard_begun = 1;
		f->guard_pos = p->seq;
	}
	guard_work_of(g, f, f->answered, 0);
	known = seq_diff(f->guard_pos, p->seq);
	if (known >= 0 && (__u32)known >= len)
		return GUARD_CLEAN;
	if (known < 0) {
		wire_guard_unscanned(g, f);
		known = 0;
	}
	f->guard_pos = p->seq + len;
	t.guard = g;
	t.l2 = p->l2;
	t.off = p->payload + known;
	t.end = p->end;
	if (g->result == GUARD_CLEAN)
		bpf_loop(16, wire_guard_turn, &t, 0);
	return g->result;
}

/* Tells what was found in the packet. True: it must not leave, and nothing after it. */
__global int wire_guard_end(const struct packet *p, struct flow *f)
{
	struct guard_work *g = wire_guard_get();

	if (!p || !f || !g || !guard_work_tells(g))
		return 0;
	return guard_work_end(g, f, &p->dst, p->dport, GL_DOOR_WIRE, GL_DELIVERY_RESET);
}
