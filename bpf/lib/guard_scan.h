/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_scan.h - layer 2: what the doors share of the response guard: which texts a request's
 * response may not have, what a hit becomes for the counters and records. Finding them is
 * guard.h's, cutting the doors'.
 */
#pragma once

#include "bpf/lib/judge.h"

/* A segment or call that is scanned, and what came of it so far. */
struct guard_work {
	__u64 from; /* where the piece at hand is: offset in the packet, or address in user space */
	__u64 generation; /* of the policy whose patterns are looked for */
	__u32 service; /* index in services[] */
	__u32 look, cut; /* enum gl_guard_group; cut: in enforce, else 0 */
	__u32 pattern; /* of the first hit + 1 */
	__u32 answered; /* the piece is of this response of the connection */
	__u32 result; /* enum guard_result: the worst so far */
	__u16 service_id;
	__u8 on; /* the service has something to look for */
	__u8 enforce;
	__u8 pass; /* unscanned: pass */
	__u8 otherwise; /* GL_OP_GUARD where no request is known: the strictest of the service's */
	__u8 bits; /* of the response at hand */
	__u8 would; /* something was found that ends nothing */
	__u8 unscanned;
	__u8 framed; /* `answered` is known */
	__u8 known; /* `request` is what the first finding was the response to */
	__u8 again; /* these bytes were scanned before: nothing of them is counted twice */
	__u16 default_op; /* the record's, where no request is known */
	__u16 reserved;
	struct flow_request request;
	struct gl_rec_verdict rec;
};
_Static_assert(sizeof(struct guard_work) == 216, "no padding");

/* Are the next bytes of a response's stream content? Framing of chunks is not. */
static __always_inline int guard_content(const struct http_msg *m)
{
	return m->phase < HTTP_CHUNK_SIZE || m->phase == HTTP_CHUNK_DATA;
}

static __always_inline void count_more(__u32 counter, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&counters, &counter);

	if (!v)
		return;
#ifdef DOOR_TLS
	__sync_fetch_and_add(v, n); /* a packet may come in between */
#else
	*v += n;
#endif
}

/* Is there anything to look for in what the service on this port sends? */
static __always_inline int guard_work_begin(struct guard_work *g, const struct gl_policy *policy,
					    const struct gl_control *control, __u16 port)
{
	__u32 index = policy->port_service[port] - 1u;
	const struct gl_service *service;
	const struct gl_op *op;

	g->on = 0;
	service = at_index(policy->services, GL_SERVICES_MAX, index);
	if (!service || !(service->flags & GL_SERVICE_GUARD))
		return 0;
	g->generation = policy->generation;
	g->service = index;
	g->service_id = service->id;
	op = at_index(policy->ops, GL_OPS_MAX, service->default_op);
	g->default_op = op ? op->id : 0;
	g->enforce = admit_enforces(control, service);
	g->pass = (service->flags & GL_SERVICE_UNSCANNED_PASS) != 0;
	g->otherwise = GL_SERVICE_GUARD_STRICTEST(service->flags);
	g->pattern = 0;
	g->bits = g->would = g->unscanned = g->known = g->again = 0;
	g->result = GUARD_CLEAN;
	g->on = 1;
	return 1;
}

/* Requests that `answered` responses leave without one. */
static __always_inline int guard_work_owed(const struct guard_work *g, const struct flow *f)
{
	return f->judged != g->answered;
}

/* Which response the next bytes are of. */
static __always_inline void guard_work_of(struct guard_work *g, struct flow *f, __u32 answered,
					  int framed)
{
	g->framed = framed;
	g->answered = answered;
	g->bits = framed && guard_work_owed(g, f) ? flow_pending(f, answered)->guard : g->otherwise;
	g->look = GL_OP_GUARD_LOOK(g->bits) & GL_GUARD_ALL;
	g->cut = 0;
	if (g->enforce && !(g->bits & GUARD_MONITOR))
		g->cut = GL_OP_GUARD_CUT(g->bits);
}

/* Something is found: the record will say in what. */
static __always_inline void guard_work_found(struct guard_work *g, struct flow *f)
{
	if (g->known || !g->framed || !guard_work_owed(g, f))
		return;
	g->request = *flow_pending(f, g->answered);
	g->known = 1;
}

