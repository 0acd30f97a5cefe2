/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_store_pages.c - pages of alerts and findings against what a loop over all of them finds, for
 * every combination of what can be asked; and that no question of the API reads a table as a whole.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/store/incidents.h"
#include "user/store/store_private.h"

#define ROWS 1500

static char dir[] = "/tmp/glacis-test-pages-XXXXXX";
static struct store *store;
static unsigned steps; /* rows read without an index since it was set to 0 */

static const char *const kinds[] = {"forbidden", "loss", "finding"};
static const char *const services[] = {"shop", "pay"};

/* Of row i: nothing is in step with anything. */
static const char *kind_of(uint64_t i)
{
	return kinds[i * 7 % 11 % 3];
}

static const char *service_of(uint64_t i)
{
	return services[i * 5 % 13 % 2];
}

static int severity_of(uint64_t i)
{
	return (int)(i * 3 % 17 % 5);
}

static int state_of(uint64_t i)
{
	return (int)(i * 11 % 19 % 3);
}

static int count_steps(unsigned what, void *userdata, void *statement, void *time)
{
	(void)what;
	(void)userdata;
	(void)time;
	steps += (unsigned)sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
	steps += (unsigned)sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_SORT, 1);
	return 0;
}

static void put_row(uint64_t i)
{
	const struct store_finding f = {.id = i,
					.count = 1,
					.control = kind_of(i),
					.rule = "r",
					.service = service_of(i),
					.subject = "s",
					.evidence = "e",
					.request = "",
					.severity = severity_of(i),
					.last_ns = (int64_t)i};
	const struct store_alert a = {.id = i,
				      .count = 1,
				      .kind = kind_of(i),
				      .control = "c",
				      .service = service_of(i),
				      .operation = "",
				      .subject = "s",
				      .source = "",
				      .data = "{}",
				      .severity = severity_of(i),
				      .state = state_of(i),
				      .last_ns = (int64_t)i};
	const struct store_incident_alert link = {.alert = (int64_t)i,
						  .incident = (int64_t)i / 5,
						  .kind = "k",
						  .pattern = "",
						  .control = "c",
						  .service = "s",
						  .operation = "",
						  .subject = "",
						  .source = ""};
	const struct store_incident incident = {.id = (int64_t)i,
						.status = (int64_t)(i % 6),
						.priority = 1 + (int64_t)(i % 4),
						.title = "",
						.service = service_of(i),
						.assignee = "",
						.origin = ""};
	const struct store_incident_entry entry = {
		.incident = (int64_t)i, .kind = "k", .actor = "", .text = ""};
	const struct store_audit audit = {.origin = "api", .what = "x"};

	store_put_finding(store, &f);
	store_put_alert(store, &a);
	store_put_incident(store, &incident);
	store_put_incident_alert(store, &link);
	store_add_incident_entry(store, &entry);
	if (i % 10 == 0)
		store_add_audit(store, &audit);
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || store_open(dir, &store) < 0 || store_begin(store) < 0)
		return -1;
	for (uint64_t i = 1; i <= ROWS; i++)
		put_row(i);
	if (store_commit(store) < 0)
		return -1;
	return sqlite3_trace_v2(store->db, SQLITE_TRACE_PROFILE, count_steps, NULL);
}

static int end(void **state)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char name[128];

	(void)state;
	store_close(store);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(name, sizeof(name), "%s/" STORE_FILE_NAME "%s", dir, parts[i]);
		unlink(name);
	}
	return rmdir(dir);
}

struct got {
	uint64_t id[ROWS];
	size_t n;
};

static void take(uint64_t id, void *userdata)
{
	struct got *got = userdata;

	assert_true(got->n < ROWS);
	got->id[got->n++] = id;
}

static bool is_wanted(const struct store_page *p, uint64_t i, bool alerts)
{
	return (!p->kind || strcmp(p->kind, kind_of(i)) == 0) &&
	       (!p->service || strcmp(p->service, service_of(i)) == 0) &&
	       severity_of(i) >= p->severity &&
	       (!alerts || p->state == -1 || p->state == state_of(i) ||
		(p->state == STORE_NOT_CLOSED && state_of(i) < 2));
}

static void expect_page(const struct store_page *p, bool alerts)
{
	struct got got = {}, want = {};
	int r = alerts ? store_page_alerts(store, p, take, &got)
		       : store_page_findings(store, p, take, &got);

	assert_int_equal(r, 0);
	for (uint64_t k = 1; k <= ROWS && want.n < p->max; k++) {
		uint64_t i = p->newest ? ROWS + 1 - k : k;

		if ((!p->from || (p->newest ? i < p->from : i > p->from)) &&
		    is_wanted(p, i, alerts))
			want.id[want.n++] = i;
	}
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.id, want.id, want.n * sizeof(want.id[0]));
}

