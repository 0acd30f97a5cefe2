/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http2.c - HTTP/2 frames (RFC 9113 sections 4 and 6) as they come: nothing of a payload is
 * gathered but its first bytes, header blocks go straight into the decoder. A reader that lost its
 * place looks for a frame at the beginning of each chunk: writers write whole frames.
 */
#include "user/inspect/http2_private.h"

#include <errno.h>
#include <string.h>

#define PREFACE_BYTES      24
#define FRAME_KNOWN        10 /* types of RFC 9113; others are skipped */
#define FRAME_PLAUSIBLE    (1u << 20)
#define SETTING_BYTES      6
#define SETTING_TABLE      1
#define SETTINGS_FRAME_MAX (64 * SETTING_BYTES)
#define FLAGS_DEFINED      (FLAG_END_STREAM | FLAG_END_HEADERS | FLAG_PADDED | FLAG_PRIORITY)

static uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static uint32_t be31(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) &
	       0x7fffffff;
}

/* Could these nine bytes be a frame's header? Stricter than RFC 9113: asked where chance would be
 * taken for one. */
static bool plausible(const uint8_t *p)
{
	uint32_t n = be24(p), stream = be31(p + 5);
	uint8_t type = p[3];

	if (type >= FRAME_KNOWN || n > FRAME_PLAUSIBLE || p[5] & 0x80 || p[4] & ~FLAGS_DEFINED)
		return false;
	switch (type) {
	case FRAME_SETTINGS:
		return !stream && n % SETTING_BYTES == 0 && n <= SETTINGS_FRAME_MAX;
	case FRAME_PING:
		return !stream && n == 8;
	case FRAME_GOAWAY:
		return !stream && n >= 8;
	case FRAME_WINDOW_UPDATE:
	case FRAME_RST_STREAM:
		return n == 4 && (stream || type == FRAME_WINDOW_UPDATE);
	case FRAME_PRIORITY:
		return stream && n == 5;
	}
	return stream;
}

bool http2_looks_like(const uint8_t *bytes, uint32_t n)
{
	uint32_t next;

	if (n < FRAME_HEADER || !plausible(bytes))
		return false;
	next = FRAME_HEADER + be24(bytes);
	return next >= n || n - next < FRAME_HEADER || plausible(bytes + next);
}

static void *h2_malloc(size_t size, void *holder)
{
	return holder_malloc(size, holder);
}

static void h2_free(void *p, void *holder)
{
	holder_free(p, holder);
}

static void *h2_calloc(size_t n, size_t size, void *holder)
{
	return holder_calloc(n, size, holder);
}

static void *h2_realloc(void *p, size_t size, void *holder)
{
	return holder_realloc(p, size, holder);
}

static int reader_open(struct http2 *h2, struct frame_reader *r, bool midstream)
{
	r->synced = !midstream;
	r->lost = midstream;
	if (midstream)
		return 0;
	if (nghttp2_hd_inflate_new2(&r->hd, &h2->mem) != 0)
		return -ENOMEM;
	/*
	 * The encoder says when it uses a table of another size than 4096 (RFC 7541 section 4.2),
	 * so allowing more does no harm, and does not depend on seeing the SETTINGS first.
	 */
	nghttp2_hd_inflate_change_table_size(r->hd, TABLE_DEFAULT);
	return 0;
}

int http2_open(struct inspect *in, struct connection *c, bool midstream, bool preface)
{
	struct http2 *h2 = connection_take(in, c, sizeof(*h2), false);

	if (!h2)
		return -ENOMEM;
	*h2 = (struct http2){.holder = {in, c, false}, .midstream = midstream};
	h2->mem = (nghttp2_mem){&h2->holder, h2_malloc, h2_free, h2_calloc, h2_realloc};
	c->h2 = h2;
	if (reader_open(h2, &h2->reader[GL_TO_SERVER], midstream) < 0 ||
	    reader_open(h2, &h2->reader[GL_TO_CLIENT], midstream) < 0) {
		http2_free(in, c);
		return -ENOMEM;
	}
	if (midstream)
		count(in, REPORT_COUNT_H2_MIDSTREAM, 1);
	else if (!preface)
		h2->reader[GL_TO_SERVER].preface = PREFACE_BYTES;
	return 0;
}

