/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/keeper/exports_private.h"

void exports_files_init(struct exports_files *files)
{
	memset(files, 0, sizeof(*files));
	for (size_t i = 0; i < EXPORT_SINKS_MAX; i++)
		files->files[i].fd = -1;
}

void exports_files_clear(struct exports_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		if (files->files[i].fd >= 0)
			close(files->files[i].fd);
		free(files->files[i].path);
	}
	exports_files_init(files);
}

static void open_file(struct exports_file *file, struct courier_link *link)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int before = file->error;

	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	fd = open(file->path,
		  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
		  0640);
	file->error = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	if (file->error == 0 && !S_ISREG(st.st_mode))
		file->error = -EINVAL;
	if (file->error == 0)
		file->error = courier_link_give(link, file->name, fd);
	if (file->error == 0)
		file->fd = TAKE_FD(fd);
	else if (file->error != before)
		log_err(file->error, "export %s: %s", file->name, file->path);
}

void exports_files_open(struct exports_files *files, const json_t *config,
			struct courier_link *link)
{
	const json_t *sinks = json_object_get(config, "sinks"), *sink;

	exports_files_clear(files);
	for (size_t i = 0; (sink = json_array_get(sinks, i)); i++) {
		struct exports_file *file = &files->files[files->n];
		const char *type = json_string_value(json_object_get(sink, "type"));
		const char *path = json_string_value(json_object_get(sink, "path"));

		if (strcmp(type, "jsonl") != 0 || files->n == EXPORT_SINKS_MAX)
			continue;
		snprintf(file->name, sizeof(file->name), "%s",
			 json_string_value(json_object_get(sink, "name")));
		file->path = strdup(path);
		file->max_bytes = (uint64_t)json_integer_value(json_object_get(sink, "maxBytes"));
		file->keep = (unsigned)json_integer_value(json_object_get(sink, "keep"));
		if (!file->path)
			continue;
		files->n++;
		open_file(file, link);
	}
}

/* FILE.3 to FILE.4, ..., FILE to FILE.1: the oldest goes. */
static void rotate(const struct exports_file *file)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];

	for (unsigned i = file->keep; i > 0; i--) {
		if (i > 1)
			snprintf(from, sizeof(from), "%s.%u", file->path, i - 1);
		else
			snprintf(from, sizeof(from), "%s", file->path);
		snprintf(to, sizeof(to), "%s.%u", file->path, i);
		if (rename(from, to) < 0 && errno != ENOENT)
			log_err(-errno, "rotating %s", from);
	}
}

void exports_files_tick(struct exports_files *files, struct courier_link *link)
{
	struct stat st;

	for (size_t i = 0; i < files->n; i++) {
		struct exports_file *file = &files->files[i];

		if (file->fd < 0) {
			open_file(file, link);
		} else if (fstat(file->fd, &st) == 0 && (uint64_t)st.st_size >= file->max_bytes) {
			rotate(file);
			open_file(file, link);
		}
	}
}

void exports_files_state(const struct exports_files *files, const char *name, json_t *state)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->files[i].name, name) == 0 && files->files[i].error < 0)
			json_object_set_new(state, "lastError",
					    json_string(strerror(-files->files[i].error)));
}
