/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inode.bpf.c - no door: an iterator over the agent's own mappings that says which inode is behind
 * each. Containers that share an image see one file under an overlay each, with a number each; the
 * kernel puts a probe into the one file below. Called by user/kern/inode.c.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "vmlinux/vma.h"

char LICENSE[] SEC("license") = "GPL";

struct mapping {
	__u64 start, ino, dev; /* dev: as the kernel writes it, 20 bits of minor */
};

SEC("iter/task_vma")
int mappings(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct mapping m = {};
	struct file *file;

	if (!vma)
		return 0;
	file = vma->vm_file;
	if (!file)
		return 0;
	m.start = vma->vm_start;
	m.ino = file->f_inode->i_ino;
	m.dev = file->f_inode->i_sb->s_dev;
	bpf_seq_write(ctx->meta->seq, &m, sizeof(m));
	return 0;
}
