/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_reader.h - drives include/glacis/http.h over a stream as a door does; for the unit tests and
 * the fuzz target. `policy` has one service; 10.0.0.0/8 are its trusted proxies.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/http.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

static const char http_policy_text[] =
	"apiVersion: glacis.dev/v1alpha1\n"
	"kind: ApiPolicy\n"
	"metadata: {name: t}\n"
	"spec:\n"
	"  mode: enforce\n"
	"  credentials: {apiKeyHeaders: [x-api-key], sessionCookies: [connect.sid]}\n"
	"  services:\n"
	"    - name: s\n"
	"      ports: [80]\n"
	"      operations:\n"
	"        - {match: \"POST /api/v1/auth/**\", class: auth, auth: none}\n"
	"        - {match: \"GET /a\", class: general, auth: none}\n"
	"  classes:\n"
	"    general: {limit: 100/15m}\n"
	"    auth: {limit: 5/15m}\n";

/* The compiled policy above; NULL when it cannot be had. The caller's to free(). */
static inline struct gl_policy *http_policy_new(void)
{
	struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	struct gl_policy *image = calloc(1, sizeof(*image));
	struct policy *model = NULL;
	struct intern *intern = NULL;
	struct problems problems;
	bool good;

	good = image && problems_init(&problems, "t") == 0 &&
	       policy_read(http_policy_text, strlen(http_policy_text), "t", &problems, &model) ==
		       0 &&
	       intern_new(&intern) == 0 &&
	       policy_compile(model, &keys, 1, intern, &problems, image) == 0;
	problems_clear(&problems);
	policy_free(model);
	intern_free(intern);
	if (good)
		return image;
	free(image);
	return NULL;
}

/* What a stream was read as: the first 64 requests. */
#define HTTP_READING_MAX 64
struct http_reading {
	unsigned requests, messages;
	unsigned failed; /* enum gl_outcome, 0 = none */
	unsigned ops[HTTP_READING_MAX];
	uint64_t principals[HTTP_READING_MAX];
	uint8_t credentials[HTTP_READING_MAX], flags[HTTP_READING_MAX];
	struct gl_addr sources[HTTP_READING_MAX];
};

struct http_reader {
	const struct gl_policy *policy;
	struct http_piece *piece;
	struct http_msg msg;
	struct http_request request;
	struct http_reading *reading;
};

static inline void http_reader_begin(struct http_reader *r, const struct gl_policy *policy,
				     struct http_piece *piece, struct http_reading *reading)
{
	memset(r, 0, sizeof(*r));
	memset(reading, 0, sizeof(*reading));
	r->policy = policy;
	r->piece = piece;
	r->reading = reading;
	http_open(&r->msg, 0);
	r->request.flags = HTTP_R_TRUSTED_PEER;
}

static inline void http_reader_head(struct http_reader *r)
{
	struct http_reading *out = r->reading;
	unsigned i = out->requests % HTTP_READING_MAX;

	out->ops[i] = r->request.op;
	out->principals[i] = r->request.principal;
	out->credentials[i] = r->request.credential;
	out->flags[i] = r->request.flags;
	if (r->request.flags & HTTP_R_FORWARDED)
		out->sources[i] = r->request.source;
	out->requests++;
	out->messages += http_body_begin(&r->msg, 0);
}

/* One run; true when the piece is consumed or the stream has failed. */
static inline bool http_reader_run(struct http_reader *r)
{
	struct http_cursor c = {
		.piece = r->piece,
		.policy = r->policy,
		.msg = &r->msg,
		.request = &r->request,
	};
	uint32_t skip = http_skippable(&r->msg, r->piece->len - r->piece->off);

	if (skip) {
		r->reading->messages += http_skipped(&r->msg, skip);
		r->piece->off += skip;
		return r->piece->off == r->piece->len;
	}
	r->piece->event = HTTP_NOTHING;
	r->piece->root = r->policy->services[0].root;
	for (int i = 0; i < HTTP_STEPS && !http_step(&c); i++)
		;
	if (r->piece->event == HTTP_ADDRESS)
		http_address(&r->request, r->request.element.b[12] == 10);
	if (r->piece->event == HTTP_MESSAGE)
		r->reading->messages++;
	if (r->piece->event == HTTP_HEAD)
		http_reader_head(r);
	if (r->piece->event == HTTP_ERROR) {
		r->reading->failed = r->msg.outcome;
		return true;
	}
	return r->piece->off == r->piece->len;
}

static inline void http_reader_feed(struct http_reader *r, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n && !r->reading->failed) {
		size_t part = n > HTTP_PIECE ? HTTP_PIECE : n;

		memcpy(r->piece->bytes, at, part);
		r->piece->off = 0;
		r->piece->len = part;
		while (!http_reader_run(r))
			;
		at += part;
		n -= part;
	}
}
