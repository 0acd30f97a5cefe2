/* SPDX-License-Identifier: GPL-2.0-or-later */
/* masked.c - see masked.h. Whatever goes into a text goes through put(): printable ASCII. */
#include "user/base/masked.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KEEP_MAX     4 /* characters of a value that are ever shown together */
#define DIGITS_SHOWN 8 /* numbers shorter than this are not shown at all */
#define DIGITS_STARS 40
#define DOMAIN_MAX   100
#define SEGMENT_MAX  40
#define WORD_MAX     20
#define LONG_WORD    12

static void put(struct masked *to, size_t *at, const char *text, size_t n)
{
	for (size_t i = 0; i < n && *at < MASKED_TEXT - 1; i++) {
		unsigned char c = (unsigned char)text[i];

		to->text[(*at)++] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
	}
}

static void put_text(struct masked *to, size_t *at, const char *text)
{
	put(to, at, text, strlen(text));
}

struct masked masked_own(const char *text)
{
	struct masked to = {0};
	size_t at = 0;

	put_text(&to, &at, text ? text : "");
	return to;
}

struct masked masked_format(const char *fmt, ...)
{
	char text[MASKED_TEXT] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return masked_own(text);
}

struct masked masked_value(struct raw value, size_t keep)
{
	struct masked to = {0};
	char tail[32];
	size_t at = 0;

	if (keep > KEEP_MAX)
		keep = KEEP_MAX;
	if (keep > value.n / 5)
		keep = value.n / 5;
	put(&to, &at, value.p, keep);
	snprintf(tail, sizeof(tail), "...(%zu)", value.n);
	put_text(&to, &at, tail);
	return to;
}

static bool is_host(struct raw name)
{
	bool dot = false;

	if (name.n == 0 || name.n > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (!(c < 0x80 && isalnum(c)) && c != '.' && c != '-')
			return false;
		dot = dot || (c == '.' && i > 0 && i + 1 < name.n);
	}
	return dot;
}

struct masked masked_email(struct raw value)
{
	const char *sign = value.n > 0 ? memrchr(value.p, '@', value.n) : NULL;
	struct masked to = {0};
	struct raw domain;
	size_t at = 0, local;

	if (!sign)
		return masked_value(value, 0);
	local = (size_t)(sign - value.p);
	domain = (struct raw){sign + 1, value.n - local - 1};
	if (local == 0 || !is_host(domain))
		return masked_value(value, 0);
	/* of "jo" one letter would be half of it */
	if (local >= 3)
		put(&to, &at, value.p, 1);
	put_text(&to, &at, "...@");
	put(&to, &at, domain.p, domain.n);
	return to;
}

struct masked masked_digits(struct raw value)
{
	struct masked to = {0};
	size_t at = 0, digits = 0, seen = 0;

	for (size_t i = 0; i < value.n; i++)
		digits += value.p[i] >= '0' && value.p[i] <= '9';
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			continue;
		seen++;
		if (digits >= DIGITS_SHOWN && seen + 4 > digits)
			put(&to, &at, value.p + i, 1);
		else if (seen <= DIGITS_STARS)
			put_text(&to, &at, "*");
	}
	return to;
}

/* --- paths ------------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters that follow a letter in English words at least once in 3,000 pairs (counted over the
 * 10,166 commonest words of a system's documentation). Of random letters 8 in 10 pairs are not
 * here. */
static const char *const followers[26] = {
	"bcdfgiklmnprstuvwxy",
	"abcdeijlmnoprstuy",
	"acdehiklmoprstuy",
	"abcdefilnoprstu",
	"abcdefghiklmnopqrstuvwxy",
	"aefilorstuy",
	"aeghilmnorsu",
	"aeilortu",
	"abcdefglmnoprstvxz",
	"eu",
	"aegils",
	"acdefilnopstuvy",
	"abdeilmopstuy",
	"abcdefghiklmnoprstuvy",
	"abcdfgiklmnoprstuvwx",
	"acdehikloprstuy",
	"u",
	"abcdefgiklmnoprstuvy",
	"acdefghiklmnoprstuwy",
	"abcdefhilmnoprstuvwy",
	"abcdefgilmnoprst",
	"aeio",
	"aehinors",
	"ceipt",
	"cilmnpst",
	"ei",
};

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Letters as in a word: not too many, in pairs that words have, capitals where humps would be. */
static bool is_spoken(const char *p, size_t n)
{
	size_t odd = 0, humps = 0, capitals = 0;

	if (n > WORD_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool capital = p[i] != lower(p[i]);
		bool hump = i > 0 && capital && p[i - 1] == lower(p[i - 1]);

		capitals += capital;
		humps += hump;
		/* compounds ("webhooks") may have one odd pair where their parts meet */
		odd += i > 0 && !hump && !strchr(followers[lower(p[i - 1]) - 'a'], lower(p[i]));
	}
	if (capitals > 0 && capitals < n && (humps * 4 > n || capitals * 3 > n))
		return false;
	return n < 8 || (n < LONG_WORD && odd <= 1) || odd == 0;
}

/* "users", "oauth2", "v1", "2": letters and at most two digits behind them. */
static bool is_word(const char *p, size_t n)
{
	size_t letters = 0;

	while (letters < n && is_alpha(p[letters]))
		letters++;
	if (n - letters > 2)
		return false;
	for (size_t i = letters; i < n; i++)
		if (!is_digit(p[i]))
			return false;
	return is_spoken(p, letters);
}

static bool is_separator(char c)
{
	return c == '-' || c == '_' || c == '.' || c == '~' || c == ':' || c == '$';
}

