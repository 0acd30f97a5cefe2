/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"

/* ---------------------------------------------------------------------------------------------
 * The keeper's side
 */
/*
 * In the forked child: the descriptors go to their fixed places, everything else of the keeper goes
 * away, and a fresh image begins. Only async-signal-safe calls: the keeper may have threads.
 */
__attribute__((noreturn)) static void become_child(const struct child_start *start, char **argv)
{
	char *const no_environment[] = {NULL};
	struct sigaction fallback = {.sa_handler = SIG_DFL};
	const int above = CHILD_FIRST_FD + (int)start->n_fds;
	int moved[CHILD_FDS_MAX];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGPIPE, &fallback, NULL);
	/* above all places first: each may stand where another has to go */
	for (size_t i = 0; i < start->n_fds; i++) {
		moved[i] = start->fds[i] < 0 ? -1 : fcntl(start->fds[i], F_DUPFD, above);
		if (start->fds[i] >= 0 && moved[i] < 0)
			_exit(CHILD_EXIT_SETUP);
	}
	for (size_t i = 0; i < start->n_fds; i++) {
		if (moved[i] < 0)
			close(CHILD_FIRST_FD + (int)i);
		else if (dup2(moved[i], CHILD_FIRST_FD + (int)i) < 0)
			_exit(CHILD_EXIT_SETUP);
	}
	if (close_range((unsigned)above, ~0U, 0) < 0)
		_exit(CHILD_EXIT_SETUP);
	execve("/proc/self/exe", argv, no_environment);
	_exit(CHILD_EXIT_SETUP);
}

pid_t child_spawn(const struct child_start *start)
{
	char text[CHILD_NUMBERS_MAX][24];
	char *argv[CHILD_NUMBERS_MAX + 2] = {(char *)start->name};
	pid_t pid;

	if (start->n_numbers > CHILD_NUMBERS_MAX || start->n_fds > CHILD_FDS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < start->n_numbers; i++) {
		snprintf(text[i], sizeof(text[i]), "%ld", start->numbers[i]);
		argv[i + 1] = text[i];
	}
	pid = fork();
	if (pid == 0)
		become_child(start, argv);
	return pid < 0 ? -errno : pid;
}

void child_wait(pid_t pid, int timeout_ms)
{
	_cleanup_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd >= 0)
		poll(&p, 1, timeout_ms);
}

int child_end(pid_t pid)
{
	int status = 0;

	if (pid <= 0)
		return 0;
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* ---------------------------------------------------------------------------------------------
 * The child's side
 */
int child_numbers(int argc, char **argv, long *ret_numbers, size_t n)
{
	long numbers[CHILD_NUMBERS_MAX];
	char *end;

	if (n > CHILD_NUMBERS_MAX || argc != (int)n + 1)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		numbers[i] = strtol(argv[i + 1], &end, 10);
		if (*end || end == argv[i + 1])
			return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		ret_numbers[i] = numbers[i];
	return 0;
}

int child_begin(const char *name, enum log_format format)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	log_setup(format, LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, name);
	if (chdir("/") < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ignore, NULL);
	return 0;
}
