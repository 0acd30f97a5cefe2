/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handshake_reader.h - drives the handshake parsers over bytes as the doors do, for fuzz targets:
 * piece by piece, and nothing after an event that ends it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "include/glacis/tls_hello.h"
#include "include/glacis/tls_server.h"

static const struct gl_key client_read_key = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

struct client_read {
	struct tls_hello_state state;
	struct gl_hello hello;
	uint32_t event; /* the one that ended it */
	uint32_t used; /* bytes up to it */
};

static inline void client_read_begin(struct client_read *r)
{
	memset(r, 0, sizeof(*r));
	tls_hello_begin(&r->state, &r->hello);
}

static inline void client_read_feed(struct client_read *r, const uint8_t *data, size_t size)
{
	static struct http_piece piece;
	struct tls_hello_cursor c = {&piece, &r->state, &r->hello, &client_read_key};

	while (size && !r->event) {
		size_t n = size < HTTP_PIECE ? size : HTTP_PIECE;

		memcpy(piece.bytes, data, n);
		piece.off = 0;
		piece.len = (uint32_t)n;
		piece.event = TLS_NOTHING;
		for (unsigned i = 0; i < HTTP_STEPS && !tls_hello_step(&c); i++)
			;
		r->event = piece.event;
		r->used += piece.off;
		data += n;
		size -= n;
	}
}

struct server_read {
	struct tls_server_state state;
	struct gl_server_hello server;
	uint32_t hellos; /* ServerHellos told */
	uint32_t event; /* TLS_DONE, TLS_ALERT or TLS_ERROR: the end */
	uint8_t cert[16384];
	uint32_t cert_len;
};

static inline void server_read_begin(struct server_read *r)
{
	memset(r, 0, sizeof(*r));
	tls_server_begin(&r->state, &r->server);
}

static inline void server_take_certificate(struct server_read *r, const uint8_t *bytes)
{
	if (r->state.cert_off + r->state.span <= sizeof(r->cert)) {
		memcpy(r->cert + r->state.cert_off, bytes, r->state.span);
		r->cert_len = r->state.cert_off + r->state.span;
	}
}

static inline void server_read_feed(struct server_read *r, const uint8_t *data, size_t size)
{
	static struct http_piece piece;
	struct tls_server_cursor c = {&piece, &r->state, &r->server};

	while (size && !r->event) {
		size_t n = size < HTTP_PIECE ? size : HTTP_PIECE;

		memcpy(piece.bytes, data, n);
		piece.off = 0;
		piece.len = (uint32_t)n;
		while (piece.off < piece.len && !r->event) {
			piece.event = TLS_NOTHING;
			tls_server_step(&c);
			if (piece.event == TLS_CERTIFICATE) {
				server_take_certificate(r, piece.bytes + piece.off);
				tls_server_skip(&c);
			} else if (piece.event == TLS_SERVER_HELLO) {
				r->hellos++;
			} else {
				r->event = piece.event;
			}
		}
		data += n;
		size -= n;
	}
}
