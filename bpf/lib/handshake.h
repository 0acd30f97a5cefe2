/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handshake.h - layer 2: what both sides of a TLS handshake share: blocked fingerprints, the best
 * version a name has given, and the record of the handshake. The client's part is wire_hello.h, the
 * server's wire_server.h.
 */
#pragma once

#include "bpf/lib/events.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/judge.h"

/* RFC 8446 section 6; 86: RFC 7507. */
enum tls_alert {
	TLS_ALERT_DECODE_ERROR = 50,
	TLS_ALERT_PROTOCOL_VERSION = 70,
	TLS_ALERT_INSUFFICIENT_SECURITY = 71,
	TLS_ALERT_INAPPROPRIATE_FALLBACK = 86,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GL_HELLO_BLOCKS_MAX);
	__type(key, __u64);
	__type(value, struct gl_hello_block);
} hello_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GL_TLS_NAMES_MAX);
	__type(key, struct gl_tls_name);
	__type(value, struct gl_tls_best);
} tls_best SEC(".maps");

/*
 * Fingerprints user space was woken for, each at the place its key names: one cold line, where a
 * hash took 1.6 us of each handshake. Two that share a place wake it in turns, no more.
 */
#define HELLOS_WOKEN 8192
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HELLOS_WOKEN);
	__type(key, __u32);
	__type(value, __u64);
} hellos_woken SEC(".maps");

/* Refreshing the time of the best version costs a write on a shared line: not at each handshake. */
#define HANDSHAKE_REFRESH_NS (60 * SEC_NS)

/* Is this fingerprint blocked? */
static __always_inline int hello_blocked(const struct gl_control *control, __u64 key, __u64 now_ns)
{
	struct gl_hello_block *block;

	if (!control->hello_blocks)
		return 0;
	block = bpf_map_lookup_elem(&hello_blocks, &key);
	if (!block || (block->expires_ns && block->expires_ns <= now_ns))
		return 0;
	__sync_fetch_and_add(&block->hits, 1);
	return 1;
}

static __always_inline void handshake_name(const struct flow *f, __u16 service_id,
					   struct gl_tls_name *ret_name)
{
	ret_name->service = service_id;
	ret_name->port = f->port;
	ret_name->sni_key = f->tls.hello.sni_key;
}

/* The best this name has given; 0: not known. */
static __always_inline __u16 handshake_best(const struct gl_tls_name *name)
{
	struct gl_tls_best *best = bpf_map_lookup_elem(&tls_best, name);

	return best ? best->version : 0;
}

/* best: its entry, as looked up. */
static __always_inline void handshake_remember(const struct gl_tls_name *name,
					       struct gl_tls_best *best, __u16 version,
					       __u64 now_ns)
{
	struct gl_tls_best fresh = {};

	if (best && best->version >= version) {
		if (best->version == version && now_ns - best->seen_ns > HANDSHAKE_REFRESH_NS)
			best->seen_ns = now_ns;
		return;
	}
	fresh.version = version;
	fresh.seen_ns = now_ns;
	if (bpf_map_update_elem(&tls_best, name, &fresh, BPF_ANY))
		count(GL_CTR_LOST_UPDATE);
}

/* What a handshake's record says besides what the flow knows. */
struct handshake_end {
	__u64 now_ns;
	__u16 best;
	__u8 result; /* enum gl_handshake */
	__u8 downgrade;
	__u8 verdict, reason;
	__u8 delivery, alert;
	__u8 mode; /* enum gl_mode */
	__u8 known;
	__u16 service; /* interned id */
	__u32 reserved;
};

static __always_inline __u64 handshake_wakeup(__u64 key)
{
	__u32 place = key % HELLOS_WOKEN;
	__u64 *woken = bpf_map_lookup_elem(&hellos_woken, &place);

	if (woken && *woken == key)
		return BPF_RB_NO_WAKEUP;
	if (woken)
		*woken = key;
	return BPF_RB_FORCE_WAKEUP;
}

/* The part of a list that most hellos fill, and the rest if there is one. */
#define HELLO_LIST(to, from, list, n, most)                                                        \
	do {                                                                                       \
		__builtin_memcpy((to)->list, (from)->list, (most) * sizeof((from)->list[0]));      \
		if ((from)->n > (most))                                                            \
			__builtin_memcpy((to)->list + (most), (from)->list + (most),               \
					 sizeof((from)->list) - (most) * sizeof((from)->list[0])); \
	} while (0)

/* 370 bytes instead of 1,472; behind what its counts say the copy holds anything. */
static __always_inline void hello_copy(struct gl_hello *to, const struct gl_hello *from)
{
	__builtin_memcpy(to, from, FLOW_HELLO_HEAD);
	HELLO_LIST(to, from, ciphers, n_ciphers, 40);
	HELLO_LIST(to, from, extensions, n_extensions, 24);
	HELLO_LIST(to, from, signatures, n_signatures, 32);
	HELLO_LIST(to, from, groups, n_groups, 12);
	HELLO_LIST(to, from, versions, n_versions, 4);
	HELLO_LIST(to, from, sni, sni_len, 48);
	HELLO_LIST(to, from, alpn, alpn_len, 16);
}

/* Sends the record; client, server: by the client's direction. */
__global int handshake_tell(const struct flow *f, const struct gl_addr *client,
			    const struct gl_addr *server, __u16 peer_port,
			    const struct handshake_end *end)
{
	struct gl_rec_handshake *r;

	if (!f || !client || !server || !end)
		return -1;
	count(GL_CTR_HANDSHAKES);
	if (end->downgrade)
		count(GL_CTR_DOWNGRADES);
	/* straight into the ring: every line of it is cold, and a second copy would be, too */
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count(GL_CTR_LOST_RECORD);
		return -1;
	}
	event_name(&r->rec, GL_REC_HANDSHAKE, sizeof(*r), end->now_ns);
	r->conn = f->conn;
	r->generation = f->generation;
	r->hello_ns = f->tls.hello_ns;
	r->source = *client;
	r->server = *server;
	r->port = f->port;
	r->peer_port = peer_port;
	r->service = end->service;
	r->best = end->best;
	r->result = end->result;
	r->downgrade = end->downgrade;
	r->verdict = end->verdict;
	r->reason = end->reason;
	r->delivery = end->delivery;
	r->mode = end->mode;
	r->alert = end->alert;
	r->known = end->known;
	r->server_hello = f->tls.server;
	hello_copy(&r->hello, &f->tls.hello);
	bpf_ringbuf_submit(r, handshake_wakeup(f->tls.hello.key));
	return 0;
}
