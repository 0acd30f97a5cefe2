/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_courier_process.c - the courier as a process: who may connect, what it gave away,
 * what happens when it or the keeper dies. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "tests/unit/courier_bench.h"

/* --- who asks ----------------------------------------------------------------------------------
 */

static json_t *peer_seen(struct keeper *keeper)
{
	size_t last = json_array_size(keeper->requests) - 1;

	return json_object_get(json_array_get(keeper->requests, last), "peer");
}

static void test_members(void **state)
{
	struct keeper *keeper = *state;
	struct client member = {.request = GET("/v2"), .uid = 4711, .member = 1};
	struct client stranger = {.request = GET("/v2"), .uid = 4711};
	struct stat st;

	keeper_start(keeper, NULL);
	assert_int_equal(stat(keeper->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 1);

	exchange(keeper, &member);
	assert_int_equal(status_of(member.response), 404);
	free(member.response);
	assert_int_equal(json_integer_value(json_object_get(peer_seen(keeper), "uid")), 4711);
	assert_true(json_is_true(json_object_get(peer_seen(keeper), "reader")));

	exchange(keeper, &stranger);
	assert_int_equal(stranger.error, -EACCES);
	assert_int_equal(json_array_size(keeper->requests), 1);
}

/* Should somebody open the socket to the world, the keeper still learns who asks. */
static void test_strangers(void **state)
{
	struct keeper *keeper = *state;
	struct client plain = {.request = GET("/v2"), .uid = 4711};
	struct client stream = {.request = GET("/v1/events/stream"), .uid = 4711};

	keeper_start(keeper, NULL);
	assert_int_equal(chmod(keeper->path, 0666), 0);
	exchange(keeper, &plain);
	assert_true(json_is_false(json_object_get(peer_seen(keeper), "reader")));
	free(plain.response);
	exchange(keeper, &stream);
	is_problem(stream.response, 403, "not-a-reader");
	assert_int_equal(courier_followers(keeper->link), 0);
	free(stream.response);
}

static void test_without_group(void **state)
{
	const struct courier_options options = {.group = "no-such-group-here"};
	struct keeper *keeper = *state;
	struct client member = {.request = GET("/v2"), .uid = 4711, .member = 1};
	_cleanup_free_ char *response = NULL;
	struct stat st;

	keeper_start(keeper, &options);
	assert_int_equal(stat(keeper->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	exchange(keeper, &member);
	assert_int_equal(member.error, -EACCES);
	response = ask(keeper, GET("/v2"));
	assert_int_equal(status_of(response), 404);
}

/* Members cannot keep root out: of 40 connections held open 32 stay, and root is served. */
static void test_crowd(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	struct pollfd crowd[40];
	int alive = 0;
	pid_t pid;
	int ends[2];

	keeper_start(keeper, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	if (pid == 0) {
		char word;

		if (become(4711, 1) < 0)
			_exit(2);
		for (size_t i = 0; i < ARRAY_SIZE(crowd); i++)
			if (socket_connect_unix(keeper->path, &crowd[i].fd) < 0)
				_exit(3);
		if (write(ends[1], "c", 1) != 1 || read(ends[1], &word, 1) != 1)
			_exit(4);
		for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
			crowd[i].events = POLLIN;
			alive += poll(&crowd[i], 1, 0) == 0;
		}
		_exit(100 + alive);
	}
	assert_int_equal(read(ends[0], (char[1]){0}, 1), 1);
	response = ask(keeper, GET("/v2")); /* after all of them in the backlog */
	assert_int_equal(status_of(response), 404);
	assert_int_equal(write(ends[0], "g", 1), 1);
	assert_int_equal(waitpid(pid, &alive, 0), pid);
	assert_int_equal(WEXITSTATUS(alive), 100 + 32);
	close(ends[0]);
	close(ends[1]);
}

/* --- the process -------------------------------------------------------------------------------
 */

static char *proc_status(pid_t pid)
{
	char path[64], *text = calloc(1, 8192);
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(text, 1, 8191, f) > 0);
	return text;
}

static unsigned fds_above(pid_t pid, int limit, const char *forbidden)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64], name[400], target[256];
	const struct dirent *entry;
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		ssize_t size;

		if (entry->d_name[0] == '.')
			continue;
		n += strtol(entry->d_name, NULL, 10) > limit;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		size = readlink(name, target, sizeof(target) - 1);
		target[size > 0 ? size : 0] = 0;
		assert_null(strstr(target, forbidden));
	}
	return n;
}

