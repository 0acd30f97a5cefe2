/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_window_threads.c - the ceiling of I3 under threads that lose time between reading the clock
 * and reserving, and anywhere else. In no window of length W may there be more than N admissions;
 * a naive ring of sub-windows, the control, must be caught with more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void lose_time(void);
#define WINDOW_TEST_DELAY() lose_time()
#include "include/glacis/window.h"
#include "user/base/cleanup.h"

#define S        1000000000ULL
#define THREADS  4
#define SUBJECTS 12
#define ONE_SET  (GL_WINDOW_SHARED + GL_WINDOW_WAYS)

static const struct gl_key key = {0x1111, 0x2222};
static struct gl_window_line table[ONE_SET] __attribute__((aligned(64)));

static __thread uint64_t chance;

static uint32_t rnd(uint32_t below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance * 0x2545f4914f6cdd1dULL >> 33) % below;
}

/* Mostly nothing, now and then a little, or the rest of the time slice, or a nap. */
static void lose_time(void)
{
	uint32_t what = rnd(2000);

	if (what < 60)
		for (volatile uint32_t i = rnd(400); i > 0; i--)
			;
	else if (what < 70)
		sched_yield();
	else if (what == 70)
		usleep(50); /* sleep: losing time is what is tested */
}

/* A clock all threads share. Fake: it moves only as they read it. Real: four times as fast. */
static uint64_t fake_ns, real_start_ns;
static bool real_clock;

static uint64_t clock_read(void)
{
	struct timespec t;
	uint32_t step;

	if (real_clock) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		return 1000 * S +
		       ((uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec - real_start_ns) * 4;
	}
	step = rnd(64) ? 0 : rnd(4000000);
	return __atomic_add_fetch(&fake_ns, step, __ATOMIC_SEQ_CST);
}

/* --------------------------------------------------------------------------------------------
 * The control: slots of epoch and count, reserved by compare-and-swap, no `last`
 */
static uint32_t naive_ring[WINDOW_BACK + 1];

static bool naive_admit(uint64_t now_ns, uint64_t sub_ns, uint32_t limit)
{
	uint32_t epoch = (uint32_t)(now_ns / sub_ns), sum = 0, old, next;
	uint32_t *own = &naive_ring[epoch % (WINDOW_BACK + 1)];

	lose_time();
	do {
		old = __atomic_load_n(own, __ATOMIC_SEQ_CST);
		if (window_age(epoch, old) > WINDOW_EPOCH_MASK / 2)
			return false;
		next = window_age(epoch, old) ? (epoch & WINDOW_EPOCH_MASK) << 20 | 1 : old + 1;
	} while (!__sync_bool_compare_and_swap(own, old, next));
	lose_time();
	for (uint32_t i = 0; i <= WINDOW_BACK; i++) {
		uint32_t slot = __atomic_load_n(&naive_ring[i], __ATOMIC_SEQ_CST);

		/* Newer ones too, as far as the ring can tell. */
		if (window_age(epoch, slot) <= WINDOW_BACK ||
		    window_age(epoch, slot) > WINDOW_EPOCH_MASK / 2)
			sum += window_count(slot);
	}
	if (sum <= limit)
		return true;
	window_take_off(own, epoch);
	return false;
}

/* --------------------------------------------------------------------------------------------
 * Runs
 */
struct run {
	uint64_t window_ns, end_ns;
	uint32_t limit, lines, subjects, seed;
	bool naive;
};

struct admission {
	uint64_t at_ns;
	uint32_t subject;
};

struct worker {
	const struct run *run;
	pthread_t thread;
	uint32_t number;
	struct admission *admitted;
	size_t n, room;
	uint64_t verdicts[4];
};

static void worker_note(struct worker *worker, uint64_t now_ns, uint32_t subject)
{
	if (worker->n == worker->room) {
		worker->room = worker->room * 2 + 1024;
		worker->admitted =
			realloc(worker->admitted, worker->room * sizeof(*worker->admitted));
		if (!worker->admitted)
			abort();
	}
	worker->admitted[worker->n++] = (struct admission){.at_ns = now_ns, .subject = subject};
}

/* As a door does: a stale reading is taken again. */
static enum window_verdict ask_again(struct worker *worker, struct window_ask *ask,
				     uint64_t *now_ns)
{
	enum window_verdict verdict = WINDOW_STALE;
	struct window_result result;

	for (int i = 0; i < WINDOW_CLOCK_TRIES && verdict == WINDOW_STALE; i++) {
		*now_ns = clock_read();
		lose_time();
		verdict = window_admit(ask, *now_ns, &result);
		worker->verdicts[verdict]++;
	}
	return verdict;
}

static void *worker_main(void *userdata)
{
	struct worker *worker = userdata;
	const struct run *run = worker->run;
	uint64_t now_ns = 0;

	chance = ((uint64_t)run->seed * THREADS + worker->number + 1) * 0x9e3779b97f4a7c15ULL;
	while (now_ns < run->end_ns) {
		uint32_t subject = rnd(run->subjects);
		struct window_ask ask;
		enum window_verdict verdict;

		window_ask_init(&ask, &key, WINDOW_SOURCE, 1, 2, (run->window_ns + 8) / 9,
				run->limit, run->lines, 0, subject);
		ask.table = table;
		if (run->naive) {
			now_ns = clock_read();
			verdict = naive_admit(now_ns, ask.sub_ns, run->limit) ? WINDOW_ADMITTED
									      : WINDOW_OVER;
		} else {
			verdict = ask_again(worker, &ask, &now_ns);
		}
		if (verdict == WINDOW_ADMITTED)
			worker_note(worker, now_ns, subject);
	}
	return NULL;
}

