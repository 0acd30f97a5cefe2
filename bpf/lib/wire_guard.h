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
struct wire_guard {
	struct guard_ask ask;
	__u32 result; /* enum guard_result: the worst so far */
	__u16 service_id;
	__u8 on; /* the service has something to look for */
	__u8 enforce;
	__u8 pass; /* unscanned: pass */
	__u8 otherwise; /* GL_OP_GUARD where no request is known */
	__u8 bits; /* of the response at hand */
	__u8 unscanned;
	__u8 framed;
	__u8 known; /* `request` is what the first finding was the response to */
	__u16 reserved;
	struct flow_request request;
	struct gl_rec_verdict rec;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_guard);
} wire_guards SEC(".maps");

static __always_inline struct wire_guard *wire_guard_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wire_guards, &zero);
}

/* Is there anything to look for? */
__global int wire_guard_begin(struct flow *f, const struct gl_policy *policy)
{
	const struct gl_control *control = control_get();
	struct wire_guard *g = wire_guard_get();
	const struct gl_service *service;
	const struct gl_op *op;
	__u32 index;

	if (!f || !policy || !g || !control)
		return 0;
	g->on = 0;
	index = policy->port_service[f->port] - 1u;
	service = at_index(policy->services, GL_SERVICES_MAX, index);
	if (!service || !(service->flags & GL_SERVICE_GUARD))
		return 0;
	op = at_index(policy->ops, GL_OPS_MAX, service->default_op);
	g->ask.service = index;
	g->ask.pattern = 0;
	g->ask.would = 0;
	g->service_id = service->id;
	g->enforce = admit_enforces(control, service);
	g->pass = (service->flags & GL_SERVICE_UNSCANNED_PASS) != 0;
	g->otherwise = op ? op->guard : 0;
	g->bits = 0;
	g->result = GUARD_CLEAN;
	g->unscanned = g->known = 0;
	g->on = 1;
	return 1;
}

/* Which response the next bytes are of. */
static __always_inline void wire_guard_of(struct wire_guard *g, struct flow *f, int framed)
{
	g->framed = framed;
	g->bits = framed && flow_owed(f) ? flow_pending(f, f->answered)->guard : g->otherwise;
	g->ask.look = GL_OP_GUARD_LOOK(g->bits) & GL_GUARD_ALL;
	g->ask.cut = 0;
	if (g->enforce && !(g->bits & GUARD_MONITOR))
		g->ask.cut = GL_OP_GUARD_CUT(g->bits);
}

/* Something is found: the record will say in what. */
static __always_inline void wire_guard_found(struct wire_guard *g, struct flow *f)
{
	if (g->known || !g->framed || !flow_owed(f))
		return;
	g->request = *flow_pending(f, f->answered);
	g->known = 1;
}

static __always_inline void wire_guard_unscanned(struct wire_guard *g, struct flow *f)
{
	guard_forget(&f->guard);
	if (!GL_OP_GUARD_CUT(g->bits)) {
		count(GL_CTR_GUARD_UNSCANNED);
		return;
	}
	g->unscanned = 1;
	wire_guard_found(g, f);
	if (g->ask.cut && !g->pass && g->result == GUARD_CLEAN)
		g->result = GUARD_UNSCANNED;
	count(g->ask.cut ? GL_CTR_GUARD_UNSCANNED : GL_CTR_WOULD_UNSCANNED);
}

/* The packet is not where the stream goes on. */
static __always_inline void wire_guard_hole(struct wire_guard *g, struct flow *f)
{
	wire_guard_of(g, f, 1);
	wire_guard_unscanned(g, f);
	f->guard_begun = 0;
}

/* Scans g->ask.n bytes at g->ask.from of the packet: the stream's next. */
__global int wire_guard_scan(struct __sk_buff *skb, struct flow *f, const struct gl_policy *policy)
{
	struct wire_guard *g = wire_guard_get();
	struct guard_scan scan;
	struct guard_text *text;
	__u32 zero = 0, last;
	int result;

	text = bpf_map_lookup_elem(&guard_texts, &zero);
	if (!f || !policy || !g || !text)
		return GUARD_UNSCANNED;
	last = last_of(g->ask.n);
	guard_begin(text, &f->guard);
	if (last >= GUARD_BYTES ||
	    bpf_skb_load_bytes(skb, g->ask.from, text->bytes + GUARD_AT, last + 1)) {
		wire_guard_unscanned(g, f);
		return g->result;
	}
	scan.guard = &policy->guard;
	scan.text = text;
	scan.service = g->ask.service;
	scan.look = g->ask.look;
	scan.cut = g->ask.cut;
	result = guard_run(&scan, &f->guard, last + 1);
	guard_end(&f->guard, text, last + 1);
	count_more(GL_CTR_GUARD_BYTES, last + 1);
	if (text->would) {
		const struct gl_guard_pattern *p =
			at_index(policy->guard.patterns, GL_GUARD_PATTERNS, text->pattern);

		count_more(GL_CTR_WOULD_GUARD, text->would);
		/* what is only looked for is told by the detectors */
		if (p && (p->groups & GL_OP_GUARD_CUT(g->bits)) && !g->ask.would) {
			g->ask.pattern = text->pattern + 1;
			g->ask.would = 1;
			wire_guard_found(g, f);
		}
	}
	if (result == GUARD_HIT) {
		count(GL_CTR_GUARD_HITS);
		wire_guard_found(g, f);
		g->ask.pattern = text->pattern + 1;
		g->result = GUARD_HIT;
	}
	return g->result;
}

/* `n` bytes at `off` (from the network header) of a response were read. 1: go no further. */
static __always_inline int wire_guard_piece(struct __sk_buff *skb, struct wire_guard *g,
					    struct flow *f, const struct gl_policy *policy,
					    __u32 from, __u32 n)
{
	if (!g->ask.look || !n)
		return 0;
	g->ask.from = from;
	g->ask.n = n;
	return wire_guard_scan(skb, f, policy) != GUARD_CLEAN;
}

struct wire_guard_raw {
	struct __sk_buff *skb;
	struct wire_guard *guard;
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
	struct wire_guard *g = wire_guard_get();
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
	wire_guard_of(g, f, 0);
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
	struct wire_guard *g = wire_guard_get();
	__u8 reason, delivery;

	if (!p || !f || !g || !g->on)
		return 0;
	if (g->result == GUARD_CLEAN && !g->unscanned && !g->ask.would)
		return 0;
	reason = g->result == GUARD_HIT || g->ask.would ? GL_REASON_SECRET : GL_REASON_UNSCANNED;
	delivery = g->result == GUARD_CLEAN ? GL_DELIVERY_NONE : GL_DELIVERY_RESET;
	guard_tell(&g->rec, f, &p->dst, g->known ? &g->request : NULL, g->service_id, reason,
		   g->ask.pattern, delivery);
	g->rec.peer_port = p->dport;
	g->rec.door = GL_DOOR_WIRE;
	guard_send(&g->rec);
	return g->result != GUARD_CLEAN;
}
