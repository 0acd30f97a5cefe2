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
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/inspector.h"
#include "user/inspector/sandbox.h"
#include "user/inspector/work.h"

static int run(int argc, char **argv)
{
	_cleanup_(work_freep) struct work *work = NULL;
	struct inspector_arguments arguments;
	int r = child_numbers(argc, argv, (long *)&arguments, INSPECTOR_ARGUMENTS);

	if (r < 0)
		return log_err(r, "inspector: not started by glacisd");
	r = child_begin(CHILD_NAME, arguments.log_format);
	if (r < 0)
		return log_err(r, "inspector: cannot leave the directory");
	tzset(); /* reads a file */
	r = work_new((unsigned)arguments.number, (uint32_t)arguments.ring_bytes, &work);
	if (r < 0)
		return log_err(r, "inspector: cannot load what it works with");
	malloc_trim(0); /* compiling the rules leaves 29 MiB behind that nobody uses */
	r = sandbox_inspector(&arguments);
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
