/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inode.h - which file is below an overlay. stat(2) and /proc/PID/maps (since Linux 6.7) tell the
 * overlay's; a probe is put into the one below, once for all containers that share an image.
 */
#pragma once

#include <sys/types.h>

/* -errno, among them -ENOTSUP: not on this kernel. Outputs untouched on failure. */
int inode_below(int fd, dev_t *ret_dev, ino_t *ret_ino);
