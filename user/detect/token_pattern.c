/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_pattern.c - see token_pattern.h. */
#include "user/detect/token_pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_STEPS 4096

/* --- sets ------------------------------------------------------------------------------------- */

static void set_add(struct charset *set, unsigned char c)
{
	set->bits[c / 64] |= 1ull << c % 64;
}

static void set_add_range(struct charset *set, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		set_add(set, (unsigned char)c);
}

static bool set_has(const struct charset *set, unsigned char c)
{
	return set->bits[c / 64] >> c % 64 & 1;
}

static void set_fold(struct charset *set)
{
	for (unsigned c = 'a'; c <= 'z'; c++) {
		if (set_has(set, (unsigned char)c))
			set_add(set, (unsigned char)(c - 32));
		if (set_has(set, (unsigned char)(c - 32)))
			set_add(set, (unsigned char)c);
	}
}

/* The one character of a set, letters of both cases counting as one with `fold`; -1. */
static int set_only(const struct charset *set, bool fold)
{
	int only = -1;

	for (unsigned c = 0; c < 256; c++) {
		unsigned char folded = (unsigned char)(fold && c >= 'A' && c <= 'Z' ? c + 32 : c);

		if (!set_has(set, (unsigned char)c))
			continue;
		if (only >= 0 && only != folded)
			return -1;
		only = folded;
	}
	return only;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct parser {
	const char *text, *p;
	const char *why;
	struct token_pattern *pattern;
	bool grouped;
};

static bool wrong(struct parser *parser, const char *why)
{
	parser->why = why;
	return false;
}

/* Behind a backslash: a class, or one character. *ret_one is -1 for a class. */
static bool parse_escape(struct parser *parser, struct charset *set, int *ret_one)
{
	char c = *parser->p;

	*ret_one = -1;
	if (!c)
		return wrong(parser, "a backslash at the end");
	parser->p++;
	if (c == 'd') {
		set_add_range(set, '0', '9');
	} else if (c == 'w') {
		set_add_range(set, '0', '9');
		set_add_range(set, 'A', 'Z');
		set_add_range(set, 'a', 'z');
		set_add(set, '_');
	} else if (c == 's') {
		set_add(set, ' ');
		set_add_range(set, '\t', '\r');
	} else if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
		if (c != 'n' && c != 'r' && c != 't')
			return wrong(parser, "an escape there is not: use \\d \\w \\s \\n \\r \\t");
		*ret_one = c == 'n' ? '\n' : c == 'r' ? '\r' : '\t';
	} else {
		*ret_one = (unsigned char)c;
	}
	if (*ret_one >= 0)
		set_add(set, (unsigned char)*ret_one);
	return true;
}

static bool parse_set(struct parser *parser, struct charset *ret_set)
{
	struct charset set = {0};
	bool negated = *parser->p == '^', first = true;

	parser->p += negated;
	for (; *parser->p != ']' || first; first = false) {
		int from = (unsigned char)*parser->p, to;

		if (!from)
			return wrong(parser, "a [ that is not closed");
		parser->p++;
		if (from == '\\') {
			if (!parse_escape(parser, &set, &from))
				return false;
		} else {
			set_add(&set, (unsigned char)from);
		}
		if (from < 0 || parser->p[0] != '-' || parser->p[1] == ']' || !parser->p[1])
			continue;
		parser->p++;
		to = (unsigned char)*parser->p++;
		if (to == '\\') {
			if (!parse_escape(parser, &set, &to))
				return false;
		}
		if (to < from)
			return wrong(parser, "a range whose end is before its begin");
		set_add_range(&set, (unsigned)from, (unsigned)to);
	}
	parser->p++;
	for (unsigned i = 0; negated && i < 4; i++)
		set.bits[i] = ~set.bits[i];
	*ret_set = set;
	return true;
}

static bool parse_number(struct parser *parser, uint16_t *ret_number)
{
	unsigned long number;
	char *end;

	if (*parser->p < '0' || *parser->p > '9')
		return wrong(parser, "a count that is no number");
	number = strtoul(parser->p, &end, 10);
	if (number > PATTERN_COUNT_MAX)
		return wrong(parser, "a count above 8192");
	parser->p = end;
	*ret_number = (uint16_t)number;
	return true;
}

