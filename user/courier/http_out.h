/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_out.h - inside the courier: HTTP requests to others, by libcurl on the libevent base.
 *
 * One rule set for all: no redirect is followed, certificates and names are verified, TLS 1.2 at
 * least, no proxy, no cookies, no file or other scheme; of an answer the first 4 KiB are kept.
 */
#pragma once

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "user/courier/names.h"

#define HTTP_ANSWER_MAX  4096
#define HTTP_HEADERS_MAX 8

/* Once per process, before the sandbox: what OpenSSL reads when it begins. */
int http_out_prepare(void);

struct http_out;
int http_out_new(struct event_base *base, struct http_out **ret_out);
void http_out_free(struct http_out *out); /* NULL-safe; no transfer may be open */

struct http_target {
	char *url; /* of the configuration, checked there */
	char *host;
	uint16_t port;
	char *ca; /* PEM; NULL: the host's own list */
	unsigned timeout_ms;
};

struct http_answer {
	const char *error; /* NULL: there is a status */
	long status;
	uint64_t retry_after_ms; /* 0: not said */
	const char *body; /* terminated; its beginning */
	size_t size;
};
typedef void (*http_done_fn)(const struct http_answer *answer, void *userdata);

struct http_transfer;
/*
 * POSTs `body` (taken, freed) as application/json with further header lines ("Name: value", a
 * NULL-terminated list, copied). `done` is called once, later. -ENOMEM.
 */
int http_out_post(struct http_out *out, struct names *names, const struct http_target *target,
		  char *body, size_t size, const char *const *headers, http_done_fn done,
		  void *userdata, struct http_transfer **ret_transfer);
void http_out_cancel(struct http_transfer *transfer); /* `done` is not called; NULL-safe */
