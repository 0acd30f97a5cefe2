/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect_private.h - the state behind inspect.h: a connection has two streams, a reader (HTTP/1
 * or HTTP/2) and exchanges; an exchange becomes a transaction. Shared by the files of this folder
 * only.
 *
 * Layers, each calling the ones after it: inspect.c (what doors hand over) · streams.c (bytes in
 * order) · protocol.c (which reader) · http1*.c, http2*.c (messages) · exchange.c (transactions) ·
 * body.c, coding.c (bodies). connections.c owns the table and all memory.
 */
#pragma once

#include "user/inspect/inspect.h"
#include "user/inspect/pool.h"

#define HEAD_BYTES_MAX   65536 /* of one head; what is longer is cut */
#define PIECES_MAX       32 /* waiting in one direction */
#define PIECE_BYTES_MAX  65536
#define EXCHANGES_MAX    256 /* of one connection, not over yet */
#define SKIPPED_KEPT     512 /* bytes kept of bodies that are skipped: to tell what they are */
#define STALE_NS         2000000000ull /* silent that long, a connection gives way to bodies */
#define SILENT_NS        1000000000ull
#define DECODE_STEP      16384
#define BOMB_FREE_BYTES  (1u << 20)
#define BOMB_RATIO       200
#define MIDSTREAM_CHUNKS 64 /* looked at before a connection is taken for something else */

struct inspect;
struct connection;

struct buf {
	uint8_t *p;
	uint32_t n, cap;
};

/* Bytes, or a hole, that could not be handed on yet; sorted, without overlaps. */
struct piece {
	struct piece *next;
	uint64_t off;
	uint32_t n;
	uint8_t kind; /* enum piece_kind */
	bool start; /* a chunk began here */
	uint64_t ts_ns;
	uint8_t bytes[];
};
enum piece_kind { PIECE_BYTES, PIECE_PLAN, PIECE_FAULT };

/* One direction of a connection. */
struct stream {
	uint64_t next; /* offset of the next byte to hand on */
	uint64_t end; /* no byte from here on; UINT64_MAX: not known */
	uint64_t stalled_ns; /* since when pieces wait; 0: none do */
	struct piece *pieces;
	uint32_t piece_bytes;
	uint16_t n_pieces;
	bool known; /* next says something */
	bool ended; /* and the reader was told */
	bool held; /* the reader waits for the other direction */
};

struct decoder;
struct body_state {
	struct buf first; /* the first window */
	struct buf window; /* the one being filled after it */
	uint64_t wire, decoded;
	uint64_t fresh_ns; /* when what is not shown yet began; 0: all is shown */
	uint32_t fresh; /* bytes at the end of first or window not shown yet */
	uint32_t flags; /* enum body_flags */
	uint8_t coding; /* enum body_coding */
	bool open; /* between body_begin() and body_end() */
	bool stopped; /* nothing more is kept */
	bool rolling; /* first was shown; window is in use */
	uint32_t hint; /* announced length, if it fits the first window */
	struct decoder *decoder;
};

/* A request and its response while they go by. */
struct exchange {
	struct exchange *next, *prev; /* of the connection, in order of their beginning */
	struct exchange *bucket_next; /* HTTP/2: same hash */
	uint32_t number, stream;
	uint32_t flags, anomalies; /* as in struct transaction */
	uint16_t status, dropped[2]; /* header fields that found no room */
	uint8_t protocol;
	bool no_body; /* HEAD */
	bool connect;
	bool expects; /* 100-continue */
	bool has_head[2]; /* complete, by direction */
	bool done[2];
	bool pairs[2]; /* head[] is of HTTP/2 */
	bool trailers;
	/* what request_head() made of it */
	struct gl_addr source;
	uint64_t principal;
	uint16_t service, op, cls;
	uint8_t credential;
	uint64_t begin_ns, head_ns, answer_ns, last_ns;
	char request_id[REQUEST_ID_TEXT];
	struct buf head[2]; /* HTTP/1: text; HTTP/2: struct pair and its strings */
	struct body_state body[2];
};

/* HTTP/2: a field in exchange.head[], followed by its name and value. */
struct pair {
	uint32_t name, value;
};

enum http1_phase {
	PHASE_IDLE,
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_UNTIL_CLOSE,
	PHASE_CHUNK_SIZE,
	PHASE_CHUNK_EXT,
	PHASE_CHUNK_DATA,
	PHASE_CHUNK_CRLF,
	PHASE_TRAILER,
	PHASE_TUNNEL,
	PHASE_LOST, /* until a chunk begins like a head */
};

struct http1 {
	struct exchange *x; /* whose message is being read */
	uint64_t remaining;
	uint32_t line; /* bytes of the current line so far; head: where it began */
	uint8_t phase; /* enum http1_phase */
	uint8_t digits;
	bool cr; /* the last byte was one */
	bool close; /* the last message said that it was the last */
	bool chunked; /* of the message being read, also when lost */
};

