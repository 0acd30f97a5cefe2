/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suggest.h - "did you mean": the nearest of the words offered, by edit distance.
 */
#pragma once

#include <stddef.h>

struct suggestion {
	const char *word; /* what was written; borrowed */
	const char *best; /* NULL: nothing near enough was offered; borrowed */
	unsigned distance;
};

void suggest_begin(struct suggestion *suggestion, const char *word);
void suggest_offer(struct suggestion *suggestion, const char *candidate);

/* `did you mean "x"?` in buffer, or NULL where nothing was near. */
const char *suggest_hint(const struct suggestion *suggestion, char *buffer, size_t size);
