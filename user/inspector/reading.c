/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/reading.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/detect/expect.h"
#include "user/detect/policy.h"
#include "user/detect/subjects.h"
#include "user/detect/tell.h"
#include "user/detect/text.h"
#include "user/inspect/asking.h"
#include "user/inspect/inspect.h"
#include "user/inspector/repeats.h"

#define ID_NONE 0xffff

struct reading {
	struct link *link; /* borrowed */
	struct inspect *inspect;
	struct rules *rules;
	struct text *text; /* NULL: no rules */
	struct repeats *repeats;
	uint64_t now_ns; /* CLOCK_BOOTTIME of the chunk or tick at hand */
	const struct gl_policy *policy; /* borrowed; NULL: none yet */
	struct expect *expect; /* NULL: nothing beyond the detectors' defaults */
	uint16_t *op_of; /* index in ops[] by interned id; 0 = none */
	uint64_t findings;
	uint64_t judged_ns; /* CLOCK_BOOTTIME: the last head that was told; 0 = none */
	uint64_t lost_conn; /* a head of it was lost: nothing of it counts as read any more */
};

/* One transaction being looked at. */
struct looking {
	struct reading *reading;
	const struct transaction *tx;
};

/* ---------------------------------------------------------------------------------------------
 * Told
 */
static void emit(const struct detection *detection, void *userdata)
{
	const struct looking *l = userdata;

	repeats_take(l->reading->repeats, l->tx, detection, l->reading->now_ns);
	l->reading->findings++;
}

static void tell(struct report_finding *report, void *userdata)
{
	struct reading *reading = userdata;

	link_put(reading->link, REPORT_FINDING, &report->report, sizeof(*report));
}

/*
 * A stream's head goes to be judged at once: what waits here is answered meanwhile.
 */
static void tell_head(struct reading *reading, const struct transaction *tx,
		      const struct asking *asking)
{
	int64_t begin_ns = tx->begin_wall_ns - clock_wall_of_boot(0);
	struct report_head head = {
		.conn = tx->conn,
		.generation = reading->policy->generation,
		.principal = tx->principal,
		.head_ns = begin_ns > 0 ? (uint64_t)begin_ns : 0,
		.client = tx->client,
		.source = tx->source,
		.client_port = tx->client_port,
		.server_port = tx->server_port,
		.service = asking->service,
		.op = asking->matched,
		.stream = tx->stream,
		.pid = tx->pid,
		.credential = tx->credential,
		.outcome = asking->outcome,
		.forwarded = asking->forwarded,
		.how = tx->how,
		.n_credentials = asking->n_credentials,
	};

	_Static_assert(sizeof(head.credentials) == sizeof(asking->credentials), "copied whole");
	memcpy(head.credentials, asking->credentials, sizeof(head.credentials));
	if (!link_put_waiting(reading->link, REPORT_HEAD, &head.report, sizeof(head)))
		reading->lost_conn = tx->conn;
	reading->judged_ns = clock_boot_ns();
}

/* Behind the heads, so that the keeper has judged them when it reads this. */
static void on_read(uint64_t conn, uint16_t server_port, uint64_t off, void *userdata)
{
	struct reading *reading = userdata;
	struct report_read report = {.conn = conn, .off = off};
	uint16_t at = reading->policy ? reading->policy->port_service[server_port] : 0;

	if (!at || at > GL_SERVICES_MAX || conn == reading->lost_conn ||
	    !(reading->policy->services[at - 1].flags & GL_SERVICE_HTTP2_JUDGE))
		return;
	link_put_waiting(reading->link, REPORT_READ, &report.report, sizeof(report));
	link_flush(reading->link);
}

/* ---------------------------------------------------------------------------------------------
 * Looked at
 */
static bool is_judged(const struct reading *reading, const struct transaction *tx,
		      const struct asking *asking)
{
	return tx->protocol == HTTP_PROTOCOL_2 &&
	       reading->policy->services[asking->service].flags & GL_SERVICE_HTTP2_JUDGE;
}

static void on_request_head(struct transaction *tx, void *userdata)
{
	struct reading *reading = userdata;
	struct asking asking;

	if (!reading->policy || tx->role != GL_ROLE_SERVER ||
	    asking_read(reading->policy, tx, &asking) < 0)
		return;
	/* two paths: the server may take the other one */
	if (tx->anomalies & ANOMALY_PSEUDO)
		asking.outcome = GL_OUTCOME_MALFORMED;
	if (is_judged(reading, tx, &asking))
		tell_head(reading, tx, &asking);
}

/* What the client asks for cannot be told any more: that is what the keeper has to judge. */
static void on_unreadable(const struct transaction *tx, uint8_t outcome, void *userdata)
{
	struct reading *reading = userdata;
	struct transaction about = *tx;
	struct asking asking;

	if (!reading->policy || tx->role != GL_ROLE_SERVER ||
	    asking_read(reading->policy, &about, &asking) < 0)
		return;
	asking.outcome = outcome;
	asking.matched = 0;
	if (is_judged(reading, tx, &asking))
		tell_head(reading, &about, &asking);
}

static void read_policy(const struct reading *reading, const struct transaction *tx,
			struct detect_policy *ret_policy)
{
	detect_policy_read(reading->policy, tx->op == ID_NONE ? 0 : reading->op_of[tx->op],
			   ret_policy);
	expect_read(reading->expect, tx->service, tx->op, ret_policy);
}

