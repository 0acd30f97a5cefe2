/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_reader.h - drives the TLS parsers (tls_hello.h, tls_server.h) over a stream that arrives in
 * pieces, as a door does, and keeps what they said. For unit tests and fuzz targets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "include/glacis/tls_hello.h"
#include "include/glacis/tls_server.h"

#define HELLO_HEAD __builtin_offsetof(struct gl_hello, ciphers)

static const struct gl_key tls_test_key = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

struct hello_reading {
	struct tls_hello_state state;
	struct gl_hello hello;
	uint32_t event; /* enum tls_event of the last piece */
	uint32_t outcome; /* enum gl_outcome if that is TLS_ERROR */
	size_t bytes; /* read */
	size_t steps;
};

static inline void hello_reading_begin(struct hello_reading *ret)
{
	memset(ret, 0, sizeof(*ret));
	tls_hello_begin(&ret->state, &ret->hello);
}

/* One piece after the other until something happens. A block of its own: reads past it are seen. */
static inline void hello_reading_feed(struct hello_reading *r, struct http_piece *piece,
				      const uint8_t *bytes, size_t n)
{
	struct tls_hello_cursor c = {
		.piece = piece, .state = &r->state, .hello = &r->hello, .key = &tls_test_key};

	while (n && r->event == TLS_NOTHING) {
		size_t now = n < HTTP_PIECE ? n : HTTP_PIECE;

		memset(piece->bytes, 0xa5, sizeof(piece->bytes));
		memcpy(piece->bytes, bytes, now);
		piece->off = 0;
		piece->len = (__u32)now;
		piece->event = TLS_NOTHING;
		for (int i = 0; i < HTTP_STEPS && !tls_hello_step(&c); i++)
			r->steps++;
		r->event = piece->event;
		r->outcome = r->event == TLS_ERROR ? r->state.outcome : GL_OUTCOME_OK;
		r->bytes += piece->off;
		bytes += piece->off;
		n -= piece->off;
		if (!piece->off)
			return;
	}
}

static inline bool list_equal(const void *a, const void *b, size_t n, size_t max, size_t size)
{
	return memcmp(a, b, (n < max ? n : max) * size) == 0;
}

/* What was told of the hello; what lies behind the counts says nothing. */
static inline bool hello_equal(const struct gl_hello *a, const struct gl_hello *b)
{
	return !memcmp(a, b, HELLO_HEAD) &&
	       list_equal(a->ciphers, b->ciphers, a->n_ciphers, GL_HELLO_CIPHERS, 2) &&
	       list_equal(a->extensions, b->extensions, a->n_extensions, GL_HELLO_EXTENSIONS, 2) &&
	       list_equal(a->signatures, b->signatures, a->n_signatures, GL_HELLO_SIGNATURES, 2) &&
	       list_equal(a->groups, b->groups, a->n_groups, GL_HELLO_GROUPS, 2) &&
	       list_equal(a->versions, b->versions, a->n_versions, GL_HELLO_VERSIONS, 2) &&
	       list_equal(a->sni, b->sni, a->sni_len, GL_HELLO_SNI, 1) &&
	       list_equal(a->alpn, b->alpn, a->alpn_len, GL_HELLO_ALPN, 1);
}

/* Two readings of the same bytes: the same, wherever they were cut. */
static inline bool hello_reading_equal(const struct hello_reading *a, const struct hello_reading *b)
{
	return a->event == b->event && a->outcome == b->outcome && a->bytes == b->bytes &&
	       !memcmp(&a->state, &b->state, sizeof(a->state)) && hello_equal(&a->hello, &b->hello);
}

#define TLS_CERTIFICATE_KEPT 4096

struct server_reading {
	struct tls_server_state state;
	struct gl_server_hello server;
	uint32_t event; /* the last that ended the reading: TLS_DONE, TLS_ALERT, TLS_ERROR */
	uint32_t outcome;
	uint32_t hellos; /* TLS_SERVER_HELLO events */
	uint32_t hello_version; /* at that event */
	size_t hello_at; /* bytes read then */
	size_t bytes;
	uint32_t cert_total, cert_read, cert_broken;
	uint8_t cert[TLS_CERTIFICATE_KEPT];
};

static inline void server_reading_begin(struct server_reading *ret)
{
	memset(ret, 0, sizeof(*ret));
	tls_server_begin(&ret->state, &ret->server);
}

/* The certificate's bytes in hand: they follow those before, and end where it ends. */
static inline void server_reading_certificate(struct server_reading *r, struct tls_server_cursor *c)
{
	const struct tls_server_state *s = &r->state;
	uint32_t off = c->piece->off;

	if (!s->cert_off) {
		r->cert_total = s->cert_total;
		r->cert_read = 0;
	}
	if (!s->span || s->span > GL_CERTIFICATE_PIECE || off + s->span > c->piece->len ||
	    s->cert_off != r->cert_read || s->cert_off + s->span > s->cert_total)
		r->cert_broken++;
	for (uint32_t i = 0; i < s->span && r->cert_read < TLS_CERTIFICATE_KEPT; i++)
		if (off + i < c->piece->len)
			r->cert[r->cert_read + i < TLS_CERTIFICATE_KEPT ? r->cert_read + i : 0] =
				c->piece->bytes[off + i];
	r->cert_read += s->span;
	tls_server_skip(c);
	c->piece->event = TLS_NOTHING;
}

static inline void server_reading_feed(struct server_reading *r, struct http_piece *piece,
				       const uint8_t *bytes, size_t n)
{
	struct tls_server_cursor c = {.piece = piece, .state = &r->state, .server = &r->server};

	while (n && r->event == TLS_NOTHING) {
		size_t now = n < HTTP_PIECE ? n : HTTP_PIECE;

		memset(piece->bytes, 0xa5, sizeof(piece->bytes));
		memcpy(piece->bytes, bytes, now);
		piece->off = 0;
		piece->len = (__u32)now;
		while (piece->off < now && r->event == TLS_NOTHING) {
			piece->event = TLS_NOTHING;
			for (int i = 0; i < HTTP_STEPS && !tls_server_step(&c); i++)
				;
			if (piece->event == TLS_CERTIFICATE) {
				server_reading_certificate(r, &c);
			} else if (piece->event == TLS_SERVER_HELLO) {
				r->hellos++;
				r->hello_version = r->server.version;
				r->hello_at = r->bytes + piece->off;
			} else {
				r->event = piece->event;
			}
		}
		r->outcome = r->event == TLS_ERROR ? r->state.outcome : GL_OUTCOME_OK;
		r->bytes += piece->off;
		bytes += piece->off;
		n -= piece->off;
	}
}

/* state.span belongs to a piece, and piece boundaries differ. */
static inline bool server_reading_equal(const struct server_reading *a,
					const struct server_reading *b)
{
	return !memcmp(a, b, sizeof(*a));
}
