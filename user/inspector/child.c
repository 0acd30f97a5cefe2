/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.c - the inspector process from exec to its loop: reads its arguments, loads and maps what
 * it needs, closes the sandbox (sandbox.c), works (work.c). It starts as root because the program
 * and its rules may lie where nobody else can read them, and looks at nothing from the network
 * before the sandbox is closed.
 */
#include "user/inspector/child.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/inspector.h"
#include "user/inspector/sandbox.h"
#include "user/inspector/work.h"

void inspector_argv_fill(const struct child_arguments *arguments, struct child_argv *argv)
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

/* The keeper decides when an inspector ends, by closing the channel: a Ctrl-C or a systemd stop
 * reaches the whole group. */
static void set_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ignore, NULL);
}

static int run(int argc, char **argv)
{
	_cleanup_(work_freep) struct work *work = NULL;
	struct child_arguments arguments;
	int r = read_arguments(argc, argv, &arguments);

	if (r < 0)
		return log_err(r, "inspector: not started by glacisd");
	log_setup(arguments.log_format, LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, CHILD_NAME);
	if (chdir("/") < 0)
		return log_err(-errno, "inspector: cannot leave the directory");
	set_signals();
	tzset(); /* reads a file */
	r = work_new((unsigned)arguments.number, (uint32_t)arguments.ring_bytes, &work);
	if (r < 0)
		return log_err(r, "inspector: cannot load what it works with");
	malloc_trim(0); /* compiling the rules leaves 29 MiB behind that nobody uses */
	r = sandbox_enter(&(struct sandbox){
		.uid = (uid_t)arguments.uid,
		.gid = (gid_t)arguments.gid,
		.parent = (pid_t)arguments.parent,
		.memory_bytes = (uint64_t)arguments.memory_bytes,
	});
	if (r == -ESRCH) /* nobody to work for any more: not an error */
		return 0;
	if (r < 0)
		return log_err(r, "inspector: cannot close its sandbox");
	return work_run(work);
}

int inspector_main(int argc, char **argv)
{
	int r;

	if (argc < 1 || strcmp(argv[0], CHILD_NAME) != 0)
		return -1;
	r = run(argc, argv);
	/* not exit(): a leak checker at exit would want to trace a process that is not dumpable */
	_exit(r < 0 ? CHILD_EXIT_SETUP : 0);
}
