/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token_pattern.h - the form of a token: a sequence of character sets with counts, and inside of it
 * the literal that Vectorscan looks for. Matched from that literal outwards, so that the begin of
 * a token is known without asking Vectorscan for it (which costs more than everything else).
 *
 * The language is the part of regular expressions that tokens need: characters, \escapes (\d \w \s
 * \n \r \t, anything else is itself), [sets] and [^sets], counts {n} {m,n} {m,} ? * +, and one pair
 * of round brackets around what is the value. No alternatives: a rule may have several patterns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/masked.h"

#define PATTERN_ATOMS_MAX 64
#define PATTERN_COUNT_MAX 8192 /* of one set; what `+` and `*` mean */
#define PATTERN_ANCHOR    64

struct charset {
	uint64_t bits[4];
};

struct atom {
	struct charset set;
	uint16_t min, max;
	bool apart; /* what comes next is of none of its characters: fewer than there are never fit
		     */
};

/* A token that begins with, or has behind its literal, PATTERN_WORD or more of [A-Za-z0-9_] is
 * found by that long word, which texts have few of, instead of by its literal, which may be short.
 */
#define PATTERN_WORD 15
enum pattern_by {
	BY_LITERAL,
	BY_WORD, /* the literal is the word's begin, and nothing of a word may be before it */
	BY_WORD_BEHIND, /* the literal stands `ahead` bytes before a word's begin */
};

struct token_pattern {
	struct atom atoms[PATTERN_ATOMS_MAX];
	uint8_t n;
	uint8_t value_first, value_end; /* atoms of the value: [first, end) */
	uint8_t anchor_first, anchor_end; /* atoms of the anchor; equal: there is none */
	uint8_t by; /* enum pattern_by; token_pattern_by() */
	uint8_t ahead; /* from the literal's begin to that of the word */
	bool ignore_case;
	bool open_begin, open_end; /* may be a part of a longer word there */
	uint8_t anchor_size;
	char anchor[PATTERN_ANCHOR]; /* lower case with ignore_case */
};

/*
 * -EINVAL: *ret_at is the offset in `text` of what is wrong, *ret_why says it (static). The anchor
 * is the longest run of single characters.
 */
int token_pattern_parse(const char *text, bool ignore_case, struct token_pattern *ret_pattern,
			size_t *ret_at, const char **ret_why);

/* What a scan is to look for, once open_begin is known; writes pattern->by. */
void token_pattern_by(struct token_pattern *pattern);

struct token_match {
	size_t begin, end; /* of the whole */
	size_t value_begin, value_end;
};

/* The anchor stands at bytes[at]: is the token there? Bounded: at most PATTERN_STEPS sets tried. */
bool token_pattern_match(const struct token_pattern *pattern, struct raw bytes, size_t at,
			 struct token_match *ret_match);
/* The pattern from bytes[at] on, whatever its anchor. */
bool token_pattern_match_at(const struct token_pattern *pattern, struct raw bytes, size_t at,
			    struct token_match *ret_match);

/* A text the pattern matches, for tests: `chance` gives numbers below its argument. Returns its
 * size, at most `size`. */
size_t token_pattern_sample(const struct token_pattern *pattern, unsigned (*chance)(unsigned below),
			    char *text, size_t size);
