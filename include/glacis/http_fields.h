/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_fields.h - field lines: the few fields framing and judging need, the rest skipped (RFC 9110
 * section 5, RFC 9112 section 5). Used by http.h only.
 */
#pragma once

#include "include/glacis/http_msg.h"

static __always_inline int http_step_line(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (b == '\r' && !(m->flags & HTTP_F_CR) && http_take_crlf(c)) {
		m->phase = HTTP_FIELD;
		return 0;
	}
	if (b == '\n') {
		m->phase = HTTP_FIELD;
		m->flags &= ~HTTP_F_CR;
	} else if (m->flags & HTTP_F_CR) {
		return http_fail(c, GL_OUTCOME_MALFORMED); /* bare CR */
	} else if (b == '\r') {
		m->flags |= HTTP_F_CR;
	} else if (!(m->flags & HTTP_F_RESPONSE)) {
		return http_fail(c, GL_OUTCOME_MALFORMED); /* after HTTP/1.x */
	} else {
		c->piece->off++;
		http_skip_plain(c->piece);
		return 0;
	}
	c->piece->off++;
	return 0;
}

static __always_inline int http_head_done(struct http_cursor *c)
{
	struct http_msg *m = c->msg;

	if ((m->flags & HTTP_F_CODING) && !(m->flags & HTTP_F_RESPONSE) &&
	    (!(m->flags & HTTP_F_CHUNKED) || (m->flags & (HTTP_F_LENGTH | HTTP_F_HTTP10))))
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (c->request) {
		struct http_request *r = c->request;
		__u32 ambiguous = 0;

		r->op = route_end(&r->route, c->policy, &ambiguous);
		if (ambiguous)
			r->flags |= HTTP_R_AMBIGUOUS;
		if (r->flags & HTTP_R_TWO_CREDENTIALS)
			r->principal = 0;
	}
	c->piece->event = HTTP_HEAD;
	return 1;
}

static __always_inline int http_value_begin(struct http_cursor *c)
{
	struct http_msg *m = c->msg;
	struct http_request *r = c->request;
	__u8 kind = 0;

	m->header = c->policy->headers.accept[m->name_state];
	m->value_state = 0;
	m->phase = HTTP_VALUE;
	if (m->header == GL_HEADER_CONTENT_LENGTH) {
		m->length = m->remaining;
		m->remaining = 0;
	} else if (m->header == GL_HEADER_TRANSFER_ENCODING) {
		m->flags |= HTTP_F_CODING;
	}
	if (!r) {
		if (m->header > GL_HEADER_UPGRADE)
			m->header = GL_HEADER_OTHER;
		return 0;
	}
	if (m->header == GL_HEADER_AUTHORIZATION)
		kind = GL_CRED_AUTHORIZATION;
	else if (m->header == GL_HEADER_API_KEY)
		kind = GL_CRED_API_KEY;
	else if (m->header == GL_HEADER_COOKIE)
		m->name_state = c->policy->headers.cookie_start;
	else if (m->header == GL_HEADER_X_FORWARDED_FOR || m->header == GL_HEADER_FORWARDED) {
		if (r->flags & HTTP_R_TRUSTED_PEER)
			addr_text_begin(&r->addr);
		else
			m->header = GL_HEADER_OTHER;
	}
	if (kind) {
		r->hash_kind = kind;
		siphash_init(&r->hash, &c->policy->subject_key);
	}
	return 0;
}

/* A space and up to eight digits of a Content-Length that has begun, as far as they are here. */
VERIFIED_ONCE int http_take_length(struct http_piece *piece, struct http_msg *m)
{
	__u32 off, n = 0;
	__u64 length = 0;

	if (!piece || !m)
		return 0;
	off = piece->off;
	if (off + 1 < piece->len && http_piece_byte(piece, off) == ' ')
		off++;
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++) {
		__u8 digit = http_piece_byte(piece, off) - '0';

		if (off >= piece->len || digit > 9)
			break;
		length = length * 10 + digit;
		off++;
		n++;
	}
	if (!n)
		return 0;
	m->remaining = length;
	m->value_state = 1;
	piece->off = off;
	return 0;
}

/* A value nobody reads, and its line's end if that is here. */
static __always_inline void http_skip_value(struct http_cursor *c)
{
	http_skip_plain(c->piece);
	if (http_take_crlf(c))
		c->msg->phase = HTTP_FIELD;
}

