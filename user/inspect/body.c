/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * body.c - bodies by windows: the first one is kept for the transaction, of what comes after one
 * more is held at a time. Nobody waits for a body and no body is allowed to cost more than its
 * limits: what is too much is left out and said so (BODY_*).
 */
#include "user/inspect/inspect_private.h"

#include <string.h>
#include <strings.h>

/* What is taken at once for an announced length: it may never come. */
#define HINT_MAX 16384

/* Media types nobody reads as text; most of the bytes of most sites. */
static const char *const skipped_types[] = {
	"image/",          "video/",           "audio/",
	"font/",           "application/zip",  "application/gzip",
	"application/pdf", "application/wasm", "application/x-7z-compressed",
};

static bool begins_with(struct raw value, const char *prefix)
{
	size_t n = strlen(prefix);

	return value.n >= n && strncasecmp(value.p, prefix, n) == 0;
}

static bool nobody_reads(struct raw type)
{
	if (begins_with(type, "image/svg"))
		return false; /* is a text */
	for (size_t i = 0; i < sizeof(skipped_types) / sizeof(*skipped_types); i++)
		if (begins_with(type, skipped_types[i]))
			return true;
	return false;
}

void body_begin(struct inspect *in, struct body_state *body, const struct body_plan *plan)
{
	body->open = true;
	body->coding = (uint8_t)coding_of(plan->content_encoding);
	if (plan->strange)
		body->coding = CODING_UNKNOWN;
	if (plan->has_length && plan->length)
		body->flags |= BODY_PRESENT;
	if (begins_with(plan->content_type, "text/event-stream") || plan->until_close)
		body->flags |= BODY_STREAM;
	if (plan->has_length && body->coding == CODING_IDENTITY)
		body->hint = plan->length < HINT_MAX ? (uint32_t)plan->length : HINT_MAX;
	if (nobody_reads(plan->content_type)) {
		body->flags |= BODY_SKIPPED;
		body->hint = 0;
	}
	if (body->flags & BODY_SKIPPED && (!plan->has_length || plan->length))
		count(in, REPORT_COUNT_BODIES_SKIPPED, 1);
	if (body->coding == CODING_UNKNOWN && !(body->flags & BODY_SKIPPED)) {
		body->flags |= BODY_UNDECODABLE;
		body->stopped = true;
		count(in, REPORT_COUNT_UNDECODABLE, 1);
	}
}

/* No memory: bodies are the first to be left out. */
static void shed(struct inspect *in, struct body_state *body)
{
	body->stopped = true;
	body->flags |= BODY_CUT | BODY_SKIPPED;
	count(in, REPORT_COUNT_BODIES_SKIPPED, 1);
}

static struct buf *current(struct body_state *body)
{
	return body->rolling ? &body->window : &body->first;
}

static void show(struct inspect *in, struct body_state *body, int direction, bool last)
{
	const struct buf *buf = current(body);
	struct inspect_window window = {
		.direction = (uint8_t)direction,
		.last = last,
		.early = body->flags & BODY_SHOWN && !body->rolling,
		.bytes = buf->p,
		.n = buf->n,
		.overlap = buf->n - body->fresh,
		.off = body->decoded - buf->n,
	};

	body->fresh = 0;
	body->fresh_ns = 0;
	if (in->callbacks.body)
		in->callbacks.body(&in->tx, &window, in->userdata);
}

/* The shown window's end becomes the beginning of the next. False: no memory. */
static bool roll(struct inspect *in, struct connection *c, struct body_state *body,
		 uint32_t overlap)
{
	struct buf *from = current(body), *to = &body->window;

	if (overlap > from->n)
		overlap = from->n;
	if (!buf_reserve(in, c, to, INSPECT_WINDOW, true))
		return false;
	if (overlap)
		memmove(to->p, from->p + from->n - overlap, overlap);
	to->n = overlap;
	body->rolling = true;
	return true;
}

static void show_and_roll(struct inspect *in, struct connection *c, struct exchange *x,
			  int direction, uint32_t overlap)
{
	struct body_state *body = &x->body[direction];

	if (in->callbacks.body)
		exchange_show(in, c, x);
	show(in, body, direction, false);
	if (!roll(in, c, body, overlap))
		shed(in, body);
}

static bool grow(struct inspect *in, struct connection *c, struct body_state *body, uint32_t n)
{
	struct buf *buf = &body->first;

	if (body->rolling)
		return true;
	if (body->hint && !buf->cap)
		return buf_reserve(in, c, buf, body->hint, true);
	return buf_reserve(in, c, buf, buf->n + n, true);
}

