/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - starting, restarting and stopping an inspector: the keeper's side. See inspector.h;
 * what the child does is in child.c.
 */
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/child.h"
#include "user/inspector/inspector.h"

#define STOP_WAIT_MS  500
#define CHANNEL_BYTES (4 << 20) /* what may wait in each direction */

struct inspector {
	struct inspector_arguments arguments;
	int ring_fd, lines_fd; /* borrowed */
	int fd;
	pid_t pid;
};

int inspector_fd(const struct inspector *inspector)
{
	return inspector->fd;
}

pid_t inspector_pid(const struct inspector *inspector)
{
	return inspector->pid;
}

/* Beyond the host's default where this process may; the default holds otherwise. */
static void widen(int fd)
{
	const int bytes = CHANNEL_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int spawn(struct inspector *inspector)
{
	const bool ring = inspector->arguments.ring_bytes != 0;
	int pair[2];
	pid_t pid;

	inspector->arguments.parent = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	widen(pair[0]);
	widen(pair[1]);
	pid = child_spawn(&(struct child_start){
		.name = CHILD_NAME,
		.numbers = (const long *)&inspector->arguments,
		.n_numbers = INSPECTOR_ARGUMENTS,
		/* in the order of their places */
		.fds = {pair[1], ring ? inspector->ring_fd : -1, ring ? inspector->lines_fd : -1},
		.n_fds = 3,
	});
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return (int)pid;
	}
	inspector->fd = pair[0];
	inspector->pid = pid;
	return 0;
}

static void choose_identity(const struct inspector_options *options,
			    struct inspector_arguments *arguments)
{
	struct passwd passwd, *found = NULL;
	char buffer[16384];

	arguments->uid = options->uid ? options->uid : CHILD_NOBODY;
	arguments->gid = options->gid ? options->gid : CHILD_NOBODY;
	if (options->uid ||
	    getpwnam_r(INSPECTOR_USER, &passwd, buffer, sizeof(buffer), &found) != 0 || !found ||
	    found->pw_uid == 0)
		return;
	arguments->uid = found->pw_uid;
	arguments->gid = found->pw_gid;
}

int inspector_start(const struct inspector_options *options, struct inspector **ret_inspector)
{
	_cleanup_(inspector_stopp) struct inspector *inspector = calloc(1, sizeof(*inspector));
	int r;

	if (!inspector)
		return -ENOMEM;
	inspector->fd = -1;
	inspector->ring_fd = options->ring_fd;
	inspector->lines_fd = options->lines_fd;
	choose_identity(options, &inspector->arguments);
	inspector->arguments.log_format = options->log_format;
	inspector->arguments.number = options->number;
	inspector->arguments.ring_bytes = options->ring_bytes;
	inspector->arguments.memory_bytes =
		options->memory_bytes ? options->memory_bytes : INSPECTOR_MEMORY_BYTES;
	r = spawn(inspector);
	if (r < 0)
		return r;
	*ret_inspector = TAKE_PTR(inspector);
	return 0;
}

void inspector_end(struct inspector *inspector, int *ret_status)
{
	int status;

	cleanup_close(&inspector->fd);
	inspector->fd = -1;
	status = child_end(inspector->pid);
	inspector->pid = 0;
	if (ret_status)
		*ret_status = status;
}

int inspector_restart(struct inspector *inspector)
{
	inspector_end(inspector, NULL);
	return spawn(inspector);
}

void inspector_stop(struct inspector *inspector)
{
	if (!inspector)
		return;
	if (inspector->fd >= 0 && inspector->pid > 0) {
		shutdown(inspector->fd, SHUT_WR);
		child_wait(inspector->pid, STOP_WAIT_MS);
	}
	inspector_end(inspector, NULL);
	free(inspector);
}
