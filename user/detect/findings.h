/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings.h - what detectors stated: a control, a rule of it, what it is about. The same statement
 * again is counted, not repeated.
 *
 * Bounded: the one not stated for longest makes room and is counted. Evidence is masked or bounded
 * text before it comes here; nothing of a request's content is in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDINGS_MAX        4096
#define FINDING_TALLIES_MAX 1024
#define FINDING_CONTROL     12
#define FINDING_RULE        32
#define FINDING_SERVICE     64
#define FINDING_SUBJECT     96
#define FINDING_EVIDENCE    240
#define FINDING_REQUEST     64

enum finding_severity { FINDING_INFO, FINDING_LOW, FINDING_MEDIUM, FINDING_HIGH, FINDING_CRITICAL };
const char *finding_severity_name(enum finding_severity severity);

struct finding {
	uint64_t id; /* 1, 2, ...; given by findings_put() */
	char control[FINDING_CONTROL]; /* "TLS-03" */
	char rule[FINDING_RULE]; /* "sentinel" */
	char service[FINDING_SERVICE];
	char subject[FINDING_SUBJECT]; /* what it is about: "shop.test:8443", "GET /api/users/{id}"
					*/
	char evidence[FINDING_EVIDENCE]; /* of the newest occurrence */
	char request[FINDING_REQUEST]; /* its request id; "" = not about one request */
	enum finding_severity severity;
	int64_t first_wall_ns, last_wall_ns;
	uint64_t count;
	uint32_t more; /* to findings_put(): occurrences beside this one */
	bool dirty; /* not stored yet */
};

/*
 * What was stated of a control about a service, in all: findings that made room are in it, those of
 * severity info are not.
 */
struct finding_tally {
	char control[FINDING_CONTROL];
	char service[FINDING_SERVICE];
	uint64_t count;
	uint64_t last_id; /* of the newest one */
	int64_t last_wall_ns;
	bool dirty;
};

struct findings;

int findings_new(struct findings **ret_findings);
void findings_free(struct findings *findings); /* NULL-safe */

/*
 * Control, rule, service and subject make a finding what it is; the rest is of this occurrence.
 * Returns 1 if it is new, 0 if it was counted. *ret_finding (may be NULL) is borrowed until the
 * next change.
 */
int findings_put(struct findings *findings, const struct finding *finding,
		 const struct finding **ret_finding);
/* One that was remembered: id, times and count are kept. */
void findings_restore(struct findings *findings, const struct finding *finding);

size_t findings_count(const struct findings *findings);
/* By position, ascending by id; NULL past the newest. */
const struct finding *findings_at(const struct findings *findings, size_t i);
const struct finding *findings_find(const struct findings *findings, uint64_t id);
/* Each one that is not stored yet; they all are, after findings_stored(). */
void findings_each_dirty(const struct findings *findings,
			 void (*fn)(const struct finding *finding, void *userdata), void *userdata);
void findings_stored(struct findings *findings);
void findings_unstored(struct findings *findings);
/* Occurrences since the start, those of findings that were counted on included. */
uint64_t findings_made(const struct findings *findings);
/* In no order; NULL past the last. At most FINDING_TALLIES_MAX: beyond, nothing is counted. */
const struct finding_tally *findings_tally(const struct findings *findings, size_t i);
/* One that was remembered; nothing of it may be counted yet. */
void findings_restore_tally(struct findings *findings, const struct finding_tally *tally);
uint64_t findings_evicted(const struct findings *findings);
