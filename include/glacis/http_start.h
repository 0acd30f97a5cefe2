/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_start.h - request line and status line, byte by byte (RFC 9112 sections 3 and 4). Used by
 * http.h only.
 */
#pragma once

#include "include/glacis/http_msg.h"

/* The first byte of a message: `phase` says what it is. 1 = failed. */
static __always_inline int http_begin(struct http_cursor *c)
{
	struct http_msg *m = c->msg;

	http_message_begin(m, HTTP_F_RESPONSE);
	if (m->flags & HTTP_F_RESPONSE) {
		m->phase = HTTP_VERSION;
		return 0;
	}
	if (!c->request)
		return http_fail(c, GL_OUTCOME_UNSUPPORTED);
	http_request_begin(c->request, HTTP_R_TRUSTED_PEER);
	route_begin(&c->request->route, c->policy, c->piece->root);
	m->phase = HTTP_METHOD;
	return 0;
}

static __always_inline __u8 http_method_kind(const struct http_request *r)
{
	if (r->method_len == 4 && r->method_word == 0x44414548)
		return HTTP_METHOD_HEAD;
	if (r->method_len == 7 && r->method_word == 0x4e4e4f43)
		return HTTP_METHOD_CONNECT;
	if (r->method_len == 3 && r->method_word == 0x495250)
		return HTTP_METHOD_PRI;
	return HTTP_METHOD_OTHER;
}

/* The method is over; c is at the space behind it. */
static __always_inline int http_method_end(struct http_cursor *c)
{
	struct http_request *r = c->request;

	r->method = http_method_kind(r);
	if (r->method == HTTP_METHOD_PRI)
		return http_fail(c, GL_OUTCOME_UNSUPPORTED);
	route_method_end(&r->route, c->policy);
	c->msg->phase = HTTP_TARGET;
	c->piece->off++;
	return 0;
}

/* A whole method of at most seven capitals and its space, all here: takes them. */
static __always_inline int http_take_method(struct http_cursor *c)
{
	struct http_request *r = c->request;
	__u64 w;
	__u32 n;

	if (r->method_len || c->piece->off + 8 > c->piece->len)
		return 0;
	w = http_load_word(c->piece);
	n = http_before_mark(http_word_special(w));
	if (!n || n > ROUTE_SHORT_MAX || (w >> 8 * n & 0xff) != ' ')
		return 0;
	w &= (1ull << 8 * n) - 1;
	/* no byte below 'A' (but those behind the method), none beyond 'Z' */
	if ((((w | ~0ull << 8 * n) - 0x4141414141414141ull) | (w + 0x2525252525252525ull) | w) &
	    0x8080808080808080ull & ((1ull << 8 * n) - 1))
		return 0;
	r->method_word = (__u32)w;
	r->method_len = n;
	route_method(&r->route, w, n);
	c->piece->off += n;
	return 1;
}

static __always_inline int http_step_method(struct http_cursor *c, __u8 b)
{
	struct http_request *r = c->request;

	if (http_take_method(c))
		return http_method_end(c);
	if (b == ' ')
		return r->method_len ? http_method_end(c) : http_fail(c, GL_OUTCOME_MALFORMED);
	/* Binary first: another protocol. Text that is no method may still be one to some server.
	 */
	if (!c->policy->headers.byte_class[b])
		return http_fail(c, r->method_len || (b >= '\t' && b < 0x7f && b != 0x16)
					    ? GL_OUTCOME_MALFORMED
					    : GL_OUTCOME_UNSUPPORTED);
	if (r->method_len >= 32)
		return http_fail(c, GL_OUTCOME_TOO_LONG);
	if (r->method_len < 4)
		r->method_word |= (__u32)b << (8 * r->method_len);
	r->method_len++;
	route_method_byte(&r->route, c->policy, b);
	c->piece->off++;
	return 0;
}

#define HTTP_WORD_11 0x312e312f50545448ull /* "HTTP/1.1", and 1.0, as loaded */
#define HTTP_WORD_10 0x302e312f50545448ull

/* A whole version, if it is here; of a request with the line's end. */
static __always_inline int http_take_version(struct http_cursor *c)
{
	struct http_msg *m = c->msg;
	__u64 w;

	if (m->line_pos || c->piece->off + 8 > c->piece->len)
		return 0;
	w = http_load_word(c->piece);
	if (w != HTTP_WORD_11 && w != HTTP_WORD_10)
		return 0;
	if (w == HTTP_WORD_10)
		m->flags |= HTTP_F_HTTP10;
	m->phase = m->flags & HTTP_F_RESPONSE ? HTTP_STATUS : HTTP_LINE;
	m->line_pos = 8;
	c->piece->off += 8;
	if (m->phase == HTTP_LINE && http_take_crlf(c))
		m->phase = HTTP_FIELD;
	return 1;
}

/* The reason phrase, which nobody reads, and the line's end if that is here. */
static __always_inline void http_skip_line(struct http_cursor *c)
{
	http_skip_plain(c->piece);
	if (http_take_crlf(c))
		c->msg->phase = HTTP_FIELD;
}

