/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_inspector_sandbox.c - what a process inside the sandbox cannot do, tried from inside: each
 * attempt in a process of its own, which it ends; and what it still can.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/child.h"
#include "user/inspector/sandbox.h"

#define NOBODY 65534

static int enter(pid_t parent)
{
	return sandbox_inspector(&(struct inspector_arguments){
		.uid = NOBODY, .gid = NOBODY, .parent = parent, .memory_bytes = 64u << 20});
}

/* The wait status of a process that does this inside. */
static int inside(void (*attempt)(void))
{
	pid_t parent = getpid(), pid;
	int status;

	pid = fork();
	if (pid == 0) {
		if (enter(parent) < 0)
			_exit(90);
		attempt();
		_exit(0); /* it came back: it may do that */
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define RAW(...) syscall(__VA_ARGS__)
static void try_socket(void)
{
	RAW(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static void try_socketpair(void)
{
	int pair[2];

	RAW(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
}
static void try_open(void)
{
	RAW(SYS_open, "/etc/passwd", O_RDONLY);
}
static void try_openat(void)
{
	RAW(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static void try_execve(void)
{
	char *const argv[] = {(char *)"true", NULL};

	RAW(SYS_execve, "/bin/true", argv, argv + 1);
}
static void try_fork(void)
{
	RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void try_ptrace(void)
{
	RAW(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0);
}
static void try_vm_read(void)
{
	RAW(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}
static void try_kill(void)
{
	RAW(SYS_kill, getppid(), 0);
}
static void try_tgkill(void)
{
	RAW(SYS_tgkill, 1, 1, 0);
}
static void try_bpf(void)
{
	union bpf_attr attr = {};

	RAW(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr));
}
static void try_prctl(void)
{
	RAW(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static void try_setuid(void)
{
	RAW(SYS_setuid, 0);
}
static void try_unshare(void)
{
	RAW(SYS_unshare, 0x10000000);
}
static void try_io_uring(void)
{
	RAW(SYS_io_uring_setup, 1, NULL);
}
static void try_executable(void)
{
	RAW(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
}
static void try_make_executable(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	RAW(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
}
static void try_write_elsewhere(void)
{
	RAW(SYS_write, STDOUT_FILENO, "", 0);
}
static void try_send_elsewhere(void)
{
	RAW(SYS_sendto, CHILD_CHANNEL_FD + 1, "", 0, 0, NULL, 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *what;
		void (*attempt)(void);
	} attempts[] = {
		{"socket", try_socket},
		{"socketpair", try_socketpair},
		{"open", try_open},
		{"openat", try_openat},
		{"execve", try_execve},
		{"fork", try_fork},
		{"ptrace", try_ptrace},
		{"process_vm_readv", try_vm_read},
		{"kill", try_kill},
		{"tgkill", try_tgkill},
		{"bpf", try_bpf},
		{"prctl", try_prctl},
		{"setuid", try_setuid},
		{"unshare", try_unshare},
		{"io_uring", try_io_uring},
		{"mmap of executable memory", try_executable},
		{"mprotect to executable", try_make_executable},
		{"write to another descriptor", try_write_elsewhere},
		{"send to another descriptor", try_send_elsewhere},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		int status = inside(attempts[i].attempt);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status 0x%x", attempts[i].what, (unsigned)status);
		assert_false(WCOREDUMP(status));
	}
}

static void do_its_work(void)
{
	struct timespec now;
	uint8_t *memory = malloc(8 << 20);
	uint64_t chance = 0;

	memset(memory, 1, 8 << 20);
	memory = realloc(memory, 32 << 20);
	free(memory);
	clock_gettime(CLOCK_BOOTTIME, &now);
	if (RAW(SYS_getrandom, &chance, sizeof(chance), 0) != sizeof(chance) || !now.tv_sec)
		_exit(1);
	fprintf(stderr, "# says something inside the sandbox\n");
}

static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(inside(do_its_work), 0);
}

static void use_too_much(void)
{
	void *memory =
		mmap(NULL, 65u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	_exit(memory == MAP_FAILED && errno == ENOMEM ? 0 : 1);
}

static void test_memory(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	(void)use_too_much; /* its shadow needs more: the end to end test looks at the limit */
#else
	assert_int_equal(inside(use_too_much), 0);
#endif
	assert_true(true);
}

/* A parent that is gone is not waited for. */
static void test_orphan(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(enter(1 << 22) == -ESRCH ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_orphan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
