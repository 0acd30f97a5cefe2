/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.c - a request and its response while they go by, and the transaction made of them. Heads
 * are kept as they came and read into inspect.tx when somebody is to see them: a waiting exchange
 * costs its bytes, not a table.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>

static const struct raw none = {"", 0};

struct exchange *exchange_new(struct inspect *in, struct connection *c)
{
	struct exchange *x = connection_take(in, c, sizeof(*x), false);

	if (!x)
		return NULL;
	*x = (struct exchange){
		.number = ++c->number,
		.prev = c->last,
		.source = c->client,
		.service = c->service,
		.op = 0xffff,
		.cls = 0xffff,
		.begin_ns = c->now_ns,
		.last_ns = c->now_ns,
		.protocol = HTTP_PROTOCOL_1_1,
	};
	if (c->last)
		c->last->next = x;
	else
		c->first = x;
	c->last = x;
	c->n_exchanges++;
	in->n_exchanges++;
	return x;
}

void exchange_drop(struct inspect *in, struct connection *c, struct exchange *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		c->first = x->next;
	if (x->next)
		x->next->prev = x->prev;
	else
		c->last = x->prev;
	for (int d = 0; d < 2; d++) {
		if (c->h1[d].x == x) {
			c->h1[d].x = NULL;
			c->h1[d].phase = PHASE_LOST; /* its message is not over */
		}
		buf_free(in, c, &x->head[d]);
		body_free(in, c, &x->body[d]);
	}
	if (c->h2)
		http2_forget(c, x);
	connection_give(in, c, x, sizeof(*x));
	c->n_exchanges--;
	in->n_exchanges--;
}

static void show_head1(struct inspect *in, struct exchange *x, int direction)
{
	struct transaction *tx = &in->tx;
	struct fields *fields = direction == GL_TO_SERVER ? &tx->request : &tx->response;
	struct http1_head head;

	http1_head_read((char *)x->head[direction].p, x->head[direction].n,
			direction == GL_TO_CLIENT, fields, &head);
	if (direction == GL_TO_CLIENT) {
		tx->reason = head.reason;
		return;
	}
	tx->method = head.method;
	tx->target = head.target;
	tx->authority = head.host;
}

/* The pseudo-fields of HTTP/2 (RFC 9113 section 8.3) are parts of the start line. */
static void show_pair(struct transaction *tx, struct fields *fields, const struct field *field)
{
	static const struct raw method = {":method", 7}, path = {":path", 5},
				authority = {":authority", 10};

	if (!field->name.n || field->name.p[0] != ':') {
		if (fields->n < FIELDS_MAX)
			fields->field[fields->n++] = *field;
		else
			fields->dropped++;
		return;
	}
	if (fields != &tx->request)
		return;
	if (raw_equal(field->name, method))
		tx->method = field->value;
	else if (raw_equal(field->name, path))
		tx->target = field->value;
	else if (raw_equal(field->name, authority))
		tx->authority = field->value;
}

static void show_head2(struct inspect *in, struct exchange *x, int direction)
{
	struct transaction *tx = &in->tx;
	struct fields *fields = direction == GL_TO_SERVER ? &tx->request : &tx->response;
	const struct buf *buf = &x->head[direction];
	const struct field *host;
	uint32_t at = 0;

	while (buf->n - at >= sizeof(struct pair)) {
		const char *text = (const char *)buf->p + at + sizeof(struct pair);
		struct pair pair;
		struct field field;

		memcpy(&pair, buf->p + at, sizeof(pair));
		if (pair.name > buf->n || pair.value > buf->n - pair.name ||
		    pair.name + pair.value > buf->n - at - sizeof(pair))
			break;
		field = (struct field){{text, pair.name}, {text + pair.name, pair.value}};
		at += (uint32_t)sizeof(pair) + pair.name + pair.value;
		show_pair(tx, fields, &field);
	}
	if (direction != GL_TO_SERVER || tx->authority.n)
		return;
	host = fields_find(fields, "host");
	if (host)
		tx->authority = host->value;
}

/* What is known before and without heads. */
static void show_frame(struct inspect *in, const struct connection *c, const struct exchange *x)
{
	struct transaction *tx = &in->tx;

	tx->conn = c->id;
	tx->number = x->number;
	tx->stream = x->stream;
	tx->how = c->how;
	tx->role = c->role;
	tx->protocol = x->protocol;
	tx->credential = x->credential;
	tx->flags = x->flags | (c->secure ? TX_SECURE : 0);
	tx->anomalies = x->anomalies;
	tx->pid = c->pid;
	tx->client = c->client;
	tx->server = c->server;
	tx->source = x->source;
	tx->client_port = c->client_port;
	tx->server_port = c->server_port;
	tx->service = x->service;
	tx->op = x->op;
	tx->cls = x->cls;
	tx->status = x->status;
	tx->principal = x->principal;
	tx->begin_wall_ns = (int64_t)x->begin_ns + in->options.wall_offset_ns;
	tx->wait_ns = x->answer_ns > x->head_ns && x->head_ns ? x->answer_ns - x->head_ns : 0;
	tx->total_ns = x->last_ns > x->begin_ns ? x->last_ns - x->begin_ns : 0;
	memcpy(tx->request_id, x->request_id, sizeof(tx->request_id));
}

