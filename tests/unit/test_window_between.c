/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_window_between.c - other callers come in between, at every place they can: before every look
 * at a line and between any two steps. Subject 0 is the one that is interrupted. Nobody may get
 * more than N in any window.
 */
#include "tests/unit/window_fixture.h"

#define SUBJECTS     12
#define CROWD_LIMIT  2
#define CROWD_WINDOW (9 * S)

static struct crowd {
	struct random random;
	uint32_t lines;
	uint64_t now_ns; /* of those who come between */
	uint64_t slack_ns; /* how long ago they may have read it */
	struct history admitted[SUBJECTS];
	uint32_t shared, evicted, stale, busy;
} crowd;

static void crowd_ask(uint32_t subject, uint64_t now_ns)
{
	struct window_ask ask = ask_in(crowd.lines, subject, CROWD_WINDOW, CROWD_LIMIT);
	struct window_result result;

	switch (window_admit(&ask, now_ns, &result)) {
	case WINDOW_ADMITTED:
		history_add(&crowd.admitted[subject], now_ns);
		crowd.shared += result.flags & WINDOW_SHARED ? 1 : 0;
		crowd.evicted += result.flags & WINDOW_EVICTED ? 1 : 0;
		break;
	case WINDOW_STALE:
		crowd.stale++;
		break;
	case WINDOW_BUSY:
		crowd.busy++;
		break;
	case WINDOW_OVER:
		break;
	}
}

static void the_crowd_asks(void)
{
	uint64_t n = 1 + rnd(&crowd.random, 8);

	for (uint64_t i = 0; i < n; i++) {
		uint32_t subject =
			rnd(&crowd.random, 2) ? 0 : (uint32_t)rnd(&crowd.random, SUBJECTS);
		uint64_t slow_ns = rnd(&crowd.random, 3) ? 0 : rnd(&crowd.random, crowd.slack_ns);

		crowd_ask(subject, crowd.now_ns - slow_ns);
		crowd.now_ns += rnd(&crowd.random, 3);
	}
}

static void only_subject_0_asks(void)
{
	for (int i = 0; i < 4; i++)
		crowd_ask(0, crowd.now_ns);
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void nobody_had_too_much(void)
{
	for (uint32_t i = 0; i < SUBJECTS; i++) {
		struct history *history = &crowd.admitted[i];

		if (history->n)
			qsort(history->at_ns, history->n, sizeof(uint64_t), compare_times);
		assert_true(history_most(history, CROWD_WINDOW) <= CROWD_LIMIT);
	}
}

/* Subject 0 reads the clock, and is interrupted at the n-th place by those whose clocks are later.
 */
static bool interrupted(unsigned n, uint64_t later_ns, void (*by)(void))
{
	uint64_t now_ns = crowd.now_ns;
	bool happened;

	crowd.now_ns += later_ns;
	between = by;
	delays_left = n;
	crowd_ask(0, now_ns);
	happened = delays_left == 0;
	delays_left = 0;
	return happened;
}

static void crowd_begin(uint32_t lines, uint64_t seed)
{
	setup(NULL);
	for (uint32_t i = 0; i < SUBJECTS; i++)
		crowd.admitted[i].n = 0;
	crowd.random.s = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	crowd.lines = lines;
	crowd.now_ns = 100 * S;
}

static void crowd_end(void)
{
	for (uint32_t i = 0; i < SUBJECTS; i++) {
		free(crowd.admitted[i].at_ns);
		crowd.admitted[i] = (struct history){0};
	}
}

/* With a line of its own it may sleep any time, and nothing of it is left behind. */
static void asleep_in_the_middle(void **state)
{
	static const uint64_t sleeps_s[] = {0, 1, 2, 3, 9, 10, 11, 12, 13, 24, 4096, 12288};
	unsigned happened = 0;

	(void)state;
	for (unsigned filled = 0; filled < 5; filled++) {
		for (unsigned n = 1; n <= 40; n++) {
			for (size_t i = 0; i < ARRAY_SIZE(sleeps_s); i++) {
				struct window_ask ask = ask_of(0, CROWD_WINDOW, CROWD_LIMIT);
				uint32_t held, given;

				crowd_begin(LINES, 1);
				for (unsigned k = 0; k < filled % 4; k++, crowd.now_ns += 5 * S)
					crowd_ask(0, crowd.now_ns);
				if (filled == 4) /* this very second */
					crowd_ask(0, crowd.now_ns);
				happened += interrupted(n, sleeps_s[i] * S, only_subject_0_asks);
				held = window_peek(&ask, crowd.now_ns, NULL);
				given = history_sum(&crowd.admitted[0], crowd.now_ns, ask.sub_ns);
				/* Past the wrap of the epochs, one too many for W at worst. */
				if (sleeps_s[i] < 4096)
					assert_int_equal(held, given);
				else
					assert_in_range(held, given, given + 1);
				crowd.now_ns += S;
				only_subject_0_asks();
				nobody_had_too_much();
			}
		}
	}
	print_message("%u times somebody came between\n", happened);
	assert_in_range(happened, 400, 1920);
	crowd_end();
}

/* Twelve subjects, four lines, lines that expire just then; nobody slower than the grace. */
static void a_crowd_in_one_set(void **state)
{
	unsigned happened = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 6000; seed++) {
		crowd_begin(ONE_SET, seed);
		crowd.slack_ns = WINDOW_GRACE_S * S / 2;
		for (int i = 0; i < 16; i++) {
			the_crowd_asks();
			crowd.now_ns += rnd(&crowd.random, 3) ? rnd(&crowd.random, S)
							      : rnd(&crowd.random, 14 * S);
			if (!rnd(&crowd.random, 4)) /* to the edge, where lines expire */
				crowd.now_ns -= crowd.now_ns % S + rnd(&crowd.random, 3);
			happened +=
				interrupted(1 + (unsigned)rnd(&crowd.random, 50),
					    rnd(&crowd.random, WINDOW_GRACE_S * S), the_crowd_asks);
		}
		nobody_had_too_much();
	}
	print_message("%u times between; %u shared, %u evicted, %u stale, %u busy\n", happened,
		      crowd.shared, crowd.evicted, crowd.stale, crowd.busy);
	assert_true(happened > 5000 && crowd.shared > 10000 && crowd.evicted > 1000);
	assert_true(crowd.stale > 100 && crowd.busy > 10);
	crowd_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(asleep_in_the_middle, setup),
		cmocka_unit_test_setup(a_crowd_in_one_set, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
