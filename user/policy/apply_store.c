/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/policy/apply_store.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/file.h"

#define TEXT_FILE      "policy.yaml"
#define FILE_TEXT_FILE "policy.file.yaml" /* the last one that came from a file */
#define ABOUT_FILE     "policy.json"
#define ABOUT_MAX      (64 << 10)

static const char *path_in(const char *dir, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	return path;
}

static int store_about(const char *state_dir, const struct ruling *ruling)
{
	char path[PATH_MAX], time[CLOCK_TEXT];
	_cleanup_free_ char *text = NULL;
	json_t *about;

	about = json_pack("{s:s, s:s, s:s, s:I, s:s}", "name", ruling->name, "file", ruling->file,
			  "origin", ruling->origin, "generation", (json_int_t)ruling->generation,
			  "loadedAt", clock_format(ruling->loaded_wall_ns, time));
	text = about ? json_dumps(about, JSON_INDENT(1)) : NULL;
	json_decref(about);
	if (!text)
		return -ENOMEM;
	return file_write_atomic(path_in(state_dir, ABOUT_FILE, path), text, strlen(text), 0600);
}

int apply_store(const char *state_dir, const struct ruling *ruling)
{
	char path[PATH_MAX];
	int r;

	r = file_write_atomic(path_in(state_dir, TEXT_FILE, path), ruling->text, ruling->size,
			      0600);
	if (r == 0 && strcmp(ruling->origin, "file") == 0)
		r = file_write_atomic(path_in(state_dir, FILE_TEXT_FILE, path), ruling->text,
				      ruling->size, 0600);
	return r < 0 ? r : store_about(state_dir, ruling);
}

static char *member(const json_t *about, const char *key, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(about, key));

	return strdup(value ? value : otherwise);
}

int apply_stored(const char *state_dir, char **ret_text, size_t *ret_size, char **ret_file,
		 char **ret_origin)
{
	_cleanup_free_ char *text = NULL, *about_text = NULL, *file = NULL, *origin = NULL;
	char path[PATH_MAX];
	json_error_t error;
	json_t *about = NULL;
	size_t size;
	int r;

	r = file_read(path_in(state_dir, TEXT_FILE, path), POLICY_SOURCE_MAX, &text, &size);
	if (r < 0)
		return r;
	if (file_read(path_in(state_dir, ABOUT_FILE, path), ABOUT_MAX, &about_text, NULL) == 0)
		about = json_loads(about_text, 0, &error);
	file = member(about, "file", path_in(state_dir, TEXT_FILE, path));
	origin = member(about, "origin", "file");
	json_decref(about);
	if (!file || !origin)
		return -ENOMEM;
	*ret_text = TAKE_PTR(text);
	*ret_size = size;
	*ret_file = TAKE_PTR(file);
	*ret_origin = TAKE_PTR(origin);
	return 0;
}

int apply_stored_file_text(const char *state_dir, char **ret_text, size_t *ret_size)
{
	char path[PATH_MAX];

	return file_read(path_in(state_dir, FILE_TEXT_FILE, path), POLICY_SOURCE_MAX, ret_text,
			 ret_size);
}
