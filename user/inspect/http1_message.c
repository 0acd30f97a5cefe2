/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http1_message.c - where HTTP/1 messages begin and end, and which response answers which request
 * (RFC 9112 sections 6.3, 7.8 and 9.3).
 *
 * Responses answer in the order of requests. After a loss that order is known again as soon as the
 * client is known to have waited: who does not pipeline sends a request only when all before it
 * are answered. Who does is lost until both directions are silent; what cannot be told is then not
 * told (TX_NO_REQUEST, TX_NO_RESPONSE) rather than guessed.
 *
 * One direction waits for what is missing while the other goes on, so order here is no evidence of
 * who waited for whom: the times at which the doors saw the bytes are.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>

static bool has_token(struct raw value, const char *token)
{
	size_t n = strlen(token);

	return value.n == n && raw_equal_nocase(value, (struct raw){token, n});
}

/* The oldest exchange whose response is still to come or being read. */
static struct exchange *answering(struct connection *c)
{
	struct exchange *x = c->first;

	while (x && x->done[GL_TO_CLIENT])
		x = x->next;
	return x;
}

/* Did the door see the request before the bytes being read? */
static bool was_asked(const struct connection *c, const struct exchange *x)
{
	return x->begin_ns <= c->now_ns;
}

static struct exchange *begin_request(struct inspect *in, struct connection *c)
{
	struct http1 *answer = &c->h1[GL_TO_CLIENT];
	struct exchange *x;

	/* a response whose end was not seen ended before this */
	if (answer->phase == PHASE_LOST && answer->x && !c->pipelined)
		http1_message_end(in, c, GL_TO_CLIENT);
	if (c->silent && !c->first)
		c->unpaired = false;
	if (c->n_exchanges >= EXCHANGES_MAX) {
		count(in, REPORT_COUNT_STREAMS_EVICTED, 1);
		exchange_finish(in, c, c->first);
	}
	x = exchange_new(in, c);
	if (!x)
		return NULL;
	if (c->h1[GL_TO_SERVER].close)
		x->anomalies |= ANOMALY_EARLY;
	if (c->midstream)
		x->flags |= TX_MIDSTREAM;
	if (c->unpaired) {
		x->done[GL_TO_CLIENT] = true; /* nobody can tell which response is its own */
		x->flags |= TX_GAP | TX_NO_RESPONSE;
	}
	return x;
}

static struct exchange *begin_response(struct inspect *in, struct connection *c)
{
	struct exchange *x = answering(c);
	bool lost = x && c->lossy && !was_asked(c, x); /* what it answers is missing */

	if (!x || lost) {
		if (!lost && !c->requests_unknown && !c->forced && !c->unpaired &&
		    !c->stream[GL_TO_SERVER].ended)
			return NULL;
		x = exchange_new(in, c);
		if (!x)
			return NULL;
		c->forced = false; /* the next one may have been asked for */
		x->flags |= TX_NO_REQUEST;
		x->done[GL_TO_SERVER] = true;
		if (c->midstream)
			x->flags |= TX_MIDSTREAM;
		else if (lost || c->requests_unknown || c->unpaired ||
			 c->stream[GL_TO_SERVER].pieces)
			x->flags |= TX_GAP;
		else
			x->anomalies |= ANOMALY_UNSOLICITED;
	} else if (x->next && x->next->has_head[GL_TO_SERVER] && was_asked(c, x->next)) {
		c->pipelined = true; /* it did not wait for this */
	}
	if (c->h1[GL_TO_CLIENT].close)
		x->anomalies |= ANOMALY_EARLY;
	x->answer_ns = c->now_ns;
	return x;
}

struct exchange *http1_begin(struct inspect *in, struct connection *c, int direction)
{
	if (direction == GL_TO_SERVER)
		return begin_request(in, c);
	return begin_response(in, c);
}

void http1_message_end(struct inspect *in, struct connection *c, int direction)
{
	struct http1 *h = &c->h1[direction];
	struct exchange *x = h->x;

	h->x = NULL;
	h->phase = PHASE_IDLE;
	h->chunked = false;
	if (!x)
		return;
	if (direction == GL_TO_CLIENT || !x->done[GL_TO_CLIENT])
		x->last_ns = c->now_ns;
	body_end(in, c, x, direction);
	exchange_done(in, c, x, direction);
}

