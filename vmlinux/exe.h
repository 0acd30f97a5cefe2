/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exe.h - of the kernel's types, the members egress.bpf.c reads to know which executable a task
 * runs, found by CO-RE at load. Written by hand, as sock.h.
 */
#pragma once

#include "vmlinux/inode.h"

#define CORE __attribute__((preserve_access_index))

struct mm_struct {
	struct file *exe_file;
} CORE;

struct task_struct {
	struct mm_struct *mm;
} CORE;

#undef CORE
