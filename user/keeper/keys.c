/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define KEY_MODE 0600

static int create(const char *path, struct compile_keys *ret_keys)
{
	struct compile_keys keys;
	int r;

	if (getrandom(&keys, sizeof(keys), 0) != sizeof(keys))
		return -errno;
	r = file_write_atomic(path, &keys, sizeof(keys), KEY_MODE);
	if (r == 0)
		*ret_keys = keys;
	return r;
}

int keys_load(const char *state_dir, struct compile_keys *ret_keys)
{
	_cleanup_free_ char *data = NULL;
	char path[PATH_MAX];
	struct stat st;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/keys", state_dir);
	if (stat(path, &st) < 0)
		return errno == ENOENT ? create(path, ret_keys) : -errno;
	if (st.st_mode & 077)
		return -EPERM;
	r = file_read(path, sizeof(*ret_keys), &data, &size);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (size != sizeof(*ret_keys))
		return -EBADMSG;
	memcpy(ret_keys, data, sizeof(*ret_keys));
	return 0;
}