static void test_privileges(void **state)
{
	struct keeper *keeper = *state;
	int leak = open("/etc/hostname", O_RDONLY); /* not close-on-exec */
	_cleanup_free_ char *response = NULL, *status = NULL;
	char path[64], environment[16];
	int fd;

	assert_true(leak >= 0);
	assert_int_equal(setgroups(1, (gid_t[]){1}), 0);
	keeper_start(keeper, NULL);
	response = ask(keeper, GET("/v2")); /* it serves: everything is given away by now */
	status = proc_status(courier_pid(keeper->courier));
	has(status, "Name:\tglacis-courier\n");
	has(status, "Uid:\t65534\t65534\t65534\t65534\n");
	has(status, "Gid:\t65534\t65534\t65534\t65534\n");
	has(status, "Groups:\t \n");
	has(status, "CapPrm:\t0000000000000000\n");
	has(status, "CapEff:\t0000000000000000\n");
	has(status, "NoNewPrivs:\t1\n");
	has(status, "Seccomp:\t2\n"); /* filtered */
	/* the event loop's own, libcurl's, a connection that ends, and nothing of ours */
	assert_true(fds_above(courier_pid(keeper->courier), 5, "hostname") <= 7);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)courier_pid(keeper->courier));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, environment, sizeof(environment)), 0);
	close(fd);
	close(leak);
	assert_int_equal(setgroups(0, NULL), 0);
}

static void test_courier_killed(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	pid_t before;

	keeper_start(keeper, NULL);
	before = courier_pid(keeper->courier);
	assert_int_equal(kill(before, SIGKILL), 0);
	/* waits in the backlog of the socket that stays */
	response = ask(keeper, GET("/v1/echo"));
	assert_int_equal(status_of(response), 201);
	assert_int_not_equal(courier_pid(keeper->courier), before);
	assert_int_equal(kill(before, 0), -1); /* reaped */
}

/* A reply handle of a courier that died is still the handler's to use, and reaches nobody: not even
 * the new courier's request of the same number, which waits just then. */
static void test_reply_after_kill(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *first = NULL, *second = NULL;

	keeper_start(keeper, &(struct courier_options){.reply_timeout_ms = 2000});
	keeper->silent = true;
	first = ask(keeper, GET("/v1/echo"));
	keeper->silent = false;
	keeper->stale = keeper->kept;
	kill(courier_pid(keeper->courier), SIGKILL);
	second = ask(keeper, GET("/v2"));
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(keeper->requests, 1), "id")), 1);
	assert_null(keeper->stale);
	assert_int_equal(status_of(second), 404);
}

#define LAST_ANSWER (4u << 20) /* more than any socket buffer on the way holds */

/* The answer to a detach leaves although everything ends right after it. */
static void answer_and_end(evutil_socket_t fd, short what, void *userdata)
{
	struct keeper *keeper = userdata;
	char *text;

	(void)fd;
	(void)what;
	if (!keeper->kept) {
		event_base_loopcontinue(keeper->base);
		event_base_once(keeper->base, -1, EV_TIMEOUT, answer_and_end, keeper,
				&(struct timeval){.tv_usec = 1000});
		return;
	}
	text = calloc(1, LAST_ANSWER + 1);
	memset(text, 'x', LAST_ANSWER);
	courier_reply(keeper->kept, 202, json_pack("{s:s}", "done", text));
	free(text);
	courier_link_free(TAKE_PTR(keeper->link));
	courier_stop(TAKE_PTR(keeper->courier));
}

