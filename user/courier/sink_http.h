/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_http.h - inside the courier: what webhook and OTLP have in common: a target, one transfer at
 * a time, and what an answer means.
 */
#pragma once

#include "user/courier/http_out.h"
#include "user/courier/sink.h"

struct sink_http {
	struct http_target target;
	struct http_transfer *transfer;
	char *key, *token; /* secrets of files; wiped at the end */
	/* what a 2xx says beyond yes: refused records; may be NULL */
	uint64_t (*read_answer)(const struct http_answer *answer);
};

int sink_http_open(struct sink_http *http, struct sink *sink, const json_t *config);
void sink_http_clear(struct sink_http *http);
/* Takes body. The answer goes to the sink. */
void sink_http_post(struct sink_http *http, struct sink *sink, char *body, size_t size,
		    const char *const *headers);
/* The lines of a batch as an array of objects; the caller's. */
json_t *sink_records(const struct spool_batch *batch);

/* sink_otlp.c: how many records of a batch that was taken the answer says it did not take. */
uint64_t otlp_rejected(const struct http_answer *answer);