/*
 * Bytes of a name, up to 16 a call: they are most of what a head makes us look at. With a whole
 * name goes a value nobody reads.
 */
static __always_inline int http_step_name(struct http_cursor *c)
{
	const struct gl_header_automaton *names = &c->policy->headers;
	__u8 state = c->msg->name_state, cls = 1, b = 0;
	__u32 off = c->piece->off;

#pragma GCC unroll 16
	for (int i = 0; i < 16; i++) {
		if (off >= c->piece->len)
			break;
		b = http_byte_at(c, off);
		cls = names->byte_class[b];
		off++;
		if (!cls)
			break;
		state = names->next[state][cls & (GL_HEADER_CLASSES - 1)];
	}
	c->piece->off = off;
	c->msg->name_state = state;
	if (cls)
		return 0;
	if (b != ':') /* also the space before a colon, RFC 9112 section 5.1 */
		return http_fail(c, GL_OUTCOME_MALFORMED);
	http_value_begin(c);
	if (c->msg->header == GL_HEADER_OTHER)
		http_skip_value(c);
	else if (c->msg->header == GL_HEADER_CONTENT_LENGTH)
		http_take_length(c->piece, c->msg);
	return 0;
}

static __always_inline int http_step_field(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (m->phase == HTTP_END_LF) {
		if (b != '\n')
			return http_fail(c, GL_OUTCOME_MALFORMED);
		c->piece->off++;
		return http_head_done(c);
	}
	if (b == '\r') {
		if (http_take_crlf(c))
			return http_head_done(c);
		m->phase = HTTP_END_LF;
		c->piece->off++;
		return 0;
	}
	if (b == '\n') {
		c->piece->off++;
		return http_head_done(c);
	}
	/* obs-fold or an empty name */
	if (b == ' ' || b == '\t' || b == ':')
		return http_fail(c, GL_OUTCOME_MALFORMED);
	m->phase = HTTP_NAME;
	m->name_state = c->policy->headers.start;
	return http_step_name(c);
}

/* A credential is complete: several kinds may come, the strongest names the principal. */
VERIFIED_ONCE int http_credential_end(struct http_request *r)
{
	__u64 hash;
	__u8 kind;

	if (!r)
		return 0;
	kind = r->hash_kind;
	r->hash_kind = 0;
	if (!kind || !r->hash.len)
		return 0;
	if (r->credential & kind)
		r->flags |= HTTP_R_TWO_CREDENTIALS;
	r->credential |= kind;
	hash = siphash_final(&r->hash);
	if (!hash)
		hash = 1; /* 0 means none */
		/* by constants: an index goes over the stack here, where 6.1's verifier loses its
		 * bound */
#pragma GCC unroll 4
	for (__u32 i = 0; i < HTTP_CREDENTIALS; i++)
		if (i == r->n_credentials)
			r->credentials[i] = hash;
	if (r->n_credentials <= HTTP_CREDENTIALS)
		r->n_credentials++;
	if (r->principal_kind && r->principal_kind <= kind)
		return 0;
	r->principal_kind = kind;
	r->principal = hash;
	return 0;
}

/* White space is not part of a credential; the scheme of Authorization is case-insensitive. */
static __always_inline void http_credential_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	struct http_request *r = c->request;

	if (b == ' ' || b == '\t') {
		if (r->hash.len)
			m->value_state = 1;
		return;
	}
	if (m->header == GL_HEADER_AUTHORIZATION && !m->value_state)
		b = http_lower(b);
	siphash_byte(&r->hash, b);
}

/* Bearer tokens are long: whole words while no byte is special. True if any was taken. */
VERIFIED_ONCE int http_hash_words(struct http_piece *piece, struct siphash *h)
{
	__u32 begin;

	if (!piece || !h || h->len % 8)
		return 0;
	begin = piece->off;
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		__u64 w;

		if (piece->off + 8 > piece->len)
			break;
		w = http_load_word(piece);
		if (http_word_special(w))
			break;
		siphash_word(h, w);
		piece->off += 8;
	}
	return piece->off != begin;
}

