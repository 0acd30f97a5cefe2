/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_incident.c - signals become incidents by the documented rules, with the priority of the
 * table.
 */
#include "tests/unit/incident_fixture.h"

static void one_attack_is_one_incident(void **state)
{
	uint32_t id = raise_alert("auth-failures", "192.0.2.7", "POST /login", INCIDENT_NEW);

	(void)state;
	assert_int_equal(id, 1);
	/* the same source: other kinds, another operation, another service */
	assert_int_equal(raise_alert("limit-exceeded", "192.0.2.7", "POST /login", INCIDENT_JOINED),
			 id);
	assert_int_equal(raise_alert("forbidden", "192.0.2.7", "GET /admin", INCIDENT_JOINED), id);
	assert_int_equal(raise_alert("server-errors", "192.0.2.7", "GET /x", INCIDENT_JOINED), id);
	/* another source elsewhere is another attack */
	assert_int_equal(raise_alert("forbidden", "192.0.2.8", "GET /other", INCIDENT_NEW), 2);
	assert_int_equal(get(id)->alerts, 4);
	assert_int_equal(get(id)->evidence, 20);
	assert_string_equal(get(id)->title, "auth-failures on POST /login of shop from 192.0.2.7");
	assert_int_equal(incidents_count(t), 2);
}

static void many_sources_on_one_operation_are_one(void **state)
{
	char source[ADDR_TEXT];
	uint32_t id = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(source, sizeof(source), "198.51.%d.%d", i / 250, i % 250 + 1);
		id = raise_alert(i % 2 ? "auth-failures" : "limit-exceeded", source, "POST /login",
				 i ? INCIDENT_JOINED : INCIDENT_NEW);
		assert_int_equal(id, 1);
	}
	assert_int_equal(get(1)->alerts, 1000);
	assert_int_equal(get(1)->evidence, 5000);
	/* bounded: the rest is counted */
	assert_int_equal(get(1)->n_links, INCIDENT_LINKS_EACH);
	assert_int_equal(incidents_counts(t).links_beyond, 1000 - INCIDENT_LINKS_EACH);
	/* a leak there is something else, and so is another operation */
	assert_int_equal(
		raise_alert("secret-in-response", "203.0.113.1", "POST /login", INCIDENT_NEW), 2);
	assert_int_equal(raise_alert("auth-failures", "203.0.113.2", "POST /token", INCIDENT_NEW),
			 3);
}

static void principals_and_networks(void **state)
{
	struct incident_signal a = signal_of("enumeration", "2001:db8:1:2::7", "GET /a");
	struct incident_signal b = signal_of("enumeration", "192.0.2.1", "GET /b");
	struct incident_signal c = signal_of("forbidden", "2001:db8:1:2:ffff::1", "GET /c");
	struct incident_signal d = signal_of("forbidden", "2001:db8:1:3::1", "GET /d");

	(void)state;
	a.principal = b.principal = 77;
	assert_int_equal(take(&a, INCIDENT_NEW), 1);
	assert_int_equal(take(&b, INCIDENT_JOINED), 1); /* the principal */
	assert_int_equal(take(&c, INCIDENT_JOINED), 1); /* the same /64 */
	assert_int_equal(take(&d, INCIDENT_NEW), 2);
}

/* An address many share says nothing: two attacks from one office are two. */
static void shared_sources_do_not_correlate(void **state)
{
	struct incident_signal a = signal_of("auth-failures", "192.0.2.1", "POST /login");
	struct incident_signal b = signal_of("forbidden", "192.0.2.1", "GET /admin");

	(void)state;
	a.shared = b.shared = true;
	assert_int_equal(take(&a, INCIDENT_NEW), 1);
	assert_int_equal(take(&b, INCIDENT_NEW), 2);
}

static void without_source_and_operation(void **state)
{
	uint32_t id = raise_alert("tls-downgrade", NULL, "", INCIDENT_NEW);

	(void)state;
	assert_int_equal(raise_alert("tls-downgrade", NULL, "", INCIDENT_JOINED), id);
	assert_int_equal(raise_alert("finding", NULL, "", INCIDENT_NEW), id + 1);
	/* the agent's own state is no incident */
	assert_int_equal(raise_alert("loss", NULL, "", INCIDENT_NOTHING), 0);
	assert_int_equal(raise_alert("deadline", NULL, "", INCIDENT_NOTHING), 0);
}

