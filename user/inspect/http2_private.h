/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http2_private.h - the state of an HTTP/2 connection: a frame reader and an HPACK decoder for
 * either direction, and where its streams are found. http2.c reads frames, http2_streams.c makes
 * messages of them.
 */
#pragma once

#include "user/inspect/inspect_private.h"

#include <nghttp2/nghttp2.h>

#define FRAME_HEADER      9
#define FRAME_PREFIX      8 /* bytes of a payload read before its content */
#define BUCKETS           64
#define CONTINUATIONS_MAX 64 /* of one block: enough for any head, too few for a flood */
#define BLOCK_BYTES_MAX   (256u << 10)
#define TABLE_DEFAULT     65536 /* a dynamic table the encoder may always ask for */
#define TABLE_MAX         (1u << 20)

enum frame_type {
	FRAME_DATA,
	FRAME_HEADERS,
	FRAME_PRIORITY,
	FRAME_RST_STREAM,
	FRAME_SETTINGS,
	FRAME_PUSH_PROMISE,
	FRAME_PING,
	FRAME_GOAWAY,
	FRAME_WINDOW_UPDATE,
	FRAME_CONTINUATION,
};
enum frame_flags {
	FLAG_END_STREAM = 1,
	FLAG_ACK = 1,
	FLAG_END_HEADERS = 4,
	FLAG_PADDED = 8,
	FLAG_PRIORITY = 32
};

struct frame_reader {
	nghttp2_hd_inflater *hd;
	bool lost; /* HPACK's state is not known: statuses only */
	bool synced; /* the next byte is where it seems to be in a frame */
	uint8_t preface; /* bytes of it still to come */
	uint8_t head[FRAME_HEADER];
	uint8_t n_head;
	/* the frame being read */
	uint8_t type, flags;
	uint32_t stream;
	uint32_t left; /* of its payload */
	uint32_t pad; /* at its end */
	uint8_t prefix[FRAME_PREFIX];
	uint8_t n_prefix, prefix_size;
	/* the header block being read, over HEADERS or PUSH_PROMISE and CONTINUATION */
	bool block;
	bool block_promise, block_ends; /* END_STREAM */
	bool blind; /* the decoder was lost in it */
	uint32_t block_stream;
	uint32_t block_bytes;
	uint16_t continuations;
	uint8_t peek[32]; /* its first bytes, where only the status can be read */
	uint8_t n_peek;
	struct exchange *x; /* whose block it is; NULL: nobody's, decoded all the same */
};

struct http2 {
	struct holder holder;
	nghttp2_mem mem;
	struct frame_reader reader[2];
	struct exchange *buckets[BUCKETS];
	uint32_t last_stream; /* highest the client opened */
	bool midstream;
	bool gap; /* requests may have been lost */
};

/* What of a request's head is not as it must be: enum transaction_anomalies. */
uint32_t http2_odd(const struct buf *buf);
/* The head's content-length. False: none, or no good one. */
bool http2_length(const struct buf *buf, uint64_t *ret_length);

struct exchange *http2_find(struct http2 *h2, uint32_t stream);
/* A header block begins; sets reader->x. False: a response that has to wait for its request. */
bool http2_block_begin(struct inspect *in, struct connection *c, int direction);
/* Bytes of a block; `last`: the block ends with them. False: the decoder gave up. */
bool http2_block_data(struct inspect *in, struct connection *c, int direction, const uint8_t *bytes,
		      uint32_t n, bool last);
void http2_block_end(struct inspect *in, struct connection *c, int direction);
void http2_stream_end(struct inspect *in, struct connection *c, int direction, struct exchange *x);
void http2_reset(struct inspect *in, struct connection *c, uint32_t stream);
void http2_goaway(struct inspect *in, struct connection *c, uint32_t last_stream);
/* Tells inspect_callbacks.unreadable of what the client sends; stream 0: all that follows. */
void http2_unreadable(struct inspect *in, struct connection *c, int direction, uint32_t stream,
		      uint8_t outcome);
/* HPACK's state is gone. */
void http2_lose(struct inspect *in, struct connection *c, int direction);
