/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"

#define LAST_CAP_POSSIBLE 63

/* Each with what running still needs it for. */
static const unsigned kept[] = {
	CAP_BPF, /* maps, programs for devices that appear */
	CAP_PERFMON, /* loading programs that follow kernel pointers */
	CAP_NET_ADMIN, /* attaching to devices */
	CAP_SYS_ADMIN, /* setns(2) to the namespace of a listener; bpf(2) before 5.8 rules */
	CAP_SYS_PTRACE, /* /proc/PID/{exe,fd,ns} of other users: who listens */
	CAP_DAC_OVERRIDE, /* the state directory, pins */
	CAP_DAC_READ_SEARCH,
	CAP_CHOWN, /* the control socket of a restarted courier */
	CAP_SETUID, /* a restarted courier becomes nobody */
	CAP_SETGID,
	CAP_SETPCAP, /* and empties its bounding set */
	CAP_KILL, /* and can be ended */
};

static uint64_t kept_mask(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		mask |= 1ull << kept[i];
	return mask;
}

static int set_capabilities(uint64_t mask)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2], now[2];

	if (syscall(SYS_capget, &header, now) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		/* never ask for what a container did not give */
		uint32_t word = (uint32_t)(mask >> (32 * i)) & now[i].permitted;

		data[i] = (struct __user_cap_data_struct){.effective = word, .permitted = word};
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int privileges_hide(void)
{
	const struct rlimit no_core = {0};

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}

int privileges_drop(void)
{
	uint64_t mask = kept_mask();

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (geteuid() != 0)
		return 0;
	for (unsigned cap = 0; cap <= LAST_CAP_POSSIBLE; cap++) {
		if (mask & (1ull << cap) || prctl(PR_CAPBSET_READ, cap) != 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap) < 0 && errno != EPERM)
			return -errno;
	}
	return set_capabilities(mask);
}
