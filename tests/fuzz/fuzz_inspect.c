/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_inspect.c - any bytes as chunks of one connection, HTTP/1 or HTTP/2, through user/inspect.
 * Each chunk: a byte (bit 0: of the server; 1: lost instead of handed over; 2: by plan; 3: the end;
 * 4: cut; 5: time passes), its length, low byte first, its bytes. Beyond not crashing: memory stays
 * bounded, what is begun is reported, and all of it is given back.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/inspect_feed.h"

#define BYTES_MAX (64u << 20)

static struct feed feed;

static void check(bool true_)
{
	if (!true_)
		abort();
}

static void one(const uint8_t *bytes, size_t n, uint8_t how)
{
	int direction = how & 1;

	feed.read = 0; /* after its end the name may be another connection's */
	if (how & 32)
		inspect_tick(feed.in, feed.now_ns += 200 * FEED_MS);
	if (how & 2)
		feed.off[direction] += n;
	else if (how & 4)
		feed_at(&feed, direction, feed.off[direction], bytes, n / 2, GL_CHUNK_PLAN,
			(uint32_t)(n - n / 2));
	else
		feed_at(&feed, direction, feed.off[direction], bytes, n,
			(uint8_t)((feed.off[direction] ? 0 : GL_CHUNK_BEGIN) |
				  (how & 8 ? GL_CHUNK_END : 0) | (how & 16 ? GL_CHUNK_CUT : 0)),
			0);
	if (!(how & 2))
		feed.off[direction] += n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inspect_usage usage;

	feed_open(&feed);
	while (size >= 3) {
		size_t n = (size_t)data[1] | (size_t)data[2] << 8;

		if (n > size - 3)
			n = size - 3;
		one(data + 3, n, data[0]);
		data += 3 + n;
		size -= 3 + n;
		inspect_usage(feed.in, &usage);
		check(usage.buffer_bytes < BYTES_MAX);
		check(usage.connections <= 1);
	}
	inspect_finish(feed.in);
	inspect_usage(feed.in, &usage);
	check(!usage.connections && !usage.transactions && !usage.buffer_bytes);
	feed_close(&feed);
	return 0;
}
