/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - secrets, personal data, hashes and stack traces in any bytes. literals.c, or Vectorscan
 * where the processor is not for it, finds the literals of all rules in one pass, personal.c what
 * has none; what they find is confirmed here: form, checksum, entropy, words near by, allow lists.
 *
 * Everything is allocated by text_new(); a scan allocates nothing, opens nothing and asks the
 * kernel for nothing. One scanner belongs to one thread.
 */
#pragma once

#include "user/detect/detector.h"
#include "user/detect/rules.h"
#include "user/inspect/inspect.h"

#define TEXT_WINDOW_MAX (64u << 20) /* bytes of one scan */
#define TEXT_OVERLAP    4096 /* what windows of a longer text should have in common */

struct text;

/* Borrows the rules. -ENOMEM; -EINVAL: Vectorscan refused an unanchored pattern. */
int text_new(const struct rules *rules, struct text **ret_text);
/* The same by a stated way, for tests and benches: what every processor has, or the best there is.
 */
enum text_way { TEXT_FASTEST, TEXT_VECTORSCAN };
int text_new_by(const struct rules *rules, enum text_way way, struct text **ret_text);
const char *text_way_name(const struct text *text); /* "vbmi", "vectorscan" */
void text_free(struct text *text); /* NULL-safe */
static inline void text_freep(struct text **p)
{
	text_free(*p);
}

struct text_match {
	const struct rule *rule;
	size_t begin, end; /* of the value, in the bytes given */
	unsigned detail; /* bcrypt's cost */
	struct masked evidence;
};
typedef void (*text_match_fn)(const struct text_match *match, void *userdata);

/*
 * Every match of rules that speak at `where` (one enum rule_where) and of a family in `families`
 * (bits 1 << enum rule_family), by ascending begin, no two of them over the same bytes. per_rule:
 * at most so many of one rule, 0 = all of them.
 */
void text_each(struct text *text, struct raw bytes, enum rule_where where, unsigned families,
	       unsigned per_rule, text_match_fn fn, void *userdata);

/*
 * As detections of a part of a transaction: the first few of each rule. What ends in the first
 * `seen` bytes was told with the window before.
 */
void text_scan(struct text *text, const uint8_t *bytes, size_t n, size_t seen,
	       enum detect_part part, const struct detect_out *out);

/*
 * A stretch of a body that detector_text has not had: from the second window on (the first is in
 * the transaction, and is not looked at here). For inspect.h's body callback; policy may be NULL.
 */
void text_body(struct text *text, const struct transaction *tx, const struct detect_policy *policy,
	       const struct inspect_window *window, const struct detect_out *out);

/* The scanner of detector_text, which looks at targets, answers' heads and first windows of bodies,
 * and at the members the policy forbids (REV-11); borrowed, NULL: none, and it says nothing. */
void text_detector_use(struct text *text);

/* How many literals were found and how many of those were something, since text_new(). */
void text_counts(const struct text *text, uint64_t *ret_hits, uint64_t *ret_matches);
