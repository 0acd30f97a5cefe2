/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_start.h - request line and status line, byte by byte (RFC 9112 sections 3 and 4). Used by
 * http.h only.
 */
#pragma once

#include "include/glacis/http_msg.h"

static __always_inline int http_step_idle(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (b == '\r' || b == '\n') {
		c->piece->off++;
		return 0;
	}
	http_message_begin(m, HTTP_F_RESPONSE);
	if (m->flags & HTTP_F_RESPONSE) {
		m->phase = HTTP_VERSION;
		return 0;
	}
	if (!c->request)
		return http_fail(c, GL_OUTCOME_UNSUPPORTED);
	http_request_begin(c->request, HTTP_R_TRUSTED_PEER);
	route_begin(&c->request->route, c->policy, c->root);
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

static __always_inline int http_step_method(struct http_cursor *c, __u8 b)
{
	struct http_request *r = c->request;

	if (b == ' ') {
		if (!r->method_len)
			return http_fail(c, GL_OUTCOME_MALFORMED);
		r->method = http_method_kind(r);
		if (r->method == HTTP_METHOD_PRI)
			return http_fail(c, GL_OUTCOME_UNSUPPORTED);
		route_method_end(&r->route, c->policy);
		c->msg->phase = HTTP_TARGET;
		c->piece->off++;
		return 0;
	}
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

/* Nobody reads a query: up to 32 bytes a call. */
static __always_inline int http_step_query(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (b == ' ') {
		m->phase = HTTP_VERSION;
		m->line_pos = 0;
		c->piece->off++;
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

/* A byte of the path, or up to seven more of the segment it is in. */
static __always_inline int http_step_path(struct http_cursor *c, __u8 b)
{
	struct http_piece *piece = c->piece;
	__u32 left;

	if (b == ' ' || b == '?') {
		c->msg->phase = HTTP_QUERY;
		return http_step_query(c, b);
	}
	if (b < ' ' || b == 0x7f)
		return http_fail(c, GL_OUTCOME_MALFORMED);
	left = piece->len - piece->off;
	if (!route_is_plain(&c->request->route, b) || left < 8) {
		route_byte(&c->request->route, c->policy, b);
		piece->off++;
		return 0;
	}
	piece->off += route_plain(&c->request->route, c->policy, http_load_word(c->piece));
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

#define HTTP_WORD_11 0x312e312f50545448ull /* "HTTP/1.1", and 1.0, as loaded */
#define HTTP_WORD_10 0x302e312f50545448ull

/* "HTTP/1.x": byte number m->line_pos; the status line goes on with a space and three digits. */
static __always_inline int http_step_version(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	__u32 i = m->line_pos;

	if (!i && c->piece->off + 8 <= c->piece->len) {
		__u64 w = http_load_word(c->piece);

		if (w == HTTP_WORD_11 || w == HTTP_WORD_10) {
			if (w == HTTP_WORD_10)
				m->flags |= HTTP_F_HTTP10;
			m->phase = m->flags & HTTP_F_RESPONSE ? HTTP_STATUS : HTTP_LINE;
			m->line_pos = 8;
			c->piece->off += 8;
			return 0;
		}
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
