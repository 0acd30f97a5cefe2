/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_files.c - see scan_files.h. A window begins with the end of the one before it, so that what
 * is cut by its edge is whole in the next; each match is told by the window its first byte is new
 * in.
 */
#include "user/ctl/scan_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"

#define CONTEXT      256 /* bytes before a match that rules look at */
#define BINARY_BYTES 8192 /* a NUL in these: no text */
#define DEPTH_MAX    64
#define PROGRESS_NS  200000000ull

struct window {
	struct scan_files *scan;
	const char *file;
	const char *bytes;
	size_t from, to; /* matches that begin in here are this window's */
	size_t counted; /* lines are counted up to here */
	uint64_t line;
	size_t line_begin; /* may be of a window before: then `before` bytes of it are gone */
	size_t before, before_chars;
};

static void progress(struct scan_files *scan)
{
	static uint64_t last;
	uint64_t now = clock_boot_ns();

	if (!scan->progress || now - last < PROGRESS_NS)
		return;
	last = now;
	fprintf(stderr, "\r%llu files, %llu MiB ", (unsigned long long)scan->counts.files,
		(unsigned long long)scan->counts.bytes >> 20);
}

void scan_end(struct scan_files *scan)
{
	if (scan->progress)
		fputs("\r\033[K", stderr);
}

static void count_lines(struct window *window, size_t to)
{
	while (window->counted < to) {
		const char *newline =
			memchr(window->bytes + window->counted, '\n', to - window->counted);

		if (!newline) {
			window->counted = to;
			return;
		}
		window->line++;
		window->counted = (size_t)(newline - window->bytes) + 1;
		window->line_begin = window->counted;
		window->before = window->before_chars = 0;
	}
}

/* Characters of UTF-8 that begin in these bytes. */
static size_t count_chars(const char *bytes, size_t n)
{
	size_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += ((unsigned char)bytes[i] & 0xc0) != 0x80;
	return chars;
}

static void on_match(const struct text_match *match, void *userdata)
{
	struct window *window = userdata;
	struct scan_finding finding = {.file = window->file, .match = match};

	if (match->begin < window->from || match->begin >= window->to)
		return;
	count_lines(window, match->begin);
	finding.line = window->line;
	finding.column = match->begin - window->line_begin + window->before + 1;
	finding.column_chars =
		count_chars(window->bytes + window->line_begin, match->begin - window->line_begin) +
		window->before_chars + 1;
	window->scan->found(&finding, window->scan->userdata);
}

/* Fills the window as far as there is: a pipe gives little at a time. */
static ssize_t read_full(int fd, char *bytes, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, bytes + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* What goes on into the next window: `keep` bytes from the end of n. */
static void move_on(struct window *window, char *buffer, size_t n, size_t keep)
{
	size_t gone = n - keep;

	count_lines(window, window->to);
	if (window->line_begin < gone)
		window->before_chars +=
			count_chars(buffer + window->line_begin, gone - window->line_begin);
	memmove(buffer, buffer + gone, keep);
	window->from = window->to - gone;
	window->counted -= gone;
	if (window->line_begin >= gone) {
		window->line_begin -= gone;
	} else {
		window->before += gone - window->line_begin;
		window->line_begin = 0;
	}
}

static int scan_fd(struct scan_files *scan, int fd, const char *file)
{
	const size_t size = scan->window ?: SCAN_WINDOW;
	_cleanup_free_ char *buffer = malloc(size);
	struct window window = {.scan = scan, .file = file, .bytes = buffer, .line = 1};
	size_t kept = 0;

	if (!buffer)
		return -ENOMEM;
	for (bool first = true;; first = false) {
		ssize_t r = read_full(fd, buffer + kept, size - kept);
		size_t n = kept + (size_t)(r > 0 ? r : 0);
		bool last = n < size;

		if (r < 0)
			return (int)r;
		if (first && !scan->binary &&
		    memchr(buffer, 0, n < BINARY_BYTES ? n : BINARY_BYTES)) {
			scan->counts.binary++;
			return 0;
		}
		scan->counts.files += first;
		scan->counts.bytes += (size_t)r;
		progress(scan);
		window.to = last ? n : n - TEXT_OVERLAP;
		text_each(scan->text, (struct raw){buffer, n}, WHERE_FILE, scan->families, 0,
			  on_match, &window);
		if (last)
			return 0;
		kept = TEXT_OVERLAP + CONTEXT;
		move_on(&window, buffer, n, kept);
	}
}

static void unreadable(struct scan_files *scan, const char *file, int error)
{
	scan->counts.unreadable++;
	scan->unreadable(file, error, scan->userdata);
}

/* A file of a folder; a fifo there, that nobody writes to, is not waited for. */
static int scan_file(struct scan_files *scan, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if ((uint64_t)st.st_size > SCAN_FILE_MAX) {
		scan->counts.large++;
		return 0;
	}
	return scan_fd(scan, fd, path);
}

/* What was asked for by name: any size, and pipes ("<(command)" of a shell). */
static int scan_named(struct scan_files *scan, const char *path, mode_t mode)
{
	_cleanup_close_ int fd = -1;

	if (!S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISCHR(mode))
		return -EOPNOTSUPP;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : scan_fd(scan, fd, path);
}

static int scan_folder(struct scan_files *scan, const char *path, unsigned depth);

static int scan_entry(struct scan_files *scan, const char *folder, const char *name, unsigned depth)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (snprintf(path, sizeof(path), "%s%s%s", folder,
		     folder[strlen(folder) - 1] == '/' ? "" : "/", name) >= (int)sizeof(path))
		r = -ENAMETOOLONG;
	else if (lstat(path, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = depth < DEPTH_MAX ? scan_folder(scan, path, depth + 1) : -ELOOP;
	else
		r = S_ISREG(st.st_mode) ? scan_file(scan, path) : 0;
	if (r < 0 && r != -ENOMEM) {
		unreadable(scan, path, -r);
		r = 0;
	}
	return r;
}

static int visible(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
	       strcmp(entry->d_name, ".git") != 0;
}

static int scan_folder(struct scan_files *scan, const char *path, unsigned depth)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, visible, alphasort), r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = scan_entry(scan, path, entries[i]->d_name, depth);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int scan_path(struct scan_files *scan, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return scan_fd(scan, STDIN_FILENO, "-");
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? scan_folder(scan, path, 0)
				   : scan_named(scan, path, st.st_mode);
}
