/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_libs.c - finding TLS libraries and holding probes on them, with real processes that do TLS
 * (tls_process.py) and programs that count (uprobe.bpf.c). Every process has a copy of libssl of
 * its own: what else runs on this machine is neither seen nor slowed.
 *
 *   test_libs FOLDER    the folder of uprobe.bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

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

#define PIN_DIR  "/sys/fs/bpf/glacis-test-libs"
#define PROCESS  "tests/kernel/tls_process.py"
#define WAIT_MS  60000 /* comes in milliseconds; a busy machine is no failure */
#define GRACE_MS 100

static const char *const program_names[LIBS_GUARD] = {
	"read_enter",      "read_leave", "write_enter",  "write_leave",  "handshake_enter",
	"handshake_leave", "freed",      "encode_enter", "encode_leave", "decode_enter",
};

/* As in uprobe.bpf.c. */
struct hit {
	uint32_t tgid, program;
	uint64_t cookie;
};

static const char *folder;
static char work[] = "/tmp/glacis-test-libs.XXXXXX";
static char libssl[512]; /* of this machine */
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

static void agent_load(struct agent *agent, int hits)
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
		agent->options.programs[i] = i < LIBS_ENCODE_ENTER ? bpf_program__fd(program) : -1;
	}
	agent->options.programs[LIBS_GUARD] = -1;
	agent->options.pin_dir = PIN_DIR;
	agent->options.account_fd = -1;
	agent->options.grace_ms = GRACE_MS;
	assert_int_equal(0, stat("/proc/self/ns/net", &(struct stat){}));
	agent->options.netns = procmaps_netns(getpid());
}

static void agent_start(struct agent *agent, int hits)
{
	agent_load(agent, hits);
	assert_int_equal(libs_new(&agent->options, &agent->libs), 0);
}

/* As a crash ends one: nothing is removed. */
static void agent_end(struct agent *agent)
{
	libs_free(agent->libs);
	bpf_object__close(agent->object);
}

static uint64_t hits_of(const struct agent *agent, pid_t pid, enum libs_program program)
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

static size_t links_pinned(void)
{
	_cleanup_closedir_ DIR *dir = opendir(PIN_DIR "/links");
	const struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += strncmp(entry->d_name, "tls-", 4) == 0;
	return n;
}

static const struct library *library_at(const struct agent *agent, const char *path)
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
static void process_start(struct process *process, const char *name, enum place place)
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
		setenv("LIB", libssl, 1);
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

static void process_go(struct process *process, unsigned n)
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

static void process_end(struct process *process)
{
	int status;

	close(process->in);
	fclose(process->out);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	assert_int_equal(status, 0);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits for what the kernel tells, as the keeper does. How long it took, or -1. */
static int await_attached(struct agent *agent, const char *path)
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

static void await_gone(struct agent *agent, const char *path)
{
	uint64_t begun = now_ms();

	while (library_at(agent, path) && now_ms() - begun < WAIT_MS) {
		struct pollfd fd = {.fd = libs_fd(agent->libs), .events = POLLIN};

		poll(&fd, 1, 20);
		libs_poll(agent->libs);
	}
	assert_null(library_at(agent, path));
}

static void assert_exact(const struct agent *agent, const struct process *process)
{
	assert_int_equal(hits_of(agent, process->pid, LIBS_READ_ENTER), process->reads);
	assert_int_equal(hits_of(agent, process->pid, LIBS_READ_LEAVE), process->reads);
	assert_int_equal(hits_of(agent, process->pid, LIBS_WRITE_ENTER), process->writes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_WRITE_LEAVE), process->writes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_HANDSHAKE_ENTER), process->handshakes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_HANDSHAKE_LEAVE), process->handshakes);
	assert_int_equal(hits_of(agent, process->pid, LIBS_FREE), process->connections);
}

/* ---------------------------------------------------------------------------------------------
 * Tests
 */

