/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pins.c - the pin directory on bpffs: mounting it, one agent at a time, names, removal.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define BPFFS "/sys/fs/bpf"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int make_path(const char *path, mode_t mode)
{
	char partial[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(partial))
		return -ENAMETOOLONG;
	memcpy(partial, path, n + 1);
	for (char *c = partial + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return -errno;
		*c = '/';
	}
	return mkdir(partial, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* bpffs is mounted by systemd; elsewhere (containers, minimal roots) it may be missing. */
int pins_mount(const char *pin_dir)
{
	int r;

	if (strncmp(pin_dir, BPFFS "/", strlen(BPFFS) + 1) == 0 && !is_bpffs(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -errno;
	r = make_path(pin_dir, 0700);
	if (r < 0)
		return r;
	return is_bpffs(pin_dir) ? 0 : -ENOTSUP;
}

int pins_lock(const char *pin_dir, int *ret_fd)
{
	_cleanup_close_ int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int pins_path(const char *pin_dir, const char *kind, const char *name, char *ret_path, size_t size)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", pin_dir, kind) >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if ((size_t)snprintf(ret_path, size, "%s/%s", path, name) >= size)
		return -ENAMETOOLONG;
	return 0;
}

/*
 * The kernel frees what an unlinked pin held when it comes to it, milliseconds later on a busy
 * machine; a link that was detached stops nothing from here on. Links that cannot be (probes) and
 * pins of other things are only unlinked.
 */
int pins_remove(const char *pin)
{
	_cleanup_close_ int link = bpf_obj_get(pin);

	if (link >= 0)
		bpf_link_detach(link);
	return unlink(pin) < 0 ? -errno : 0;
}

/* "in-4026531840-7": door, network namespace, ifindex. */
static void remove_clsact_named(const char *name)
{
	unsigned long inode;
	char direction[8];
	int ifindex;

	if (sscanf(name, "%7[a-z]-%lu-%d", direction, &inode, &ifindex) != 3)
		return;
	hook_remove_clsact_in(inode, ifindex, strcmp(direction, "in") == 0);
}

/* A link of a door on a device: "in-...", "out-...", "nic-...". */
static bool is_door(const char *name)
{
	return strncmp(name, "in-", 3) == 0 || strncmp(name, "out-", 4) == 0 ||
	       strncmp(name, "nic-", 4) == 0;
}

static int remove_kind(const char *pin_dir, const char *kind, bool doors_only)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX], pin[PATH_MAX + NAME_MAX + 1];
	struct dirent *entry;
	int r = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", pin_dir, kind) >= sizeof(path))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || (doors_only && !is_door(entry->d_name)))
			continue;
		if (strcmp(kind, "clsact") == 0)
			remove_clsact_named(entry->d_name);
		snprintf(pin, sizeof(pin), "%s/%s", path, entry->d_name);
		r = pins_remove(pin);
	}
	if (r < 0)
		return r;
	return !doors_only && rmdir(path) < 0 ? -errno : 0;
}

/*
 * What stands in the traffic's way goes before anything that takes long: to remove the probes of
 * many libraries took seconds on 6.1, in which requests were still refused.
 */
int pins_remove_doors(const char *pin_dir)
{
	int r = remove_kind(pin_dir, "links", true), r2 = remove_kind(pin_dir, "clsact", true);

	return r < 0 ? r : r2;
}

/* After a start that failed: folders with nothing in them go; rmdir spares all others. */
void pins_tidy(const char *pin_dir)
{
	static const char *const kinds[] = {"links", "clsact", "maps"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", pin_dir, kinds[i]) < sizeof(path))
			rmdir(path);
	rmdir(pin_dir);
}

/* Doors first, then what they use. */
int pins_remove_all(const char *pin_dir)
{
	static const char *const kinds[] = {"links", "clsact", "maps"};
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = remove_kind(pin_dir, kinds[i], false);

		if (r < 0 && !first)
			first = r;
	}
	if (rmdir(pin_dir) < 0 && errno != ENOENT && !first)
		first = -errno;
	return first;
}
