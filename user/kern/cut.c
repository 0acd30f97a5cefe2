/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cut.c - the program at the root of the cgroup hierarchy that keeps marked connections from
 * leaving by devices without a wire door. Held only where devices were named: else every device
 * has a door, and the root of the hierarchy is every process's.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <string.h>
#include <unistd.h>

#include "user/base/log.h"

#include "cut.skel.h"

void cut_load(struct kern *kern)
{
	size_t reused = 0;

	kern->cut = cut_bpf__open();
	if (!kern->cut)
		return;
	if (programs_reuse(kern, kern->cut->obj, &reused) < 0 || cut_bpf__load(kern->cut) < 0) {
		cut_bpf__destroy(kern->cut);
		kern->cut = NULL;
	}
}

/* Beside v1, or alone. */
int cut_root_cgroup(int *ret_fd, char *ret_path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent entry;
	char text[PATH_MAX];
	int fd = -1;

	if (!mounts)
		return -errno;
	while (fd < 0 && getmntent_r(mounts, &entry, text, sizeof(text)))
		if (strcmp(entry.mnt_type, "cgroup2") == 0) {
			fd = open(entry.mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (ret_path)
				snprintf(ret_path, size, "%s", entry.mnt_dir);
		}
	endmntent(mounts);
	if (fd < 0)
		return -ENOENT;
	*ret_fd = fd;
	return 0;
}

static int take_over(const char *pin, int program_fd)
{
	_cleanup_close_ int fd = bpf_obj_get(pin);

	return fd < 0 ? -ENOENT : bpf_link_update(fd, program_fd, NULL);
}

static int hold(const char *pin, int program_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	_cleanup_close_ int root = -1, fd = -1;
	int r = cut_root_cgroup(&root, NULL, 0);

	if (r < 0)
		return r;
	fd = bpf_link_create(program_fd, root, BPF_CGROUP_INET_EGRESS, &opts);
	return fd < 0 ? fd : bpf_obj_pin(fd, pin);
}

void cut_attach(struct kern *kern)
{
	char pin[PATH_MAX];
	int r;

	if (!kern->n_devices || kern->cut_held)
		return;
	if (!kern->cut) {
		kern->cut_held = true; /* said once */
		log_warning("connections cannot be cut on devices that were not named: the program "
			    "for it does not load here");
		return;
	}
	r = pins_path(kern->pin_dir, "links", "cut", pin, sizeof(pin));
	if (r == 0)
		r = take_over(pin, bpf_program__fd(kern->cut->progs.cut_out));
	if (r == -ENOENT)
		r = hold(pin, bpf_program__fd(kern->cut->progs.cut_out));
	kern->cut_held = true;
	if (r < 0)
		log_err(r, "connections cannot be cut on devices that were not named");
}

void cut_free(struct kern *kern)
{
	cut_bpf__destroy(kern->cut);
}
