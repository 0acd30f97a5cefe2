/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/policy/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/http.h"
#include "include/glacis/watch.h"

#define SECOND    1000000000ull
#define BEGIN_NS  (10 * 86400 * SECOND) /* the first request's: windows may look back from it */
#define HEAD_SIZE 8192

struct replay {
	const struct gl_policy *image;
	struct gl_control control;
	struct gl_window_line *windows;
	struct gl_proven *proven;
	struct gl_watch *watches;
	int64_t first_ns; /* wall clock of the first request; 0: none yet */
	uint64_t now_ns;
	char head[HEAD_SIZE];
};

int replay_new(const struct gl_policy *image, struct replay **ret_replay)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->image = image;
	r->control.mode = GL_MODE_ENFORCE;
	r->control.window_lines = GL_WINDOW_LINES_DEFAULT;
	r->windows = calloc(GL_WINDOW_LINES_DEFAULT, sizeof(*r->windows));
	r->proven = calloc(GL_PROVEN_SLOTS, sizeof(*r->proven));
	r->watches = calloc(GL_WATCH_LINES, sizeof(*r->watches));
	if (!r->windows || !r->proven || !r->watches) {
		replay_free(r);
		return -ENOMEM;
	}
	*ret_replay = r;
	return 0;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	free(replay->windows);
	free(replay->proven);
	free(replay->watches);
	free(replay);
}

static void advance(struct replay *r, int64_t wall_ns)
{
	uint64_t now_ns;

	if (!r->first_ns)
		r->first_ns = wall_ns;
	now_ns = wall_ns > r->first_ns ? BEGIN_NS + (uint64_t)(wall_ns - r->first_ns) : BEGIN_NS;
	if (now_ns > r->now_ns)
		r->now_ns = now_ns;
}

/* ---------------------------------------------------------------------------------------------
 * The head, as a door reads it
 */
static bool is_line(const char *text)
{
	return *text && !strpbrk(text, "\r\n");
}

static int read_head(struct replay *r, const struct gl_service *service,
		     const struct replay_request *request, struct http_request *ret_request,
		     uint8_t *ret_outcome)
{
	struct http_piece piece = {.root = service->root};
	struct http_msg msg;
	struct http_cursor cursor = {
		.piece = &piece,
		.policy = r->image,
		.msg = &msg,
		.request = ret_request,
	};
	int n;

	if (!is_line(request->method) || !is_line(request->path))
		return -EINVAL;
	n = snprintf(r->head, sizeof(r->head), "%s %s HTTP/1.1\r\n\r\n", request->method,
		     request->path);
	if (n < 0 || (size_t)n >= sizeof(r->head))
		return -EINVAL;
	http_open(&msg, 0);
	for (int at = 0; at < n && piece.event == HTTP_NOTHING; at += (int)piece.off) {
		piece.len = (uint32_t)(n - at < HTTP_PIECE ? n - at : HTTP_PIECE);
		memcpy(piece.bytes, r->head + at, piece.len);
		memset(piece.bytes + piece.len, 0, HTTP_PIECE_PAD);
		piece.off = 0;
		for (uint32_t i = 0; i < HTTP_STEPS && !http_step(&cursor); i++)
			;
		if (!piece.off)
			break;
	}
	if (piece.event != HTTP_HEAD)
		*ret_outcome = msg.outcome ? msg.outcome : GL_OUTCOME_MALFORMED;
	else
		*ret_outcome = ret_request->flags & HTTP_R_AMBIGUOUS ? GL_OUTCOME_AMBIGUOUS
								     : GL_OUTCOME_OK;
	return 0;
}

static uint16_t op_of(const struct gl_service *service, const struct http_request *head,
		      uint8_t outcome)
{
	if (outcome == GL_OUTCOME_AMBIGUOUS)
		return service->strict_op;
	return head->op ? head->op : service->default_op;
}

/* ---------------------------------------------------------------------------------------------
 * Verdict and alerts
 */
