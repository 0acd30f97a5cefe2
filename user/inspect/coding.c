/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coding.c - content codings (RFC 9110 section 8.4.1: gzip, deflate; RFC 7932: br), decoded as they
 * come, a step at a time. A body that grows to more than 200 times its size, or beyond the limit,
 * is a bomb: decoding stops. Deflate comes with the zlib wrapper or, from some, without.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>
#include <zlib.h>

#include <brotli/decode.h>

#define WINDOW_ANY (MAX_WBITS + 32) /* gzip or zlib, by what is there */

struct decoder {
	struct holder holder;
	z_stream z;
	BrotliDecoderState *br;
	bool open, ended;
	bool between; /* a gzip member ended; another may follow (RFC 1952 section 2.2) */
	uint8_t begin[2]; /* of a deflate body, for a second try */
	uint8_t n_begin;
	bool plain; /* deflate without wrapper */
};

static bool is_coding(struct raw value, const char *name)
{
	return raw_equal_nocase(value, (struct raw){name, strlen(name)});
}

enum body_coding coding_of(struct raw value)
{
	if (!value.n || is_coding(value, "identity"))
		return CODING_IDENTITY;
	if (is_coding(value, "gzip") || is_coding(value, "x-gzip"))
		return CODING_GZIP;
	if (is_coding(value, "deflate"))
		return CODING_DEFLATE;
	if (is_coding(value, "br"))
		return CODING_BROTLI;
	return CODING_UNKNOWN; /* several, or one that is not decoded here: zstd, compress */
}

static voidpf zlib_alloc(voidpf holder, uInt n, uInt size)
{
	return holder_calloc(n, size, holder);
}

static void zlib_free(voidpf holder, voidpf p)
{
	holder_free(p, holder);
}

static void *brotli_alloc(void *holder, size_t size)
{
	return holder_malloc(size, holder);
}

static void brotli_free(void *holder, void *p)
{
	holder_free(p, holder);
}

void coding_free(struct inspect *in, struct connection *c, struct body_state *body)
{
	struct decoder *d = body->decoder;

	if (!d)
		return;
	if (d->open)
		inflateEnd(&d->z);
	if (d->br)
		BrotliDecoderDestroyInstance(d->br);
	connection_give(in, c, d, sizeof(*d));
	body->decoder = NULL;
}

static void undecodable(struct inspect *in, struct connection *c, struct body_state *body)
{
	body->flags |= BODY_UNDECODABLE;
	body->stopped = true;
	count(in, REPORT_COUNT_UNDECODABLE, 1);
	coding_free(in, c, body);
}

static struct decoder *decoder_of(struct inspect *in, struct connection *c, struct body_state *body)
{
	struct decoder *d = body->decoder;

	if (d)
		return d;
	d = connection_take(in, c, sizeof(*d), true);
	if (!d)
		return NULL;
	*d = (struct decoder){.holder = {in, c, true}};
	body->decoder = d;
	if (body->coding == CODING_BROTLI) {
		d->br = BrotliDecoderCreateInstance(brotli_alloc, brotli_free, &d->holder);
		return d->br ? d : NULL;
	}
	d->z.zalloc = zlib_alloc;
	d->z.zfree = zlib_free;
	d->z.opaque = &d->holder;
	d->open = inflateInit2(&d->z, WINDOW_ANY) == Z_OK;
	return d->open ? d : NULL;
}

/* Takes what was decoded; false: that is enough. */
static bool put(struct inspect *in, struct connection *c, struct exchange *x, int direction,
		uint32_t n)
{
	struct body_state *body = &x->body[direction];

	if (body->decoded + n > in->options.body_bytes ||
	    (body->decoded + n > BOMB_FREE_BYTES && body->decoded + n > BOMB_RATIO * body->wire)) {
		body->flags |= BODY_BOMB;
		body->stopped = true;
		count(in, REPORT_COUNT_BOMBS, 1);
	} else {
		body_store(in, c, x, direction, in->decoded, n);
	}
	if (!body->stopped)
		return true;
	coding_free(in, c, body);
	return false;
}

