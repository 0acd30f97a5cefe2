/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_incident_work.c - people work on incidents, the phase clock reminds, and what was stored
 * outlives a kill.
 */
#include "tests/unit/incident_fixture.h"

/* --- what people do ----------------------------------------------------------------------------
 */

static void phases_go_forward(void **state)
{
	struct incident_by who = by();

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	assert_int_equal(incidents_advance(t, &who, 9, INCIDENT_CONTAINED, ""), -ENOENT);
	assert_string_equal(who.why, "there is no incident 9");
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FIXED, "done"), -EBUSY);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_ERADICATED, "patched"), 0);
	assert_int_equal(get(1)->reached_ns[INCIDENT_CONTAINED], now);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_ERADICATED, ""), -EALREADY);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_CONTAINED, ""), -EINVAL);
	assert_non_null(strstr(who.why, "does not go back to contained"));
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_CLOSED, ""), -EINVAL);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_POST, ""), 0);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_MERGED, "x"), -EINVAL);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FIXED, ""), -EINVAL);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FIXED, "done"), 0);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FIXED, "again"), -EBUSY);
	assert_int_equal(incidents_assign(t, &who, 1, "bob"), -EBUSY);
	/* a note is always possible, a closed one comes back from the store */
	assert_int_equal(incidents_save(t), 0);
	assert_int_equal(incidents_count(t), 0);
	assert_int_equal(incidents_note(t, &who, 1, false, "seen again elsewhere"), 0);
	assert_int_equal(incidents_reopen(t, &who, 1, "it was not"), 0);
	assert_int_equal(get(1)->status, INCIDENT_OPEN);
	assert_int_equal(get(1)->reached_ns[INCIDENT_CONTAINED], 0);
	assert_int_equal(incidents_reopen(t, &who, 1, "x"), -EALREADY);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct incident_by who = by();
	const struct incident *made = NULL;
	struct incident before;
	uint64_t some[] = {1};

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	raise_alert("forbidden", "192.0.2.1", "GET /a", INCIDENT_JOINED);
	raise_alert("forbidden", "192.0.2.9", "GET /b", INCIDENT_NEW);
	assert_int_equal(incidents_save(t), 0);
	before = *get(1);
	who.dry_run = true;
	assert_int_equal(incidents_open(t, &who, "x", 2, "", &made), 0);
	assert_int_equal(incidents_assign(t, &who, 1, "ann"), 0);
	assert_int_equal(incidents_prioritize(t, &who, 1, 1), 0);
	assert_int_equal(incidents_note(t, &who, 1, true, "x"), 0);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_CONTAINED, ""), 0);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_ACCEPTED, "x"), 0);
	assert_int_equal(incidents_merge(t, &who, 1, 2), 0);
	assert_int_equal(incidents_split(t, &who, 1, some, 1, &made), 0);
	assert_int_equal(incidents_task_add(t, &who, 1, "x", "", 0, NULL), 0);
	assert_null(made);
	assert_memory_equal(get(1), &before, sizeof(before));
	assert_int_equal(t->n_entries, 0);
	assert_int_equal(incidents_count(t), 2);
}

