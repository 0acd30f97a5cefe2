/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_link.h - one program on some places of one file: a uprobe_multi link where the kernel has
 * them (6.6), else one perf event link per place; pinned, so that it outlives this process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;

/* Found by trying, once. */
bool probe_link_multi(void);
/* For tests: from now on as on a kernel without uprobe_multi links (6.1), or as this one is. */
void probe_link_pretend_old(bool old);

/*
 * Before its object is loaded: a program for uprobe_multi links must say so, and cannot be attached
 * otherwise.
 */
void probe_link_prepare(struct bpf_program *program);

struct probe_place {
	uint64_t offset, cookie;
};

/*
 * Puts the program on the places of the file behind the descriptor and pins the links at `pin`
 * (with "-0", "-1" ... appended: perf event links hold one place each). What an earlier
 * agent pinned there is kept if it runs the same program with the same maps, else replaced.
 * Returns how many links there are now (at most n); *ret_kept says that they were there already.
 */
int probe_link_attach(int program_fd, bool at_return, int file_fd, const struct probe_place *places,
		      size_t n, const char *pin, int *ret_fds, bool *ret_kept);
