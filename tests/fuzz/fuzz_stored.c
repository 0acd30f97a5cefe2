/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_stored.c - any rows in the database, as a damaged disk or another program leaves them: they
 * are read back as at a start, shown over the API, and stored again. Beyond not crashing: every
 * question is answered, with no fault of ours (5xx).
 *
 * Rows by bytes: which table, then a value for each column, a number or a text as the schema says.
 */
#include <sqlite3.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_keeper.h"
#include "user/api/api.h"
#include "user/base/clock.h"
#include "user/keeper/incidents.h"
#include "user/keeper/persist.h"
#include "user/respond/playbook.h"

#define ROWS_MAX 24

static const char *const tables[] = {
	"findings",
	"alerts",
	"incidents",
	"incident_alerts",
	"incident_entries",
	"incident_tasks",
	"incident_actions",
	"decisions",
	"audit",
	"certificates",
	"tls_values",
	"tls_names",
	"ja4_keys",
	"meta",
};

/* What comes before the rest of a text: what rows of ours have there. */
static const char *const words[] = {
	"",
	"source 198.18.0.1",
	"shop",
	"POST /api/v1/auth/login",
	"auth-failures",
	"ban",
	"198.18.0.0/24",
	"{",
	"[1,2]",
	"2026-01-01T00:00:00Z",
	"manual",
	"t13d1516h2_8daaf6152771_b186095e22b6",
	"suspend",
	"workload",
	"{\"rule\":\"auth\",\"why\":\"x\",\"samples\":[],\"top\":{}}",
	"1.3",
};

static const int64_t numbers[] = {0,         1,         2,         5,
				  255,       65536,     INT32_MAX, INT32_MIN,
				  INT64_MAX, INT64_MIN, -1,        1767225600ll * 1000000000};

static sqlite3 *db;

struct input {
	const uint8_t *data;
	size_t size;
};

static unsigned take(struct input *in)
{
	return in->size ? (in->size--, *in->data++) : 0;
}

static void bind_text(sqlite3_stmt *row, int column, struct input *in)
{
	unsigned word = take(in), more = take(in) % 32;
	char text[256];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", words[word % ARRAY_SIZE(words)]);

	while (more-- && in->size && n < sizeof(text) - 1)
		text[n++] = (char)take(in);
	sqlite3_bind_text(row, column, text, (int)n, SQLITE_TRANSIENT);
}

static void bind_number(sqlite3_stmt *row, int column, struct input *in)
{
	unsigned kind = take(in);
	int64_t value;

	if (kind < 128) {
		value = numbers[kind % ARRAY_SIZE(numbers)];
	} else {
		value = 0;
		for (unsigned i = 0; i <= (kind & 7); i++)
			value = (int64_t)((uint64_t)value << 8 | take(in));
	}
	sqlite3_bind_int64(row, column, value);
}

/* The letters of the columns' types: t text, i integer. */
static const char *columns(const char *table)
{
	static char types[64];
	sqlite3_stmt *info;
	char sql[96];
	size_t n = 0;

	snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", table);
	CHECK(sqlite3_prepare_v2(db, sql, -1, &info, NULL) == SQLITE_OK);
	while (sqlite3_step(info) == SQLITE_ROW && n < sizeof(types) - 1)
		types[n++] = *sqlite3_column_text(info, 2) == 'T' ? 't' : 'i';
	sqlite3_finalize(info);
	types[n] = '\0';
	CHECK(n);
	return types;
}

static void put_row(struct input *in)
{
	const char *table = tables[take(in) % ARRAY_SIZE(tables)], *types = columns(table);
	sqlite3_stmt *row;
	char sql[256];
	int n = snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO %s VALUES (?", table);

	for (size_t i = 1; i < strlen(types); i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, ",?");
	snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
	CHECK(sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK);
	for (int i = 0; types[i]; i++)
		if (types[i] == 't')
			bind_text(row, i + 1, in);
		else
			bind_number(row, i + 1, in);
	sqlite3_step(row);
	sqlite3_finalize(row);
}

static void show(const char *path)
{
	json_t *request =
		json_pack("{s:i, s:s, s:s, s:{}, s:n, s:{s:i, s:b}}", "id", 1, "method", "GET",
			  "path", path, "query", "body", "peer", "uid", 0, "reader", 1);
	unsigned before = got.replies;
	char *text;

	api_handle(request, NULL, &keeper);
	json_decref(request);
	CHECK(got.replies == before + 1 && got.status < 500);
	text = json_dumps(got.body, JSON_ENCODE_ANY);
	if (!text)
		fprintf(stderr, "%s has no answer\n", path);
	CHECK(text);
	free(text);
}

static void clean(void)
{
	sqlite3_close(db);
	teardown(NULL);
}

static void begin(void)
{
	char path[128];

	log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	CHECK(setup(NULL) == 0);
	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	atexit(clean);
}

/* What the store fills: made anew for every input. */
static void forget(void)
{
	alerting_free(keeper.alerting);
	incidents_free(keeper.incidents);
	actions_free(keeper.actions);
	alerts_free(keeper.alerts);
	findings_free(keeper.findings);
	tls_history_free(keeper.tls_history);
	certificates_free(keeper.certificates);
	keeper.incidents = NULL;
	keeper.actions = NULL;
	CHECK(alerts_new(&keeper.alerts) == 0 && findings_new(&keeper.findings) == 0 &&
	      tls_history_new(&keeper.tls_history) == 0 &&
	      certificates_new(&keeper.certificates) == 0 &&
	      alerting_new(&keeper, &keeper.alerting) == 0 && keeper_incidents_new(&keeper) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const shown[] = {
		"/v1/findings",
		"/v1/alerts",
		"/v1/alerts/1",
		"/v1/alerts/1/explanation",
		"/v1/incidents",
		"/v1/incidents/1",
		"/v1/incidents/1/timeline",
		"/v1/incidents/1/report",
		"/v1/approvals",
		"/v1/decisions",
		"/v1/audit",
		"/v1/audit/verify",
		"/v1/tls",
		"/v1/tls/certificates",
		"/v1/controls",
	};
	struct input in = {data, size};
	const struct clock_now end = {.boot_ns = UINT64_MAX, .wall_ns = INT64_MAX};
	char boot_id[CLOCK_BOOT_ID];

	if (!db)
		begin();
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i]);
		CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	}
	for (int i = 0; i < ROWS_MAX && in.size; i++)
		put_row(&in);
	forget();
	decisions_restore(keeper.decisions, false, clock_boot_id(boot_id), clock_now());
	subjects_restore(keeper.subjects, false, boot_id, clock_now());
	persist_load(&keeper);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		show(shown[i]);
	keeper_incidents_tick(&keeper);
	keeper_incidents_save(&keeper);
	persist_tick(&keeper);
	/* a time after everything */
	decisions_sweep(keeper.decisions, end, NULL, NULL);
	subjects_sweep(keeper.subjects, end, NULL, NULL);
	return 0;
}
