/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_scan.h - layer 2: what the doors share of the response guard: which texts a request's
 * response may not have, what a hit becomes for the records. Finding them is guard.h's, cutting the
 * doors'.
 */
#pragma once

#include "bpf/lib/judge.h"

/* What a piece of a response is scanned for, and what was found. */
struct guard_ask {
	__u64 from; /* where its bytes are: offset in the packet, or address in user space */
	__u32 n; /* <= GUARD_BYTES */
	__u32 service; /* index in services[] */
	__u32 look, cut; /* enum gl_guard_group; cut: in enforce, else 0 */
	__u32 pattern; /* of the first hit */
	__u32 would; /* hits that end nothing */
};

static __always_inline void count_more(__u32 counter, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&counters, &counter);

	if (v)
		*v += n;
}

/*
 * The record of a text that was found, or of bytes nobody looked at. `r` names the request where
 * there is one; `rec` is room for the record that is not the stack's.
 */
static __always_inline void guard_tell(struct gl_rec_verdict *rec, const struct flow *f,
				       const struct gl_addr *peer, const struct flow_request *r,
				       __u16 service_id, __u8 reason, __u32 pattern, __u8 delivery)
{
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->instance = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	rec->source = rec->peer = *peer;
	rec->cls = 0xffff;
	rec->service = service_id;
	if (r) {
		rec->source = r->source;
		rec->principal = r->principal;
		rec->op = r->op;
		rec->cls = r->cls;
		rec->credential = r->credential;
		rec->flags = r->flags & (GL_RECF_SOURCE_FORWARDED | GL_RECF_PROVEN | GL_RECF_HEAD);
	}
	rec->generation = f->generation;
	rec->port = f->port;
	rec->verdict = GL_VERDICT_REFUSE;
	rec->reason = reason;
	rec->delivery = delivery;
	rec->mode = delivery == GL_DELIVERY_NONE ? GL_MODE_MONITOR : GL_MODE_ENFORCE;
	rec->flags |= GL_RECF_APP_SAW | (delivery == GL_DELIVERY_NONE ? GL_RECF_WOULD : 0);
	rec->pattern = pattern;
}

static __always_inline void guard_send(struct gl_rec_verdict *rec)
{
	event_send(rec, GL_REC_VERDICT, sizeof(*rec), bpf_ktime_get_boot_ns());
	judge_count(GL_VERDICT_REFUSE, rec->delivery != GL_DELIVERY_NONE);
}
