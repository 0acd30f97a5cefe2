/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http1.c - HTTP/1 a piece at a time: heads are gathered, bodies handed on, chunked framing taken
 * off (RFC 9112 sections 6 and 7). Both directions are read by the same code. What a head means
 * and who is answered: http1_message.c.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>

#define CHUNK_DIGITS 15
#define LINE_MAX     16384 /* of a first line, before it is taken for something else */
#define TRAILER_MAX  65536

void http1_open(struct connection *c, int direction, bool midstream)
{
	c->h1[direction] = (struct http1){.phase = midstream ? PHASE_LOST : PHASE_IDLE};
}

static bool is_upper(uint8_t b)
{
	return b >= 'A' && b <= 'Z';
}

/* Does a chunk begin with a head? What is asked after a loss, where certainty is not to be had. */
bool http1_looks_like(int direction, const uint8_t *bytes, uint32_t n)
{
	const uint8_t *lf;
	uint32_t at = 0;

	if (direction == GL_TO_CLIENT)
		return n >= 12 && memcmp(bytes, "HTTP/1.", 7) == 0 && bytes[8] == ' ' &&
		       bytes[9] >= '1' && bytes[9] <= '9';
	while (at < n && at < 20 && is_upper(bytes[at]))
		at++;
	if (at < 3 || at + 2 > n || bytes[at] != ' ' || !strchr("/*h", bytes[at + 1]) ||
	    !bytes[at + 1])
		return false;
	lf = memchr(bytes, '\n', n);
	return !lf || memmem(bytes, (size_t)(lf - bytes), " HTTP/1.", 8);
}

/* Adds to the head being gathered. False: it is longer than anybody's. */
static bool gather(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		   uint32_t n)
{
	struct http1 *h = &c->h1[direction];
	struct buf *buf = &h->x->head[direction];

	if (buf_append(in, c, buf, bytes, n, HEAD_BYTES_MAX, false) == n)
		return true;
	h->x->flags |= TX_GAP;
	return false;
}

static bool line_is_empty(const struct buf *buf, uint32_t line)
{
	uint32_t n = buf->n - line;

	return n == 1 || (n == 2 && buf->p[line] == '\r');
}

static uint32_t read_head(struct inspect *in, struct connection *c, int direction,
			  const uint8_t *bytes, uint32_t n)
{
	struct http1 *h = &c->h1[direction];
	const uint8_t *lf = memchr(bytes, '\n', n);
	uint32_t taken = lf ? (uint32_t)(lf - bytes) + 1 : n;
	struct buf *buf = &h->x->head[direction];

	h->x->last_ns = c->now_ns;
	if (!gather(in, c, direction, bytes, taken) ||
	    (c->unproven && !h->line && buf->n > LINE_MAX)) {
		http1_lost(in, c, direction, false);
		return taken;
	}
	if (!lf)
		return taken;
	if (line_is_empty(buf, h->line))
		http1_head(in, c, direction);
	else
		h->line = buf->n;
	return taken;
}

/* Empty lines between messages are skipped (RFC 9112 section 2.2). Returns how many bytes. */
static uint32_t read_idle(struct inspect *in, struct connection *c, int direction,
			  const uint8_t *bytes, uint32_t n, bool *ret_wait)
{
	struct http1 *h = &c->h1[direction];
	uint32_t at = 0;

	while (at < n && (bytes[at] == '\r' || bytes[at] == '\n'))
		at++;
	if (at == n)
		return at;
	if (direction == GL_TO_CLIENT && c->unproven && bytes[at] != 'H') {
		protocol_opaque(in, c);
		return n;
	}
	h->x = http1_begin(in, c, direction);
	if (!h->x) {
		*ret_wait = direction == GL_TO_CLIENT && !c->forced;
		if (!*ret_wait)
			http1_lost(in, c, direction, false);
		return at;
	}
	h->phase = PHASE_HEAD;
	h->line = 0;
	return at;
}

static uint32_t read_body(struct inspect *in, struct connection *c, int direction,
			  const uint8_t *bytes, uint32_t n)
{
	struct http1 *h = &c->h1[direction];
	uint32_t part = n;

	if (h->phase != PHASE_UNTIL_CLOSE && h->remaining < part)
		part = (uint32_t)h->remaining;
	h->x->last_ns = c->now_ns;
	body_data(in, c, h->x, direction, bytes, part);
	if (h->phase == PHASE_UNTIL_CLOSE)
		return part;
	h->remaining -= part;
	if (h->remaining)
		return part;
	if (h->phase == PHASE_BODY) {
		http1_message_end(in, c, direction);
	} else {
		h->phase = PHASE_CHUNK_CRLF;
		h->digits = 0;
	}
	return part;
}

static void bad_chunk(struct inspect *in, struct connection *c, int direction)
{
	c->h1[direction].x->anomalies |= ANOMALY_BAD_CHUNK;
	http1_lost(in, c, direction, true);
}

