/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * problems.c - the list of what is wrong with a policy. It collects and prints; it judges nothing.
 *
 * Filled by the document parser, the reader and the compiler; printed by the keeper and glacisctl.
 */
#include "user/policy/problems.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

int problems_init(struct problems *problems, const char *file)
{
	char *copy = strdup(file);

	if (!copy)
		return -ENOMEM;
	*problems = (struct problems){.file = copy};
	return 0;
}

void problems_clear(struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		free(problems->items[i].path);
		free(problems->items[i].message);
		free(problems->items[i].hint);
	}
	free(problems->items);
	free(problems->file);
	*problems = (struct problems){0};
}

/* Doubles from 16; -ENOMEM leaves the list as it was. */
static int grow(struct problems *problems)
{
	size_t room = problems->n ? problems->n * 2 : 16;
	struct problem *items;

	if (problems->n && (problems->n < 16 || (problems->n & (problems->n - 1))))
		return 0;
	items = realloc(problems->items, room * sizeof(*items));
	if (!items)
		return -ENOMEM;
	problems->items = items;
	return 0;
}

void problems_addv(struct problems *problems, enum problem_severity severity, unsigned line,
		   unsigned column, const char *path, const char *hint, const char *fmt, va_list ap)
{
	_cleanup_free_ char *message = NULL, *at = NULL, *advice = NULL;

	/* Counted first: an error that finds no memory still makes the document invalid. */
	if (severity == PROBLEM_ERROR)
		problems->errors++;
	if (problems->n >= PROBLEMS_KEPT_MAX || grow(problems) < 0)
		goto dropped;
	if (vasprintf(&message, fmt, ap) < 0) {
		message = NULL;
		goto dropped;
	}
	at = strdup(path ?: "");
	advice = hint ? strdup(hint) : NULL;
	if (!at || (hint && !advice))
		goto dropped;
	problems->items[problems->n++] = (struct problem){
		.severity = severity,
		.line = line,
		.column = column,
		.path = TAKE_PTR(at),
		.message = TAKE_PTR(message),
		.hint = TAKE_PTR(advice),
	};
	return;
dropped:
	problems->dropped++;
}

void problems_add(struct problems *problems, enum problem_severity severity, unsigned line,
		  unsigned column, const char *path, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_addv(problems, severity, line, column, path, hint, fmt, ap);
	va_end(ap);
}

static bool stands_before(const struct problem *a, const struct problem *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* Insertion: stable, needs no memory, and the list is short and nearly in order. */
void problems_sort(struct problems *problems)
{
	for (size_t i = 1; i < problems->n; i++) {
		struct problem moving = problems->items[i];
		size_t to = i;

		for (; to > 0 && stands_before(&moving, &problems->items[to - 1]); to--)
			problems->items[to] = problems->items[to - 1];
		problems->items[to] = moving;
	}
}

static void print_one(const struct problems *problems, const struct problem *problem, FILE *out)
{
	fputs(problems->file, out);
	if (problem->line)
		fprintf(out, ":%u:%u", problem->line, problem->column);
	fprintf(out, ": %s: %s", problem->severity == PROBLEM_ERROR ? "error" : "warning",
		problem->message);
	if (problem->path[0])
		fprintf(out, " (at %s)", problem->path);
	fputc('\n', out);
	if (problem->hint)
		fprintf(out, "    hint: %s\n", problem->hint);
}

void problems_print(const struct problems *problems, FILE *out)
{
	for (size_t i = 0; i < problems->n; i++)
		print_one(problems, &problems->items[i], out);
	if (problems->dropped)
		fprintf(out, "%s: %zu more not shown\n", problems->file, problems->dropped);
}

/* Length of the UTF-8 sequence at `s` and its code point; 0 when it is not one (RFC 3629). */
static size_t utf8_decode(const unsigned char *s, uint32_t *ret_point)
{
	size_t len = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	uint32_t point = len == 1 ? *s : *s & (0x7f >> len);

	if (len == 0 || *s > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	*ret_point = point;
	return len;
}

/* Would move the cursor, colour the line or reverse its text instead of showing itself. */
static bool is_deceptive(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

struct problem_quoted problem_quote(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	struct problem_quoted quoted;
	size_t at = 0;

	quoted.text[at++] = '"';
	while (*s && at < 64) {
		uint32_t point = *s;
		size_t len = utf8_decode(s, &point);

		if (len == 0 || is_deceptive(point)) {
			at += snprintf(quoted.text + at, sizeof(quoted.text) - at,
				       point < 0x100 ? "\\x%02x" : "\\u%04x", point);
			s += len ?: 1;
			continue;
		}
		memcpy(quoted.text + at, s, len);
		at += len;
		s += len;
	}
	snprintf(quoted.text + at, sizeof(quoted.text) - at, "%s", *s ? "…\"" : "\"");
	return quoted;
}