static bool parse_count(struct parser *parser, struct atom *atom)
{
	char c = *parser->p;

	atom->min = atom->max = 1;
	if (c == '?' || c == '*' || c == '+') {
		atom->min = c == '+';
		atom->max = c == '?' ? 1 : PATTERN_COUNT_MAX;
		parser->p++;
	} else if (c == '{') {
		parser->p++;
		if (!parse_number(parser, &atom->min))
			return false;
		atom->max = atom->min;
		if (*parser->p == ',') {
			parser->p++;
			atom->max = PATTERN_COUNT_MAX;
			if (*parser->p != '}' && !parse_number(parser, &atom->max))
				return false;
		}
		if (*parser->p != '}')
			return wrong(parser, "a { that is not closed");
		parser->p++;
	} else {
		return true;
	}
	if (atom->max == 0 || atom->max < atom->min)
		return wrong(parser, "a count of none, or whose end is before its begin");
	if (*parser->p && strchr("?*+{", *parser->p))
		return wrong(parser, "a count of a count");
	return true;
}

static bool parse_bracket(struct parser *parser)
{
	struct token_pattern *pattern = parser->pattern;

	if (*parser->p == '(') {
		if (parser->grouped)
			return wrong(parser, "a second pair of brackets: only the value has one");
		parser->grouped = true;
		pattern->value_first = pattern->n;
		pattern->value_end = 0;
	} else {
		if (!parser->grouped || pattern->value_end || pattern->n == pattern->value_first)
			return wrong(parser, "a ) that closes nothing");
		pattern->value_end = pattern->n;
	}
	parser->p++;
	return true;
}

static bool parse_atom(struct parser *parser)
{
	struct token_pattern *pattern = parser->pattern;
	struct atom *atom = &pattern->atoms[pattern->n];
	char c = *parser->p;
	int one;

	if (c == '(' || c == ')')
		return parse_bracket(parser);
	if (pattern->n == PATTERN_ATOMS_MAX)
		return wrong(parser, "more than 64 parts");
	if (strchr("?*+{}|.^$]", c))
		return wrong(parser, "a sign this language does not have: \\ makes it a character");
	*atom = (struct atom){0};
	parser->p++;
	if (c == '['    ? !parse_set(parser, &atom->set)
	    : c == '\\' ? !parse_escape(parser, &atom->set, &one)
			: (set_add(&atom->set, (unsigned char)c), false))
		return false;
	if (pattern->ignore_case)
		set_fold(&atom->set);
	if (!parse_count(parser, atom))
		return false;
	pattern->n++;
	return true;
}

/* The longest run of single characters, the last of equals: prefixes ("sk_") are commoner. */
static void find_anchor(struct token_pattern *pattern)
{
	uint8_t first = 0;

	for (uint8_t i = 0; i <= pattern->n; i++) {
		const struct atom *atom = &pattern->atoms[i];

		if (i < pattern->n && atom->min == 1 && atom->max == 1 &&
		    set_only(&atom->set, pattern->ignore_case) >= 0 && i - first < PATTERN_ANCHOR)
			continue;
		if (i - first > pattern->anchor_size) {
			pattern->anchor_first = first;
			pattern->anchor_end = i;
			pattern->anchor_size = (uint8_t)(i - first);
		}
		first = (uint8_t)(i + 1);
	}
	for (uint8_t i = 0; i < pattern->anchor_size; i++)
		pattern->anchor[i] = (char)set_only(&pattern->atoms[pattern->anchor_first + i].set,
						    pattern->ignore_case);
}

static bool set_meets(const struct charset *a, const struct charset *b)
{
	for (unsigned i = 0; i < 4; i++)
		if (a->bits[i] & b->bits[i])
			return true;
	return false;
}

