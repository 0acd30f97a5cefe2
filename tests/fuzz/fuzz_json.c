/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_json.c - any bytes as JSON: the walk token by token, over the insides of containers by every
 * way this processor has of reading 64 bytes, texts with their escapes undone, the shape of an
 * answer. Beyond not crashing: tokens are inside of the bytes and in order; what a library takes
 * for JSON, the walk does, and the other way round; cut before its end it is cut, never bad;
 * stepping over a container ends where walking through it does.
 */
#include <jansson.h>

#include "tests/fuzz/fuzz.h"
#include "user/detect/blocks.h"
#include "user/detect/json_shape.h"
#include "user/detect/json_walk.h"

#define SKIPS 64 /* containers stepped over, of one input */

static void within(const struct json_walk *w, struct raw bytes)
{
	CHECK(w->p >= bytes.p && w->p <= bytes.p + bytes.n);
	CHECK(w->depth <= JSON_DEPTH);
}

static void text_of(const struct json_walk *w, struct raw bytes)
{
	char small[8], whole[4096];
	size_t n, m;

	CHECK(w->text.p >= bytes.p && w->text.p + w->text.n <= bytes.p + bytes.n);
	n = json_text(w->text, whole, sizeof(whole));
	m = json_text(w->text, small, sizeof(small));
	CHECK(n < sizeof(whole) && m < sizeof(small) && m <= n);
	CHECK(whole[n] == 0 && small[m] == 0);
	CHECK(memcmp(whole, small, m) == 0);
}

/* To the end of the container just opened, token by token; NULL: it has none, or is broken. */
static const char *walk_out(struct json_walk w)
{
	uint8_t outside = (uint8_t)(w.depth - 1);
	enum json_token token;

	while ((token = json_next(&w)) >= WALK_OBJECT)
		if (w.depth == outside)
			return w.p;
	return NULL;
}

static void skip(const struct json_walk *at, struct raw bytes)
{
	const char *end = walk_out(*at), *first = NULL;
	void (*best)(const char *, struct json_bits *) = blocks_json;
	const struct blocks_way *ways;
	size_t n = blocks_ways(&ways);

	for (size_t i = 0; i < n; i++) {
		struct json_walk w = *at;
		enum json_token token;

		blocks_json = ways[i].json;
		token = json_skip(&w);
		within(&w, bytes);
		CHECK(token == WALK_CUT || token == WALK_OBJECT_END || token == WALK_ARRAY_END);
		if (end)
			CHECK(token != WALK_CUT && w.p == end && w.depth == at->depth - 1);
		CHECK(i == 0 || w.p == first);
		first = w.p;
	}
	blocks_json = best;
}

static enum json_token walk(struct raw bytes, const char **ret_end)
{
	enum json_token token;
	struct json_walk w;
	size_t tokens = 0, skips = 0;
	const char *last = bytes.p;

	json_begin(&w, bytes);
	while ((token = json_next(&w)) >= WALK_OBJECT) {
		within(&w, bytes);
		CHECK(w.p >= last);
		last = w.p;
		CHECK(++tokens <= 2 * bytes.n + 2);
		if (token == WALK_KEY || token == WALK_STRING || token == WALK_NUMBER)
			text_of(&w, bytes);
		if ((token == WALK_OBJECT || token == WALK_ARRAY) && skips++ < SKIPS)
			skip(&w, bytes);
		*ret_end = w.p;
	}
	CHECK(json_next(&w) == token && json_next(&w) == token);
	return token;
}

/* What jansson has an opinion of its own about: numbers too large, texts that are no UTF-8 or hold
 * a zero, containers deeper than the walk goes. */
static bool agreed(struct raw bytes)
{
	size_t digits = 0, opens = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		digits = c >= '0' && c <= '9' ? digits + 1 : 0;
		opens += c == '[' || c == '{';
		if (c >= 0x7f || c == 0 || digits > 15 || opens > JSON_DEPTH)
			return false;
		if (c == '\\' && i + 1 < bytes.n && bytes.p[i + 1] == 'u')
			return false;
		if ((c == 'e' || c == 'E') && i && bytes.p[i - 1] >= '0' && bytes.p[i - 1] <= '9')
			return false;
	}
	return true;
}

static void judge(struct raw bytes, enum json_token ending)
{
	json_error_t error;
	json_t *json;

	if (!agreed(bytes))
		return;
	json = json_loadb(bytes.p, bytes.n, JSON_DECODE_ANY, &error);
	CHECK(!json == (ending != WALK_END));
	json_decref(json);
}

static void shape(struct raw bytes, enum json_token ending)
{
	struct json_shape s;

	memset(&s, 0xa5, sizeof(s));
	json_shape_read(&s, bytes);
	CHECK(s.ending <= WALK_MORE);
	/* insides of long lists are stepped over: what is broken there is not seen */
	CHECK(ending != WALK_END || s.ending == WALK_END);
	CHECK(!s.token.n || (s.token.p >= bytes.p && s.token.p + s.token.n <= bytes.p + bytes.n));
	CHECK(!s.list.n || (s.list.p >= bytes.p && s.list.p + s.list.n <= bytes.p + bytes.n));
	CHECK(s.items <= bytes.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* of its size: a byte read too far is seen */
	struct raw bytes = {copy, size};
	const char *end = copy, *ignored;
	enum json_token ending;

	CHECK(copy);
	memcpy(copy, data, size);
	ending = walk(bytes, &end);
	judge(bytes, ending);
	shape(bytes, ending);
	/* in the middle of a container's value nothing is at its end, and nothing is bad */
	if (ending == WALK_END && size > 1 && (end[-1] == '}' || end[-1] == ']')) {
		size_t cut = ((size_t)data[0] * 251 + data[size / 2]) % (size_t)(end - copy);
		char *part = malloc(cut ? cut : 1);

		CHECK(part);
		memcpy(part, data, cut);
		ignored = part;
		CHECK(walk((struct raw){part, cut}, &ignored) == WALK_CUT);
		free(part);
	}
	free(copy);
	return 0;
}
