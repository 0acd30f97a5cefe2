/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.c - the courier process from exec to its event loop: reads its arguments, gives every
 * privilege away, serves (serve.c). It starts as root because the program may lie where nobody else
 * can execute it, and looks at nothing from outside before the privileges are gone.
 */
#include "user/courier/child.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/courier/courier.h"
#include "user/courier/http_out.h"
#include "user/courier/sandbox.h"
#include "user/courier/serve.h"
#include "user/sandbox/sandbox.h"

#define FILES_MAX  144 /* 64 connections, and what sinks and the process itself need */
#define MEMORY_MAX (1UL << 30)

static int run(int argc, char **argv)
{
	_cleanup_(serve_clear) struct server server = {};
	struct courier_arguments arguments;
	int r = child_numbers(argc, argv, (long *)&arguments, COURIER_ARGUMENTS);

	if (r < 0)
		return log_err(r, "courier: not started by glacisd");
	r = child_begin(CHILD_NAME, arguments.log_format);
	if (r < 0)
		return log_err(r, "courier: cannot leave the directory");
	r = sandbox_drop(&(struct sandbox){
		.uid = (uid_t)arguments.uid,
		.gid = (gid_t)arguments.gid,
		.parent = (pid_t)arguments.parent,
		.files = FILES_MAX,
		.address_bytes = MEMORY_MAX,
	});
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
