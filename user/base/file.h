/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.h - whole files: read with a bound, written so that a reader or a crash sees the old or the
 * new one, never a part.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* The file's bytes, NUL-terminated (the NUL is not in *ret_size). -EFBIG above max. */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_size);

/*
 * Writes path.new, fsyncs, renames over path, fsyncs the directory. Nothing at all if the file has
 * these bytes and this mode.
 */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode);

/* mkdir with parents; existing directories are left as they are. */
int file_mkdirs(const char *path, mode_t mode);
