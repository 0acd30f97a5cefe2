/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mmaps.h - tells which processes have just mapped an executable file: PERF_RECORD_MMAP2 of a
 * software event that never fires, one ring per CPU, no BPF. Seen within a millisecond of the mmap.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct mmaps;

struct mmap_event {
	pid_t pid;
	uint32_t major, minor;
	uint64_t ino;
	const char *path; /* as the process sees it */
};
typedef void (*mmap_event_fn)(const struct mmap_event *event, void *userdata);

/* Needs CAP_PERFMON (or kernel.perf_event_paranoid < 0) and a third of a megabyte a CPU. */
int mmaps_new(struct mmaps **ret_mmaps);
void mmaps_free(struct mmaps *mmaps); /* NULL-safe */

/* Readable when there is something; an epoll of all CPUs' rings. Borrowed. */
int mmaps_fd(const struct mmaps *mmaps);

/* Hands out what came. Returns how many records the kernel lost since the last call. */
uint64_t mmaps_drain(struct mmaps *mmaps, mmap_event_fn fn, void *userdata);
