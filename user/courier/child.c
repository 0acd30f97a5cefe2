/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.c - the courier process from exec to its event loop: reads its arguments, gives every
 * privilege away, serves (serve.c). It starts as root because the program may lie where nobody else
 * can execute it, and looks at nothing from outside before the privileges are gone.
 */
#include "user/courier/child.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/courier/courier.h"
#include "user/courier/http_out.h"
#include "user/courier/sandbox.h"
#include "user/courier/serve.h"

#define FILES_MAX  144 /* 64 connections, and what sinks and the process itself need */
#define MEMORY_MAX (1UL << 30)

void child_argv_fill(const struct child_arguments *arguments, struct child_argv *argv)
{
	size_t i = 0;

	argv->items[i++] = (char *)CHILD_NAME;
#define FILL(name)                                                                                 \
	snprintf(argv->text[i - 1], sizeof(argv->text[i - 1]), "%ld", arguments->name);            \
	argv->items[i] = argv->text[i - 1];                                                        \
	i++;
	CHILD_ARGUMENT_LIST(FILL)
#undef FILL
	argv->items[i] = NULL;
}

static int read_arguments(int argc, char **argv, struct child_arguments *ret_arguments)
{
	struct child_arguments arguments;
	size_t i = 1;
	char *end;

	if (argc != CHILD_ARGUMENTS + 1)
		return -EINVAL;
#define READ(name)                                                                                 \
	arguments.name = strtol(argv[i++], &end, 10);                                              \
	if (*end)                                                                                  \
		return -EINVAL;
	CHILD_ARGUMENT_LIST(READ)
#undef READ
	*ret_arguments = arguments;
	return 0;
}

static int limit(int resource, rlim_t value)
{
	struct rlimit rlimit = {.rlim_cur = value, .rlim_max = value};

	return setrlimit(resource, &rlimit) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	int r = limit(RLIMIT_NOFILE, FILES_MAX);

	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_NPROC, 0); /* no process, no thread */
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory alone is larger */
	if (r == 0)
		r = limit(RLIMIT_AS, MEMORY_MAX);
#endif
	return r;
}

/* Without root there is nothing to give away (an unprivileged agent in a test). */
static int drop_identity(const struct child_arguments *arguments)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 ||
	    setresgid(arguments->gid, arguments->gid, arguments->gid) < 0 ||
	    setresuid(arguments->uid, arguments->uid, arguments->uid) < 0)
		return -errno;
	/* a kernel that lets us back is not one to serve on */
	return setuid(0) == 0 ? -EPERM : 0;
}

static int drop_privileges(const struct child_arguments *arguments)
{
	int r = drop_identity(arguments);

	if (r < 0)
		return r;
	/* after the change of user, which resets both */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* the keeper may have died before the line above */
	if (getppid() != (pid_t)arguments->parent)
		return -ESRCH;
	return set_limits();
}

/* The keeper decides when the courier ends, by closing the channel: a Ctrl-C or a systemd stop
 * reaches the whole group, and the last answers still have to go out. */
static void set_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ignore, NULL);
}

static int run(int argc, char **argv)
{
	_cleanup_(serve_clear) struct server server = {};
	struct child_arguments arguments;
	int r = read_arguments(argc, argv, &arguments);

	if (r < 0)
		return log_err(r, "courier: not started by glacisd");
	log_setup(arguments.log_format, LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, CHILD_NAME);
	if (chdir("/") < 0)
		return log_err(-errno, "courier: cannot leave the directory");
	set_signals();
	r = drop_privileges(&arguments);
	if (r == -ESRCH) /* nobody to serve any more: not an error */
		return 0;
	if (r < 0)
		return log_err(r, "courier: cannot give its privileges away");
	r = http_out_prepare();
	if (r == 0)
		r = serve_prepare(&server, &arguments);
	if (r < 0)
		return r;
	r = sandbox_courier(arguments.spool ? CHILD_SPOOL_FD : -1);
	return r < 0 ? log_err(r, "courier: cannot lock itself in") : serve(&server);
}

int courier_main(int argc, char **argv)
{
	int r;

	if (argc < 1 || strcmp(argv[0], CHILD_NAME) != 0)
		return -1;
	r = run(argc, argv);
	/* not exit(): a leak checker at exit would want to trace a process that is not dumpable */
	_exit(r < 0 ? CHILD_EXIT_SETUP : 0);
}