static void bad_input_changes_nothing(void **state)
{
	struct incident_by who = by();
	const struct incident *made;
	char longer[INCIDENT_TEXT + 2];
	uint64_t twice[] = {1, 1}, all[] = {1, 2}, none[] = {99};

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	raise_alert("forbidden", "192.0.2.1", "GET /a", INCIDENT_JOINED);
	assert_int_equal(incidents_save(t), 0);
	assert_int_equal(incidents_open(t, &who, "", 2, "", &made), -EINVAL);
	assert_int_equal(incidents_open(t, &who, longer, 2, "", &made), -EINVAL);
	assert_int_equal(incidents_note(t, &who, 1, false, longer), -EINVAL);
	assert_string_equal(who.why, "the note has 2001 bytes: at most 2000");
	assert_int_equal(incidents_note(t, &who, 1, false, "a\033[2Jb"), -EINVAL);
	assert_string_equal(who.why, "the note has a control character (byte 2)");
	assert_int_equal(incidents_note(t, &who, 1, false, ""), -EINVAL);
	assert_int_equal(incidents_merge(t, &who, 1, 1), -EINVAL);
	assert_int_equal(incidents_merge(t, &who, 1, 7), -ENOENT);
	assert_int_equal(incidents_split(t, &who, 1, twice, 2, &made), -EINVAL);
	assert_int_equal(incidents_split(t, &who, 1, all, 2, &made), -EINVAL);
	assert_int_equal(incidents_split(t, &who, 1, none, 1, &made), -ENOENT);
	assert_int_equal(incidents_split(t, &who, 1, NULL, 0, &made), -EINVAL);
	assert_int_equal(incidents_task_add(t, &who, 1, "x", "", now - 1, NULL), -EINVAL);
	assert_int_equal(incidents_task_end(t, &who, 1, 1, INCIDENT_TASK_DONE, ""), -ENOENT);
	assert_int_equal(t->n_entries, 0);
	assert_false(get(1)->dirty);
	assert_int_equal(incidents_count(t), 1);
}

static void tasks_keep_it_open(void **state)
{
	struct incident_by who = by();
	uint32_t number = 0;

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	assert_int_equal(
		incidents_task_add(t, &who, 1, "tell the customers", "ann", now + HOUR, &number),
		0);
	assert_int_equal(number, 1);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_ACCEPTED, "x"), -EBUSY);
	assert_non_null(strstr(who.why, "1 open tasks"));
	assert_int_equal(incidents_task_end(t, &who, 1, 1, INCIDENT_TASK_DROPPED, ""), -EINVAL);
	assert_int_equal(incidents_task_end(t, &who, 1, 1, INCIDENT_TASK_DONE, ""), 0);
	assert_int_equal(incidents_task_end(t, &who, 1, 1, INCIDENT_TASK_DONE, ""), -EALREADY);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_ACCEPTED, "x"), 0);
}

static void merge_and_split(void **state)
{
	struct incident_by who = by();
	const struct incident *part = NULL;
	uint64_t some[] = {3};

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	raise_alert("limit-exceeded", "192.0.2.2", "GET /a", INCIDENT_NEW);
	raise_alert("forbidden", "192.0.2.2", "GET /b", INCIDENT_JOINED);
	assert_int_equal(incidents_task_add(t, &who, 2, "look", "", 0, NULL), 0);
	assert_int_equal(incidents_save(t), 0);
	assert_int_equal(incidents_merge(t, &who, 1, 2), 0);
	assert_int_equal(get(1)->alerts, 3);
	assert_int_equal(get(1)->evidence, 15);
	assert_int_equal(get(1)->n_tasks, 1);
	assert_int_equal(get(2)->status, INCIDENT_CLOSED);
	assert_int_equal(get(2)->merged_into, 1);
	assert_int_equal(incidents_save(t), 0);
	assert_int_equal(incidents_note(t, &who, 2, false, "x"), 0);
	assert_int_equal(incidents_assign(t, &who, 2, "x"), -EBUSY);
	assert_string_equal(who.why, "incident 2 was merged into 1: change that one");
	/* what comes now from the merged one's source is of the other */
	assert_int_equal(raise_alert("forbidden", "192.0.2.2", "GET /c", INCIDENT_JOINED), 1);

	assert_int_equal(incidents_split(t, &who, 1, some, 1, &part), 0);
	assert_int_equal(part->id, 3);
	assert_int_equal(part->alerts, 1);
	assert_int_equal(part->split_from, 1);
	assert_int_equal(get(1)->alerts, 3);
	restart();
	assert_int_equal(incidents_save(t), 0);
}

/* --- time --------------------------------------------------------------------------------------
 */

