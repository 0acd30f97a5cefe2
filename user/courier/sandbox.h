/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - what the courier may ask of the kernel once it serves: system calls by an allow list,
 * files by Landlock where the kernel has it.
 *
 * Sockets of three families (unix, IPv4, IPv6); files are opened for reading below a few folders,
 * and for writing only below the folder of spools, which the keeper hands over later: its
 * descriptor is the only way there. No program, no thread, no tracing, no new rights.
 */
#pragma once

#include <stdbool.h>

/*
 * Cannot be undone. Call it with privileges gone and libraries warmed up. spool_fd: the folder of
 * spools, -1: none. 0 or -errno.
 */
int sandbox_courier(int spool_fd);
bool sandbox_has_landlock(void); /* this kernel: 5.13 and newer, if it is not switched off */
