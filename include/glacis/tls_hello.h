/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_hello.h - a ClientHello: what a client offers, from the first byte of its stream on,
 * resumable at any byte (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2).
 *
 * Strict where servers differ: an extension that is read twice, a list that does not fill its
 * container, bytes behind the last one are malformed. What is read is kept without GREASE (RFC
 * 8701), in the order sent; the match key does not depend on that order, where JA4 does not.
 *
 * A step takes a number, or all of a list that is at hand (tls_hello_runs.h): where returns are
 * guarded against speculation, steps are what costs.
 *
 * Everything needed to resume is in struct tls_hello_state and in the head of struct gl_hello, up
 * to its lists: they grow only by its counts, so a copy of both is a place to return to.
 */
#pragma once

#include "include/glacis/tls_hello_runs.h"

/* The hello is complete: what can be said only of the whole. */
VERIFIED_ONCE int tls_hello_whole(struct tls_hello_state *s, struct gl_hello *h,
				  const struct gl_key *key)
{
	__u64 shape;

	if (!s || !h || !key)
		return 0;
	s->reader.phase = HELLO_COMPLETE;
	h->bytes = s->reader.end + 4;
	if (!(h->flags & GL_HELLO_VERSIONS_SEEN)) {
		h->max_version =
			h->legacy_version > GL_TLS_1_2 ? (__u16)GL_TLS_1_2 : h->legacy_version;
		h->min_version = h->max_version;
	}
	shape = (__u64)tls_hello_version(s, h) << 32 | (__u64)tls_hello_protocol_text(h) << 16 |
		!!(h->flags & GL_HELLO_SNI_SEEN);
	s->sum += tls_mix(key, (__u64)MEMBER_SHAPE << 56 | shape);
	s->sum += tls_mix(key, (__u64)MEMBER_SHAPE << 56 | 1ull << 48 |
				       tls_hello_count(h->n_ciphers) << 16 |
				       tls_hello_count(h->n_extensions));
	h->key = s->sum ? s->sum : 1;
	return 0;
}

static __always_inline int tls_hello_finish(struct tls_hello_cursor *c)
{
	tls_hello_whole(c->state, c->hello, c->key);
	c->piece->event = TLS_HELLO;
	return 1;
}

/* The extension is read: the next one, or the end. */
static __always_inline int tls_hello_next(struct tls_hello_cursor *c)
{
	struct tls_reader *r = &c->state->reader;

	if (r->pos == r->end)
		return tls_hello_finish(c);
	if (r->end - r->pos < 4)
		return tls_hello_bad(c);
	tls_expect(r, HELLO_EXTENSION, 4, 0);
	return 0;
}

