/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libs_agent.h - what the tests of libs.c share: an agent whose programs count (uprobe.bpf.c), and
 * real processes that do TLS (tls_process.py), each with a copy of libssl of its own: what else
 * runs on this machine is neither seen nor slowed.
 */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/kern/libs.h"
#include "user/kern/probe_link.h"

#define PROCESS  "tests/kernel/tls_process.py"
#define WAIT_MS  60000 /* comes in milliseconds; a busy machine is no failure */
#define GRACE_MS 100
#define LINKS    8 /* of a library: as many as there are programs */

static const char *const program_names[LIBS_GUARD] = {
	"read_enter",      "read_leave",      "write_enter",  "write_leave",
	"handshake_enter", "handshake_leave", "freed",        "encoded",
	"decode_enter",    "encode_enter",    "encode_leave",
};

/* As in uprobe.bpf.c. */
struct hit {
	uint32_t tgid, program;
	uint64_t cookie;
};

static const char *folder;
static char pin_dir[64]; /* one for each test program: they run side by side */
static char work[] = "/tmp/glacis-test-libs.XXXXXX";
static char libssl[512]; /* of this machine */
static const char *copied = libssl; /* what a process has a copy of */
static bool libcrypto_too; /* held, too, by the agents of a test */
static char cert[600];

/* ---------------------------------------------------------------------------------------------
 * Programs
 */
struct agent {
	struct bpf_object *object;
	struct libs_options options;
	struct libs *libs;
	int hits;
};

static inline void agent_load(struct agent *agent, int hits)
{
	struct bpf_program *program;
	char path[512];

	memset(agent, 0, sizeof(*agent));
	snprintf(path, sizeof(path), "%s/uprobe.bpf.o", folder);
	agent->object = bpf_object__open_file(path, NULL);
	assert_non_null(agent->object);
	bpf_object__for_each_program(program, agent->object) probe_link_prepare(program);
	if (hits >= 0)
		assert_int_equal(bpf_map__reuse_fd(
					 bpf_object__find_map_by_name(agent->object, "hits"), hits),
				 0);
	assert_int_equal(bpf_object__load(agent->object), 0);
	agent->hits = bpf_object__find_map_fd_by_name(agent->object, "hits");
	for (size_t i = 0; i < LIBS_GUARD; i++) {
		program = bpf_object__find_program_by_name(agent->object, program_names[i]);
		assert_non_null(program);
		/* libcrypto is the machine's, not a test's: its links would be counted as well */
		agent->options.programs[i] =
			i < LIBS_DECODE_ENTER || libcrypto_too ? bpf_program__fd(program) : -1;
	}
	agent->options.programs[LIBS_GUARD] = -1;
	agent->options.pin_dir = pin_dir;
	agent->options.account_fd = -1;
	agent->options.grace_ms = GRACE_MS;
	assert_int_equal(0, stat("/proc/self/ns/net", &(struct stat){}));
	agent->options.netns = procmaps_netns(getpid());
}

static inline void agent_start(struct agent *agent, int hits)
{
	agent_load(agent, hits);
	assert_int_equal(libs_new(&agent->options, &agent->libs), 0);
}

/* As a crash ends one: nothing is removed. */
static inline void agent_end(struct agent *agent)
{
	libs_free(agent->libs);
	bpf_object__close(agent->object);
}

static inline uint64_t hits_of(const struct agent *agent, pid_t pid, enum libs_program program)
{
	struct hit key, next;
	uint64_t sum = 0, n;
	void *at = NULL;

	while (bpf_map_get_next_key(agent->hits, at, &next) == 0) {
		key = next;
		at = &key;
		if (next.tgid == (uint32_t)pid && next.program == (uint32_t)program &&
		    bpf_map_lookup_elem(agent->hits, &next, &n) == 0)
			sum += n;
	}
	return sum;
}

static inline size_t links_pinned(void)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char links[96];
	const struct dirent *entry;
	size_t n = 0;

	snprintf(links, sizeof(links), "%s/links", pin_dir);
	dir = opendir(links);
	while (dir && (entry = readdir(dir)))
		n += strncmp(entry->d_name, "tls-", 4) == 0;
	return n;
}

