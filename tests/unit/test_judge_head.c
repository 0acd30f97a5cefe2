/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_judge_head.c - HTTP/2 heads in the keeper: the same ceilings as at the doors on the same
 * table, a cut for each refusal, would only in monitor, an older policy's heads by that policy,
 * strangers' heads refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "include/glacis/proven.h"
#include "tests/unit/fake_keeper.h"
#include "user/inspect/transaction.h"

/* Operations are in the policy's order, behind [0] and the classes' own. */
static uint16_t op_of(const char *name)
{
	const struct gl_policy *policy = kern_policy(keeper.kern);
	int id = intern_id(apply_intern(keeper.apply), INTERN_OPERATION, name);

	for (uint16_t i = 1; i < policy->n_ops; i++)
		if (policy->ops[i].id == id)
			return i;
	fail_msg("no operation %s", name);
	return 0;
}

static struct report_head example(const char *source, uint16_t op)
{
	struct report_head head = {
		.report = {.kind = REPORT_HEAD, .len = sizeof(head)},
		.conn = 77,
		.generation = kern_generation(keeper.kern),
		.server_port = 8080,
		.client_port = 40000,
		.op = op,
		.how = GL_HOW_PROBE,
		.outcome = GL_OUTCOME_OK,
	};

	assert_int_equal(addr_parse(source, &head.source), 0);
	head.client = head.source;
	return head;
}

static const struct gl_rec_verdict *last_verdict(void)
{
	size_t n = events_count(keeper.events, EVENTS_VERDICTS);
	const struct event *event = events_at(keeper.events, EVENTS_VERDICTS, n - 1);

	assert_int_equal(event->kind, EVENT_VERDICT);
	return &event->verdict;
}

/* What people decided, over HTTP/2 as at the doors: suspension, lockdown, revocation, grant. */
static void decide(enum subject_kind kind, const char *text, const char *detail)
{
	const struct subject_ask ask = {
		.kind = kind, .text = text, .detail = detail, .ttl_s = 3600, .origin = "manual"};

	assert_int_equal(subjects_put(keeper.subjects, &ask, clock_now(), NULL), 0);
}

static void test_contained(void **state)
{
	struct report_head head = example("198.18.3.1", op_of("shop POST /api/v1/auth/**"));

	(void)state;
	head.credentials[3] = 0x1122334455667788;
	head.n_credentials = 4;
	decide(SUBJECT_GRANT, "source 198.18.3.1 class auth", NULL);
	for (int i = 0; i < 20; i++)
		assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 0);
	decide(SUBJECT_PRINCIPAL, "1122334455667788", NULL);
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(last_verdict()->reason, GL_REASON_REVOKED);
	decide(SUBJECT_SERVICE, "shop", "10.0.0.0/8");
	head.conn++; /* the one before is cut */
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(last_verdict()->reason, GL_REASON_LOCKDOWN);
	head.conn++;
	decide(SUBJECT_OPERATION, "shop POST /api/v1/auth/**", NULL);
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(last_verdict()->verdict, GL_VERDICT_SUSPEND);
	assert_in_range(last_verdict()->retry_s, 3599, 3600);
	assert_int_equal(keeper.judged.refused, 3);
	/* another operation, from inside, without that credential */
	head = example("10.2.3.4", op_of("shop GET /api/v1/private"));
	head.credential = GL_CRED_API_KEY;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 3);
}

