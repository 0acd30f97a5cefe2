/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vma.h - of the kernel's types, the members inode.bpf.c reads to walk the mappings of tasks, found
 * by CO-RE at load. Written by hand, as sock.h.
 */
#pragma once

#include "vmlinux/inode.h"

#define CORE __attribute__((preserve_access_index))

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
