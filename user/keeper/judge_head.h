/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge_head.h - HTTP/2 requests: an inspector has decoded the head, here it is judged by admit()
 * on the same window table as the doors count in. The application has the request already, so a
 * refusal is a cut of the connection, and the record says so (app_saw).
 */
#pragma once

#include <stdbool.h>

#include "user/inspect/report.h"

struct keeper;

#define JUDGE_WAITS 128 /* four to each doubling of nanoseconds */
#define JUDGE_ENDED 1024

struct judge_counts {
	uint64_t judged, refused, would_refuse, cuts;
	uint64_t stale; /* read with a policy gone since */
	uint64_t after_cut; /* ran, unjudged and unanswered: their connection was over */
	uint64_t not_in_step; /* the kernel did not take it that a source is to be read in lockstep
			       */
	uint64_t ended[JUDGE_ENDED]; /* connections cut here lately, by their name */
	uint64_t waits[JUDGE_WAITS]; /* from a head's last byte at the door to its verdict */
};

struct gl_service;
/* Whether refusals of the service are more than told: modes as the doors see them. */
bool judge_enforces(const struct keeper *keeper, const struct gl_service *service);

/* The handler of REPORT_HEAD. False: not what an inspector of ours writes. */
bool judge_head(struct keeper *keeper, const struct report_head *head);

/* The handler of REPORT_READ: a source in lockstep has its answers now. */
void judge_read(struct keeper *keeper, const struct report_read *read);

/* How long the slowest but one in 1 / share waited for its verdict: share 0.5 is the median. 0:
 * there were none. */
uint64_t judge_wait_ns(const struct judge_counts *counts, double share);

/* A request over HTTP/2 was answered: proves its principal, or ends the proof (status 401). */
void judge_prove(struct keeper *keeper, const struct report_transaction *tx);
