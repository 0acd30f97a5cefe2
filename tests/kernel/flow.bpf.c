/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow.bpf.c - what a flow decides about a segment before a byte of it is read. Only for
 * test_flow.c, which has the rows.
 */
#include "bpf/lib/flow.h"
#include "tests/kernel/flow_row.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow);
} scratch SEC(".maps");

static __always_inline void begin(struct flow *f, const struct flow_row *r)
{
	f->state = FLOW_HTTP;
	f->pos = r->pos;
	f->commit = r->commit;
	f->structure = r->structure;
	f->judged = r->judged;
	f->next = r->next;
	f->saved_next = r->saved_next;
	f->answered = r->answered;
	f->sent = 0;
	f->behind = r->behind;
	f->in.remaining = r->remaining;
	f->in.phase = f->saved_in.phase = r->remaining ? HTTP_BODY : HTTP_IDLE;
	if (r->hello)
		f->state = FLOW_HELLO;
}

SEC("tc")
int flow_meets(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct flow_row *r = bpf_map_lookup_elem(&rows, &zero);
	struct flow *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!r || !f)
		return 1;
	begin(f, r);
	f->sent = r->sent;
	flow_sent(f, r->sent - 1); /* a resend of the server */
	r->sent_end = flow_sent_end(f, r->snd_nxt);
	r->accept = flow_acceptable(f, r->flags, r->ack, r->snd_nxt);
	r->place = flow_place(f, r->seq, r->end, r->rcv_nxt);
	r->got_pos = f->pos;
	r->got_judged = f->judged;
	r->got_next = f->next;
	r->got_owed = flow_owed(f);
	flow_settle(f);
	r->settled = f->judged;
	return 0;
}

/* A hello was read up to somewhere, and its segments come again. */
SEC("tc")
int flow_rewinds(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct flow_row *r = bpf_map_lookup_elem(&rows, &zero);
	struct flow *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!r || !f)
		return 1;
	begin(f, r);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < sizeof(f->tls) / sizeof(__u64); i++)
		((volatile __u64 *)&f->tls)[i] = ~0ull;
	f->state = FLOW_HELLO;
	f->head_seq = r->head_seq;
	f->out_pos = r->out_pos;
	f->out_known = 1;
	f->tls.out_start = r->out_start;
	f->tls.flags = FLOW_TLS_HELLO | (r->spoken ? FLOW_TLS_SPOKEN : 0);
	f->tls.saved_in.sum = 7;
	f->tls.saved_head[0] = 8;
	flow_rewind(f);
	r->got_hello = flow_is_tls(f);
	r->got_pos = f->pos;
	r->got_known = f->out_known;
	if (r->got_hello) {
		r->got_tls = f->tls.in.sum == 7 && (f->tls.hello.sni_key & 0xff) == 8 &&
			     !f->tls.hello.key && !(f->tls.flags & FLOW_TLS_HELLO) &&
			     f->tls.hello.ciphers[0] == 0xffff;
		return 0;
	}
	r->got_open = f->in.phase == HTTP_IDLE && !f->in.flags && !f->in.remaining &&
		      f->saved_in.phase == HTTP_IDLE && f->out.phase == HTTP_IDLE &&
		      f->out.flags == HTTP_F_RESPONSE && !f->in_take && !f->out_take;
	r->got_guard = f->guard.n;
	r->got_begun = f->guard_begun != 0;
	r->got_guard_pos = f->guard_pos;
	return 0;
}

/* Whose turn it is. */
SEC("tc")
int flow_turns(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct flow_row *r = bpf_map_lookup_elem(&rows, &zero);
	struct flow *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!r || !f)
		return 1;
	f->busy = r->busy;
	r->entered = flow_enter(f);
	r->again = flow_enter(f);
	flow_leave(f);
	r->left = flow_enter(f);
	return 0;
}

char _license[] SEC("license") = "GPL";