static inline const struct library *library_at(const struct agent *agent, const char *path)
{
	size_t n;
	const struct library *slots = libs_slots(agent->libs, &n);

	for (size_t i = 0; i < n; i++)
		if (slots[i].used && strcmp(slots[i].path, path) == 0)
			return &slots[i];
	return NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Processes
 */
struct process {
	pid_t pid;
	FILE *out;
	int in;
	char library[600];
	unsigned reads, writes, handshakes, connections;
};

/* Where a process has its copy. */
enum place {
	PLACE_PLAIN,
	PLACE_HIDDEN, /* on a file system nobody else sees */
	PLACE_IMAGE, /* in an image it shares, under an overlay of its own */
};

static const char *const prepare[] = {
	[PLACE_PLAIN] = "cp $LIB $DIR/",
	[PLACE_HIDDEN] = "mount -t tmpfs glacis-test $DIR && cp $LIB $DIR/",
	[PLACE_IMAGE] =
		"mount -t tmpfs glacis-test $WORK/top && mkdir $WORK/top/up $WORK/top/work && "
		"mount -t overlay glacis-test $DIR -o lowerdir=$WORK/image,upperdir=$WORK/"
		"top/up,workdir=$WORK/top/work",
};

/* Returns only in the parent, when the process has mapped its copy of libssl. */
static inline void process_start(struct process *process, const char *name, enum place place)
{
	char directory[560], line[64] = "";
	int to[2], back[2];

	memset(process, 0, sizeof(*process));
	snprintf(directory, sizeof(directory), "%s/%s", work, name);
	snprintf(process->library, sizeof(process->library), "%.500s/libssl.so.3", directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(back, O_CLOEXEC), 0);
	process->pid = fork();
	if (process->pid == 0) {
		char copy[2000];

		if (place != PLACE_PLAIN &&
		    (unshare(CLONE_NEWNS) < 0 || mount("", "/", "", MS_REC | MS_PRIVATE, "") < 0))
			_exit(1);
		dup2(to[0], 0);
		dup2(back[1], 1);
		setenv("LIB", copied, 1);
		setenv("WORK", work, 1);
		setenv("DIR", directory, 1);
		setenv("CERT", cert, 1);
		snprintf(copy, sizeof(copy),
			 "%s && export LD_LIBRARY_PATH=$DIR && exec /usr/bin/python3 " PROCESS
			 " $CERT",
			 prepare[place]);
		execl("/bin/sh", "sh", "-c", copy, NULL);
		_exit(1);
	}
	assert_true(process->pid > 0);
	close(to[0]);
	close(back[1]);
	process->in = to[1];
	process->out = fdopen(back[0], "r");
	assert_non_null(fgets(line, sizeof(line), process->out));
	assert_string_equal(line, "loaded\n");
}

static inline void process_go(struct process *process, unsigned n)
{
	unsigned reads, writes, handshakes, connections;
	char line[128];

	snprintf(line, sizeof(line), "go %u\n", n);
	assert_int_equal(write(process->in, line, strlen(line)), strlen(line));
	assert_non_null(fgets(line, sizeof(line), process->out));
	assert_int_equal(sscanf(line, "reads %u writes %u handshakes %u connections %u", &reads,
				&writes, &handshakes, &connections),
			 4);
	process->reads += reads;
	process->writes += writes;
	process->handshakes += handshakes;
	process->connections += connections;
}

static inline void process_end(struct process *process)
{
	int status;

	close(process->in);
	fclose(process->out);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	assert_int_equal(status, 0);
}

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits for what the kernel tells, as the keeper does. How long it took, or -1. */
static inline int await_attached(struct agent *agent, const char *path)
{
	uint64_t begun = now_ms();

	while (now_ms() - begun < WAIT_MS) {
		struct pollfd fd = {.fd = libs_fd(agent->libs), .events = POLLIN};
		const struct library *library = library_at(agent, path);

		if (library && library->attached)
			return (int)(now_ms() - begun);
		poll(&fd, 1, 100);
		libs_poll(agent->libs);
	}
	return -1;
}

static inline void await_gone(struct agent *agent, const char *path)
{
	uint64_t begun = now_ms();

	while (library_at(agent, path) && now_ms() - begun < WAIT_MS) {
		struct pollfd fd = {.fd = libs_fd(agent->libs), .events = POLLIN};

		poll(&fd, 1, 20);
		libs_poll(agent->libs);
	}
	assert_null(library_at(agent, path));
}

static inline void assert_exact(const struct agent *agent, const struct process *process)
{
	assert_int_equal(hits_of(agent, process->pid, LIBS_READ_ENTER), process->reads);
	assert_int_equal(hits_of(agent, process->pid, LIBS_READ_LEAVE), process->reads);
	assert_int_equal(hits_of(agent, process->pid, LIBS_WRITE_ENTER), process->writes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_WRITE_LEAVE), process->writes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_HANDSHAKE_ENTER), process->handshakes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_HANDSHAKE_LEAVE), process->handshakes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_FREE), process->connections);
	/* one of the two ends is a server, which has one certificate */
	assert_int_equal(hits_of(agent, process->pid, LIBS_ENCODED), process->connections / 2);
}

/* ---------------------------------------------------------------------------------------------
 * The machine
 */
static inline void shell(const char *command)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline int setup(void **state)
{
	char command[2000];
	glob_t found;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(work));
	/* a network namespace of our own: its processes are the ones this file starts */
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/glacis-test-libs-%d", getpid());
	assert_int_equal(mkdir(pin_dir, 0700), 0);
	assert_int_equal(glob("/usr/lib/*/libssl.so.3", 0, NULL, &found), 0);
	snprintf(libssl, sizeof(libssl), "%s", found.gl_pathv[0]);
	globfree(&found);
	snprintf(cert, sizeof(cert), "%s/cert", work);
	snprintf(
		command, sizeof(command),
		"exec openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=t -keyout %s/key "
		"-out %s/crt 2>%s/log",
		work, work, work);
	shell(command);
	snprintf(command, sizeof(command), "cat %s/key %s/crt > %s", work, work, cert);
	shell(command);
	snprintf(command, sizeof(command), "mkdir %s/image %s/top && cp %s %s/image/", work, work,
		 libssl, work);
	shell(command);
	f = fopen(cert, "re");
	assert_non_null(f);
	fclose(f);
	return 0;
}

static inline int teardown(void **state)
{
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s", work);
	if (fork() == 0) {
		execl("/bin/rm", "rm", "-rf", path, pin_dir, NULL);
		_exit(1);
	}
	wait(NULL);
	return 0;
}
