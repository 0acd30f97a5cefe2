/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detector.h - what a detector is: a function over a transaction that states findings, registered
 * by the control it speaks for (registry.c: one row each). Detectors run in the inspectors; they
 * keep no state between transactions except where their context says so, allocate nothing per
 * event, and show values only masked.
 */
#pragma once

#include "user/base/masked.h"
#include "user/detect/findings.h"
#include "user/inspect/transaction.h"

/* Where it was found. */
#define DETECT_PART_LIST(X)                                                                        \
	X(PART_PATH, "path")                                                                       \
	X(PART_REQUEST_HEAD, "request-head")                                                       \
	X(PART_REQUEST_BODY, "request-body")                                                       \
	X(PART_RESPONSE_HEAD, "response-head")                                                     \
	X(PART_RESPONSE_BODY, "response-body")                                                     \
	X(PART_CONNECTION, "connection")
#define DETECT_PART_VALUE(name, text) name,
enum detect_part { DETECT_PART_LIST(DETECT_PART_VALUE) PART_MAX };
const char *detect_part_name(enum detect_part part);

/* One statement. Strings are static: ids of rules, never content. */
struct detection {
	const char *control; /* "REV-13" */
	const char *rule; /* "nosniff-missing": lower case, stable, at most FINDING_RULE - 1 */
	enum finding_severity severity;
	enum detect_part part;
	struct masked evidence;
};

/* Takes a statement; the transaction is the one being looked at. */
typedef void (*detect_emit_fn)(const struct detection *detection, void *userdata);

struct facts;
struct detect_out {
	detect_emit_fn emit;
	void *userdata;
	const struct facts *facts; /* facts.h; detect_transaction() sets it */
};

/* What of the policy detectors need; borrowed. From the kernel's image (policy.h) and from what is
 * expected (expect.h). */
struct detect_policy {
	bool auth_required; /* of this operation */
	bool deprecated; /* of this operation */
	uint32_t max_page; /* 0: 100 */
	const char *const *forbidden_fields; /* JSON member names, ASCII */
	size_t n_forbidden_fields;
	uint32_t access_token_max_s; /* 0: 900 */
	bool limited; /* the class of this operation has a limit */
	uint32_t default_page; /* 0: 20 */
	const char *const
		*required_headers; /* of every answer, beside those of REV-13; lower case */
	size_t n_required_headers;
	const char *const *forbidden_headers; /* of any answer; lower case */
	size_t n_forbidden_headers;
	const char *const
		*jwt_algorithms; /* the only ones; n 0: the registered asymmetric and HMAC */
	size_t n_jwt_algorithms;
	const char *const *cors_origins; /* the only ones; n 0: what looks wrong is told */
	size_t n_cors_origins;
	uint64_t max_upload_bytes; /* 0: 10 MiB */
	const char *const
		*upload_types; /* the only ones, "image/" with a star is all of them; n 0: any */
	size_t n_upload_types;
	const char *failed_location; /* where a failed login is sent to begins so; NULL: not said */
};

enum detector_flags {
	DETECTOR_CLIENT = 1, /* looks at calls this host made, too; without it at those it served */
};

struct detector {
	const char *name; /* of the file: "headers" */
	const char *const *controls; /* ids it may speak for; NULL-terminated */
	/* heads are complete, bodies hold their first window */
	void (*transaction)(const struct transaction *tx, const struct detect_policy *policy,
			    const struct detect_out *out);
	uint32_t flags; /* enum detector_flags */
};

/* registry.c: every detector, and who speaks for a control. */
extern const struct detector *const detectors[];
size_t detectors_count(void);
const struct detector *detector_for(const char *control);
/*
 * Runs all of them. An answer of the agent's own (TX_AGENT) is not looked at. `policy` may be NULL:
 * the defaults.
 */
void detect_transaction(const struct transaction *tx, const struct detect_policy *policy,
			const struct detect_out *out);