static void find_apart(struct token_pattern *pattern)
{
	for (uint8_t i = 0; i + 1 < pattern->n; i++) {
		const struct atom *next = &pattern->atoms[i + 1];

		pattern->atoms[i].apart =
			next->min > 0 && !set_meets(&pattern->atoms[i].set, &next->set);
	}
}

static const struct charset word_set = {
	.bits = {0x03ff000000000000ull, 0x07fffffe87fffffeull}, /* [0-9A-Za-z_] */
};

static bool set_is_word(const struct charset *set)
{
	for (unsigned i = 0; i < 4; i++)
		if (set->bits[i] & ~word_set.bits[i])
			return false;
	return true;
}

/* Characters of a word that are there at least, from atom i on. */
static unsigned word_size(const struct token_pattern *pattern, uint8_t i)
{
	unsigned size = 0;

	for (; i < pattern->n && set_is_word(&pattern->atoms[i].set); i++)
		size += pattern->atoms[i].min;
	return size;
}

/* Is there a word behind the literal whose begin is known from it: a fixed number of bytes, the
 * last of them of no word? */
static bool word_behind(const struct token_pattern *pattern, uint8_t *ret_ahead)
{
	unsigned ahead = 0;

	for (uint8_t i = pattern->anchor_first; i + 1 < pattern->n; i++) {
		const struct atom *atom = &pattern->atoms[i];

		if (atom->min != atom->max || ahead + atom->min > UINT8_MAX)
			return false;
		ahead += atom->min;
		if (i + 1 < pattern->anchor_end || set_meets(&atom->set, &word_set) ||
		    word_size(pattern, i + 1) < PATTERN_WORD)
			continue;
		*ret_ahead = (uint8_t)ahead;
		return true;
	}
	return false;
}

void token_pattern_by(struct token_pattern *pattern)
{
	pattern->by = BY_LITERAL;
	if (pattern->ignore_case || pattern->anchor_size == 0)
		return;
	if (pattern->anchor_first == 0 && !pattern->open_begin &&
	    word_size(pattern, 0) >= PATTERN_WORD)
		pattern->by = BY_WORD;
	else if (word_behind(pattern, &pattern->ahead))
		pattern->by = BY_WORD_BEHIND;
}

int token_pattern_parse(const char *text, bool ignore_case, struct token_pattern *ret_pattern,
			size_t *ret_at, const char **ret_why)
{
	struct token_pattern pattern = {.ignore_case = ignore_case};
	struct parser parser = {.text = text, .p = text, .pattern = &pattern};
	bool good = true;

	while (good && *parser.p)
		good = parse_atom(&parser);
	if (good && pattern.n == 0)
		good = wrong(&parser, "nothing");
	if (good && parser.grouped && pattern.value_end == 0)
		good = wrong(&parser, "a ( that is not closed");
	if (!good) {
		*ret_at = (size_t)(parser.p - text);
		*ret_why = parser.why;
		return -EINVAL;
	}
	if (!parser.grouped)
		pattern.value_end = pattern.n;
	find_anchor(&pattern);
	find_apart(&pattern);
	*ret_pattern = pattern;
	return 0;
}

/* --- matching --------------------------------------------------------------------------------- */

struct walk {
	const struct token_pattern *pattern;
	struct raw bytes;
	unsigned steps;
	size_t at[PATTERN_ATOMS_MAX + 1]; /* where atom i begins; [n]: the end of all */
};

static bool word_at(struct raw bytes, size_t at)
{
	unsigned char c;

	if (at >= bytes.n)
		return false;
	c = (unsigned char)bytes.p[at];
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_';
}

static bool bounded_end(const struct walk *walk, size_t at)
{
	return walk->pattern->open_end || at == 0 || !word_at(walk->bytes, at - 1) ||
	       !word_at(walk->bytes, at);
}

/* A word goes on before the token? In "\nAKIA" of JSON the n is of the escape. */
static bool bounded_begin(const struct walk *walk, size_t at)
{
	if (walk->pattern->open_begin || at == 0 || !word_at(walk->bytes, at) ||
	    !word_at(walk->bytes, at - 1))
		return true;
	return at >= 2 && walk->bytes.p[at - 2] == '\\' && strchr("nrt", walk->bytes.p[at - 1]);
}

