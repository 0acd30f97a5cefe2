/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - starting, restarting and stopping an inspector: the keeper's side. See inspector.h;
 * what the child does is in child.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/child.h"
#include "user/inspector/inspector.h"

#define STOP_WAIT_MS  500
#define NOBODY        65534
#define CHANNEL_BYTES (4 << 20) /* what may wait in each direction */

struct inspector {
	struct child_arguments arguments;
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

/*
 * In the forked child: the descriptors go to their fixed places, everything else of the keeper goes
 * away, and a fresh image begins. Only async-signal-safe calls: the keeper may have threads.
 */
__attribute__((noreturn)) static void become_child(const int fds[CHILD_FDS], char **argv)
{
	char *const no_environment[] = {NULL};
	struct sigaction fallback = {.sa_handler = SIG_DFL};
	const int above = CHILD_CHANNEL_FD + CHILD_FDS;
	int moved[CHILD_FDS];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGPIPE, &fallback, NULL);
	/* above all places first: each may stand where another has to go */
	for (int i = 0; i < CHILD_FDS; i++) {
		moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, above);
		if (fds[i] >= 0 && moved[i] < 0)
			_exit(CHILD_EXIT_SETUP);
	}
	for (int i = 0; i < CHILD_FDS; i++) {
		if (moved[i] < 0)
			close(CHILD_CHANNEL_FD + i);
		else if (dup2(moved[i], CHILD_CHANNEL_FD + i) < 0)
			_exit(CHILD_EXIT_SETUP);
	}
	if (close_range((unsigned)above, ~0U, 0) < 0)
		_exit(CHILD_EXIT_SETUP);
	execve("/proc/self/exe", argv, no_environment);
	_exit(CHILD_EXIT_SETUP);
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
	struct child_argv argv;
	int pair[2];
	pid_t pid;

	inspector->arguments.parent = getpid();
	inspector_argv_fill(&inspector->arguments, &argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	widen(pair[0]);
	widen(pair[1]);
	pid = fork();
	if (pid == 0)
		become_child((const int[]){pair[1], ring ? inspector->ring_fd : -1,
					   ring ? inspector->lines_fd : -1},
			     argv.items);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -errno;
	}
	inspector->fd = pair[0];
	inspector->pid = pid;
	return 0;
}

static void choose_identity(const struct inspector_options *options,
			    struct child_arguments *arguments)
{
	struct passwd passwd, *found = NULL;
	char buffer[16384];

	arguments->uid = options->uid ? options->uid : NOBODY;
	arguments->gid = options->gid ? options->gid : NOBODY;
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

static void wait_for_end(pid_t pid, int timeout_ms)
{
	_cleanup_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd >= 0)
		poll(&p, 1, timeout_ms);
}

void inspector_end(struct inspector *inspector, int *ret_status)
{
	int status = 0;

	cleanup_close(&inspector->fd);
	inspector->fd = -1;
	if (inspector->pid > 0) {
		kill(inspector->pid, SIGKILL);
		while (waitpid(inspector->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
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
		wait_for_end(inspector->pid, STOP_WAIT_MS);
	}
	inspector_end(inspector, NULL);
	free(inspector);
}