/* The oldest incident of the first rule that fits: here the source, not the operation. */
static void the_first_rule_wins(void **state)
{
	(void)state;
	assert_int_equal(raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW), 1);
	assert_int_equal(raise_alert("forbidden", "192.0.2.2", "GET /a", INCIDENT_NEW), 2);
	assert_int_equal(raise_alert("auth-failures", "192.0.2.2", "POST /login", INCIDENT_JOINED),
			 2);
	/* both have it now: the older one */
	assert_int_equal(raise_alert("auth-failures", "192.0.2.3", "POST /login", INCIDENT_JOINED),
			 1);
}

static void evidence_far_apart_is_another_incident(void **state)
{
	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	now += 30 * MINUTE;
	assert_int_equal(raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_JOINED),
			 1);
	now += 30 * MINUTE + 11 * SECOND;
	assert_int_equal(raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW), 2);
}

static void an_alert_counts_on(void **state)
{
	struct incident_signal s = signal_of("auth-failures", "192.0.2.1", "POST /login");
	struct incident_by who = by();

	(void)state;
	assert_int_equal(take(&s, INCIDENT_NEW), 1);
	assert_int_equal(get(1)->priority, 3);
	s.count = 99;
	s.last_ns = now += MINUTE;
	assert_int_equal(take(&s, INCIDENT_UPDATED), 1);
	assert_int_equal(get(1)->evidence, 99);
	assert_int_equal(get(1)->alerts, 1);
	assert_int_equal(get(1)->priority, 3);
	s.count = 100; /* the table's row for many */
	take(&s, INCIDENT_UPDATED);
	assert_int_equal(get(1)->priority, 2);
	/* closed: the alert that is still counting does not open another one */
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FALSE_POSITIVE, "a test"), 0);
	assert_int_equal(incidents_save(t), 0);
	s.incident = 1;
	s.count = 101;
	assert_int_equal(take(&s, INCIDENT_NOTHING), 0);
	assert_int_equal(incidents_count(t), 0);
}

static void recovered_incidents_are_followed(void **state)
{
	struct incident_by who = by();

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_CONTAINED, ""), 0);
	assert_int_equal(raise_alert("forbidden", "192.0.2.1", "GET /a", INCIDENT_JOINED), 1);
	assert_int_equal(get(1)->evidence_told, INCIDENT_CONTAINED);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_RECOVERED, ""), 0);
	assert_int_equal(raise_alert("forbidden", "192.0.2.1", "GET /b", INCIDENT_NEW), 2);
	assert_int_equal(get(2)->follows, 1);
}

static void priorities(void **state)
{
	static const struct {
		const char *kind, *pattern, *control;
		unsigned severity, priority;
		uint64_t count;
	} cases[] = {
		{"auth-failures", "none", "ALR-01", 2, 3, 5},
		{"auth-failures", "none", "ALR-01", 2, 2, 100},
		{"forbidden", "none", "ALR-02", 2, 3, 10},
		{"server-errors", "none", "ALR-03", 2, 3, 1},
		{"server-errors", "none", "ALR-03", 2, 2, 100},
		{"limit-exceeded", "burst", "ALR-04", 1, 4, 1},
		{"limit-exceeded", "sustained", "ALR-04", 1, 3, 1},
		{"limit-exceeded", "slow-and-low", "ALR-04", 1, 3, 1},
		{"limit-exceeded", "distributed", "ALR-04", 1, 2, 1},
		{"credential-stuffing", "none", "AUTH-09", 3, 2, 1},
		{"credential-stuffing", "none", "AUTH-09", 4, 1, 1},
		{"password-spraying", "none", "AUTH-09", 3, 2, 1},
		{"enumeration", "none", "PRE-10", 3, 2, 1},
		{"secret-in-response", "none", "LOG-08", 4, 1, 1},
		{"tls-downgrade", "none", "TLS-03", 3, 2, 1},
		{"certificate-expiring", "none", "TLS-05", 2, 0, 1},
		{"finding", "none", "REV-04", 4, 1, 1},
		{"finding", "none", "REV-01", 3, 2, 1},
		{"finding", "none", "REV-13", 1, 4, 1},
		{"finding", "none", "AI-29", 3, 4, 1},
		{"finding", "none", "AI-13", 3, 3, 1},
		{"finding", "none", "AI-05", 4, 1, 1},
		{"something new", "none", "X", 2, 3, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct incident_signal s = {.kind = cases[i].kind,
					    .pattern = cases[i].pattern,
					    .control = cases[i].control,
					    .severity = cases[i].severity,
					    .count = cases[i].count};

		if (incident_priority_of(&s) != cases[i].priority)
			fail_msg("%s %s: %u", cases[i].kind, cases[i].pattern,
				 incident_priority_of(&s));
	}
}

static void a_person_outranks_the_table(void **state)
{
	struct incident_by who = by();

	(void)state;
	raise_alert("limit-exceeded", "192.0.2.1", "GET /a", INCIDENT_NEW);
	assert_int_equal(get(1)->priority, 4);
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_JOINED);
	assert_int_equal(get(1)->priority, 3);
	raise_alert("limit-exceeded", "192.0.2.1", "GET /b", INCIDENT_JOINED); /* never down */
	assert_int_equal(get(1)->priority, 3);
	assert_int_equal(incidents_prioritize(t, &who, 1, 4), 0);
	raise_alert("secret-in-response", "192.0.2.1", "GET /c", INCIDENT_JOINED);
	assert_int_equal(get(1)->priority, 4);
}

