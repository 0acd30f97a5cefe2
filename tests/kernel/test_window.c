/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_window.c - the window table in the kernel (window.bpf.c, BPF_PROG_TEST_RUN): exactly N from
 * two CPUs at once, never more over the edges of sub-windows, and one table with the host. Prints
 * what an admission costs.
 *
 *   test_window FOLDER    the folder of window.bpf.o
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "include/glacis/window.h"
#include "user/base/cleanup.h"

#define S     1000000000ULL
#define LINES (GL_WINDOW_SHARED * 4)
#define LOG   65536

/* As in window.bpf.c. */
struct question {
	struct gl_key key;
	__u64 sub_ns;
	__u64 subject;
	__u32 limit;
	__u32 vary;
	__u64 verdicts[4];
	__u64 admitted;
	__u64 flags;
};

static const char *folder;

struct kernel {
	struct bpf_object *object;
	int questions;
	struct gl_window_line *lines;
	__u64 *stamps;
};

static int program(const struct kernel *k, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(k->object, name));
}

static void *map_memory(const struct kernel *k, const char *name, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_object__find_map_fd_by_name(k->object, name), 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static int setup(void **state)
{
	static struct kernel k;
	char path[512];

	snprintf(path, sizeof(path), "%s/window.bpf.o", folder);
	k.object = bpf_object__open_file(path, NULL);
	assert_non_null(k.object);
	/* Loading is a test of its own: tc, XDP and uprobe.s programs over the same lines. */
	assert_int_equal(bpf_object__load(k.object), 0);
	k.questions = bpf_object__find_map_fd_by_name(k.object, "questions");
	k.lines = map_memory(&k, "windows", LINES * sizeof(*k.lines));
	k.stamps = map_memory(&k, "stamps", LOG * sizeof(*k.stamps));
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	munmap(k->lines, LINES * sizeof(*k->lines));
	munmap(k->stamps, LOG * sizeof(*k->stamps));
	bpf_object__close(k->object);
	return 0;
}

static struct question ask(const struct kernel *k, uint64_t window_ns, uint32_t limit)
{
	static uint64_t subject = 1;
	struct question q = {
		.key = {3, 4},
		.sub_ns = (window_ns + 8) / 9,
		.subject = subject++ << 32,
		.limit = limit,
	};
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(k->questions, &zero, &q, BPF_ANY), 0);
	return q;
}

static struct question answer(const struct kernel *k)
{
	struct question q;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(k->questions, &zero, &q), 0);
	return q;
}

static uint32_t run(int fd, int repeat, uint32_t retval)
{
	uint8_t packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(fd, &options), 0);
	assert_int_equal(options.retval, retval);
	return options.duration; /* ns, of one run */
}

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

/* --------------------------------------------------------------------------------------------
 * Two CPUs
 */
struct caller {
	pthread_t thread;
	int fd, cpu, repeat;
	uint64_t end_ns;
	bool ran;
};

static void *caller_main(void *userdata)
{
	struct caller *caller = userdata;
	uint8_t packet[64] = {};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(caller->cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		return NULL;
	do {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
			    .data_size_in = sizeof(packet), .repeat = caller->repeat);

		if (bpf_prog_test_run_opts(caller->fd, &options) < 0 || options.retval)
			return NULL;
	} while (boot_ns() < caller->end_ns);
	caller->ran = true;
	return NULL;
}

/* The two door kinds at once, each on a CPU of its own where there are two. */
static void two_cpus(const struct kernel *k, int repeat, uint64_t end_ns)
{
	struct caller callers[2] = {
		{.fd = program(k, "window_tc"), .repeat = repeat, .end_ns = end_ns},
		{.fd = program(k, "window_xdp"), .repeat = repeat, .end_ns = end_ns},
	};
	cpu_set_t cpus;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (int i = 0; i < 2; i++) {
		while (!CPU_ISSET(cpu % CPU_SETSIZE, &cpus))
			cpu++;
		callers[i].cpu = cpu++ % CPU_SETSIZE;
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]),
				 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
	assert_true(callers[0].ran && callers[1].ran);
}

static void exactly_n(void **state)
{
	static const uint32_t limits[] = {1, 2, 100, 5000};
	const struct kernel *k = *state;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct question q;

		ask(k, 900 * S, limits[i]);
		two_cpus(k, 20000, 0);
		q = answer(k);
		assert_int_equal(q.admitted, limits[i]);
		assert_int_equal(q.verdicts[WINDOW_ADMITTED], limits[i]);
		assert_int_equal(q.verdicts[WINDOW_ADMITTED] + q.verdicts[WINDOW_OVER] +
					 q.verdicts[WINDOW_BUSY],
				 40000);
	}
}

