/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_h2.c - HTTP/2 as the inspectors read it: frames and HPACK of both directions, through
 * user/inspect. The input is a list of frames, so that what is searched is in them and not how long
 * they are: a byte (bit 0: of the server; 1: the payload is a header block this host's encoder
 * makes of it; 2: bytes as they are, no frame; 3: padded; 7: cut the next chunk short), type,
 * flags, stream, length, payload. Everything comes once frame by frame and once in other pieces.
 * Beyond not crashing: both say the same, or that it cannot be read; every head is told; memory is
 * bounded and given back.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/h2_write.h"
#include "tests/unit/inspect_feed.h"

#define KEPT_MAX   (16u << 20)
#define FRAMES_MAX 512

enum { SERVER = 1, ENCODED = 2, RAW = 4, PADDED = 8 };

/* What one direction sends before the other speaks. */
struct turn {
	int direction;
	size_t at, n; /* in the bytes of its direction */
};

struct script {
	struct h2_write write[2];
	struct turn turns[FRAMES_MAX + 3];
	size_t n;
	bool ends; /* the server ends streams: what of a request has not come by then is not told */
};

static struct feed feed;
static struct script script;

static void turn(int direction, size_t from)
{
	script.turns[script.n++] = (struct turn){direction, from, script.write[direction].n - from};
}

/* A request or an answer whose fields the payload says: name of a letter, value, a line each. */
static size_t encode(struct h2_write *w, int direction, const uint8_t *p, size_t n, uint8_t *out,
		     size_t size)
{
	static char text[8192];
	const char *pairs[2 * 40 + 1] = {":method",    "GET", ":scheme", "https",
					 ":authority", "a",   ":path",   "/x"};
	size_t at = 0, i = 8;

	if (direction == GL_TO_CLIENT) {
		pairs[0] = ":status";
		pairs[1] = n && p[0] & 1 ? "200" : "404";
		i = 2;
	}
	for (size_t next = 0; next < n && i + 2 < 80 && at + 300 < sizeof(text);) {
		size_t value = p[next] % 120;
		static const char *const names[] = {"cookie", "x-a",          "content-length",
						    "te",     "x-request-id", ":path",
						    "host",   "Bad Name"};

		pairs[i++] = names[p[next] / 32];
		next++;
		value = value < n - next ? value : n - next;
		pairs[i++] = text + at;
		for (size_t j = 0; j < value; j++)
			text[at++] = p[next + j] ? (char)p[next + j] : ' ';
		text[at++] = 0;
		next += value;
	}
	pairs[i] = NULL;
	return h2_block(w, pairs, out, size);
}

static void frame(const uint8_t *head, const uint8_t *payload, size_t n)
{
	static uint8_t block[65536];
	int direction = head[0] & SERVER ? GL_TO_CLIENT : GL_TO_SERVER;
	struct h2_write *w = &script.write[direction];
	uint8_t type = head[1] % 12, flags = head[2];
	size_t from = w->n, size = n;

	script.ends |= head[0] & SERVER && (head[0] & RAW || type == 3 || type == 7);
	if (head[0] & RAW) {
		h2_put(w, payload, n);
		turn(direction, from);
		return;
	}
	memcpy(block + 1, payload, n);
	if (head[0] & ENCODED) {
		type = 1;
		flags |= 4;
		flags &= (uint8_t) ~(8 | 32);
		size = encode(w, direction, payload, n, block + 1, 60000);
	}
	if (head[0] & PADDED && size) {
		/* a length of padding, which may be longer than the frame */
		block[0] = head[2];
		h2_frame(w, type, flags | 8, head[3], block, size + 1);
	} else {
		h2_frame(w, type, flags, head[3], block + 1, size);
	}
	turn(direction, from);
}

static void read_script(const uint8_t *data, size_t size)
{
	memset(&script, 0, sizeof(script));
	for (int direction = 0; direction < 2; direction++) {
		h2_write_open(&script.write[direction]);
		if (direction == GL_TO_SERVER)
			h2_put(&script.write[0], H2_PREFACE, sizeof(H2_PREFACE) - 1);
		h2_frame(&script.write[direction], 4, 0, 0, NULL, 0);
		turn(direction, 0);
	}
	while (size >= 5 && script.n < FRAMES_MAX) {
		size_t n = data[4];

		/* long ones are worth a try */
		n = n == 255 ? size - 5 : n;
		n = n < size - 5 ? n : size - 5;
		frame(data, data + 5, n);
		data += 5 + n;
		size -= 5 + n;
	}
}

struct seen {
	uint64_t sum, heads, unreadable, transactions, read, errors;
};

static void bounded(void)
{
	struct inspect_usage usage;

	inspect_usage(feed.in, &usage);
	CHECK(usage.buffer_bytes <= KEPT_MAX && usage.connections <= 1);
}

/* Of all lines in any order: which stream ends first may hang on which was waited for. */
static uint64_t lines_sum(void)
{
	uint64_t sum = 0, line = 0;

	for (size_t i = 0; i < feed.n; i++) {
		line = (line ^ (uint8_t)feed.text[i]) * 0x100000001b3;
		if (feed.text[i] == '\n') {
			sum += line;
			line = 0;
		}
	}
	return sum + line;
}

/* cut: 0, or a number that says where pieces end. */
static struct seen run(unsigned cut)
{
	static const struct inspect_options options = {
		.connections = 4,
		.buffer_bytes = KEPT_MAX,
		.connection_bytes = KEPT_MAX,
		.body_bytes = 1u << 20,
	};
	struct inspect_usage usage;
	struct seen seen = {0};

	feed_open_with(&feed, &options);
	feed.keep_bodies = true;
	for (size_t i = 0; i < script.n; i++) {
		const struct turn *t = &script.turns[i];
		const uint8_t *p = script.write[t->direction].bytes + t->at;

		for (size_t at = 0; at < t->n;) {
			size_t n = cut ? 1 + (cut = cut * 1103515245 + 12345) / 65536 % 40 : 65536;

			n = n < t->n - at ? n : t->n - at;
			feed_bytes(&feed, t->direction, p + at, n);
			at += n;
		}
		bounded();
	}
	seen.read = feed.read;
	CHECK(feed.read == GL_H2_UNREAD || feed.read <= script.write[GL_TO_SERVER].n);
	inspect_finish(feed.in);
	seen.heads = feed.heads;
	seen.unreadable = feed.unreadable;
	seen.transactions = feed.transactions;
	seen.errors = feed_count(&feed, REPORT_COUNT_H2_ERRORS);
	seen.sum = lines_sum();
	CHECK(feed.transactions >= feed.heads);
	inspect_usage(feed.in, &usage);
	CHECK(!usage.connections && !usage.transactions && !usage.buffer_bytes);
	feed_close(&feed);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	if (size < 2 || size > 60000)
		return 0;
	read_script(data + 1, size - 1);
	whole = run(0);
	pieces = run(1 + data[0]);
	/* once it is broken, a beginning is looked for where a piece begins */
	CHECK(!whole.unreadable == !pieces.unreadable && !whole.errors == !pieces.errors);
	if (!whole.unreadable && !whole.errors && !script.ends) {
		CHECK(whole.heads == pieces.heads && whole.read == pieces.read);
		CHECK(whole.transactions == pieces.transactions && whole.sum == pieces.sum);
	}
	for (int direction = 0; direction < 2; direction++)
		h2_write_close(&script.write[direction]);
	return 0;
}
