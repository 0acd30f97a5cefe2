/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_bodies.c - bodies and their codings: gzip, deflate (with a wrapper or none), brotli, by
 * length or chunked, as any bytes or as what a compressor made of them, through user/inspect. The
 * same bytes come whole and cut at places the input says. Beyond not crashing: both ways say the
 * same; what was compressed here comes out as it went in; what is kept is bounded, whatever it
 * grows to, and all of it is given back.
 *
 * The input: two bits coding, chunked, of the request, compressed here, framed by the input itself;
 * two bytes of where to cut; the body.
 */
#include <zlib.h>

#include <brotli/encode.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/inspect_feed.h"

#define KEPT_MAX   (8u << 20)
#define BODY_LIMIT (4u << 20)

enum { CODING = 3, CHUNKED = 4, REQUEST = 8, PACK = 16, OWN_FRAMES = 32 };

struct bytes {
	uint8_t *p;
	size_t n;
};

static void put(struct bytes *to, const void *p, size_t n)
{
	to->p = realloc(to->p, to->n + n + 1);
	CHECK(to->p);
	if (n)
		memcpy(to->p + to->n, p, n);
	to->n += n;
}

static void put_text(struct bytes *to, const char *text)
{
	put(to, text, strlen(text));
}

/* As a server would: gzip, zlib or bare deflate by `coding` and the first byte, or brotli. */
static struct bytes pack(unsigned coding, const uint8_t *data, size_t n)
{
	size_t room = 2 * n + 1024;
	struct bytes packed = {malloc(room), 0};
	z_stream z = {0};
	int bits = coding == 1 ? MAX_WBITS + 16 : n && data[0] & 1 ? -MAX_WBITS : MAX_WBITS;

