/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_msg.h - what both directions of a TLS handshake share: records and messages taken apart,
 * resumable at any byte (RFC 8446 sections 4 and 5.1, RFC 5246 section 6.2).
 *
 * A reader gathers numbers of one to four bytes and skips what nobody reads by arithmetic; record
 * headers in the middle of either are stepped over. The position in a message is absolute, so that
 * nested lengths are compared with ends and never counted down. The bytes are in a struct
 * http_piece, which in the kernel lives in a map. Called by tls_hello.h and tls_server.h.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"
#include "include/glacis/http_msg.h"

#define TLS_RECORD_HEADER 5
#define TLS_RECORD_MAX    16384 /* plaintext (RFC 8446 section 5.1) */

/* A loop that stays one: unrolled it would be many cold lines of code. */
#ifdef __clang__
#define TLS_LOOP _Pragma("clang loop unroll(disable)")
#else
#define TLS_LOOP
#endif

enum tls_content {
	TLS_CONTENT_CCS = 20,
	TLS_CONTENT_ALERT = 21,
	TLS_CONTENT_HANDSHAKE = 22,
	TLS_CONTENT_DATA = 23,
};

enum tls_event {
	TLS_NOTHING, /* all bytes consumed */
	TLS_HELLO, /* the ClientHello is complete */
	TLS_SERVER_HELLO, /* the ServerHello is complete */
	TLS_CERTIFICATE, /* the next state->span bytes are the leaf certificate's */
	TLS_DONE, /* nothing more of interest comes in the clear */
	TLS_ALERT, /* the server ended it in the clear */
	TLS_ERROR, /* outcome says why */
};

struct tls_reader {
	__u32 acc; /* the number being gathered */
	__u32 skip; /* bytes nobody reads */
	__u32 pos, end; /* in the message's body; end = its length */
	__u16 record_left; /* bytes of this record */
	__u8 header; /* bytes of the record's header so far; TLS_RECORD_HEADER inside of one */
	__u8 need; /* bytes still to gather */
	__u8 content; /* enum tls_content of this record */
	__u8 version; /* minor byte of the record's version */
	__u8 reserved;
	__u8 phase; /* the caller's: what is being gathered */
};
_Static_assert(sizeof(struct tls_reader) == 24, "no padding");

/* RFC 8701: 0x?A?A with equal bytes. */
static __always_inline int tls_is_grease(__u16 value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* A keyed mix: two multiplications. Who finds collisions has found another name for himself. */
static __always_inline __u64 tls_mix(const struct gl_key *key, __u64 word)
{
	word = (word ^ key->k0) * 0x9e3779b97f4a7c15ull;
	word = ((word ^ word >> 32) + key->k1) * 0xd6e8feb86659fd93ull;
	return word ^ word >> 29;
}

/* Next comes a number of `bytes` bytes, after `skip` bytes that nobody reads. */
static __always_inline void tls_expect(struct tls_reader *r, __u8 phase, __u8 bytes, __u32 skip)
{
	r->phase = phase;
	r->need = bytes;
	r->acc = 0;
	r->skip = skip;
}

static __always_inline __u8 tls_byte_at(const struct http_piece *piece, __u32 off)
{
	return piece->bytes[off & (HTTP_PIECE - 1)];
}

static __always_inline __u8 tls_byte(const struct http_piece *piece)
{
	return tls_byte_at(piece, piece->off);
}

/* Four bytes as a number, the first being the highest; behind the piece is its pad. */
static __always_inline __u32 tls_word_at(const struct http_piece *piece, __u32 off)
{
	const __u8 *at = piece->bytes + (off & (HTTP_PIECE - 1));
#ifdef __bpf__
	/* one load, as in http_word_at() */
	return __builtin_bswap32(*(const __u32 *)at);
#else
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
#endif
}

static __always_inline __u16 tls_number_at(const struct http_piece *piece, __u32 off)
{
	const __u8 *at = piece->bytes + (off & (HTTP_PIECE - 1));
#ifdef __bpf__
	return __builtin_bswap16(*(const __u16 *)at);
#else
	return at[0] << 8 | at[1];
#endif
}

/* Its length. An empty one is forbidden but for application data, which ends what is read. */
static __always_inline int tls_record_fits(const struct tls_reader *r)
{
	return (r->record_left && r->record_left <= TLS_RECORD_MAX) ||
	       r->content == TLS_CONTENT_DATA;
}

/* One byte of a record's header. -1: it is none. */
static __always_inline int tls_header_byte(struct tls_reader *r, struct http_piece *piece)
{
	__u8 b = tls_byte(piece);

	piece->off++;
	switch (r->header++) {
	case 0:
		r->content = b;
		return 0;
	case 1:
		return b == 3 ? 0 : -1;
	case 2:
		r->version = b;
		return 0;
	case 3:
		r->record_left = b << 8;
		return 0;
	}
	r->record_left |= b;
	return tls_record_fits(r) ? 0 : -1;
}

/* A record's header, all of it if it is a handshake's and in the piece, else one byte. -1: none. */
static __always_inline int tls_step_header(struct tls_reader *r, struct http_piece *piece)
{
	__u32 word = tls_word_at(piece, piece->off), left;

	if (r->header || piece->len - piece->off < TLS_RECORD_HEADER ||
	    word >> 16 != (TLS_CONTENT_HANDSHAKE << 8 | 3))
		return tls_header_byte(r, piece);
	left = (word & 0xff) << 8 | tls_byte_at(piece, piece->off + 4);
	if (!left || left > TLS_RECORD_MAX)
		return tls_header_byte(r, piece);
	r->content = TLS_CONTENT_HANDSHAKE;
	r->version = word >> 8;
	r->record_left = left;
	r->header = TLS_RECORD_HEADER;
	piece->off += TLS_RECORD_HEADER;
	return 0;
}

/* n bytes of the record's content are behind. */
static __always_inline void tls_pass(struct tls_reader *r, struct http_piece *piece, __u32 n)
{
	piece->off += n;
	r->pos += n;
	r->record_left -= n;
	if (!r->record_left)
		r->header = 0;
}

static __always_inline __u32 tls_least(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/* Bytes of the record that are in the piece; none between records. */
static __always_inline __u32 tls_at_hand(const struct tls_reader *r, const struct http_piece *piece)
{
	return tls_least(r->record_left, piece->len - piece->off);
}

/*
 * Skips, then gathers: a number at once if all of it is at hand, else one byte. 1: the number is in
 * r->acc, or what was only to be skipped is behind.
 */
static __always_inline int tls_gather(struct tls_reader *r, struct http_piece *piece)
{
	__u32 need = r->need, n;
	__u64 word;

	if (r->skip) {
		n = tls_least(r->skip, tls_at_hand(r, piece));
		r->skip -= n;
		tls_pass(r, piece, n);
		if (r->skip || !need)
			return !r->skip;
	}
	n = tls_at_hand(r, piece);
	if (!n)
		return 0;
	if (need > n)
		need = 1;
	word = tls_word_at(piece, piece->off);
	r->acc = (__u64)r->acc << 8 * need | word >> (32 - 8 * need);
	r->need -= need;
	tls_pass(r, piece, need);
	return !r->need;
}
