/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_responses.c - any bytes as what a server sends, through the doors' framing (http.h). Byte 0:
 * the requests that are HEAD, a bit each. Beyond not crashing: where the stream is cut into
 * segments changes nothing, and no response takes less than its shortest status line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/http_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RESPONSE_MIN 12 /* "HTTP/1.1200\n\n" is read, too */
#define STATUS_MAX   64

struct reading {
	unsigned heads, messages, failed;
	uint16_t status[STATUS_MAX];
	struct http_msg end;
};

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "broken: %s\n", #what);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct gl_policy *policy;
static struct http_piece piece;

/* One run over the piece; true when it is consumed or the stream has failed. */
static bool run(struct http_msg *msg, uint8_t heads, struct reading *out)
{
	struct http_cursor c = {.piece = &piece, .policy = policy, .msg = msg};
	uint32_t skip = http_skippable(msg, piece.len - piece.off);

	if (skip) {
		out->messages += (unsigned)http_skipped(msg, skip);
		piece.off += skip;
		return piece.off == piece.len;
	}
	piece.event = HTTP_NOTHING;
	for (int i = 0; i < HTTP_STEPS && !http_step(&c); i++)
		;
	if (piece.event == HTTP_MESSAGE)
		out->messages++;
	if (piece.event == HTTP_HEAD) {
		out->status[out->heads % STATUS_MAX] = msg->status;
		out->messages += (unsigned)http_body_begin(msg, heads >> out->heads % 8 & 1);
		out->heads++;
	}
	if (piece.event == HTTP_ERROR)
		out->failed = msg->outcome;
	return piece.off == piece.len || out->failed;
}

static void feed(struct http_msg *msg, uint8_t heads, const uint8_t *bytes, size_t n,
		 struct reading *out)
{
	while (n && !out->failed) {
		size_t part = n > HTTP_PIECE ? HTTP_PIECE : n;

		memcpy(piece.bytes, bytes, part);
		piece.off = 0;
		piece.len = (uint32_t)part;
		while (!run(msg, heads, out))
			;
		bytes += part;
		n -= part;
	}
	out->end = *msg;
}

/* In pieces of changing length, from the bytes themselves; seed 0: byte by byte. */
static void read_cut(const uint8_t *data, size_t size, unsigned seed, struct reading *ret)
{
	struct http_msg msg = {0};

	memset(ret, 0, sizeof(*ret));
	http_open(&msg, HTTP_F_RESPONSE);
	for (size_t off = 1; off < size;) {
		size_t n = seed ? 1 + (data[off] * seed + off) % 23 : 1;

		if (n > size - off)
			n = size - off;
		feed(&msg, data[0], data + off, n, ret);
		off += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading whole, cut;
	struct http_msg msg = {0};

	if (!policy)
		policy = http_policy_new();
	CHECK(policy);
	if (!size || size > 65536)
		return 0;
	memset(&whole, 0, sizeof(whole));
	http_open(&msg, HTTP_F_RESPONSE);
	feed(&msg, data[0], data + 1, size - 1, &whole);
	CHECK(whole.heads * RESPONSE_MIN <= size);
	CHECK(whole.messages <= whole.heads);
	for (unsigned seed = 0; seed < 3; seed++) {
		read_cut(data, size, seed * 7, &cut);
		/* after a failure what else the state says is nobody's business */
		if (whole.failed)
			whole.end = cut.end;
		CHECK(memcmp(&whole, &cut, sizeof(whole)) == 0);
	}
	return 0;
}
