/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_files.h - files, folders and standard input through the text rules, in windows: what is
 * found, with its line, and what was left out and why. It prints nothing but progress.
 */
#pragma once

#include "user/detect/text.h"

#define SCAN_FILE_MAX (1ull << 30) /* larger files in folders are left out, and counted */
#define SCAN_WINDOW   (4u << 20)

struct scan_finding {
	const char *file; /* "-": standard input */
	uint64_t line, column; /* of its first byte, from 1; columns are bytes */
	uint64_t column_chars; /* the same in characters of UTF-8 */
	const struct text_match *match;
};

struct scan_counts {
	uint64_t files, bytes;
	uint64_t binary, large, unreadable; /* left out */
};

struct scan_files {
	struct text *text;
	unsigned families; /* bits 1 << enum rule_family */
	bool binary; /* executables and images too */
	bool progress; /* on stderr */
	size_t window; /* bytes looked at together; 0: SCAN_WINDOW; more than 2 TEXT_OVERLAP */
	void (*found)(const struct scan_finding *finding, void *userdata);
	void (*unreadable)(const char *file, int error, void *userdata);
	void *userdata;
	struct scan_counts counts;
};

/* A file, a pipe, a folder with all below it (links, .git and what is no file are left alone), or
 * "-". -ENOMEM, or the -errno of `path` itself (-EOPNOTSUPP: a socket, a disk); what cannot be read
 * below it is told and counted. */
int scan_path(struct scan_files *scan, const char *path);
/* Takes the progress line off the terminal. */
void scan_end(struct scan_files *scan);
