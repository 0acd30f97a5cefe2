/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * siphash.h - SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), for the
 * kernel programs and the host.
 *
 * Three ways in: streaming and resumable (a credential that arrives over several segments; the
 * state is plain data and lives in the socket's storage), over a fixed number of words (window
 * tags), over a buffer (host only). All give the same value for the same bytes. A word stands for
 * eight bytes, the first in its lowest bits. Called by the head parser, the route walk, the windows
 * and the policy compiler. Not a checksum: without the key the values say nothing.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

struct siphash {
	__u64 v0, v1, v2, v3;
	__u64 tail; /* bytes taken since the last full word, first lowest */
	__u32 len; /* bytes taken; SipHash uses it modulo 256 */
	__u32 reserved;
};
_Static_assert(sizeof(struct siphash) == 48, "no padding");

static __always_inline __u64 siphash_rotl(__u64 x, int by)
{
	return x << by | x >> (64 - by);
}

/* SipRound, section 2.2. */
static __always_inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotl(s->v2, 32);
}

static __always_inline void siphash_compress(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

static __always_inline void siphash_init(struct siphash *s, const struct gl_key *key)
{
	s->v0 = key->k0 ^ 0x736f6d6570736575ULL;
	s->v1 = key->k1 ^ 0x646f72616e646f6dULL;
	s->v2 = key->k0 ^ 0x6c7967656e657261ULL;
	s->v3 = key->k1 ^ 0x7465646279746573ULL;
	s->tail = 0;
	s->len = 0;
	s->reserved = 0;
}

/* The eight bytes of the tail are full. */
VERIFIED_ONCE int siphash_full(struct siphash *s)
{
	if (!s)
		return 0;
	siphash_compress(s, s->tail);
	s->tail = 0;
	return 0;
}

/* Takes one byte. */
static __always_inline void siphash_byte(struct siphash *s, __u8 byte)
{
	s->tail |= (__u64)byte << (8 * (s->len & 7));
	s->len++;
	if (!(s->len & 7))
		siphash_full(s);
}

/* Takes eight bytes at once. Only where the bytes taken so far are a multiple of eight. */
static __always_inline void siphash_word(struct siphash *s, __u64 word)
{
	siphash_compress(s, word);
	s->len += 8;
}

/* The hash of the bytes taken so far. *s is untouched: more may follow. */
static __always_inline __u64 siphash_final(const struct siphash *s)
{
	struct siphash end = *s;

	siphash_compress(&end, end.tail | (__u64)end.len << 56);
	end.v2 ^= 0xff;
	siphash_round(&end);
	siphash_round(&end);
	siphash_round(&end);
	siphash_round(&end);
	return end.v0 ^ end.v1 ^ end.v2 ^ end.v3;
}

/* n words; n is a small constant, so that the loop is unrolled and the state stays in registers. */
static __always_inline __u64 siphash_words(const __u64 *words, __u32 n, const struct gl_key *key)
{
	struct siphash s;

	siphash_init(&s, key);
#ifdef __clang__
#pragma clang loop unroll(full)
#endif
	for (__u32 i = 0; i < n; i++)
		siphash_word(&s, words[i]);
	return siphash_final(&s);
}

#ifndef __bpf__
/* len bytes of a buffer. Host only: the kernel programs take bytes as they parse them. */
static inline __u64 siphash_buf(const __u8 *buf, __u32 len, const struct gl_key *key)
{
	struct siphash s;
	__u32 i = 0;

	siphash_init(&s, key);
	for (; len - i >= 8; i += 8) {
		__u64 word;

		__builtin_memcpy(&word, buf + i, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		siphash_word(&s, word);
	}
	for (; i < len; i++)
		siphash_byte(&s, buf[i]);
	return siphash_final(&s);
}
#endif