struct http2;

enum protocol { PROTOCOL_UNKNOWN, PROTOCOL_HTTP1, PROTOCOL_HTTP2, PROTOCOL_OPAQUE };

struct connection {
	struct connection *hash_next, *older, *newer; /* newer: also the free list */
	struct connection *watch_next, *watch_prev; /* connections inspect_tick() looks at */
	bool watched;
	uint64_t id;
	struct gl_addr client, server;
	uint16_t client_port, server_port, service;
	uint8_t how, role;
	uint8_t protocol; /* enum protocol */
	uint8_t preface; /* bytes of HTTP/2's seen while the protocol is not known */
	uint8_t tries; /* chunks looked at for a beginning */
	bool secure;
	bool midstream; /* no beginning was seen, nor a whole transaction */
	bool unproven; /* nothing looked like HTTP yet but a request line that is none */
	bool pipelined; /* requests were seen that did not wait */
	bool requests_unknown; /* a response nobody asked for may answer what was lost */
	bool unpaired; /* lost, and pipelined: who is answered cannot be told */
	bool lossy; /* something was lost, ever */
	bool silent; /* for a second, before this chunk */
	bool forced; /* the response was waited for long enough */
	uint32_t pid;
	uint32_t number; /* of exchanges so far */
	uint32_t n_exchanges;
	size_t charged; /* bytes taken for it */
	uint64_t seen_ns; /* last chunk */
	uint64_t now_ns; /* of the piece being read */
	struct stream stream[2];
	struct exchange *first, *last;
	struct http1 h1[2];
	struct http2 *h2;
};

struct inspect {
	struct inspect_options options;
	struct inspect_callbacks callbacks;
	void *userdata;
	uint64_t counts[REPORT_COUNT_MAX];
	struct pool pool;
	struct connection *table; /* options.connections of them, the first n_made were in use */
	struct connection **buckets;
	uint32_t bucket_mask;
	uint32_t n_connections, n_exchanges, n_made;
	struct connection *unused, *newest, *oldest, *watched;
	uint64_t now_ns; /* latest seen */
	uint64_t made; /* request ids */
	struct transaction tx; /* what is being shown */
	uint8_t decoded[DECODE_STEP];
};

static inline void count(struct inspect *in, enum report_count what, uint64_t n)
{
	in->counts[what] += n;
}

static inline int other(int direction)
{
	return direction == GL_TO_SERVER ? GL_TO_CLIENT : GL_TO_SERVER;
}

/* connections.c: the table, and memory for what it holds */
int connections_new(struct inspect *in);
void connections_free(struct inspect *in);
struct connection *connection_find(struct inspect *in, uint64_t id, uint8_t how);
/* Never fails: the least recently active one makes room. */
struct connection *connection_add(struct inspect *in, const struct gl_chunk *chunk);
void connection_touch(struct inspect *in, struct connection *c);
/* Reports what there is of its transactions, and forgets it. */
void connection_end(struct inspect *in, struct connection *c, uint32_t flags);
void connection_watch(struct inspect *in, struct connection *c);
void connection_unwatch(struct inspect *in, struct connection *c);
/*
 * A block for `c`, charged to it; NULL: c has its share, or nobody else can give way. `gently`: for
 * bodies - only connections that have been silent for long give way.
 */
void *connection_take(struct inspect *in, struct connection *c, size_t size, bool gently);
void connection_give(struct inspect *in, struct connection *c, void *p, size_t size);
/* Appends at most as much as makes max bytes; returns how many. */
uint32_t buf_append(struct inspect *in, struct connection *c, struct buf *buf, const void *bytes,
		    uint32_t n, uint32_t max, bool gently);
bool buf_reserve(struct inspect *in, struct connection *c, struct buf *buf, uint32_t cap,
		 bool gently);
void buf_free(struct inspect *in, struct connection *c, struct buf *buf);
/* malloc() and friends for zlib, brotli and nghttp2, charged to a connection. */
struct holder {
	struct inspect *in;
	struct connection *c;
	bool gently;
};
void *holder_malloc(size_t size, void *holder);
void *holder_calloc(size_t n, size_t size, void *holder);
void *holder_realloc(void *p, size_t size, void *holder);
void holder_free(void *p, void *holder);

/* streams.c */
void streams_chunk(struct inspect *in, struct connection *c, const struct gl_chunk *chunk);
/* True if the connection is over. */
bool streams_tick(struct inspect *in, struct connection *c);
/* Hands on what waits, whatever is missing. */
void streams_flush(struct inspect *in, struct connection *c);
void streams_free(struct inspect *in, struct connection *c);
bool streams_over(const struct connection *c);

/* protocol.c: bytes in order. Returns how many were taken; fewer: wait for the other direction. */
uint32_t protocol_data(struct inspect *in, struct connection *c, int direction,
		       const uint8_t *bytes, uint32_t n, bool start);
