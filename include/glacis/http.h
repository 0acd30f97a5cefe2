/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.h - HTTP/1.x framing and heads, a byte at a time, resumable at any byte (RFC 9112).
 *
 * Finds where messages begin and end and, in a request's head, what judging needs: operation,
 * credential, forwarded source. Everything else of a head is skipped eight bytes at a time. Not
 * here: verdicts (admit.h), packets (bpf/lib). Called by the doors through bpf_loop and by host
 * tests and fuzzers through a for loop: http_step() is the body of both.
 *
 * Lenient where every server is (a bare LF ends a line, RFC 9112 section 2.2), strict where servers
 * differ and a difference would be smuggling: obs-fold, space before the colon, bare CR, NUL,
 * Content-Length with Transfer-Encoding, unlike Content-Lengths and a transfer coding that is not
 * chunked at the end are malformed (sections 5.1, 5.2, 6.1, 6.3).
 *
 * How to drive it: point a cursor at a piece of the stream, call http_step() until it returns 1 or
 * HTTP_STEPS are done, look at piece.event and piece.off. After HTTP_HEAD call http_body_begin();
 * after HTTP_SKIP skip msg.remaining bytes by arithmetic and call http_skipped().
 */
#pragma once

#include "include/glacis/http_fields.h"
#include "include/glacis/http_msg.h"
#include "include/glacis/http_start.h"

/*
 * The head was complete (HTTP_HEAD): enters the body, or ends the message if it has none. True if
 * the message is over. RFC 9112 section 6.3; `no_body` is the caller's knowledge that this response
 * answers HEAD.
 */
static __always_inline int http_body_begin(struct http_msg *m, int no_body)
{
	int bodiless = no_body;

	if (m->flags & HTTP_F_RESPONSE) {
		if (m->status == 101) {
			m->phase = HTTP_TUNNEL;
			return 0;
		}
		bodiless |= m->status < 200 || m->status == 204 || m->status == 304;
	}
	if (!bodiless && (m->flags & HTTP_F_CHUNKED)) {
		m->phase = HTTP_CHUNK_SIZE;
		m->remaining = 0;
		m->digits = 0;
		return 0;
	}
	if (!bodiless && (m->flags & HTTP_F_RESPONSE) && !(m->flags & HTTP_F_LENGTH)) {
		m->phase = HTTP_UNTIL_CLOSE;
		return 0;
	}
	if (bodiless || !(m->flags & HTTP_F_LENGTH) || !m->remaining) {
		m->phase = HTTP_IDLE;
		return 1;
	}
	m->phase = HTTP_BODY;
	return 0;
}

/* How many of the next n bytes need no parsing; 0 outside of bodies. */
static __always_inline __u32 http_skippable(const struct http_msg *m, __u32 n)
{
	if (m->phase == HTTP_UNTIL_CLOSE || m->phase == HTTP_TUNNEL)
		return n;
	if (m->phase != HTTP_BODY && m->phase != HTTP_CHUNK_DATA)
		return 0;
	return m->remaining < n ? (__u32)m->remaining : n;
}

/* n <= http_skippable() bytes went by. True if a Content-Length message is over. */
static __always_inline int http_skipped(struct http_msg *m, __u32 n)
{
	if (m->phase != HTTP_BODY && m->phase != HTTP_CHUNK_DATA)
		return 0;
	m->remaining -= n;
	if (m->remaining)
		return 0;
	if (m->phase == HTTP_CHUNK_DATA) {
		m->phase = HTTP_CHUNK_CRLF;
		m->digits = 0;
		return 0;
	}
	m->phase = HTTP_IDLE;
	return 1;
}

/* The answer to HTTP_ADDRESS: is request.element a trusted proxy? */
static __always_inline void http_address(struct http_request *r, int trusted)
{
	if (trusted)
		return;
	r->source = r->element;
	r->flags |= HTTP_R_FORWARDED;
}