/* A process that was there before the agent, and one that comes after it. */
static void test_found_and_counted(void **state)
{
	struct process before, after;
	struct agent agent;
	int took;

	(void)state;
	process_start(&before, "before", PLACE_PLAIN);
	agent_start(&agent, -1);
	assert_non_null(library_at(&agent, before.library));
	assert_true(library_at(&agent, before.library)->attached);
	process_go(&before, 25);
	assert_exact(&agent, &before);

	process_start(&after, "after", PLACE_PLAIN);
	assert_int_equal(libs_counters(agent.libs)->scans, 1);
	took = await_attached(&agent, after.library);
	assert_true(took >= 0);
	assert_int_equal(libs_counters(agent.libs)->scans, 1); /* an event told it */
	process_go(&after, 40);
	assert_exact(&agent, &after);
	assert_exact(&agent, &before); /* one file's probes are not the other's */
	assert_int_equal(links_pinned(), 14);
	assert_int_equal(library_at(&agent, after.library)->users, 1);

	process_end(&after);
	await_gone(&agent, after.library);
	assert_int_equal(links_pinned(), 7);
	assert_non_null(library_at(&agent, before.library));
	process_go(&before, 5);
	assert_exact(&agent, &before);
	process_end(&before);
	await_gone(&agent, before.library);
	assert_int_equal(links_pinned(), 0);
	assert_int_equal(libs_counters(agent.libs)->attached, 2);
	assert_int_equal(libs_counters(agent.libs)->detached, 2);
	assert_int_equal(libs_counters(agent.libs)->failed, 0);
	agent_end(&agent);
}

/* Linux 6.1 has perf event links only: as exact, and they survive as well. */
static void test_perf_links(void **state)
{
	struct process process;
	struct agent first, second;

	(void)state;
	probe_link_pretend_old(true);
	process_start(&process, "perf", PLACE_PLAIN);
	agent_start(&first, -1);
	assert_true(library_at(&first, process.library)->attached);
	assert_int_equal(links_pinned(), 7);
	process_go(&process, 10);
	assert_exact(&first, &process);
	agent_end(&(struct agent){.libs = first.libs});
	process_go(&process, 10);
	assert_exact(&first, &process);
	agent_start(&second, first.hits);
	assert_int_equal(libs_counters(second.libs)->kept, 1);
	process_go(&process, 10);
	assert_exact(&second, &process);
	bpf_object__close(first.object);
	libs_detach(second.libs);
	assert_int_equal(links_pinned(), 0);
	process_go(&process, 10);
	assert_int_equal(hits_of(&second, process.pid, LIBS_WRITE_LEAVE), 30);
	process_end(&process);
	agent_end(&second);
	probe_link_pretend_old(false);
}

/* Where no path of ours leads, and where none leads any more. */
static void test_hidden_files(void **state)
{
	struct process hidden, deleted;
	struct agent agent;

	(void)state;
	process_start(&deleted, "deleted", PLACE_PLAIN);
	assert_int_equal(unlink(deleted.library), 0);
	agent_start(&agent, -1);
	process_start(&hidden, "hidden", PLACE_HIDDEN);
	assert_int_equal(access(hidden.library, F_OK), -1);
	assert_true(await_attached(&agent, hidden.library) >= 0);
	assert_true(library_at(&agent, deleted.library)->attached);
	process_go(&hidden, 10);
	process_go(&deleted, 10);
	assert_exact(&agent, &hidden);
	assert_exact(&agent, &deleted);
	libs_detach(agent.libs);
	assert_int_equal(links_pinned(), 0);
	process_go(&hidden, 10);
	assert_int_equal(hits_of(&agent, hidden.pid, LIBS_READ_ENTER), 10);
	process_end(&hidden);
	process_end(&deleted);
	agent_end(&agent);
}

/* Two containers of one image: one file to the kernel, so one set of probes, and no call twice. */
static void test_shared_image(void **state)
{
	struct process first, second;
	struct agent agent;
	size_t n, used = 0;
	const struct library *slots;

	(void)state;
	process_start(&first, "first", PLACE_IMAGE);
	agent_start(&agent, -1);
	process_start(&second, "second", PLACE_IMAGE);
	assert_true(library_at(&agent, first.library)->attached);
	for (uint64_t begun = now_ms(); now_ms() - begun < WAIT_MS;) {
		if (library_at(&agent, first.library)->users == 2)
			break;
		poll(NULL, 0, 10);
		libs_poll(agent.libs);
	}
	assert_int_equal(library_at(&agent, first.library)->users, 2);
	slots = libs_slots(agent.libs, &n);
	for (size_t i = 0; i < n; i++)
		used += slots[i].used;
	assert_int_equal(used, 1);
	assert_int_equal(links_pinned(), 7);
	process_go(&first, 10);
	process_go(&second, 20);
	assert_exact(&agent, &first);
	assert_exact(&agent, &second);
	process_end(&first);
	process_go(&second, 5); /* the other one still uses it */
	libs_scan(agent.libs);
	assert_exact(&agent, &second);
	process_end(&second);
	libs_detach(agent.libs);
	agent_end(&agent);
}