static void on_body(const struct transaction *tx, const struct inspect_window *window,
		    void *userdata)
{
	struct reading *reading = userdata;
	struct looking looking = {reading, tx};
	const struct detect_out out = {.emit = emit, .userdata = &looking};
	struct detect_policy policy;

	if (!reading->text)
		return;
	read_policy(reading, tx, &policy);
	text_body(reading->text, tx, &policy, window, &out);
}

static void tell_subjects(const struct reading *reading, const struct transaction *tx,
			  struct report_transaction *report)
{
	struct subjects subjects;

	if (!reading->policy || tx->role != GL_ROLE_SERVER)
		return;
	subjects_read(tx, &reading->policy->subject_key, &subjects);
	report->account = subjects.account;
	report->password = subjects.password;
	report->object = subjects.object;
	report->object_number = subjects.number;
}

static void on_transaction(const struct transaction *tx, void *userdata)
{
	struct reading *reading = userdata;
	struct looking looking = {reading, tx};
	const struct detect_out out = {.emit = emit, .userdata = &looking};
	struct report_transaction report;
	struct detect_policy policy;

	read_policy(reading, tx, &policy);
	tell_transaction(tx, &report);
	tell_subjects(reading, tx, &report);
	if (policy.failed_location && subjects_sent_back(tx, policy.failed_location))
		report.flags |= TX_SENT_BACK;
	link_put(reading->link, REPORT_TRANSACTION, &report.report, sizeof(report));
	detect_transaction(tx, &policy, &out);
}

/* ---------------------------------------------------------------------------------------------
 * Beginning and end
 */
static void tell_problems(const struct problems *problems, void *userdata)
{
	(void)userdata;
	if (problems->errors)
		problems_print(problems, stderr);
}

static int load_rules(struct reading *reading)
{
	char buffer[PATH_MAX];
	const char *path = rules_default_path(buffer, sizeof(buffer));
	int r;

	if (!path) {
		log_warning("no rules in %s: secrets and personal data are not looked for",
			    RULES_DEFAULT_PATH);
		return 0;
	}
	r = rules_load(path, tell_problems, NULL, &reading->rules);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		log_err(r, "rules in %s: secrets and personal data are not looked for", path);
		return 0;
	}
	r = text_new(reading->rules, &reading->text);
	if (r == 0)
		text_detector_use(reading->text);
	return r;
}

int reading_new(struct link *link, struct reading **ret_reading)
{
	static const struct inspect_callbacks callbacks = {
		.request_head = on_request_head,
		.unreadable = on_unreadable,
		.read = on_read,
		.body = on_body,
		.transaction = on_transaction,
	};
	struct inspect_options options = {.wall_offset_ns = clock_wall_of_boot(0)};
	struct reading *reading = calloc(1, sizeof(*reading));
	int r;

	if (!reading)
		return -ENOMEM;
	reading->link = link;
	reading->op_of = calloc(ID_NONE + 1, sizeof(*reading->op_of));
	r = !reading->op_of ? -ENOMEM : repeats_new(tell, reading, &reading->repeats);
	if (r == 0)
		r = load_rules(reading);
	if (r == 0 && getrandom(options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
		r = -EIO;
	if (r == 0)
		r = inspect_new(&options, &callbacks, reading, &reading->inspect);
	if (r < 0) {
		reading_free(reading);
		return r;
	}
	*ret_reading = reading;
	return 0;
}

void reading_free(struct reading *reading)
{
	if (!reading)
		return;
	inspect_free(reading->inspect);
	repeats_free(reading->repeats);
	text_detector_use(NULL);
	text_free(reading->text);
	rules_free(reading->rules);
	expect_free(reading->expect);
	free(reading->op_of);
	free(reading);
}

int reading_set_policy(struct reading *reading, const struct gl_policy *policy,
		       const uint8_t *expected, size_t size)
{
	reading->policy = policy;
	expect_free(reading->expect);
	reading->expect = NULL;
	memset(reading->op_of, 0, (ID_NONE + 1) * sizeof(*reading->op_of));
	for (uint32_t i = 1; i < policy->n_ops && i < GL_OPS_MAX; i++)
		if (!reading->op_of[policy->ops[i].id])
			reading->op_of[policy->ops[i].id] = (uint16_t)i;
	return size ? expect_open(expected, size, &reading->expect) : 0;
}

/* ---------------------------------------------------------------------------------------------
 * Fed
 */
void reading_chunk(struct reading *reading, const struct gl_chunk *chunk, size_t size)
{
	if (chunk->rec.ts_ns > reading->now_ns)
		reading->now_ns = chunk->rec.ts_ns;
	inspect_chunk(reading->inspect, chunk, size);
}

void reading_tick(struct reading *reading, uint64_t now_ns)
{
	inspect_set_wall_offset(reading->inspect, clock_wall_of_boot(0));
	if (now_ns > reading->now_ns)
		reading->now_ns = now_ns;
	inspect_tick(reading->inspect, reading->now_ns);
	repeats_tick(reading->repeats, reading->now_ns);
}

bool reading_waits(const struct reading *reading)
{
	struct inspect_usage usage;

	inspect_usage(reading->inspect, &usage);
	return usage.transactions > 0 || usage.waiting || repeats_waiting(reading->repeats) > 0;
}

bool reading_judges(const struct reading *reading)
{
	return reading->judged_ns && clock_boot_ns() - reading->judged_ns < CLOCK_NS_PER_S;
}

void reading_add_counts(const struct reading *reading, uint64_t *counts)
{
	const uint64_t *of_streams = inspect_counts(reading->inspect);

	for (int i = 0; i < REPORT_COUNT_MAX; i++)
		counts[i] += of_streams[i];
	counts[REPORT_COUNT_FINDINGS] += reading->findings;
}