static __always_inline int http_step_chunk_size(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	__u8 lower = http_lower(b);
	__u8 value = b >= '0' && b <= '9' ? b - '0' : lower - 'a' + 10;

	c->piece->off++;
	if (m->phase == HTTP_CHUNK_SIZE &&
	    ((b >= '0' && b <= '9') || (lower >= 'a' && lower <= 'f'))) {
		/* sixteen digits of one size are the limit of every server looked at */
		if (++m->digits > 15)
			return http_fail(c, GL_OUTCOME_MALFORMED);
		m->remaining = m->remaining << 4 | value;
		return 0;
	}
	if (!m->digits)
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (b == '\n') {
		m->flags &= ~HTTP_F_CR;
		m->phase = m->remaining ? HTTP_CHUNK_DATA : HTTP_TRAILER;
		return 0;
	}
	if (m->flags & HTTP_F_CR)
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (b == '\r') {
		m->flags |= HTTP_F_CR;
		m->phase = HTTP_CHUNK_EXT;
		return 0;
	}
	if (m->phase == HTTP_CHUNK_SIZE && b != ';' && b != ' ' && b != '\t')
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (b < ' ' && b != '\t')
		return http_fail(c, GL_OUTCOME_MALFORMED);
	m->phase = HTTP_CHUNK_EXT;
	return 0;
}

/* CR LF after a chunk's data; servers differ on a bare LF here, so it is malformed. */
static __always_inline int http_step_chunk_crlf(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	c->piece->off++;
	if (b != (m->digits ? '\n' : '\r'))
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (!m->digits) {
		m->digits = 1;
		return 0;
	}
	m->digits = 0;
	m->remaining = 0;
	m->phase = HTTP_CHUNK_SIZE;
	return 0;
}

static __always_inline int http_step_trailer(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	c->piece->off++;
	if (m->phase == HTTP_TRAILER_LINE) {
		if (b == '\n')
			m->phase = HTTP_TRAILER;
		return 0;
	}
	if (m->phase == HTTP_TRAILER && b == '\r') {
		m->phase = HTTP_TRAILER_LF;
		return 0;
	}
	if (b == '\n') {
		m->phase = HTTP_IDLE;
		c->piece->event = HTTP_MESSAGE;
		return 1;
	}
	if (m->phase == HTTP_TRAILER_LF)
		return http_fail(c, GL_OUTCOME_MALFORMED);
	m->phase = HTTP_TRAILER_LINE;
	return 0;
}

static __always_inline int http_step_head(struct http_cursor *c, __u8 b)
{
	switch (c->msg->phase) {
	case HTTP_NAME:
		return http_step_name(c);
	case HTTP_FIELD:
	case HTTP_END_LF:
		return http_step_field(c, b);
	case HTTP_LINE:
		return http_step_line(c, b);
	case HTTP_VERSION:
		return http_step_version(c, b);
	case HTTP_STATUS:
		return http_step_status(c, b);
	}
	if (!c->request)
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (c->msg->phase == HTTP_METHOD) {
		if (http_step_method(c, b))
			return 1;
		if (c->msg->phase != HTTP_TARGET || c->piece->off >= c->piece->len)
			return 0;
		b = http_byte_at(c, c->piece->off); /* mostly the target is here, too */
	}
	if (c->msg->phase == HTTP_PATH)
		return http_step_path(c, b);
	if (c->msg->phase == HTTP_QUERY)
		return http_step_query(c, b);
	return http_step_target(c, b);
}

static __always_inline int http_step_body(struct http_cursor *c, __u8 b)
{
	switch (c->msg->phase) {
	case HTTP_CHUNK_SIZE:
	case HTTP_CHUNK_EXT:
		return http_step_chunk_size(c, b);
	case HTTP_CHUNK_CRLF:
		return http_step_chunk_crlf(c, b);
	case HTTP_TRAILER:
	case HTTP_TRAILER_LINE:
	case HTTP_TRAILER_LF:
		return http_step_trailer(c, b);
	}
	c->piece->event = c->msg->phase == HTTP_FAILED ? HTTP_ERROR : HTTP_SKIP;
	return 1;
}

/* Handles the next byte, or several. 1 = stop: all consumed, or look at c->piece->event. */
static __always_inline int http_step(struct http_cursor *c)
{
	struct http_msg *m = c->msg;
	__u32 begin = c->piece->off;
	int stop;
	__u8 b;

	if (c->piece->off >= c->piece->len || c->piece->off >= HTTP_PIECE)
		return 1;
	b = c->piece->bytes[c->piece->off & (HTTP_PIECE - 1)];
	if (m->phase >= HTTP_BODY)
		return http_step_body(c, b);
	if (m->phase == HTTP_IDLE) {
		if (b == '\r' || b == '\n') {
			c->piece->off++;
			return 0;
		}
		if (http_begin(c))
			return 1;
	}
	stop = m->phase == HTTP_VALUE ? http_step_value(c, b) : http_step_head(c, b);
	m->head_bytes += c->piece->off - begin;
	if (m->head_bytes > GL_HEAD_MAX)
		return http_fail(c, GL_OUTCOME_TOO_LONG);
	return stop;
}
