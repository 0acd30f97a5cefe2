/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain_judge.h - the dry run behind explain.h: head text to request, request to verdict.
 */
#pragma once

#include <stdbool.h>

#include "user/keeper/explain.h"

struct explain_head {
	uint8_t outcome; /* enum gl_outcome; OK: the rest is set */
	uint16_t op; /* index in ops[]; 0: no operation matched */
	uint16_t ambiguous; /* enum route_ambiguity bits */
	uint8_t credential;
	uint32_t n_credentials; /* may be more than are listed */
	uint64_t credentials[4];
	bool forwarded, trusted_peer, two_credentials, h2c;
	struct gl_addr source; /* of the header, if forwarded */
	uint64_t principal;
};

/* Runs the head through the parser as the service's door would. */
void explain_read(const struct gl_policy *image, const struct gl_service *service,
		  const struct gl_addr *peer, const char *text, size_t size,
		  struct explain_head *ret_head);

struct explain_verdict {
	uint32_t op; /* index in ops[] it was judged as */
	uint8_t verdict, reason;
	bool monitor; /* a rule lowers itself */
	bool enforced; /* the mode in force lets the verdict act */
	bool proven;
	uint16_t cls; /* index in classes[], GL_CLASS_UNLIMITED */
	uint32_t limit, window_s, remaining, retry_s;
};

/* Judges it on copies of the window lines. */
void explain_decide(const struct explain_ask *ask, const struct gl_service *service,
		    const struct explain_head *head, struct explain_verdict *ret_verdict);
