/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * literals.h - many fixed texts in one pass over the bytes: where four bytes may be of one is told
 * for 64 places at a time, by AVX-512's tables of 128 bytes (VBMI), and only there is compared. Not
 * for every processor and not for literals shorter than three bytes: text.c has Vectorscan then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/base/masked.h"

struct literals;

struct literal_text {
	const char *bytes; /* borrowed */
	size_t n;
	bool ignore_case;
};

/* -ENOTSUP: this processor, or these literals, are not for it; -ENOMEM. The number of a literal is
 * its place in `texts`. */
int literals_new(const struct literal_text *texts, size_t n, struct literals **ret_literals);
void literals_free(struct literals *literals); /* NULL-safe */

/* One literal that ends before bytes[end]; those of one place in no certain order. */
typedef void (*literal_fn)(unsigned id, size_t end, void *userdata);
void literals_find(const struct literals *literals, struct raw bytes, literal_fn fn,
		   void *userdata);
