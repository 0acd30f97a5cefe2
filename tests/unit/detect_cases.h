/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detect_cases.h - what a case of a detector is, and running one: a transaction as text, and the
 * exact statements expected of that detector alone, in the order it makes them. The tables are in
 * tests/unit/detect/, one file a family; test_detectors.c runs them all.
 */
#pragma once

#include <stdio.h>

#include "tests/unit/tx_build.h"
#include "user/detect/facts.h"
#include "user/detect/families.h"

/* most cases say nothing of flags and what follows */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct detect_case {
	const char *name;
	const char *request, *response; /* of tx_build() */
	const char *expect; /* "REV-13 nosniff-missing low; ..."; "" = nothing */
	uint32_t flags; /* enum transaction_flags, added */
	void (*change)(struct transaction *tx, struct detect_policy *policy); /* may be NULL */
	const char *hidden; /* must be in no evidence; may be NULL */
	const char *shown; /* must be in the evidence of one; may be NULL */
};

struct detect_suite {
	const struct detector *detector;
	const struct detect_case *cases;
	size_t n;
};

#define SUITE(name)                                                                                \
	{                                                                                          \
		&detector_##name, cases_##name, sizeof(cases_##name) / sizeof(cases_##name[0])     \
	}

struct detect_heard {
	char text[1024]; /* as in detect_case.expect */
	char evidence[2048];
	char controls[32][FINDING_CONTROL];
	size_t n;
	size_t longest_rule;
};

static inline void detect_hear(const struct detection *detection, void *userdata)
{
	struct detect_heard *heard = userdata;
	size_t at = strlen(heard->text), shown = strlen(heard->evidence);

	snprintf(heard->text + at, sizeof(heard->text) - at, "%s%s %s %s", at ? "; " : "",
		 detection->control, detection->rule, finding_severity_name(detection->severity));
	snprintf(heard->evidence + shown, sizeof(heard->evidence) - shown, "%s\n",
		 detection->evidence.text);
	if (heard->n < 32)
		snprintf(heard->controls[heard->n], FINDING_CONTROL, "%s", detection->control);
	heard->n++;
	if (strlen(detection->rule) > heard->longest_rule)
		heard->longest_rule = strlen(detection->rule);
}

/* What that detector alone says; `userdata` of the emitter is `heard`. */
static inline void detect_run_case(const struct detector *detector, const struct detect_case *c,
				   struct detect_heard *heard)
{
	struct transaction *tx = tx_build(c->request, c->response);
	struct detect_policy policy = {0};
	struct detect_out out = {detect_hear, heard, NULL};
	struct facts facts;

	*heard = (struct detect_heard){0};
	tx->flags |= c->flags;
	if (c->change)
		c->change(tx, &policy);
	facts_read(&facts, tx);
	out.facts = &facts;
	detector->transaction(tx, &policy, &out);
	free(tx);
}

/* Changes that several families need. */
static inline void auth_required(struct transaction *tx, struct detect_policy *policy)
{
	(void)tx;
	policy->auth_required = true;
}

static inline void response_cut(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->response_body.flags |= BODY_CUT;
	tx->response_body.decoded_bytes = tx->response_body.wire_bytes = 1000000;
}

static inline void request_cut(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->request_body.flags |= BODY_CUT;
	tx->request_body.decoded_bytes = tx->request_body.wire_bytes = 1000000;
}

#define GET     "GET /api/v1/items HTTP/1.1\nHost: api.shop.test\n\n"
#define JSON_OK "HTTP/1.1 200 OK\nContent-Type: application/json\n"