static void tunnel(struct inspect *in, struct connection *c, struct exchange *x)
{
	x->flags |= TX_UPGRADED;
	/* what was begun after it is no request */
	while (x->next)
		exchange_drop(in, c, x->next);
	c->h1[GL_TO_SERVER].phase = PHASE_TUNNEL;
	if (!x->done[GL_TO_SERVER])
		exchange_done(in, c, x, GL_TO_SERVER);
	http1_message_end(in, c, GL_TO_CLIENT);
	c->h1[GL_TO_CLIENT].phase = PHASE_TUNNEL;
}

/* Upgrade: h2c (RFC 7540 section 3.2; gone from RFC 9113, not from the world). */
static void become_http2(struct inspect *in, struct connection *c, struct exchange *x)
{
	x->flags |= TX_UPGRADED;
	buf_free(in, c, &x->head[GL_TO_CLIENT]);
	c->h1[GL_TO_CLIENT].x = c->h1[GL_TO_SERVER].x = NULL;
	while (x->next)
		exchange_drop(in, c, x->next);
	if (http2_open(in, c, false, false) < 0) {
		x->status = 101;
		exchange_finish(in, c, x);
		protocol_opaque(in, c);
		return;
	}
	c->protocol = PROTOCOL_HTTP2;
	x->done[GL_TO_SERVER] = true;
	if (!x->has_head[GL_TO_SERVER]) {
		/* answered before it was asked: what there is of it is no list of pairs */
		buf_free(in, c, &x->head[GL_TO_SERVER]);
		x->pairs[GL_TO_SERVER] = true;
		x->flags |= TX_NO_REQUEST;
	}
	http2_adopt(c, x);
}

static void open_body(struct inspect *in, struct connection *c, int direction,
		      const struct http1_head *head, uint8_t phase)
{
	struct http1 *h = &c->h1[direction];
	struct body_plan plan = {
		.content_type = head->content_type,
		.content_encoding = head->content_encoding,
		.has_length = phase == PHASE_BODY,
		.length = head->length,
		.strange = head->anomalies & ANOMALY_CODING_UNKNOWN,
		.until_close = phase == PHASE_UNTIL_CLOSE,
	};

	h->phase = phase;
	h->remaining = phase == PHASE_BODY ? head->length : 0;
	h->digits = 0;
	h->cr = false;
	h->chunked = phase == PHASE_CHUNK_SIZE;
	body_begin(in, &h->x->body[direction], &plan);
}

static void request_head(struct inspect *in, struct connection *c, const struct http1_head *head)
{
	struct exchange *x = c->h1[GL_TO_SERVER].x;

	x->connect = has_token(head->method, "CONNECT");
	x->no_body = has_token(head->method, "HEAD");
	x->expects = head->expects;
	exchange_asked(in, c, x);
	if (head->chunked) {
		open_body(in, c, GL_TO_SERVER, head, PHASE_CHUNK_SIZE);
	} else if (head->has_coding) {
		/* its end is anybody's guess (RFC 9112 section 6.3: 400) */
		http1_lost(in, c, GL_TO_SERVER, true);
	} else if (head->has_length && head->length) {
		open_body(in, c, GL_TO_SERVER, head, PHASE_BODY);
	} else {
		http1_message_end(in, c, GL_TO_SERVER);
	}
}

static void response_head(struct inspect *in, struct connection *c, const struct http1_head *head)
{
	struct exchange *x = c->h1[GL_TO_CLIENT].x;
	bool websocket = has_token(head->upgrade, "websocket");

	if (head->status < 200 && head->status != 101) {
		/* an interim response: the final one follows */
		buf_free(in, c, &x->head[GL_TO_CLIENT]);
		c->h1[GL_TO_CLIENT].x = NULL;
		c->h1[GL_TO_CLIENT].phase = PHASE_IDLE;
		return;
	}
	if (head->status == 101 && has_token(head->upgrade, "h2c")) {
		become_http2(in, c, x);
		return;
	}
	x->status = head->status;
	x->has_head[GL_TO_CLIENT] = true;
	if (head->status == 101 || (x->connect && head->status < 300)) {
		x->flags |= websocket ? TX_WEBSOCKET : 0;
		tunnel(in, c, x);
	} else if (x->no_body || head->status == 204 || head->status == 304) {
		http1_message_end(in, c, GL_TO_CLIENT);
	} else if (head->chunked) {
		open_body(in, c, GL_TO_CLIENT, head, PHASE_CHUNK_SIZE);
	} else if (head->has_length && !head->has_coding) {
		if (head->length)
			open_body(in, c, GL_TO_CLIENT, head, PHASE_BODY);
		else
			http1_message_end(in, c, GL_TO_CLIENT);
	} else {
		open_body(in, c, GL_TO_CLIENT, head, PHASE_UNTIL_CLOSE);
	}
}