static __always_inline int http_step_status(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	__u32 off = c->piece->off;

	if (b == ' ' && !m->digits && off + 4 <= c->piece->len) {
		__u8 hundreds = http_byte_at(c, off + 1) - '0';
		__u8 tens = http_byte_at(c, off + 2) - '0', ones = http_byte_at(c, off + 3) - '0';

		if (hundreds <= 9 && tens <= 9 && ones <= 9) {
			m->status = hundreds * 100 + tens * 10 + ones;
			m->digits = 3;
			m->phase = HTTP_LINE;
			c->piece->off = off + 4;
			http_skip_line(c);
			return 0;
		}
	}
	if (b >= '0' && b <= '9' && m->digits < 3) {
		m->status = m->status * 10 + (b - '0');
		if (++m->digits == 3)
			m->phase = HTTP_LINE;
	} else if (b != ' ' || m->digits) {
		return http_fail(c, GL_OUTCOME_MALFORMED);
	}
	c->piece->off++;
	return 0;
}

/* "HTTP/1.x": byte number m->line_pos; the status line goes on with a space and three digits. */
static __always_inline int http_step_version(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	__u32 i = m->line_pos;

	if (http_take_version(c)) {
		if (m->phase != HTTP_STATUS || c->piece->off >= c->piece->len)
			return 0;
		return http_step_status(c, http_byte_at(c, c->piece->off));
	}
	if (i < 7) {
		__u8 expect = i == 0   ? 'H'
			      : i == 3 ? 'P'
			      : i == 4 ? '/'
			      : i == 5 ? '1'
			      : i == 6 ? '.'
				       : 'T';

		/* another protocol's server never says HTTP; a request line already has */
		if (b != expect)
			return http_fail(c, i == 0 && (m->flags & HTTP_F_RESPONSE)
						    ? GL_OUTCOME_UNSUPPORTED
						    : GL_OUTCOME_MALFORMED);
	} else {
		if (b != '0' && b != '1')
			return http_fail(c, GL_OUTCOME_MALFORMED);
		if (b == '0')
			m->flags |= HTTP_F_HTTP10;
		m->phase = m->flags & HTTP_F_RESPONSE ? HTTP_STATUS : HTTP_LINE;
	}
	m->line_pos++;
	c->piece->off++;
	return 0;
}

/* Nobody reads a query: up to 32 bytes a call. */
static __always_inline int http_step_query(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (b == ' ') {
		m->phase = HTTP_VERSION;
		m->line_pos = 0;
		c->piece->off++;
		http_take_version(c);
		return 0;
	}
	if (b < ' ' || b == 0x7f)
		return http_fail(c, GL_OUTCOME_MALFORMED); /* also HTTP/0.9 */
	c->piece->off++;
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		__u64 w;
		__u32 n;

		if (c->piece->off + 8 > c->piece->len)
			break;
		w = http_load_word(c->piece);
		n = http_before_mark(http_word_special(w) | http_word_delete(w));
		c->piece->off += n;
		if (n != 8)
			break;
	}
	return 0;
}

#define HTTP_PATH_WORDS 4 /* of a path read at a call */

/*
 * Segments of a path, up to what is not simply a byte of one: eight bytes at a time, and the slash
 * in front of them. As far as nine bytes are here.
 */
VERIFIED_ONCE int http_take_path(struct http_piece *piece, struct route_walk *walk,
				 const struct gl_policy *policy)
{
	if (!piece || !walk || !policy)
		return 0;
#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < HTTP_PATH_WORDS; i++) {
		__u32 off = piece->off;
		__u8 b;

		if (off + 9 > piece->len)
			break;
		b = http_piece_byte(piece, off);
		if (b == '/' && !walk->pending) {
			if (route_slash(walk))
				route_segment_end(walk, policy);
			off++;
			piece->off = off;
			b = http_piece_byte(piece, off);
		}
		if (!route_is_plain(walk, b))
			break;
		piece->off = off + route_plain(walk, policy, http_word_at(piece, off, 0));
	}
	return 0;
}

/* A byte of the path, or all that is simple of it, and what comes behind it. */
static __always_inline int http_step_path(struct http_cursor *c, __u8 b)
{
	struct http_piece *piece = c->piece;
	struct route_walk *walk = &c->request->route;
	__u32 begin = piece->off;

	if (b == '/' || route_is_plain(walk, b)) {
		http_take_path(piece, walk, c->policy);
		if (piece->off >= piece->len)
			return 0;
		b = http_byte_at(c, piece->off);
	}
	if (b == ' ' || b == '?') {
		c->msg->phase = HTTP_QUERY;
		return http_step_query(c, b);
	}
	if (piece->off != begin)
		return 0;
	if (b < ' ' || b == 0x7f)
		return http_fail(c, GL_OUTCOME_MALFORMED);
	route_byte(walk, c->policy, b);
	piece->off++;
	return 0;
}

/* Request-target forms, RFC 9112 section 3.2. */
static __always_inline int http_step_target(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	struct http_request *r = c->request;

	if (m->phase == HTTP_TARGET) {
		if (b == '/') {
			m->phase = HTTP_PATH;
			return http_step_path(c, b);
		}
		if (b <= ' ' || b >= 0x7f)
			return http_fail(c, GL_OUTCOME_MALFORMED);
		/* authority-form (CONNECT) and asterisk-form (OPTIONS) have no path */
		m->phase = r->method == HTTP_METHOD_CONNECT || b == '*' ? HTTP_QUERY : HTTP_SCHEME;
		m->value_state = 0;
	}
	/* absolute-form: the path begins at the third slash */
	if (m->phase == HTTP_SCHEME) {
		if (b == '/' && ++m->value_state == 3) {
			m->phase = HTTP_PATH;
			return 0;
		}
		if (b == '?' || b == ' ') {
			m->phase = HTTP_QUERY; /* no path at all: "/" */
			return 0;
		}
		if (b < ' ' || b >= 0x7f)
			return http_fail(c, GL_OUTCOME_MALFORMED);
		c->piece->off++;
	}
	return 0;
}