static int compare_admissions(const void *a, const void *b)
{
	const struct admission *x = a, *y = b;

	if (x->subject != y->subject)
		return x->subject < y->subject ? -1 : 1;
	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* Most admissions of one subject in any closed window of length W. */
static size_t most_of(struct admission *all, size_t n, uint64_t window_ns)
{
	size_t most = 0;

	qsort(all, n, sizeof(*all), compare_admissions);
	for (size_t i = 0, j = 0; i < n; i++) {
		while (all[j].subject != all[i].subject || all[i].at_ns - all[j].at_ns > window_ns)
			j++;
		if (i - j + 1 > most)
			most = i - j + 1;
	}
	return most;
}

/* Runs the threads; returns the most admissions of anybody in any W. */
static size_t run_threads(const struct run *run, size_t *ret_admitted, uint64_t ret_verdicts[4])
{
	struct worker workers[THREADS] = {0};
	_cleanup_free_ struct admission *all = NULL;
	size_t n = 0;

	memset(table, 0, sizeof(table));
	memset(naive_ring, 0, sizeof(naive_ring));
	fake_ns = 1000 * S;
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i].run = run;
		workers[i].number = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]),
				 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		n += workers[i].n;
	}
	all = malloc((n ?: 1) * sizeof(*all));
	assert_non_null(all);
	*ret_admitted = n;
	n = 0;
	for (uint32_t i = 0; i < THREADS; i++) {
		if (workers[i].n)
			memcpy(all + n, workers[i].admitted, workers[i].n * sizeof(*all));
		n += workers[i].n;
		free(workers[i].admitted);
		for (int v = 0; v < 4; v++)
			ret_verdicts[v] += workers[i].verdicts[v];
	}
	return most_of(all, n, run->window_ns);
}

/* One subject, fake clock: many windows, many meetings. */
static void one_subject(void **state)
{
	uint64_t verdicts[4] = {0};

	(void)state;
	for (uint32_t seed = 0; seed < 10; seed++) {
		struct run run = {
			.window_ns = S,
			.end_ns = 1000 * S + 12 * S,
			.limit = seed % 2 ? 100 : 5,
			.lines = ONE_SET,
			.subjects = 1,
			.seed = seed,
		};
		size_t admitted;

		assert_true(run_threads(&run, &admitted, verdicts) <= run.limit);
		/* 12 W are 10.8 times ten sub-windows, less what racing callers refuse each other.
		 */
		assert_in_range(admitted, 10 * run.limit / 2, 12 * run.limit);
	}
	print_message("admitted %llu, over %llu, stale %llu, busy %llu\n",
		      (unsigned long long)verdicts[0], (unsigned long long)verdicts[1],
		      (unsigned long long)verdicts[2], (unsigned long long)verdicts[3]);
	assert_true(verdicts[WINDOW_STALE] > 0); /* they did meet */
}

/* The same load on the naive ring: if it is never caught, this test could not fail either. */
static void the_control_is_caught(void **state)
{
	size_t admitted, runs = 0;
	uint64_t verdicts[4] = {0};

	(void)state;
	for (uint32_t seed = 0; seed < 100 && !runs; seed++) {
		struct run run = {
			.window_ns = S,
			.end_ns = 1000 * S + 12 * S,
			.limit = seed % 2 ? 100 : 5,
			.lines = ONE_SET,
			.subjects = 1,
			.seed = seed,
			.naive = true,
		};
		size_t most = run_threads(&run, &admitted, verdicts);

		if (most > run.limit) {
			print_message("control: %zu where %u were allowed, run %u\n", most,
				      run.limit, seed + 1);
			runs++;
		}
	}
	assert_int_equal(runs, 1);
}

/* Twelve subjects on four lines: claims, evictions and parents under threads, on a real clock. */
static void a_crowd_in_one_set(void **state)
{
	struct run run = {
		.window_ns = S,
		.end_ns = 1000 * S + 5 * S,
		.limit = 3,
		.lines = ONE_SET,
		.subjects = SUBJECTS,
		.seed = 77,
	};
	uint64_t verdicts[4] = {0};
	struct timespec t;
	size_t admitted;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &t);
	real_start_ns = (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
	real_clock = true;
	assert_true(run_threads(&run, &admitted, verdicts) <= run.limit);
	real_clock = false;
	assert_in_range(admitted, 4 * 3 * 3, 6 * 3 * SUBJECTS);
	print_message("admitted %llu, over %llu, stale %llu, busy %llu\n",
		      (unsigned long long)verdicts[0], (unsigned long long)verdicts[1],
		      (unsigned long long)verdicts[2], (unsigned long long)verdicts[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_subject),
		cmocka_unit_test(the_control_is_caught),
		cmocka_unit_test(a_crowd_in_one_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
