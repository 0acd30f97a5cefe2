/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inode.h - of the kernel's types, the members inode.bpf.c reads, found by CO-RE at load. Written
 * by hand, as sock.h.
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

struct vm_area_struct {
	unsigned long vm_start;
	struct file *vm_file;
} CORE;

struct seq_file;
struct task_struct;

struct bpf_iter_meta {
	struct seq_file *seq;
} CORE;

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
} CORE;

#undef CORE
