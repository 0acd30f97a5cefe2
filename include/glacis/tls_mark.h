/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_mark.h - the mark of a certificate: a keyed sum of mixes over its bytes, eight at a time, by
 * which the tls door and user space agree on one that was read (struct gl_rec_certificate_known).
 * Not SipHash, which takes 2 us of the kernel for a thousand bytes: who finds a collision has found
 * another certificate of his own that is not looked at. Called by tls_certificate.h and the keeper.
 */
#pragma once

#include "include/glacis/tls_msg.h"

/* Taken in blocks; the last one is filled up with zeros. */
#define TLS_MARK_WORDS 32
#define TLS_MARK_BYTES (8 * TLS_MARK_WORDS)

/* What word number `at` adds. */
static __always_inline __u64 tls_mark_word(const struct gl_key *key, __u32 at, __u64 word)
{
	return tls_mix(key, word ^ at * 0xff51afd7ed558ccdull);
}

/* The mark of n bytes whose words add up to `sum`. */
static __always_inline __u64 tls_mark_end(const struct gl_key *key, __u64 sum, __u32 n)
{
	return tls_mix(key, sum + n);
}

#ifndef __bpf__
static inline __u64 tls_mark(const __u8 *bytes, __u32 n, const struct gl_key *key)
{
	__u64 sum = 0;

	for (__u32 at = 0; at / TLS_MARK_WORDS * TLS_MARK_BYTES < n; at++) {
		__u64 word = 0;
		__u32 left = 8 * at < n ? n - 8 * at : 0;

		__builtin_memcpy(&word, bytes + (left ? 8 * at : 0), left < 8 ? left : 8);
		sum += tls_mark_word(key, at, word);
	}
	return tls_mark_end(key, sum, n);
}
#endif
