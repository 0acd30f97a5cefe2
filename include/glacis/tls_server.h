/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_server.h - the server's part of a handshake as far as it is in the clear: ServerHello and
 * HelloRetryRequest (RFC 8446 sections 4.1.3, 4.1.4), and up to TLS 1.2 Certificate and
 * ServerKeyExchange (RFC 5246 sections 7.4.2, 7.4.3; RFC 8422 section 5.4). Resumable at any byte.
 *
 * The version is what supported_versions selects, else legacy_version. legacy_version is set as
 * soon as it is read, so that a door need not wait for the rest of a hello that is below its floor.
 */
#pragma once

#include "include/glacis/tls_msg.h"

/* Bytes of a server's messages that are looked at; then it is done with what is known. */
#define TLS_SERVER_MAX 65536

enum tls_server_phase {
	SERVER_FIRST, /* nothing read */
	SERVER_MESSAGE, /* type and length */
	SERVER_VERSION,
	SERVER_RANDOM, /* four bytes of it */
	SERVER_SESSION,
	SERVER_CIPHER,
	SERVER_EXTENSIONS,
	SERVER_EXTENSION, /* type and length */
	SERVER_SELECTED, /* version */
	SERVER_GROUP, /* key_share's */
	SERVER_PROTOCOLS, /* ALPN: length of list and name */
	SERVER_PROTOCOL_BYTE,
	SERVER_EXTENSION_END,
	SERVER_HELLO_END, /* the last bytes, skipped */
	SERVER_CERTIFICATES, /* length of the list */
	SERVER_CERTIFICATE_LEN,
	SERVER_CERTIFICATE_BYTES,
	SERVER_CURVE, /* ServerKeyExchange: curve_type and named curve */
	SERVER_MESSAGE_END, /* the rest of a message, skipped */
	SERVER_ALERT_BYTES,
	SERVER_CCS_BYTE,
	SERVER_COMPLETE,
};

enum tls_server_message {
	SERVER_HELLO_REQUEST = 0,
	SERVER_HELLO = 2,
	SERVER_NEW_SESSION_TICKET = 4,
	SERVER_CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12,
	SERVER_HELLO_DONE = 14,
};

struct tls_server_state {
	struct tls_reader reader;
	__u32 extension_end;
	__u32 span; /* TLS_CERTIFICATE: how many bytes at piece->off are the certificate's */
	__u32 cert_off, cert_total; /* where they are in it; its length */
	__u32 taken; /* bytes of messages begun */
	__u16 selected; /* supported_versions, 0 = none */
	__u8 random; /* words of the random read */
	__u8 retry; /* of them, from the first on, those of a HelloRetryRequest */
	__u8 down; /* the last word but one is "DOWN" */
	__u8 hello; /* the ServerHello was told */
	__u8 outcome; /* enum gl_outcome after TLS_ERROR */
	__u8 reserved[5];
};
_Static_assert(sizeof(struct tls_server_state) == 56, "no padding");

struct tls_server_cursor {
	struct http_piece *piece;
	struct tls_server_state *state;
	struct gl_server_hello *server;
};

static __always_inline void tls_server_begin(struct tls_server_state *s,
					     struct gl_server_hello *server)
{
	__builtin_memset(s, 0, sizeof(*s));
	__builtin_memset(server, 0, sizeof(*server));
}

/* True where a record may begin: nothing of one has been read that has not been read whole. */
static __always_inline int tls_server_between(const struct tls_server_state *s)
{
	return !s->reader.header;
}

static __always_inline int tls_server_bad(struct tls_server_cursor *c)
{
	c->state->outcome = GL_OUTCOME_MALFORMED;
	c->piece->event = TLS_ERROR;
	return 1;
}

static __always_inline int tls_server_done(struct tls_server_cursor *c)
{
	c->state->reader.phase = SERVER_COMPLETE;
	c->piece->event = TLS_DONE;
	return 1;
}

/* The next message begins. */
static __always_inline int tls_server_next(struct tls_server_cursor *c)
{
	tls_expect(&c->state->reader, SERVER_MESSAGE, 4, 0);
	return 0;
}