static void test_limit(void **state)
{
	struct report_head head = example("198.18.0.1", op_of("shop POST /api/v1/auth/**"));
	size_t before = events_count(keeper.events, EVENTS_VERDICTS);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.kern->n_cuts, 0);
	assert_int_equal(events_count(keeper.events, EVENTS_VERDICTS), before);
	for (int i = 0; i < 3; i++)
		assert_true(judge_head(&keeper, &head));
	/* the connection ends with the first one: the others are told of once, and take nothing */
	assert_int_equal(keeper.judged.judged, 6);
	assert_int_equal(keeper.judged.refused, 1);
	assert_int_equal(keeper.judged.after_cut, 2);
	assert_int_equal(keeper.kern->n_cuts, 1);
	assert_int_equal(keeper.kern->cuts[0], 77);
	assert_int_equal(events_count(keeper.events, EVENTS_VERDICTS), before + 1);
	/* another connection of the source: refused from its first request on */
	head.conn = 78;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 2);
	assert_int_equal(keeper.kern->n_cuts, 2);
	assert_int_equal(last_verdict()->verdict, GL_VERDICT_LIMIT);
	assert_int_equal(last_verdict()->delivery, GL_DELIVERY_RESET);
	assert_int_equal(last_verdict()->limit, 5);
	assert_true(last_verdict()->flags & GL_RECF_APP_SAW);
	assert_false(last_verdict()->flags & GL_RECF_WOULD);
	/* another source is not concerned */
	head = example("198.18.0.2", head.op);
	head.conn = 79;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 2);
}

static void test_monitor(void **state)
{
	struct report_head head = example("198.18.0.3", op_of("shop POST /api/v1/auth/**"));

	(void)state;
	keeper.kern->control.mode = GL_MODE_MONITOR;
	for (int i = 0; i < 7; i++)
		assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.would_refuse, 2);
	assert_int_equal(keeper.judged.refused, 0);
	assert_int_equal(keeper.kern->n_cuts, 0);
	assert_true(last_verdict()->flags & GL_RECF_WOULD);
}

static void test_rules(void **state)
{
	struct report_head head = example("198.18.0.4", op_of("shop GET /api/v1/private"));

	(void)state;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(last_verdict()->reason, GL_REASON_NO_CREDENTIAL);
	head.conn++;
	head.credential = GL_CRED_AUTHORIZATION;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 1);
	head = example("198.18.0.4", op_of("shop * /api/v1/admin/**"));
	head.conn = 79;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(last_verdict()->reason, GL_REASON_SOURCE_NETWORK);
	head = example("10.1.2.3", head.op);
	head.conn = 80;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 2);
	/* no operation: the service's default */
	head = example("198.18.0.4", 0);
	head.conn = 81;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 2);
	head.conn++;
	head.outcome = GL_OUTCOME_AMBIGUOUS;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(last_verdict()->reason, GL_REASON_AMBIGUOUS_PATH);
}

/* What cannot be read is refused, or it would be a way around every limit. */
static void test_unreadable(void **state)
{
	static const struct {
		uint8_t outcome, reason;
	} cases[] = {
		{GL_OUTCOME_MALFORMED, GL_REASON_MALFORMED},
		{GL_OUTCOME_TOO_LONG, GL_REASON_TOO_LONG},
		{GL_OUTCOME_UNSUPPORTED, GL_REASON_UNSUPPORTED},
		{GL_OUTCOME_SHORT, GL_REASON_MALFORMED},
	};
	struct report_head head = example("198.18.0.6", 0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		head.conn = 100 + i;
		head.outcome = cases[i].outcome;
		assert_true(judge_head(&keeper, &head));
		assert_int_equal(last_verdict()->verdict, GL_VERDICT_REFUSE);
		assert_int_equal(last_verdict()->reason, cases[i].reason);
		assert_int_equal(keeper.judged.refused, i + 1);
		assert_int_equal(keeper.kern->n_cuts, i + 1);
	}
	keeper.kern->control.mode = GL_MODE_MONITOR;
	head.conn = 200;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.would_refuse, 1);
	assert_int_equal(keeper.kern->n_cuts, sizeof(cases) / sizeof(cases[0]));
}

static void test_strangers(void **state)
{
	struct report_head head = example("198.18.0.5", 1), bad;

	(void)state;
	bad = head;
	bad.report.len = 8;
	assert_false(judge_head(&keeper, &bad));
	bad = head;
	bad.service = 1;
	assert_false(judge_head(&keeper, &bad));
	bad = head;
	bad.op = (uint16_t)kern_policy(keeper.kern)->n_ops;
	assert_false(judge_head(&keeper, &bad));
	bad = head;
	bad.outcome = GL_OUTCOME_MAX;
	assert_false(judge_head(&keeper, &bad));
	bad = head;
	bad.generation += 3;
	assert_true(judge_head(&keeper, &bad));
	assert_int_equal(keeper.judged.stale, 1);
	assert_int_equal(keeper.judged.judged, 0);
}

