/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suggest.c - optimal string alignment distance over short words, letter case for free: a wrong
 * capital is the likeliest slip (trustedproxies).
 */
#include "user/policy/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, substitutions and swaps of neighbours. Both words are at most WORD_MAX. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = min3(last[j] + 1, now[j - 1] + 1,
				      last[j - 1] + !same_letter(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]) && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

void suggest_begin(struct suggestion *suggestion, const char *word)
{
	*suggestion = (struct suggestion){.word = word};
}

/* Near: a third of the word may be wrong, and one letter of any. Numbers have no neighbours. */
void suggest_offer(struct suggestion *suggestion, const char *candidate)
{
	size_t len = strlen(suggestion->word), candidate_len = strlen(candidate);
	size_t longer = len > candidate_len ? len : candidate_len;
	unsigned d;

	if (len == 0 || longer > WORD_MAX || isdigit((unsigned char)candidate[0]))
		return;
	d = distance(suggestion->word, len, candidate, candidate_len);
	if (d > (longer > 3 ? longer / 3 : 1) || d >= longer)
		return;
	if (suggestion->best && suggestion->distance <= d)
		return;
	suggestion->best = candidate;
	suggestion->distance = d;
}

const char *suggest_hint(const struct suggestion *suggestion, char *buffer, size_t size)
{
	if (!suggestion->best)
		return NULL;
	snprintf(buffer, size, "did you mean \"%s\"?", suggestion->best);
	return buffer;
}