static void decide(struct replay *r, const struct gl_service *service,
		   const struct replay_request *request, struct replay_outcome *o, uint8_t outcome,
		   struct admit_verdict *ret_verdict)
{
	struct admit_tables tables = {
		.windows = r->windows,
		.proven = r->proven,
		.window_lines = r->control.window_lines,
		.quiet = 1,
	};
	const struct admit_head head = {
		.source = request->source,
		.principal = request->principal,
		.op = o->op,
		/* the log knows that there was one, not of which kind */
		.credential = request->principal ? GL_CRED_ANY : 0,
		.outcome = outcome,
		.flags = request->secure ? ADMIT_SECURE : 0,
	};

	admit(r->image, service, &r->control, &tables, &head, r->now_ns, ret_verdict);
}

/* 1: the threshold is reached by this event. */
static int count_one(struct replay *r, const struct gl_service *service,
		     const struct replay_request *request, const struct replay_outcome *o,
		     uint16_t cls, uint8_t rule, uint8_t by)
{
	struct watch_ask ask = {
		.source = request->source,
		.principal = request->principal,
		.table = r->watches,
		.service = service->id,
		.op = r->image->ops[o->op].id,
		.cls = cls,
		.status = request->status,
		.rule = rule,
		.by = by,
	};

	return watch_name(&ask, &r->image->watch[rule], &r->image->subject_key) &&
	       watch_once(&ask, r->now_ns) == WATCH_CROSSED;
}

static void watch(struct replay *r, const struct gl_service *service,
		  const struct replay_request *request, struct replay_outcome *o, uint16_t cls)
{
	uint32_t rule = o->verdict == GL_VERDICT_LIMIT ? GL_WATCH_LIMIT
			: o->verdict == GL_VERDICT_ALLOW && !request->refused
				? watch_rule_of(request->status)
				: GL_WATCH_MAX;

	for (uint8_t by = 0; rule < GL_WATCH_MAX && by < GL_WATCH_BY_MAX; by++)
		if (count_one(r, service, request, o, cls, (uint8_t)rule, by))
			o->crossed |= (uint8_t)(1u << rule);
}

/* As at the doors: an answer other than 401 and 403 to a request that had to bear it. */
static void prove(struct replay *r, const struct replay_request *request,
		  const struct replay_outcome *o)
{
	uint32_t now_s = (uint32_t)(r->now_ns / SECOND);

	if (!request->principal || request->refused || !request->status ||
	    o->verdict != GL_VERDICT_ALLOW || !r->image->ops[o->op].auth || request->status == 403)
		return;
	if (request->status == 401)
		proven_forget(r->proven, GL_PROVEN_SLOTS, request->principal);
	else
		proven_mark(r->proven, GL_PROVEN_SLOTS, request->principal, now_s);
}

int replay_request(struct replay *replay, const struct replay_request *request,
		   struct replay_outcome *ret_outcome)
{
	const uint16_t at = replay->image->port_service[request->port];
	const struct gl_service *service;
	struct http_request head = {};
	struct replay_outcome o = {};
	struct admit_verdict verdict;
	uint8_t outcome;
	int r;

	if (!at || at > GL_SERVICES_MAX)
		return -ENOENT;
	service = &replay->image->services[at - 1];
	advance(replay, request->wall_ns);
	r = read_head(replay, service, request, &head, &outcome);
	if (r < 0)
		return r;
	o.service = (uint16_t)(at - 1);
	o.op = op_of(service, &head, outcome);
	if (outcome != GL_OUTCOME_OK && outcome != GL_OUTCOME_AMBIGUOUS) {
		o.op = service->default_op;
		o.verdict = GL_VERDICT_REFUSE;
		o.reason =
			outcome == GL_OUTCOME_TOO_LONG ? GL_REASON_TOO_LONG : GL_REASON_MALFORMED;
		*ret_outcome = o;
		return 0;
	}
	decide(replay, service, request, &o, outcome, &verdict);
	o.verdict = verdict.verdict;
	o.reason = verdict.reason;
	watch(replay, service, request, &o,
	      verdict.cls < GL_CLASSES_MAX ? replay->image->classes[verdict.cls].id : 0xffff);
	prove(replay, request, &o);
	*ret_outcome = o;
	return 0;
}
