/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_spool.c - a spool keeps what it was given until it was acknowledged, over any end of the
 * process, within its cap; and what it could not keep it counts, exactly once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/courier/spool.h"

#define CAP    SPOOL_BYTES_MIN
#define SOURCE 7

static char root[64];
static int dir_fd;

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/glacis-test-spool-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char command[128];
	pid_t pid = fork();

	(void)state;
	close(dir_fd);
	snprintf(command, sizeof(command), "%s", root);
	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", command, (char *)NULL);
		_exit(1);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int gap_line(uint64_t count, int64_t first_ns, int64_t last_ns,
		    const struct spool_origin *last, char out[512], void *userdata)
{
	(void)userdata;
	(void)last;
	return snprintf(out, 512, "lost %" PRIu64 " %" PRId64 " %" PRId64, count, first_ns,
			last_ns);
}

static struct spool *open_spool(void)
{
	struct spool *spool = NULL;

	assert_int_equal(spool_open(dir_fd, "one", CAP, &spool), 0);
	spool_set_gap(spool, gap_line, NULL);
	return spool;
}

static int append(struct spool *spool, uint64_t number, size_t size)
{
	const struct spool_origin origin = {SOURCE, number, (int64_t)number};
	_cleanup_free_ char *line = calloc(1, size + 32);
	int n = snprintf(line, 32, "record %" PRIu64 " ", number);

	memset(line + n, 'x', size);
	return spool_append(spool, &origin, line, (size_t)n + size);
}

