/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspect.c - see inspect.h: what is handed over by doors and by the clock. */
#include "user/inspect/inspect_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

/* An offset no connection reaches: what is beyond is not believed. */
#define OFFSET_MAX (1ull << 62)

static const struct inspect_options defaults = {
	.connections = 16384,
	.buffer_bytes = 48u << 20,
	.connection_bytes = 8u << 20,
	.body_bytes = 16u << 20,
	.gap_wait_ns = 100000000,
	/*
	 * A sender resends after RTT + 200 ms at the earliest where nothing tells it sooner (Linux,
	 * TCP_RTO_MIN; RFC 6298 section 2), and twice as long after that (5.5): 3 * (RTT + 200 ms)
	 * if the first resend is lost, too. A second is enough up to an RTT of 130 ms; without
	 * that, and for the one RTT a resend by SACK takes, up to 800 ms.
	 */
	.resend_wait_ns = 1000000000,
	.stream_wait_ns = 1000000000,
};

static void fill_in(struct inspect_options *o)
{
	o->connections = o->connections ?: defaults.connections;
	o->buffer_bytes = o->buffer_bytes ?: defaults.buffer_bytes;
	o->connection_bytes = o->connection_bytes ?: defaults.connection_bytes;
	o->body_bytes = o->body_bytes ?: defaults.body_bytes;
	o->gap_wait_ns = o->gap_wait_ns ?: defaults.gap_wait_ns;
	o->resend_wait_ns = o->resend_wait_ns ?: defaults.resend_wait_ns;
	o->stream_wait_ns = o->stream_wait_ns ?: defaults.stream_wait_ns;
}

static void cleanup_inspect(struct inspect **in)
{
	inspect_free(*in);
}

int inspect_new(const struct inspect_options *options, const struct inspect_callbacks *callbacks,
		void *userdata, struct inspect **ret_inspect)
{
	_cleanup_(cleanup_inspect) struct inspect *in = calloc(1, sizeof(*in));
	int r;

	if (!in)
		return -ENOMEM;
	in->options = options ? *options : defaults;
	fill_in(&in->options);
	in->pool.limit = in->options.buffer_bytes;
	if (callbacks)
		in->callbacks = *callbacks;
	in->userdata = userdata;
	r = connections_new(in);
	if (r < 0)
		return r;
	*ret_inspect = TAKE_PTR(in);
	return 0;
}

void inspect_free(struct inspect *in)
{
	if (!in)
		return;
	in->callbacks = (struct inspect_callbacks){0};
	connections_free(in);
	pool_trim(&in->pool);
	free(in);
}

static bool sound(const struct gl_chunk *chunk, size_t size)
{
	return size >= sizeof(*chunk) && chunk->n <= size - sizeof(*chunk) &&
	       chunk->direction < 2 && chunk->off <= OFFSET_MAX;
}

/* Nothing of it reaches anybody any more. */
static void cut(struct inspect *in, struct connection *c)
{
	streams_flush(in, c);
	exchange_finish_all(in, c, TX_CUT);
	if (c->protocol == PROTOCOL_UNKNOWN || c->protocol == PROTOCOL_OPAQUE)
		return;
	http2_free(in, c);
	c->protocol = PROTOCOL_OPAQUE; /* it was HTTP: not counted as something else */
}

int inspect_chunk(struct inspect *in, const struct gl_chunk *chunk, size_t size)
{
	struct connection *c;

	if (!sound(chunk, size)) {
		count(in, REPORT_COUNT_RECORDS_BAD, 1);
		return -EINVAL;
	}
	count(in, REPORT_COUNT_CHUNKS, 1);
	count(in, REPORT_COUNT_BYTES, chunk->n);
	if (chunk->rec.ts_ns > in->now_ns)
		in->now_ns = chunk->rec.ts_ns;
	c = connection_find(in, chunk->conn, chunk->how);
	if (c && (chunk->flags & GL_CHUNK_BEGIN) && c->stream[chunk->direction].next &&
	    c->client_port != chunk->client_port) {
		connection_end(in, c, 0); /* the name is used again */
		c = NULL;
	}
	if (!c) {
		if ((chunk->flags & (GL_CHUNK_END | GL_CHUNK_CUT)) && !chunk->n)
			return 0; /* of one that nothing is known of */
		c = connection_add(in, chunk);
	}
	connection_touch(in, c);
	c->silent = in->now_ns - c->seen_ns > SILENT_NS;
	c->seen_ns = in->now_ns;
	c->now_ns = chunk->rec.ts_ns;
	if (chunk->pid)
		c->pid = chunk->pid;
	streams_chunk(in, c, chunk);
	if (chunk->direction == GL_TO_SERVER && in->callbacks.read && http2_reads(c))
		in->callbacks.read(c->id, c->server_port,
				   http2_is_older(c) ? GL_H2_UNREAD : c->stream[GL_TO_SERVER].next,
				   in->userdata);
	if (chunk->flags & GL_CHUNK_CUT)
		cut(in, c);
	if (streams_over(c))
		connection_end(in, c, 0);
	return 0;
}

static bool waits(const struct connection *c)
{
	return c->stream[GL_TO_SERVER].stalled_ns || c->stream[GL_TO_CLIENT].stalled_ns;
}

static bool tick_bodies(struct inspect *in, struct connection *c)
{
	bool waiting = false;

	for (struct exchange *x = c->first; x; x = x->next)
		for (int d = 0; d < 2; d++)
			if (body_tick(in, c, x, d))
				waiting = true;
	return waiting;
}

void inspect_tick(struct inspect *in, uint64_t now_ns)
{
	struct connection *next;

	if (now_ns > in->now_ns)
		in->now_ns = now_ns;
	for (struct connection *c = in->watched; c; c = next) {
		next = c->watch_next;
		if (streams_tick(in, c))
			connection_end(in, c, 0);
		else if (!tick_bodies(in, c) && !waits(c))
			connection_unwatch(in, c);
	}
}

void inspect_finish(struct inspect *in)
{
	while (in->oldest) {
		streams_flush(in, in->oldest);
		connection_end(in, in->oldest, 0);
	}
}

void inspect_set_wall_offset(struct inspect *in, int64_t wall_offset_ns)
{
	in->options.wall_offset_ns = wall_offset_ns;
}

const uint64_t *inspect_counts(const struct inspect *in)
{
	return in->counts;
}

void inspect_usage(const struct inspect *in, struct inspect_usage *ret_usage)
{
	*ret_usage = (struct inspect_usage){
		.connections = in->n_connections,
		.transactions = in->n_exchanges,
		.waiting = in->watched,
		.buffer_bytes = in->pool.used,
		.pool_bytes = in->pool.held,
	};
}
