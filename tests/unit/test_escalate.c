/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_escalate.c - refusals to bans: exactly the K-th in W, growing TTL, the rate ceiling, and
 * what never counts. The clock is the records' own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "user/base/clock.h"
#include "user/respond/escalate.h"

#define SECOND CLOCK_NS_PER_S
#define START  (1000000 * SECOND)

static const struct gl_key key = {1, 2};
static const struct policy_escalate rules = {
	.enabled = true, .refusals = 50, .per_s = 60, .ban_s = 60, .growth = 2, .max_s = 600};

static struct gl_rec_verdict refusal(uint32_t host, uint64_t at_ns)
{
	struct gl_rec_verdict v = {
		.rec = {.kind = GL_REC_VERDICT, .len = sizeof(v), .ts_ns = at_ns},
		.verdict = GL_VERDICT_LIMIT,
		.reason = GL_REASON_LIMIT_SOURCE,
		.door = GL_DOOR_WIRE,
	};

	v.source.b[10] = v.source.b[11] = 0xff;
	v.source.w[3] = __builtin_bswap32(0x0a000000 + host);
	return v;
}

static struct escalate *make(size_t size, uint32_t per_minute)
{
	struct escalate *e;

	assert_int_equal(escalate_new(size, &key, &e), 0);
	escalate_set_rules(e, &rules, per_minute);
	return e;
}

/* n refusals a step apart; returns how many bans came of it, the last in *ban. */
static unsigned refuse(struct escalate *e, uint32_t host, unsigned n, uint64_t *at_ns,
		       uint64_t step_ns, struct escalate_ban *ban)
{
	unsigned bans = 0;

	for (unsigned i = 0; i < n; i++, *at_ns += step_ns) {
		struct gl_rec_verdict v = refusal(host, *at_ns);

		bans += escalate_record(e, &v, ban) == ESCALATE_BAN;
	}
	return bans;
}

static void the_kth_refusal_bans(void **state)
{
	struct escalate *e = make(0, 60);
	struct escalate_ban ban;
	uint64_t at = START;

	(void)state;
	assert_int_equal(refuse(e, 7, 49, &at, SECOND / 10, &ban), 0);
	assert_int_equal(refuse(e, 8, 49, &at, 0, &ban), 0); /* another source is another count */
	assert_int_equal(refuse(e, 7, 1, &at, 0, &ban), 1);
	assert_int_equal(ban.ttl_s, 60);
	assert_int_equal(ban.refusals, 50);
	assert_int_equal(ban.strike, 1);
	assert_false(ban.would);
	assert_int_equal(ban.prefix.len, 128);
	escalate_free(e);
}

static void slow_refusals_never_do(void **state)
{
	struct escalate *e = make(0, 60);
	struct escalate_ban ban;
	uint64_t at = START;

	(void)state;
	/* 49 in any 60 s: one each 1.25 s is 48 */
	assert_int_equal(refuse(e, 7, 2000, &at, SECOND * 5 / 4, &ban), 0);
	/* and 50 that straddle more than W are not 50 in W */
	at += 600 * SECOND;
	assert_int_equal(refuse(e, 7, 25, &at, 0, &ban), 0);
	at += 61 * SECOND;
	assert_int_equal(refuse(e, 7, 49, &at, 0, &ban), 0);
	assert_int_equal(refuse(e, 7, 1, &at, 0, &ban), 1);
	escalate_free(e);
}

static void the_ttl_grows_to_its_maximum_and_is_forgiven(void **state)
{
	static const uint32_t ttl[] = {60, 120, 240, 480, 600, 600};
	struct escalate *e = make(0, 60);
	struct escalate_ban ban = {};
	uint64_t at = START;

	(void)state;
	for (size_t i = 0; i < sizeof(ttl) / sizeof(ttl[0]); i++) {
		assert_int_equal(refuse(e, 7, 50, &at, 0, &ban), 1);
		assert_int_equal(ban.ttl_s, ttl[i]);
		assert_int_equal(ban.strike, i + 1);
		/* verdicts still under way while it is banned do not count */
		assert_int_equal(refuse(e, 7, 500, &at, 0, &ban), 0);
		at += ban.ttl_s * SECOND;
	}
	at += 601 * SECOND;
	assert_int_equal(refuse(e, 7, 50, &at, 0, &ban), 1);
	assert_int_equal(ban.ttl_s, 60);
	assert_int_equal(ban.strike, 1);
	escalate_free(e);
}

