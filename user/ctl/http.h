/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.h - a client for one HTTP/1.1 request over a unix socket: Content-Length, chunked or until
 * the end; whole or line by line. No redirects, no reuse, no TLS. Blocking.
 */
#pragma once

#include <stddef.h>

#define HTTP_BODY_MAX (64u << 20)
#define HTTP_LINE_MAX (1u << 20) /* of a stream */

struct http_response {
	int status;
	unsigned retry_after_s; /* 0 = not said */
	char *body; /* NUL-terminated, owned; NULL for a stream that began */
	size_t size;
};
void http_response_clear(struct http_response *response);

/*
 * `body` NULL: none, else JSON. Errors: those of connect() (-ENOENT, -ECONNREFUSED, -EACCES);
 * -ETIMEDOUT after 15 s without a byte; -EBADMSG: what came is not HTTP; -EMSGSIZE: too long;
 * -ECONNRESET: it ended too early. *ret_response is set on success only.
 */
int http_request(const char *socket, const char *method, const char *target, const char *body,
		 struct http_response *ret_response);

/* The response alone, from a connected socket; the same errors. */
int http_read(int fd, struct http_response *ret_response);

/* One line of a stream, without its end, NUL-terminated. Not 0: stop, and return that. */
typedef int (*http_line_fn)(const char *line, size_t size, void *userdata);

struct http_stream_handler {
	int (*begun)(void *userdata); /* the server has accepted; may be NULL */
	http_line_fn line;
	void *userdata;
};

/* GET of an endless body. Any status but 200 is an ordinary response; for 200 returns 0 when the
 * server ends, or what a handler returned. */
int http_stream(const char *socket, const char *target, const struct http_stream_handler *handler,
		struct http_response *ret_response);

/* Percent-encodes for a query value; the caller frees. NULL without memory. */
char *http_encode(const char *text);
