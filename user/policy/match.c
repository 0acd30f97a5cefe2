/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.c - checks "METHOD /path/template". It makes nothing of it: that is the compiler's.
 *
 * The path is compared with what the route walk (include/glacis/route.h) has left of a request's:
 * decoded, dot and empty segments gone. What could never be equal to that is refused here.
 */
#include "user/policy/match.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "include/glacis/abi.h"
#include "user/base/cleanup.h"
#include "user/policy/problems.h"
#include "user/policy/suggest.h"

/* A piece of the match, not terminated. */
struct piece {
	const char *text;
	size_t len;
};

struct template
{
	struct piece names[GL_PATH_DEPTH];
	size_t n_names;
	size_t segments;
	bool deep; /* has its ** */
};

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

__attribute__((format(printf, 3, 4))) static int fault(struct match_fault *fault, const char *hint,
						       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fault->message, sizeof(fault->message), fmt, ap);
	va_end(ap);
	snprintf(fault->hint, sizeof(fault->hint), "%s", hint);
	return -EINVAL;
}

static struct problem_quoted quote(struct piece piece)
{
	char text[GL_PATH_DEPTH * MATCH_LITERAL_MAX];
	size_t len = piece.len < sizeof(text) ? piece.len : sizeof(text) - 1;

	memcpy(text, piece.text, len);
	text[len] = '\0';
	return problem_quote(text);
}

static bool piece_is(struct piece piece, const char *text)
{
	return piece.len == strlen(text) && !memcmp(piece.text, text, piece.len);
}

/* Bytes at the beginning that are all in `set`. */
static size_t span(struct piece piece, const char *set)
{
	size_t n = 0;

	while (n < piece.len && strchr(set, piece.text[n]))
		n++;
	return n;
}

static int check_method(struct piece method, struct match_fault *ret)
{
	char hint[64];
	size_t good;

	if (piece_is(method, "*"))
		return 0;
	if (method.len == 0)
		return fault(ret, "as in \"GET /api/v1/users\"; * is any method",
			     "the match has no method");
	if (method.len > MATCH_METHOD_MAX)
		return fault(ret, "", "the method %s is longer than %d bytes", quote(method).text,
			     MATCH_METHOD_MAX);
	good = span(method, UPPER LOWER DIGIT "-_");
	if (good < method.len || !isalpha((unsigned char)method.text[0]))
		return fault(ret, "a method is upper-case letters, or * for any",
			     "%s is not a method", quote(method).text);
	if (span(method, UPPER DIGIT "-_") == method.len)
		return 0;
	for (size_t i = 0; i < method.len; i++)
		hint[i] = (char)toupper((unsigned char)method.text[i]);
	hint[method.len] = '\0';
	/* RFC 9110 section 9.1: methods are case-sensitive; a lower-case one would match nothing.
	 */
	snprintf(hint + method.len, sizeof(hint) - method.len, ": methods are upper case");
	return fault(ret, hint, "%s is not a method", quote(method).text);
}

static int check_type(struct piece type, struct piece whole, struct match_fault *ret)
{
	static const char *const types[] = {"int", "uuid"};
	struct suggestion suggestion;
	char word[16], hint[64];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (piece_is(type, types[i]))
			return 0;
	snprintf(word, sizeof(word), "%.*s", (int)type.len, type.text);
	suggest_begin(&suggestion, word);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		suggest_offer(&suggestion, types[i]);
	return fault(ret, suggest_hint(&suggestion, hint, sizeof(hint)) ?: "int or uuid, or none",
		     "the parameter %s has no known type", quote(whole).text);
}

/* {name}, {name:int}, {name:uuid} */
static int check_parameter(struct template *template, struct piece segment, struct match_fault *ret)
{
	struct piece name = {segment.text + 1, segment.len - 2};
	const char *colon;

	if (segment.text[segment.len - 1] != '}')
		return fault(ret, "a parameter is a whole segment: {name}, {name:int}, {name:uuid}",
			     "the segment %s mixes a parameter with text", quote(segment).text);
	colon = memchr(name.text, ':', name.len);
	if (colon) {
		struct piece type = {colon + 1, name.text + name.len - colon - 1};

		name.len = (size_t)(colon - name.text);
		if (check_type(type, segment, ret) < 0)
			return -EINVAL;
	}
	if (name.len == 0 || name.len > MATCH_NAME_MAX || span(name, DIGIT "-") ||
	    span(name, UPPER LOWER DIGIT "_-") < name.len)
		return fault(ret, "letters, digits, _ and -, beginning with a letter or _",
			     "the parameter %s has no valid name", quote(segment).text);
	for (size_t i = 0; i < template->n_names; i++)
		if (template->names[i].len == name.len &&
		    !memcmp(template->names[i].text, name.text, name.len))
			return fault(ret, "", "two parameters are named %s", quote(name).text);
	template->names[template->n_names++] = name;
	return 0;
}

