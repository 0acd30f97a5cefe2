/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/decisions_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define FORMAT         1
#define FILE_BYTES_MAX (256 << 20)

/* -EBADMSG: unreadable. */
static int read_item(const json_t *o, bool same_boot, struct clock_now now, struct decision *d)
{
	const char *source, *verdict, *reason, *origin, *created, *expires;
	json_int_t id, expires_boot;
	int64_t expires_wall_ns;

	if (json_unpack((json_t *)o, "{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id", &id,
			"source", &source, "verdict", &verdict, "reason", &reason, "origin",
			&origin, "createdAt", &created, "expiresAt", &expires, "expiresBoot",
			&expires_boot) < 0 ||
	    prefix_parse(source, &d->prefix) < 0 || id < 1 || id >= UINT32_MAX ||
	    expires_boot <= 0 || clock_parse(created, &d->created_wall_ns) < 0 ||
	    clock_parse(expires, &expires_wall_ns) < 0)
		return -EBADMSG;
	d->set = strcmp(verdict, "allow") == 0 ? GL_SET_ALLOW : GL_SET_BAN;
	if (d->set == GL_SET_BAN && strcmp(verdict, "ban") != 0)
		return -EBADMSG;
	d->id = (uint32_t)id;
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	snprintf(d->origin, sizeof(d->origin), "%s", origin);
	if (same_boot)
		d->expires_boot_ns = (uint64_t)expires_boot;
	else
		d->expires_boot_ns =
			expires_wall_ns <= now.wall_ns
				? 1
				: now.boot_ns + (uint64_t)(expires_wall_ns - now.wall_ns);
	return 0;
}

/* *n items are in the array, whatever is returned. */
static int read_items(const json_t *list, bool same_boot, struct clock_now now,
		      struct decision **items, size_t *n)
{
	uint32_t last_id = 0;
	int result = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct decision d = {};

		if (read_item(json_array_get(list, i), same_boot, now, &d) < 0 || d.id <= last_id) {
			result = -EBADMSG;
			continue;
		}
		last_id = d.id;
		if (d.expires_boot_ns <= now.boot_ns)
			continue;
		items[*n] = malloc(sizeof(d));
		if (!items[*n])
			return -ENOMEM;
		*items[(*n)++] = d;
	}
	return result;
}

int decisions_file_read(const char *path, const char *boot_id, struct clock_now now,
			struct decision ***ret_items, size_t *ret_n, uint32_t *ret_next_id)
{
	_cleanup_free_ char *text = NULL;
	struct decision **items = NULL;
	const char *file_boot_id = NULL;
	json_t *root, *list = NULL;
	json_int_t next_id = 1;
	json_error_t error;
	size_t size, n = 0;
	int r, format;

	r = file_read(path, FILE_BYTES_MAX, &text, &size);
	if (r < 0)
		return r;
	root = json_loadb(text, size, 0, &error);
	if (!root ||
	    json_unpack(root, "{s:i, s:s, s:I, s:o}", "format", &format, "bootId", &file_boot_id,
			"nextId", &next_id, "decisions", &list) < 0 ||
	    format != FORMAT || !json_is_array(list)) {
		json_decref(root);
		return -EBADMSG;
	}
	items = calloc(json_array_size(list) + 1, sizeof(struct decision *));
	r = items ? read_items(list, *boot_id && strcmp(file_boot_id, boot_id) == 0, now, items, &n)
		  : -ENOMEM;
	json_decref(root);
	*ret_items = items;
	*ret_n = n;
	*ret_next_id = next_id > 0 && next_id < UINT32_MAX ? (uint32_t)next_id : 1;
	return r;
}
