/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"

#define FIRST_BYTES 4096

int file_read(const char *path, size_t max, char **ret_data, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	size_t size = 0, room = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		/* one byte more than allowed tells "too big", one more is the NUL's */
		if (size == room) {
			char *grown;

			if (size > max)
				return -EFBIG;
			room = room ? room * 2 : FIRST_BYTES;
			if (room > max + 1)
				room = max + 1;
			grown = realloc(data, room + 1);
			if (!grown)
				return -ENOMEM;
			data = grown;
		}
		n = read(fd, data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > max)
		return -EFBIG;
	data[size] = '\0';
	*ret_data = TAKE_PTR(data);
	if (ret_size)
		*ret_size = size;
	return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory_of(const char *path)
{
	_cleanup_close_ int fd = -1;
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Does the file say this already? Then a full disk is in nobody's way. */
static bool is_written(const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *rest = data;
	char part[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size != size ||
	    (st.st_mode & 07777) != mode)
		return false;
	while ((n = read(fd, part, sizeof(part))) > 0) {
		if ((size_t)n > size || memcmp(rest, part, (size_t)n) != 0)
			return false;
		rest += n;
		size -= (size_t)n;
	}
	return n == 0 && size == 0;
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char beside[PATH_MAX];
	int r;

	if (is_written(path, data, size, mode))
		return 0;
	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(beside);
		return r;
	}
	return sync_directory_of(path);
}

int file_mkdirs(const char *path, mode_t mode)
{
	char copy[PATH_MAX];

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return -ENAMETOOLONG;
	for (char *c = copy + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*c = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}
