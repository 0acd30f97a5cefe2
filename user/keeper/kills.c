/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/kills.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define KERNEL_MINOR_BITS 20
#define CGROUP_FILE       16384
#define FDS_MAX           65536

static bool is_cgroup(const char *text)
{
	return strncmp(text, "cgroup ", 7) == 0;
}

static const char *path_of(const char *text)
{
	return strchr(text, ' ') + 1;
}

/* In the hierarchy as this process sees it. */
static int cgroup_path(const char *text, char path[PATH_MAX])
{
	char root[PATH_MAX / 2];
	int r = kern_cgroup_root(root, sizeof(root));

	if (r == 0 && snprintf(path, PATH_MAX, "%s%s", root, path_of(text)) >= PATH_MAX)
		r = -ENAMETOOLONG;
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * What is meant
 */

/* What is there now. -ENOENT: nothing, which may change. */
static int find(const char *text, struct kern_kill *ret_kill)
{
	char path[PATH_MAX];
	struct stat st;
	int r = 0;

	*ret_kill = (struct kern_kill){};
	if (is_cgroup(text))
		r = cgroup_path(text, path);
	else
		snprintf(path, sizeof(path), "%s", path_of(text));
	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	ret_kill->workload.id = st.st_ino; /* of a cgroup's directory: its id */
	if (!is_cgroup(text)) {
		if (!S_ISREG(st.st_mode))
			return -EINVAL;
		ret_kill->workload.device =
			(__u32)(major(st.st_dev) << KERNEL_MINOR_BITS | minor(st.st_dev));
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	for (const char *c = path_of(text); *c; c++)
		ret_kill->depth += *c == '/' && c[1] && c[1] != '/';
	return 0;
}

/* No dots, no empty segments, no end in '/': one text for one cgroup. */
static bool is_plain(const char *path)
{
	size_t n = strlen(path);

	return path[0] == '/' && n > 1 && path[n - 1] != '/' && !strstr(path, "//") &&
	       !strstr(path, "/./") && !strstr(path, "/../") && !strpbrk(path, "\t\n") &&
	       !(n > 2 && strcmp(path + n - 3, "/..") == 0);
}

int kills_parse(const char *workload, char *ret_text, size_t size, char *wrong)
{
	char root[PATH_MAX / 2] = "", real[PATH_MAX];
	const char *kind = NULL, *path = workload;
	struct kern_kill found;
	size_t n;

	*ret_text = '\0';
	if (strncmp(workload, "cgroup:", 7) == 0 || is_cgroup(workload)) {
		kind = "cgroup";
		path = workload + 7;
	} else if (strncmp(workload, "exe:", 4) == 0 || strncmp(workload, "exe ", 4) == 0) {
		kind = "exe";
		path = workload + 4;
	}
	if (kern_cgroup_root(root, sizeof(root)) == 0) {
		n = strlen(root);
		if (strncmp(path, root, n) == 0 && (path[n] == '/' || !path[n])) {
			kind = "cgroup";
			path = path[n] ? path + n : "/";
		}
	}
	if (!kind)
		kind = "exe";
	if (strcmp(kind, "exe") == 0 && realpath(path, real))
		path = real;
	if (strcmp(path, "/") != 0 && !is_plain(path)) {
		snprintf(wrong, SUBJECT_MESSAGE,
			 "'%.100s' is no workload: cgroup:/system.slice/x.service, or the path of "
			 "an executable",
			 workload);
		return -EINVAL;
	}
	if ((size_t)snprintf(ret_text, size, "%s %s", kind, path) >= size) {
		snprintf(wrong, SUBJECT_MESSAGE, "the path is too long");
		return -EINVAL;
	}
	if (strcmp(ret_text, "cgroup /") == 0) {
		snprintf(wrong, SUBJECT_MESSAGE,
			 "the root of the hierarchy is every process: name "
			 "a cgroup below it");
		return -EINVAL;
	}
	if (find(ret_text, &found) == 0 && found.depth < GL_KILL_LEVELS)
		return 0;
	snprintf(wrong, SUBJECT_MESSAGE, "there is no %s %.150s (at most %d deep)",
		 is_cgroup(ret_text) ? "cgroup" : "executable", path_of(ret_text),
		 GL_KILL_LEVELS - 1);
	return -EINVAL;
}

/* ---------------------------------------------------------------------------------------------
 * Processes
 */

/* The cgroup (v2) a process is in, "" if unknown. */
static void cgroup_of(pid_t pid, char ret_path[PATH_MAX])
{
	_cleanup_free_ char *data = NULL;
	char file[64], *line;

	*ret_path = '\0';
	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	if (file_read(file, CGROUP_FILE, &data, NULL) < 0)
		return;
	line = strncmp(data, "0::", 3) == 0 ? data : strstr(data, "\n0::");
	if (!line)
		return;
	line += line == data ? 3 : 4;
	line[strcspn(line, "\n")] = '\0';
	snprintf(ret_path, PATH_MAX, "%s", line);
}

static bool runs(pid_t pid, const struct gl_workload *workload)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return stat(path, &st) == 0 && st.st_ino == workload->id &&
	       (__u32)(major(st.st_dev) << KERNEL_MINOR_BITS | minor(st.st_dev)) ==
		       workload->device;
}

static bool is_of(pid_t pid, const char *text, const struct kern_kill *kill)
{
	char cgroup[PATH_MAX];
	size_t n = strlen(path_of(text));

	if (!is_cgroup(text))
		return runs(pid, &kill->workload);
	cgroup_of(pid, cgroup);
	return strncmp(cgroup, path_of(text), n) == 0 && (cgroup[n] == '/' || !cgroup[n]);
}

static pid_t parent_of(pid_t pid)
{
	_cleanup_free_ char *data = NULL;
	char path[64], *paren;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, 4096, &data, NULL) < 0)
		return 0;
	paren = strrchr(data, ')');
	return paren && sscanf(paren + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

bool kills_may(const char *text, pid_t caller, char *wrong)
{
	const char *name = strrchr(path_of(text), '/') + 1;
	struct kern_kill kill;

	if (find(text, &kill) < 0)
		return true;
	if (is_of(getpid(), text, &kill)) {
		snprintf(wrong, SUBJECT_MESSAGE, "%.150s is protected: the agent itself is of it",
			 text);
		return false;
	}
	for (pid_t pid = caller; pid > 1; pid = parent_of(pid)) {
		if (!is_of(pid, text, &kill))
			continue;
		snprintf(wrong, SUBJECT_MESSAGE,
			 "%.150s is protected: your own session (process %d) is of it", text, pid);
		return false;
	}
	if (is_of(1, text, &kill) || strcmp(name, "sshd") == 0 ||
	    strcmp(name, "ssh.service") == 0 || strcmp(name, "sshd.service") == 0) {
		snprintf(wrong, SUBJECT_MESSAGE, "%.150s is protected: by it the host is reached",
			 text);
		return false;
	}
	return true;
}

/* A name that is a number; -1. */
static int number_of(const char *name)
{
	char *end;
	long value = strtol(name, &end, 10);

	return *name && !*end && value >= 0 && value <= INT_MAX ? (int)value : -1;
}

/*
 * Ends a connected socket of another process, whatever network namespace it is in: disconnecting
 * resets it and drops what was not sent.
 */
static void end_socket(struct keeper *keeper, int pidfd, int fd)
{
	_cleanup_close_ int socket = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	uint64_t cookie;
	socklen_t n = sizeof(cookie);

	if (socket < 0 || getpeername(socket, (struct sockaddr *)&peer, &size) < 0 ||
	    (peer.ss_family != AF_INET && peer.ss_family != AF_INET6))
		return;
	if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &n) == 0)
		kern_cut(keeper->kern, cookie, GL_REASON_KILLED);
	(void)connect(socket, &none, sizeof(none));
}