bool http2_reads(const struct connection *c)
{
	const struct http2 *h2 = c->protocol == PROTOCOL_HTTP2 ? c->h2 : NULL;

	return h2 && !h2->gap && (h2->midstream || !h2->reader[GL_TO_SERVER].lost);
}

bool http2_is_older(const struct connection *c)
{
	return c->h2->midstream;
}

void http2_free(struct inspect *in, struct connection *c)
{
	struct http2 *h2 = c->h2;

	if (!h2)
		return;
	for (int d = 0; d < 2; d++)
		if (h2->reader[d].hd)
			nghttp2_hd_inflate_del(h2->reader[d].hd);
	connection_give(in, c, h2, sizeof(*h2));
	c->h2 = NULL;
}

void http2_unreadable(struct inspect *in, struct connection *c, int direction, uint32_t stream,
		      uint8_t outcome)
{
	struct transaction *tx = &in->tx;
	struct http2 *h2 = c->h2;

	if (direction != GL_TO_SERVER || h2->midstream || h2->gap || h2->reader[direction].lost ||
	    !in->callbacks.unreadable)
		return;
	exchange_show_connection(in, c);
	tx->protocol = HTTP_PROTOCOL_2;
	tx->stream = stream;
	in->callbacks.unreadable(tx, outcome, in->userdata);
}

/* Its place in the frames is not known any more. */
static void unsync(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];

	http2_lose(in, c, direction);
	r->synced = false;
	r->n_head = 0;
	r->left = 0;
	r->block = false;
	r->x = NULL;
}

/* Frames that say what no peer says. */
static void bad_frame(struct inspect *in, struct connection *c, int direction, uint8_t outcome)
{
	count(in, REPORT_COUNT_H2_ERRORS, 1);
	http2_unreadable(in, c, direction, 0, outcome);
	unsync(in, c, direction);
}

/* The decoder gave up: no head of this direction can be read any more. */
static void bad_block(struct inspect *in, struct connection *c, int direction)
{
	count(in, REPORT_COUNT_H2_ERRORS, 1);
	http2_unreadable(in, c, direction, 0, GL_OUTCOME_MALFORMED);
	http2_lose(in, c, direction);
}

/* Bytes of the payload before its content: pad length, priority, promised stream, last stream. */
static uint8_t prefix_size_of(const struct frame_reader *r)
{
	bool padded = r->flags & FLAG_PADDED;

	switch (r->type) {
	case FRAME_DATA:
		return padded ? 1 : 0;
	case FRAME_HEADERS:
		return (uint8_t)((padded ? 1 : 0) + (r->flags & FLAG_PRIORITY ? 5 : 0));
	case FRAME_PUSH_PROMISE:
		return padded ? 5 : 4;
	case FRAME_GOAWAY:
		return 4;
	}
	return 0;
}

/* A table the peer may be sent entries of: what this direction announces holds for the other. */
static void take_setting(struct connection *c, int direction, const uint8_t *p)
{
	struct frame_reader *r = &c->h2->reader[other(direction)];
	uint32_t id = (uint32_t)p[0] << 8 | p[1];
	uint32_t value = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];

	if (id == SETTING_TABLE && value > TABLE_DEFAULT && r->hd && !r->block)
		nghttp2_hd_inflate_change_table_size(r->hd, value < TABLE_MAX ? value : TABLE_MAX);
}

static bool needs_block(const struct frame_reader *r)
{
	return r->type == FRAME_HEADERS || r->type == FRAME_PUSH_PROMISE ||
	       r->type == FRAME_CONTINUATION;
}

/* The prefix is there: the content follows. False: wait. */
static bool begin_content(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];

	if (r->flags & FLAG_PADDED && r->prefix_size && r->type != FRAME_GOAWAY)
		r->pad = r->prefix[0];
	if (r->pad > r->left) {
		bad_frame(in, c, direction, GL_OUTCOME_MALFORMED);
		return true;
	}
	if (r->type == FRAME_GOAWAY) {
		if (direction == GL_TO_CLIENT)
			http2_goaway(in, c, be31(r->prefix));
	} else if (r->type == FRAME_PUSH_PROMISE) {
		r->block_stream = be31(r->prefix + r->prefix_size - 4);
	}
	if (r->type == FRAME_HEADERS || r->type == FRAME_PUSH_PROMISE)
		http2_block_begin(in, c, direction);
	return true;
}

