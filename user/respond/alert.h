/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert.h - what crossed a rule's threshold, for people: one alert a case, with its count.
 *
 * Not here: the rules (alert_rules.h), counting, storing. Kind, service, operation and subject make
 * a case. What belongs to a case that is going on is counted in its alert; after a quiet time
 * (cool-down) the same case is a new alert. A storm therefore is one alert with a count, samples
 * and the most frequent operations, sources and agents.
 *
 * Texts are masked or bounded before they come here: addresses, keyed hashes, names of the policy.
 * Fed from outside, therefore bounded: ALERTS_MAX, closed ones make room first, then the one whose
 * last occurrence is the oldest; both are counted. Time is an argument. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

#define ALERTS_MAX        4096
#define ALERT_SERVICE     64
#define ALERT_OPERATION   96
#define ALERT_SUBJECT     96
#define ALERT_DETAIL      200
#define ALERT_REQUEST     64
#define ALERT_SAMPLES     5
#define ALERT_TOPS        5
#define ALERT_TOP_TEXT    64
#define ALERT_WHO         64
#define ALERT_SUBSCRIBERS 8

#define ALERT_SEVERITY_LIST(X)                                                                     \
	X(ALERT_INFO, "info")                                                                      \
	X(ALERT_LOW, "low")                                                                        \
	X(ALERT_MEDIUM, "medium")                                                                  \
	X(ALERT_HIGH, "high")                                                                      \
	X(ALERT_CRITICAL, "critical")
enum alert_severity { ALERT_SEVERITY_LIST(GL_ENUM_VALUE) ALERT_SEVERITY_MAX };

/* kind: the rule (name), the control it speaks for, severity to begin with. Append-only. */
#define ALERT_KIND_LIST(X)                                                                         \
	X(ALERT_AUTH_FAILURES, "auth-failures", "ALR-01", ALERT_MEDIUM)                            \
	X(ALERT_FORBIDDEN, "forbidden", "ALR-02", ALERT_MEDIUM)                                    \
	X(ALERT_SERVER_ERRORS, "server-errors", "ALR-03", ALERT_MEDIUM)                            \
	X(ALERT_LIMIT_EXCEEDED, "limit-exceeded", "ALR-04", ALERT_LOW)                             \
	X(ALERT_CREDENTIAL_STUFFING, "credential-stuffing", "AUTH-09", ALERT_HIGH)                 \
	X(ALERT_PASSWORD_SPRAYING, "password-spraying", "AUTH-09", ALERT_HIGH)                     \
	X(ALERT_ENUMERATION, "enumeration", "PRE-10", ALERT_HIGH)                                  \
	X(ALERT_SECRET_IN_RESPONSE, "secret-in-response", "LOG-08", ALERT_CRITICAL)                \
	X(ALERT_TLS_DOWNGRADE, "tls-downgrade", "TLS-03", ALERT_HIGH)                              \
	X(ALERT_CERTIFICATE, "certificate-expiring", "TLS-05", ALERT_MEDIUM)                       \
	X(ALERT_BLIND_LISTENER, "blind-listener", "REV-16", ALERT_MEDIUM)                          \
	X(ALERT_LOSS, "loss", "REV-16", ALERT_MEDIUM)                                              \
	X(ALERT_STORE, "store-trouble", "REV-16", ALERT_HIGH)                                      \
	X(ALERT_FINDING, "finding", "", ALERT_HIGH)                                                \
	X(ALERT_DEADLINE, "deadline", "IR-07", ALERT_HIGH)                                         \
	X(ALERT_ATTESTATION, "attestation", "PRE-14", ALERT_MEDIUM)
#define ALERT_KIND_VALUE(name, text, control, severity) name,
enum alert_kind { ALERT_KIND_LIST(ALERT_KIND_VALUE) ALERT_KIND_MAX };

#define ALERT_STATE_LIST(X)                                                                        \
	X(ALERT_OPEN, "open")                                                                      \
	X(ALERT_ACKNOWLEDGED, "acknowledged")                                                      \
	X(ALERT_CLOSED, "closed")
