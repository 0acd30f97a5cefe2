/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drop.c - identity, capabilities and limits. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/sandbox/sandbox.h"

#define LAST_CAP_MAX 63

static int drop_identity(const struct sandbox *sandbox)
{
	/* Without root there is nothing to give away (an unprivileged agent in a test). */
	if (geteuid() != 0)
		return 0;
	for (unsigned cap = 0; cap <= LAST_CAP_MAX; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1 && prctl(PR_CAPBSET_DROP, cap) < 0 &&
		    errno != EPERM)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(sandbox->gid, sandbox->gid, sandbox->gid) < 0 ||
	    setresuid(sandbox->uid, sandbox->uid, sandbox->uid) < 0)
		return -errno;
	/* a kernel that lets us back is not one to parse or to serve on */
	return setuid(0) == 0 ? -EPERM : 0;
}

static int check_no_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (geteuid() == 0)
		return 0; /* a user namespace of one user: nothing to become */
	if (syscall(SYS_capset, &header, data) < 0 || syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return -EPERM;
	return 0;
}

static int set_limits(const struct sandbox *sandbox)
{
	const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_NPROC, 0}, /* no process, no thread */
		{RLIMIT_NOFILE, sandbox->files},
		{RLIMIT_MSGQUEUE, 0},
		{RLIMIT_MEMLOCK, 0},
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory alone is larger */
		{RLIMIT_DATA, sandbox->data_bytes ?: RLIM_INFINITY},
		{RLIMIT_AS, sandbox->address_bytes},
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit limit = {.rlim_cur = limits[i].value, .rlim_max = limits[i].value};

		if (limits[i].value != RLIM_INFINITY && setrlimit(limits[i].resource, &limit) < 0)
			return -errno;
	}
	return 0;
}

int sandbox_drop(const struct sandbox *sandbox)
{
	int r;

	/* where a namespace cannot be had, the calls allowed refuse every socket all the same */
	if (sandbox->own_network && unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 && errno != EPERM &&
	    errno != EINVAL && errno != ENOSPC)
		return -errno;
	r = drop_identity(sandbox);
	if (r == 0)
		r = check_no_capability();
	if (r < 0)
		return r;
	/* after the change of user, which resets both */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* the keeper may have died before the line above */
	if (getppid() != sandbox->parent)
		return -ESRCH;
	return set_limits(sandbox);
}
