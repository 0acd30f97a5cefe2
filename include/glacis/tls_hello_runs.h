/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_hello_runs.h - what of a ClientHello comes many times over, many at once: numbers of a list,
 * bytes of a name. Called by tls_hello.h where a list goes on; it ends the list.
 *
 * Only whole entries that lie in the piece and in the record are taken, and nothing is decided but
 * what one entry decides: after a run everything kept is what the same entries one by one leave.
 * What is not as it should be is not taken, so tls_hello.h sees it.
 */
#pragma once

#include "include/glacis/tls_hello_msg.h"

#define HELLO_RUN          32 /* entries at once */
#define HELLO_RUN_VERSIONS 4

/* ---------------------------------------------------------------------------------------------
 * One entry. Some return what it adds to the match key's sum.
 */
static __always_inline __u64 tls_hello_cipher(struct gl_hello *h, const struct gl_key *key,
					      __u16 cipher)
{
	__u16 *at;

	if (tls_is_grease(cipher)) {
		h->flags |= GL_HELLO_GREASE;
		return 0;
	}
	at = at_index(h->ciphers, GL_HELLO_CIPHERS, h->n_ciphers);
	if (at)
		*at = cipher;
	else
		h->flags |= GL_HELLO_TRUNCATED;
	h->n_ciphers++;
	if (cipher == TLS_FALLBACK_SCSV)
		h->flags |= GL_HELLO_FALLBACK_SCSV;
	return tls_hello_mix(key, MEMBER_CIPHER, 0, cipher);
}

static __always_inline __u64 tls_hello_signature(struct gl_hello *h, const struct gl_key *key,
						 __u16 scheme)
{
	__u16 *at;

	if (tls_is_grease(scheme)) {
		h->flags |= GL_HELLO_GREASE;
		return 0;
	}
	at = at_index(h->signatures, GL_HELLO_SIGNATURES, h->n_signatures);
	if (at)
		*at = scheme;
	else
		h->flags |= GL_HELLO_TRUNCATED;
	return tls_hello_mix(key, MEMBER_SIGNATURE, h->n_signatures++, scheme);
}

static __always_inline void tls_hello_group(struct gl_hello *h, __u16 group)
{
	__u16 *at;

	if (tls_is_grease(group)) {
		h->flags |= GL_HELLO_GREASE;
		return;
	}
	at = at_index(h->groups, GL_HELLO_GROUPS, h->n_groups);
	if (at)
		*at = group;
	h->n_groups++;
}

static __always_inline void tls_hello_offered(struct tls_hello_state *s, struct gl_hello *h,
					      __u16 version)
{
	__u16 *at;

	if (tls_is_grease(version)) {
		h->flags |= GL_HELLO_GREASE;
		return;
	}
	at = at_index(h->versions, GL_HELLO_VERSIONS, h->n_versions);
	if (at)
		*at = version;
	else
		h->flags |= GL_HELLO_TRUNCATED;
	h->n_versions++;
	if (version > s->highest)
		s->highest = version;
	if (version < 0x0300 || version > GL_TLS_1_3)
		return;
	if (version > h->max_version)
		h->max_version = version;
	if (!h->min_version || version < h->min_version)
		h->min_version = version;
}

/* One byte of a name's hash, in lower case (without a branch); start and end are the key's. */
static __always_inline __u32 tls_name_byte(__u32 hash, __u8 byte)
{
	__u32 upper = (__u32)(__u8)(byte - 'A') - 26;

	opaque(upper);
	upper >>= 31;

	hash = (hash ^ (byte | upper << 5)) * 0x01000193;
	return hash ^ hash >> 15;
}

static __always_inline void tls_hello_protocol_keep(struct gl_hello *h, __u8 byte)
{
	char *to = at_index(h->alpn, GL_HELLO_ALPN, h->alpn_len);

	if (to)
		*to = byte;
	h->alpn_len++;
}

/* ---------------------------------------------------------------------------------------------
 * Runs: entries at hand that have room in their list, at most HELLO_RUN. Each returns how many.
 *
 * Their loops do not branch: of what is not so, as of what is, the verifier has one path.
 */

/* 1 if x, of less than 32 bits, is 0. */
static __always_inline __u32 tls_is_zero(__u32 x)
{
	x--;
	opaque(x); /* it would be a branch again */
	return x >> 31;
}

static __always_inline __u32 tls_hello_at_hand(const struct tls_reader *r,
					       const struct http_piece *piece, __u32 end)
{
	return tls_least(tls_at_hand(r, piece), end - r->pos);
}

static __always_inline __u32 tls_hello_room(__u32 n, __u32 count, __u32 size)
{
	return count < size ? tls_least(n, size - count) : 0;
}

#define HELLO_NUMBER(member) (__builtin_offsetof(struct gl_hello, member) / sizeof(__u16))

/* Of a hello's numbers of two bytes, as if they were one list: where a list and its count are. */
struct tls_hello_list {
	__u32 at, count, size; /* a power of two */
	__u32 end; /* in the message */
	__u64 kind, placed; /* of its members; placed: the bits of the place that count */
};

