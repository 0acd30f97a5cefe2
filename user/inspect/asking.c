/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspect/asking.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "include/glacis/http.h"
#include "include/glacis/nets.h"

#define ID_NONE 0xffff

struct walk {
	const struct gl_policy *policy;
	const struct gl_service *service;
	struct http_piece piece;
	struct http_msg msg;
	struct http_request request;
	bool complete, failed;
};

/* One run over the piece; it is consumed, or the head is over. */
static void run(struct walk *w)
{
	struct http_cursor cursor = {
		.piece = &w->piece,
		.policy = w->policy,
		.msg = &w->msg,
		.request = &w->request,
	};

	while (w->piece.off < w->piece.len && !w->complete && !w->failed) {
		w->piece.event = HTTP_NOTHING;
		w->piece.root = w->service->root;
		for (int i = 0; i < HTTP_STEPS && !http_step(&cursor); i++)
			;
		if (w->piece.event == HTTP_ADDRESS)
			http_address(&w->request, nets_match(w->policy, w->service->proxy_set,
							     &w->request.element));
		else if (w->piece.event == HTTP_HEAD)
			w->complete = true;
		else if (w->piece.event != HTTP_NOTHING)
			w->failed = true;
	}
	w->piece.off = w->piece.len = 0;
}

static void feed(struct walk *w, struct raw bytes)
{
	while (bytes.n && !w->complete && !w->failed) {
		size_t room = HTTP_PIECE - w->piece.len, n = bytes.n < room ? bytes.n : room;

		memcpy(w->piece.bytes + w->piece.len, bytes.p, n);
		w->piece.len += (uint32_t)n;
		bytes = (struct raw){bytes.p + n, bytes.n - n};
		if (w->piece.len == HTTP_PIECE)
			run(w);
	}
}

/* What frames a message was read by others and is none of this; it could only end the reading. */
static bool is_framing(struct raw name)
{
	static const struct raw names[] = {
		{"content-length", 14}, {"transfer-encoding", 17},
		{"upgrade", 7},         {"connection", 10},
		{"expect", 6},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name.n == names[i].n && strncasecmp(name.p, names[i].p, name.n) == 0)
			return true;
	return false;
}

/* In HTTP/2 a value can hold what would end a line. */
static bool fits_line(struct raw text)
{
	return !text.n || (!memchr(text.p, '\n', text.n) && !memchr(text.p, '\r', text.n));
}

static void feed_field(struct walk *w, const struct field *field)
{
	if (!field->name.n || is_framing(field->name) || !fits_line(field->name) ||
	    !fits_line(field->value))
		return;
	feed(w, field->name);
	feed(w, RAW(": "));
	feed(w, field->value);
	feed(w, RAW("\r\n"));
}

static void read_head(struct walk *w, const struct transaction *tx)
{
	http_open(&w->msg, 0);
	if (nets_match(w->policy, w->service->proxy_set, &tx->client))
		w->request.flags = HTTP_R_TRUSTED_PEER;
	if (!tx->method.n || !tx->target.n || !fits_line(tx->method) || !fits_line(tx->target)) {
		w->failed = true;
		w->msg.outcome = GL_OUTCOME_MALFORMED;
		return;
	}
	feed(w, tx->method);
	feed(w, RAW(" "));
	feed(w, tx->target);
	feed(w, RAW(" HTTP/1.1\r\n"));
	for (size_t i = 0; i < tx->request.n; i++)
		feed_field(w, &tx->request.field[i]);
	feed(w, RAW("\r\n"));
	run(w);
}

static void fill(const struct walk *w, const struct asking *asking, struct transaction *tx)
{
	const struct gl_policy *policy = w->policy;
	const struct gl_op *op = asking->op < GL_OPS_MAX ? &policy->ops[asking->op] : NULL;

	tx->service = w->service->id;
	tx->op = op && asking->op ? op->id : ID_NONE;
	tx->cls = op && asking->op && op->cls < GL_CLASSES_MAX && op->cls < policy->n_classes
			  ? policy->classes[op->cls].id
			  : ID_NONE;
	tx->source = asking->forwarded ? w->request.source : tx->client;
	tx->credential = w->complete ? w->request.credential : 0;
	tx->principal = w->complete ? w->request.principal : 0;
}

int asking_read(const struct gl_policy *policy, struct transaction *tx, struct asking *ret_asking)
{
	const uint32_t at = policy->port_service[tx->server_port];
	struct asking asking = {.outcome = GL_OUTCOME_OK};
	struct walk w = {.policy = policy};

	if (!at || at > policy->n_services || at > GL_SERVICES_MAX)
		return -ENOENT;
	asking.service = (uint16_t)(at - 1);
	w.service = &policy->services[asking.service];
	read_head(&w, tx);
	if (!w.complete)
		asking.outcome = w.failed && w.msg.outcome ? w.msg.outcome : GL_OUTCOME_MALFORMED;
	else if (w.request.flags & HTTP_R_AMBIGUOUS)
		asking.outcome = GL_OUTCOME_AMBIGUOUS;
	asking.matched = w.complete ? w.request.op : 0;
	asking.op = asking.outcome == GL_OUTCOME_AMBIGUOUS ? w.service->strict_op
		    : asking.matched                       ? asking.matched
							   : w.service->default_op;
	asking.forwarded = w.complete && w.request.flags & HTTP_R_FORWARDED;
	asking.n_credentials = w.complete ? w.request.n_credentials : 0;
	memcpy(asking.credentials, w.request.credentials, sizeof(asking.credentials));
	fill(&w, &asking, tx);
	*ret_asking = asking;
	return 0;
}
