/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http2_streams.c - messages out of HTTP/2 streams (RFC 9113 section 8): header blocks through
 * nghttp2's HPACK decoder, trailers, resets, pushes, gRPC.
 *
 * Where the decoder's state is not known - attached to a connection under way, or after a loss - a
 * block still begins with ":status", most often from the static table: that much is read with a
 * decoder of its own, and nothing else is claimed.
 */
#include "user/inspect/http2_private.h"

#include <string.h>

#define NAME_MAX_BYTES 4096

static struct exchange **bucket_of(struct http2 *h2, uint32_t stream)
{
	return &h2->buckets[(stream >> 1) % BUCKETS];
}

struct exchange *http2_find(struct http2 *h2, uint32_t stream)
{
	struct exchange *x = *bucket_of(h2, stream);

	while (x && x->stream != stream)
		x = x->bucket_next;
	return x;
}

void http2_forget(struct connection *c, struct exchange *x)
{
	struct exchange **at = bucket_of(c->h2, x->stream);

	for (int d = 0; d < 2; d++)
		if (c->h2->reader[d].x == x)
			c->h2->reader[d].x = NULL;
	while (*at && *at != x)
		at = &(*at)->bucket_next;
	if (*at)
		*at = x->bucket_next;
}

static void enter(struct http2 *h2, struct exchange *x)
{
	struct exchange **bucket = bucket_of(h2, x->stream);

	x->bucket_next = *bucket;
	*bucket = x;
}

void http2_adopt(struct connection *c, struct exchange *x)
{
	x->stream = 1;
	x->protocol = HTTP_PROTOCOL_2;
	x->pairs[GL_TO_CLIENT] = true;
	c->h2->last_stream = 1;
	enter(c->h2, x);
}

static struct exchange *new_stream(struct inspect *in, struct connection *c, uint32_t stream)
{
	struct http2 *h2 = c->h2;
	struct exchange *x;

	if (c->n_exchanges >= EXCHANGES_MAX) {
		count(in, REPORT_COUNT_STREAMS_EVICTED, 1);
		exchange_finish(in, c, c->first);
	}
	x = exchange_new(in, c);
	if (!x)
		return NULL;
	x->stream = stream;
	x->protocol = HTTP_PROTOCOL_2;
	x->pairs[GL_TO_SERVER] = x->pairs[GL_TO_CLIENT] = true;
	if (h2->midstream)
		x->flags |= TX_MIDSTREAM;
	if (stream & 1 && stream > h2->last_stream)
		h2->last_stream = stream;
	enter(h2, x);
	return x;
}

/* A response whose request was not seen. */
static struct exchange *unknown_request(struct inspect *in, struct connection *c, uint32_t stream)
{
	struct http2 *h2 = c->h2;
	bool lost = h2->midstream || h2->gap || h2->reader[GL_TO_SERVER].lost;
	struct exchange *x;

	if (!lost && stream <= h2->last_stream)
		return NULL; /* it was over: reset, or evicted */
	x = new_stream(in, c, stream);
	if (!x)
		return NULL;
	c->forced = false; /* the next one's request may be there */
	x->flags |= TX_NO_REQUEST | (h2->midstream ? 0 : TX_GAP);
	x->done[GL_TO_SERVER] = true;
	return x;
}

bool http2_block_begin(struct inspect *in, struct connection *c, int direction)
{
	struct http2 *h2 = c->h2;
	struct frame_reader *r = &h2->reader[direction];

	r->block = true;
	r->block_promise = r->type == FRAME_PUSH_PROMISE;
	r->block_ends = r->type == FRAME_HEADERS && r->flags & FLAG_END_STREAM;
	if (!r->block_promise)
		r->block_stream = r->stream;
	r->block_bytes = 0;
	r->continuations = 0;
	r->n_peek = 0;
	r->blind = false;
	r->x = http2_find(h2, r->block_stream);
	if (r->block_promise && !r->x)
		r->x = new_stream(in, c, r->block_stream);
	else if (direction == GL_TO_CLIENT && !r->x)
		r->x = unknown_request(in, c, r->block_stream);
	else if (!r->x && (r->block_stream > h2->last_stream || h2->midstream || r->lost)) {
		r->x = new_stream(in, c, r->block_stream);
		if (!r->x)
			http2_unreadable(in, c, direction, r->block_stream, GL_OUTCOME_TOO_LONG);
	}
	/* a pushed response's request is in head[GL_TO_SERVER], whoever sent it; CONTINUATION
	 * names the stream the promise was sent on */
	if (r->block_promise)
		r->block_stream = r->stream;
	if (r->x) {
		r->x->last_ns = c->now_ns;
		if (direction == GL_TO_CLIENT && !r->block_promise && !r->x->has_head[1])
			r->x->answer_ns = c->now_ns;
	}
	return true;
}

/* Which head of the exchange a block goes to; -1: trailers, or nobody's. */
static int part_of(const struct frame_reader *r, int direction)
{
	int part = r->block_promise ? GL_TO_SERVER : direction;

	return r->x && !r->x->has_head[part] ? part : -1;
}

