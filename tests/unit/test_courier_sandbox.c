/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_courier_sandbox.c - what a process inside the courier's sandbox cannot do, tried from
 * inside: each attempt in a process of its own; and what it still can.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/courier/child.h"
#include "user/courier/sandbox.h"

#define NOBODY 65534

static char spool[] = "/tmp/glacis-test-sandbox-XXXXXX";

static int make_spool(void **state)
{
	(void)state;
	return mkdtemp(spool) && chown(spool, NOBODY, NOBODY) == 0 ? 0 : -1;
}

static int remove_spool(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/kept", spool);
	unlink(path);
	return rmdir(spool);
}

/* As child.c does it: the folder's descriptor at its place, identity gone, then the sandbox. */
static int enter(void)
{
	int fd = open(spool, O_RDONLY | O_DIRECTORY);

	if (fd < 0 || dup2(fd, CHILD_SPOOL_FD) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return sandbox_courier(CHILD_SPOOL_FD);
}

/* The wait status of a process that does this inside; its exit status is what `attempt` returns. */
static int inside(int (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(enter() < 0 ? 90 : attempt());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define RAW(...) syscall(__VA_ARGS__)
#define TRY(name, call)                                                                            \
	static int name(void)                                                                      \
	{                                                                                          \
		call;                                                                              \
		return 0;                                                                          \
	}
static char *const no_arguments[] = {NULL};
static union bpf_attr no_attr;
TRY(try_execve, RAW(SYS_execve, "/bin/true", no_arguments, no_arguments))
TRY(try_fork, RAW(SYS_vfork))
TRY(try_ptrace, RAW(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0))
TRY(try_vm_read, RAW(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0))
TRY(try_kill, RAW(SYS_kill, getppid(), 0))
TRY(try_tgkill, RAW(SYS_tgkill, 1, 1, 0))
TRY(try_bpf, RAW(SYS_bpf, BPF_MAP_GET_NEXT_ID, &no_attr, sizeof(no_attr)))
TRY(try_prctl, RAW(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0))
TRY(try_setuid, RAW(SYS_setuid, 0))
TRY(try_unshare, RAW(SYS_unshare, 0x10000000))
TRY(try_io_uring, RAW(SYS_io_uring_setup, 1, NULL))
TRY(try_packet, RAW(SYS_socket, AF_PACKET, SOCK_RAW, 0))
TRY(try_vsock, RAW(SYS_socket, AF_VSOCK, SOCK_STREAM, 0))
TRY(try_mount, RAW(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL))
TRY(try_chmod, RAW(SYS_chmod, spool, 0777))
TRY(try_rename, RAW(SYS_rename, spool, "/tmp/x"))
TRY(try_memfd, RAW(SYS_memfd_create, "x", 0))
TRY(try_executable, RAW(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))

static void test_killed(void **state)
{
	static const struct {
		const char *what;
		int (*attempt)(void);
	} rows[] = {
		{"execve", try_execve},
		{"vfork", try_fork},
		{"ptrace", try_ptrace},
		{"process_vm_readv", try_vm_read},
		{"kill", try_kill},
		{"tgkill of another", try_tgkill},
		{"bpf", try_bpf},
		{"prctl", try_prctl},
		{"setuid", try_setuid},
		{"unshare", try_unshare},
		{"io_uring", try_io_uring},
		{"packet socket", try_packet},
		{"vsock", try_vsock},
		{"mount", try_mount},
		{"chmod", try_chmod},
		{"rename", try_rename},
		{"memfd_create", try_memfd},
		{"executable memory", try_executable},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status = inside(rows[i].attempt);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: wait status %#x", rows[i].what, (unsigned)status);
	}
}

/* Answered with an error instead: libraries ask for these and do without. */
static int ask_thread(void)
{
	return RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0) == -1 && errno == EAGAIN ? 0 : 1;
}
static int ask_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT ? 0 : 1;
}
/* A file everybody may read, in a folder the courier has no business in (Landlock). */
static int ask_elsewhere(void)
{
	return open("/proc/1/status", O_RDONLY) == -1 && errno == EACCES ? 0 : 1;
}
static int ask_write(void)
{
	return open("/tmp/glacis-not-here", O_WRONLY | O_CREAT, 0600) == -1 && errno == EACCES ? 0
											       : 1;
}
static int ask_up(void)
{
	return openat(CHILD_SPOOL_FD, "../glacis-not-here", O_WRONLY | O_CREAT, 0600) == -1 &&
			       errno == EACCES
		       ? 0
		       : 1;
}

static void test_denied(void **state)
{
	(void)state;
	assert_int_equal(inside(ask_thread), 0);
	assert_int_equal(inside(ask_netlink), 0);
	if (!sandbox_has_landlock()) {
		print_message("this kernel has no Landlock: files are the uid's matter\n");
		return;
	}
	assert_int_equal(inside(ask_elsewhere), 0);
	assert_int_equal(inside(ask_write), 0);
	assert_int_equal(inside(ask_up), 0);
}

/* What it is for. */
static int may_connect(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = 9, /* nobody */
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0 &&
			       errno == ECONNREFUSED
		       ? 0
		       : 1;
}
static int may_spool(void)
{
	int fd = openat(CHILD_SPOOL_FD, "kept", O_RDWR | O_CREAT, 0600);
	char back[4] = "";

	return fd >= 0 && pwrite(fd, "abc", 3, 0) == 3 && pread(fd, back, 3, 0) == 3 &&
			       strcmp(back, "abc") == 0 && ftruncate(fd, 0) == 0 &&
			       unlinkat(CHILD_SPOOL_FD, "kept", 0) == 0
		       ? 0
		       : 1;
}
static int may_read_names(void)
{
	int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? 0 : 1;
}

static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(inside(may_connect), 0);
	assert_int_equal(inside(may_spool), 0);
	assert_int_equal(inside(may_read_names), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_allowed),
	};

	return cmocka_run_group_tests(tests, make_spool, remove_spool);
}
