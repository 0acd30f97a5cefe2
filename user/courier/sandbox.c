/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/sandbox/sandbox.h"

#define ALLOW(name)                                                                                \
	{                                                                                          \
		SCMP_SYS(name), false, 0, 0                                                        \
	}
#define ALLOW_IF(name, first)                                                                      \
	{                                                                                          \
		SCMP_SYS(name), true, first, 0                                                     \
	}

static const struct sandbox_call calls[] = {
	/* waiting */
	ALLOW(epoll_wait),
	ALLOW(epoll_pwait),
	ALLOW(epoll_ctl),
	ALLOW(epoll_create1),
	/* sockets; which families is below */
	ALLOW(accept4),
	ALLOW(bind),
	ALLOW(listen),
	ALLOW(connect),
	ALLOW(shutdown),
	ALLOW(getsockname),
	ALLOW(getpeername),
	ALLOW(getsockopt),
	ALLOW(setsockopt),
	ALLOW(sendto),
	ALLOW(sendmsg),
	ALLOW(sendmmsg),
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW(recvmmsg),
	ALLOW(ioctl), /* FIONREAD, SIOCOUTQ; nothing it holds takes another one */
	/* descriptors */
	ALLOW(read),
	ALLOW(readv),
	ALLOW(pread64),
	ALLOW(write),
	ALLOW(writev),
	ALLOW(pwrite64),
	ALLOW(lseek),
	ALLOW(fstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(fcntl),
	ALLOW(ftruncate),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(getdents64),
	ALLOW(mkdirat),
	ALLOW(unlinkat),
	ALLOW(dup),
	ALLOW(pipe2),
	ALLOW(eventfd2),
	/* reading by name: resolv.conf, hosts, certificates; the rest is Landlock's and the uid's
	 */
	ALLOW(openat),
	ALLOW(open),
	ALLOW(stat),
	ALLOW(access),
	ALLOW(readlink),
	/* itself */
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	ALLOW(uname),
	/* sockets of these families only */
	ALLOW_IF(socket, AF_UNIX),
	ALLOW_IF(socket, AF_INET),
	ALLOW_IF(socket, AF_INET6),
	ALLOW_IF(socketpair, AF_UNIX),
	ALLOW_IF(socketpair, AF_INET),
	ALLOW_IF(socketpair, AF_INET6),
	/* getaddrinfo(3) asks netlink what addresses there are, and does without an answer */
	{SCMP_SYS(socket), true, AF_NETLINK, EAFNOSUPPORT},
	/* libraries that would like a thread get none, and do without */
	{SCMP_SYS(clone), false, 0, EAGAIN},
	{SCMP_SYS(clone3), false, 0, EAGAIN},
};

/* ---------------------------------------------------------------------------------------------
 * Files
 */
#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING                                                                                    \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                           \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_EXECUTE)

bool sandbox_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static int allow_below(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr below = {.allowed_access = access, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0
		       ? -errno
		       : 0;
}

static int restrict_files(int spool_fd)
{
	static const char *const read_only[] = {
		"/etc", /* resolv.conf, hosts, certificates */
		"/run/systemd/resolve", /* where resolv.conf may point */
		"/run/resolvconf",
		"/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates",
		"/usr/lib/ssl",
	};
	const struct landlock_ruleset_attr all = {.handled_access_fs = READING | WRITING};
	_cleanup_close_ int ruleset = -1;
	int r = 0;

	if (!sandbox_has_landlock())
		return 0; /* the uid and the empty folders it may enter remain */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(read_only) && r == 0; i++) {
		_cleanup_close_ int fd = open(read_only[i], O_PATH | O_CLOEXEC);

		if (fd >= 0)
			r = allow_below(ruleset, fd, READING);
	}
	if (r == 0 && spool_fd >= 0)
		r = allow_below(ruleset, spool_fd,
				READING | LANDLOCK_ACCESS_FS_WRITE_FILE |
					LANDLOCK_ACCESS_FS_REMOVE_FILE |
					LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

int sandbox_courier(int spool_fd)
{
	int r = restrict_files(spool_fd);

	return r < 0 ? r : sandbox_calls(calls, ARRAY_SIZE(calls));
}
