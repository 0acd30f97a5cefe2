/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/inode.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "user/base/cleanup.h"
#include "user/kern/kern_private.h"

#include "inode.skel.h"

#define KERNEL_MINOR_BITS 20

/* As in inode.bpf.c. */
struct mapping {
	uint64_t start, ino, dev;
};

/* Loaded at the first overlay; kept: it is one program without maps. */
static struct inode_bpf *load(void)
{
	static struct inode_bpf *loaded;
	static bool tried;

	if (!tried)
		loaded = inode_bpf__open_and_load();
	tried = true;
	return loaded;
}

/* Of this process only, where the kernel can be told so (6.1). */
static int open_iterator(const struct inode_bpf *skel, int *ret_fd)
{
	union bpf_iter_link_info info = {.task.tid = (__u32)getpid()};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_cleanup_close_ int link =
		bpf_link_create(bpf_program__fd(skel->progs.mappings), 0, BPF_TRACE_ITER, &opts);
	int fd;

	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int find(int iterator, uint64_t start, struct mapping *ret_mapping)
{
	struct mapping mappings[64];
	ssize_t n;

	while ((n = read(iterator, mappings, sizeof(mappings))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(*mappings); i++)
			if (mappings[i].start == start) {
				*ret_mapping = mappings[i];
				return 0;
			}
	return n < 0 ? -errno : -ENOENT;
}

int inode_below(int fd, dev_t *ret_dev, ino_t *ret_ino)
{
	const struct inode_bpf *skel = load();
	_cleanup_close_ int iterator = -1;
	struct mapping mapping = {};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory;
	int r;

	if (!skel)
		return -ENOTSUP;
	/* never touched: what is mapped may shrink */
	memory = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	r = open_iterator(skel, &iterator);
	if (r == 0)
		r = find(iterator, (uint64_t)(uintptr_t)memory, &mapping);
	munmap(memory, page);
	if (r < 0)
		return r;
	*ret_dev = makedev(mapping.dev >> KERNEL_MINOR_BITS,
			   mapping.dev & ((1u << KERNEL_MINOR_BITS) - 1));
	*ret_ino = mapping.ino;
	return 0;
}
