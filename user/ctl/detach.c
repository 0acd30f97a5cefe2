/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detach.c - see detach.h. A dead agent's leftovers are its pins and, on kernels without tcx, its
 * clsact filters, which only glacisd knows how to find: it is executed with --detach. Without it
 * the pins are removed here, which ends every link, and what may remain is said.
 */
#include "user/ctl/detach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/out.h"
#include "user/ctl/wait.h"

#define PIN_DIR_DEFAULT "/sys/fs/bpf/glacis"
#define DEPTH_MAX       4
#define GONE_WAIT_S     15

static int done(const struct ctl *ctl, const char *how)
{
	json_t *body = json_pack("{s:b,s:s}", "done", 1, "how", how);

	if (!api_print_json(ctl, body))
		fprintf(ctl->out, "detached: %s\n", how);
	json_decref(body);
	return CTL_OK;
}

/* --- a live agent ------------------------------------------------------------------------------
 */

static int detach_live(struct ctl *ctl)
{
	int r = api_call(ctl, "POST", "/v1/detach", NULL, NULL);

	if (r != CTL_OK)
		return r;
	if (wait_gone(ctl, GONE_WAIT_S) < 0)
		return ctl_fail(ctl, CTL_REFUSED,
				"the agent agreed but is still there after %d s; see its log",
				GONE_WAIT_S);
	return done(ctl, "the agent removed everything and ended");
}

static int show_live(struct ctl *ctl)
{
	json_t *status = NULL;
	const json_t *door;
	size_t i;
	int r = api_call(ctl, "GET", "/v1/status", NULL, &status);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, status)) {
		fputs("would end the agent and detach these doors:\n", ctl->out);
		for (i = 0; (door = json_array_get(json_object_get(status, "doors"), i)); i++)
			fprintf(ctl->out, "  %s %s (%s)\n", out_clean(out_member(door, "door")),
				out_clean(out_member(door, "device")),
				out_clean(out_member(door, "how")));
	}
	json_decref(status);
	return CTL_OK;
}

/* --- a dead one --------------------------------------------------------------------------------
 */

/* Counts what lies below `dir_fd`'s entry `name`, and removes it. -errno of the first failure. */
static int remove_tree(int parent_fd, const char *name, bool keep, unsigned depth, unsigned *count)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	int fd, r = 0, r2;

	if (depth == DEPTH_MAX)
		return -ELOOP;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r2 = remove_tree(fd, entry->d_name, keep, depth + 1, count);
		if (r2 == -ENOTDIR || r2 == -ELOOP || r2 == -ENXIO) {
			(*count)++;
			r2 = keep || unlinkat(fd, entry->d_name, 0) == 0 ? 0 : -errno;
		}
		r = r < 0 ? r : r2;
	}
	if (r == 0 && !keep && unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

/* glacisd beside this program, else in PATH. */
static char *find_glacisd(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *beside = NULL;

	if (n > 0) {
		self[n] = 0;
		if (asprintf(&beside, "%s/glacisd", dirname(self)) >= 0 &&
		    access(beside, X_OK) == 0)
			return beside;
		free(beside);
	}
	return strdup("glacisd");
}

/* Its exit status; -ENOENT when there is no such program. */
static int spawn_glacisd(const char *pin_dir)
{
	_cleanup_free_ char *path = find_glacisd();
	char *argv[] = {path, (char *)"--detach", (char *)"--pin-dir", (char *)pin_dir, NULL};
	int status, r;
	pid_t pid;

	if (!path)
		return -ENOMEM;
	r = posix_spawnp(&pid, path, NULL, NULL, argv, environ);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int remove_pins(const struct ctl *ctl, const char *pin_dir)
{
	unsigned count = 0;
	int r = remove_tree(AT_FDCWD, pin_dir, false, 0, &count);

	if (r < 0)
		return ctl_fail(ctl, CTL_REFUSED, "cannot remove the pins below %s: %s", pin_dir,
				strerror(-r));
	fputs("glacisctl: glacisd was not found: the pins are removed, which detaches tcx and XDP\n"
	      "    hint: on kernels before 6.6 also remove the filters: tc qdisc del dev DEVICE "
	      "clsact\n",
	      ctl->err);
	return done(ctl, "the pins of a dead agent were removed");
}

/* A directory of pins and nothing else: never the root of a bpffs, which is everybody's, nor a
 * directory of files somebody named by mistake. */
static int check_pin_dir(const char *pin_dir)
{
	_cleanup_close_ int fd = open(pin_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat here, above;
	struct statfs fs;

	if (fd < 0 || fstat(fd, &here) < 0 || fstatat(fd, "..", &above, 0) < 0 ||
	    fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == BPF_FS_MAGIC && here.st_dev == above.st_dev ? 0 : -EMEDIUMTYPE;
}

static int say_dead(const struct ctl *ctl, const char *pin_dir, unsigned count)
{
	json_t *body = json_pack("{s:b,s:i,s:s}", "done", 0, "pins", (int)count, "pinDir", pin_dir);

	if (!api_print_json(ctl, body))
		fprintf(ctl->out, "would remove %u pin%s of a dead agent below %s\n", count,
			count == 1 ? "" : "s", pin_dir);
	json_decref(body);
	return CTL_OK;
}

static int detach_dead(const struct ctl *ctl, const char *pin_dir, bool dry_run)
{
	unsigned count = 0;
	int r = check_pin_dir(pin_dir);

	if (r == 0)
		r = remove_tree(AT_FDCWD, pin_dir, true, 0, &count);
	if (r == -EMEDIUMTYPE)
		return ctl_fail(ctl, CTL_REFUSED,
				"%s is not a directory of pins: nothing was removed\n"
				"    hint: --pin-dir names a directory inside a bpf file system",
				pin_dir);
	if (r == -ENOENT)
		return ctl_fail(ctl, CTL_UNREACHABLE,
				"nothing to detach: no agent on %s, no pins below %s\n"
				"    hint: name them with --socket and --pin-dir",
				ctl->socket, pin_dir);
	if (r < 0)
		return ctl_fail(ctl, CTL_REFUSED, "%s: %s%s", pin_dir, strerror(-r),
				geteuid() == 0 ? "" : "\n    hint: run as root");
	if (dry_run)
		return say_dead(ctl, pin_dir, count);
	r = spawn_glacisd(pin_dir);
	if (r == -ENOENT)
		return remove_pins(ctl, pin_dir);
	if (r != 0)
		return ctl_fail(ctl, CTL_REFUSED, "glacisd --detach failed%s%s", r < 0 ? ": " : "",
				r < 0 ? strerror(-r) : "");
	return done(ctl, "glacisd removed what a dead agent had left");
}

int detach_run(struct ctl *ctl)
{
	const char *pin_dir = ctl_option(ctl, "pin-dir");
	bool dry_run = ctl_option(ctl, "dry-run");
	int r = api_probe(ctl);

	if (r == 0)
		return dry_run ? show_live(ctl) : detach_live(ctl);
	if (r != -ENOENT && r != -ENOTDIR && r != -ECONNREFUSED)
		return api_unreachable(ctl, r);
	return detach_dead(ctl, pin_dir ? pin_dir : PIN_DIR_DEFAULT, dry_run);
}
