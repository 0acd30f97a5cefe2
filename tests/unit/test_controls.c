/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_controls.c - the state of the standard's rows: never pass without something inspected, fail
 * with a finding and with one of a row that says the same, not built where nobody looks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_keeper.h"
#include "user/inspect/transaction.h"
#include "user/keeper/coverage.h"

static json_t *rows;

static const json_t *row_of(const char *id, const char *service)
{
	const json_t *row;

	json_decref(rows);
	rows = controls_json(keeper.controls, &keeper, service);
	for (size_t i = 0; (row = json_array_get(rows, i)); i++)
		if (strcmp(json_string_value(json_object_get(row, "id")), id) == 0)
			return row;
	fail_msg("no row %s", id);
	return NULL;
}

static const char *state_of(const char *id)
{
	return json_string_value(json_object_get(row_of(id, NULL), "state"));
}

static void see(unsigned n)
{
	struct report_transaction tx = {
		.report = {.kind = REPORT_TRANSACTION, .len = sizeof(tx)},
		.op = 0xffff,
		.cls = 0xffff,
		.status = 200,
	};

	tx.service = (uint16_t)intern_id(apply_intern(keeper.apply), INTERN_SERVICE, "shop");
	while (n--)
		assert_true(transactions_take(&keeper, &tx));
}

static void find(const char *control, enum finding_severity severity)
{
	struct finding f = {.rule = "r", .service = "shop", .subject = "GET /x"};

	snprintf(f.control, sizeof(f.control), "%s", control);
	f.severity = severity;
	f.last_wall_ns = clock_wall_ns();
	findings_put(keeper.findings, &f, NULL);
}

static void test_states(void **state)
{
	(void)state;
	assert_int_equal(controls_count(keeper.controls), 124);
	assert_string_equal(state_of("REV-13"), "no traffic yet");
	assert_string_equal(state_of("AI-03"), "not built");
	assert_string_equal(state_of("PRE-14"), "not attested");
	see(3);
	assert_string_equal(state_of("REV-13"), "pass");
	assert_int_equal(json_integer_value(json_object_get(row_of("REV-13", NULL), "inspected")),
			 3);
	find("REV-13", FINDING_INFO); /* worth knowing, no violation */
	assert_string_equal(state_of("REV-13"), "pass");
	find("REV-18", FINDING_MEDIUM);
	find("REV-18", FINDING_MEDIUM);
	assert_string_equal(state_of("REV-18"), "fail");
	assert_int_equal(json_integer_value(json_object_get(row_of("REV-18", NULL), "violated")),
			 2);
	assert_string_equal(state_of("REV-13"), "pass");
	/* AUTH-04 is "as REV-05" */
	assert_string_equal(state_of("AUTH-04"), "pass");
	find("REV-05", FINDING_HIGH);
	assert_string_equal(state_of("REV-05"), "fail");
	assert_string_equal(state_of("AUTH-04"), "fail");
	assert_string_equal(state_of("AI-03"), "not built");
}

static void test_limits(void **state)
{
	(void)state;
	keeper.counters.values[GL_CTR_REQUESTS] = 10;
	assert_string_equal(state_of("API-05"), "pass"); /* 5/15m */
	assert_string_equal(state_of("API-04"), "pass");
	assert_string_equal(state_of("API-06"), "fail"); /* there is no class public */
	assert_string_equal(state_of("REV-13"), "not inspected");
	keeper.counters.values[GL_CTR_REQUESTS] = 0;
	assert_string_equal(state_of("API-05"), "no traffic yet");
}

/* Blind is a finding, once for each; hooked and without TLS are not. */
static void test_coverage(void **state)
{
	const json_t *listeners;
	json_t *coverage = coverage_json(&keeper);

	(void)state;
	listeners = json_object_get(coverage, "listeners");
	assert_int_equal(json_array_size(listeners), 3);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json_array_get(listeners, 0), "probes"), "reads")),
			 40);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(listeners, 1), "state")), "blind");
	assert_null(json_object_get(json_array_get(listeners, 1), "probes"));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(listeners, 2), "state")),
		"no TLS");
	json_decref(coverage);
	coverage_tick(&keeper);
	coverage_tick(&keeper); /* not again within the minute */
	assert_int_equal(findings_count(keeper.findings), 1);
	assert_string_equal(findings_at(keeper.findings, 0)->rule, "blind-listener");
	assert_string_equal(findings_at(keeper.findings, 0)->subject, "gopher:8080");
	assert_int_equal(findings_at(keeper.findings, 0)->count, 1);
	assert_string_equal(state_of("REV-16"), "fail");
}

static int clear(void **state)
{
	json_decref(rows);
	rows = NULL;
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, setup, clear),
		cmocka_unit_test_setup_teardown(test_limits, setup, clear),
		cmocka_unit_test_setup_teardown(test_coverage, setup, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
