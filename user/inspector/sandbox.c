/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/child.h"

#define FILES_MAX    16
#define MAPPED_MAX   (640ull << 20) /* libraries, rings and policies beside its own memory */
#define LAST_CAP_MAX 63

/* ---------------------------------------------------------------------------------------------
 * Identity and limits
 */
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
	/* a kernel that lets us back is not one to parse on */
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

static int limit(int resource, rlim_t value)
{
	struct rlimit rlimit = {.rlim_cur = value, .rlim_max = value};

	return setrlimit(resource, &rlimit) < 0 ? -errno : 0;
}

static int set_limits(const struct sandbox *sandbox)
{
	const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_NPROC, 0}, /* no process, no thread */
		{RLIMIT_NOFILE, FILES_MAX},
		{RLIMIT_MSGQUEUE, 0},
		{RLIMIT_MEMLOCK, 0},
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory alone is larger */
		{RLIMIT_DATA, sandbox->memory_bytes},
		{RLIMIT_AS, sandbox->memory_bytes + MAPPED_MAX},
#endif
	};

	(void)sandbox;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		int r = limit(limits[i].resource, limits[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * System calls
 */
static const int allowed[] = {
	/* waiting, and the two descriptors that are waited for */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(close),
	SCMP_SYS(restart_syscall),
	/* memory; what makes it executable is refused below */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	/* time and chance */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),
	/* itself */
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrusage),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), /* malloc counts CPUs before it makes an arena */
	SCMP_SYS(sysinfo), /* qsort asks how much memory there is */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Only on that descriptor. */
static const struct {
	int call, fd;
} allowed_on[] = {
	{SCMP_SYS(recvmsg), CHILD_CHANNEL_FD}, {SCMP_SYS(sendmsg), CHILD_CHANNEL_FD},
	{SCMP_SYS(sendto), CHILD_CHANNEL_FD},  {SCMP_SYS(write), STDERR_FILENO},
	{SCMP_SYS(writev), STDERR_FILENO},
};

static int add_rules(scmp_filter_ctx filter)
{
	static const int executable[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(allowed_on) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_on[i].call, 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)allowed_on[i].fd));
	for (size_t i = 0; i < ARRAY_SIZE(executable) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, executable[i], 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* abort(3) ends by a signal to itself */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return r;
}

static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int sandbox_enter(const struct sandbox *sandbox)
{
	int r;

	/* a namespace of the network without any device; where it cannot be had, the filter
	 * below refuses every socket all the same */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 && errno != EPERM && errno != EINVAL &&
	    errno != ENOSPC)
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
	r = set_limits(sandbox);
	return r < 0 ? r : filter_calls();
}
