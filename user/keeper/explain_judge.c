/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/explain_judge.h"

#include <string.h>

#include "include/glacis/abi.h"

/*
 * The judge reserves and gives back in the lines it is shown: show it copies, one for each line, so
 * that the second look sees what the first did. admit() touches at most three windows of two sets.
 */
#define SHADOW_MAX 64

struct shadow {
	struct gl_window_line *real;
	uint32_t lines;
	uint32_t n;
	uint32_t index[SHADOW_MAX];
	struct gl_window_line copy[SHADOW_MAX];
};

static struct gl_window_line *shadow_line(void *ctx, uint32_t index)
{
	struct shadow *s = ctx;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->index[i] == index)
			return &s->copy[i];
	if (index >= s->lines || s->n == SHADOW_MAX)
		return NULL;
	memcpy(&s->copy[s->n], &s->real[index], sizeof(s->copy[0]));
	s->index[s->n] = index;
	return &s->copy[s->n++];
}

#define WINDOW_LINE(ctx, i) shadow_line(ctx, i)

#include "include/glacis/nets.h"
#include "include/glacis/http.h"
#include "include/glacis/admit.h"

static const struct gl_addr nobody;

/* Parses one piece from *at on; true when there is more to read. */
static bool read_piece(struct http_cursor *cursor, const struct gl_service *service,
		       const char *text, size_t size, size_t *at)
{
	struct http_piece *piece = cursor->piece;
	size_t n = size - *at < HTTP_PIECE ? size - *at : HTTP_PIECE;

	memcpy(piece->bytes, text + *at, n);
	memset(piece->bytes + n, 0, sizeof(piece->bytes) - n);
	piece->off = 0;
	piece->len = (uint32_t)n;
	piece->event = HTTP_NOTHING;
	piece->root = service->root;
	for (uint32_t i = 0; i < HTTP_STEPS && !http_step(cursor); i++)
		;
	*at += piece->off;
	if (piece->event == HTTP_ADDRESS)
		http_address(cursor->request, nets_match(cursor->policy, service->proxy_set,
							 &cursor->request->element));
	return (piece->event == HTTP_NOTHING || piece->event == HTTP_ADDRESS) && *at < size;
}

void explain_read(const struct gl_policy *image, const struct gl_service *service,
		  const struct gl_addr *peer, const char *text, size_t size,
		  struct explain_head *ret_head)
{
	struct http_piece piece;
	struct http_request request = {};
	struct http_msg msg;
	struct http_cursor cursor = {
		.piece = &piece,
		.policy = image,
		.msg = &msg,
		.request = &request,
	};
	struct explain_head *h = ret_head;
	size_t at = 0;

	memset(h, 0, sizeof(*h));
	http_open(&msg, 0);
	if (peer && nets_match(image, service->proxy_set, peer))
		request.flags = HTTP_R_TRUSTED_PEER;
	h->trusted_peer = request.flags != 0;
	while (read_piece(&cursor, service, text, size, &at))
		;
	h->outcome = piece.event == HTTP_HEAD    ? GL_OUTCOME_OK
		     : piece.event == HTTP_ERROR ? msg.outcome
						 : GL_OUTCOME_SHORT;
	h->op = request.op;
	if (request.flags & HTTP_R_AMBIGUOUS && h->outcome == GL_OUTCOME_OK) {
		h->outcome = GL_OUTCOME_AMBIGUOUS;
		h->ambiguous = request.route.ambiguous;
	}
	h->credential = request.credential;
	h->n_credentials = request.n_credentials;
	memcpy(h->credentials, request.credentials, sizeof(h->credentials));
	h->principal = request.principal;
	h->two_credentials = request.flags & HTTP_R_TWO_CREDENTIALS;
	h->forwarded = request.flags & HTTP_R_FORWARDED;
	h->source = request.source;
	h->h2c = msg.flags & HTTP_F_H2C;
}

/* A head no operation stands for: what the door says of the flow. */
static void decide_unreadable(uint8_t outcome, struct explain_verdict *v)
{
	v->verdict = GL_VERDICT_REFUSE;
	v->cls = GL_CLASS_UNLIMITED;
	v->reason = outcome == GL_OUTCOME_TOO_LONG      ? GL_REASON_TOO_LONG
		    : outcome == GL_OUTCOME_UNSUPPORTED ? GL_REASON_UNSUPPORTED
							: GL_REASON_MALFORMED;
}

void explain_decide(const struct explain_ask *ask, const struct gl_service *service,
		    const struct explain_head *head, struct explain_verdict *ret_verdict)
{
	const struct gl_control *control = kern_control(ask->kern);
	struct explain_verdict *v = ret_verdict;
	struct shadow shadow = {};
	struct admit_tables tables = {};
	struct admit_verdict judged;
	struct admit_head h = {
		.source = head->forwarded ? head->source
			  : ask->source   ? *ask->source
					  : nobody,
		.principal = head->principal,
		.credential = head->credential,
		.n_credentials = head->n_credentials,
		.outcome = head->outcome,
		/* a door looks bans up for packets; here there is none, so the judge does */
		.forwarded = ask->source || head->forwarded,
		.flags = head->h2c ? ADMIT_H2C : 0,
	};
	uint32_t slots;

	memcpy(h.credentials, head->credentials, sizeof(h.credentials));
	memset(v, 0, sizeof(*v));
	h.op = head->outcome == GL_OUTCOME_AMBIGUOUS ? service->strict_op
	       : head->op                            ? head->op
						     : service->default_op;
	v->op = h.op;
	v->enforced = admit_enforces(control, service);
	if (head->outcome != GL_OUTCOME_OK && head->outcome != GL_OUTCOME_AMBIGUOUS) {
		decide_unreadable(head->outcome, v);
		return;
	}
	shadow.real = kern_windows(ask->kern, &shadow.lines);
	tables.windows = &shadow;
	tables.window_lines = shadow.lines;
	tables.proven = kern_proven(ask->kern, &slots);
	tables.decisions.slots = kern_bans(ask->kern, &slots);
	tables.decisions.n = slots;
	tables.subjects = kern_subjects(ask->kern);
	tables.quiet = 1;
	admit(ask->image, service, control, &tables, &h, ask->now_ns, &judged);
	v->verdict = judged.verdict;
	v->reason = judged.reason;
	v->monitor = judged.monitor;
	v->enforced = v->enforced && !judged.monitor;
	v->proven = judged.proven;
	v->cls = judged.cls;
	v->limit = judged.limit;
	v->window_s = judged.window_s;
	v->remaining = judged.remaining;
	v->retry_s = judged.retry_s;
}