/* zlib refused what came first of a deflate body: it may have no wrapper. */
static bool try_plain(struct decoder *d, const uint8_t *bytes, uint32_t n)
{
	uint32_t before = d->n_begin;

	if (d->plain || d->z.total_out || before == 2)
		return false;
	d->plain = true;
	if (inflateReset2(&d->z, -MAX_WBITS) != Z_OK)
		return false;
	if (before) {
		/* two bytes are too few to end anything or to put anything out */
		uint8_t nothing[8];

		d->z.next_in = d->begin;
		d->z.avail_in = before;
		d->z.next_out = nothing;
		d->z.avail_out = sizeof(nothing);
		if (inflate(&d->z, Z_NO_FLUSH) != Z_OK || d->z.avail_in || d->z.total_out)
			return false;
	}
	d->z.next_in = (Bytef *)bytes;
	d->z.avail_in = n;
	return true;
}

/* Does what follows a member begin another? What does not is nobody's. */
static bool next_member(const struct body_state *body, struct decoder *d)
{
	d->between = false;
	d->ended =
		body->coding != CODING_GZIP || *d->z.next_in != 0x1f || inflateReset(&d->z) != Z_OK;
	return !d->ended;
}

static void inflate_some(struct inspect *in, struct connection *c, struct exchange *x,
			 int direction, const uint8_t *bytes, uint32_t n)
{
	struct body_state *body = &x->body[direction];
	struct decoder *d = body->decoder;

	d->z.next_in = (Bytef *)bytes;
	d->z.avail_in = n;
	if (d->between && !next_member(body, d))
		return;
	for (;;) {
		uint32_t made;
		int r;

		d->z.next_out = in->decoded;
		d->z.avail_out = sizeof(in->decoded);
		r = inflate(&d->z, Z_NO_FLUSH);
		made = (uint32_t)(sizeof(in->decoded) - d->z.avail_out);
		if (r == Z_DATA_ERROR && body->coding == CODING_DEFLATE && try_plain(d, bytes, n))
			continue;
		if (made && !put(in, c, x, direction, made))
			return;
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR) {
			undecodable(in, c, body);
			return;
		}
		if (r == Z_STREAM_END) {
			d->between = true;
			if (!d->z.avail_in || !next_member(body, d))
				return;
			continue;
		}
		if (d->z.avail_out)
			break; /* all taken */
	}
	for (uint32_t i = 0; i < n && d->n_begin < 2; i++)
		d->begin[d->n_begin++] = bytes[i];
}

static void unbrotli_some(struct inspect *in, struct connection *c, struct exchange *x,
			  int direction, const uint8_t *bytes, uint32_t n)
{
	struct body_state *body = &x->body[direction];
	struct decoder *d = body->decoder;
	size_t left = n;

	for (;;) {
		size_t room = sizeof(in->decoded);
		uint8_t *out = in->decoded;
		BrotliDecoderResult r =
			BrotliDecoderDecompressStream(d->br, &left, &bytes, &room, &out, NULL);

		if (room < sizeof(in->decoded) &&
		    !put(in, c, x, direction, (uint32_t)(sizeof(in->decoded) - room)))
			return;
		if (r == BROTLI_DECODER_RESULT_ERROR) {
			undecodable(in, c, body);
			return;
		}
		d->ended = r == BROTLI_DECODER_RESULT_SUCCESS;
		if (r != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
			return;
	}
}

void coding_decode(struct inspect *in, struct connection *c, struct exchange *x, int direction,
		   const uint8_t *bytes, uint32_t n)
{
	struct body_state *body = &x->body[direction];
	struct decoder *d = decoder_of(in, c, body);

	if (!d) {
		coding_free(in, c, body);
		body->stopped = true;
		body->flags |= BODY_CUT | BODY_SKIPPED;
		count(in, REPORT_COUNT_BODIES_SKIPPED, 1);
		return;
	}
	if (d->ended)
		return; /* what follows the end of the coded stream is nobody's */
	if (body->coding == CODING_BROTLI)
		unbrotli_some(in, c, x, direction, bytes, n);
	else
		inflate_some(in, c, x, direction, bytes, n);
}

bool coding_complete(const struct body_state *body)
{
	return !body->decoder || body->decoder->ended || body->decoder->between;
}
