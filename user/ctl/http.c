/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c - see http.h. RFC 9112 sections 4 to 7, of a response. */
#include "user/ctl/http.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"

#define SILENCE_S     15 /* longer than the courier's own 503 */
#define HEADERS_MAX   100
#define HEAD_LINE_MAX 8192

struct reader {
	int fd;
	char data[16384];
	size_t start, end;
	/* of the body */
	bool chunked, until_end, ended;
	bool in_chunks; /* a CRLF comes before the next chunk's size */
	uint64_t left; /* of the chunk or of the body */
};

void http_response_clear(struct http_response *response)
{
	free(response->body);
	memset(response, 0, sizeof(*response));
}

/* 1: there are bytes; 0: the end */
static int fill(struct reader *reader)
{
	ssize_t n;

	if (reader->start < reader->end)
		return 1;
	do
		n = recv(reader->fd, reader->data, sizeof(reader->data), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	reader->start = 0;
	reader->end = n;
	return n > 0;
}

/* A line without its CRLF (or LF, RFC 9112 section 2.2). */
static int read_line(struct reader *reader, char line[HEAD_LINE_MAX])
{
	size_t size = 0;
	int r;

	for (;;) {
		r = fill(reader);
		if (r <= 0)
			return r < 0 ? r : -ECONNRESET;
		if (reader->data[reader->start] == '\n')
			break;
		if (size == HEAD_LINE_MAX - 1)
			return -EMSGSIZE;
		line[size++] = reader->data[reader->start++];
	}
	reader->start++;
	if (size > 0 && line[size - 1] == '\r')
		size--;
	line[size] = 0;
	return 0;
}

/* Digits only, then one of `ends` or nothing; strtoull alone would take signs, spaces and "0x". */
static int parse_number(const char *text, int base, const char *ends, uint64_t *ret_number)
{
	size_t digits = strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");

	if (digits == 0 || (text[digits] && !strchr(ends, text[digits])))
		return -EBADMSG;
	errno = 0;
	*ret_number = strtoull(text, NULL, base);
	return errno ? -EBADMSG : 0;
}

static int read_field(struct reader *reader, char *line, struct http_response *response)
{
	char *value = strchr(line, ':');
	uint64_t number = 0;
	int r = 0;

	if (!value)
		return -EBADMSG;
	*value++ = 0;
	value += strspn(value, " \t");
	if (strcasecmp(line, "Content-Length") == 0) {
		r = parse_number(value, 10, " \t", &reader->left);
		reader->until_end = false;
	} else if (strcasecmp(line, "Transfer-Encoding") == 0) {
		reader->chunked = strcasecmp(value, "chunked") == 0;
		r = reader->chunked ? 0 : -EBADMSG;
	} else if (strcasecmp(line, "Retry-After") == 0) {
		if (parse_number(value, 10, " \t", &number) == 0 && number < 3600)
			response->retry_after_s = (unsigned)number;
	}
	return r;
}

static int read_head(struct reader *reader, struct http_response *response)
{
	char line[HEAD_LINE_MAX];
	int r = read_line(reader, line);

	if (r < 0)
		return r;
	if (sscanf(line, "HTTP/1.%*1[01] %3d", &response->status) != 1 || response->status < 100)
		return -EBADMSG;
	reader->until_end = true;
	for (int i = 0; i < HEADERS_MAX; i++) {
		r = read_line(reader, line);
		if (r < 0)
			return r;
		if (!*line) {
			if (reader->chunked) /* wins over a length, RFC 9112 section 6.3 */
				reader->left = 0;
			return 0;
		}
		r = read_field(reader, line, response);
		if (r < 0)
			return r;
	}
	return -EMSGSIZE;
}

/* To the next chunk's data, or to the end of the last one and its trailers. */
static int next_chunk(struct reader *reader)
{
	char line[HEAD_LINE_MAX];
	int r = 0;

	if (reader->in_chunks) {
		r = read_line(reader, line);
		if (r == 0 && *line)
			r = -EBADMSG;
	}
	if (r == 0)
		r = read_line(reader, line);
	if (r == 0)
		r = parse_number(line, 16, "; \t", &reader->left);
	reader->in_chunks = true;
	if (r < 0 || reader->left > 0)
		return r;
	reader->ended = true;
	do
		r = read_line(reader, line);
	while (r == 0 && *line);
	return r;
}

/* Bytes of the body that are there: *ret_data, valid until the next call. 0: the body has ended. */
static ssize_t read_body(struct reader *reader, const char **ret_data)
{
	size_t n;
	int r;

	if (reader->chunked && !reader->ended && reader->left == 0) {
		r = next_chunk(reader);
		if (r < 0)
			return r;
	}
	if (reader->ended || (!reader->until_end && !reader->chunked && reader->left == 0))
		return 0;
	r = fill(reader);
	if (r < 0)
		return r;
	if (r == 0)
		return reader->until_end && !reader->chunked ? 0 : -ECONNRESET;
	n = reader->end - reader->start;
	if (reader->chunked || !reader->until_end) {
		if (n > reader->left)
			n = (size_t)reader->left;
		reader->left -= n;
	}
	*ret_data = reader->data + reader->start;
	reader->start += n;
	return (ssize_t)n;
}

static int append(struct http_response *response, const char *data, size_t n)
{
	char *grown;

	if (n > HTTP_BODY_MAX - response->size)
		return -EMSGSIZE;
	grown = realloc(response->body, response->size + n + 1);
	if (!grown)
		return -ENOMEM;
	response->body = grown;
	if (n > 0)
		memcpy(grown + response->size, data, n);
	response->size += n;
	grown[response->size] = 0;
	return 0;
}

static int read_whole_body(struct reader *reader, struct http_response *response)
{
	const char *data = NULL;
	ssize_t n;
	int r = append(response, "", 0); /* "" and not NULL */

	while (r == 0) {
		n = read_body(reader, &data);
		if (n <= 0)
			return (int)n;
		r = append(response, data, (size_t)n);
	}
	return r;
}

static int send_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int send_request(int fd, const char *method, const char *target, const char *body)
{
	_cleanup_free_ char *head = NULL;
	size_t size = body ? strlen(body) : 0;
	char fields[96] = "";
	int n, r;

	if (body)
		snprintf(fields, sizeof(fields),
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n", size);
	n = asprintf(&head,
		     "%s %s HTTP/1.1\r\nHost: glacis\r\nConnection: close\r\n"
		     "Accept: application/json\r\n%s\r\n",
		     method, target, fields);
	if (n < 0)
		return -ENOMEM;
	r = send_all(fd, head, (size_t)n);
	if (r == 0)
		r = send_all(fd, body, size);
	/* refused before we were through: the reason is there to read */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static int read_final_head(struct reader *reader, struct http_response *response)
{
	int r;

	do
		r = read_head(reader, response);
	while (r == 0 && response->status < 200);
	return r;
}

/* Connects, asks, reads the final head. */
static int begin(const char *socket, const char *method, const char *target, const char *body,
		 struct reader *reader, struct http_response *response)
{
	struct timeval silence = {.tv_sec = SILENCE_S};
	int r = socket_connect_unix(socket, &reader->fd);

	if (r < 0)
		return r;
	setsockopt(reader->fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	setsockopt(reader->fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
	r = send_request(reader->fd, method, target, body);
	return r < 0 ? r : read_final_head(reader, response);
}

static void reader_close(struct reader *reader)
{
	cleanup_close(&reader->fd);
}

int http_read(int fd, struct http_response *ret_response)
{
	_cleanup_(http_response_clear) struct http_response response = {0};
	struct reader reader = {.fd = fd};
	int r = read_final_head(&reader, &response);

	if (r == 0)
		r = read_whole_body(&reader, &response);
	if (r < 0)
		return r;
	*ret_response = response;
	response.body = NULL;
	return 0;
}

int http_request(const char *socket, const char *method, const char *target, const char *body,
		 struct http_response *ret_response)
{
	_cleanup_(reader_close) struct reader reader = {.fd = -1};
	_cleanup_(http_response_clear) struct http_response response = {0};
	int r = begin(socket, method, target, body, &reader, &response);

	if (r == 0)
		r = read_whole_body(&reader, &response);
	if (r < 0)
		return r;
	*ret_response = response;
	response.body = NULL;
	return 0;
}

/* Hands the complete lines of `line` on and keeps the rest. */
static int pass_lines(struct http_response *line, const struct http_stream_handler *handler)
{
	char *start = line->body, *end;
	int r = 0;

	while (r == 0 && (end = memchr(start, '\n', line->size - (size_t)(start - line->body)))) {
		*end = 0;
		r = handler->line(start, (size_t)(end - start), handler->userdata);
		start = end + 1;
	}
	line->size -= (size_t)(start - line->body);
	memmove(line->body, start, line->size);
	if (r == 0 && line->size > HTTP_LINE_MAX)
		r = -EMSGSIZE;
	return r;
}

static int read_lines(struct reader *reader, const struct http_stream_handler *handler)
{
	_cleanup_(http_response_clear) struct http_response line = {0};
	struct timeval forever = {0};
	const char *data = NULL;
	ssize_t n;
	int r = 0;

	setsockopt(reader->fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	if (handler->begun)
		r = handler->begun(handler->userdata);
	while (r == 0) {
		n = read_body(reader, &data);
		if (n <= 0)
			return (int)n;
		r = append(&line, data, (size_t)n);
		if (r == 0)
			r = pass_lines(&line, handler);
	}
	return r;
}

int http_stream(const char *socket, const char *target, const struct http_stream_handler *handler,
		struct http_response *ret_response)
{
	_cleanup_(reader_close) struct reader reader = {.fd = -1};
	_cleanup_(http_response_clear) struct http_response response = {0};
	int r = begin(socket, "GET", target, NULL, &reader, &response);

	if (r == 0)
		r = response.status == 200 ? read_lines(&reader, handler)
					   : read_whole_body(&reader, &response);
	if (r < 0)
		return r;
	*ret_response = response;
	response.body = NULL;
	return r;
}

char *http_encode(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *encoded = malloc(3 * strlen(text) + 1), *out = encoded;

	if (!encoded)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (isalnum(*c) || strchr("-._~", *c)) {
			*out++ = (char)*c;
		} else {
			*out++ = '%';
			*out++ = digits[*c >> 4];
			*out++ = digits[*c & 15];
		}
	}
	*out = 0;
	return encoded;
}
