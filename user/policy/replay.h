/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.h - what a policy would have done with requests that have been: each goes through the
 * doors' own parser, admit() and alert windows, on tables of this replay alone. Nothing here knows
 * an agent or touches one. Called by glacisctl's backtest and its tests.
 *
 * Time is the requests': they come in order. Not replayed: decisions (bans, suspensions: they are
 * nobody's policy), framing and TLS handshakes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "include/glacis/abi.h"

struct replay_request {
	int64_t wall_ns; /* not before the last one's: what is, is taken as at the same time */
	struct gl_addr source;
	uint64_t principal; /* keyed hash; 0: no credential */
	const char *method, *path; /* path: may be masked where it held a value */
	uint16_t port, status; /* status: the application's; 0: none */
	bool secure;
	bool refused; /* then, by the agent: the application's status is not known */
};

struct replay_outcome {
	uint8_t verdict, reason; /* enum gl_verdict, gl_reason */
	uint16_t service, op; /* index in services[] and ops[] */
	uint8_t crossed; /* alert rules (bits of enum gl_watch_rule_id) that this request made */
};

struct replay;

/* Borrows the image. */
int replay_new(const struct gl_policy *image, struct replay **ret_replay);
void replay_free(struct replay *replay); /* NULL-safe */

/* -ENOENT: no service of the policy has that port; -EINVAL: no method or path. */
int replay_request(struct replay *replay, const struct replay_request *request,
		   struct replay_outcome *ret_outcome);