void body_store(struct inspect *in, struct connection *c, struct exchange *x, int direction,
		const uint8_t *bytes, uint32_t n)
{
	struct body_state *body = &x->body[direction];

	while (n && !body->stopped) {
		struct buf *buf = current(body);
		uint32_t part = INSPECT_WINDOW - buf->n;

		if (!part) {
			show_and_roll(in, c, x, direction, INSPECT_OVERLAP);
			continue;
		}
		if (part > n)
			part = n;
		if (!grow(in, c, body, part)) {
			shed(in, body);
			break;
		}
		part = buf_append(in, c, buf, bytes, part, INSPECT_WINDOW, true);
		if (!part) {
			shed(in, body);
			break;
		}
		if (!body->fresh)
			body->fresh_ns = c->now_ns ?: 1;
		body->fresh += part;
		body->decoded += part;
		bytes += part;
		n -= part;
		if (body->decoded >= in->options.body_bytes && n) {
			body->stopped = true;
			body->flags |= BODY_CUT;
		}
	}
	if (body->flags & BODY_STREAM && body->fresh)
		connection_watch(in, c);
}

static void keep_for_telling(struct inspect *in, struct connection *c, struct body_state *body,
			     const uint8_t *bytes, uint32_t n)
{
	uint32_t kept;

	if (body->coding != CODING_IDENTITY)
		return;
	kept = buf_append(in, c, &body->first, bytes, n, SKIPPED_KEPT, true);
	body->decoded += kept;
}

void body_data(struct inspect *in, struct connection *c, struct exchange *x, int direction,
	       const uint8_t *bytes, uint32_t n)
{
	struct body_state *body = &x->body[direction];

	if (!body->open || !n)
		return;
	body->wire += n;
	body->flags |= BODY_PRESENT;
	if (body->stopped)
		return;
	if (body->flags & BODY_SKIPPED)
		keep_for_telling(in, c, body, bytes, n);
	else if (body->coding == CODING_IDENTITY)
		body_store(in, c, x, direction, bytes, n);
	else
		coding_decode(in, c, x, direction, bytes, n);
}

void body_gap(struct inspect *in, struct connection *c, struct exchange *x, int direction,
	      uint64_t n, bool plan)
{
	struct body_state *body = &x->body[direction];

	if (!body->open || !n)
		return;
	body->wire += n;
	body->flags |= BODY_PRESENT | (plan ? BODY_CUT : BODY_GAP);
	if (!plan)
		x->flags |= TX_GAP;
	if (body->stopped || body->flags & BODY_SKIPPED)
		return;
	if (body->coding != CODING_IDENTITY) {
		body->stopped = true; /* what follows cannot be decoded without */
		coding_free(in, c, body);
		return;
	}
	/* nothing matches across the hole */
	if (body->decoded)
		show_and_roll(in, c, x, direction, 0);
	body->decoded += n;
}

static bool is_long(const struct body_state *body)
{
	return body->rolling;
}

void body_end(struct inspect *in, struct connection *c, struct exchange *x, int direction)
{
	struct body_state *body = &x->body[direction];

	if (!body->open)
		return;
	body->open = false;
	if (body->decoder && !body->stopped && !coding_complete(body)) {
		body->flags |= BODY_UNDECODABLE;
		count(in, REPORT_COUNT_UNDECODABLE, 1);
	}
	coding_free(in, c, body);
	if (!is_long(body))
		return; /* is shown with the transaction */
	if (in->callbacks.body)
		exchange_show(in, c, x);
	show(in, body, direction, true);
	buf_free(in, c, &body->window);
}

void body_show_last(struct inspect *in, struct connection *c, struct exchange *x, int direction)
{
	struct body_state *body = &x->body[direction];

	(void)c;
	if (is_long(body) || body->flags & BODY_SKIPPED || !body->first.n)
		return;
	show(in, body, direction, true);
}

bool body_tick(struct inspect *in, struct connection *c, struct exchange *x, int direction)
{
	struct body_state *body = &x->body[direction];

	if (!body->open || !body->fresh || !(body->flags & BODY_STREAM))
		return false;
	if (in->now_ns - body->fresh_ns < in->options.stream_wait_ns)
		return true;
	if (!body->rolling)
		body->flags |= BODY_SHOWN;
	show_and_roll(in, c, x, direction, INSPECT_OVERLAP);
	return false;
}

void body_free(struct inspect *in, struct connection *c, struct body_state *body)
{
	coding_free(in, c, body);
	buf_free(in, c, &body->first);
	buf_free(in, c, &body->window);
}