/* A set was tried: reading many characters is several. False: that was enough. */
static bool step(struct walk *walk, size_t n)
{
	unsigned cost = 1 + (unsigned)n / 64;

	if (walk->steps < cost)
		return false;
	walk->steps -= cost;
	return true;
}

/* Atoms [i, end) from bytes[at] on: as many as there are, then fewer. */
static bool forward(struct walk *walk, unsigned i, size_t at)
{
	const struct atom *atom = &walk->pattern->atoms[i];
	size_t n = 0;

	walk->at[i] = at;
	if (i == walk->pattern->n)
		return bounded_end(walk, at);
	while (n < atom->max && at + n < walk->bytes.n &&
	       set_has(&atom->set, (unsigned char)walk->bytes.p[at + n]))
		n++;
	for (; n >= atom->min; n--) {
		if (!step(walk, n))
			return false;
		if (forward(walk, i + 1, at + n))
			return true;
		if (n == 0 || atom->apart)
			break;
	}
	return false;
}

/* Atoms [0, i) that end before bytes[at]. */
static bool backward(struct walk *walk, unsigned i, size_t at)
{
	const struct atom *atom;
	size_t n = 0;

	walk->at[i] = at;
	if (i == 0)
		return bounded_begin(walk, at);
	atom = &walk->pattern->atoms[i - 1];
	while (n < atom->max && n < at &&
	       set_has(&atom->set, (unsigned char)walk->bytes.p[at - n - 1]))
		n++;
	for (; n >= atom->min; n--) {
		if (!step(walk, n))
			return false;
		if (backward(walk, i - 1, at - n))
			return true;
		if (n == 0)
			break;
	}
	return false;
}

static void matched(const struct walk *walk, struct token_match *ret_match)
{
	const struct token_pattern *pattern = walk->pattern;

	*ret_match = (struct token_match){
		.begin = walk->at[0],
		.end = walk->at[pattern->n],
		.value_begin = walk->at[pattern->value_first],
		.value_end = walk->at[pattern->value_end],
	};
}

bool token_pattern_match(const struct token_pattern *pattern, struct raw bytes, size_t at,
			 struct token_match *ret_match)
{
	struct walk walk = {.pattern = pattern, .bytes = bytes, .steps = PATTERN_STEPS};

	if (at > bytes.n || !forward(&walk, pattern->anchor_first, at) ||
	    !backward(&walk, pattern->anchor_first, at))
		return false;
	matched(&walk, ret_match);
	return true;
}

bool token_pattern_match_at(const struct token_pattern *pattern, struct raw bytes, size_t at,
			    struct token_match *ret_match)
{
	struct walk walk = {.pattern = pattern, .bytes = bytes, .steps = PATTERN_STEPS};

	if (at > bytes.n || !forward(&walk, 0, at) || !bounded_begin(&walk, at))
		return false;
	matched(&walk, ret_match);
	return true;
}

size_t token_pattern_sample(const struct token_pattern *pattern, unsigned (*chance)(unsigned below),
			    char *text, size_t size)
{
	size_t at = 0;

	for (unsigned i = 0; i < pattern->n; i++) {
		const struct atom *atom = &pattern->atoms[i];
		unsigned spread = atom->max - atom->min, n;
		unsigned char can[256];
		unsigned kinds = 0;

		/* printable ones where there are any: a set like [^"] has controls too */
		for (unsigned c = 0x21; c < 0x7f; c++)
			if (set_has(&atom->set, (unsigned char)c))
				can[kinds++] = (unsigned char)c;
		for (unsigned c = 0; kinds == 0 && c < 256; c++)
			if (set_has(&atom->set, (unsigned char)c))
				can[kinds++] = (unsigned char)c;
		if (kinds == 0)
			break;
		n = atom->min + (spread ? chance((spread < 16 ? spread : 16) + 1) : 0);
		/* one sign over and over says nothing of the set */
		for (unsigned j = 0; j < n && at < size; j++)
			text[at++] = (char)can[chance(kinds)];
	}
	return at;
}