enum alert_state { ALERT_STATE_LIST(GL_ENUM_VALUE) ALERT_STATE_MAX };

/* How a limit is exceeded (ALR-04). */
#define ALERT_PATTERN_LIST(X)                                                                      \
	X(ALERT_PATTERN_NONE, "none")                                                              \
	X(ALERT_BURST, "burst")                                                                    \
	X(ALERT_SUSTAINED, "sustained")                                                            \
	X(ALERT_DISTRIBUTED, "distributed")                                                        \
	X(ALERT_ENUMERATING, "enumerating")                                                        \
	X(ALERT_SLOW, "slow-and-low")
enum alert_pattern { ALERT_PATTERN_LIST(GL_ENUM_VALUE) ALERT_PATTERN_MAX };

/* Never NULL: a number no enum has is "unknown". */
const char *alert_kind_name(unsigned kind);
const char *alert_kind_control(unsigned kind); /* "" where the alert brings its own */
enum alert_severity alert_kind_severity(unsigned kind);
const char *alert_severity_name(unsigned severity);
const char *alert_state_name(unsigned state);
const char *alert_pattern_name(unsigned pattern);
/* The number of a text; -ENOENT. */
int alert_kind_find(const char *text);
int alert_severity_find(const char *text);
int alert_state_find(const char *text);

/* One event behind an alert. */
struct alert_sample {
	int64_t wall_ns; /* 0: none */
	struct gl_addr source;
	uint64_t principal; /* keyed hash; 0 = none */
	uint16_t status;
	char request_id[ALERT_REQUEST]; /* "" = not known */
	char text[ALERT_DETAIL]; /* masked */
};

enum alert_dimension { ALERT_TOP_OPERATIONS, ALERT_TOP_SOURCES, ALERT_TOP_AGENTS, ALERT_TOP_MAX };
/* The most frequent ones: exact while there are at most ALERT_TOPS, else at least `count - error`.
 */
struct alert_top {
	char text[ALERT_TOP_TEXT]; /* "" = free */
	uint64_t count, error;
};

struct alert {
	uint64_t id; /* 1, 2, ... */
	enum alert_kind kind;
	enum alert_severity severity;
	enum alert_state state;
	enum alert_pattern pattern;
	char control[12]; /* "ALR-01" */
	char service[ALERT_SERVICE]; /* "" = none */
	char operation[ALERT_OPERATION]; /* "GET /api/users/{id}"; "" = any */
	/* the rest of the case: "source 192.0.2.1", "principal 5f3c...", "ja4 ...", "port 8443" */
	char subject[ALERT_SUBJECT];
	struct gl_addr source;
	bool have_source; /* one source is behind it (masked to /64 for IPv6) */
	uint64_t principal; /* keyed hash; 0 = none */
	uint32_t threshold, window_s; /* of the rule that was crossed; 0 = at once */
	uint64_t count; /* occurrences, those below the threshold included */
	uint64_t suppressed; /* after it was closed, within the cool-down */
	int64_t first_ns, last_ns; /* wall clock, of the occurrences */
	int64_t crossed_ns; /* when the threshold was crossed */
	int64_t raised_ns; /* when it became an alert */
	int64_t changed_ns; /* acknowledged or closed */
	uint64_t incident; /* 0 = none */
	char detail[ALERT_DETAIL]; /* one sentence: what was seen */
	char who[ALERT_WHO]; /* acknowledged or closed it */
	struct alert_sample samples[ALERT_SAMPLES]; /* the first ones, the last place the newest */
	struct alert_top tops[ALERT_TOP_MAX][ALERT_TOPS];
	bool rose; /* while subscribers are told: severity, pattern or state changed */
	bool dirty; /* not stored yet */
};

struct alerts;

int alerts_new(struct alerts **ret_alerts);
void alerts_free(struct alerts *alerts); /* NULL-safe */

/*
 * What was seen, for alerts_raise(). Texts are borrowed, NULL = "". severity: -1 = the kind's; an
 * alert's severity only rises.
 */
