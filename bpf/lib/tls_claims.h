/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_claims.h - layer 2: the handle a socket is bound to, by the socket's cookie: no second handle
 * may claim it by a last receive, and a closing socket finds its handle.
 *
 * Cookies are given one after the other, so a place in an array by the cookie's low bits is nearly
 * always free, and next to the connection before, which is warm: a hash table costs a handshake 1
 * us more. A connection whose place is taken, by one so many connections older, is kept in one.
 */
#pragma once

#include "bpf/lib/maps.h"
#include "bpf/lib/tls_sock.h"

_Static_assert((GL_TLS_CLAIMS & (GL_TLS_CLAIMS - 1)) == 0, "a mask");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_TLS_CLAIMS + 1); /* behind them: is there any in tls_sockets? */
	__type(key, __u32);
	__type(value, struct gl_tls_claim);
} tls_claims SEC(".maps");

/* Those whose place was taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GL_TLS_CLAIMS);
	__type(key, __u64);
	__type(value, struct gl_tls_key);
} tls_sockets SEC(".maps");

static __always_inline struct gl_tls_claim *claim_place(__u64 cookie)
{
	__u32 place = cookie & (GL_TLS_CLAIMS - 1);

	return bpf_map_lookup_elem(&tls_claims, &place);
}

/* Once there was one whose place was taken, it stays true. */
static __always_inline struct gl_tls_claim *claim_others(void)
{
	__u32 place = GL_TLS_CLAIMS;

	return bpf_map_lookup_elem(&tls_claims, &place);
}

/*
 * The handle that has the socket; NULL: none. Another processor may be about to write it: what it
 * leads to is the socket's only if it says so.
 */
static __always_inline struct gl_tls_key *claim_of(__u64 cookie)
{
	struct gl_tls_claim *claim = claim_place(cookie);

	if (claim && claim->cookie == cookie)
		return &claim->key;
	claim = claim_others();
	return claim && claim->cookie ? bpf_map_lookup_elem(&tls_sockets, &cookie) : NULL;
}

static __always_inline void claim_take(__u64 cookie, const struct gl_tls_key *k)
{
	struct gl_tls_claim *claim = claim_place(cookie), *others = claim_others();
	__u64 before;

	if (!claim || !others)
		return;
	before = __sync_val_compare_and_swap(&claim->cookie, 0, cookie);
	if (!before || before == cookie) {
		claim->key = *k;
		return;
	}
	others->cookie = 1;
	if (bpf_map_update_elem(&tls_sockets, &cookie, k, BPF_ANY))
		count(GL_CTR_LOST_UPDATE);
}

static __always_inline void claim_drop(__u64 cookie)
{
	struct gl_tls_claim *claim = claim_place(cookie);

	if (claim && claim->cookie == cookie)
		claim->cookie = 0;
	else
		bpf_map_delete_elem(&tls_sockets, &cookie);
}