static void test_stop_answers(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	struct stat st;

	keeper_start(keeper, NULL);
	keeper->silent = true;
	event_base_once(keeper->base, -1, EV_TIMEOUT, answer_and_end, keeper, NULL);
	response = ask(keeper, GET("/v1/echo"));
	assert_int_equal(status_of(response), 202);
	assert_int_equal(strlen(body_of(response)), LAST_ANSWER + strlen("{\"done\":\"\"}\n"));
	assert_int_equal(stat(keeper->path, &st), -1);
}

static void test_second_agent(void **state)
{
	struct keeper *keeper = *state;
	struct courier_options options = {.run_dir = keeper->dir, .group = "daemon"};
	_cleanup_free_ char *response = NULL;
	struct courier *second = NULL;

	keeper_start(keeper, NULL);
	assert_int_equal(courier_start(&options, &second), -EADDRINUSE);
	assert_null(second);
	response = ask(keeper, GET("/v2")); /* the first is as it was */
	assert_int_equal(status_of(response), 404);
}

static void test_stale_socket(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	int fd;

	assert_int_equal(socket_listen_unix(keeper->path, 0600, SOCKET_NO_GROUP, 1, &fd), 0);
	close(fd);
	keeper_start(keeper, NULL);
	response = ask(keeper, GET("/v2"));
	assert_int_equal(status_of(response), 404);
}

static void test_not_a_socket(void **state)
{
	struct keeper *keeper = *state;
	struct courier_options options = {.run_dir = keeper->dir, .group = "daemon"};
	int fd = open(keeper->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	close(fd);
	assert_int_equal(courier_start(&options, &keeper->courier), -ENOTSOCK);
	assert_int_equal(stat(keeper->path, &st), 0); /* untouched */
}

/* Asks what a courier answers alone. */
static void wait_serving(struct keeper *keeper)
{
	static const char request[] = GET("/v1%2f");
	char answer[16] = "";
	int fd;

	assert_int_equal(socket_connect_unix(keeper->path, &fd), 0);
	assert_int_equal(send_all(fd, request, strlen(request)), 0);
	assert_true(recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 0);
	assert_int_equal(status_of(answer), 400);
	close(fd);
}

/* SIGKILL of the agent takes the courier along, even one that is stuck; the next agent may start
 * before anybody has even waited for the dead one. */
static void test_keeper_killed(void **state)
{
	struct keeper *keeper = *state;
	struct courier_options options = {.run_dir = keeper->dir, .group = "daemon"};
	struct pollfd p = {.events = POLLIN};
	pid_t first, orphan;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	first = fork();
	if (first == 0) {
		struct courier *courier;

		if (courier_start(&options, &courier) < 0)
			_exit(1);
		orphan = courier_pid(courier);
		if (write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &orphan, sizeof(orphan)), sizeof(orphan));
	p.fd = pidfd_open(orphan, 0);
	assert_true(p.fd >= 0);
	wait_serving(keeper);
	assert_int_equal(kill(orphan, SIGSTOP), 0);
	assert_int_equal(kill(first, SIGKILL), 0);
	keeper_start(keeper, NULL);
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(waitpid(first, NULL, 0), first);
	close(p.fd);
	close(ends[0]);
	close(ends[1]);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ROW(test_members),          ROW(test_strangers),
		ROW(test_without_group),    ROW(test_crowd),
		ROW(test_privileges),       ROW(test_courier_killed),
		ROW(test_reply_after_kill), ROW(test_stop_answers),
		ROW(test_second_agent),     ROW(test_stale_socket),
		ROW(test_not_a_socket),     ROW(test_keeper_killed),
	};
	int r = bench_main(argc, argv);

	return r >= 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
