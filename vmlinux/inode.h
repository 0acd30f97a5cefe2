/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inode.h - of the kernel's types, the members that tell which file a struct file is, found by
 * CO-RE at load. Written by hand, as sock.h. Read by inode.bpf.c and egress.bpf.c.
 */
#pragma once

#include <linux/types.h>

#define CORE __attribute__((preserve_access_index))

struct super_block {
	__u32 s_dev;
} CORE;

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
} CORE;

struct file {
	struct inode *f_inode;
} CORE;

#undef CORE