static bool begins_with(const nghttp2_nv *nv, const char *prefix, size_t n)
{
	return nv->namelen >= n && memcmp(nv->name, prefix, n) == 0;
}

static void take_pair(struct inspect *in, struct connection *c, int direction, const nghttp2_nv *nv)
{
	struct frame_reader *r = &c->h2->reader[direction];
	struct exchange *x = r->x;
	struct pair pair = {(uint32_t)nv->namelen, (uint32_t)nv->valuelen};
	uint32_t all = (uint32_t)sizeof(pair) + pair.name + pair.value;
	int part = part_of(r, direction);
	struct buf *buf;

	if (!x)
		return;
	if (part < 0) {
		/* of trailers only gRPC's status is anybody's business (RFC 9110 section 6.5.1) */
		if (!begins_with(nv, "grpc-", 5) || !(x->flags & TX_GRPC))
			return;
		part = direction;
	}
	buf = &x->head[part];
	if (nv->namelen > NAME_MAX_BYTES || buf->n + all > HEAD_BYTES_MAX ||
	    !buf_reserve(in, c, buf, buf->n + all, false)) {
		x->dropped[part]++;
		return;
	}
	buf_append(in, c, buf, &pair, sizeof(pair), HEAD_BYTES_MAX, false);
	buf_append(in, c, buf, nv->name, pair.name, HEAD_BYTES_MAX, false);
	buf_append(in, c, buf, nv->value, pair.value, HEAD_BYTES_MAX, false);
}

bool http2_block_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		      uint32_t n, bool last)
{
	struct frame_reader *r = &c->h2->reader[direction];

	if (r->lost) {
		while (!r->blind && n-- && r->n_peek < sizeof(r->peek))
			r->peek[r->n_peek++] = *bytes++;
		return true;
	}
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(r->hd, &nv, &flags, bytes, n, last);

		if (used < 0)
			return false;
		bytes = bytes ? bytes + used : NULL;
		n -= (uint32_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			take_pair(in, c, direction, &nv);
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(r->hd);
			return true;
		}
		if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !n)
			return true;
	}
}

static uint16_t number_of(const uint8_t *text, size_t n)
{
	uint16_t number = 0;

	if (n != 3)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		number = (uint16_t)(number * 10 + (text[i] - '0'));
	}
	return number >= 100 ? number : 0;
}

/* The status of a block whose decoder's state is not known. */
static uint16_t peek_status(struct http2 *h2, const struct frame_reader *r)
{
	nghttp2_hd_inflater *hd;
	const uint8_t *at = r->peek;
	size_t n = r->n_peek;
	uint16_t status = 0;
	nghttp2_nv nv;
	int flags = 0;

	if (nghttp2_hd_inflate_new2(&hd, &h2->mem) != 0)
		return 0;
	nghttp2_hd_inflate_change_table_size(hd, TABLE_DEFAULT);
	while (n && !(flags & NGHTTP2_HD_INFLATE_EMIT)) {
		ssize_t used = nghttp2_hd_inflate_hd2(hd, &nv, &flags, at, n, 0);

		if (used <= 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT))
			break;
		at += used;
		n -= (size_t)used;
	}
	if (flags & NGHTTP2_HD_INFLATE_EMIT && nv.namelen == 7 &&
	    memcmp(nv.name, ":status", 7) == 0)
		status = number_of(nv.value, nv.valuelen);
	nghttp2_hd_inflate_del(hd);
	return status;
}

static const struct field *pseudo(const struct buf *buf, const char *name, struct field *out)
{
	size_t n = strlen(name);
	uint32_t at = 0;

	while (buf->n - at >= sizeof(struct pair)) {
		const char *text = (const char *)buf->p + at + sizeof(struct pair);
		struct pair pair;

		memcpy(&pair, buf->p + at, sizeof(pair));
		if (pair.name > buf->n || pair.value > buf->n - pair.name ||
		    pair.name + pair.value > buf->n - at - sizeof(pair))
			break;
		if (pair.name == n && memcmp(text, name, n) == 0) {
			*out = (struct field){{text, pair.name}, {text + pair.name, pair.value}};
			return out;
		}
		at += (uint32_t)sizeof(pair) + pair.name + pair.value;
	}
	return NULL;
}

static struct raw value_of(const struct buf *buf, const char *name)
{
	struct field field;

	return pseudo(buf, name, &field) ? field.value : (struct raw){"", 0};
}

static void open_body(struct inspect *in, struct exchange *x, int part)
{
	const struct buf *buf = &x->head[part];
	struct raw length = value_of(buf, "content-length");
	struct body_plan plan = {.content_type = value_of(buf, "content-type"),
				 .content_encoding = value_of(buf, "content-encoding"),
				 .has_length = length.n > 0 && length.n < 16};

	for (size_t i = 0; i < length.n && plan.has_length; i++) {
		plan.has_length = length.p[i] >= '0' && length.p[i] <= '9';
		plan.length = plan.length * 10 + (uint64_t)(length.p[i] - '0');
	}
	if (plan.content_type.n >= 16 && memcmp(plan.content_type.p, "application/grpc", 16) == 0)
		x->flags |= TX_GRPC;
	body_begin(in, &x->body[part], &plan);
}