/* Every combination, both tables, both directions: 2,304 pages, no row read in vain. */
static void every_page(void **state)
{
	static const uint64_t froms[] = {0, 700};
	static const size_t sizes[] = {1, 101};
	unsigned pages = 0;

	(void)state;
	steps = 0;
	for (unsigned c = 0; c < 2 * 2 * 2 * 4 * 3 * 3 * 4 * 2; c++) {
		unsigned rest = c;
		bool alerts = rest % 2, newest = (rest /= 2) % 2;
		struct store_page p = {.newest = newest};
		unsigned kind, service, severity, state_asked;

		p.from = froms[(rest /= 2) % 2];
		kind = (rest /= 2) % 4;
		service = (rest /= 4) % 3;
		severity = (rest /= 3) % 3;
		state_asked = (rest /= 3) % 4;
		p.max = sizes[(rest / 4) % 2];
		p.kind = kind < 3 ? kinds[kind] : NULL;
		p.service = service < 2 ? services[service] : NULL;
		p.severity = (int)severity * 2;
		p.state = state_asked == 3   ? -1
			  : state_asked == 2 ? STORE_NOT_CLOSED
					     : (int)state_asked * 2;
		if (!alerts)
			p.state = -1;
		expect_page(&p, alerts);
		pages++;
	}
	assert_int_equal(pages, 2304);
	assert_int_equal(steps, 0);
}

static void count_alert(const struct store_alert *alert, void *userdata)
{
	struct got *got = userdata;

	got->id[got->n++] = alert->id;
}

static void count_finding(const struct store_finding *finding, void *userdata)
{
	struct got *got = userdata;

	got->id[got->n++] = finding->id;
}

static void by_id(void **state)
{
	const uint64_t ids[] = {7, 3, ROWS + 1, 1200};
	struct got got = {};

	(void)state;
	steps = 0;
	assert_int_equal(store_get_alerts(store, ids, ARRAY_SIZE(ids), count_alert, &got), 0);
	assert_int_equal(got.n, 3);
	assert_int_equal(got.id[0], 3);
	assert_int_equal(got.id[2], 1200);
	got.n = 0;
	assert_int_equal(store_get_findings(store, ids, ARRAY_SIZE(ids), count_finding, &got), 0);
	assert_int_equal(got.n, 3);
	assert_int_equal(store_get_findings(store, ids, 0, count_finding, &got), 0);
	assert_int_equal(got.n, 3);
	assert_int_equal(steps, 0);
}

static unsigned rows;

static void count_incident(const struct store_incident *i, void *userdata)
{
	(void)i;
	(void)userdata;
	rows++;
}

static void count_link(const struct store_incident_alert *a, void *userdata)
{
	(void)a;
	(void)userdata;
	rows++;
}

static void count_entry(const struct store_incident_entry *e, void *userdata)
{
	(void)e;
	(void)userdata;
	rows++;
}

static void count_audit(const struct store_audit *a, void *userdata)
{
	(void)a;
	(void)userdata;
	rows++;
}

static void incidents_read_no_table(void **state)
{
	const struct store_incident_query questions[] = {
		{.open = true},
		{.id = 700, .status = -1},
		{.before = 700, .status = -1, .max = 101},
		{.before = 700, .status = 5, .max = 101},
		{.before = 700, .status = -1, .priority = 2, .max = 101},
		{.before = 700, .status = -1, .service = "shop", .max = 101},
		{.before = 700, .status = 5, .priority = 2, .service = "shop", .max = 101},
	};
	int64_t last = 0;

	(void)state;
	steps = rows = 0;
	/* open ones are in an index of their own, which is read from its begin to its end */
	assert_int_equal(store_each_incident(store, &questions[0], count_incident, NULL), 0);
	assert_int_equal(rows, ROWS * 5 / 6);
	assert_true(steps < rows);
	steps = 0;
	for (size_t i = 1; i < ARRAY_SIZE(questions); i++) {
		rows = 0;
		assert_int_equal(store_each_incident(store, &questions[i], count_incident, NULL),
				 0);
		assert_in_range(rows, 1, 101);
	}
	rows = 0;
	assert_int_equal(store_each_incident_alert(store, 100, 256, count_link, NULL), 0);
	assert_int_equal(rows, 5);
	rows = 0;
	assert_int_equal(store_each_incident_entry(store, 100, 0, 101, count_entry, NULL), 0);
	assert_int_equal(rows, 1);
	rows = 0;
	assert_int_equal(store_each_audit(store, 0, 101, count_audit, NULL), 0);
	assert_int_equal(rows, 101);
	assert_int_equal(store_last_incident(store, &last), 0);
	assert_int_equal(last, ROWS);
	assert_true(steps < 5); /* the recursion's own few rows */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page),
		cmocka_unit_test(by_id),
		cmocka_unit_test(incidents_read_no_table),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
