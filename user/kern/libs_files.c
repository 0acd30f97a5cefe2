/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/libs_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/log.h"
#include "user/kern/inode.h"
#include "user/kern/kern_private.h"
#include "user/kern/tls_inside.h"

/* The mount may be the process's only, or (below an overlay, before 6.7) ours only. */
static bool may_block(const struct procmap *map, char *ret_type, size_t size)
{
	procmaps_fstype(map->pid, map->dev, ret_type, size);
	if (!ret_type[0])
		procmaps_fstype(getpid(), map->dev, ret_type, size);
	return !ret_type[0] || strncmp(ret_type, "fuse", 4) == 0;
}

int libs_file_open(const struct procmap *map, struct libs_file *ret_file, int *ret_fd)
{
	_cleanup_close_ int place = -1, fd = -1;
	char path[96], type[32];
	struct stat st;

	if (may_block(map, type, sizeof(type)))
		return procmaps_started(map->pid) ? -EXDEV : -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)map->pid,
		 map->start, map->end);
	/* a device may be mapped too, and opening one may do something */
	place = open(path, O_PATH | O_CLOEXEC);
	if (place < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (fstat(place, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret_file->dev = st.st_dev;
	ret_file->ino = st.st_ino;
	if (strcmp(type, "overlay") == 0) {
		int r = inode_below(fd, &ret_file->dev, &ret_file->ino);

		if (r < 0)
			log_warning("%s: which file is below its overlay cannot be told (%s): "
				    "containers that share it may be seen twice",
				    map->path, strerror(-r));
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* "/usr/lib/libssl.so.3", not "/usr/lib/libssl3.so": that is NSS, which calls nothing SSL_read. */
static bool is_named_tls(const char *path)
{
	static const char *const starts[] = {"libssl.so", "libssl-", "libgnutls.so"};
	const char *name = strrchr(path, '/');

	for (size_t i = 0; name && i < ARRAY_SIZE(starts); i++)
		if (strncmp(name + 1, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/* OpenSSL's own library does not say; libcrypto beside it in the same process does. */
struct sibling {
	char *version;
	size_t size;
};

static void take_version(int fd, char *ret_version, size_t size)
{
	struct elf *elf = NULL;

	if (elf_open_fd(fd, &elf) == 0)
		tls_openssl_version(elf, ret_version, size);
	elf_free(elf);
}

static void look_at_sibling(const struct procmap *map, void *userdata)
{
	struct sibling *sibling = userdata;
	const char *name = strrchr(map->path, '/');
	_cleanup_close_ int fd = -1;
	struct libs_file file;

	if (sibling->version[0] || !name || strncmp(name, "/libcrypto", 10) != 0 ||
	    libs_file_open(map, &file, &fd) < 0)
		return;
	take_version(fd, sibling->version, sibling->size);
}

static const char *why_not(int r)
{
	switch (r) {
	case -ENOENT:
		return "it exports no function of a TLS library";
	case -ENODATA:
		return "it exports only a part of the functions";
	case -ENOTSUP:
		return "not a 64-bit program";
	case -EBADMSG:
	case -ENOEXEC:
	case -EFBIG:
		return "not a readable ELF file";
	default:
		return strerror(-r);
	}
}

int libs_file_read(int fd, const struct procmap *map, struct libs_file *file)
{
	struct elf *elf = NULL;
	int r = elf_open_fd(fd, &elf);

	if (r == 0)
		r = probe_points_choose(elf, &file->set);
	file->has_set = r == 0;
	if (r < 0 && !is_named_tls(map->path) && r != -ENODATA) {
		elf_free(elf);
		return -ENOENT;
	}
	if (r < 0)
		snprintf(file->reason, sizeof(file->reason), "%s", why_not(r));
	if (elf)
		elf_build_id(elf, file->build_id);
	elf_free(elf);
	if (!file->has_set || file->set.library != PROBE_GNUTLS) {
		struct sibling sibling = {.version = file->version, .size = sizeof(file->version)};

		take_version(fd, file->version, sizeof(file->version));
		procmaps_read(map->pid, look_at_sibling, &sibling);
	}
	return 0;
}

void libs_file_reset_account(int account_fd, size_t number)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct gl_probe_account *zero = NULL;
	__u32 key = (__u32)number;

	if (account_fd < 0 || cpus < 1)
		return;
	zero = calloc((size_t)cpus, sizeof(*zero));
	if (zero)
		bpf_map_update_elem(account_fd, &key, zero, BPF_ANY);
}
