/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/json_walk.h"

#include <string.h>

#include "user/detect/blocks.h"

enum {
	EXPECT_VALUE,
	EXPECT_FIRST_VALUE,
	EXPECT_KEY,
	EXPECT_FIRST_KEY,
	EXPECT_COMMA,
	EXPECT_NOTHING
};

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

void json_begin(struct json_walk *walk, struct raw bytes)
{
	*walk = (struct json_walk){
		.p = bytes.p,
		.end = bytes.n ? bytes.p + bytes.n : bytes.p,
		.expect = EXPECT_VALUE,
		.last = WALK_NULL,
	};
}

static enum json_token stop(struct json_walk *w, enum json_token token)
{
	w->last = token;
	return token;
}

static void skip_blanks(struct json_walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' || *w->p == '\r' || *w->p == '\t'))
		w->p++;
}

/* To the first byte that a string cannot simply go on with: quote, backslash, control. */
static const char *plain_end(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t w, quote, slash, hits;

		memcpy(&w, p, 8);
		quote = w ^ ONES * '"';
		slash = w ^ ONES * '\\';
		hits = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) |
		       ((w - ONES * 0x20) & ~w);
		hits &= HIGHS;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		/* borrows only make false hits above the first true one */
		if (hits)
			return p + __builtin_ctzll(hits) / 8;
#else
		if (hits)
			break;
#endif
		p += 8;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At a backslash: the escape's length, 0: cut, -1: none. */
static int escape_length(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	if (p[1] != 'u')
		return memchr("\"\\/bfnrt", p[1], 8) ? 2 : -1;
	for (int i = 2; i < 6; i++) {
		if (p + i >= end)
			return 0;
		if (hex_value(p[i]) < 0)
			return -1;
	}
	return 6;
}

/* Behind the opening quote. */
static enum json_token read_string(struct json_walk *w, enum json_token token)
{
	const char *begin = w->p, *p = w->p;

	w->escaped = false;
	for (;;) {
		int n;

		p = plain_end(p, w->end);
		w->text = (struct raw){begin, (size_t)(p - begin)};
		if (p == w->end)
			return stop(w, WALK_CUT);
		if (*p == '"')
			break;
		if (*p != '\\')
			return stop(w, WALK_BAD);
		w->escaped = true;
		n = escape_length(p, w->end);
		if (n <= 0)
			return stop(w, n ? WALK_BAD : WALK_CUT);
		p += n;
	}
	w->p = p + 1;
	return token;
}

