/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect.h - turns chunks (abi_chunk.h) into transactions (transaction.h): streams are put
 * together by offset, HTTP/1 and HTTP/2 are read, bodies are decoded. A library: no process, no
 * sockets, no globals, no clock but the chunks' own; one thread. Called by the inspector process
 * (user/inspector), by tests and by fuzzers.
 *
 * Everything is bounded: connections by number, what they hold by bytes. What does not fit is
 * evicted or left out, and counted (report.h).
 *
 * What doors must keep to:
 *  - `off` counts every byte of a direction, also those that are left out;
 *  - GL_CHUNK_PLAN and GL_CHUNK_FAULT: n < total, both counted from `off`: what is missing is
 *    [off + n, off + total). By plan, it is no loss, but only inside a body of announced length can
 *    it be stepped over; in HTTP/2 it must not reach over the end of a DATA frame;
 *  - GL_CHUNK_BEGIN at least on the first chunk of either direction, if it is the first byte;
 *  - GL_CHUNK_END once for each direction.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi_chunk.h"
#include "user/inspect/report.h"
#include "user/inspect/transaction.h"

#define INSPECT_WINDOW  65536 /* bytes of a body shown at once, at most */
#define INSPECT_OVERLAP 512 /* of them shown before, from the second window on */

/* A stretch of a body, decoded. Windows of one body come in order. */
struct inspect_window {
	uint8_t direction; /* enum gl_direction: GL_TO_SERVER is the request's body */
	bool last; /* nothing more comes; n may be 0 */
	bool early; /* the first of a stream that goes on: nobody waits for its end */
	const uint8_t *bytes;
	size_t n;
	size_t overlap; /* of bytes[], from the front: the last window's end; a match that ends in
			   here was seen */
	uint64_t off; /* of bytes[0] in the decoded body */
};

/*
 * All may be NULL. The transaction and what it points to is valid until the callback returns;
 * callbacks do not call back into the library.
 *
 * For one transaction: request_head once (not if only the response was seen), body any number of
 * times, transaction once, last.
 */
struct inspect_callbacks {
	/*
	 * A request's head is complete; nothing of the response is there. The callee may fill in
	 * what it makes of it: source, credential, principal, service, op, cls. That is kept, and
	 * is there in the other callbacks.
	 */
	void (*request_head)(struct transaction *tx, void *userdata);
	/*
	 * HTTP/2: from here on, or in this one stream, nobody can tell what the client asks for: it
	 * broke the rules of framing or HPACK, or there is no memory for it. Once for a connection
	 * or a stream; bytes the doors lost are no such case. Of the transaction only what concerns
	 * the connection, and the stream, is set. outcome: enum gl_outcome, not OK.
	 */
	void (*unreadable)(const struct transaction *tx, uint8_t outcome, void *userdata);
	/*
	 * HTTP/2, from its beginning on and without a gap: the client's bytes of connection `conn`
	 * are read up to `off`, and every head in them was handed over. GL_H2_UNREAD: its beginning
	 * was not seen, and nothing of it will be.
	 */
	void (*read)(uint64_t conn, uint16_t server_port, uint64_t off, void *userdata);
	/* A stretch of a body, for text scans. Short bodies come once, whole, before transaction().
	 * Heads are complete as far as they were seen; of bodies tx holds nothing yet. */
	void (*body)(const struct transaction *tx, const struct inspect_window *window,
		     void *userdata);
	/* Request and response are over, or what there was of them. */
	void (*transaction)(const struct transaction *tx, void *userdata);
};

/* 0 stands for the default in brackets. */
struct inspect_options {
	uint32_t connections; /* [16384] the least recently active one is evicted for another */
	size_t buffer_bytes; /* [48 MiB] all that is buffered: heads, bodies, decoders, holes */
	size_t connection_bytes; /* [8 MiB] of that, for one connection */
	uint64_t body_bytes; /* [16 MiB] of one body looked at, decoded; the rest is BODY_CUT */
	uint64_t gap_wait_ns; /* [100 ms] before missing bytes are given up; but of the wire ... */
	uint64_t resend_wait_ns; /* [1 s] ... door: TCP sends them again */
	uint64_t stream_wait_ns; /* [1 s] before the begun window of a stream is shown */
	int64_t wall_offset_ns; /* wall clock less CLOCK_BOOTTIME: clock_wall_of_boot(0) */
	uint64_t seed[2]; /* of made request ids: from getrandom(); zero repeats itself */
};

struct inspect;

/* -ENOMEM. `callbacks` is copied, `userdata` borrowed. */
int inspect_new(const struct inspect_options *options, const struct inspect_callbacks *callbacks,
		void *userdata, struct inspect **ret_inspect);
/* Nothing is reported any more: call inspect_finish() before if it should. */
void inspect_free(struct inspect *inspect);

/*
 * A record of kind GL_REC_CHUNK, `size` bytes of it readable. -EINVAL: it contradicts itself; it is
 * counted (RECORDS_BAD) and left alone.
 */
int inspect_chunk(struct inspect *inspect, const struct gl_chunk *chunk, size_t size);

/* Time passes (CLOCK_BOOTTIME): gives up on what is missing, shows begun windows of streams. To be
 * called some ten times a second, also when there are chunks. */
void inspect_tick(struct inspect *inspect, uint64_t now_ns);

/* Ends every connection as if it had been closed now. */
void inspect_finish(struct inspect *inspect);

/* The wall clock was set. */
void inspect_set_wall_offset(struct inspect *inspect, int64_t wall_offset_ns);

/* Since inspect_new(), by enum report_count; REPORT_COUNT_MAX values. FINDINGS and REPORTS_LOST
 * are the caller's and stay 0. */
const uint64_t *inspect_counts(const struct inspect *inspect);

/* What is held now. */
struct inspect_usage {
	uint32_t connections;
	uint32_t transactions; /* begun and not reported */
	bool waiting; /* for what is missing, or for a stream's window: inspect_tick() */
	size_t buffer_bytes; /* in use */
	size_t pool_bytes; /* taken from the system for buffers: in use or kept for the next */
};
void inspect_usage(const struct inspect *inspect, struct inspect_usage *ret_usage);
