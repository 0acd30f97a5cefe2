/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * courier.c - starting, restarting and stopping the courier: the keeper's side. See courier.h; what
 * the child does is in child.c.
 */
#include "user/courier/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"
#include "user/courier/child.h"

#define BACKLOG      64
#define STOP_WAIT_MS 2000

struct courier {
	char *path;
	struct courier_arguments arguments;
	int listen_fd, fd, descriptors_fd, spool_fd;
	pid_t pid;
};

int courier_fd(const struct courier *courier)
{
	return courier->fd;
}

pid_t courier_pid(const struct courier *courier)
{
	return courier->pid;
}

const char *courier_path(const struct courier *courier)
{
	return courier->path;
}

static gid_t find_group(const char *name)
{
	struct group group, *found = NULL;
	char buffer[16384];

	if (getgrnam_r(name, &group, buffer, sizeof(buffer), &found) != 0 || !found) {
		log_info("no group \"%s\": only root may use the control socket "
			 "(groupadd --system %s, then restart)",
			 name, name);
		return SOCKET_NO_GROUP;
	}
	return group.gr_gid;
}

static int spawn(struct courier *courier)
{
	int pair[2], descriptors[2];
	pid_t pid;

	courier->arguments.parent = getpid();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, descriptors) <
	    0) {
		close(pair[0]);
		close(pair[1]);
		return -errno;
	}
	pid = child_spawn(&(struct child_start){
		.name = CHILD_NAME,
		.numbers = (const long *)&courier->arguments,
		.n_numbers = COURIER_ARGUMENTS,
		/* in the order of their places */
		.fds = {courier->listen_fd, pair[1], descriptors[1], courier->spool_fd},
		.n_fds = 4,
	});
	close(pair[1]);
	close(descriptors[1]);
	if (pid < 0) {
		close(pair[0]);
		close(descriptors[0]);
		return (int)pid;
	}
	courier->fd = pair[0];
	courier->descriptors_fd = descriptors[0];
	courier->pid = pid;
	return 0;
}

int courier_give(struct courier *courier, const char *name, int fd)
{
	return courier->descriptors_fd < 0 ? -ENOTCONN
					   : socket_send_fd(courier->descriptors_fd, name, fd);
}

static void fill_arguments(const struct courier_options *options, gid_t group,
			   struct courier_arguments *arguments)
{
	arguments->uid = options->uid ? options->uid : CHILD_NOBODY;
	arguments->gid = options->gid ? options->gid : CHILD_NOBODY;
	arguments->group = group;
	arguments->log_format = options->log_format;
	arguments->reply_timeout_ms = options->reply_timeout_ms ? options->reply_timeout_ms : 10000;
	arguments->requests_per_s = options->requests_per_s ? options->requests_per_s : 100;
	arguments->follower_backlog_bytes =
		options->follower_backlog_bytes ? options->follower_backlog_bytes : 256 << 10;
}

/* The folder is the child's, inside one that only root enters: the descriptor is its way there. */
static int open_spool(const char *path, const struct courier_arguments *arguments, int *ret_fd)
{
	_cleanup_close_ int fd = -1;

	if (!path)
		return 0;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (geteuid() == 0 &&
	    (fchown(fd, (uid_t)arguments->uid, (gid_t)arguments->gid) < 0 || fchmod(fd, 0700) < 0))
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int courier_start(const struct courier_options *options, struct courier **ret_courier)
{
	_cleanup_(courier_stopp) struct courier *courier = calloc(1, sizeof(*courier));
	_cleanup_free_ char *path = NULL;
	gid_t group;
	int r;

	if (!courier)
		return -ENOMEM;
	courier->listen_fd = courier->fd = courier->descriptors_fd = courier->spool_fd = -1;
	if (asprintf(&path, "%s/%s", options->run_dir, COURIER_SOCKET_NAME) < 0)
		return -ENOMEM;
	if (mkdir(options->run_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	group = find_group(options->group ? options->group : COURIER_GROUP);
	r = socket_listen_unix(path, group == SOCKET_NO_GROUP ? 0600 : 0660, group, BACKLOG,
			       &courier->listen_fd);
	if (r < 0)
		return r;
	courier->path = TAKE_PTR(path); /* from here on ours to remove */
	fill_arguments(options, group, &courier->arguments);
	r = open_spool(options->spool_dir, &courier->arguments, &courier->spool_fd);
	courier->arguments.spool = courier->spool_fd >= 0;
	if (r == 0)
		r = spawn(courier);
	if (r < 0)
		return r;
	*ret_courier = TAKE_PTR(courier);
	return 0;
}

/* Closing the channel ends a healthy child once its answers are out; a stuck one is killed. */
static void end_child(struct courier *courier, int timeout_ms)
{
	if (courier->fd >= 0)
		close(courier->fd);
	courier->fd = -1;
	if (courier->descriptors_fd >= 0)
		close(courier->descriptors_fd);
	courier->descriptors_fd = -1;
	if (courier->pid > 0 && timeout_ms > 0)
		child_wait(courier->pid, timeout_ms);
	child_end(courier->pid);
	courier->pid = 0;
}

int courier_restart(struct courier *courier)
{
	end_child(courier, 0);
	return spawn(courier);
}

void courier_stop(struct courier *courier)
{
	if (!courier)
		return;
	if (courier->path)
		unlink(courier->path);
	end_child(courier, STOP_WAIT_MS);
	if (courier->listen_fd >= 0)
		close(courier->listen_fd);
	if (courier->spool_fd >= 0)
		close(courier->spool_fd);
	free(courier->path);
	free(courier);
}
