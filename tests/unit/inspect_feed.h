/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect_feed.h - chunks made by hand, and what the library made of them as lines of text. For
 * tests and fuzzers of user/inspect.
 */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/inspect/inspect.h"

#define FEED_TEXT  (1u << 20)
#define FEED_EPOCH 1000000000ull
#define FEED_MS    1000000ull

struct feed {
	struct inspect *in;
	uint64_t conn, now_ns;
	uint64_t off[2]; /* of the next chunk */
	bool begun[2];
	bool no_begin; /* attached mid-connection */
	uint8_t how, role;
	uint64_t heads, unreadable, bodies, transactions; /* callbacks */
	uint8_t outcome; /* of the last unreadable */
	uint64_t read; /* of the client's: every head was shown */
	uint64_t window_bytes[2], windows_last[2];
	uint64_t window_next; /* offset where the next window has to go on */
	bool keep_bodies; /* in the text */
	bool saw_needle;
	const char *needle; /* looked for in windows */
	struct transaction last; /* heads of it are gone */
	size_t n;
	char text[FEED_TEXT];
};

static inline void feed_put(struct feed *f, const char *bytes, size_t n)
{
	if (n > sizeof(f->text) - 1 - f->n)
		n = sizeof(f->text) - 1 - f->n;
	memcpy(f->text + f->n, bytes, n);
	f->n += n;
	f->text[f->n] = 0;
}

__attribute__((format(printf, 2, 3))) static inline void feed_printf(struct feed *f,
								     const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	feed_put(f, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static inline void feed_on_head(struct transaction *tx, void *userdata)
{
	struct feed *f = userdata;

	f->heads++;
	tx->op = 7; /* has to come back */
}

static inline void feed_on_unreadable(const struct transaction *tx, uint8_t outcome, void *userdata)
{
	struct feed *f = userdata;

	if (tx->conn != f->conn || tx->protocol != HTTP_PROTOCOL_2 || outcome == GL_OUTCOME_OK)
		abort();
	f->unreadable++;
	f->outcome = outcome;
}

static inline void feed_on_read(uint64_t conn, uint16_t port, uint64_t off, void *userdata)
{
	struct feed *f = userdata;

	(void)port;
	if (conn != f->conn || off < f->read)
		abort(); /* it never goes back */
	f->read = off;
}

static inline void feed_on_body(const struct transaction *tx, const struct inspect_window *w,
				void *userdata)
{
	struct feed *f = userdata;

	(void)tx;
	f->bodies++;
	if (w->overlap > w->n)
		abort();
	f->window_bytes[w->direction] += w->n - w->overlap;
	f->windows_last[w->direction] += w->last;
	if (f->needle &&
	    memmem(w->bytes ?: (const uint8_t *)"", w->n, f->needle, strlen(f->needle)))
		f->saw_needle = true;
}

static inline void feed_body(struct feed *f, const char *name, const struct body *body)
{
	feed_printf(f, " %s=%" PRIu64 "/%" PRIu64 "/%x", name, body->wire_bytes,
		    body->decoded_bytes, body->flags);
	if (!f->keep_bodies || !body->n)
		return;
	feed_put(f, ":", 1);
	feed_put(f, (const char *)body->bytes, body->n);
}

/* "3 GET /path 200 req=0/0/0 resp=5/5/1 flags=200 odd=0" */
static inline void feed_on_transaction(const struct transaction *tx, void *userdata)
{
	struct feed *f = userdata;

	f->transactions++;
	f->last = *tx;
	feed_printf(f, "%u ", tx->number);
	feed_put(f, tx->method.p, tx->method.n);
	feed_put(f, " ", 1);
	feed_put(f, tx->target.p, tx->target.n);
	feed_printf(f, " %u", tx->status);
	feed_body(f, "req", &tx->request_body);
	feed_body(f, "resp", &tx->response_body);
	feed_printf(f, " flags=%x odd=%x\n", tx->flags & ~(unsigned)TX_ID_MADE, tx->anomalies);
}

static inline void feed_open_with(struct feed *f, const struct inspect_options *options)
{
	static const struct inspect_callbacks callbacks = {
		.request_head = feed_on_head,
		.unreadable = feed_on_unreadable,
		.read = feed_on_read,
		.body = feed_on_body,
		.transaction = feed_on_transaction,
	};

	memset(f, 0, offsetof(struct feed, text) + 1);
	f->conn = 1;
	f->now_ns = FEED_EPOCH;
	if (inspect_new(options, &callbacks, f, &f->in) < 0)
		abort();
}

static inline void feed_open(struct feed *f)
{
	static const struct inspect_options options = {.connections = 64};

	feed_open_with(f, &options);
}

static inline void feed_close(struct feed *f)
{
	inspect_free(f->in);
	f->in = NULL;
}

/* Another connection from here on. */
static inline void feed_next(struct feed *f)
{
	f->conn++;
	f->off[0] = f->off[1] = 0;
	f->begun[0] = f->begun[1] = false;
	f->read = 0;
}

/* One chunk at an offset; `beyond` more bytes belong to it and are left out. */
static inline int feed_at(struct feed *f, int direction, uint64_t off, const void *bytes, size_t n,
			  uint8_t flags, uint32_t beyond)
{
	struct gl_chunk *chunk = calloc(1, sizeof(*chunk) + n);
	int r;

	chunk->rec.kind = GL_REC_CHUNK;
	chunk->rec.ts_ns = f->now_ns;
	chunk->conn = f->conn;
	chunk->off = off;
	chunk->client_port = 40000;
	chunk->server_port = 443;
	chunk->service = GL_SERVICE_NONE;
	chunk->how = f->how;
	chunk->role = f->role;
	chunk->n = (uint32_t)n;
	chunk->total = (uint32_t)n + beyond;
	chunk->direction = (uint8_t)direction;
	chunk->flags = flags;
	if (n)
		memcpy(chunk->bytes, bytes, n);
	r = inspect_chunk(f->in, chunk, sizeof(*chunk) + n);
	free(chunk);
	return r;
}

/* The next bytes of a direction. */
static inline void feed_bytes(struct feed *f, int direction, const void *bytes, size_t n)
{
	uint8_t flags = f->begun[direction] || f->no_begin ? 0 : GL_CHUNK_BEGIN;

	f->begun[direction] = true;
	feed_at(f, direction, f->off[direction], bytes, n, flags, 0);
	f->off[direction] += n;
}

static inline void feed_text(struct feed *f, int direction, const char *text)
{
	feed_bytes(f, direction, text, strlen(text));
}

static inline void feed_up(struct feed *f, const char *text)
{
	feed_text(f, GL_TO_SERVER, text);
}

static inline void feed_down(struct feed *f, const char *text)
{
	feed_text(f, GL_TO_CLIENT, text);
}

/* n bytes left out by plan, or (GL_CHUNK_FAULT) lost. */
static inline void feed_hole(struct feed *f, int direction, uint32_t n, uint8_t flag)
{
	feed_at(f, direction, f->off[direction], NULL, 0, flag, n);
	f->off[direction] += n;
}

static inline void feed_end(struct feed *f)
{
	feed_at(f, GL_TO_SERVER, f->off[0], NULL, 0, GL_CHUNK_END, 0);
	feed_at(f, GL_TO_CLIENT, f->off[1], NULL, 0, GL_CHUNK_END, 0);
}

static inline void feed_wait(struct feed *f, uint64_t ms)
{
	f->now_ns += ms * FEED_MS;
	inspect_tick(f->in, f->now_ns);
}

static inline uint64_t feed_count(const struct feed *f, enum report_count what)
{
	return inspect_counts(f->in)[what];
}
