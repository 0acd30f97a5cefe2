/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls.c - system calls by an allow list. */
#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/sandbox/sandbox.h"

/* What the C library and a loop need, whatever the process is for. */
static const int always[] = {
	/* waiting */
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

static int add_always(scmp_filter_ctx filter)
{
	static const int executable[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(always) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(executable) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, executable[i], 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* abort(3) ends by a signal to itself */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return r;
}

static int add_own(scmp_filter_ctx filter, const struct sandbox_call *call)
{
	uint32_t action =
		call->fails_with ? SCMP_ACT_ERRNO((uint32_t)call->fails_with) : SCMP_ACT_ALLOW;

	if (!call->if_first)
		return seccomp_rule_add(filter, action, call->number, 0);
	return seccomp_rule_add(filter, action, call->number, 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)call->first));
}

int sandbox_calls(const struct sandbox_call *calls, size_t n)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = add_always(filter);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_own(filter, &calls[i]);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