/* Skips what is left of the message. */
static __always_inline int tls_server_rest(struct tls_server_cursor *c)
{
	struct tls_reader *r = &c->state->reader;

	if (r->pos >= r->end)
		return r->pos == r->end ? tls_server_next(c) : tls_server_bad(c);
	tls_expect(r, SERVER_MESSAGE_END, 0, r->end - r->pos);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * ServerHello
 */
static __always_inline int tls_server_hello_finish(struct tls_server_cursor *c)
{
	struct tls_server_state *s = c->state;

	if (s->reader.pos != s->reader.end)
		return tls_server_bad(c);
	if (s->retry == 8) {
		c->server->flags |= GL_SERVER_RETRY;
		return tls_server_next(c);
	}
	s->hello = 1;
	c->server->alert = c->server->alert_level = 0; /* a warning that did not end it */
	c->server->version = s->selected ? s->selected : c->server->legacy_version;
	tls_server_next(c);
	c->piece->event = TLS_SERVER_HELLO;
	return 1;
}

#define SERVER_RETRY_FIRST 0xcf21ad74
#define SERVER_DOWN        0x444f574e

/* The last word of a random, after "DOWN". */
static __always_inline void tls_server_sentinel(struct tls_server_cursor *c, __u32 word)
{
	if (word == 0x47524401)
		c->server->flags |= GL_SERVER_SENTINEL_12;
	if (word == 0x47524400)
		c->server->flags |= GL_SERVER_SENTINEL_11;
}

/* The random is SHA-256("HelloRetryRequest") in a HelloRetryRequest (RFC 8446 section 4.1.3). */
static __always_inline __u32 tls_retry_word(__u8 i)
{
	switch (i) {
	case 0:
		return SERVER_RETRY_FIRST;
	case 1:
		return 0xe59a6111;
	case 2:
		return 0xbe1d8c02;
	case 3:
		return 0x1e65b891;
	case 4:
		return 0xc2a21116;
	case 5:
		return 0x7abb8c5e;
	case 6:
		return 0x079e09e2;
	}
	return 0xc8a8339c;
}

static __always_inline int tls_server_random(struct tls_server_cursor *c, __u32 word)
{
	struct tls_server_state *s = c->state;
	__u8 i = s->random++;

	s->retry += s->retry == i && word == tls_retry_word(i);
	if (i == 6)
		s->down = word == SERVER_DOWN;
	if (i == 7 && s->down)
		tls_server_sentinel(c, word);
	if (i < 7)
		tls_expect(&s->reader, SERVER_RANDOM, 4, 0);
	else
		tls_expect(&s->reader, SERVER_SESSION, 1, 0);
	return 0;
}

#define SERVER_RANDOM_BYTES 32

/* All of the random, where it is at hand and no HelloRetryRequest's, as most are. */
static __always_inline void tls_server_random_whole(struct tls_server_cursor *c)
{
	struct tls_server_state *s = c->state;
	struct http_piece *piece = c->piece;
	__u32 off = piece->off;

	if (tls_at_hand(&s->reader, piece) < SERVER_RANDOM_BYTES ||
	    tls_word_at(piece, off) == SERVER_RETRY_FIRST)
		return;
	s->random = SERVER_RANDOM_BYTES / 4;
	s->down = tls_word_at(piece, off + 24) == SERVER_DOWN;
	if (s->down)
		tls_server_sentinel(c, tls_word_at(piece, off + 28));
	tls_pass(&s->reader, piece, SERVER_RANDOM_BYTES);
	tls_expect(&s->reader, SERVER_SESSION, 1, 0);
}

static __always_inline int tls_server_extension_next(struct tls_server_cursor *c)
{
	struct tls_reader *r = &c->state->reader;

	if (r->pos == r->end)
		return tls_server_hello_finish(c);
	if (r->pos > r->end || r->end - r->pos < 4)
		return tls_server_bad(c);
	tls_expect(r, SERVER_EXTENSION, 4, 0);
	return 0;
}

static __always_inline int tls_server_extension_rest(struct tls_server_cursor *c)
{
	struct tls_server_state *s = c->state;
	__u32 left;

	if (s->reader.pos > s->extension_end)
		return tls_server_bad(c);
	left = s->extension_end - s->reader.pos;
	if (!left)
		return tls_server_extension_next(c);
	tls_expect(&s->reader, SERVER_EXTENSION_END, 0, left);
	if (left > tls_at_hand(&s->reader, c->piece))
		return 0;
	s->reader.skip = 0;
	tls_pass(&s->reader, c->piece, left);
	return tls_server_extension_next(c);
}

static __always_inline int tls_server_extension(struct tls_server_cursor *c, __u32 acc)
{
	struct tls_server_state *s = c->state;
	struct tls_reader *r = &s->reader;
	__u16 type = acc >> 16, len = acc;

	s->extension_end = r->pos + len;
	if (s->extension_end > r->end)
		return tls_server_bad(c);
	if (type == 43) {
		if (len != 2 || s->selected)
			return tls_server_bad(c);
		tls_expect(r, SERVER_SELECTED, 2, 0);
		return 0;
	}
	if (type == 51 && len >= 2) {
		tls_expect(r, SERVER_GROUP, 2, 0);
		return 0;
	}
	if (type == 16 && len > 3) {
		tls_expect(r, SERVER_PROTOCOLS, 3, 0);
		return 0;
	}
	if (type == 41)
		c->server->flags |= GL_SERVER_RESUMED;
	return tls_server_extension_rest(c);
}

static __always_inline int tls_server_protocol_byte(struct tls_server_cursor *c, __u8 byte)
{
	struct tls_server_state *s = c->state;
	char *to = at_index(c->server->alpn, sizeof(c->server->alpn), c->server->alpn_len);

	if (to) {
		*to = byte;
		c->server->alpn_len++;
	}
	if (s->reader.pos >= s->extension_end)
		return tls_server_extension_next(c);
	tls_expect(&s->reader, SERVER_PROTOCOL_BYTE, 1, 0);
	return 0;
}

static __always_inline int tls_server_hello(struct tls_server_cursor *c, __u32 acc)
{
	struct tls_server_state *s = c->state;
	struct tls_reader *r = &s->reader;

	switch (r->phase) {
	case SERVER_VERSION:
		c->server->legacy_version = acc;
		tls_expect(r, SERVER_RANDOM, 4, 0);
		tls_server_random_whole(c);
		return 0;
	case SERVER_RANDOM:
		return tls_server_random(c, acc);
	case SERVER_SESSION:
		if (acc > 32 || r->pos + acc + 3 > r->end)
			return tls_server_bad(c);
		tls_expect(r, SERVER_CIPHER, 2, acc);
		return 0;
	case SERVER_CIPHER:
		c->server->cipher = acc;
		/* over the compression method; no extensions at all is legal up to 1.2 */
		if (r->pos + 1 == r->end)
			tls_expect(r, SERVER_HELLO_END, 0, 1);
		else if (r->pos + 3 <= r->end)
			tls_expect(r, SERVER_EXTENSIONS, 2, 1);
		else
			return tls_server_bad(c);
		return 0;
	case SERVER_EXTENSIONS:
		if (r->end - r->pos != acc)
			return tls_server_bad(c);
		return tls_server_extension_next(c);
	case SERVER_EXTENSION:
		return tls_server_extension(c, acc);
	case SERVER_SELECTED:
		s->selected = acc;
		return tls_server_extension_rest(c);
	case SERVER_GROUP:
		c->server->group = acc;
		return tls_server_extension_rest(c);
	case SERVER_PROTOCOLS:
		/* exactly one name (RFC 7301 section 3.1) */
		if ((acc & 0xff) != s->extension_end - r->pos ||
		    acc >> 8 != s->extension_end - r->pos + 1)
			return tls_server_bad(c);
		c->server->alpn_len = 0;
		tls_expect(r, SERVER_PROTOCOL_BYTE, 1, 0);
		return 0;
	case SERVER_PROTOCOL_BYTE:
		return tls_server_protocol_byte(c, acc);
	}
	return r->phase == SERVER_EXTENSION_END ? tls_server_extension_next(c)
						: tls_server_hello_finish(c);
}

/* ---------------------------------------------------------------------------------------------
 * What follows up to TLS 1.2
 */

/* Does this suite's ServerKeyExchange begin with a curve? ECDHE; with a PSK a hint comes first. */
static __always_inline int tls_server_has_curve(__u16 cipher)
{
	return (cipher >= 0xc006 && cipher <= 0xc019) || (cipher >= 0xc023 && cipher <= 0xc032) ||
	       (cipher >= 0xc048 && cipher <= 0xc04f) || (cipher >= 0xc05c && cipher <= 0xc063) ||
	       (cipher >= 0xc072 && cipher <= 0xc079) || (cipher >= 0xc086 && cipher <= 0xc08d) ||
	       (cipher >= 0xc0ac && cipher <= 0xc0af) || cipher == 0xcca8 || cipher == 0xcca9;
}

static __always_inline int tls_server_message(struct tls_server_cursor *c, __u32 acc)
{
	struct tls_server_state *s = c->state;
	struct tls_reader *r = &s->reader;
	__u32 type = acc >> 24;

	r->pos = 0;
	r->end = acc & 0xffffff;
	s->taken += r->end;
	if (s->taken > TLS_SERVER_MAX || (s->hello && c->server->version >= GL_TLS_1_3))
		return tls_server_done(c);
	if (!s->hello) {
		if (type == SERVER_HELLO_REQUEST && !r->end)
			return tls_server_next(c);
		if (type != SERVER_HELLO || r->end < 2 + 32 + 1 + 2 + 1)
			return tls_server_bad(c);
		s->random = s->retry = s->down = 0;
		s->selected = 0;
		tls_expect(r, SERVER_VERSION, 2, 0);
		return 0;
	}
	if (type == SERVER_CERTIFICATE && r->end >= 3) {
		c->server->flags |= GL_SERVER_CERTIFICATE;
		tls_expect(r, SERVER_CERTIFICATES, 3, 0);
		return 0;
	}
	if (type == SERVER_KEY_EXCHANGE && r->end >= 3 && tls_server_has_curve(c->server->cipher)) {
		tls_expect(r, SERVER_CURVE, 3, 0);
		return 0;
	}
	if (type == SERVER_HELLO_DONE || type == SERVER_NEW_SESSION_TICKET) {
		if (type == SERVER_NEW_SESSION_TICKET &&
		    !(c->server->flags & GL_SERVER_CERTIFICATE))
			c->server->flags |= GL_SERVER_RESUMED;
		return tls_server_done(c);
	}
	return tls_server_rest(c);
}

static __always_inline int tls_server_certificate(struct tls_server_cursor *c, __u32 acc)
{
	struct tls_server_state *s = c->state;
	struct tls_reader *r = &s->reader;

	if (r->phase == SERVER_CERTIFICATES) {
		if (acc != r->end - r->pos)
			return tls_server_bad(c);
		if (acc < 3)
			return tls_server_rest(c);
		tls_expect(r, SERVER_CERTIFICATE_LEN, 3, 0);
		return 0;
	}
	if (!acc || acc > r->end - r->pos)
		return tls_server_bad(c);
	s->cert_total = acc;
	s->cert_off = 0;
	tls_expect(r, SERVER_CERTIFICATE_BYTES, 0, acc);
	return 0;
}

/* How much of the certificate is in hand: TLS_CERTIFICATE. */
static __always_inline int tls_server_span(struct tls_server_cursor *c)
{
	struct tls_server_state *s = c->state;
	__u32 n = tls_least(s->reader.record_left, c->piece->len - c->piece->off);

	s->span = tls_least(tls_least(n, s->reader.skip), GL_CERTIFICATE_PIECE);
	c->piece->event = TLS_CERTIFICATE;
	return 1;
}

/* After TLS_CERTIFICATE: past the bytes it told of. */
static __always_inline void tls_server_skip(struct tls_server_cursor *c)
{
	struct tls_server_state *s = c->state;

	tls_pass(&s->reader, c->piece, s->span);
	s->reader.skip -= s->span;
	s->cert_off += s->span;
	s->span = 0;
	if (!s->reader.skip)
		tls_server_rest(c);
}

/* ---------------------------------------------------------------------------------------------
 * A byte, a number or a run of bytes
 */

/*
 * A warning does not end a handshake (RFC 5246 section 7.2.2), and a client can provoke one:
 * unrecognized_name (RFC 6066 section 3). What follows it must still be read. close_notify ends it.
 */
static __always_inline int tls_server_alert(struct tls_server_cursor *c, __u32 acc)
{
	c->server->alert_level = acc >> 8;
	c->server->alert = acc;
	if (c->server->alert_level == 1 && c->server->alert)
		return tls_server_next(c);
	c->state->reader.phase = SERVER_COMPLETE;
	c->piece->event = TLS_ALERT;
	return 1;
}

static __always_inline int tls_server_act(struct tls_server_cursor *c)
{
	struct tls_reader *r = &c->state->reader;

	if (r->phase == SERVER_MESSAGE)
		return tls_server_message(c, r->acc);
	if (r->phase <= SERVER_HELLO_END)
		return tls_server_hello(c, r->acc);
	switch (r->phase) {
	case SERVER_CERTIFICATES:
	case SERVER_CERTIFICATE_LEN:
		return tls_server_certificate(c, r->acc);
	case SERVER_CURVE:
		if (r->acc >> 16 == 3)
			c->server->group = r->acc;
		return tls_server_rest(c);
	case SERVER_MESSAGE_END:
		return tls_server_next(c);
	case SERVER_ALERT_BYTES:
		return tls_server_alert(c, r->acc);
	}
	/* SERVER_CCS_BYTE, between a HelloRetryRequest and the ServerHello */
	return tls_server_next(c);
}

/* The header of a record is complete: does it fit what is expected? */
static __always_inline int tls_server_record(struct tls_server_cursor *c)
{
	struct tls_server_state *s = c->state;
	struct tls_reader *r = &s->reader;
	int fresh = r->phase == SERVER_MESSAGE && r->need == 4;

	if (r->content == TLS_CONTENT_HANDSHAKE)
		return 0;
	if (!fresh)
		return tls_server_bad(c);
	if (r->content == TLS_CONTENT_ALERT && r->record_left == 2) {
		tls_expect(r, SERVER_ALERT_BYTES, 2, 0);
		return 0;
	}
	if (r->content == TLS_CONTENT_CCS && !s->hello && r->record_left == 1) {
		tls_expect(r, SERVER_CCS_BYTE, 1, 0);
		return 0;
	}
	if (!s->hello)
		return tls_server_bad(c);
	/* up to 1.2 a ChangeCipherSpec without a certificate before it is a resumption */
	if (c->server->version < GL_TLS_1_3 && !(c->server->flags & GL_SERVER_CERTIFICATE))
		c->server->flags |= GL_SERVER_RESUMED;
	return tls_server_done(c);
}

/* Handles the next bytes. 1 = stop: all consumed, or look at c->piece->event. */
static __always_inline int tls_server_step(struct tls_server_cursor *c)
{
	struct tls_reader *r = &c->state->reader;
	struct http_piece *piece = c->piece;

	if (piece->off >= piece->len || piece->off >= HTTP_PIECE)
		return 1;
	if (r->phase == SERVER_FIRST)
		tls_server_next(c);
	if (r->phase == SERVER_COMPLETE || c->state->outcome) {
		piece->event = TLS_DONE;
		return 1;
	}
	if (c->state->hello && c->server->version >= GL_TLS_1_3)
		return tls_server_done(c);
	if (r->header < TLS_RECORD_HEADER) {
		if (tls_step_header(r, piece))
			return tls_server_bad(c);
		if (r->header < TLS_RECORD_HEADER)
			return 0;
		if (tls_server_record(c) || piece->off >= piece->len)
			return 1;
	}
	if (r->phase == SERVER_CERTIFICATE_BYTES)
		return tls_server_span(c);
	return tls_gather(r, piece) ? tls_server_act(c) : 0;
}