/* Words with separators between; "1.2.3" is a version, "10.0.0.1" somebody's address. */
static bool is_plain(struct raw segment)
{
	size_t words = 0, numbers = 0, begin = 0;

	if (segment.n > SEGMENT_MAX)
		return false;
	if (segment.n == 1 && segment.p[0] == '*')
		return true;
	for (size_t i = 0; i <= segment.n; i++) {
		if (i < segment.n && !is_separator(segment.p[i]))
			continue;
		if (!is_word(segment.p + begin, i - begin))
			return false;
		words += i > begin;
		numbers += i > begin && is_digit(segment.p[begin]);
		begin = i + 1;
	}
	return words <= 6 && (numbers == 0 || (numbers > 1 && numbers <= 3) || words > numbers);
}

/* Digits with signs between, or a UUID. */
static bool is_id(struct raw segment)
{
	size_t digits = 0, hex = 0, hyphens = 0;

	for (size_t i = 0; i < segment.n; i++) {
		digits += is_digit(segment.p[i]);
		hex += isxdigit((unsigned char)segment.p[i]) != 0;
		hyphens += segment.p[i] == '-' || segment.p[i] == '.';
	}
	if (digits > 0 && digits + hyphens == segment.n)
		return true;
	return segment.n == 36 && hex == 32 && hyphens == 4 && segment.p[8] == '-' &&
	       segment.p[13] == '-' && segment.p[18] == '-' && segment.p[23] == '-';
}

/* False, and an ellipsis at the end, when there is no room for it. */
static bool put_part(struct masked *to, size_t *at, const char *text, size_t n)
{
	if (*at + n + 4 > MASKED_TEXT) {
		put_text(to, at, "...");
		return false;
	}
	put(to, at, text, n);
	return true;
}

static bool put_segment(struct masked *to, size_t *at, struct raw segment)
{
	if (segment.n == 0)
		return true;
	/* a version of one number ("2") cannot be told from an id */
	if (is_plain(segment))
		return put_part(to, at, segment.p, segment.n);
	if (is_id(segment))
		return put_part(to, at, "{id}", 4);
	return put_part(to, at, "{...}", 5);
}

/* "page=...&token=...": what has no "=" is a value as well as a name, and is not shown. */
static void put_query(struct masked *to, size_t *at, struct raw query)
{
	size_t begin = 0;

	for (size_t i = 0; i <= query.n; i++) {
		struct raw pair = {query.p + begin, i - begin};
		const char *equals;

		if (i < query.n && query.p[i] != '&' && query.p[i] != ';')
			continue;
		equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
		if (begin > 0 && !put_part(to, at, "&", 1))
			return;
		begin = i + 1;
		if (!equals) {
			if (pair.n > 0 && !put_part(to, at, "{...}", 5))
				return;
			continue;
		}
		if (!put_segment(to, at, (struct raw){pair.p, (size_t)(equals - pair.p)}) ||
		    !put_part(to, at, "=...", 4))
			return;
	}
}

/* "http://host" of the absolute form: moves *path behind it. */
static void put_origin(struct masked *to, size_t *at, struct raw *path)
{
	const char *colon = path->n > 0 ? memchr(path->p, ':', path->n) : NULL;
	size_t scheme = colon ? (size_t)(colon - path->p) : 0, end;

	if (scheme == 0 || scheme > 8 || path->n < scheme + 3 || colon[1] != '/' || colon[2] != '/')
		return;
	for (size_t i = 0; i < scheme; i++)
		if (!is_alpha(path->p[i]))
			return;
	for (end = scheme + 3; end < path->n && path->p[end] != '/'; end++)
		;
	put(to, at, path->p, scheme + 3);
	if (is_host((struct raw){path->p + scheme + 3, end - scheme - 3}))
		put(to, at, path->p + scheme + 3, end - scheme - 3);
	else
		put_text(to, at, "{...}");
	*path = (struct raw){path->p + end, path->n - end};
}

struct masked masked_path(struct raw target)
{
	struct masked to = {0};
	struct raw path = target;
	size_t at = 0, begin = 0, end = 0;

	if (!target.n)
		return to; /* p may be NULL */
	while (end < target.n && target.p[end] != '?' && target.p[end] != '#')
		end++;
	path.n = end;
	put_origin(&to, &at, &path);
	for (size_t i = 0; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		if (!put_segment(&to, &at, (struct raw){path.p + begin, i - begin}))
			return to;
		if (i < path.n && !put_part(&to, &at, "/", 1))
			return to;
		begin = i + 1;
	}
	if (end < target.n && target.p[end] == '?' && put_part(&to, &at, "?", 1)) {
		struct raw query = {target.p + end + 1, target.n - end - 1};
		const char *hash = query.n > 0 ? memchr(query.p, '#', query.n) : NULL;

		if (hash)
			query.n = (size_t)(hash - query.p);
		put_query(&to, &at, query);
	}
	return to;
}

/* --- tokens ----------------------------------------------------------------------------------- */

struct masked masked_token(struct raw token, size_t max)
{
	struct masked to = {0};
	size_t at = 0;

	if (token.n > max || token.n >= MASKED_TEXT)
		return masked_value(token, 0);
	for (size_t i = 0; i < token.n; i++)
		if (!is_digit(token.p[i]) && !is_alpha(token.p[i]) &&
		    !(token.p[i] && strchr("!#$%&'*+-.^_`|~/;=:", token.p[i])))
			return masked_value(token, 0);
	put(&to, &at, token.p, token.n);
	return to;
}

bool raw_equal(struct raw a, struct raw b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool raw_equal_nocase(struct raw a, struct raw b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}
