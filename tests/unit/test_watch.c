/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_watch.c - towards thresholds: who is counted where, when a threshold is crossed, bounds. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/glacis/watch.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

#define S 1000000000ull

static const struct gl_key key = {1, 2};
static const struct gl_watch_rule five = {
	.sub_ns = (60 * S + 8) / 9, .window_s = 60, .at_least = {5, 5, 50}};
static struct gl_watch *table;

static int setup(void **state)
{
	(void)state;
	table = calloc(GL_WATCH_LINES, sizeof(*table));
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static struct watch_ask of_source(unsigned address)
{
	struct watch_ask ask = {.table = table, .service = 3, .op = 7, .cls = 2, .status = 401};

	ask.source.w[2] = __builtin_bswap32(0xffff);
	ask.source.w[3] = __builtin_bswap32(0xc0000200 + address);
	return ask;
}

static int event(struct watch_ask *ask, enum gl_watch_by by, uint64_t now_ns)
{
	ask->by = by;
	ask->evicted = 0;
	return watch_name(ask, &five, &key) ? watch_once(ask, now_ns) : -1;
}

static void test_rules(void **state)
{
	(void)state;
	assert_int_equal(watch_rule_of(401), GL_WATCH_AUTH);
	assert_int_equal(watch_rule_of(403), GL_WATCH_FORBIDDEN);
	assert_int_equal(watch_rule_of(500), GL_WATCH_ERROR);
	assert_int_equal(watch_rule_of(599), GL_WATCH_ERROR);
	for (__u16 status = 100; status < 500; status++)
		if (status != 401 && status != 403)
			assert_int_equal(watch_rule_of(status), GL_WATCH_MAX);
}

static void test_fifth_crosses(void **state)
{
	struct watch_ask ask = of_source(1);
	struct gl_watch w;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, (100 + i) * S), WATCH_COUNTED);
	assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, 104 * S), WATCH_CROSSED);
	assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, 105 * S), WATCH_COUNTED);
	assert_true(watch_read(&table[ask.index], &w));
	assert_int_equal(w.total, 6);
	assert_int_equal(w.first_ns, 100 * S);
	assert_int_equal(w.last_ns, 105 * S);
	assert_int_equal(w.crossed_ns, 104 * S);
	assert_int_equal(w.service, 3);
	assert_int_equal(w.op, 7);
	assert_int_equal(w.status, 401);
	assert_memory_equal(&w.source, &ask.source, sizeof(w.source));
}

/* Four a minute, for an hour: never a crossing. The window may be W / 9 longer, not more. */
static void test_below_never_crosses(void **state)
{
	struct watch_ask ask = of_source(1);

	(void)state;
	for (unsigned i = 0; i < 240; i++)
		assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, 100 * S + i * 17 * S),
				 WATCH_COUNTED);
}

static void test_quiet_begins_anew(void **state)
{
	struct watch_ask ask = of_source(1);
	struct gl_watch w;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		event(&ask, GL_WATCH_BY_SOURCE, 100 * S);
	/* also after so long that the slots' numbers come round (4096 sub-windows) */
	for (unsigned long long at = 200; at < 60000; at = at * 3 + 1) {
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, at * S), WATCH_COUNTED);
		watch_read(&table[ask.index], &w);
		assert_int_equal(w.total, 4);
		assert_int_equal(w.crossed_ns, 0);
		assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, at * S), WATCH_CROSSED);
	}
}

static void test_apart(void **state)
{
	struct watch_ask a = of_source(1), b = of_source(2), none = of_source(3);

	(void)state;
	a.principal = b.principal = 77;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(event(&a, GL_WATCH_BY_SOURCE, 100 * S), WATCH_COUNTED);
		assert_int_equal(event(&b, GL_WATCH_BY_SOURCE, 100 * S), WATCH_COUNTED);
		assert_int_equal(event(&a, GL_WATCH_BY_PRINCIPAL, 100 * S), WATCH_COUNTED);
		assert_int_equal(event(&b, GL_WATCH_BY_PRINCIPAL, 100 * S), WATCH_COUNTED);
	}
	assert_int_equal(event(&b, GL_WATCH_BY_PRINCIPAL, 100 * S), WATCH_CROSSED);
	assert_int_equal(event(&b, GL_WATCH_BY_SOURCE, 100 * S), WATCH_COUNTED);
	assert_int_equal(event(&none, GL_WATCH_BY_PRINCIPAL, 100 * S), -1);
	b.service = 4; /* another service */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(event(&b, GL_WATCH_BY_SOURCE, 100 * S), WATCH_COUNTED);
	b.rule = GL_WATCH_FORBIDDEN; /* another rule */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(event(&b, GL_WATCH_BY_SOURCE, 100 * S), WATCH_COUNTED);
}

/* A /64 is one source; what is told is the /64. */
static void test_ipv6(void **state)
{
	struct watch_ask ask = {.table = table};
	struct gl_watch w;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		ask.source.w[0] = __builtin_bswap32(0x20010db8);
		ask.source.w[3] = i;
		assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, 100 * S),
				 i == 4 ? WATCH_CROSSED : WATCH_COUNTED);
	}
	watch_read(&table[ask.index], &w);
	assert_int_equal(w.source.q[1], 0);
}