/* n bytes are missing; by plan or lost. */
void protocol_gap(struct inspect *in, struct connection *c, int direction, uint64_t n, bool plan);
void protocol_end(struct inspect *in, struct connection *c, int direction);
void protocol_opaque(struct inspect *in, struct connection *c);

/* http1.c */
void http1_open(struct connection *c, int direction, bool midstream);
uint32_t http1_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		    uint32_t n, bool start);
void http1_gap(struct inspect *in, struct connection *c, int direction, uint64_t n, bool plan);
void http1_end(struct inspect *in, struct connection *c, int direction);
bool http1_looks_like(int direction, const uint8_t *bytes, uint32_t n);
/* http1_message.c: what a head asks for, where messages begin and end */
struct exchange *http1_begin(struct inspect *in, struct connection *c, int direction);
void http1_head(struct inspect *in, struct connection *c, int direction);
void http1_message_end(struct inspect *in, struct connection *c, int direction);
void http1_lost(struct inspect *in, struct connection *c, int direction, bool plan);
void http1_found(struct inspect *in, struct connection *c, int direction);
/* http1_head.c: a head's text */
struct http1_head {
	uint64_t length;
	uint32_t anomalies;
	uint16_t status;
	uint8_t minor; /* of the version */
	bool has_length, has_coding, chunked, close, keep_alive, expects;
	struct raw method, target, reason, host, upgrade, content_type, content_encoding;
};
/* Fields of it point into text, in which folds are undone. */
void http1_head_read(char *text, size_t n, bool response, struct fields *fields,
		     struct http1_head *ret_head);

/* http2.c */
int http2_open(struct inspect *in, struct connection *c, bool midstream, bool preface);
uint32_t http2_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		    uint32_t n, bool start);
void http2_gap(struct inspect *in, struct connection *c, int direction, uint64_t n, bool plan);
void http2_end(struct inspect *in, struct connection *c, int direction);
void http2_free(struct inspect *in, struct connection *c);
bool http2_looks_like(const uint8_t *bytes, uint32_t n);
/* Every request of it is read from its beginning on, or none because it is older than we are. */
bool http2_reads(const struct connection *c);
bool http2_is_older(const struct connection *c);
/* Makes the exchange the answer of which follows as stream 1 (Upgrade: h2c). */
void http2_adopt(struct connection *c, struct exchange *x);
void http2_forget(struct connection *c, struct exchange *x);

/* exchange.c */
struct exchange *exchange_new(struct inspect *in, struct connection *c);
/* The request's head is complete: makes its id, tells. */
void exchange_asked(struct inspect *in, struct connection *c, struct exchange *x);
/* One direction is over; when both are, it is reported and gone: true. */
bool exchange_done(struct inspect *in, struct connection *c, struct exchange *x, int direction);
/* Reports it as it is. */
void exchange_finish(struct inspect *in, struct connection *c, struct exchange *x);
void exchange_finish_all(struct inspect *in, struct connection *c, uint32_t flags);
/* Frees it without a word. */
void exchange_drop(struct inspect *in, struct connection *c, struct exchange *x);
/* Makes in->tx of it, bodies excepted. */
void exchange_show(struct inspect *in, struct connection *c, struct exchange *x);
/* The same with nothing but the connection in it. */
void exchange_show_connection(struct inspect *in, const struct connection *c);

/* request_id.c */
void request_id_choose(struct inspect *in, const struct transaction *tx, char out[REQUEST_ID_TEXT],
		       bool *ret_made);

/* body.c */
struct body_plan {
	struct raw content_type, content_encoding;
	bool has_length;
	uint64_t length;
	bool strange; /* a transfer coding nobody here knows */
	bool until_close;
};
void body_begin(struct inspect *in, struct body_state *body, const struct body_plan *plan);
void body_data(struct inspect *in, struct connection *c, struct exchange *x, int direction,
	       const uint8_t *bytes, uint32_t n);
void body_gap(struct inspect *in, struct connection *c, struct exchange *x, int direction,
	      uint64_t n, bool plan);
void body_end(struct inspect *in, struct connection *c, struct exchange *x, int direction);
/* Shows what was not; in->tx is up to date. */
void body_show_last(struct inspect *in, struct connection *c, struct exchange *x, int direction);
/* Shows a stream's begun window if it has waited; true: there is one that still waits. */
bool body_tick(struct inspect *in, struct connection *c, struct exchange *x, int direction);
void body_free(struct inspect *in, struct connection *c, struct body_state *body);
/* Takes decoded bytes. */
void body_store(struct inspect *in, struct connection *c, struct exchange *x, int direction,
		const uint8_t *bytes, uint32_t n);

/* coding.c */
enum body_coding coding_of(struct raw content_encoding);
void coding_decode(struct inspect *in, struct connection *c, struct exchange *x, int direction,
		   const uint8_t *bytes, uint32_t n);
/* True if the coded stream has come to its end. */
bool coding_complete(const struct body_state *body);
void coding_free(struct inspect *in, struct connection *c, struct body_state *body);
