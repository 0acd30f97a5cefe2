/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connections.c - the bounded table of connections, and memory on their account. Who came first
 * goes first: the least recently active connection gives way, to another connection or to the
 * needs of one. What it had is reported, what it will miss is counted.
 */
#include "user/inspect/inspect_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

int connections_new(struct inspect *in)
{
	uint32_t n = in->options.connections, buckets = 1;

	while (buckets < n)
		buckets *= 2;
	in->table = calloc(n, sizeof(*in->table));
	in->buckets = calloc(buckets, sizeof(struct connection *));
	if (!in->table || !in->buckets)
		return -ENOMEM;
	in->bucket_mask = buckets - 1;
	return 0;
}

static struct connection **bucket_of(struct inspect *in, uint64_t id)
{
	uint64_t mixed = id * 0x9e3779b97f4a7c15ull;

	return &in->buckets[(mixed >> 32) & in->bucket_mask];
}

struct connection *connection_find(struct inspect *in, uint64_t id, uint8_t how)
{
	struct connection *c = *bucket_of(in, id);

	while (c && (c->id != id || c->how != how))
		c = c->hash_next;
	return c;
}

static void leave_order(struct inspect *in, struct connection *c)
{
	if (c->newer)
		c->newer->older = c->older;
	else
		in->newest = c->older;
	if (c->older)
		c->older->newer = c->newer;
	else
		in->oldest = c->newer;
}

static void enter_order(struct inspect *in, struct connection *c)
{
	c->newer = NULL;
	c->older = in->newest;
	if (in->newest)
		in->newest->newer = c;
	else
		in->oldest = c;
	in->newest = c;
}

void connection_touch(struct inspect *in, struct connection *c)
{
	if (in->newest == c)
		return;
	leave_order(in, c);
	enter_order(in, c);
}

void connection_watch(struct inspect *in, struct connection *c)
{
	if (c->watched)
		return;
	c->watched = true;
	c->watch_prev = NULL;
	c->watch_next = in->watched;
	if (in->watched)
		in->watched->watch_prev = c;
	in->watched = c;
}

void connection_unwatch(struct inspect *in, struct connection *c)
{
	if (!c->watched)
		return;
	c->watched = false;
	if (c->watch_prev)
		c->watch_prev->watch_next = c->watch_next;
	else
		in->watched = c->watch_next;
	if (c->watch_next)
		c->watch_next->watch_prev = c->watch_prev;
}

static void leave_bucket(struct inspect *in, struct connection *c)
{
	struct connection **at = bucket_of(in, c->id);

	while (*at != c)
		at = &(*at)->hash_next;
	*at = c->hash_next;
}

void connection_end(struct inspect *in, struct connection *c, uint32_t flags)
{
	exchange_finish_all(in, c, flags);
	http2_free(in, c);
	streams_free(in, c);
	connection_unwatch(in, c);
	leave_order(in, c);
	leave_bucket(in, c);
	memset(c, 0, sizeof(*c));
	c->newer = in->unused;
	in->unused = c;
	in->n_connections--;
}

static void evict(struct inspect *in, struct connection *c)
{
	count(in, REPORT_COUNT_STREAMS_EVICTED, 1);
	connection_end(in, c, c->n_exchanges ? TX_GAP : 0);
}

struct connection *connection_add(struct inspect *in, const struct gl_chunk *chunk)
{
	struct connection **bucket = bucket_of(in, chunk->conn);
	struct connection *c;

	if (!in->unused && in->n_made == in->options.connections)
		evict(in, in->oldest);
	c = in->unused;
	if (c)
		in->unused = c->newer;
	else
		c = &in->table[in->n_made++];
	*c = (struct connection){
		.id = chunk->conn,
		.client = chunk->client,
		.server = chunk->server,
		.client_port = chunk->client_port,
		.server_port = chunk->server_port,
		.service = chunk->service,
		.how = chunk->how,
		.role = chunk->role,
		.pid = chunk->pid,
		.secure = chunk->flags & GL_CHUNK_SECURE,
		.midstream = true,
		.stream = {{.end = UINT64_MAX}, {.end = UINT64_MAX}},
	};
	c->hash_next = *bucket;
	*bucket = c;
	enter_order(in, c);
	in->n_connections++;
	return c;
}

