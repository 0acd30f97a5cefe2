/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_fill.c - writes a state directory as an agent of a busy host leaves it: requests, findings,
 * alerts, incidents with their alerts and timelines, audit. Through user/store, in large
 * transactions. For tests/bench/store.
 *
 * store_fill DIRECTORY ROWS: half of the rows are requests, 45 % findings, 4 % alerts, 1 % of
 * incidents. Times end now; nothing is random from run to run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/inspect/transaction.h"
#include "user/keeper/alerting.h"
#include "user/store/incidents.h"
#include "user/store/traffic.h"

#define BATCH      8192
#define SERVICES   8
#define OPERATIONS 50
#define PATHS      2000
#define SOURCES    20000
#define SPAN_S     (7 * 86400) /* of requests; the rest: eight weeks */
#define INCIDENTS  8000 /* closed ones are kept to 10,000 */
#define OPEN       200

static const char *const controls[] = {"API-09", "LOG-08", "PRE-07", "TLS-03", "REV-04", "AUTH-02"};
static const char *const rules[] = {"missing-header", "aws-access-key", "stack-trace",
				    "sentinel",       "cookie-flags",   "pagination"};

static uint64_t random_state = 88172645463325252ull;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static int64_t spread(uint64_t i, uint64_t n, int64_t span_s)
{
	int64_t step = span_s * (int64_t)CLOCK_NS_PER_S / (int64_t)n;

	return clock_wall_ns() - (int64_t)(n - i) * step;
}

/* The first tenth of the sources makes half of the requests. */
static struct gl_addr source(void)
{
	uint64_t n = draw(2) ? draw(SOURCES / 10) : draw(SOURCES);
	struct gl_addr addr = {.b = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1,
				     (uint8_t)(n >> 8), (uint8_t)n}};

	return addr;
}

static int fill_traffic(const char *dir, uint64_t n)
{
	static struct traffic_row rows[BATCH];
	uint32_t services[SERVICES], operations[OPERATIONS], paths[PATHS], get, rule;
	struct traffic_store *store = NULL;
	char text[96];
	int r = traffic_open(dir, &store);

	if (r < 0)
		return r;
	for (int i = 0; i < SERVICES; i++) {
		snprintf(text, sizeof(text), i ? "shop-%d" : "shop", i);
		services[i] = traffic_name(store, text);
	}
	for (int i = 0; i < OPERATIONS; i++) {
		snprintf(text, sizeof(text), "GET /api/v1/resource%d/{id}", i);
		operations[i] = traffic_name(store, text);
	}
	for (int i = 0; i < PATHS; i++) {
		snprintf(text, sizeof(text), "/api/v1/resource%d/{int}/part%d", i % OPERATIONS, i);
		paths[i] = traffic_name(store, text);
	}
	get = traffic_name(store, "GET");
	rule = traffic_name(store, "email");
	for (uint64_t i = 0; r == 0 && i < n;) {
		size_t k = 0;

		for (; k < BATCH && i < n; k++, i++)
			rows[k] = (struct traffic_row){
				.time_ns = spread(i, n, SPAN_S),
				.source = source(),
				.principal = draw(3) ? draw(50000) + 1 : 0,
				.request_bytes = draw(600),
				.response_bytes = draw(30000),
				.total_us = (uint32_t)draw(200000),
				.service = services[draw(SERVICES)],
				.operation = operations[draw(OPERATIONS)],
				.method = get,
				.path = paths[draw(PATHS)],
				.marks = {draw(50) ? 0 : rule},
				.status = draw(20) ? 200 : 403,
			};
		r = traffic_put(store, rows, k);
	}
	traffic_close(store);
	return r;
}

static void put_finding(struct store *store, uint64_t i, uint64_t n)
{
	char subject[96], evidence[200], request[40];
	int64_t last = spread(i, n, 56 * 86400ll);
	size_t kind = draw(ARRAY_SIZE(controls));
	const struct store_finding f = {
		.id = i + 1,
		.count = 1 + draw(100),
		.control = controls[kind],
		.rule = rules[kind],
		.service = "shop",
		.subject = subject,
		.evidence = evidence,
		.request = request,
		.severity = (int)draw(5),
		.first_ns = last - (int64_t)draw(3600) * (int64_t)CLOCK_NS_PER_S,
		.last_ns = last,
	};

	snprintf(subject, sizeof(subject), "GET /api/v1/resource%" PRIu64 "/{id}", draw(100000));
	snprintf(evidence, sizeof(evidence),
		 "the answer to a request of 10.1.%" PRIu64 ".%" PRIu64
		 " has AKIA************%04" PRIX64 " at byte %" PRIu64,
		 draw(256), draw(256), draw(65536), draw(30000));
	snprintf(request, sizeof(request), "%016" PRIx64 "%016" PRIx64, draw(UINT64_MAX),
		 draw(UINT64_MAX));
	store_put_finding(store, &f);
}