/* Bytes of the response at hand were not seen. */
static __always_inline void guard_work_unscanned(struct guard_work *g, struct flow *f)
{
	if (!GL_OP_GUARD_CUT(g->bits)) {
		count(GL_CTR_GUARD_UNSCANNED);
		return;
	}
	g->unscanned = 1;
	guard_work_found(g, f);
	if (g->cut && !g->pass && g->result == GUARD_CLEAN)
		g->result = GUARD_UNSCANNED;
	count(g->cut ? GL_CTR_GUARD_UNSCANNED : GL_CTR_WOULD_UNSCANNED);
}

/* The n bytes at text->bytes + GUARD_AT are the stream's next behind *carry. */
static __always_inline void guard_work_scan(struct guard_work *g, struct flow *f,
					    const struct gl_policy *policy, struct guard_text *text,
					    struct guard_carry *carry, __u32 n)
{
	const struct gl_guard_pattern *p;
	struct guard_scan scan;
	int result;

	scan.guard = &policy->guard;
	scan.text = text;
	scan.service = g->service;
	scan.look = g->look;
	scan.cut = g->cut;
	scan.reserved = 0;
	result = guard_run(&scan, carry, n);
	guard_end(carry, text, n);
	if (!g->again) {
		count_more(GL_CTR_GUARD_BYTES, n);
		count_more(GL_CTR_WOULD_GUARD, text->would);
	}
	if (text->would && !g->again) {
		p = at_index(policy->guard.patterns, GL_GUARD_PATTERNS, text->pattern);
		/* what is only looked for is told by the detectors */
		if (p && (p->groups & GL_OP_GUARD_CUT(g->bits)) && !g->would) {
			g->pattern = text->pattern + 1;
			g->would = 1;
			guard_work_found(g, f);
		}
	}
	if (result == GUARD_HIT) {
		count(GL_CTR_GUARD_HITS);
		guard_work_found(g, f);
		g->pattern = text->pattern + 1;
		g->result = GUARD_HIT;
	}
}

/*
 * Tells what was found, if anything was. `peer` is the client; `delivery` what happens to the
 * connection. True: nothing of these bytes may leave.
 */
static __always_inline int guard_work_end(struct guard_work *g, const struct flow *f,
					  const struct gl_addr *peer, __u16 peer_port, __u8 door,
					  __u8 delivery)
{
	struct gl_rec_verdict *rec = &g->rec;
	const struct flow_request *r = &g->request;

	if (g->result == GUARD_CLEAN)
		delivery = GL_DELIVERY_NONE;
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->instance = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	rec->source = rec->peer = *peer;
	rec->cls = 0xffff;
	rec->service = g->service_id;
	rec->op = g->default_op;
	if (g->known) {
		rec->source = r->source;
		rec->principal = r->principal;
		rec->op = r->op;
		rec->cls = r->cls;
		rec->credential = r->credential;
		rec->flags = r->flags & (GL_RECF_SOURCE_FORWARDED | GL_RECF_PROVEN | GL_RECF_HEAD);
	}
	rec->generation = g->generation;
	rec->port = f->port;
	rec->peer_port = peer_port;
	rec->door = door;
	rec->verdict = GL_VERDICT_REFUSE;
	rec->reason = g->result == GUARD_HIT || g->would ? GL_REASON_SECRET : GL_REASON_UNSCANNED;
	rec->delivery = delivery;
	rec->mode = g->result == GUARD_CLEAN ? GL_MODE_MONITOR : GL_MODE_ENFORCE;
	rec->flags |= GL_RECF_APP_SAW | (g->result == GUARD_CLEAN ? GL_RECF_WOULD : 0);
	rec->pattern = g->pattern;
	event_send(rec, GL_REC_VERDICT, sizeof(*rec), bpf_ktime_get_boot_ns());
	judge_count(GL_VERDICT_REFUSE, g->result != GUARD_CLEAN);
	return g->result != GUARD_CLEAN;
}

/* Is there anything to tell? */
static __always_inline int guard_work_tells(const struct guard_work *g)
{
	return g->on && (g->result != GUARD_CLEAN || g->unscanned || g->would);
}