void connections_free(struct inspect *in)
{
	while (in->oldest)
		connection_end(in, in->oldest, 0);
	free(in->table);
	free(in->buckets);
}

/* Somebody gives way to `c`. */
static bool make_way(struct inspect *in, const struct connection *c, bool gently)
{
	struct connection *victim = in->oldest;

	while (victim && (victim == c || !victim->charged))
		victim = victim->newer;
	if (!victim || (gently && victim->seen_ns + STALE_NS > in->now_ns))
		return false;
	evict(in, victim);
	return true;
}

void *connection_take(struct inspect *in, struct connection *c, size_t size, bool gently)
{
	size_t rounded = pool_round(size), limit = in->pool.limit;
	void *p = NULL;

	if (c->charged + rounded > in->options.connection_bytes)
		return NULL;
	/* an eighth is for heads: bodies are shed first */
	if (gently)
		limit -= limit / 8;
	do {
		if (in->pool.used + rounded <= limit)
			p = pool_take(&in->pool, size);
	} while (!p && make_way(in, c, gently));
	if (p)
		c->charged += rounded;
	return p;
}

void connection_give(struct inspect *in, struct connection *c, void *p, size_t size)
{
	if (!p)
		return;
	c->charged -= pool_round(size);
	pool_give(&in->pool, p, size);
}

bool buf_reserve(struct inspect *in, struct connection *c, struct buf *buf, uint32_t cap,
		 bool gently)
{
	uint8_t *p;

	if (cap <= buf->cap)
		return true;
	p = connection_take(in, c, cap, gently);
	if (!p)
		return false;
	if (buf->n)
		memcpy(p, buf->p, buf->n);
	connection_give(in, c, buf->p, buf->cap);
	buf->p = p;
	buf->cap = (uint32_t)pool_round(cap);
	return true;
}

uint32_t buf_append(struct inspect *in, struct connection *c, struct buf *buf, const void *bytes,
		    uint32_t n, uint32_t max, bool gently)
{
	uint32_t room = buf->n < max ? max - buf->n : 0;

	if (n > room)
		n = room;
	if (!n || !buf_reserve(in, c, buf, buf->n + n, gently))
		return 0;
	memcpy(buf->p + buf->n, bytes, n);
	buf->n += n;
	return n;
}

void buf_free(struct inspect *in, struct connection *c, struct buf *buf)
{
	connection_give(in, c, buf->p, buf->cap);
	*buf = (struct buf){0};
}

/* In front of what holder_malloc() gives out; keeps its alignment. */
struct held {
	_Alignas(16) size_t size;
};

void *holder_malloc(size_t size, void *holder)
{
	struct holder *h = holder;
	struct held *held;

	if (size > h->in->options.connection_bytes)
		return NULL;
	held = connection_take(h->in, h->c, size + sizeof(*held), h->gently);
	if (!held)
		return NULL;
	held->size = size + sizeof(*held);
	return held + 1;
}

void *holder_calloc(size_t n, size_t size, void *holder)
{
	size_t all;
	void *p;

	if (__builtin_mul_overflow(n, size, &all))
		return NULL;
	p = holder_malloc(all, holder);
	if (p)
		memset(p, 0, all);
	return p;
}

void holder_free(void *p, void *holder)
{
	struct holder *h = holder;
	struct held *held = p;

	if (p)
		connection_give(h->in, h->c, held - 1, held[-1].size);
}

void *holder_realloc(void *p, size_t size, void *holder)
{
	size_t old = p ? ((struct held *)p)[-1].size - sizeof(struct held) : 0;
	void *q;

	if (p && size <= old)
		return p;
	q = holder_malloc(size, holder);
	if (!q)
		return NULL;
	if (p)
		memcpy(q, p, old);
	holder_free(p, holder);
	return q;
}
