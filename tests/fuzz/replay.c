/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.c - runs a fuzz target over files: each argument is a file, or a directory whose files
 * are meant. No fuzzing happens here; the targets have libFuzzer's entry points, so that
 * `clang -fsanitize=fuzzer` can link them without this file.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define INPUT_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The input is a block of exactly its size, so that a read past it is seen by the sanitizer. */
static int run_file(const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	r = file_read(path, INPUT_MAX, &text, &size);
	if (r < 0) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(-r));
		return r;
	}
	data = malloc(size ?: 1);
	if (!data)
		return -ENOMEM;
	memcpy(data, text, size);
	LLVMFuzzerTestOneInput(data, size); /* a target says no by aborting */
	return 0;
}

static int run_directory(const char *path, size_t *ret_files)
{
	_cleanup_closedir_ DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t files = 0;

	if (!directory) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	while ((entry = readdir(directory))) {
		_cleanup_free_ char *file = NULL;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			return -ENOMEM;
		r = run_file(file);
		if (r < 0)
			return r;
		files++;
	}
	*ret_files = files;
	return 0;
}

int main(int argc, char **argv)
{
	size_t files = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		struct stat st;
		size_t n = 1;
		int r;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			r = run_directory(argv[i], &n);
		else
			r = run_file(argv[i]);
		if (r < 0)
			return 1;
		files += n;
	}
	if (files == 0) {
		fprintf(stderr, "replay: no file to run; usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	return 0;
}
