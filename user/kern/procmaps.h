/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procmaps.h - which files processes execute from, read from /proc/PID/maps, and what else libs.c
 * and blind.c want to know of a process. Text of the kernel only: nothing here touches a file
 * system of the process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCMAPS_PATH 512

/* An executable mapping of a file. */
struct procmap {
	pid_t pid;
	uint64_t start, end;
	dev_t dev; /* as maps shows it: of an overlay, not of what lies below */
	ino_t ino;
	bool deleted;
	const char *path; /* as the process sees it; without " (deleted)" */
};

typedef void (*procmap_fn)(const struct procmap *map, void *userdata);

/* Calls fn for each executable file mapping, consecutive ones of a file once. -errno: gone. */
int procmaps_read(pid_t pid, procmap_fn fn, void *userdata);

/* Every process that has an address space; own threads are not told apart. */
typedef void (*process_fn)(pid_t pid, void *userdata);
int procmaps_each_process(process_fn fn, void *userdata);

/* When it started, in ticks since boot: with the pid it names one process. 0: gone. */
uint64_t procmaps_started(pid_t pid);
/* Its network namespace; 0: gone, or not ours to see. */
ino_t procmaps_netns(pid_t pid);
/* Does it run the same executable as this process: keeper, courier, inspectors? */
bool procmaps_is_own(pid_t pid);
/* "nginx"; "" when it is gone. */
void procmaps_comm(pid_t pid, char ret_comm[16]);
/* The type of the file system with that device number in the process's mounts, "" if unknown. */
void procmaps_fstype(pid_t pid, dev_t dev, char *ret_type, size_t size);
