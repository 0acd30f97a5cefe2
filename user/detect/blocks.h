/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blocks.h - sixty-four bytes at a time: which of them are digits, quotes, brackets ..., bit i for
 * byte i. What every pass over a body begins with; AVX-512 or AVX2 where the processor has
 * it, else SSE2, else one byte after the other, with the same answers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES 64

struct text_bits {
	uint64_t digits, uppers, words; /* words: letters, digits, '_' */
	uint64_t ats, dots, colons, gaps; /* '@', '.', ':', blank or '-' */
};

struct json_bits {
	uint64_t quotes, slashes; /* '"', '\\' */
	uint64_t opens, closes; /* '{' '[', '}' ']'; where a control is is not said */
};

/* Read n blocks, or one, of BLOCK_BYTES at p. */
extern void (*blocks_text)(const char *p, size_t n, struct text_bits *ret_bits);
extern void (*blocks_json)(const char *p, struct json_bits *ret_bits);

/* The same, one byte after the other: what tests compare with. */
void blocks_text_plain(const char *p, size_t n, struct text_bits *ret_bits);
void blocks_json_plain(const char *p, struct json_bits *ret_bits);

/* The ways this processor has, the best of them, which is taken, last. */
struct blocks_way {
	const char *name;
	void (*text)(const char *p, size_t n, struct text_bits *ret_bits);
	void (*json)(const char *p, struct json_bits *ret_bits);
};
size_t blocks_ways(const struct blocks_way **ret_ways);