/* Who is refused, or about to be, has answers only once what he asks is judged. */
static void test_lockstep(void **state)
{
	struct report_head head = example("198.18.0.7", op_of("shop POST /api/v1/auth/**"));
	struct report_read read = {.conn = 5, .off = 99};
	const struct gl_policy *policy = kern_policy(keeper.kern);
	uint64_t now_ns = clock_boot_ns();

	(void)state;
	assert_true(judge_head(&keeper, &head));
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.kern->lockstep_ns, 0);
	assert_true(judge_head(&keeper, &head)); /* two are left of five */
	assert_in_range(keeper.kern->lockstep_ns, now_ns + 60 * CLOCK_NS_PER_S,
			now_ns + 70 * CLOCK_NS_PER_S);
	assert_true(addr_equal(&keeper.kern->lockstep.source, &head.client));
	assert_int_equal(keeper.kern->lockstep.service, policy->services[0].id);
	for (int i = 0; i < 3; i++)
		assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 1);
	assert_in_range(keeper.kern->lockstep_ns, now_ns + 900 * CLOCK_NS_PER_S,
			now_ns + 910 * CLOCK_NS_PER_S);
	/* a proxy's streams are many clients' */
	keeper.kern->lockstep_ns = 0;
	head.conn = 78;
	head.forwarded = 1;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.judged.refused, 2);
	assert_int_equal(keeper.kern->lockstep_ns, 0);
	/* monitor: nothing waits for anything */
	keeper.kern->control.mode = GL_MODE_MONITOR;
	head.conn = 79;
	head.forwarded = 0;
	assert_true(judge_head(&keeper, &head));
	assert_int_equal(keeper.kern->lockstep_ns, 0);
	judge_read(&keeper, &read);
	assert_int_equal(keeper.kern->h2_conn, 5);
	assert_int_equal(keeper.kern->h2_off, 99);
}

static void test_waits(void **state)
{
	struct report_head head = example("198.18.0.8", op_of("shop POST /api/v1/auth/**"));

	(void)state;
	assert_int_equal(judge_wait_ns(&keeper.judged, 0.5), 0);
	head.head_ns = clock_boot_ns() - 1000000;
	assert_true(judge_head(&keeper, &head));
	assert_in_range(judge_wait_ns(&keeper.judged, 0.5), 1000000, 100000000);
	keeper.judged = (struct judge_counts){};
	keeper.judged.waits[0] = 98;
	keeper.judged.waits[JUDGE_WAITS - 1] = 2;
	assert_true(judge_wait_ns(&keeper.judged, 0.5) < 8);
	assert_true(judge_wait_ns(&keeper.judged, 0.99) > 1000000000);
}

static bool is_proven(uint64_t principal)
{
	return proven_is(keeper.kern->proven, GL_PROVEN_SLOTS, principal,
			 (uint32_t)(clock_boot_ns() / CLOCK_NS_PER_S));
}

static void test_prove(void **state)
{
	struct report_transaction tx = {
		.principal = 99, .protocol = HTTP_PROTOCOL_2, .status = 200};
	const struct gl_policy *policy = kern_policy(keeper.kern);

	(void)state;
	tx.op = policy->ops[op_of("shop POST /api/v1/auth/**")].id;
	judge_prove(&keeper, &tx);
	assert_false(is_proven(99)); /* it asks for no credential */
	tx.op = policy->ops[op_of("shop GET /api/v1/private")].id;
	tx.status = 403;
	judge_prove(&keeper, &tx);
	assert_false(is_proven(99));
	tx.status = 200;
	tx.protocol = HTTP_PROTOCOL_1_1; /* the door's business */
	judge_prove(&keeper, &tx);
	assert_false(is_proven(99));
	tx.protocol = HTTP_PROTOCOL_2;
	judge_prove(&keeper, &tx);
	assert_true(is_proven(99));
	tx.status = 401;
	judge_prove(&keeper, &tx);
	assert_false(is_proven(99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_contained, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lockstep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prove, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