/* All places taken: one nobody works on makes room, and only for what matters as much. */
static void a_flood_displaces_only_what_matters_less(void **state)
{
	struct incident_by who = by();
	char operation[64];

	(void)state;
	for (int i = 0; i < INCIDENTS_MAX; i++) {
		snprintf(operation, sizeof(operation), "GET /%d", i);
		raise_alert("auth-failures", NULL, operation, INCIDENT_NEW);
	}
	assert_int_equal(incidents_assign(t, &who, 1, "ann"), 0);
	assert_int_equal(raise_alert("limit-exceeded", NULL, "GET /low", INCIDENT_NOTHING), 0);
	assert_int_equal(incidents_counts(t).refused, 1);
	assert_int_equal(raise_alert("secret-in-response", NULL, "GET /high", INCIDENT_NEW),
			 INCIDENTS_MAX + 1);
	assert_int_equal(get(2)->status, INCIDENT_CLOSED);
	assert_int_equal(get(2)->resolution, INCIDENT_DISPLACED);
	assert_int_equal(get(1)->status, INCIDENT_OPEN);
	assert_int_equal(incidents_save(t), 0);
	assert_int_equal(incidents_count(t), INCIDENTS_MAX);
}

static void every_value_has_a_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < INCIDENT_STATUS_MAX; i++)
		assert_int_equal(incident_status_find(incident_status_name(i)), i);
	for (unsigned i = 0; i < INCIDENT_RESOLUTION_MAX; i++)
		assert_int_equal(incident_resolution_find(incident_resolution_name(i)), i);
	for (unsigned i = 0; i < INCIDENT_TASK_MAX; i++)
		assert_int_equal(incident_task_find(incident_task_name(i)), i);
	for (unsigned i = 0; i < INCIDENT_DEADLINE_MAX; i++)
		assert_string_not_equal(incident_deadline_name(i), "unknown");
	for (unsigned i = 0; i < INCIDENT_DUE_MAX; i++)
		assert_string_not_equal(incident_due_name(i), "unknown");
	assert_int_equal(incident_priority_find("P4"), 4);
	assert_int_equal(incident_priority_find("P5"), -EINVAL);
	assert_int_equal(incident_priority_find("none"), -EINVAL);
	assert_string_equal(incident_status_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_attack_is_one_incident, begin, end),
		cmocka_unit_test_setup_teardown(many_sources_on_one_operation_are_one, begin, end),
		cmocka_unit_test_setup_teardown(principals_and_networks, begin, end),
		cmocka_unit_test_setup_teardown(shared_sources_do_not_correlate, begin, end),
		cmocka_unit_test_setup_teardown(without_source_and_operation, begin, end),
		cmocka_unit_test_setup_teardown(the_first_rule_wins, begin, end),
		cmocka_unit_test_setup_teardown(evidence_far_apart_is_another_incident, begin, end),
		cmocka_unit_test_setup_teardown(an_alert_counts_on, begin, end),
		cmocka_unit_test_setup_teardown(recovered_incidents_are_followed, begin, end),
		cmocka_unit_test_setup_teardown(priorities, begin, end),
		cmocka_unit_test_setup_teardown(a_person_outranks_the_table, begin, end),
		cmocka_unit_test_setup_teardown(a_flood_displaces_only_what_matters_less, begin,
						end),
		cmocka_unit_test_setup_teardown(every_value_has_a_name, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
