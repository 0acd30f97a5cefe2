/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.h - inside the courier: one place that records go to. sink.c decides when to try, when to
 * try again and when to stop trying; how it is done is the type's (sink_<type>.c), which knows
 * nothing of spools and waiting.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/courier/exports.h"
#include "user/courier/spool.h"

#define SINK_ERROR 160

struct http_out;
struct names;

/* What all sinks of a courier share. */
struct sinks_base {
	struct event_base *base;
	struct http_out *http;
	struct names *names;
	char host[256], version[64];
};

enum sink_breaker { SINK_CLOSED, SINK_OPEN, SINK_HALF_OPEN };

struct sink;
struct sink_ops {
	size_t max_lines, max_bytes; /* of one batch */
	/* Reads the type's own settings. -errno with a reason by sink_error(). */
	int (*open)(struct sink *sink, const json_t *config);
	void (*close)(struct sink *sink); /* NULL-safe, half-opened-safe */
	/*
	 * Sends a batch (borrowed: text ends when it returns) and answers once, now or later, with
	 * sink_sent(), sink_failed() or sink_refused().
	 */
	void (*send)(struct sink *sink, const struct spool_batch *batch);
	bool later; /* acknowledges by sink_confirmed(), not by sink_sent() */
};

struct sink {
	const struct sinks_base *shared;
	const struct sink_ops *ops;
	char name[EXPORT_NAME];
	enum export_type type;
	json_t *config;
	unsigned kinds; /* a bit for each that goes here */
	unsigned min_severity;
	bool ocsf;

	struct spool *spool;
	struct event *timer;
	bool sending; /* an answer is due */
	uint64_t sending_last; /* number of the last line under way */
	uint64_t sending_count;
	size_t max_lines; /* of a batch, as configured */
	size_t limit; /* of the next one; smaller after "too large" */

	unsigned failures; /* in a row */
	unsigned backoff_first_ms, backoff_max_ms, breaker_failures, breaker_pause_ms;
	enum sink_breaker breaker;
	uint64_t retry_at_ms; /* monotonic; 0: now */
	uint64_t attempts, failed, reconnects;
	char error[SINK_ERROR]; /* of the last failure; stays until something was sent */
	int64_t error_wall_ns;
	uint64_t opened; /* how often the breaker opened */

	int file_fd; /* jsonl: given by the keeper; -1: not yet */
	void *own; /* the type's state */
};

int sink_new(const struct sinks_base *shared, const json_t *config, struct sink **ret_sink);
void sink_free(struct sink *sink); /* NULL-safe */
/* `spool_fd`: the folder of all spools. */
int sink_begin(struct sink *sink, int spool_fd);
bool sink_takes(const struct sink *sink, unsigned kind, unsigned severity);
/* There may be something to send. */
void sink_kick(struct sink *sink);

/* Answers of ops->send(). */
void sink_sent(struct sink *sink);
/* Tried again later; `after_ms`: not before (Retry-After), 0: as the backoff says. */
__attribute__((format(printf, 3, 4))) void sink_failed(struct sink *sink, uint64_t after_ms,
						       const char *fmt, ...);
/* Nothing will make the receiver take it: smaller batches, then this one record is given up. */
__attribute__((format(printf, 2, 3))) void sink_refused(struct sink *sink, const char *fmt, ...);
/* So many of a batch that was taken were not accepted. */
void sink_sent_except(struct sink *sink, uint64_t refused);
/* For types that acknowledge later: everything up to that line has arrived. */
void sink_confirmed(struct sink *sink, uint64_t number);
/* ... and for those whose connection ended while nothing was under way. */
__attribute__((format(printf, 2, 3))) void sink_broken(struct sink *sink, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void sink_error(struct sink *sink, const char *fmt, ...);

json_t *sink_state(const struct sink *sink);

extern const struct sink_ops sink_jsonl, sink_syslog, sink_webhook, sink_otlp;
