/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * protocol.c - tells by the first bytes which reader a connection gets: HTTP/1, HTTP/2 (its
 * preface, RFC 9113 section 3.4) or none. ALPN is not asked: what is spoken is what is read.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_BYTES (sizeof(preface) - 1)

void protocol_opaque(struct inspect *in, struct connection *c)
{
	if (c->protocol != PROTOCOL_OPAQUE)
		count(in, REPORT_COUNT_NOT_HTTP, 1);
	c->protocol = PROTOCOL_OPAQUE;
	while (c->first)
		exchange_drop(in, c, c->first);
	http2_free(in, c);
}

static void choose_http1(struct connection *c)
{
	c->protocol = PROTOCOL_HTTP1;
	c->unproven = true;
	c->requests_unknown = c->midstream;
	http1_open(c, GL_TO_SERVER, c->midstream);
	http1_open(c, GL_TO_CLIENT, c->midstream);
}

static void choose_http2(struct inspect *in, struct connection *c, bool after_preface)
{
	c->protocol = PROTOCOL_HTTP2;
	if (http2_open(in, c, c->midstream, after_preface) < 0)
		protocol_opaque(in, c); /* no memory for it: counted there */
}

/* The beginning was not seen: a chunk that begins like something tells. */
static uint32_t guess(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		      uint32_t n, bool start)
{
	if (start && http1_looks_like(direction, bytes, n)) {
		choose_http1(c);
		c->unproven = false;
		return http1_data(in, c, direction, bytes, n, start);
	}
	if (start && direction == GL_TO_SERVER && n >= PREFACE_BYTES &&
	    memcmp(bytes, preface, PREFACE_BYTES) == 0) {
		c->midstream = false; /* nothing comes before this */
		choose_http2(in, c, true);
		return (uint32_t)PREFACE_BYTES + protocol_data(in, c, direction,
							       bytes + PREFACE_BYTES,
							       n - (uint32_t)PREFACE_BYTES, false);
	}
	if (start && http2_looks_like(bytes, n)) {
		choose_http2(in, c, false);
		return protocol_data(in, c, direction, bytes, n, start);
	}
	if (++c->tries >= MIDSTREAM_CHUNKS)
		protocol_opaque(in, c);
	return n;
}

/* What a request line may begin with, as far as it is there. */
static bool begins_like_text(const uint8_t *bytes, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < 4; i++)
		if (bytes[i] != '\r' && bytes[i] != '\n' && (bytes[i] < ' ' || bytes[i] > '~'))
			return false;
	return true;
}

static uint32_t first_request_bytes(struct inspect *in, struct connection *c, const uint8_t *bytes,
				    uint32_t n, bool start)
{
	uint32_t at = 0;

	while (at < n && c->preface < PREFACE_BYTES && bytes[at] == (uint8_t)preface[c->preface]) {
		c->preface++;
		at++;
	}
	if (c->preface == PREFACE_BYTES) {
		choose_http2(in, c, true);
		return at + protocol_data(in, c, GL_TO_SERVER, bytes + at, n - at, false);
	}
	if (at == n)
		return n;
	if (!c->preface && !begins_like_text(bytes, n)) {
		protocol_opaque(in, c);
		return n;
	}
	choose_http1(c);
	/* what looked like a preface, and was not */
	if (c->preface)
		http1_data(in, c, GL_TO_SERVER, (const uint8_t *)preface, c->preface, start);
	if (c->protocol != PROTOCOL_HTTP1)
		return n;
	return at + http1_data(in, c, GL_TO_SERVER, bytes + at, n - at, start && !c->preface);
}

/* The server speaks: it may be HTTP/2's (RFC 9113 section 3.4: both may send first). */
static uint32_t first_response_bytes(struct inspect *in, struct connection *c, const uint8_t *bytes,
				     uint32_t n, bool start)
{
	if (!c->forced)
		return 0;
	if (http1_looks_like(GL_TO_CLIENT, bytes, n)) {
		choose_http1(c);
		return http1_data(in, c, GL_TO_CLIENT, bytes, n, start);
	}
	if (http2_looks_like(bytes, n)) {
		choose_http2(in, c, false);
		return protocol_data(in, c, GL_TO_CLIENT, bytes, n, start);
	}
	protocol_opaque(in, c);
	return n;
}

uint32_t protocol_data(struct inspect *in, struct connection *c, int direction,
		       const uint8_t *bytes, uint32_t n, bool start)
{
	if (!n)
		return 0;
	switch (c->protocol) {
	case PROTOCOL_HTTP1:
		return http1_data(in, c, direction, bytes, n, start);
	case PROTOCOL_HTTP2:
		return http2_data(in, c, direction, bytes, n, start);
	case PROTOCOL_OPAQUE:
		return n;
	}
	if (c->midstream)
		return guess(in, c, direction, bytes, n, start);
	if (direction == GL_TO_SERVER)
		return first_request_bytes(in, c, bytes, n, start);
	return first_response_bytes(in, c, bytes, n, start);
}

void protocol_gap(struct inspect *in, struct connection *c, int direction, uint64_t n, bool plan)
{
	switch (c->protocol) {
	case PROTOCOL_HTTP1:
		http1_gap(in, c, direction, n, plan);
		return;
	case PROTOCOL_HTTP2:
		http2_gap(in, c, direction, n, plan);
		return;
	case PROTOCOL_OPAQUE:
		return;
	}
	c->midstream = true; /* as good as: its beginning is gone */
	c->preface = 0;
}

void protocol_end(struct inspect *in, struct connection *c, int direction)
{
	if (c->protocol == PROTOCOL_HTTP1)
		http1_end(in, c, direction);
	else if (c->protocol == PROTOCOL_HTTP2)
		http2_end(in, c, direction);
}