/* Killed and started again: the same links with the same maps, new ones with new maps. */
static void test_adoption(void **state)
{
	struct process process;
	struct agent first, second, third;

	(void)state;
	process_start(&process, "adopted", PLACE_PLAIN);
	agent_start(&first, -1);
	process_go(&process, 10);
	agent_end(&(struct agent){.libs = first.libs});
	assert_int_equal(links_pinned(), 7);
	process_go(&process, 10); /* with nobody there */
	assert_exact(&first, &process);

	agent_start(&second, first.hits);
	assert_int_equal(libs_counters(second.libs)->kept, 1);
	assert_int_equal(links_pinned(), 7);
	process_go(&process, 10);
	assert_exact(&second, &process);
	bpf_object__close(first.object);
	agent_end(&second);

	/* another map: what is pinned would count where nobody looks */
	agent_start(&third, -1);
	assert_int_equal(libs_counters(third.libs)->kept, 0);
	assert_int_equal(links_pinned(), 7);
	process_go(&process, 7);
	assert_int_equal(hits_of(&third, process.pid, LIBS_READ_ENTER), 7);
	assert_int_equal(hits_of(&third, process.pid, LIBS_WRITE_LEAVE), 7);
	process_end(&process);
	agent_end(&third);
	assert_int_equal(links_pinned(), 7);

	/* and an agent that finds nobody using what the last one held */
	agent_start(&third, -1);
	assert_int_equal(links_pinned(), 0);
	agent_end(&third);
}

/* Processes of other namespaces do not count; their children's children do. */
static void test_namespaces(void **state)
{
	struct process process;
	struct agent agent;

	(void)state;
	process_start(&process, "elsewhere", PLACE_PLAIN);
	agent_load(&agent, -1);
	agent.options.netns = 1;
	assert_int_equal(libs_new(&agent.options, &agent.libs), 0);
	assert_null(library_at(&agent, process.library));
	assert_int_equal(links_pinned(), 0);
	libs_free(agent.libs);
	agent.options.netns = 0;
	assert_int_equal(libs_new(&agent.options, &agent.libs), 0);
	assert_non_null(library_at(&agent, process.library));
	libs_detach(agent.libs);
	process_end(&process);
	agent_end(&agent);
}

static int setup(void **state)
{
	char command[2000];
	glob_t found;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(work));
	/* a network namespace of our own: its processes are the ones this file starts */
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	mkdir(PIN_DIR, 0700);
	assert_int_equal(glob("/usr/lib/*/libssl.so.3", 0, NULL, &found), 0);
	snprintf(libssl, sizeof(libssl), "%s", found.gl_pathv[0]);
	globfree(&found);
	snprintf(cert, sizeof(cert), "%s/cert", work);
	snprintf(
		command, sizeof(command),
		"exec openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=t -keyout %s/key "
		"-out %s/crt 2>%s/log",
		work, work, work);
	if (fork() == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	wait(NULL);
	snprintf(command, sizeof(command), "cat %s/key %s/crt > %s", work, work, cert);
	if (fork() == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	wait(NULL);
	snprintf(command, sizeof(command), "mkdir %s/image %s/top && cp %s %s/image/", work, work,
		 libssl, work);
	if (fork() == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	wait(NULL);
	f = fopen(cert, "re");
	assert_non_null(f);
	fclose(f);
	return 0;
}

static int teardown(void **state)
{
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s", work);
	if (fork() == 0) {
		execl("/bin/rm", "rm", "-rf", path, PIN_DIR "/links", NULL);
		_exit(1);
	}
	wait(NULL);
	rmdir(PIN_DIR);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_and_counted), cmocka_unit_test(test_hidden_files),
		cmocka_unit_test(test_shared_image),      cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_perf_links),        cmocka_unit_test(test_namespaces),
	};

	folder = argc > 1 ? argv[1] : "build/kernel";
	return cmocka_run_group_tests(tests, setup, teardown);
}
