/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text_private.h - the scanner inside; between text.c and text_build.c. */
#pragma once

#include <hs/hs.h>

#include "user/detect/literals.h"
#include "user/detect/text.h"

#define TEXT_FOUND_MAX 512 /* kept until they are put in order */

/* A rule that a literal may be the begin of. */
struct use {
	const struct rule *rule;
	const struct token_pattern *pattern;
	bool near; /* the literal is of a name; the value stands behind it */
};

struct literal {
	size_t first, end; /* of uses */
	size_t size;
};

/* Uses of patterns that a long word finds: BY_WORD by the literal's first byte, BY_WORD_BEHIND by
 * how far before the word it stands. */
struct words {
	struct use *uses;
	size_t n;
	uint16_t first[257];
};

struct found {
	const struct rule *rule;
	size_t begin, end;
	unsigned detail;
};

struct text {
	const struct rules *rules;
	struct literals *fast; /* what finds literals here; NULL: the database does */
	hs_database_t *database, *slow; /* NULL: no rule needs it */
	hs_scratch_t *scratch;
	struct literal *literals;
	size_t n_literals;
	struct use *uses, *unanchored;
	size_t n_uses, n_unanchored;
	struct words begins, behind;
	const struct rule *forms[FORM_MAX];
	uint32_t *told; /* per rule, in this scan */
	struct found found[TEXT_FOUND_MAX];
	size_t n_found;
	uint64_t hits, matches;
};