/* Reads everything that is not read; "3 4 5 [lost 2] 8". The last number read. */
static uint64_t read_all(struct spool *spool, char *out, size_t room)
{
	struct spool_batch batch;
	uint64_t last = 0;
	size_t n = 0;

	*out = '\0';
	while (spool_read(spool, 7, 4096, &batch) == 0 && batch.count) {
		char *save = NULL;
		uint64_t lines = 0;

		batch.text[batch.size - 1] = '\0';
		for (char *line = strtok_r(batch.text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			lines++;
			if (strncmp(line, "record ", 7) == 0)
				n += (size_t)snprintf(out + n, room - n, "%lu ",
						      strtoul(line + 7, NULL, 10));
			else
				n += (size_t)snprintf(out + n, room - n, "[%s] ", line);
		}
		assert_int_equal(lines, batch.count);
		last = batch.first + batch.count - 1;
		free(batch.text);
	}
	return last;
}

static void test_order(void **state)
{
	struct spool *spool = open_spool();
	char text[4096];
	uint64_t last;

	(void)state;
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(append(spool, i, 10), 1);
	last = read_all(spool, text, sizeof(text));
	assert_string_equal(text, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 ");
	assert_int_equal(spool_counts(spool).queued, 20);
	spool_ack(spool, 12, 0);
	spool_rewind(spool);
	read_all(spool, text, sizeof(text));
	assert_string_equal(text, "13 14 15 16 17 18 19 20 ");
	spool_ack(spool, last, 3);
	assert_int_equal(spool_counts(spool).queued, 0);
	assert_int_equal(spool_counts(spool).sent, 17);
	assert_int_equal(spool_counts(spool).refused, 3);
	/* what came in is known, also after everything has gone out */
	assert_int_equal(append(spool, 20, 10), 0);
	assert_int_equal(append(spool, 21, 10), 1);
	spool_close(spool);
}

/* Opened again, as after a restart of the courier. */
static void test_again(void **state)
{
	struct spool *spool = open_spool();
	char text[4096];

	(void)state;
	for (uint64_t i = 1; i <= 9; i++)
		append(spool, i, 1000);
	read_all(spool, text, sizeof(text));
	spool_ack(spool, 4, 0);
	spool_close(spool);
	spool = open_spool();
	assert_int_equal(spool_counts(spool).queued, 5);
	assert_int_equal(spool_counts(spool).sent, 4);
	assert_int_equal(append(spool, 9, 1), 0);
	assert_int_equal(append(spool, 10, 1), 1);
	read_all(spool, text, sizeof(text));
	assert_string_equal(text, "5 6 7 8 9 10 ");
	spool_close(spool);
}

static void test_cap(void **state)
{
	struct spool *spool = open_spool();
	uint64_t kept = 0, dropped = 0, last;
	char text[8192], gap[64];

	(void)state;
	for (uint64_t i = 1; i <= 200; i++) {
		if (append(spool, i, 1000) == 1)
			kept++;
		else
			dropped++;
	}
	assert_true(dropped > 100);
	assert_int_equal(spool_counts(spool).dropped, dropped);
	assert_true(spool_counts(spool).queued_bytes <= CAP);
	last = read_all(spool, text, sizeof(text));
	assert_int_equal(last, kept);
	assert_null(strchr(text, '['));
	/* room: the line that tells comes before the next record */
	spool_ack(spool, last, 0);
	assert_int_equal(append(spool, 201, 10), 1);
	read_all(spool, text, sizeof(text));
	snprintf(gap, sizeof(gap), "[lost %" PRIu64 " %" PRIu64 " 200] 201 ", dropped, kept + 1);
	assert_string_equal(text, gap);
	assert_int_equal(spool_counts(spool).dropped, dropped);
	spool_close(spool);
}

/* A gap that nobody was told of is told after a restart too. */
static void test_gap_survives(void **state)
{
	struct spool *spool = open_spool();
	uint64_t dropped, queued;
	char text[8192];

	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		append(spool, i, 1000);
	dropped = spool_counts(spool).dropped;
	assert_true(dropped > 0);
	spool_close(spool);
	spool = open_spool();
	queued = spool_counts(spool).queued;
	assert_int_equal(queued + dropped, 100);
	spool_ack(spool, read_all(spool, text, sizeof(text)), 0);
	read_all(spool, text, sizeof(text));
	assert_non_null(strstr(text, "[lost "));
	assert_int_equal(strtoul(strstr(text, "[lost ") + 6, NULL, 10), dropped);
	spool_close(spool);
}

/* The disk is full: files can grow no further. */
static void test_disk_full(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct rlimit before, small;
	struct spool *spool = open_spool();
	struct spool_counts counts;
	uint64_t kept = 0, told = 0;
	char text[8192];

	(void)state;
	sigaction(SIGXFSZ, &ignore, NULL);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 1500;
	for (uint64_t i = 1; i <= 3; i++)
		append(spool, i, 100);
	spool_flush(spool);
	setrlimit(RLIMIT_FSIZE, &small);
	for (uint64_t i = 4; i <= 40; i++)
		append(spool, i, 100);
	spool_flush(spool);
	counts = spool_counts(spool);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(counts.dropped > 0);
	/* and space again */
	assert_int_equal(append(spool, 41, 100), 1);
	read_all(spool, text, sizeof(text));
	for (char *p = text, *end; *p; p = end + 1) {
		if (*p == '[') {
			told += strtoul(p + 6, NULL, 10);
			end = strchr(p, ']') + 1;
		} else {
			kept += strtoul(p, &end, 10) > 0;
		}
	}
	assert_int_equal(told, counts.dropped);
	assert_int_equal(kept + told, 41);
	spool_close(spool);
}

/* A crash of the host may leave half a line at the end. */
static void test_torn(void **state)
{
	struct spool *spool = open_spool();
	char text[4096];
	int fd;

	(void)state;
	append(spool, 1, 10);
	append(spool, 2, 10);
	spool_close(spool);
	fd = openat(dir_fd, "one/00000000000000000001", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "record 3 xx", 11), 11);
	close(fd);
	spool = open_spool();
	assert_int_equal(append(spool, 3, 10), 1);
	read_all(spool, text, sizeof(text));
	assert_string_equal(text, "1 2 3 ");
	spool_close(spool);
}

/* SIGKILL at varying moments: what was flushed is there, in order, and nothing is there twice. */
static void test_killed(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		int pipe_fds[2];
		uint64_t told = 0, number, expected = 0;
		struct spool *spool;
		char text[65536];
		pid_t pid;

		assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0) {
			spool = open_spool();
			for (uint64_t i = 1; i < 100000; i++) {
				append(spool, (uint64_t)round * 100000 + i, 20);
				spool_flush(spool);
				if (write(pipe_fds[1], &i, sizeof(i)) < 0)
					_exit(0);
			}
			_exit(0);
		}
		close(pipe_fds[1]);
		for (int i = 0; i < 5 + 7 * round && read(pipe_fds[0], &told, sizeof(told)) > 0;
		     i++)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(pipe_fds[0], &number, sizeof(number)) == sizeof(number))
			told = number;
		close(pipe_fds[0]);
		spool = open_spool();
		spool_ack(spool, read_all(spool, text, sizeof(text)), 0);
		for (char *p = text, *end; *p; p = end + 1) {
			expected++;
			assert_int_equal(strtoull(p, &end, 10),
					 (uint64_t)round * 100000 + expected);
		}
		assert_true(expected >= told);
		spool_close(spool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