/* "a=b; sid=SECRET": value_state 0 = in a name, 1 = in a value that is skipped, 2 = hashed. */
static __always_inline void http_cookie_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	struct http_request *r = c->request;

	if (b == ';') {
		http_credential_end(r);
		m->value_state = 0;
		m->name_state = c->policy->headers.cookie_start;
		return;
	}
	if (m->value_state == 2) {
		if (b != ' ' && b != '\t')
			siphash_byte(&r->hash, b);
		return;
	}
	if (m->value_state == 1 || b == ' ' || b == '\t')
		return;
	if (b == '=') {
		m->value_state = 1;
		if (c->policy->headers.accept[m->name_state] == GL_HEADER_SESSION_COOKIE) {
			m->value_state = 2;
			r->hash_kind = GL_CRED_COOKIE;
			siphash_init(&r->hash, &c->policy->subject_key);
		}
		return;
	}
	m->name_state = c->policy->headers.next[m->name_state][c->policy->headers.byte_class[b] &
							       (GL_HEADER_CLASSES - 1)];
}

static __always_inline int http_length_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	/* value_state: 0 = before, 1 = digits, 2 = after */
	if (b == ' ' || b == '\t') {
		if (m->value_state == 1)
			m->value_state = 2;
		return 0;
	}
	if (b < '0' || b > '9' || m->value_state == 2 || m->remaining > (1ull << 58))
		return http_fail(c, GL_OUTCOME_MALFORMED);
	m->value_state = 1;
	m->remaining = m->remaining * 10 + (b - '0');
	return 0;
}

/* The i-th byte of "chunked"; 0 beyond. */
static __always_inline __u8 http_chunked_byte(__u32 i)
{
	return i < 7 ? (__u8)(0x0064656b6e756863ull >> (8 * i)) : 0;
}

#define HTTP_CODING_NONE  0x00 /* between codings; low bits: bytes of "chunked" matched */
#define HTTP_CODING_OTHER 0x40 /* in a coding that is not chunked */
#define HTTP_CODING_SPACE 0x20 /* white space after a coding */

static __always_inline int http_coding_end(struct http_cursor *c)
{
	struct http_msg *m = c->msg;
	__u8 state = m->value_state & ~HTTP_CODING_SPACE;

	m->value_state = HTTP_CODING_NONE;
	if (state == HTTP_CODING_NONE)
		return 0;
	/* chunked must be the last, once; in requests alone: servers disagree on any other coding
	 */
	if ((m->flags & HTTP_F_CHUNKED) || (state != 7 && !(m->flags & HTTP_F_RESPONSE)))
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (state == 7)
		m->flags |= HTTP_F_CHUNKED;
	return 0;
}

static __always_inline int http_coding_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (b == ',')
		return http_coding_end(c);
	if (b == ' ' || b == '\t') {
		if (m->value_state != HTTP_CODING_NONE)
			m->value_state |= HTTP_CODING_SPACE;
		return 0;
	}
	if (m->value_state & HTTP_CODING_SPACE) /* "chunked x" */
		return http_fail(c, GL_OUTCOME_MALFORMED);
	if (m->value_state != HTTP_CODING_OTHER &&
	    http_lower(b) == http_chunked_byte(m->value_state & 7))
		m->value_state++;
	else
		m->value_state = HTTP_CODING_OTHER;
	return 0;
}

/* value_state: bytes of "h2c" matched in this token, 0x40 = another token. */
static __always_inline void http_upgrade_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;
	__u8 lower = http_lower(b);

	if (b == ',' || b == ' ' || b == '\t' || b == '\n') {
		if (m->value_state == 3)
			m->flags |= HTTP_F_H2C;
		m->value_state = 0;
		return;
	}
	if ((m->value_state == 0 && lower == 'h') || (m->value_state == 1 && b == '2') ||
	    (m->value_state == 2 && lower == 'c'))
		m->value_state++;
	else
		m->value_state = 0x40;
}

/*
 * One element of X-Forwarded-For or one `for=` of Forwarded (RFC 7239) is complete. The source is
 * the right-most element that is not itself a trusted proxy, so the last untrusted one wins; an
 * element that cannot be read hides everything to its left. Who is trusted the caller knows:
 * http_address() takes its answer.
 */
