/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * problems.h - everything wrong with a policy, collected: file:line:column, what, the offending
 * value, a hint.
 *
 * A document is read to its end and every problem is reported; one error means nothing is loaded.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PROBLEMS_KEPT_MAX 1000

enum problem_severity { PROBLEM_ERROR, PROBLEM_WARNING };

struct problem {
	enum problem_severity severity;
	unsigned line, column; /* 0 = the document as a whole */
	char *path; /* "spec.services[0].ports[1]", or "" */
	char *message; /* "port 99999 is out of range" */
	char *hint; /* "use 1..65535", or NULL */
};

struct problems {
	char *file;
	struct problem *items;
	size_t n;
	size_t errors; /* all of them, kept or not */
	size_t dropped; /* problems past PROBLEMS_KEPT_MAX: counted, not kept */
};

/* Starts an empty list about `file`. The list owns its strings; problems_clear() frees them. */
int problems_init(struct problems *problems, const char *file);
void problems_clear(struct problems *problems);

/* Adds one; message is printf-formatted; hint may be NULL. At most 1000 are kept, the rest are
 * counted. */
__attribute__((format(printf, 7, 8))) void
problems_add(struct problems *problems, enum problem_severity severity, unsigned line,
	     unsigned column, const char *path, const char *hint, const char *fmt, ...);
__attribute__((format(printf, 7, 0))) void
problems_addv(struct problems *problems, enum problem_severity severity, unsigned line,
	      unsigned column, const char *path, const char *hint, const char *fmt, va_list ap);

/* Orders what is kept by line and column; problems at one place stay in the order they came. */
void problems_sort(struct problems *problems);

/* "file:line:column: error: message (at path)\n    hint: …\n" for each. */
void problems_print(const struct problems *problems, FILE *out);

/*
 * A value of the document, made fit for a message: in double quotes, cut after about 60 bytes,
 * control and bidirectional characters escaped (a policy may not write to the terminal of whoever
 * validates it). By value, so that problem_quote(text).text can stand among printf arguments.
 */
struct problem_quoted {
	char text[96];
};
struct problem_quoted problem_quote(const char *text);