static void end_sockets_of(struct keeper *keeper, pid_t pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	for (int i = 0; pidfd >= 0 && dir && i < FDS_MAX && (entry = readdir(dir)); i++) {
		char target[32] = "";

		if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0 &&
		    strncmp(target, "socket:", 7) == 0)
			end_socket(keeper, pidfd, number_of(entry->d_name));
	}
}

static void end_sockets(struct keeper *keeper, const char *text, const struct kern_kill *kill)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = number_of(entry->d_name);

		if (pid > 1 && is_of(pid, text, kill))
			end_sockets_of(keeper, pid);
	}
}

/* ---------------------------------------------------------------------------------------------
 * In the kernel
 */
struct listed {
	struct kern_kill kills[GL_KILLS_MAX];
	const char *texts[GL_KILLS_MAX];
	size_t n;
};

static void list(const struct keeper *keeper, struct listed *ret_listed)
{
	ret_listed->n = 0;
	for (size_t i = 0; i < subjects_count(keeper->subjects); i++) {
		const struct subject *s = subjects_at(keeper->subjects, i);
		struct kern_kill *kill = &ret_listed->kills[ret_listed->n];

		if (s->kind != SUBJECT_WORKLOAD || ret_listed->n == GL_KILLS_MAX ||
		    find(s->text, kill) < 0)
			continue;
		kill->expires_ns = s->expires_boot_ns;
		kill->decision = s->id;
		ret_listed->texts[ret_listed->n++] = s->text;
	}
}

static bool has(const struct keeper *keeper, const struct kern_kill *kill)
{
	for (size_t i = 0; i < keeper->n_killed; i++)
		if (memcmp(&keeper->killed[i], &kill->workload, sizeof(kill->workload)) == 0)
			return true;
	return false;
}

static int follow(struct keeper *keeper, const struct listed *listed)
{
	int r = kern_kills_set(keeper->kern, listed->kills, listed->n);

	/* after the door is shut: what is ended cannot come back */
	for (size_t i = 0; i < listed->n && r == 0; i++)
		if (!has(keeper, &listed->kills[i]))
			end_sockets(keeper, listed->texts[i], &listed->kills[i]);
	if (r < 0)
		return r;
	for (size_t i = 0; i < listed->n; i++)
		keeper->killed[i] = listed->kills[i].workload;
	keeper->n_killed = listed->n;
	return 0;
}

int kills_follow(struct keeper *keeper)
{
	struct listed *listed = malloc(sizeof(*listed));
	int r = -ENOMEM;

	if (listed) {
		list(keeper, listed);
		r = follow(keeper, listed);
	}
	free(listed);
	return r;
}

void kills_tick(struct keeper *keeper)
{
	struct listed *listed = malloc(sizeof(*listed));
	bool changed;

	if (!listed)
		return;
	list(keeper, listed);
	changed = listed->n != keeper->n_killed;
	for (size_t i = 0; i < listed->n && !changed; i++)
		changed = !has(keeper, &listed->kills[i]);
	if (changed && follow(keeper, listed) < 0)
		log_debug("killed workloads are not stopped yet");
	free(listed);
}

uint64_t kills_hits(const struct keeper *keeper, const struct subject *subject)
{
	struct kern_kill kill;

	return find(subject->text, &kill) == 0 ? kern_kill_hits(keeper->kern, &kill.workload) : 0;
}
