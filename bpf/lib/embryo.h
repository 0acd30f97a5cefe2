/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * embryo.h - layer 2: flows whose first data arrives before their socket: the last ACK of the
 * handshake and the data came in one batch, or the listener waits for data before it accepts
 * (TCP_DEFER_ACCEPT: Apache, nginx `deferred`). A request socket has no storage, so the flow is
 * kept by its addresses until the socket is there, usually for microseconds.
 *
 * Not an LRU: evicting one would let a connection go unjudged. A full table falls back to cutting
 * the segment to its ACK. What a broken handshake leaves, user/kern sweeps.
 */
#pragma once

#include "bpf/lib/flow.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GL_EMBRYOS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow);
} embryos SEC(".maps");

/* All zero: what a new one begins as; too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow);
} no_flow SEC(".maps");

/* How many there may be: the common case is none, and must not pay for a lookup. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} embryo_count SEC(".maps");

static __always_inline void embryo_counted(__s64 by)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&embryo_count, &zero);

	if (n)
		__sync_fetch_and_add(n, by);
}

static __always_inline int embryo_any(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&embryo_count, &zero);

	return n && *n;
}

/* The flow of a request socket, new if need be. NULL: no room. */
static __noinline struct flow *embryo_get(struct __sk_buff *skb, const struct packet *p)
{
	struct flow_key key = {};
	struct flow *f, *zeroes;
	__u32 zero = 0;

	flow_name(skb, p, &key);
	f = bpf_map_lookup_elem(&embryos, &key);
	if (f)
		return f;
	zeroes = bpf_map_lookup_elem(&no_flow, &zero);
	if (!zeroes || bpf_map_update_elem(&embryos, &key, zeroes, BPF_NOEXIST)) {
		count(GL_CTR_LOST_UPDATE);
		return NULL;
	}
	embryo_counted(1);
	return bpf_map_lookup_elem(&embryos, &key);
}

/* The packet may have been rewritten by now; its addresses were read before. */
static __noinline int embryo_forget(struct __sk_buff *skb, const struct packet *p)
{
	struct flow_key key = {};

	flow_name(skb, p, &key);
	if (!bpf_map_delete_elem(&embryos, &key))
		embryo_counted(-1);
	return 0;
}

/*
 * Gives the socket its flow: the embryo's if there is one. key: as embryo_get() named it. NULL: no
 * memory, or another processor is reading a segment of it.
 */
static __always_inline struct flow *embryo_adopt(void *sk, const struct flow_key *key)
{
	struct flow *embryo = embryo_any() ? bpf_map_lookup_elem(&embryos, key) : NULL;
	struct flow *f;

	/* never in the middle of a segment; it stays taken, for who still holds it */
	if (embryo && !flow_enter(embryo))
		return NULL;
	f = bpf_sk_storage_get(&flows, sk, embryo, BPF_SK_STORAGE_GET_F_CREATE);
	if (!f || !embryo)
		return f;
	flow_leave(f);
	if (!bpf_map_delete_elem(&embryos, key))
		embryo_counted(-1);
	return f;
}
