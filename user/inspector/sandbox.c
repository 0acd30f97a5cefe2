/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/sandbox.h"

#include <seccomp.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/sandbox/sandbox.h"

#define FILES_MAX  16
#define MAPPED_MAX (640ull << 20) /* libraries, rings and policies beside its own memory */

/* Each only on that descriptor. */
static const struct sandbox_call calls[] = {
	{SCMP_SYS(recvmsg), true, CHILD_CHANNEL_FD, 0},
	{SCMP_SYS(sendmsg), true, CHILD_CHANNEL_FD, 0},
	{SCMP_SYS(sendto), true, CHILD_CHANNEL_FD, 0},
	{SCMP_SYS(write), true, STDERR_FILENO, 0},
	{SCMP_SYS(writev), true, STDERR_FILENO, 0},
};

int sandbox_inspector(const struct inspector_arguments *arguments)
{
	int r = sandbox_drop(&(struct sandbox){
		.uid = (uid_t)arguments->uid,
		.gid = (gid_t)arguments->gid,
		.parent = (pid_t)arguments->parent,
		.own_network = true,
		.files = FILES_MAX,
		.data_bytes = (uint64_t)arguments->memory_bytes,
		.address_bytes = (uint64_t)arguments->memory_bytes + MAPPED_MAX,
	});

	return r < 0 ? r : sandbox_calls(calls, ARRAY_SIZE(calls));
}
