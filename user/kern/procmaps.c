/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/procmaps.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/base/cleanup.h"

#define LINE_MAX_BYTES 4400 /* PATH_MAX and what stands before it */

/* "7f1c-7f2c r-xp 00021000 fe:00 1234    /usr/lib/libssl.so.3 (deleted)" */
static bool parse_line(char *line, struct procmap *ret_map)
{
	static const char deleted[] = " (deleted)";
	char mode[5];
	unsigned major, minor;
	uint64_t ino;
	int path_at = 0;
	char *path;
	size_t n;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 " %n", &ret_map->start,
		   &ret_map->end, mode, &major, &minor, &ino, &path_at) != 6 ||
	    path_at == 0 || mode[2] != 'x' || ino == 0 || line[path_at] != '/')
		return false;
	path = line + path_at;
	n = strcspn(path, "\n");
	path[n] = '\0';
	ret_map->deleted =
		n > sizeof(deleted) - 1 && strcmp(path + n - (sizeof(deleted) - 1), deleted) == 0;
	if (ret_map->deleted)
		path[n - (sizeof(deleted) - 1)] = '\0';
	ret_map->dev = makedev(major, minor);
	ret_map->ino = ino;
	ret_map->path = path;
	return true;
}

int procmaps_read(pid_t pid, procmap_fn fn, void *userdata)
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[64], line[LINE_MAX_BYTES];
	dev_t dev = 0;
	ino_t ino = 0;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	f = fopen(name, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct procmap map = {.pid = pid};

		if (!parse_line(line, &map) || (map.dev == dev && map.ino == ino))
			continue;
		dev = map.dev;
		ino = map.ino;
		fn(&map, userdata);
	}
	return 0;
}

int procmaps_each_process(process_fn fn, void *userdata)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			fn((pid_t)strtol(entry->d_name, NULL, 10), userdata);
	return 0;
}

uint64_t procmaps_started(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[64], line[1024];
	const char *rest;
	uint64_t started;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	f = fopen(name, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	rest = strrchr(line, ')'); /* the name may hold anything */
	if (!rest || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X')
		return 0;
	if (sscanf(rest + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%" SCNu64,
		   &started) != 1)
		return 0;
	return started;
}

ino_t procmaps_netns(pid_t pid)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "/proc/%d/ns/net", (int)pid);
	return stat(name, &st) < 0 ? 0 : st.st_ino;
}

/* The links' own numbers are those of the process; what they lead to is the file. */
bool procmaps_is_own(pid_t pid)
{
	struct stat own, other;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/exe", (int)pid);
	return stat("/proc/self/exe", &own) == 0 && stat(name, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

void procmaps_comm(pid_t pid, char ret_comm[16])
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[64];

	ret_comm[0] = '\0';
	snprintf(name, sizeof(name), "/proc/%d/comm", (int)pid);
	f = fopen(name, "re");
	if (!f || !fgets(ret_comm, 16, f))
		return;
	ret_comm[strcspn(ret_comm, "\n")] = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
void procmaps_fstype(pid_t pid, dev_t dev, char *ret_type, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[64], line[LINE_MAX_BYTES], type[32];

	ret_type[0] = '\0';
	snprintf(name, sizeof(name), "/proc/%d/mountinfo", (int)pid);
	f = fopen(name, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");
		unsigned major, minor;

		if (!dash || sscanf(line, "%*d %*d %u:%u", &major, &minor) != 2 ||
		    makedev(major, minor) != dev || sscanf(dash, " - %31s", type) != 1)
			continue;
		snprintf(ret_type, size, "%s", type);
		return;
	}
}