void exchange_show_connection(struct inspect *in, const struct connection *c)
{
	static const struct exchange nothing = {.op = 0xffff, .cls = 0xffff};
	struct transaction *tx = &in->tx;

	show_frame(in, c, &nothing);
	tx->source = c->client;
	tx->service = c->service;
	tx->method = tx->target = tx->authority = tx->reason = none;
	tx->request.n = tx->response.n = 0;
}

void exchange_show(struct inspect *in, struct connection *c, struct exchange *x)
{
	struct transaction *tx = &in->tx;

	show_frame(in, c, x);
	tx->method = tx->target = tx->authority = tx->reason = none;
	memset(&tx->request_body, 0, sizeof(tx->request_body));
	memset(&tx->response_body, 0, sizeof(tx->response_body));
	for (int d = 0; d < 2; d++) {
		struct fields *fields = d == GL_TO_SERVER ? &tx->request : &tx->response;

		fields->n = 0;
		fields->dropped = x->dropped[d];
		if (!x->has_head[d])
			continue;
		if (x->pairs[d])
			show_head2(in, x, d);
		else
			show_head1(in, x, d);
	}
}

void exchange_asked(struct inspect *in, struct connection *c, struct exchange *x)
{
	struct transaction *tx = &in->tx;
	bool made;

	x->has_head[GL_TO_SERVER] = true;
	x->head_ns = c->now_ns;
	exchange_show(in, c, x);
	request_id_choose(in, tx, x->request_id, &made);
	if (made)
		x->flags |= TX_ID_MADE;
	memcpy(tx->request_id, x->request_id, sizeof(tx->request_id));
	tx->flags |= made ? TX_ID_MADE : 0;
	if (!in->callbacks.request_head)
		return;
	in->callbacks.request_head(tx, in->userdata);
	x->source = tx->source;
	x->credential = tx->credential;
	x->principal = tx->principal;
	x->service = tx->service;
	x->op = tx->op;
	x->cls = tx->cls;
}

static void show_body(struct body *to, const struct body_state *from)
{
	*to = (struct body){
		.bytes = from->first.p,
		.n = from->first.n,
		.wire_bytes = from->wire,
		.decoded_bytes = from->decoded,
		.flags = from->flags,
		.coding = from->coding,
	};
}

/* The agent's own answers (user/policy/answers.c): they say which verdict they are. */
static bool is_agents(const struct transaction *tx)
{
	static const char mark[] = "\"instance\":\"urn:glacis:verdict:";
	const struct field *type = fields_find(&tx->response, "content-type");

	return tx->status >= 400 && tx->response_body.n < GL_ANSWER_TEXT && type &&
	       raw_equal(type->value, RAW("application/problem+json")) &&
	       memmem(tx->response_body.bytes ?: (const uint8_t *)"", tx->response_body.n, mark,
		      sizeof(mark) - 1);
}

void exchange_finish(struct inspect *in, struct connection *c, struct exchange *x)
{
	struct transaction *tx = &in->tx;

	for (int d = 0; d < 2; d++)
		if (x->body[d].open) {
			x->body[d].flags |= x->body[d].flags & BODY_PRESENT ? BODY_CUT : 0;
			body_end(in, c, x, d);
		}
	if (!x->has_head[GL_TO_SERVER] && !x->request_id[0]) {
		bool made;

		in->tx.request.n = 0;
		request_id_choose(in, tx, x->request_id, &made);
		x->flags |= TX_ID_MADE;
	}
	if (!x->status && (!x->pairs[GL_TO_CLIENT] || !x->done[GL_TO_CLIENT]))
		x->flags |= TX_NO_RESPONSE;
	exchange_show(in, c, x);
	body_show_last(in, c, x, GL_TO_SERVER);
	body_show_last(in, c, x, GL_TO_CLIENT);
	show_body(&tx->request_body, &x->body[GL_TO_SERVER]);
	show_body(&tx->response_body, &x->body[GL_TO_CLIENT]);
	if (is_agents(tx))
		tx->flags |= TX_AGENT;
	count(in, REPORT_COUNT_TRANSACTIONS, 1);
	if (in->callbacks.transaction)
		in->callbacks.transaction(tx, in->userdata);
	exchange_drop(in, c, x);
}

bool exchange_done(struct inspect *in, struct connection *c, struct exchange *x, int direction)
{
	x->done[direction] = true;
	if (direction == GL_TO_CLIENT && x->has_head[GL_TO_SERVER])
		c->midstream = false; /* one whole transaction was seen */
	/* after the server's end nobody answers any more */
	if (!x->done[other(direction)] && !(direction == GL_TO_SERVER && c->stream[1].ended))
		return false;
	exchange_finish(in, c, x);
	return true;
}

void exchange_finish_all(struct inspect *in, struct connection *c, uint32_t flags)
{
	while (c->first) {
		struct exchange *x = c->first;

		/* a request line that is none, never answered as one: not HTTP */
		if (c->unproven && !x->has_head[GL_TO_SERVER] && !x->status) {
			protocol_opaque(in, c);
			return;
		}
		x->flags |= flags;
		exchange_finish(in, c, x);
	}
}