static char reminders[1024];

static void note_reminder(const struct incident_reminder *r, void *userdata)
{
	size_t used = strlen(reminders);

	(void)userdata;
	snprintf(reminders + used, sizeof(reminders) - used, "%u %s%s ", r->incident->id,
		 r->task ? "task" : incident_deadline_name(r->deadline), r->over ? "!" : "");
}

static void assert_reminded(const char *expected)
{
	*reminders = '\0';
	incidents_tick(t, now, note_reminder, NULL);
	assert_string_equal(reminders, expected);
}

static void deadlines(void **state)
{
	struct incident_by who = by();
	struct incident_due due;
	int64_t zero = now - 10 * SECOND; /* the first evidence */

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	assert_reminded("");
	now = zero + 24 * MINUTE - 1;
	assert_reminded("");
	now = zero + 24 * MINUTE; /* 80 % of 30 */
	assert_reminded("1 detection ");
	assert_reminded("");
	now = zero + 30 * MINUTE;
	assert_reminded("1 detection! ");
	assert_reminded("");
	/* told once, also after a restart */
	assert_int_equal(incidents_save(t), 0);
	restart();
	assert_reminded("");
	who.now_ns = now;
	assert_int_equal(incidents_assign(t, &who, 1, "ann"), 0);
	incidents_due(t, get(1), INCIDENT_DETECTION, now, &due);
	assert_int_equal(due.state, INCIDENT_DUE_MET); /* at the last moment is in time */
	now = zero + 96 * MINUTE;
	assert_reminded("1 containment ");
	who.now_ns = now;
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_CONTAINED, ""), 0);
	now = zero + 2 * HOUR;
	assert_reminded("");
	/* the agent was off for a day: what is over is told, what was near is not told any more */
	now = zero + 30 * HOUR;
	assert_reminded("1 recovery! ");
	who.now_ns = now;
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_RECOVERED, ""), 0);
	incidents_due(t, get(1), INCIDENT_RECOVERY, now, &due);
	assert_int_equal(due.state, INCIDENT_DUE_MISSED);
	/* recovered on Tuesday 2 June: five business days end with Tuesday the 9th */
	incidents_due(t, get(1), INCIDENT_REVIEW, now, &due);
	assert_int_equal(due.state, INCIDENT_DUE_RUNNING);
	assert_int_equal(clock_parse("2026-06-10T00:00:00Z", &zero), 0);
	assert_int_equal(due.due_ns, zero);
	now = zero;
	assert_reminded("1 post-incident! ");
}

static void root_cause_of_ai_incidents(void **state)
{
	struct incident_signal s = signal_of("finding", "192.0.2.1", "POST /chat");
	struct incident_by who = by();
	struct incident_due due;

	(void)state;
	s.control = "AI-05";
	s.severity = 4;
	take(&s, INCIDENT_NEW);
	assert_int_equal(get(1)->priority, 1);
	now += 49 * HOUR;
	incidents_due(t, get(1), INCIDENT_ROOT_CAUSE, now, &due);
	assert_int_equal(due.state, INCIDENT_DUE_OVER);
	assert_int_equal(incidents_advance(t, &who, 1, INCIDENT_RECOVERED, ""), 0);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FIXED, "x"), -EBUSY);
	assert_int_equal(incidents_note(t, &who, 1, true, "a prompt in a document"), 0);
	assert_int_equal(incidents_close(t, &who, 1, INCIDENT_FIXED, "x"), 0);
}

static void task_reminders(void **state)
{
	struct incident_by who = by();

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	assert_int_equal(incidents_task_add(t, &who, 1, "x", "", now + MINUTE, NULL), 0);
	assert_reminded("");
	now += MINUTE;
	assert_reminded("1 task! ");
	assert_reminded("");
}

/* --- the store ---------------------------------------------------------------------------------
 */

static unsigned entries;

