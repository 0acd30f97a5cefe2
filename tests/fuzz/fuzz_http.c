/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_http.c - any bytes as what a client sends. Beyond not crashing: where the stream is cut into
 * segments changes nothing, and of a request that ended, nothing is read twice (never more messages
 * than requests, never a request without bytes of its own).
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http_reader.h"

#define REQUEST_MIN 14 /* "A / HTTP/1.1\n\n" */

static struct gl_policy *policy;
static struct http_piece piece;

/* In pieces of changing length, from the bytes themselves. */
static void read_cut(const uint8_t *data, size_t size, unsigned seed, struct http_reading *ret)
{
	struct http_reader r;

	http_reader_begin(&r, policy, &piece, ret);
	for (size_t off = 0; off < size;) {
		size_t n = seed ? 1 + (data[off] * seed + off) % 23 : 1;

		if (n > size - off)
			n = size - off;
		http_reader_feed(&r, data + off, n);
		off += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_reading whole, cut;
	struct http_reader r;

	if (!policy)
		policy = http_policy_new();
	CHECK(policy);
	if (size > 65536)
		return 0;
	http_reader_begin(&r, policy, &piece, &whole);
	http_reader_feed(&r, data, size);
	CHECK(whole.messages <= whole.requests);
	CHECK(whole.requests * (REQUEST_MIN) <= size);
	for (unsigned seed = 0; seed < 3; seed++) {
		read_cut(data, size, seed * 7, &cut);
		CHECK(memcmp(&whole, &cut, sizeof(whole)) == 0);
	}
	return 0;
}