static void put_alert(struct store *store, uint64_t i, uint64_t n)
{
	struct alert a = {
		.id = i + 1,
		.kind = (enum alert_kind)draw(ALERT_KIND_MAX),
		.severity = (enum alert_severity)draw(ALERT_SEVERITY_MAX),
		.state = i + 500 > n ? ALERT_OPEN : ALERT_CLOSED,
		.source = source(),
		.have_source = true,
		.threshold = 5,
		.window_s = 60,
		.count = 5 + draw(1000),
		.last_ns = spread(i, n, 56 * 86400ll),
	};
	char address[ADDR_TEXT], *data;
	struct store_alert row = {.id = a.id};

	a.first_ns = a.crossed_ns = a.raised_ns = a.last_ns - 60 * (int64_t)CLOCK_NS_PER_S;
	snprintf(a.detail, sizeof(a.detail), "%" PRIu64 " of %s within 60 s", a.count,
		 addr_format(&a.source, address));
	for (int k = 0; k < ALERT_SAMPLES; k++) {
		a.samples[k] = (struct alert_sample){
			.wall_ns = a.first_ns + k, .source = a.source, .status = 401};
		snprintf(a.samples[k].request_id, sizeof(a.samples[k].request_id), "%016" PRIx64,
			 draw(UINT64_MAX));
	}
	snprintf(a.tops[ALERT_TOP_SOURCES][0].text, ALERT_TOP_TEXT, "%s", address);
	a.tops[ALERT_TOP_SOURCES][0].count = a.count;
	data = alert_pack(&a);
	row = (struct store_alert){
		.id = a.id,
		.kind = alert_kind_name(a.kind),
		.severity = (int)a.severity,
		.state = (int)a.state,
		.control = alert_kind_control(a.kind),
		.service = "shop",
		.operation = "GET /api/v1/resource1/{id}",
		.subject = address,
		.source = address,
		.count = a.count,
		.first_ns = a.first_ns,
		.last_ns = a.last_ns,
		.data = data,
	};
	if (data)
		store_put_alert(store, &row);
	free(data);
}

static void put_incident(struct store *store, int64_t i, uint64_t entries, uint64_t alerts)
{
	bool open = i + OPEN >= INCIDENTS;
	int64_t at = spread((uint64_t)i, INCIDENTS, 56 * 86400ll);
	struct store_incident row = {
		.id = i + 1,
		.status = open ? (int64_t)draw(5) : 5,
		.priority = 1 + (int64_t)draw(4),
		.title = "auth-failures on GET /api/v1/resource1/{id}",
		.service = "shop",
		.assignee = "",
		.origin = "alerts",
		.opened_ns = at,
		.clock_ns = at,
		.first_ns = at - 60 * (int64_t)CLOCK_NS_PER_S,
		.last_ns = at + 3600 * (int64_t)CLOCK_NS_PER_S,
		.alerts = 5,
		.evidence = 1000,
	};
	bool wide = i == INCIDENTS - 1; /* a week of an operation, from anywhere */
	char address[ADDR_TEXT];

	if (wide)
		row.first_ns = at - SPAN_S * (int64_t)CLOCK_NS_PER_S;
	for (int k = 0; k <= row.status; k++)
		row.reached_ns[k] = at + k * 60 * (int64_t)CLOCK_NS_PER_S;
	store_put_incident(store, &row);
	for (int k = 0; k < 5; k++) {
		struct gl_addr addr = source();
		const struct store_incident_alert link = {
			.alert = (int64_t)alerts - INCIDENTS * 5 + i * 5 + k + 1,
			.incident = row.id,
			.kind = "auth-failures",
			.pattern = "burst",
			.control = "ALR-01",
			.service = "shop",
			.operation = "GET /api/v1/resource1/{id}",
			.subject = "source",
			.source = wide ? "" : addr_format(&addr, address),
			.severity = 2,
			.count = 200,
			.first_ns = row.first_ns,
			.last_ns = row.last_ns,
		};

		store_put_incident_alert(store, &link);
	}
	for (uint64_t k = 0; k < entries; k++) {
		const struct store_incident_entry entry = {.incident = row.id,
							   .time_ns = at + (int64_t)k,
							   .kind = "alert",
							   .actor = "incidents",
							   .text = "one more alert: auth-failures"};

		store_add_incident_entry(store, &entry);
	}
}

static int commit_some(struct store *store, uint64_t i)
{
	int r = 0;

	if (i % BATCH == 0) {
		r = store_commit(store);
		r = r < 0 ? r : store_begin(store);
	}
	return r;
}

static int fill_store(const char *dir, uint64_t findings, uint64_t alerts, uint64_t entries)
{
	struct store *store = NULL;
	int r = store_open(dir, &store);

	r = r < 0 ? r : store_begin(store);
	for (uint64_t i = 0; r == 0 && i < findings; i++) {
		put_finding(store, i, findings);
		r = commit_some(store, i + 1);
	}
	for (uint64_t i = 0; r == 0 && i < alerts; i++) {
		put_alert(store, i, alerts);
		r = commit_some(store, i + 1);
	}
	for (int64_t i = 0; r == 0 && i < INCIDENTS; i++) {
		put_incident(store, i, entries / INCIDENTS, alerts);
		r = commit_some(store, (uint64_t)i * 16 + 16);
	}
	for (uint64_t i = 0; r == 0 && i < STORE_AUDIT_KEPT; i++) {
		const struct store_audit row = {.time_ns =
							spread(i, STORE_AUDIT_KEPT, 56 * 86400ll),
						.origin = "api",
						.what = "alert state",
						.before = "{\"state\": \"open\"}",
						.after = "{\"state\": \"closed\"}"};

		r = store_add_audit(store, &row);
		r = r < 0 ? r : commit_some(store, i + 1);
	}
	r = r < 0 ? r : store_commit(store);
	if (r < 0)
		fprintf(stderr, "%s\n", store_trouble(store) ?: strerror(-r));
	store_close(store);
	return r;
}

int main(int argc, char **argv)
{
	uint64_t rows = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t alerts = rows / 25, others = rows / 100;
	int r;

	if (rows < 2000000) {
		fprintf(stderr, "usage: store_fill DIRECTORY ROWS (2,000,000 and more)\n");
		return 2;
	}
	r = fill_traffic(argv[1], rows / 2);
	if (r == 0)
		r = fill_store(argv[1], rows / 2 - alerts - others, alerts, others);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	return r < 0;
}