/* Skips what is left of the extension. */
static __always_inline int tls_hello_rest(struct tls_hello_cursor *c)
{
	struct tls_reader *r = &c->state->reader;
	__u32 left = c->state->extension_end - r->pos;

	if (!left)
		return tls_hello_next(c);
	if (left <= tls_at_hand(r, c->piece)) {
		tls_expect(r, HELLO_EXTENSION_END, 0, 0);
		tls_pass(r, c->piece, left);
		return tls_hello_next(c);
	}
	tls_expect(r, HELLO_EXTENSION_END, 0, left);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Up to the extensions
 */
static __always_inline int tls_hello_message(struct tls_hello_cursor *c, __u32 acc)
{
	struct tls_reader *r = &c->state->reader;
	__u32 len = acc & 0xffffff;

	if (acc >> 24 != 1)
		return tls_hello_bad(c);
	if (len > GL_HELLO_MAX)
		return tls_hello_fail(c, GL_OUTCOME_TOO_LONG);
	if (len < 2 + 32 + 1 + 2 + 2 + 2)
		return tls_hello_bad(c);
	r->pos = 0;
	r->end = len;
	c->hello->record_version = 0x0300 | r->version;
	tls_expect(r, HELLO_VERSION, 2, 0);
	return 0;
}

static __always_inline int tls_hello_start(struct tls_hello_cursor *c, __u32 acc)
{
	struct tls_reader *r = &c->state->reader;

	switch (r->phase) {
	case HELLO_VERSION:
		/* SSL 3.0 and what came after (RFC 8446 section 4.1.2, appendix D) */
		if (acc < 0x0300)
			return tls_hello_bad(c);
		c->hello->legacy_version = acc;
		tls_expect(r, HELLO_SESSION, 1, 32);
		return 0;
	case HELLO_SESSION:
		if (acc > 32 || r->pos + acc + 2 > r->end)
			return tls_hello_bad(c);
		tls_expect(r, HELLO_CIPHERS, 2, acc);
		return 0;
	case HELLO_CIPHERS:
		if (!acc || (acc & 1) || r->pos + acc + 2 > r->end)
			return tls_hello_bad(c);
		c->state->list_end = r->pos + acc;
		tls_expect(r, HELLO_CIPHER, 2, 0);
		return 0;
	case HELLO_COMPRESSIONS:
		if (!acc || r->pos + acc > r->end)
			return tls_hello_bad(c);
		if (r->pos + acc == r->end) /* no extensions at all: legal up to 1.2 */
			tls_expect(r, HELLO_END, 0, acc);
		else if (r->pos + acc + 2 <= r->end)
			tls_expect(r, HELLO_EXTENSIONS, 2, acc);
		else
			return tls_hello_bad(c);
		return 0;
	}
	/* HELLO_EXTENSIONS: they are the rest of the message */
	if (r->end - r->pos != acc)
		return tls_hello_bad(c);
	return tls_hello_next(c);
}

/* ---------------------------------------------------------------------------------------------
 * Extensions
 */

/* One that is read: once only. Its content begins with a list's length of `bytes` bytes. */
static __always_inline int tls_hello_list(struct tls_hello_cursor *c, __u8 seen, __u8 phase,
					  __u8 bytes)
{
	struct tls_hello_state *s = c->state;

	if (s->seen & seen)
		return tls_hello_bad(c);
	s->seen |= seen;
	if (s->extension_end - s->reader.pos < bytes)
		return tls_hello_bad(c);
	tls_expect(&s->reader, phase, bytes, 0);
	return 0;
}

static __always_inline int tls_hello_known(struct tls_hello_cursor *c, __u16 type)
{
	struct tls_hello_state *s = c->state;
	struct gl_hello *h = c->hello;

	switch (type) {
	case 0: /* server_name, RFC 6066 section 3 */
		h->flags |= GL_HELLO_SNI_SEEN;
		return tls_hello_list(c, HELLO_SEEN_NAMES, HELLO_NAMES, 2);
	case 10: /* supported_groups */
		return tls_hello_list(c, HELLO_SEEN_GROUPS, HELLO_GROUPS, 2);
	case 13: /* signature_algorithms */
		return tls_hello_list(c, HELLO_SEEN_SIGNATURES, HELLO_SIGNATURES, 2);
	case 16: /* application_layer_protocol_negotiation, RFC 7301 */
		h->flags |= GL_HELLO_ALPN_SEEN;
		return tls_hello_list(c, HELLO_SEEN_PROTOCOLS, HELLO_PROTOCOLS, 2);
	case 43: /* supported_versions */
		h->flags |= GL_HELLO_VERSIONS_SEEN;
		return tls_hello_list(c, HELLO_SEEN_VERSIONS, HELLO_VERSIONS, 1);
	case 41: /* pre_shared_key */
		if (s->seen & HELLO_SEEN_PSK)
			return tls_hello_bad(c);
		s->seen |= HELLO_SEEN_PSK;
		h->flags |= GL_HELLO_PSK;
		break;
	case 42: /* early_data */
		h->flags |= GL_HELLO_EARLY_DATA;
		break;
	case 35: /* session_ticket, RFC 5077: empty asks for one */
		if (s->extension_end != s->reader.pos)
			h->flags |= GL_HELLO_PSK;
		break;
	}
	return tls_hello_rest(c);
}

static __always_inline int tls_hello_extension(struct tls_hello_cursor *c, __u32 acc)
{
	struct tls_reader *r = &c->state->reader;
	struct gl_hello *h = c->hello;
	__u16 type = acc >> 16;
	__u16 *at;

	c->state->extension_end = r->pos + (acc & 0xffff);
	if (c->state->extension_end > r->end)
		return tls_hello_bad(c);
	if (tls_is_grease(type)) {
		h->flags |= GL_HELLO_GREASE;
		return tls_hello_rest(c);
	}
	at = at_index(h->extensions, GL_HELLO_EXTENSIONS, h->n_extensions);
	if (at)
		*at = type;
	else
		h->flags |= GL_HELLO_TRUNCATED;
	h->n_extensions++;
	/* JA4 leaves the names and protocols out of its hash */
	if (type != 0 && type != 16)
		tls_hello_member(c, MEMBER_EXTENSION, 0, type);
	return tls_hello_known(c, type);
}

/* A list of numbers of two bytes that fills its extension. */
static __always_inline int tls_hello_numbers(struct tls_hello_cursor *c, __u32 len, __u8 phase)
{
	struct tls_hello_state *s = c->state;

	if (!len || (len & 1) || s->extension_end - s->reader.pos != len)
		return tls_hello_bad(c);
	tls_expect(&s->reader, phase, 2, 0);
	return 0;
}

/* The first host name; others and other kinds of names are not read (RFC 6066 section 3). */
static __always_inline int tls_hello_name(struct tls_hello_cursor *c, __u32 acc)
{
	struct tls_hello_state *s = c->state;
	struct tls_reader *r = &s->reader;
	__u32 len = acc & 0xffff;

	if (!len || len > s->extension_end - r->pos)
		return tls_hello_bad(c);
	if (acc >> 16)
		return tls_hello_rest(c);
	s->list_end = r->pos + len;
	s->name_hash = c->key->k0;
	c->hello->sni_len = len;
	tls_expect(r, HELLO_NAME_BYTE, 1, 0);
	return 0;
}

static __always_inline __u32 tls_name_end(__u32 hash, const struct gl_key *key)
{
	hash = tls_mix(key, hash);
	return hash ? hash : 1;
}

static __always_inline void tls_hello_name_byte(struct tls_hello_cursor *c, __u8 byte)
{
	struct tls_hello_state *s = c->state;
	__u32 at = c->hello->sni_len - (s->list_end - s->reader.pos) - 1;
	char *to = at_index(c->hello->sni, GL_HELLO_SNI, at);

	if (to)
		*to = byte;
	s->name_hash = tls_name_byte(s->name_hash, byte);
}

static __always_inline int tls_hello_protocol(struct tls_hello_cursor *c, __u32 len)
{
	struct tls_hello_state *s = c->state;

	if (!len || len > s->extension_end - s->reader.pos)
		return tls_hello_bad(c);
	tls_hello_protocol_keep(c->hello, len);
	if (s->protocols < 2)
		s->protocols++;
	s->list_end = s->reader.pos + len;
	s->name_hash = 0; /* bytes of this name so far */
	tls_expect(&s->reader, HELLO_PROTOCOL_BYTE, 1, 0);
	return 0;
}

static __always_inline void tls_hello_protocol_byte(struct tls_hello_cursor *c, __u8 byte)
{
	struct tls_hello_state *s = c->state;

	tls_hello_protocol_keep(c->hello, byte);
	if (s->protocols != 1)
		return;
	if (!s->name_hash++)
		c->hello->alpn_ends[0] = byte;
	c->hello->alpn_ends[1] = byte;
}

/* ---------------------------------------------------------------------------------------------
 * Lists: an entry that came in parts by itself, those at hand together
 */
#define HELLO_LISTS                                                                                \
	(1 << HELLO_CIPHER | 1 << HELLO_GROUP | 1 << HELLO_SIGNATURE |                             \
	 1 << HELLO_VERSION_OFFERED | 1 << HELLO_NAME_BYTE | 1 << HELLO_PROTOCOL_BYTE)

static __always_inline int tls_hello_entry(struct tls_hello_cursor *c, __u32 acc)
{
	struct gl_hello *h = c->hello;

	switch (c->state->reader.phase) {
	case HELLO_CIPHER:
		c->state->sum += tls_hello_cipher(h, c->key, acc);
		return 0;
	case HELLO_SIGNATURE:
		c->state->sum += tls_hello_signature(h, c->key, acc);
		return 0;
	case HELLO_GROUP:
		tls_hello_group(h, acc);
		return 0;
	case HELLO_VERSION_OFFERED:
		tls_hello_offered(c->state, h, acc);
		return 0;
	case HELLO_NAME_BYTE:
		tls_hello_name_byte(c, acc);
		return 0;
	}
	tls_hello_protocol_byte(c, acc);
	return 0;
}

/* The list is read as far as it is at hand: its next entry, or what comes after it. */
static __always_inline int tls_hello_entries(struct tls_hello_cursor *c)
{
	struct tls_hello_state *s = c->state;
	struct tls_reader *r = &s->reader;

	switch (r->phase) {
	case HELLO_CIPHER:
		tls_hello_run_numbers(c->piece, s, c->hello, c->key);
		if (r->pos == s->list_end)
			tls_expect(r, HELLO_COMPRESSIONS, 1, 0);
		else
			tls_expect(r, HELLO_CIPHER, 2, 0);
		return 0;
	case HELLO_NAME_BYTE:
		tls_hello_run_name(c->piece, s, c->hello);
		tls_expect(r, HELLO_NAME_BYTE, 1, 0);
		if (r->pos != s->list_end)
			return 0;
		c->hello->sni_key = tls_name_end(s->name_hash, c->key);
		return tls_hello_rest(c);
	case HELLO_PROTOCOL_BYTE:
		tls_hello_run_protocol(c->piece, s, c->hello);
		tls_expect(r, HELLO_PROTOCOL_BYTE, 1, 0);
		if (r->pos != s->list_end)
			return 0;
		tls_expect(r, HELLO_PROTOCOL, 1, 0);
		return r->pos == s->extension_end ? tls_hello_next(c) : 0;
	case HELLO_VERSION_OFFERED:
		tls_hello_run_versions(c->piece, s, c->hello);
		break;
	default:
		tls_hello_run_numbers(c->piece, s, c->hello, c->key);
	}
	tls_expect(r, r->phase, 2, 0);
	return r->pos == s->extension_end ? tls_hello_next(c) : 0;
}

static __always_inline int tls_hello_content(struct tls_hello_cursor *c, __u32 acc)
{
	struct tls_hello_state *s = c->state;
	struct tls_reader *r = &s->reader;

	switch (r->phase) {
	case HELLO_GROUPS:
		return tls_hello_numbers(c, acc, HELLO_GROUP);
	case HELLO_SIGNATURES:
		return tls_hello_numbers(c, acc, HELLO_SIGNATURE);
	case HELLO_VERSIONS:
		return tls_hello_numbers(c, acc, HELLO_VERSION_OFFERED);
	case HELLO_NAME:
		return tls_hello_name(c, acc);
	case HELLO_PROTOCOL:
		return tls_hello_protocol(c, acc);
	}
	/* HELLO_NAMES, HELLO_PROTOCOLS: a list that fills its extension, with something in it */
	if (acc < 2 || s->extension_end - r->pos != acc)
		return tls_hello_bad(c);
	if (r->phase == HELLO_NAMES && acc < 4)
		return tls_hello_bad(c);
	if (r->phase == HELLO_NAMES)
		tls_expect(r, HELLO_NAME, 3, 0);
	else
		tls_expect(r, HELLO_PROTOCOL, 1, 0);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * A byte, a number or a run of bytes
 */

/* RFC 6101 appendix E: two bytes of length with the top bit set, then message type 1. */
static __always_inline int tls_hello_ssl2(struct tls_hello_cursor *c)
{
	__u8 b = tls_byte(c->piece);

	c->piece->off++;
	if (++c->state->reader.header < 3)
		return 0;
	if (b != 1)
		return tls_hello_bad(c);
	c->hello->flags |= GL_HELLO_SSL2;
	c->hello->legacy_version = c->hello->max_version = c->hello->min_version = 0x0002;
	c->hello->record_version = 0x0300;
	c->hello->key = 1;
	c->state->reader.phase = HELLO_COMPLETE;
	c->piece->event = TLS_HELLO;
	return 1;
}

static __always_inline int tls_hello_act(struct tls_hello_cursor *c)
{
	struct tls_reader *r = &c->state->reader;

	if (r->phase == HELLO_EXTENSION)
		return tls_hello_extension(c, r->acc);
	if (HELLO_LISTS >> r->phase & 1)
		return tls_hello_entry(c, r->acc);
	if (r->phase == HELLO_EXTENSION_END)
		return tls_hello_next(c);
	if (r->phase == HELLO_MESSAGE)
		return tls_hello_message(c, r->acc);
	if (r->phase == HELLO_END)
		return tls_hello_finish(c);
	if (r->phase < HELLO_EXTENSION)
		return tls_hello_start(c, r->acc);
	return tls_hello_content(c, r->acc);
}

/* Handles the next bytes. 1 = stop: all consumed, or look at c->piece->event. */
static __always_inline int tls_hello_step(struct tls_hello_cursor *c)
{
	struct tls_reader *r = &c->state->reader;
	struct http_piece *piece = c->piece;

	if (piece->off >= piece->len || piece->off >= HTTP_PIECE)
		return 1;
	if (r->phase == HELLO_COMPLETE || c->state->outcome)
		return tls_hello_fail(c, c->state->outcome ?: GL_OUTCOME_MALFORMED);
	if (r->phase == HELLO_SSL2_HEAD)
		return tls_hello_ssl2(c);
	if (r->phase == HELLO_FIRST) {
		if (tls_byte(piece) & 0x80) {
			r->phase = HELLO_SSL2_HEAD;
			return tls_hello_ssl2(c);
		}
		tls_expect(r, HELLO_MESSAGE, 4, 0);
	}
	if (r->header < TLS_RECORD_HEADER) {
		if (tls_step_header(r, piece) || r->content != TLS_CONTENT_HANDSHAKE)
			return tls_hello_bad(c);
		if (r->header < TLS_RECORD_HEADER)
			return 0;
	}
	if (!tls_gather(r, piece))
		return 0;
	if (tls_hello_act(c))
		return 1;
	return HELLO_LISTS >> r->phase & 1 ? tls_hello_entries(c) : 0;
}

#ifndef __bpf__
/* What hello.sni_key is for this name. */
static inline __u32 tls_sni_key(const char *name, __u64 len, const struct gl_key *key)
{
	__u32 hash = key->k0;

	for (__u64 i = 0; i < len; i++)
		hash = tls_name_byte(hash, name[i]);
	return tls_name_end(hash, key);
}
#endif