/* The start line was none. Before anything else was HTTP, perhaps nothing is. */
static void no_line(struct inspect *in, struct connection *c, int direction)
{
	struct exchange *x = c->h1[direction].x;

	if (direction == GL_TO_CLIENT && c->unproven) {
		protocol_opaque(in, c);
		return;
	}
	if (direction == GL_TO_SERVER && !c->unproven)
		exchange_asked(in, c, x); /* to be looked at, as it is */
	http1_lost(in, c, direction, true);
}

/* Is there something of a start line to go by? */
static bool starts(const struct http1_head *head, int direction)
{
	return direction == GL_TO_SERVER ? head->target.n > 0 : head->status > 0;
}

void http1_head(struct inspect *in, struct connection *c, int direction)
{
	struct http1 *h = &c->h1[direction];
	struct exchange *x = h->x;
	struct buf *buf = &x->head[direction];
	struct fields *fields = direction == GL_TO_SERVER ? &in->tx.request : &in->tx.response;
	struct http1_head head;

	http1_head_read((char *)buf->p, buf->n, direction == GL_TO_CLIENT, fields, &head);
	x->anomalies |= head.anomalies;
	if (direction == GL_TO_SERVER || x->flags & TX_NO_REQUEST)
		x->protocol = head.minor ? HTTP_PROTOCOL_1_1 : HTTP_PROTOCOL_1_0;
	h->close = head.close || (!head.minor && !head.keep_alive);
	if (head.anomalies & ANOMALY_BAD_LINE && (c->unproven || !starts(&head, direction))) {
		h->close = false;
		no_line(in, c, direction);
		return;
	}
	if (c->unproven && direction == GL_TO_CLIENT && x->anomalies & ANOMALY_BAD_LINE &&
	    !x->has_head[GL_TO_SERVER])
		exchange_asked(in, c, x); /* it was answered as a request */
	c->unproven = false;
	if (direction == GL_TO_SERVER) {
		c->requests_unknown = false;
		request_head(in, c, &head);
	} else {
		response_head(in, c, &head);
	}
}

void http1_lost(struct inspect *in, struct connection *c, int direction, bool plan)
{
	struct http1 *h = &c->h1[direction];
	struct exchange *x = h->x;

	h->phase = PHASE_LOST;
	if (x && x->body[direction].open && x->body[direction].flags & BODY_PRESENT)
		x->body[direction].flags |= plan ? BODY_CUT : BODY_GAP;
	if (!plan)
		c->lossy = true;
	if (c->pipelined && !plan)
		c->unpaired = true;
	if (direction == GL_TO_CLIENT) {
		/* x stays: it ends with the next request, or with the connection */
		if (!x)
			h->x = x = answering(c);
		if (x)
			x->flags |= plan ? 0 : TX_GAP;
		return;
	}
	c->requests_unknown = true;
	h->x = NULL;
	if (!x)
		return;
	x->flags |= plan ? 0 : TX_GAP;
	body_end(in, c, x, GL_TO_SERVER);
	exchange_done(in, c, x, GL_TO_SERVER);
}

void http1_found(struct inspect *in, struct connection *c, int direction)
{
	struct http1 *h = &c->h1[direction];

	h->phase = PHASE_IDLE;
	h->close = false;
	if (direction == GL_TO_SERVER)
		return;
	if (h->x && (h->x->has_head[direction] || h->x->head[direction].n || c->unpaired))
		http1_message_end(in, c, direction);
	h->x = NULL;
	/* of those that were asked for, only the last one can have waited for this */
	while (!c->pipelined && c->first && c->first->next && was_asked(c, c->first->next)) {
		c->first->flags |= TX_GAP;
		exchange_finish(in, c, c->first);
	}
	while (c->unpaired && c->first) {
		c->first->flags |= TX_GAP;
		exchange_finish(in, c, c->first);
	}
}

void http1_end(struct inspect *in, struct connection *c, int direction)
{
	struct http1 *h = &c->h1[direction];

	if (h->phase == PHASE_UNTIL_CLOSE)
		http1_message_end(in, c, direction);
	if (direction == GL_TO_CLIENT)
		exchange_finish_all(in, c, 0);
	else if (h->phase != PHASE_TUNNEL && h->x)
		http1_lost(in, c, direction, true);
	if (c->protocol == PROTOCOL_HTTP1)
		h->phase = PHASE_TUNNEL; /* nothing is read any more */
}