static void count_entry(const struct store_incident_entry *entry, void *userdata)
{
	(void)userdata;
	assert_true(*entry->kind && *entry->text);
	entries++;
}

static void it_outlives_a_kill(void **state)
{
	struct incident_by who = by();
	struct incident before;

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "POST /login", INCIDENT_NEW);
	assert_int_equal(incidents_assign(t, &who, 1, "ann"), 0);
	assert_int_equal(incidents_task_add(t, &who, 1, "x", "bob", now + HOUR, NULL), 0);
	assert_int_equal(incidents_save(t), 0);
	before = *get(1);
	restart();
	assert_int_equal(get(1)->n_tasks, 1);
	assert_string_equal(get(1)->tasks[0].owner, "bob");
	before.tasks = get(1)->tasks;
	assert_memory_equal(get(1), &before, sizeof(before));
	/* correlation goes on */
	assert_int_equal(raise_alert("forbidden", "192.0.2.1", "GET /z", INCIDENT_JOINED), 1);
	assert_int_equal(raise_alert("forbidden", "192.0.2.9", "GET /y", INCIDENT_NEW), 2);
	assert_int_equal(incidents_save(t), 0);
	entries = 0;
	assert_int_equal(store_each_incident_entry(store, 1, 0, 1000, count_entry, NULL), 0);
	assert_int_equal(entries, 5); /* opened, alert, assigned, task, alert */
}

/* The timeline of what was merged is part of it; twice merged, too. */
static void timelines_merge(void **state)
{
	struct incident_by who = by();

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "GET /a", INCIDENT_NEW);
	raise_alert("auth-failures", "192.0.2.2", "GET /b", INCIDENT_NEW);
	raise_alert("auth-failures", "192.0.2.3", "GET /c", INCIDENT_NEW);
	assert_int_equal(incidents_merge(t, &who, 2, 3), 0);
	assert_int_equal(incidents_merge(t, &who, 1, 2), 0);
	assert_int_equal(incidents_save(t), 0);
	entries = 0;
	assert_int_equal(store_each_incident_entry(store, 1, 0, 1000, count_entry, NULL), 0);
	assert_int_equal(entries, 3 * 2 + 2 * 2);
}

/* Opened before the store could be read: ids go on after what it holds. */
static void a_late_store_renumbers(void **state)
{
	struct incidents *late = NULL;

	(void)state;
	raise_alert("auth-failures", "192.0.2.1", "GET /a", INCIDENT_NEW);
	raise_alert("auth-failures", "192.0.2.2", "GET /b", INCIDENT_NEW);
	assert_int_equal(incidents_save(t), 0);
	incidents_free(t);
	assert_int_equal(incidents_new(store, &late), 0);
	t = late;
	assert_int_equal(raise_alert("auth-failures", "192.0.2.3", "GET /c", INCIDENT_NEW), 1);
	assert_int_equal(incidents_save(t), 0); /* it can be read now */
	assert_int_equal(incidents_count(t), 3);
	assert_string_equal(get(1)->title, "auth-failures on GET /a of shop from 192.0.2.1");
	assert_string_equal(get(3)->title, "auth-failures on GET /c of shop from 192.0.2.3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(phases_go_forward, begin, end),
		cmocka_unit_test_setup_teardown(a_dry_run_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(bad_input_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(tasks_keep_it_open, begin, end),
		cmocka_unit_test_setup_teardown(merge_and_split, begin, end),
		cmocka_unit_test_setup_teardown(deadlines, begin, end),
		cmocka_unit_test_setup_teardown(root_cause_of_ai_incidents, begin, end),
		cmocka_unit_test_setup_teardown(task_reminders, begin, end),
		cmocka_unit_test_setup_teardown(it_outlives_a_kill, begin, end),
		cmocka_unit_test_setup_teardown(timelines_merge, begin, end),
		cmocka_unit_test_setup_teardown(a_late_store_renumbers, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