/* Bytes a literal cannot have, each with the reason the author needs. */
static int check_literal(struct piece segment, struct match_fault *ret)
{
	static const struct {
		const char *bytes, *hint;
	} refused[] = {
		{"*", "* is a whole segment, ** any number of them: write /v1/*, not /v1*"},
		{"{}", "a parameter is a whole segment: {name}, {name:int}, {name:uuid}"},
		{"%", "write the segment decoded: requests are decoded before they are compared"},
		{";", "path parameters make a path ambiguous (service key ambiguousPath)"},
		{"\\", "a backslash makes a path ambiguous (service key ambiguousPath)"},
		{"?#", "the query is no part of the path: leave it out"},
		{" \t", "one space between method and path, none in the path; * is any segment"},
	};

	if (piece_is(segment, ".") || piece_is(segment, ".."))
		return fault(ret, "requests have no dot segments left when they are compared",
			     "the segment %s is never seen", quote(segment).text);
	for (size_t i = 0; i < segment.len; i++) {
		unsigned char c = (unsigned char)segment.text[i];

		for (size_t k = 0; k < ARRAY_SIZE(refused); k++)
			if (strchr(refused[k].bytes, c))
				return fault(ret, refused[k].hint, "the segment %s contains '%c'",
					     quote(segment).text, c == '\t' ? ' ' : c);
		if (c < 0x20 || c == 0x7f)
			return fault(ret, "", "the segment %s contains a control character",
				     quote(segment).text);
	}
	if (segment.len > MATCH_LITERAL_MAX)
		return fault(ret, "use * or a parameter", "the segment %s is longer than %d bytes",
			     quote(segment).text, MATCH_LITERAL_MAX);
	return 0;
}

static int check_segment(struct template *template, struct piece segment, bool last,
			 struct match_fault *ret)
{
	if (segment.len == 0)
		return fault(ret,
			     last ? "a trailing slash changes nothing: leave it out"
				  : "write one slash between segments",
			     "the path has an empty segment");
	if (++template->segments > GL_PATH_DEPTH)
		return fault(ret, "end it with **", "the path has more than %d segments",
			     GL_PATH_DEPTH);
	if (piece_is(segment, "*"))
		return 0;
	if (piece_is(segment, "**")) {
		if (template->deep)
			return fault(ret, "use * for single segments", "the path has ** twice");
		template->deep = true;
		return 0;
	}
	if (segment.text[0] == '{' && segment.len > 1)
		return check_parameter(template, segment, ret);
	return check_literal(segment, ret);
}

int match_check(const char *match, struct match_fault *ret_fault)
{
	struct piece method = {match, strcspn(match, " ")};
	struct template template = {0};
	const char *at = match + method.len;

	if (match[0] == '/')
		return fault(ret_fault, "as in \"GET /api/v1/users\"; * is any method",
			     "the match %s has no method", problem_quote(match).text);
	if (check_method(method, ret_fault) < 0)
		return -EINVAL;
	if (at[0] == '\0' || at[1] != '/')
		return fault(ret_fault, "one space, then a path that begins with /",
			     "the match %s has no path", problem_quote(match).text);
	at += 2;
	if (!*at)
		return 0; /* "GET /": the root itself */
	for (;;) {
		struct piece segment = {at, strcspn(at, "/")};
		bool last = segment.text[segment.len] == '\0';

		if (check_segment(&template, segment, last, ret_fault) < 0)
			return -EINVAL;
		if (last)
			return 0;
		at += segment.len + 1;
	}
}

bool match_has_parameter(const char *match, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strchr(match, '{'); at; at = strchr(at + 1, '{'))
		if (!strncmp(at + 1, name, len) && (at[1 + len] == '}' || at[1 + len] == ':'))
			return true;
	return false;
}
