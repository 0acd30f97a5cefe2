/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blocks.c - see blocks.h. The first call of each chooses, once a process. */
#include "user/detect/blocks.h"

#include <stdbool.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* --- one byte after the other ----------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_word(char c)
{
	return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || c == '_';
}

static void text_plain(const char *p, struct text_bits *ret_bits)
{
	struct text_bits bits = {0};

	for (unsigned i = 0; i < BLOCK_BYTES; i++) {
		bits.digits |= (uint64_t)is_digit(p[i]) << i;
		bits.uppers |= (uint64_t)is_upper(p[i]) << i;
		bits.words |= (uint64_t)is_word(p[i]) << i;
		bits.ats |= (uint64_t)(p[i] == '@') << i;
		bits.dots |= (uint64_t)(p[i] == '.') << i;
		bits.colons |= (uint64_t)(p[i] == ':') << i;
		bits.gaps |= (uint64_t)(p[i] == ' ' || p[i] == '-') << i;
	}
	*ret_bits = bits;
}

void blocks_text_plain(const char *p, size_t n, struct text_bits *ret_bits)
{
	for (size_t i = 0; i < n; i++)
		text_plain(p + i * BLOCK_BYTES, &ret_bits[i]);
}

void blocks_json_plain(const char *p, struct json_bits *ret_bits)
{
	struct json_bits bits = {0};

	for (unsigned i = 0; i < BLOCK_BYTES; i++) {
		bits.quotes |= (uint64_t)(p[i] == '"') << i;
		bits.slashes |= (uint64_t)(p[i] == '\\') << i;
		bits.opens |= (uint64_t)(p[i] == '{' || p[i] == '[') << i;
		bits.closes |= (uint64_t)(p[i] == '}' || p[i] == ']') << i;
	}
	*ret_bits = bits;
}

#ifdef __SSE2__
/* --- sixteen ---------------------------------------------------------------------------------- */

/* from..from + n - 1, by moving them to the lowest values there are */
static __m128i range16(__m128i v, char from, char n)
{
	return _mm_cmplt_epi8(_mm_sub_epi8(v, _mm_set1_epi8((char)(from + 128))),
			      _mm_set1_epi8((char)(-128 + n)));
}

static __m128i equal16(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static uint64_t mask16(__m128i v, unsigned i)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << 16 * i;
}

static inline __attribute__((always_inline)) void one_sse2(const char *p,
							   struct text_bits *ret_bits)
{
	struct text_bits bits = {0};

	for (unsigned i = 0; i < 4; i++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		__m128i digit = range16(v, '0', 10);
		__m128i alpha = range16(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 26);

		bits.digits |= mask16(digit, i);
		bits.uppers |= mask16(range16(v, 'A', 26), i);
		bits.words |= mask16(_mm_or_si128(_mm_or_si128(digit, alpha), equal16(v, '_')), i);
		bits.ats |= mask16(equal16(v, '@'), i);
		bits.dots |= mask16(equal16(v, '.'), i);
		bits.colons |= mask16(equal16(v, ':'), i);
		bits.gaps |= mask16(_mm_or_si128(equal16(v, ' '), equal16(v, '-')), i);
	}
	*ret_bits = bits;
}

static void text_sse2(const char *p, size_t n, struct text_bits *ret_bits)
{
	for (size_t i = 0; i < n; i++)
		one_sse2(p + i * BLOCK_BYTES, &ret_bits[i]);
}

static void json_sse2(const char *p, struct json_bits *ret_bits)
{
	struct json_bits bits = {0};

	for (unsigned i = 0; i < 4; i++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		/* '[' is '{' then, and ']' '}' */
		__m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20));

		bits.quotes |= mask16(equal16(v, '"'), i);
		bits.slashes |= mask16(equal16(v, '\\'), i);
		bits.opens |= mask16(equal16(folded, '{'), i);
		bits.closes |= mask16(equal16(folded, '}'), i);
	}
	*ret_bits = bits;
}

/* --- thirty-two ------------------------------------------------------------------------------- */
#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i range32(__m256i v, char from, char n)
{
	return _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(-128 + n)),
				 _mm256_sub_epi8(v, _mm256_set1_epi8((char)(from + 128))));
}

AVX2 static __m256i equal32(__m256i v, char c)
{
	return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));
}

AVX2 static uint64_t mask32(__m256i v, unsigned i)
{
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(v) << 32 * i;
}

AVX2 static inline __attribute__((always_inline)) void one_avx2(const char *p,
								struct text_bits *ret_bits)
{
	struct text_bits bits = {0};