static void end_block(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];

	if (!http2_block_data(in, c, direction, NULL, 0, true))
		bad_block(in, c, direction);
	r->block = false;
	http2_block_end(in, c, direction);
	r->x = NULL;
}

static void end_frame(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];
	struct exchange *x;

	r->n_head = 0;
	if (needs_block(r)) {
		if (r->block && r->flags & FLAG_END_HEADERS)
			end_block(in, c, direction);
	} else if (r->type == FRAME_DATA && r->flags & FLAG_END_STREAM) {
		x = http2_find(c->h2, r->stream);
		if (x)
			http2_stream_end(in, c, direction, x);
	} else if (r->type == FRAME_RST_STREAM) {
		http2_reset(in, c, r->stream);
	}
}

static bool frame_allowed(const struct frame_reader *r)
{
	/* nothing comes between the frames of a block (RFC 9113 section 4.3) */
	if (r->block)
		return r->type == FRAME_CONTINUATION && r->stream == r->block_stream;
	if (r->type == FRAME_CONTINUATION)
		return false;
	if (r->type == FRAME_SETTINGS)
		return r->left % SETTING_BYTES == 0;
	if (r->type == FRAME_DATA || r->type == FRAME_HEADERS || r->type == FRAME_PUSH_PROMISE)
		return r->stream;
	return true;
}

/* A response's HEADERS before its request's, or before the end of them: the other direction is
 * behind. A reset behind the response would end what nobody was told of. */
static bool has_to_wait(const struct connection *c, int direction)
{
	const struct http2 *h2 = c->h2;
	const struct frame_reader *r = &h2->reader[direction];
	const struct frame_reader *requests = &h2->reader[GL_TO_SERVER];
	bool begun = requests->block && requests->block_stream == r->stream;

	return direction == GL_TO_CLIENT && r->type == FRAME_HEADERS && r->stream & 1 &&
	       (r->stream > h2->last_stream || begun) && !c->forced && !h2->midstream &&
	       !requests->lost && !c->stream[GL_TO_SERVER].ended;
}

/* The nine bytes are there. False: wait. */
static bool begin_frame(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];

	r->left = be24(r->head);
	r->type = r->head[3];
	r->flags = r->head[4];
	r->stream = be31(r->head + 5);
	if (has_to_wait(c, direction))
		return false;
	r->n_head++; /* begun */
	r->pad = 0;
	r->n_prefix = 0;
	r->prefix_size = prefix_size_of(r);
	if (!frame_allowed(r) || r->prefix_size > r->left) {
		bad_frame(in, c, direction, GL_OUTCOME_MALFORMED);
		return true;
	}
	if (r->type == FRAME_CONTINUATION && ++r->continuations > CONTINUATIONS_MAX) {
		bad_frame(in, c, direction, GL_OUTCOME_TOO_LONG);
		return true;
	}
	if (!r->prefix_size)
		begin_content(in, c, direction);
	if (r->synced && !r->left)
		end_frame(in, c, direction);
	return true;
}

static uint32_t read_prefix(struct inspect *in, struct connection *c, int direction,
			    const uint8_t *bytes, uint32_t n)
{
	struct frame_reader *r = &c->h2->reader[direction];
	uint32_t part = r->prefix_size - r->n_prefix;

	if (part > n)
		part = n;
	memcpy(r->prefix + r->n_prefix, bytes, part);
	r->n_prefix = (uint8_t)(r->n_prefix + part);
	r->left -= part;
	if (r->n_prefix == r->prefix_size)
		begin_content(in, c, direction);
	return part;
}

static void read_settings(struct connection *c, int direction, const uint8_t *bytes, uint32_t n)
{
	struct frame_reader *r = &c->h2->reader[direction];

	if (r->flags & FLAG_ACK || r->stream)
		return;
	for (uint32_t i = 0; i < n; i++) {
		r->prefix[r->n_prefix++] = bytes[i];
		if (r->n_prefix == SETTING_BYTES) {
			take_setting(c, direction, r->prefix);
			r->n_prefix = 0;
		}
	}
}

static void read_block(struct inspect *in, struct connection *c, int direction,
		       const uint8_t *bytes, uint32_t n)
{
	struct frame_reader *r = &c->h2->reader[direction];

	r->block_bytes += n;
	if (r->block_bytes > BLOCK_BYTES_MAX) {
		bad_frame(in, c, direction, GL_OUTCOME_TOO_LONG);
		return;
	}
	if (!http2_block_data(in, c, direction, bytes, n, false))
		bad_block(in, c, direction);
}