static int hex_of(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

/* One byte of a chunk's size line. */
static void read_size(struct inspect *in, struct connection *c, int direction, uint8_t b)
{
	struct http1 *h = &c->h1[direction];
	int value = h->phase == PHASE_CHUNK_SIZE ? hex_of(b) : -1;

	if (value >= 0) {
		if (++h->digits > CHUNK_DIGITS) {
			bad_chunk(in, c, direction);
			return;
		}
		h->remaining = h->remaining << 4 | (unsigned)value;
		return;
	}
	if (b == '\n' && h->digits) {
		h->cr = false;
		h->line = 0;
		h->phase = h->remaining ? PHASE_CHUNK_DATA : PHASE_TRAILER;
		return;
	}
	if (!h->digits || h->cr || (b < ' ' && b != '\t' && b != '\r') ||
	    (h->phase == PHASE_CHUNK_SIZE && b != ';' && b != ' ' && b != '\t' && b != '\r')) {
		bad_chunk(in, c, direction);
		return;
	}
	h->cr = b == '\r';
	h->phase = PHASE_CHUNK_EXT;
}

/* One byte after a chunk's data: CR LF, and nothing else (servers differ on what else). */
static void read_crlf(struct inspect *in, struct connection *c, int direction, uint8_t b)
{
	struct http1 *h = &c->h1[direction];

	if (b != (h->digits ? '\n' : '\r')) {
		bad_chunk(in, c, direction);
	} else if (!h->digits) {
		h->digits = 1;
	} else {
		h->digits = 0;
		h->remaining = 0;
		h->phase = PHASE_CHUNK_SIZE;
	}
}

/* One byte of the trailer section: fields nobody trusts (RFC 9110 section 6.5.1), up to an empty
 * line. */
static void read_trailer(struct inspect *in, struct connection *c, int direction, uint8_t b)
{
	struct http1 *h = &c->h1[direction];

	if (b == '\n' && h->line == (h->cr ? 1u : 0u)) {
		http1_message_end(in, c, direction);
		return;
	}
	if (h->cr && h->line == 1) {
		bad_chunk(in, c, direction);
		return;
	}
	h->cr = b == '\r';
	h->line = b == '\n' ? 0 : h->line + 1;
	if (h->line > TRAILER_MAX)
		bad_chunk(in, c, direction);
}

/* Nothing is known but that a head may begin with a chunk. */
static bool still_lost(struct inspect *in, struct connection *c, int direction,
		       const uint8_t *bytes, uint32_t n, bool start)
{
	struct http1 *h = &c->h1[direction];

	if (start && http1_looks_like(direction, bytes, n) &&
	    /* the response goes on, and reads like one: no request came for another */
	    !(h->x && direction == GL_TO_CLIENT &&
	      (h->x->has_head[direction] || h->x->head[direction].n) && !h->x->next)) {
		http1_found(in, c, direction);
		return false;
	}
	if (h->x) {
		h->x->last_ns = c->now_ns;
		if (h->chunked && n >= 5 && memcmp(bytes + n - 5, "0\r\n\r\n", 5) == 0)
			http1_message_end(in, c, direction);
	}
	return true;
}

static uint32_t step(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		     uint32_t n, bool *ret_wait)
{
	switch (c->h1[direction].phase) {
	case PHASE_IDLE:
		return read_idle(in, c, direction, bytes, n, ret_wait);
	case PHASE_HEAD:
		return read_head(in, c, direction, bytes, n);
	case PHASE_BODY:
	case PHASE_UNTIL_CLOSE:
	case PHASE_CHUNK_DATA:
		return read_body(in, c, direction, bytes, n);
	case PHASE_CHUNK_SIZE:
	case PHASE_CHUNK_EXT:
		read_size(in, c, direction, *bytes);
		return 1;
	case PHASE_CHUNK_CRLF:
		read_crlf(in, c, direction, *bytes);
		return 1;
	case PHASE_TRAILER:
		read_trailer(in, c, direction, *bytes);
		return 1;
	}
	return n; /* a tunnel, or lost */
}

/* The final answer came instead of 100: the client may go on without the body it announced. */
static void check_unsent(struct inspect *in, struct connection *c, const uint8_t *bytes, uint32_t n)
{
	struct http1 *h = &c->h1[GL_TO_SERVER];

	if (h->phase == PHASE_BODY && h->x->expects && h->x->done[GL_TO_CLIENT] &&
	    !h->x->body[GL_TO_SERVER].wire && http1_looks_like(GL_TO_SERVER, bytes, n))
		http1_message_end(in, c, GL_TO_SERVER);
}

uint32_t http1_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		    uint32_t n, bool start)
{
	uint32_t at = 0;
	bool wait = false;

	if (c->h1[direction].phase == PHASE_LOST && still_lost(in, c, direction, bytes, n, start))
		return n;
	if (direction == GL_TO_SERVER && start)
		check_unsent(in, c, bytes, n);
	while (at < n && !wait) {
		/* an upgrade, or the end of a doubt, may have come in between */
		if (c->protocol == PROTOCOL_OPAQUE)
			return n;
		if (c->protocol == PROTOCOL_HTTP2)
			return at + http2_data(in, c, direction, bytes + at, n - at, at == 0);
		at += step(in, c, direction, bytes + at, n - at, &wait);
	}
	return at;
}

void http1_gap(struct inspect *in, struct connection *c, int direction, uint64_t n, bool plan)
{
	struct http1 *h = &c->h1[direction];
	uint64_t part = n;

	switch (h->phase) {
	case PHASE_TUNNEL:
		return;
	case PHASE_UNTIL_CLOSE:
		body_gap(in, c, h->x, direction, n, plan);
		return;
	case PHASE_BODY:
	case PHASE_CHUNK_DATA:
		if (h->remaining < part)
			part = h->remaining;
		body_gap(in, c, h->x, direction, part, plan);
		h->remaining -= part;
		if (h->remaining)
			return;
		if (h->phase == PHASE_BODY) {
			http1_message_end(in, c, direction);
		} else {
			h->phase = PHASE_CHUNK_CRLF;
			h->digits = 0;
		}
		if (part == n)
			return;
		break;
	}
	http1_lost(in, c, direction, plan);
}
