/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_alert.c - one alert a case: counted, cooled down, bounded, told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/respond/alert.h"

#define S 1000000000ll

static struct alerts *alerts;
static unsigned told_new, told_again;
static struct alert told;

static void on_alert(const struct alert *alert, bool is_new, void *userdata)
{
	assert_ptr_equal(userdata, &told);
	told = *alert;
	if (is_new)
		told_new++;
	else
		told_again++;
}

static int setup(void **state)
{
	(void)state;
	told_new = told_again = 0;
	if (alerts_new(&alerts) < 0)
		return -1;
	return alerts_subscribe(alerts, on_alert, &told);
}

static int teardown(void **state)
{
	(void)state;
	alerts_free(alerts);
	return 0;
}

static struct alert_report about(const char *subject, int64_t at_ns)
{
	return (struct alert_report){.kind = ALERT_AUTH_FAILURES,
				     .severity = -1,
				     .service = "shop",
				     .subject = subject,
				     .threshold = 5,
				     .window_s = 60,
				     .count = 1,
				     .last_ns = at_ns};
}

static int raise_at(const char *subject, int64_t at_ns)
{
	struct alert_report r = about(subject, at_ns);

	return alerts_raise(alerts, &r, at_ns + 1, NULL);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < ALERT_KIND_MAX; i++) {
		assert_int_equal(alert_kind_find(alert_kind_name((unsigned)i)), i);
		assert_true(alert_kind_severity((unsigned)i) < ALERT_SEVERITY_MAX);
	}
	for (int i = 0; i < ALERT_SEVERITY_MAX; i++)
		assert_int_equal(alert_severity_find(alert_severity_name((unsigned)i)), i);
	for (int i = 0; i < ALERT_STATE_MAX; i++)
		assert_int_equal(alert_state_find(alert_state_name((unsigned)i)), i);
	for (unsigned i = 0; i < ALERT_PATTERN_MAX; i++)
		assert_string_not_equal(alert_pattern_name(i), "unknown");
	assert_string_equal(alert_kind_name(ALERT_KIND_MAX), "unknown");
	assert_string_equal(alert_kind_control(ALERT_AUTH_FAILURES), "ALR-01");
	assert_int_equal(alert_kind_find("nothing"), -ENOENT);
}

static void test_one_case(void **state)
{
	const struct alert *a;

	(void)state;
	assert_int_equal(raise_at("source 192.0.2.1", 10 * S), 1);
	assert_int_equal(raise_at("source 192.0.2.1", 20 * S), 0);
	assert_int_equal(raise_at("source 192.0.2.2", 20 * S), 1);
	assert_int_equal(alerts_count(alerts), 2);
	a = alerts_get(alerts, 1);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->first_ns, 10 * S);
	assert_int_equal(a->last_ns, 20 * S);
	assert_int_equal(a->crossed_ns, 10 * S);
	assert_int_equal(a->raised_ns, 10 * S + 1);
	assert_string_equal(a->control, "ALR-01");
	assert_int_equal(a->severity, ALERT_MEDIUM);
	assert_int_equal(told_new, 2);
	assert_int_equal(told_again, 1);
	assert_null(alerts_get(alerts, 3));
}

static void test_quiet_begins_anew(void **state)
{
	struct alert_report r = about("x", 0);

	(void)state;
	alerts_set_cool_down(alerts, 60);
	assert_int_equal(raise_at("x", 10 * S), 1);
	assert_int_equal(raise_at("x", 70 * S), 0); /* exactly the cool-down */
	assert_non_null(alerts_current(alerts, &r, 130 * S));
	assert_null(alerts_current(alerts, &r, 130 * S + 1));
	assert_int_equal(raise_at("x", 130 * S + 1), 1);
	assert_int_equal(alerts_get(alerts, 1)->count, 2);
	assert_int_equal(alerts_get(alerts, 2)->count, 1);
	assert_int_equal(raise_at("x", 131 * S), 0);
	assert_int_equal(alerts_get(alerts, 2)->count, 2);
}

static void test_closed_is_quiet_for_the_cool_down(void **state)
{
	(void)state;
	alerts_set_cool_down(alerts, 60);
	raise_at("x", 10 * S);
	assert_int_equal(alerts_set_state(alerts, 1, ALERT_CLOSED, "uid 0", 20 * S), 0);
	told_new = told_again = 0;
	assert_int_equal(raise_at("x", 80 * S), 0);
	assert_int_equal(alerts_get(alerts, 1)->count, 1);
	assert_int_equal(alerts_get(alerts, 1)->suppressed, 1);
	assert_int_equal(told_new + told_again, 0);
	assert_int_equal(raise_at("x", 80 * S + 1), 1);
	assert_int_equal(told_new, 1);
}

