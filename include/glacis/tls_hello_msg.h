/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_hello_msg.h - the state of a ClientHello being read: where in it, what was seen, the sum that
 * becomes the match key, and the cursor over one piece of bytes. Code that moves it: tls_hello.h.
 */
#pragma once

#include "include/glacis/tls_msg.h"

enum tls_hello_phase {
	HELLO_FIRST, /* nothing read */
	HELLO_MESSAGE, /* type and length */
	HELLO_VERSION,
	HELLO_SESSION,
	HELLO_CIPHERS,
	HELLO_CIPHER,
	HELLO_COMPRESSIONS,
	HELLO_EXTENSIONS,
	HELLO_EXTENSION, /* type and length */
	HELLO_NAMES,
	HELLO_NAME, /* type and length */
	HELLO_NAME_BYTE,
	HELLO_GROUPS,
	HELLO_GROUP,
	HELLO_SIGNATURES,
	HELLO_SIGNATURE,
	HELLO_PROTOCOLS,
	HELLO_PROTOCOL, /* length */
	HELLO_PROTOCOL_BYTE,
	HELLO_VERSIONS,
	HELLO_VERSION_OFFERED,
	HELLO_EXTENSION_END, /* the rest of one, skipped */
	HELLO_END, /* the last bytes, skipped */
	HELLO_SSL2_HEAD,
	HELLO_COMPLETE,
};

struct tls_hello_state {
	struct tls_reader reader;
	__u64 sum; /* of the members' mixes */
	__u32 list_end; /* of the list, or the name, being read */
	__u32 extension_end;
	__u32 name_hash;
	__u16 highest; /* of supported_versions, known or not: JA4's version */
	__u8 seen; /* extensions read, by enum tls_hello_seen */
	__u8 protocols; /* ALPN names begun, saturated */
	__u8 outcome; /* enum gl_outcome after TLS_ERROR */
	__u8 reserved[7];
};
_Static_assert(sizeof(struct tls_hello_state) == 56, "no padding");

enum tls_hello_seen {
	HELLO_SEEN_NAMES = 1,
	HELLO_SEEN_GROUPS = 2,
	HELLO_SEEN_SIGNATURES = 4,
	HELLO_SEEN_PROTOCOLS = 8,
	HELLO_SEEN_VERSIONS = 16,
	HELLO_SEEN_PSK = 32,
};

#define TLS_FALLBACK_SCSV 0x5600 /* RFC 7507 */

/* Kinds of members, for the match key. */
enum tls_hello_member { MEMBER_CIPHER = 1, MEMBER_EXTENSION, MEMBER_SIGNATURE, MEMBER_SHAPE };

struct tls_hello_cursor {
	struct http_piece *piece;
	struct tls_hello_state *state;
	struct gl_hello *hello;
	const struct gl_key *key;
};

static __always_inline void tls_hello_begin(struct tls_hello_state *s, struct gl_hello *hello)
{
	__builtin_memset(s, 0, sizeof(*s));
	__builtin_memset(hello, 0, __builtin_offsetof(struct gl_hello, ciphers));
}

static __always_inline int tls_hello_fail(struct tls_hello_cursor *c, __u8 outcome)
{
	c->state->outcome = outcome;
	c->piece->event = TLS_ERROR;
	return 1;
}

static __always_inline int tls_hello_bad(struct tls_hello_cursor *c)
{
	return tls_hello_fail(c, GL_OUTCOME_MALFORMED);
}

/* One member of the match key, which is the sum of all of them. */
static __always_inline __u64 tls_hello_mix(const struct gl_key *key, __u64 kind, __u32 at,
					   __u16 value)
{
	return tls_mix(key, kind << 56 | (__u64)at << 16 | value);
}

static __always_inline void tls_hello_member(struct tls_hello_cursor *c, __u64 kind, __u32 at,
					     __u16 value)
{
	c->state->sum += tls_hello_mix(c->key, kind, at, value);
}

/* JA4 knows these versions, of SSL, TLS and DTLS; the rest is one to it. */
static __always_inline __u16 tls_hello_version(const struct tls_hello_state *s,
					       const struct gl_hello *h)
{
	__u16 version = h->flags & GL_HELLO_VERSIONS_SEEN ? s->highest : h->legacy_version;

	switch (version) {
	case 0x0002:
	case 0x0300 ... GL_TLS_1_3:
	case 0xfefc:
	case 0xfefd:
	case 0xfeff:
		return version;
	}
	return 0;
}

static __always_inline int tls_is_alnum(__u8 b)
{
	__u8 lower = b | 0x20;

	return (b >= '0' && b <= '9') || (lower >= 'a' && lower <= 'z');
}

static __always_inline __u8 tls_hex_digit(__u8 nibble)
{
	return nibble < 10 ? '0' + nibble : 'a' + nibble - 10;
}

/*
 * The two characters JA4 makes of the first protocol's ends: those that are no letters or digits
 * are shown by a digit of their hexadecimal form, so that several ends are one to it; none is "00".
 */
static __always_inline __u16 tls_hello_protocol_text(const struct gl_hello *h)
{
	__u8 first = h->alpn_ends[0], last = h->alpn_ends[1];

	if (!tls_is_alnum(first) || !tls_is_alnum(last)) {
		first = tls_hex_digit(first >> 4);
		last = tls_hex_digit(last & 15);
	}
	return first << 8 | last;
}

/* JA4 counts to 99. */
static __always_inline __u64 tls_hello_count(__u16 n)
{
	return n < 99 ? n : 99;
}