static void request_head(struct inspect *in, struct connection *c, struct exchange *x, bool ends)
{
	const struct buf *buf = &x->head[GL_TO_SERVER];
	struct raw method = value_of(buf, ":method");

	x->anomalies |= http2_odd(buf);
	x->no_body = raw_equal(method, RAW("HEAD"));
	if (raw_equal(method, RAW("CONNECT"))) {
		x->connect = true;
		x->flags |= TX_UPGRADED;
		/* RFC 8441 */
		if (raw_equal(value_of(buf, ":protocol"), RAW("websocket")))
			x->flags |= TX_WEBSOCKET;
	}
	if (!ends && !x->connect)
		open_body(in, x, GL_TO_SERVER);
	exchange_asked(in, c, x);
}

static void response_head(struct inspect *in, struct connection *c, struct exchange *x, bool ends)
{
	struct raw status = value_of(&x->head[GL_TO_CLIENT], ":status");
	uint16_t number = number_of((const uint8_t *)status.p, status.n);

	if (number < 200 && number) {
		buf_free(in, c, &x->head[GL_TO_CLIENT]);
		x->dropped[GL_TO_CLIENT] = 0;
		return;
	}
	x->status = number;
	x->has_head[GL_TO_CLIENT] = true;
	if (!ends && !x->connect)
		open_body(in, x, GL_TO_CLIENT);
}

/* Without a decoder: what can still be told. */
static void blind_head(struct connection *c, int direction, struct exchange *x)
{
	struct http2 *h2 = c->h2;

	if (direction == GL_TO_SERVER) {
		if (x->has_head[GL_TO_SERVER])
			return;
		x->flags |= TX_NO_REQUEST | (h2->midstream ? TX_MIDSTREAM : TX_GAP);
		x->head_ns = x->head_ns ?: c->now_ns;
		return;
	}
	if (!x->has_head[GL_TO_CLIENT] && !x->status) {
		uint16_t status = peek_status(h2, &h2->reader[direction]);

		x->status = status >= 200 ? status : 0;
		x->flags |= h2->midstream ? TX_MIDSTREAM : TX_GAP;
	}
}

/* Its coding is not known: counted, not looked at. */
static void blind_body(struct body_state *body)
{
	if (body->open)
		return;
	body->open = true;
	body->stopped = true;
	body->coding = CODING_UNKNOWN;
	body->flags |= BODY_SKIPPED;
}

void http2_block_end(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];
	struct exchange *x = r->x;
	int part = part_of(r, direction);
	bool ends = r->block_ends;

	if (!x)
		return;
	if (r->lost) {
		blind_head(c, direction, x);
		blind_body(&x->body[direction]);
	} else if (part == GL_TO_SERVER)
		request_head(in, c, x, ends || r->block_promise);
	else if (part == GL_TO_CLIENT)
		response_head(in, c, x, ends);
	if (r->block_promise)
		x->done[GL_TO_SERVER] = true; /* the server asked itself */
	else if (ends)
		http2_stream_end(in, c, direction, x);
}

void http2_stream_end(struct inspect *in, struct connection *c, int direction, struct exchange *x)
{
	const struct body_state *body = &x->body[direction];
	uint64_t length;

	x->last_ns = c->now_ns;
	if (direction == GL_TO_SERVER && x->has_head[GL_TO_SERVER] && !x->connect &&
	    !(body->flags & BODY_GAP) && http2_length(&x->head[GL_TO_SERVER], &length) &&
	    length != body->wire)
		x->anomalies |= ANOMALY_LENGTH_DIFFERS;
	body_end(in, c, x, direction);
	exchange_done(in, c, x, direction);
}

void http2_reset(struct inspect *in, struct connection *c, uint32_t stream)
{
	struct exchange *x = http2_find(c->h2, stream);

	if (!x)
		return;
	x->last_ns = c->now_ns;
	exchange_finish(in, c, x);
}

void http2_goaway(struct inspect *in, struct connection *c, uint32_t last_stream)
{
	struct exchange *next;

	/* streams above are nobody's (RFC 9113 section 6.8) */
	for (struct exchange *x = c->first; x; x = next) {
		next = x->next;
		if (x->stream > last_stream && x->stream & 1)
			exchange_finish(in, c, x);
	}
}

void http2_lose(struct inspect *in, struct connection *c, int direction)
{
	struct frame_reader *r = &c->h2->reader[direction];

	(void)in;
	if (r->lost)
		return;
	r->lost = true;
	r->blind = true;
	r->n_peek = 0;
	nghttp2_hd_inflate_del(r->hd);
	r->hd = NULL;
}