static void test_states(void **state)
{
	(void)state;
	raise_at("x", 10 * S);
	assert_int_equal(alerts_open(alerts), 1);
	assert_int_equal(alerts_set_state(alerts, 9, ALERT_CLOSED, "a", 1), -ENOENT);
	assert_int_equal(alerts_set_state(alerts, 1, ALERT_OPEN, "a", 1), -EALREADY);
	assert_int_equal(alerts_set_state(alerts, 1, ALERT_ACKNOWLEDGED, "a", 11 * S), 0);
	assert_int_equal(alerts_open(alerts), 1);
	assert_string_equal(told.who, "a");
	assert_int_equal(alerts_set_state(alerts, 1, ALERT_CLOSED, "b", 12 * S), 0);
	assert_int_equal(alerts_open(alerts), 0);
	assert_int_equal(alerts_set_state(alerts, 1, ALERT_ACKNOWLEDGED, "c", 1), -EINVAL);
	assert_string_equal(alerts_get(alerts, 1)->who, "b");
	assert_int_equal(alerts_set_incident(alerts, 1, 7), 0);
	assert_int_equal(alerts_get(alerts, 1)->incident, 7);
	assert_int_equal(alerts_set_incident(alerts, 2, 7), -ENOENT);
}

static void test_severity_only_rises(void **state)
{
	struct alert_report r = about("x", S);

	(void)state;
	raise_at("x", S);
	r.severity = ALERT_CRITICAL;
	alerts_raise(alerts, &r, S, NULL);
	assert_int_equal(told.severity, ALERT_CRITICAL);
	r.severity = ALERT_LOW;
	alerts_raise(alerts, &r, S, NULL);
	assert_int_equal(told.severity, ALERT_CRITICAL);
}

static void test_samples_and_tops(void **state)
{
	struct alert_sample sample = {.status = 401};
	struct alert_report r = about("x", S);
	char name[32];

	(void)state;
	r.sample = &sample;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(sample.request_id, sizeof(sample.request_id), "r%u", i);
		snprintf(name, sizeof(name), "192.0.2.%u", i < 12 ? i % 2 : i);
		r.top[ALERT_TOP_SOURCES] = name;
		sample.wall_ns = S + i;
		alerts_raise(alerts, &r, S, NULL);
	}
	for (unsigned i = 0; i < ALERT_SAMPLES - 1; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_string_equal(told.samples[i].request_id, name);
	}
	assert_string_equal(told.samples[ALERT_SAMPLES - 1].request_id, "r19");
	/* the two that came six times each stand, whatever came once since */
	assert_string_equal(told.tops[ALERT_TOP_SOURCES][0].text, "192.0.2.0");
	assert_int_equal(told.tops[ALERT_TOP_SOURCES][0].count, 6);
	assert_int_equal(told.tops[ALERT_TOP_SOURCES][0].error, 0);
	assert_int_equal(told.tops[ALERT_TOP_SOURCES][1].count, 6);
	assert_string_equal(told.tops[ALERT_TOP_AGENTS][0].text, "");
}

static void test_bounded(void **state)
{
	char subject[32];

	(void)state;
	for (unsigned i = 0; i < ALERTS_MAX; i++) {
		snprintf(subject, sizeof(subject), "s%u", i);
		assert_int_equal(raise_at(subject, (i + 1) * S), 1);
	}
	assert_int_equal(alerts_evicted(alerts), 0);
	alerts_set_state(alerts, 100, ALERT_CLOSED, "a", 1);
	assert_int_equal(raise_at("one more", 9000 * S), 1);
	assert_int_equal(alerts_count(alerts), ALERTS_MAX);
	assert_int_equal(alerts_evicted(alerts), 1);
	assert_null(alerts_get(alerts, 100)); /* closed goes first */
	assert_non_null(alerts_get(alerts, 1));
	assert_int_equal(raise_at("and another", 9000 * S), 1);
	assert_null(alerts_get(alerts, 1)); /* then the longest quiet */
	assert_non_null(alerts_get(alerts, 2));
	assert_int_equal(alerts_get(alerts, ALERTS_MAX + 2)->count, 1);
	for (size_t i = 1; i < alerts_count(alerts); i++)
		assert_true(alerts_at(alerts, i - 1)->id < alerts_at(alerts, i)->id);
	assert_null(alerts_at(alerts, ALERTS_MAX));
}

static void count_one(const struct alert *alert, void *userdata)
{
	(void)alert;
	++*(unsigned *)userdata;
}

static void test_restore(void **state)
{
	struct alert kept = {.id = 40,
			     .kind = ALERT_AUTH_FAILURES,
			     .service = "shop",
			     .subject = "x",
			     .count = 3,
			     .first_ns = S,
			     .last_ns = 2 * S};
	unsigned dirty = 0;

	(void)state;
	assert_int_equal(alerts_restore(alerts, &kept), 0);
	assert_int_equal(alerts_restore(alerts, &kept), -EINVAL);
	alerts_each_dirty(alerts, count_one, &dirty);
	assert_int_equal(dirty, 0);
	assert_int_equal(raise_at("x", 3 * S), 0);
	assert_int_equal(alerts_get(alerts, 40)->count, 4);
	assert_int_equal(raise_at("y", 3 * S), 1);
	assert_non_null(alerts_get(alerts, 41));
	alerts_each_dirty(alerts, count_one, &dirty);
	assert_int_equal(dirty, 2);
	alerts_stored(alerts);
	alerts_each_dirty(alerts, count_one, &dirty);
	assert_int_equal(dirty, 2);
	alerts_unstored(alerts);
	alerts_each_dirty(alerts, count_one, &dirty);
	assert_int_equal(dirty, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_one_case, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiet_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_is_quiet_for_the_cool_down, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_severity_only_rises, setup, teardown),
		cmocka_unit_test_setup_teardown(test_samples_and_tops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restore, setup, teardown),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