static const char *digits_end(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The end of the number at p, where the bytes end if it could go on there; NULL: none. */
static const char *number_end(const char *p, const char *end)
{
	const char *from;

	if (p < end && *p == '-')
		p++;
	from = p;
	p = digits_end(p, end);
	if (p == from || (*from == '0' && p - from > 1))
		return p == end && p == from ? end : NULL;
	if (p < end && *p == '.') {
		from = ++p;
		p = digits_end(p, end);
		if (p == from)
			return p == end ? end : NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = digits_end(p, end);
		if (p == from)
			return p == end ? end : NULL;
	}
	return p;
}

static enum json_token read_number(struct json_walk *w)
{
	const char *end = number_end(w->p, w->end);

	if (!end)
		return stop(w, WALK_BAD);
	w->text = (struct raw){w->p, (size_t)(end - w->p)};
	/* a number at the end of the bytes is complete only if it is the whole text, and then only
	 * if it ends in a digit */
	if (end == w->end && (w->depth || end[-1] < '0' || end[-1] > '9'))
		return stop(w, WALK_CUT);
	w->p = end;
	return WALK_NUMBER;
}

static enum json_token read_literal(struct json_walk *w, struct raw name, enum json_token token)
{
	size_t n = (size_t)(w->end - w->p);

	if (memcmp(w->p, name.p, n < name.n ? n : name.n) != 0)
		return stop(w, WALK_BAD);
	if (n < name.n)
		return stop(w, WALK_CUT);
	w->p += name.n;
	return token;
}

static enum json_token open_container(struct json_walk *w, bool object)
{
	if (w->depth == JSON_DEPTH)
		return stop(w, WALK_BAD);
	w->p++;
	if (object)
		w->objects |= 1ull << w->depth;
	else
		w->objects &= ~(1ull << w->depth);
	w->depth++;
	w->expect = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
	return object ? WALK_OBJECT : WALK_ARRAY;
}

static enum json_token close_container(struct json_walk *w)
{
	bool object = json_in_object(w);

	if (*w->p != (object ? '}' : ']'))
		return stop(w, WALK_BAD);
	w->p++;
	w->depth--;
	w->expect = w->depth ? EXPECT_COMMA : EXPECT_NOTHING;
	return object ? WALK_OBJECT_END : WALK_ARRAY_END;
}

static enum json_token read_value(struct json_walk *w)
{
	enum json_token token;

	switch (*w->p) {
	case '{':
		return open_container(w, true);
	case '[':
		return open_container(w, false);
	case '"':
		w->p++;
		token = read_string(w, WALK_STRING);
		break;
	case 't':
		token = read_literal(w, RAW("true"), WALK_TRUE);
		break;
	case 'f':
		token = read_literal(w, RAW("false"), WALK_FALSE);
		break;
	case 'n':
		token = read_literal(w, RAW("null"), WALK_NULL);
		break;
	default:
		token = read_number(w);
	}
	w->expect = w->depth ? EXPECT_COMMA : EXPECT_NOTHING;
	return token;
}

/* The member's name and its colon. */
static enum json_token read_key(struct json_walk *w)
{
	enum json_token token;

	if (*w->p != '"')
		return stop(w, WALK_BAD);
	w->p++;
	token = read_string(w, WALK_KEY);
	if (token != WALK_KEY)
		return token;
	skip_blanks(w);
	if (w->p == w->end)
		return stop(w, WALK_CUT);
	if (*w->p != ':')
		return stop(w, WALK_BAD);
	w->p++;
	w->expect = EXPECT_VALUE;
	return token;
}

enum json_token json_next(struct json_walk *w)
{
	if (w->last < WALK_OBJECT)
		return w->last;
	skip_blanks(w);
	if (w->p == w->end)
		return stop(w, w->expect == EXPECT_NOTHING ? WALK_END : WALK_CUT);
	switch (w->expect) {
	case EXPECT_NOTHING:
		return stop(w, WALK_MORE);
	case EXPECT_COMMA:
		if (*w->p != ',')
			return close_container(w);
		w->p++;
		w->expect = json_in_object(w) ? EXPECT_KEY : EXPECT_VALUE;
		return json_next(w); /* once: the next is no comma */
	case EXPECT_FIRST_KEY:
		return *w->p == '}' ? close_container(w) : read_key(w);
	case EXPECT_KEY:
		return read_key(w);
	case EXPECT_FIRST_VALUE:
		return *w->p == ']' ? close_container(w) : read_value(w);
	default:
		return read_value(w);
	}
}

/* --- skipping --------------------------------------------------------------------------------- */

struct skipping {
	const char *p, *end;
	size_t depth; /* containers still open */
	bool string; /* p is inside one */
	bool escaped; /* ... and the byte at p is escaped */
};

static void skip_byte(struct skipping *s)
{
	char c = *s->p++;

	if (s->string) {
		if (s->escaped)
			s->escaped = false;
		else if (c == '\\')
			s->escaped = true;
		else
			s->string = c != '"';
	} else if (c == '"') {
		s->string = true;
	} else if (c == '{' || c == '[') {
		s->depth++;
	} else if (c == '}' || c == ']') {
		s->depth--;
	}
}

/* Bytes behind an odd backslash; *carry is of the byte behind the block. */
static uint64_t escaped_bytes(uint64_t slashes, bool *carry)
{
	uint64_t escaped = *carry;

	slashes &= ~escaped;
	*carry = false;
	while (slashes) {
		uint64_t slash = slashes & -slashes, next = slash << 1;

		*carry = next == 0;
		escaped |= next;
		slashes &= ~(slash | next);
	}
	return escaped;
}

/* Bit i: an odd number of quotes up to and with byte i. */
static uint64_t inside(uint64_t quotes)
{
	for (int shift = 1; shift < 64; shift *= 2)
		quotes ^= quotes << shift;
	return quotes;
}

/* The builtin is a call where the processor is not known to have the instruction. */
static size_t ones(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + (v >> 2 & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return v * 0x0101010101010101ull >> 56;
}

/* Whether the last of `depth` containers closes among these, and at which bit. */
static bool closes_at(uint64_t opens, uint64_t closes, size_t depth, int *ret_bit)
{
	if (ones(closes) < depth)
		return false;
	for (uint64_t both = opens | closes; both; both &= both - 1) {
		int bit = __builtin_ctzll(both);

		depth += opens >> bit & 1 ? 1 : (size_t)-1;
		if (!depth) {
			*ret_bit = bit;
			return true;
		}
	}
	return false;
}

/* Sixty-four bytes, or up to where the last container closes. */
static void skip_block(struct skipping *s)
{
	struct json_bits bits;
	uint64_t strings, opens, closes;
	bool carry = s->escaped;
	int bit;

	blocks_json(s->p, &bits);
	/* a backslash outside of strings is no JSON; it may escape what it likes */
	strings = inside(bits.quotes & ~escaped_bytes(bits.slashes, &carry));
	strings ^= s->string ? ~0ull : 0;
	opens = bits.opens & ~strings;
	closes = bits.closes & ~strings;
	if (closes_at(opens, closes, s->depth, &bit)) {
		s->p += bit + 1;
		s->depth = 0;
		return;
	}
	s->depth += ones(opens) - ones(closes);
	s->string = strings >> 63;
	s->escaped = carry;
	s->p += BLOCK_BYTES;
}

enum json_token json_skip(struct json_walk *w)
{
	struct skipping s = {.p = w->p, .end = w->end, .depth = 1};
	bool object = json_in_object(w);

	if (w->last < WALK_OBJECT)
		return w->last;
	while (s.depth && s.end - s.p >= BLOCK_BYTES)
		skip_block(&s);
	while (s.depth && s.p < s.end)
		skip_byte(&s);
	w->p = s.p;
	if (s.depth)
		return stop(w, WALK_CUT);
	w->depth--;
	w->expect = w->depth ? EXPECT_COMMA : EXPECT_NOTHING;
	return object ? WALK_OBJECT_END : WALK_ARRAY_END;
}

/* --- texts ------------------------------------------------------------------------------------ */

static unsigned escape_code(const char *p)
{
	unsigned code = 0;

	for (int i = 2; i < 6; i++)
		code = code << 4 | (unsigned)hex_value(p[i]);
	return code;
}

static size_t put_utf8(unsigned code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* At a backslash; what it stands for into out[], *ret_n its length. Returns the bytes read. */
static size_t read_escape(const char *p, const char *end, char out[4], size_t *ret_n)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	int n = escape_length(p, end);
	unsigned code;

	if (n == 2) {
		out[0] = values[(const char *)memchr(names, p[1], 8) - names];
		*ret_n = 1;
		return 2;
	}
	if (n != 6) { /* not from json_next() */
		*ret_n = 0;
		return (size_t)(end - p);
	}
	code = escape_code(p);
	if (code >= 0xd800 && code < 0xdc00 && end - p >= 12 && p[6] == '\\' &&
	    escape_length(p + 6, end) == 6) {
		unsigned low = escape_code(p + 6);

		if (low >= 0xdc00 && low < 0xe000) {
			*ret_n = put_utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
			return 12;
		}
	}
	*ret_n = put_utf8(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, out);
	return 6;
}

size_t json_text(struct raw text, char *buffer, size_t size)
{
	const char *p = text.p, *end = text.n ? text.p + text.n : text.p;
	size_t n = 0;

	if (!size)
		return 0;
	while (p < end) {
		char out[4] = {*p};
		size_t length = 1;

		p += *p == '\\' ? read_escape(p, end, out, &length) : 1;
		if (n + length >= size)
			break;
		memcpy(buffer + n, out, length);
		n += length;
	}
	buffer[n] = '\0';
	return n;
}