	CHECK(packed.p);
	if (coding == 3) {
		packed.n = room;
		CHECK(BrotliEncoderCompress(1, 18, BROTLI_MODE_GENERIC, n, data, &packed.n,
					    packed.p));
		return packed;
	}
	CHECK(deflateInit2(&z, (int)(n % 10), Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (Bytef *)data;
	z.avail_in = (uInt)n;
	z.next_out = packed.p;
	z.avail_out = (uInt)room;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	packed.n = z.total_out;
	deflateEnd(&z);
	return packed;
}

static void frame(struct bytes *to, const struct bytes *body, unsigned how, unsigned cut)
{
	char line[32];

	if (!(how & CHUNKED) || how & OWN_FRAMES) {
		put(to, body->p, body->n);
		return;
	}
	for (size_t at = 0; at < body->n;) {
		size_t n = 1 + (cut += 7919) % 1500;

		n = n < body->n - at ? n : body->n - at;
		snprintf(line, sizeof(line), "%zx\r\n", n);
		put_text(to, line);
		put(to, body->p + at, n);
		put_text(to, "\r\n");
		at += n;
	}
	put_text(to, "0\r\n\r\n");
}

static struct bytes message(const struct bytes *body, unsigned how, unsigned cut)
{
	static const char *const codings[] = {"", "Content-Encoding: gzip\r\n",
					      "Content-Encoding: deflate\r\n",
					      "Content-Encoding: br\r\n"};
	struct bytes out = {NULL, 0};
	char line[64];

	put_text(&out, how & REQUEST ? "POST /x HTTP/1.1\r\nHost: a\r\n" : "HTTP/1.1 200 OK\r\n");
	put_text(&out, codings[how & CODING]);
	snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", body->n);
	put_text(&out, how & CHUNKED ? "Transfer-Encoding: chunked\r\n\r\n" : line);
	frame(&out, body, how, cut);
	return out;
}

/* What is to be the same, however the bytes came. */
struct seen {
	uint64_t wire, decoded, sum;
	size_t n;
	uint32_t flags, anomalies;
	uint64_t transactions;
};

static struct feed feed;

static void bounded(void)
{
	struct inspect_usage usage;

	inspect_usage(feed.in, &usage);
	CHECK(usage.buffer_bytes <= KEPT_MAX);
}

static void send(int direction, const struct bytes *bytes, unsigned cut)
{
	for (size_t at = 0; at < bytes->n;) {
		size_t n = 65536;

		/* from single bytes to whole windows */
		if (cut) {
			cut = cut * 1103515245 + 12345;
			n = 1 + cut / 65536 % (cut & 1 << 20 ? 7 : 20000);
		}
		n = n < bytes->n - at ? n : bytes->n - at;
		feed_bytes(&feed, direction, bytes->p + at, n);
		at += n;
		bounded();
	}
}

static struct seen run(const struct bytes *out, unsigned how, unsigned cut,
		       const struct bytes *plain)
{
	static const struct inspect_options options = {
		.connections = 4,
		.buffer_bytes = KEPT_MAX,
		.connection_bytes = KEPT_MAX,
		.body_bytes = BODY_LIMIT,
	};
	struct inspect_usage usage;
	const struct body *body;
	struct seen seen = {0};

	feed_open_with(&feed, &options);
	feed.keep_bodies = true;
	if (how & REQUEST) {
		send(GL_TO_SERVER, out, cut);
		feed_down(&feed, "HTTP/1.1 204 No Content\r\n\r\n");
	} else {
		feed_up(&feed, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
		send(GL_TO_CLIENT, out, cut);
	}
	feed_end(&feed);
	inspect_finish(feed.in);
	body = how & REQUEST ? &feed.last.request_body : &feed.last.response_body;
	seen = (struct seen){.wire = body->wire_bytes,
			     .decoded = body->decoded_bytes,
			     .n = body->n,
			     .flags = body->flags,
			     .anomalies = feed.last.anomalies,
			     .transactions = feed.transactions};
	for (size_t i = 0; i < feed.n; i++)
		seen.sum = seen.sum * 31 + (uint8_t)feed.text[i];
	CHECK(seen.decoded <= BODY_LIMIT || !(how & CODING));
	if (plain && plain->n < BODY_LIMIT && !(seen.flags & BODY_BOMB)) {
		CHECK(seen.decoded == plain->n);
		CHECK(!(seen.flags & (BODY_UNDECODABLE | BODY_GAP | BODY_CUT)));
		CHECK(!plain->n || memmem(feed.text, feed.n, plain->p, seen.n));
	}
	inspect_usage(feed.in, &usage);
	CHECK(!usage.connections && !usage.transactions && !usage.buffer_bytes);
	feed_close(&feed);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes plain, body, out;
	unsigned how, cut;
	struct seen whole, pieces;

	if (size < 3)
		return 0;
	how = data[0];
	cut = (unsigned)data[1] << 8 | data[2] | 1;
	plain = (struct bytes){(uint8_t *)data + 3, size - 3};
	if (!(how & CODING))
		how &= ~(unsigned)PACK;
	if (how & PACK) {
		how &= ~(unsigned)OWN_FRAMES;
		body = pack(how & CODING, plain.p, plain.n);
	} else {
		body = plain;
	}
	out = message(&body, how, cut);
	whole = run(&out, how, 0, how & PACK ? &plain : NULL);
	pieces = run(&out, how, cut, how & PACK ? &plain : NULL);
	/* whether it grows too fast is asked of what has come so far; and where framing is broken,
	 * the next beginning is looked for where pieces begin */
	if (!((whole.flags | pieces.flags) & BODY_BOMB) && !whole.anomalies && !pieces.anomalies) {
		CHECK(whole.wire == pieces.wire && whole.decoded == pieces.decoded);
		CHECK(whole.flags == pieces.flags && whole.n == pieces.n);
		CHECK(whole.transactions == pieces.transactions && whole.sum == pieces.sum);
	}
	if (how & PACK)
		free(body.p);
	free(out.p);
	return 0;
}