static int compare_stamps(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* A second cut in nine, one and a half of them: the ceiling over real edges. */
static void never_more_over_edges(void **state)
{
	const struct kernel *k = *state;
	size_t most = 0, n;
	struct question q;

	ask(k, S, 100);
	two_cpus(k, 20000, boot_ns() + 3 * S / 2);
	q = answer(k);
	n = q.admitted;
	assert_in_range(n, 101, 300);
	qsort(k->stamps, n, sizeof(*k->stamps), compare_stamps);
	for (size_t i = 0, j = 0; i < n; i++) {
		while (k->stamps[i] - k->stamps[j] > S)
			j++;
		most = i - j + 1 > most ? i - j + 1 : most;
	}
	assert_int_equal(most, 100);
	print_message("# %zu admitted of %llu, %llu stale, at most %zu in a second\n", n,
		      (unsigned long long)(q.verdicts[0] + q.verdicts[1]),
		      (unsigned long long)q.verdicts[WINDOW_STALE], most);
}

/* Host and kernel count in the same line. */
static void one_table_with_the_host(void **state)
{
	const struct kernel *k = *state;
	struct question q = ask(k, 900 * S, 10);
	struct window_result result;
	struct window_ask host;

	window_ask_init(&host, &q.key, WINDOW_SOURCE, 1, 2, q.sub_ns, q.limit, LINES, 0, q.subject);
	host.table = k->lines;
	for (uint32_t i = 1; i <= 10; i++) {
		if (i % 2) {
			run(program(k, "window_tc"), 1, 0);
		} else {
			assert_int_equal(window_admit(&host, boot_ns(), &result), WINDOW_ADMITTED);
			assert_int_equal(result.sum, i);
		}
		assert_int_equal(window_peek(&host, boot_ns(), NULL), i);
	}
	assert_int_equal(window_admit(&host, boot_ns(), &result), WINDOW_OVER);
	run(program(k, "window_xdp"), 1, 0);
	q = answer(k);
	assert_int_equal(q.verdicts[WINDOW_ADMITTED], 5);
	assert_int_equal(q.verdicts[WINDOW_OVER], 1);
}

static void undone_leaves_no_trace(void **state)
{
	const struct kernel *k = *state;
	struct question q = ask(k, 900 * S, 1);
	struct window_ask host;

	window_ask_init(&host, &q.key, WINDOW_SOURCE, 1, 2, q.sub_ns, q.limit, LINES, 0, q.subject);
	host.table = k->lines;
	run(program(k, "window_undone"), 1000, 0);
	assert_int_equal(window_peek(&host, boot_ns(), NULL), 0);
}

/* --------------------------------------------------------------------------------------------
 * Cost
 */
/* The machine has other things to do: the fastest of several runs is the program's own cost. */
static uint32_t cost(const struct kernel *k, const char *name)
{
	uint32_t best = UINT32_MAX;

	for (int i = 0; i < 10; i++) {
		uint32_t ns = run(program(k, name), 20000, 0);

		best = ns < best ? ns : best;
	}
	return best;
}

static void costs(void **state)
{
	const struct kernel *k = *state;
	uint32_t nothing, claim, zero = 0;
	struct question q;

	ask(k, 900 * S, UINT32_MAX);
	nothing = cost(k, "window_nothing");
	print_message("# around it (name, clock, counters): %u ns\n", nothing);
	print_message("# admitted: %d ns\n", (int)(cost(k, "window_tc") - nothing));
	print_message("# admitted and given back: %d ns\n",
		      (int)(cost(k, "window_undone") - nothing));
	ask(k, 900 * S, 0);
	print_message("# over: %d ns\n", (int)(cost(k, "window_tc") - nothing));
	assert_int_equal(answer(k).verdicts[WINDOW_OVER], 200000);

	memset(k->lines, 0, LINES * sizeof(*k->lines));
	q = ask(k, 900 * S, 100);
	q.vary = 1;
	assert_int_equal(bpf_map_update_elem(k->questions, &zero, &q, BPF_ANY), 0);
	claim = run(program(k, "window_tc"), 1000, 0);
	print_message("# a new subject: %d ns\n", (int)(claim - nothing));
	run(program(k, "window_tc"), 20000, 0); /* full now */
	print_message("# a new subject, table full: %d ns\n",
		      (int)(run(program(k, "window_tc"), 20000, 0) - nothing));
	print_message("# proven, noted: %u ns", cost(k, "proven_mark_tc"));
	print_message("; asked: %u ns, with the program around it\n", cost(k, "proven_is_tc"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_n),
		cmocka_unit_test(never_more_over_edges),
		cmocka_unit_test(one_table_with_the_host),
		cmocka_unit_test(undone_leaves_no_trace),
		cmocka_unit_test(costs),
	};

	folder = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, setup, teardown);
}
