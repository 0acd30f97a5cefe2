/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_run.h - layer 1: the HTTP parser over one piece of the stream, byte by byte. Filling the
 * piece and what its event means are the doors': stream.h, tls_stream.h, tls_guard.h.
 *
 * Global functions, one a direction: inside the doors' loops the parser, the largest part of all,
 * would be proven for every path that leads to it.
 */
#pragma once

#include "bpf/lib/bpf.h"

#include "include/glacis/http.h"

/* Steps a call: where returns are guarded (Safe RET), one costs about as much as a step does. */
#define HTTP_STEPS_A_CALL          3
#define HTTP_STEPS_A_CALL_RESPONSE 2

static long http_request_step(__u32 i, struct http_cursor *c)
{
#pragma clang loop unroll(disable)
	for (__u32 n = 0; n < HTTP_STEPS_A_CALL; n++)
		if (http_step(c))
			return 1;
	return 0;
}

/* The compiler knows that there is no request: nothing of a request's head is left in it. */
static long http_response_step(__u32 i, struct http_cursor *c)
{
	struct http_cursor response = {.piece = c->piece, .policy = c->policy, .msg = c->msg};

#pragma clang loop unroll(disable)
	for (__u32 n = 0; n < HTTP_STEPS_A_CALL_RESPONSE; n++)
		if (http_step(&response))
			return 1;
	return 0;
}

/* A server's bytes. Sets piece->off and piece->event. */
__global int http_run_response(struct http_piece *piece, const struct gl_policy *policy,
			       struct http_msg *msg)
{
	struct http_cursor c = {.piece = piece, .policy = policy, .msg = msg};

	if (!piece || !policy || !msg)
		return 0;
	bpf_loop(HTTP_STEPS, http_response_step, &c, 0);
	return 0;
}

/* A client's. piece->root: the service's. */
__global int http_run_request(struct http_piece *piece, const struct gl_policy *policy,
			      struct http_msg *msg, struct http_request *request)
{
	struct http_cursor c = {.piece = piece, .policy = policy, .msg = msg, .request = request};

	if (!piece || !policy || !msg || !request)
		return 0;
	bpf_loop(HTTP_STEPS, http_request_step, &c, 0);
	return 0;
}

/* Over the n bytes that were put into the piece. request: NULL, and known to be, for a response. */
static __always_inline void http_run(struct http_piece *piece, __u32 n,
				     const struct gl_policy *policy, struct http_msg *msg,
				     struct http_request *request)
{
	piece->off = 0;
	piece->len = n;
	if (request)
		http_run_request(piece, policy, msg, request);
	else
		http_run_response(piece, policy, msg);
}