	for (unsigned i = 0; i < 2; i++) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32 * i));
		__m256i digit = range32(v, '0', 10);
		__m256i alpha = range32(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 26);
		__m256i word = _mm256_or_si256(_mm256_or_si256(digit, alpha), equal32(v, '_'));

		bits.digits |= mask32(digit, i);
		bits.uppers |= mask32(range32(v, 'A', 26), i);
		bits.words |= mask32(word, i);
		bits.ats |= mask32(equal32(v, '@'), i);
		bits.dots |= mask32(equal32(v, '.'), i);
		bits.colons |= mask32(equal32(v, ':'), i);
		bits.gaps |= mask32(_mm256_or_si256(equal32(v, ' '), equal32(v, '-')), i);
	}
	*ret_bits = bits;
}

AVX2 static void text_avx2(const char *p, size_t n, struct text_bits *ret_bits)
{
	for (size_t i = 0; i < n; i++)
		one_avx2(p + i * BLOCK_BYTES, &ret_bits[i]);
}

AVX2 static void json_avx2(const char *p, struct json_bits *ret_bits)
{
	struct json_bits bits = {0};

	for (unsigned i = 0; i < 2; i++) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32 * i));
		__m256i folded = _mm256_or_si256(v, _mm256_set1_epi8(0x20));

		bits.quotes |= mask32(equal32(v, '"'), i);
		bits.slashes |= mask32(equal32(v, '\\'), i);
		bits.opens |= mask32(equal32(folded, '{'), i);
		bits.closes |= mask32(equal32(folded, '}'), i);
	}
	*ret_bits = bits;
}

/* --- sixty-four ------------------------------------------------------------------------------- */
#define AVX512 __attribute__((target("avx512f,avx512bw")))

AVX512 static uint64_t range64(__m512i v, char from, char n)
{
	return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8(from)),
				      _mm512_set1_epi8(n));
}

AVX512 static uint64_t equal64(__m512i v, char c)
{
	return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
}

AVX512 static inline __attribute__((always_inline)) void one_avx512(const char *p,
								    struct text_bits *ret_bits)
{
	__m512i v = _mm512_loadu_si512((const void *)p);
	uint64_t digits = range64(v, '0', 10);

	*ret_bits = (struct text_bits){
		.digits = digits,
		.uppers = range64(v, 'A', 26),
		.words = digits | range64(_mm512_or_si512(v, _mm512_set1_epi8(0x20)), 'a', 26) |
			 equal64(v, '_'),
		.ats = equal64(v, '@'),
		.dots = equal64(v, '.'),
		.colons = equal64(v, ':'),
		.gaps = equal64(v, ' ') | equal64(v, '-'),
	};
}

AVX512 static void text_avx512(const char *p, size_t n, struct text_bits *ret_bits)
{
	for (size_t i = 0; i < n; i++)
		one_avx512(p + i * BLOCK_BYTES, &ret_bits[i]);
}

AVX512 static void json_avx512(const char *p, struct json_bits *ret_bits)
{
	__m512i v = _mm512_loadu_si512((const void *)p);
	__m512i folded = _mm512_or_si512(v, _mm512_set1_epi8(0x20));

	*ret_bits = (struct json_bits){
		.quotes = equal64(v, '"'),
		.slashes = equal64(v, '\\'),
		.opens = equal64(folded, '{'),
		.closes = equal64(folded, '}'),
	};
}
#endif

/* --- which of them ---------------------------------------------------------------------------- */

size_t blocks_ways(const struct blocks_way **ret_ways)
{
	static const struct blocks_way ways[] = {
		{"plain", blocks_text_plain, blocks_json_plain},
#ifdef __SSE2__
		{"sse2", text_sse2, json_sse2},
		{"avx2", text_avx2, json_avx2},
		{"avx512", text_avx512, json_avx512},
#endif
	};
	size_t n = sizeof(ways) / sizeof(ways[0]);

#ifdef __SSE2__
	if (!__builtin_cpu_supports("avx512bw"))
		n = __builtin_cpu_supports("avx2") ? 3 : 2;
#endif
	*ret_ways = ways;
	return n;
}

static void choose(void)
{
	const struct blocks_way *ways;
	size_t n = blocks_ways(&ways);

	blocks_text = ways[n - 1].text;
	blocks_json = ways[n - 1].json;
}

static void text_first(const char *p, size_t n, struct text_bits *ret_bits)
{
	choose();
	blocks_text(p, n, ret_bits);
}

static void json_first(const char *p, struct json_bits *ret_bits)
{
	choose();
	blocks_json(p, ret_bits);
}

void (*blocks_text)(const char *p, size_t n, struct text_bits *ret_bits) = text_first;
void (*blocks_json)(const char *p, struct json_bits *ret_bits) = json_first;