static void read_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		      uint32_t n)
{
	struct frame_reader *r = &c->h2->reader[direction];
	struct exchange *x = http2_find(c->h2, r->stream);

	if (!x)
		return;
	x->last_ns = c->now_ns;
	body_data(in, c, x, direction, bytes, n);
}

static uint32_t read_payload(struct inspect *in, struct connection *c, int direction,
			     const uint8_t *bytes, uint32_t n)
{
	struct frame_reader *r = &c->h2->reader[direction];
	uint32_t part = r->left > r->pad ? r->left - r->pad : r->left;
	bool padding = r->left <= r->pad;

	if (r->n_prefix < r->prefix_size && r->type != FRAME_SETTINGS)
		return read_prefix(in, c, direction, bytes, n);
	if (part > n)
		part = n;
	r->left -= part;
	if (!padding && r->type == FRAME_DATA)
		read_data(in, c, direction, bytes, part);
	else if (!padding && r->type == FRAME_SETTINGS)
		read_settings(c, direction, bytes, part);
	else if (!padding && needs_block(r))
		read_block(in, c, direction, bytes, part);
	return part;
}

static uint32_t read_preface(struct inspect *in, struct connection *c, const uint8_t *bytes,
			     uint32_t n)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	struct frame_reader *r = &c->h2->reader[GL_TO_SERVER];
	uint32_t part = n < r->preface ? n : r->preface;

	if (memcmp(bytes, preface + PREFACE_BYTES - r->preface, part) != 0) {
		r->preface = 0;
		bad_frame(in, c, GL_TO_SERVER, GL_OUTCOME_MALFORMED);
		return n;
	}
	r->preface = (uint8_t)(r->preface - part);
	return part;
}

/* One step. *ret_wait: the other direction is behind. */
static uint32_t step(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		     uint32_t n, bool *ret_wait)
{
	struct frame_reader *r = &c->h2->reader[direction];
	uint32_t part = 0;

	if (!r->synced)
		return n;
	if (r->preface)
		return read_preface(in, c, bytes, n);
	if (r->n_head > FRAME_HEADER) {
		part = read_payload(in, c, direction, bytes, n);
		if (r->synced && !r->left)
			end_frame(in, c, direction);
		return part;
	}
	if (r->n_head < FRAME_HEADER) {
		part = FRAME_HEADER - r->n_head;
		if (part > n)
			part = n;
		memcpy(r->head + r->n_head, bytes, part);
		r->n_head = (uint8_t)(r->n_head + part);
	}
	/* the last byte of a header is taken once what follows can be */
	if (r->n_head == FRAME_HEADER && !begin_frame(in, c, direction)) {
		r->n_head--;
		*ret_wait = true;
		return part - 1;
	}
	return part;
}

uint32_t http2_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		    uint32_t n, bool start)
{
	uint32_t at = 0;
	bool wait = false;

	if (start && !c->h2->reader[direction].synced && http2_looks_like(bytes, n))
		c->h2->reader[direction].synced = true;
	while (at < n && !wait)
		at += step(in, c, direction, bytes + at, n - at, &wait);
	return at;
}

void http2_gap(struct inspect *in, struct connection *c, int direction, uint64_t n, bool plan)
{
	struct frame_reader *r = &c->h2->reader[direction];
	struct exchange *x;

	if (!r->synced)
		return;
	if (r->n_head > FRAME_HEADER && r->type == FRAME_DATA && r->n_prefix == r->prefix_size &&
	    r->left > r->pad && n <= r->left - r->pad) {
		x = http2_find(c->h2, r->stream);
		if (x)
			body_gap(in, c, x, direction, n, plan);
		r->left -= (uint32_t)n;
		if (!r->left)
			end_frame(in, c, direction);
		return;
	}
	if (!r->lost)
		count(in, REPORT_COUNT_H2_MIDSTREAM, 1);
	if (direction == GL_TO_SERVER)
		c->h2->gap = true;
	unsync(in, c, direction);
	for (x = c->first; x; x = x->next)
		if (!x->done[direction])
			x->flags |= TX_GAP;
}

void http2_end(struct inspect *in, struct connection *c, int direction)
{
	if (direction == GL_TO_CLIENT)
		exchange_finish_all(in, c, 0);
}