/* Sets overflow by the oldest; the newest always has a line. */
static void test_full(void **state)
{
	unsigned evicted = 0, lost = 0;

	(void)state;
	for (unsigned i = 0; i < 4 * GL_WATCH_LINES; i++) {
		struct watch_ask ask = of_source(i);

		lost += event(&ask, GL_WATCH_BY_SOURCE, 100 * S + i * 1000) != WATCH_COUNTED;
		evicted += ask.evicted;
		assert_int_equal(event(&ask, GL_WATCH_BY_SOURCE, 100 * S + i * 1000),
				 WATCH_COUNTED);
		lost += table[ask.index].total != 2;
	}
	assert_int_equal(lost, 0);
	assert_in_range(evicted, 3 * GL_WATCH_LINES, 4 * GL_WATCH_LINES);
}

#define THREADS 4
#define EVENTS  20000

struct worker {
	unsigned crossed, counted, lost;
};

static void *work(void *userdata)
{
	struct worker *worker = userdata;

	for (unsigned i = 0; i < EVENTS; i++) {
		struct watch_ask ask = of_source(i % 7);
		int outcome;

		ask.by = GL_WATCH_BY_SOURCE;
		watch_name(&ask, &five, &key);
		do
			outcome = watch_once(&ask, 100 * S);
		while (outcome == WATCH_STALE);
		worker->crossed += outcome == WATCH_CROSSED;
		worker->lost += outcome == WATCH_LOST;
		worker->counted += outcome != WATCH_LOST;
	}
	return NULL;
}

/* Exactly one crossing for each of seven sources, and every event counted or told lost. */
static void test_threads(void **state)
{
	struct worker workers[THREADS] = {};
	pthread_t threads[THREADS];
	unsigned crossed = 0, counted = 0, lost = 0;
	uint64_t total = 0;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		crossed += workers[i].crossed;
		counted += workers[i].counted;
		lost += workers[i].lost;
	}
	for (unsigned i = 0; i < GL_WATCH_LINES; i++)
		total += table[i].total;
	assert_int_equal(crossed, 7);
	assert_int_equal(total, counted);
	assert_int_equal(counted + lost, THREADS * EVENTS);
}

/* Thresholds of a policy: whom each counts for; what is not there does not count. */
static void test_policy(void **state)
{
	static const char text[] =
		"apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: test}\n"
		"spec:\n"
		"  services: [{name: a, ports: [80], defaultClass: c}]\n"
		"  classes: {c: {limit: 1/1m}}\n"
		"  alerts:\n"
		"    authFailures: {atLeast: 5, per: 1m}\n"
		"    serverErrors: {atLeast: 2, per: 10s}\n"
		"    limitExceeded: {atLeast: 3, per: 9s, perOperation: 7}\n";
	static const struct compile_keys keys = {{1, 2}, {3, 4}};
	static struct gl_policy image;
	struct policy *policy = NULL;
	struct problems problems;
	struct intern *intern;

	(void)state;
	assert_int_equal(problems_init(&problems, "test.yaml"), 0);
	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(policy_read(text, sizeof(text) - 1, "test.yaml", &problems, &policy), 0);
	assert_int_equal(policy_compile(policy, &keys, 7, intern, &problems, &image), 0);
	assert_int_equal(problems.n, 0);
	assert_int_equal(image.watch[GL_WATCH_AUTH].window_s, 60);
	assert_int_equal(image.watch[GL_WATCH_AUTH].sub_ns, (60000000000 + 8) / 9);
	assert_int_equal(image.watch[GL_WATCH_AUTH].at_least[GL_WATCH_BY_SOURCE], 5);
	assert_int_equal(image.watch[GL_WATCH_AUTH].at_least[GL_WATCH_BY_PRINCIPAL], 5);
	assert_int_equal(image.watch[GL_WATCH_AUTH].at_least[GL_WATCH_BY_OPERATION], 50);
	for (unsigned by = 0; by < GL_WATCH_BY_MAX; by++) {
		assert_int_equal(image.watch[GL_WATCH_FORBIDDEN].at_least[by], 0);
		assert_int_equal(image.watch[GL_WATCH_ERROR].at_least[by],
				 by == GL_WATCH_BY_OPERATION ? 2 : 0);
		assert_int_equal(image.watch[GL_WATCH_LIMIT].at_least[by],
				 by == GL_WATCH_BY_SOURCE ? 3 : 0);
	}
	assert_int_equal(image.watch[GL_WATCH_FORBIDDEN].sub_ns, 0);
	assert_int_equal(image.watch[GL_WATCH_LIMIT].sub_ns, 1000000000);
	policy_free(policy);
	intern_free(intern);
	problems_clear(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_policy),
		cmocka_unit_test_setup_teardown(test_fifth_crosses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_below_never_crosses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiet_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