static __always_inline int http_forwarded_end(struct http_cursor *c)
{
	struct http_request *r = c->request;
	int found = addr_text_end(&r->addr, &r->element);

	addr_text_begin(&r->addr);
	if (found < 0)
		r->flags &= ~HTTP_R_FORWARDED;
	if (found <= 0)
		return 0;
	c->piece->event = HTTP_ADDRESS;
	return 1;
}

static __always_inline int http_forwarded_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	/* value_state, Forwarded only: bytes of "for=" matched, 4 = in its value, 0x40 = elsewhere
	 */
	if (b == ',' || (b == ';' && m->header == GL_HEADER_FORWARDED)) {
		int element = b == ',' || m->value_state == 4;

		m->value_state = 0;
		return element ? http_forwarded_end(c) : 0;
	}
	if (m->header == GL_HEADER_FORWARDED && m->value_state != 4) {
		__u8 lower = http_lower(b);
		__u8 i = m->value_state;

		if ((b == ' ' || b == '\t') && i == 0)
			return 0;
		m->value_state = (i == 0 && lower == 'f') || (i == 1 && lower == 'o') ||
						 (i == 2 && lower == 'r') || (i == 3 && b == '=')
					 ? i + 1
					 : 0x40;
		return 0;
	}
	addr_text_byte(&c->request->addr, b);
	return 0;
}

static __always_inline int http_value_byte(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (m->header == GL_HEADER_CONTENT_LENGTH)
		return http_length_byte(c, b);
	if (m->header == GL_HEADER_TRANSFER_ENCODING)
		return http_coding_byte(c, b);
	if (m->header == GL_HEADER_UPGRADE) {
		http_upgrade_byte(c, b);
		return 0;
	}
	if (!c->request)
		return 0;
	if (m->header == GL_HEADER_AUTHORIZATION || m->header == GL_HEADER_API_KEY)
		http_credential_byte(c, b);
	else if (m->header == GL_HEADER_COOKIE)
		http_cookie_byte(c, b);
	else if (m->header == GL_HEADER_X_FORWARDED_FOR || m->header == GL_HEADER_FORWARDED)
		return http_forwarded_byte(c, b);
	return 0;
}

static __always_inline int http_value_end(struct http_cursor *c)
{
	struct http_msg *m = c->msg;

	if (m->header == GL_HEADER_CONTENT_LENGTH) {
		if (!m->value_state || ((m->flags & HTTP_F_LENGTH) && m->length != m->remaining))
			return http_fail(c, GL_OUTCOME_MALFORMED);
		m->flags |= HTTP_F_LENGTH;
	} else if (m->header == GL_HEADER_TRANSFER_ENCODING) {
		return http_coding_end(c);
	} else if (m->header == GL_HEADER_UPGRADE) {
		http_upgrade_byte(c, '\n');
	} else if (!c->request) {
		return 0;
	} else if (m->header == GL_HEADER_X_FORWARDED_FOR || m->header == GL_HEADER_FORWARDED) {
		return http_forwarded_end(c);
	} else if (c->request->hash_kind) {
		http_credential_end(c->request);
	}
	return 0;
}

/*
 * One byte of a field value, or many where nobody reads it. value bytes: RFC 9110 section 5.5;
 * LF ends it, CR must be followed by LF, other control characters but tab are malformed.
 */
static __always_inline int http_step_value(struct http_cursor *c, __u8 b)
{
	struct http_msg *m = c->msg;

	if (b >= ' ' || b == '\t') {
		if (m->flags & HTTP_F_CR)
			return http_fail(c, GL_OUTCOME_MALFORMED);
		if (m->header == GL_HEADER_OTHER) {
			c->piece->off++;
			http_skip_value(c);
			return 0;
		}
		if (c->request && m->value_state && m->header == GL_HEADER_AUTHORIZATION &&
		    http_hash_words(c->piece, &c->request->hash))
			return 0;
		c->piece->off++;
		return http_value_byte(c, b);
	}
	if (b == '\n' || (!(m->flags & HTTP_F_CR) && http_take_crlf(c))) {
		if (b == '\n')
			c->piece->off++;
		m->flags &= ~HTTP_F_CR;
		m->phase = HTTP_FIELD;
		return http_value_end(c);
	}
	c->piece->off++;
	if (b != '\r' || (m->flags & HTTP_F_CR))
		return http_fail(c, GL_OUTCOME_MALFORMED);
	m->flags |= HTTP_F_CR;
	return 0;
}