struct alert_report {
	enum alert_kind kind;
	int severity;
	enum alert_pattern pattern;
	const char *control; /* NULL: the kind's */
	const char *service, *operation, *subject, *detail;
	const struct gl_addr *source; /* NULL: none, or many */
	uint64_t principal;
	uint32_t threshold, window_s;
	uint64_t count; /* occurrences to add; 0: none, an update of the rest */
	int64_t first_ns, last_ns, crossed_ns; /* wall clock; first, crossed: 0 = last_ns */
	const struct alert_sample *sample; /* NULL: none */
	const char *top[ALERT_TOP_MAX]; /* NULL: none; each counts `count` times */
};

/*
 * Counts into the alert of that case, or makes one: 1 new, 0 counted. *ret_alert (may be NULL) is
 * borrowed until the next change. An occurrence within the cool-down after its alert was closed is
 * only counted there (suppressed). -ENOMEM.
 */
int alerts_raise(struct alerts *alerts, const struct alert_report *report, int64_t now_ns,
		 const struct alert **ret_alert);
/*
 * What was seen turns out to be something worse: the alert of case `was`, if it is going on, is one
 * of case `now` from here on, with its number, count and samples. False: there is none.
 */
bool alerts_become(struct alerts *alerts, const struct alert_report *was,
		   const struct alert_report *now);
/* One that is going on, whatever its operation. A walk over all: for rare cases. */
const struct alert *alerts_about(const struct alerts *alerts, enum alert_kind kind,
				 const char *service, const char *subject, int64_t now_ns);
/* The one of that case that is going on, or NULL. */
const struct alert *alerts_current(const struct alerts *alerts, const struct alert_report *report,
				   int64_t now_ns);
/* The newest of that case, whatever its state, or NULL. */
const struct alert *alerts_newest(const struct alerts *alerts, const struct alert_report *report);
/* A sample or a top for an alert that is there; nothing where it is not. */
void alerts_add_sample(struct alerts *alerts, uint64_t id, const struct alert_sample *sample);
void alerts_add_top(struct alerts *alerts, uint64_t id, enum alert_dimension dimension,
		    const char *text, uint64_t count);

/* Seconds of quiet after which the same case is a new alert; default 600. */
void alerts_set_cool_down(struct alerts *alerts, uint32_t seconds);

/*
 * By a person or an incident. -ENOENT; -EALREADY: it is; -EINVAL: a closed one is not acknowledged.
 */
int alerts_set_state(struct alerts *alerts, uint64_t id, enum alert_state state, const char *who,
		     int64_t now_ns);
int alerts_set_incident(struct alerts *alerts, uint64_t id, uint64_t incident);

/* One that was remembered, ascending by id. */
int alerts_restore(struct alerts *alerts, const struct alert *alert);

size_t alerts_count(const struct alerts *alerts);
const struct alert *alerts_get(const struct alerts *alerts, uint64_t id); /* NULL: not there */
/* By position, ascending by id; NULL past the newest. */
const struct alert *alerts_at(const struct alerts *alerts, size_t i);
/* Those not closed. */
size_t alerts_open(const struct alerts *alerts);
uint64_t alerts_raised(const struct alerts *alerts); /* since the start */
uint64_t alerts_evicted(const struct alerts *alerts);

/*
 * Called for each alert made (is_new) and whenever one changed: counted, state, severity. The alert
 * is borrowed during the call; alerts_set_incident() may be called from it, nothing else of this
 * file that changes. -ENOSPC: ALERT_SUBSCRIBERS are there.
 */
typedef void (*alert_fn)(const struct alert *alert, bool is_new, void *userdata);
int alerts_subscribe(struct alerts *alerts, alert_fn fn, void *userdata);

/* Each one that is not stored yet; they all are, after alerts_stored(). */
void alerts_each_dirty(const struct alerts *alerts,
		       void (*fn)(const struct alert *alert, void *userdata), void *userdata);
void alerts_stored(struct alerts *alerts);
void alerts_unstored(struct alerts *alerts);
