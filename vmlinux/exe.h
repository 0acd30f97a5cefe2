/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exe.h - of the kernel's types, the members egress.bpf.c reads to know which executable a task
 * runs, found by CO-RE at load. Written by hand, as sock.h.
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

struct mm_struct {
	struct file *exe_file;
} CORE;

struct task_struct {
	struct mm_struct *mm;
} CORE;

#undef CORE
