/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syntax.c - libyaml's complaints in words that help: one place, what is wrong there, what people
 * usually meant. Nothing is parsed here.
 */
#include "user/policy/syntax.h"

#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/model.h"

/* Line and column (in characters) of a byte. */
static struct policy_pos position_of(const char *text, size_t size, size_t offset)
{
	struct policy_pos pos = {.line = 1, .column = 1};

	for (size_t i = 0; i < offset && i < size; i++) {
		if (text[i] == '\n')
			pos = (struct policy_pos){.line = pos.line + 1, .column = 1};
		else if (((unsigned char)text[i] & 0xc0) != 0x80)
			pos.column++;
	}
	return pos;
}

static void add_at(struct problems *problems, struct policy_pos pos, const char *hint,
		   const char *message)
{
	problems_add(problems, PROBLEM_ERROR, pos.line, pos.column, "", hint, "%s", message);
}

/* The first line that begins with %TAG, or NULL. */
static const char *find_tag_directive(const char *text, size_t size)
{
	static const char directive[] = "%TAG";
	const char *line = text, *end = text + size;

	while (line) {
		if ((size_t)(end - line) >= strlen(directive) &&
		    !memcmp(line, directive, strlen(directive)))
			return line;
		line = memchr(line, '\n', end - line);
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

int syntax_precheck(const char *text, size_t size, struct problems *problems)
{
	const char *at;

	if (size > POLICY_SOURCE_MAX) {
		problems_add(problems, PROBLEM_ERROR, 0, 0, "", NULL,
			     "the document has %zu bytes; at most %d are read", size,
			     POLICY_SOURCE_MAX);
		return -EINVAL;
	}
	at = size ? memchr(text, '\0', size) : NULL;
	if (at) {
		add_at(problems, position_of(text, size, at - text),
		       "is it UTF-16, or no text at all? save it as UTF-8", "a NUL byte");
		return -EINVAL;
	}
	at = size ? find_tag_directive(text, size) : NULL;
	if (at) {
		add_at(problems, position_of(text, size, at - text), "remove the line",
		       "%TAG directives are not accepted");
		return -EINVAL;
	}
	return 0;
}

/* The usual causes, by what libyaml says; the first that fits. */
static const struct {
	const char *problem, *context;
	const char *hint;
} usual_causes[] = {
	{"alphabetic or numeric", "an alias",
	 "quote a value that begins with \"*\", as in match: \"* /api/**\""},
	{"alphabetic or numeric", "an anchor", "quote a value that begins with \"&\""},
	{"", "a tag", "quote a value that begins with \"!\""},
	{"cannot start any token", "",
	 "indent with spaces, not tabs; quote a value that begins with @, % or `"},
	{"mapping values are not allowed", "",
	 "quote a value that contains \": \"; check the indentation"},
	{"", "a flow", "quote values that contain { } [ ] or a comma; is a bracket left open?"},
	{"could not find expected ':'", "", "a key is followed by a colon and a space"},
	{"did not find expected key", "", "check the indentation of this line"},
	{"did not find expected '-'", "", "check the indentation of this line"},
	{"unexpected end of stream", "quoted", "a quote is left open"},
	{"UTF-8", "", "save the file as UTF-8"},
};

static const char *usual_cause(const char *problem, const char *context)
{
	for (size_t i = 0; i < ARRAY_SIZE(usual_causes); i++)
		if (strstr(problem, usual_causes[i].problem) &&
		    strstr(context, usual_causes[i].context))
			return usual_causes[i].hint;
	return NULL;
}

int syntax_explain(const yaml_parser_t *parser, const char *text, size_t size,
		   struct problems *problems)
{
	const char *problem = parser->problem ?: "no YAML";
	const char *context = parser->context ?: "";
	struct policy_pos pos;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		pos = position_of(text, size, parser->problem_offset);
	else
		pos = (struct policy_pos){.line = parser->problem_mark.line + 1,
					  .column = parser->problem_mark.column + 1};
	if (parser->context)
		problems_add(problems, PROBLEM_ERROR, pos.line, pos.column, "",
			     usual_cause(problem, context), "%s %s that begins in line %zu",
			     problem, context, parser->context_mark.line + 1);
	else
		problems_add(problems, PROBLEM_ERROR, pos.line, pos.column, "",
			     usual_cause(problem, context), "%s", problem);
	return -EINVAL;
}
