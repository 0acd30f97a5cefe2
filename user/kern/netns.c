/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns.c - the network namespaces with a listener on a policy port (the wire door belongs inside
 * the namespace that owns the listening socket).
 */
#include "user/kern/kern_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

int netns_self_inode(ino_t *ret_inode)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st) < 0)
		return -errno;
	*ret_inode = st.st_ino;
	return 0;
}

void netns_free(struct netns *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(list[i].fd);
	free(list);
}

int netns_open(ino_t inode, int *ret_fd)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		char path[64];
		struct stat st;
		int fd;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/ns/net", entry->d_name);
		if (stat(path, &st) < 0 || st.st_ino != inode)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		*ret_fd = fd;
		return 0;
	}
	return -ENOENT;
}

int netns_call(ino_t inode, int (*fn)(void *userdata), void *userdata)
{
	_cleanup_close_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	ino_t self;
	int r;

	if (home < 0)
		return -errno;
	r = netns_self_inode(&self);
	if (r < 0)
		return r;
	if (self == inode)
		return fn(userdata);
	r = netns_open(inode, &fd);
	if (r < 0)
		return r;
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	r = fn(userdata);
	if (setns(home, CLONE_NEWNET) < 0)
		abort(); /* in a stranger's namespace everything else would be wrong */
	return r;
}

/* Does a table of /proc/PID/net list a listening socket on a port of the policy? */
static bool table_has_listener(const char *path, const struct gl_policy *policy)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[512];

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		unsigned port, state;

		/* "  0: 0100007F:1F90 00000000:0000 0A ..." */
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &port, &state) ==
			    2 &&
		    state == 0x0a && port < 65536 && policy->port_service[port])
			return true;
	}
	return false;
}

static bool process_serves(const char *pid, const struct gl_policy *policy)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/net/tcp", pid);
	if (table_has_listener(path, policy))
		return true;
	snprintf(path, sizeof(path), "/proc/%.16s/net/tcp6", pid);
	return table_has_listener(path, policy);
}

static bool seen(const ino_t *inodes, size_t n, ino_t inode)
{
	for (size_t i = 0; i < n; i++)
		if (inodes[i] == inode)
			return true;
	return false;
}

/*
 * Namespaces other than our own with such a listener. One look at one process per namespace: all of
 * them see the same tables. At most KERN_NETNS_MAX.
 */
int netns_list(const struct kern *kern, struct netns **ret_list, size_t *ret_n)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct gl_policy *policy = kern->policy;
	ino_t looked_at[KERN_NETNS_MAX];
	struct netns *list;
	size_t n = 0, n_looked = 0;
	struct dirent *entry;

	if (!proc)
		return -errno;
	if (netns_self_inode(&looked_at[n_looked++]) < 0)
		return -EIO;
	list = calloc(KERN_NETNS_MAX, sizeof(*list));
	if (!list)
		return -ENOMEM;
	while (policy && n_looked < KERN_NETNS_MAX && (entry = readdir(proc))) {
		char path[64];
		struct stat st;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/ns/net", entry->d_name);
		if (stat(path, &st) < 0 || seen(looked_at, n_looked, st.st_ino))
			continue;
		looked_at[n_looked++] = st.st_ino;
		if (!process_serves(entry->d_name, policy))
			continue;
		list[n].fd = open(path, O_RDONLY | O_CLOEXEC);
		if (list[n].fd < 0)
			continue;
		list[n++].inode = st.st_ino;
	}
	*ret_list = list;
	*ret_n = n;
	return 0;
}
