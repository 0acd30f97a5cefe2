/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libs_files.h - one mapped file: opening it safely, knowing which inode it really is, and what is
 * in it. Called by libs.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "user/kern/elf.h"
#include "user/kern/probe_point.h"
#include "user/kern/procmaps.h"

struct libs_file {
	dev_t dev; /* of the inode the kernel puts breakpoints into */
	ino_t ino;
	struct probe_set set;
	bool has_set;
	char build_id[ELF_BUILD_ID_TEXT];
	char version[48];
	char reason[128]; /* why it has no probe points */
};

/*
 * Opens what the process has mapped, whatever has become of its name, and says which inode it is.
 * -ESRCH: the process or the mapping is gone. -EXDEV: on a file system whose answer may never come
 * (FUSE: the daemon is the stranger's).
 */
int libs_file_open(const struct procmap *map, struct libs_file *ret_file, int *ret_fd);

/* 0: a TLS library, or something that calls itself one (then reason says why not); -ENOENT. */
int libs_file_read(int fd, const struct procmap *map, struct libs_file *file);

/* Nothing seen yet. */
void libs_file_reset_account(int account_fd, size_t number);
