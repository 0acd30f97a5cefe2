/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asking.h - who asks for what: a request's head put before the doors' own parser (http.h) with the
 * ruling policy, so that an inspector knows the operation, the credential and the source as a door
 * does, over HTTP/1 and HTTP/2 alike. No verdict is made here.
 */
#pragma once

#include "user/inspect/transaction.h"

struct asking {
	uint16_t service; /* index in services[] */
	uint16_t op; /* index in ops[] that rules: the default's where nothing matched */
	uint16_t matched; /* index in ops[] as the path matched; 0 = nothing */
	uint8_t outcome; /* GL_OUTCOME_OK, AMBIGUOUS, or why the head could not be read */
	uint8_t forwarded; /* the source is out of a trusted proxy's field */
	uint32_t n_credentials; /* may be more than are listed */
	uint64_t credentials[4]; /* keyed hash of each */
};

/*
 * Fills in service, op, cls, source, credential and principal of the transaction from its request's
 * head and server_port. -ENOENT: no service of the policy has that port; nothing is changed.
 */
int asking_read(const struct gl_policy *policy, struct transaction *tx, struct asking *ret_asking);
