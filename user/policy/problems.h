/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * problems.h - everything wrong with a policy, collected: file:line:column, what, the offending
 * value, a hint.
 *
 * A document is read to its end and every problem is reported; one error means nothing is loaded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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
	size_t errors;
};

/* Starts an empty list about `file`. The list owns its strings; problems_clear() frees them. */
int problems_init(struct problems *problems, const char *file);
void problems_clear(struct problems *problems);

/* Adds one; message is printf-formatted; hint may be NULL. At most 1000 are kept, the rest are
 * counted. */
__attribute__((format(printf, 7, 8))) void
problems_add(struct problems *problems, enum problem_severity severity, unsigned line,
	     unsigned column, const char *path, const char *hint, const char *fmt, ...);

/* "file:line:column: error: message (at path)\n    hint: …\n" for each. */
void problems_print(const struct problems *problems, FILE *out);