static __always_inline void tls_hello_list_of(const struct tls_hello_state *s,
					      struct tls_hello_list *ret)
{
	ret->end = s->extension_end;
	ret->placed = ret->kind = 0;
	switch (s->reader.phase) {
	case HELLO_CIPHER:
		ret->at = HELLO_NUMBER(ciphers);
		ret->count = HELLO_NUMBER(n_ciphers);
		ret->size = GL_HELLO_CIPHERS;
		ret->end = s->list_end;
		ret->kind = (__u64)MEMBER_CIPHER << 56;
		return;
	case HELLO_SIGNATURE:
		ret->at = HELLO_NUMBER(signatures);
		ret->count = HELLO_NUMBER(n_signatures);
		ret->size = GL_HELLO_SIGNATURES;
		ret->kind = (__u64)MEMBER_SIGNATURE << 56;
		ret->placed = 0xffff0000;
		return;
	}
	ret->at = HELLO_NUMBER(groups);
	ret->count = HELLO_NUMBER(n_groups);
	ret->size = GL_HELLO_GROUPS;
}

/* Ciphers, signature schemes, groups. */
VERIFIED_ONCE int tls_hello_run_numbers(struct http_piece *piece, struct tls_hello_state *s,
					struct gl_hello *h, const struct gl_key *key)
{
	__u32 n, off, count, i, grease = 0, fallback = 0;
	struct tls_hello_list list;
	__u16 *numbers;
	__u64 sum = 0;

	if (!piece || !s || !h || !key)
		return 0;
	numbers = (__u16 *)h;
	tls_hello_list_of(s, &list);
	count = numbers[list.count];
	n = tls_hello_at_hand(&s->reader, piece, list.end) / 2;
	n = tls_hello_room(n, count, list.size);
	off = piece->off;
	TLS_LOOP
	for (i = 0; i < HELLO_RUN && i < n; i++) {
		__u16 value = tls_number_at(piece, off + 2 * i);
		__u64 member = list.kind | ((__u64)count << 16 & list.placed) | value;
		__u32 skipped =
			tls_is_zero(((value & 0x0f0f) ^ 0x0a0a) | (value >> 8 ^ (value & 0xff)));

		numbers[list.at + (count & (list.size - 1))] = value;
		sum += tls_mix(key, member) & (skipped - 1ull);
		count += 1 - skipped;
		grease |= skipped;
		fallback |= tls_is_zero(value ^ TLS_FALLBACK_SCSV);
	}
	numbers[list.count] = count;
	if (grease)
		h->flags |= GL_HELLO_GREASE;
	if (fallback && s->reader.phase == HELLO_CIPHER)
		h->flags |= GL_HELLO_FALLBACK_SCSV;
	if (list.kind)
		s->sum += sum;
	tls_pass(&s->reader, piece, 2 * i);
	return i;
}

VERIFIED_ONCE int tls_hello_run_versions(struct http_piece *piece, struct tls_hello_state *s,
					 struct gl_hello *h)
{
	__u32 n, off, i;

	if (!piece || !s || !h)
		return 0;
	n = tls_hello_at_hand(&s->reader, piece, s->extension_end) / 2;
	off = piece->off;
	TLS_LOOP
	for (i = 0; i < HELLO_RUN_VERSIONS && i < n; i++)
		tls_hello_offered(s, h, tls_number_at(piece, off + 2 * i));
	tls_pass(&s->reader, piece, 2 * i);
	return i;
}

VERIFIED_ONCE int tls_hello_run_name(struct http_piece *piece, struct tls_hello_state *s,
				     struct gl_hello *h)
{
	__u32 n, off, at, hash, i;

	if (!piece || !s || !h)
		return 0;
	at = h->sni_len - (s->list_end - s->reader.pos);
	n = tls_hello_at_hand(&s->reader, piece, s->list_end);
	n = tls_hello_room(n, at, GL_HELLO_SNI);
	off = piece->off;
	hash = s->name_hash;
	TLS_LOOP
	for (i = 0; i < HELLO_RUN && i < n; i++) {
		__u8 byte = tls_byte_at(piece, off + i);

		h->sni[(at + i) & (GL_HELLO_SNI - 1)] = byte;
		hash = tls_name_byte(hash, byte);
	}
	s->name_hash = hash;
	tls_pass(&s->reader, piece, i);
	return i;
}

/* One protocol's bytes. */
VERIFIED_ONCE int tls_hello_run_protocol(struct http_piece *piece, struct tls_hello_state *s,
					 struct gl_hello *h)
{
	__u32 n, off, at, i;

	if (!piece || !s || !h)
		return 0;
	at = h->alpn_len;
	n = tls_hello_at_hand(&s->reader, piece, s->list_end);
	n = tls_hello_room(n, at, GL_HELLO_ALPN);
	off = piece->off;
	if (!n)
		return 0;
	TLS_LOOP
	for (i = 0; i < HELLO_RUN && i < n; i++)
		h->alpn[(at + i) & (GL_HELLO_ALPN - 1)] = tls_byte_at(piece, off + i);
	h->alpn_len = at + i;
	if (s->protocols == 1) {
		if (!s->name_hash)
			h->alpn_ends[0] = tls_byte_at(piece, off);
		h->alpn_ends[1] = tls_byte_at(piece, off + i - 1);
		s->name_hash += i;
	}
	tls_pass(&s->reader, piece, i);
	return i;
}