static void no_more_bans_than_the_ceiling(void **state)
{
	struct escalate *e = make(0, 3);
	struct escalate_ban ban;
	uint64_t at = START;
	unsigned bans = 0;

	(void)state;
	for (uint32_t host = 0; host < 10; host++)
		bans += refuse(e, host, 50, &at, 0, &ban);
	assert_int_equal(bans, 3);
	assert_int_equal(escalate_held_back(e), 7);
	/* who was held back is banned by the next refusal once there is room */
	at += 59 * SECOND;
	assert_int_equal(refuse(e, 9, 1, &at, 0, &ban), 0);
	at += SECOND;
	assert_int_equal(refuse(e, 9, 1, &at, 0, &ban), 0); /* its first 50 have left W */
	assert_int_equal(refuse(e, 9, 49, &at, 0, &ban), 1);
	escalate_free(e);
}

static void monitor_counts_apart(void **state)
{
	struct escalate *e = make(0, 1);
	struct escalate_ban ban;
	unsigned bans = 0;

	(void)state;
	for (unsigned i = 0; i < 98; i++) {
		struct gl_rec_verdict v = refusal(7, START);

		v.flags = i & 1 ? GL_RECF_WOULD : 0;
		bans += escalate_record(e, &v, &ban) == ESCALATE_BAN;
	}
	assert_int_equal(bans, 0); /* 49 of each */
	for (unsigned i = 0; i < 2; i++) {
		struct gl_rec_verdict v = refusal(7, START);

		v.flags = i & 1 ? GL_RECF_WOULD : 0;
		assert_int_equal(escalate_record(e, &v, &ban), ESCALATE_BAN);
		assert_int_equal(ban.would, i & 1); /* nor does it use up the ceiling */
	}
	escalate_free(e);
}

/* Which reasons are the client's doing: every value, so that a new one is thought about. */
static void what_counts(void **state)
{
	static const bool client[GL_REASON_MAX] = {
		[GL_REASON_LIMIT_SOURCE] = true,      [GL_REASON_LIMIT_PRINCIPAL] = true,
		[GL_REASON_CEILING_SOURCE] = true,    [GL_REASON_NO_CREDENTIAL] = true,
		[GL_REASON_SOURCE_NETWORK] = true,    [GL_REASON_AMBIGUOUS_PATH] = true,
		[GL_REASON_MALFORMED] = true,         [GL_REASON_TOO_LONG] = true,
		[GL_REASON_UNKNOWN_OPERATION] = true, [GL_REASON_HTTP2] = true,
		[GL_REASON_UNSUPPORTED] = true,       [GL_REASON_HEAD_TIMEOUT] = true,
	};

	(void)state;
	for (unsigned r = 0; r < GL_REASON_MAX; r++) {
		assert_int_equal(escalate_counts(GL_VERDICT_REFUSE, r, GL_DOOR_WIRE), client[r]);
		assert_int_equal(escalate_counts(GL_VERDICT_LIMIT, r, GL_DOOR_TLS), client[r]);
		assert_false(escalate_counts(GL_VERDICT_ALLOW, r, GL_DOOR_WIRE));
		assert_false(escalate_counts(GL_VERDICT_BAN, r, GL_DOOR_WIRE));
		assert_false(escalate_counts(GL_VERDICT_SUSPEND, r, GL_DOOR_WIRE));
		/* I4: a packet at the nic door may be forged */
		assert_false(escalate_counts(GL_VERDICT_REFUSE, r, GL_DOOR_NIC));
	}
}

static void off_is_off(void **state)
{
	struct policy_escalate off = rules;
	struct escalate *e = make(0, 60);
	struct escalate_ban ban;
	uint64_t at = START;

	(void)state;
	off.enabled = false;
	escalate_set_rules(e, &off, 60);
	assert_int_equal(refuse(e, 7, 1000, &at, 0, &ban), 0);
	escalate_free(e);
}

static void a_flood_of_sources_is_bounded(void **state)
{
	struct escalate *e = make(1024, 60);
	struct escalate_ban ban;
	uint64_t at = START;

	(void)state;
	for (uint32_t host = 0; host < 5000; host++)
		refuse(e, host, 1, &at, 1, &ban);
	assert_true(escalate_evicted(e) >= 5000 - 1024);
	assert_true(escalate_evicted(e) < 5000);
	/* the table still works */
	assert_int_equal(refuse(e, 4999, 49, &at, 0, &ban), 1);
	escalate_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kth_refusal_bans),
		cmocka_unit_test(slow_refusals_never_do),
		cmocka_unit_test(the_ttl_grows_to_its_maximum_and_is_forgiven),
		cmocka_unit_test(no_more_bans_than_the_ceiling),
		cmocka_unit_test(monitor_counts_apart),
		cmocka_unit_test(what_counts),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(a_flood_of_sources_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
