/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_contain.c - from verdict records to bans in force: who is banned, who is spared and why, and
 * that each leaves its trace.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "include/glacis/prefix.h"
#include "tests/unit/fake_keeper.h"
#include "user/base/file.h"

static struct gl_addr address(const char *text)
{
	struct gl_addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

/* n refusals of one source at once. */
static void refuse(const char *source, unsigned n, uint8_t flags)
{
	struct gl_rec_verdict v = {
		.rec = {.kind = GL_REC_VERDICT, .len = sizeof(v), .ts_ns = clock_boot_ns()},
		.source = address(source),
		.verdict = GL_VERDICT_LIMIT,
		.reason = GL_REASON_LIMIT_SOURCE,
		.door = GL_DOOR_WIRE,
		.flags = flags,
	};

	while (n--)
		contain_verdict(&keeper, &v);
}

static bool is_banned(const char *source)
{
	struct gl_addr addr = address(source);

	return prefix_match(keeper.kern->bans, FAKE_BAN_SLOTS,
			    &keeper.kern->control.decision_lens[GL_SET_BAN], GL_SET_BAN, &addr,
			    clock_boot_ns()) != 0;
}

static const char *last_note(void)
{
	size_t n = events_count(keeper.events, EVENTS_VERDICTS);
	const struct event *event = n ? events_at(keeper.events, EVENTS_VERDICTS, n - 1) : NULL;

	return event && event->kind == EVENT_DECISION ? event->note.message : "";
}

static void count_bans(const struct store_audit *audit, void *userdata)
{
	*(unsigned *)userdata += strcmp(audit->what, "ban") == 0;
}

static void the_fiftieth_refusal(void **state)
{
	const struct decision *d;
	unsigned audited = 0;

	(void)state;
	refuse("198.18.0.1", 49, 0);
	assert_false(is_banned("198.18.0.1"));
	assert_string_equal(last_note(), "");
	refuse("198.18.0.1", 1, 0);
	assert_true(is_banned("198.18.0.1"));
	assert_false(is_banned("198.18.0.2"));
	d = decisions_at(keeper.decisions, 0);
	assert_string_equal(d->origin, "escalation");
	assert_string_equal(d->reason, "50 refusals in 1m");
	assert_string_equal(last_note(), "ban 198.18.0.1 for 1m: 50 refusals in 1m");
	assert_int_equal(store_each_audit(keeper.store, 0, 10, count_bans, &audited), 0);
	assert_int_equal(audited, 1);
	refuse("2001:2::1", 50, 0); /* a source is a /64; 2001:2::/48 is the IPv6 of RFC 2544 */
	assert_true(is_banned("2001:2::ffff"));
	assert_false(is_banned("2001:2:0:1::1"));
}

static void the_protected_are_spared(void **state)
{
	(void)state;
	refuse("198.51.100.7", 500, 0);
	assert_string_equal(last_note(), "198.51.100.7 is not banned: it is 198.51.100.7, in "
					 "protect.never of the policy");
	refuse("10.9.8.7", 500, 0);
	assert_string_equal(last_note(),
			    "10.9.8.7 is not banned: it lies in 10.9.0.0/16, a trusted "
			    "proxy of service shop");
	refuse("127.0.0.1", 500, 0);
	assert_int_equal(decisions_count(keeper.decisions), 0);
	assert_int_equal(events_count(keeper.events, EVENTS_VERDICTS), 3); /* once each */
}

static void an_office_is_spared(void **state)
{
	struct gl_rec_response good = {
		.rec = {.kind = GL_REC_RESPONSE, .ts_ns = clock_boot_ns()},
		.source = address("198.18.0.1"),
		.status = 200,
		.flags = GL_RECF_PROVEN,
	};

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		good.principal = i;
		sources_response(keeper.sources, &good);
	}
	refuse("198.18.0.1", 50, 0);
	assert_string_equal(last_note(), "198.18.0.1 is not banned: 3 clients share it, by "
					 "credential or fingerprint");
	assert_false(is_banned("198.18.0.1"));
	/* two are an attacker with two stolen keys */
	good.source = address("198.18.0.2");
	for (uint64_t i = 1; i <= 2; i++) {
		good.principal = i;
		sources_response(keeper.sources, &good);
	}
	refuse("198.18.0.2", 50, 0);
	assert_true(is_banned("198.18.0.2"));
}

static void an_office_without_credentials_is_spared(void **state)
{
	struct gl_rec_response good = {
		.rec = {.kind = GL_REC_RESPONSE, .ts_ns = clock_boot_ns()},
		.source = address("198.18.0.1"),
		.status = 200,
	};

	(void)state;
	sources_response(keeper.sources, &good);
	for (uint64_t key = 1; key <= 3; key++)
		sources_hello(keeper.sources, &good.source, key, clock_boot_ns());
	refuse("198.18.0.1", 50, 0);
	assert_false(is_banned("198.18.0.1"));
	/* whom nobody served may show as many fingerprints as he likes */
	good.source = address("198.18.0.2");
	good.status = 403;
	sources_response(keeper.sources, &good);
	for (uint64_t key = 1; key <= 3; key++)
		sources_hello(keeper.sources, &good.source, key, clock_boot_ns());
	refuse("198.18.0.2", 50, 0);
	assert_true(is_banned("198.18.0.2"));
}

static void monitor_bans_nobody(void **state)
{
	(void)state;
	refuse("198.18.0.1", 50, GL_RECF_WOULD);
	assert_string_equal(last_note(), "would ban 198.18.0.1 for 1m: 50 refusals in 1m");
	assert_int_equal(decisions_count(keeper.decisions), 0);
	assert_false(is_banned("198.18.0.1"));
}

/* Connections of whoever is banned are cut with the ban; in monitor, and of others, none is. */
static void open_connections_are_cut(void **state)
{
	struct gl_open *open = keeper.kern->opens;

	(void)state;
	open[0] = (struct gl_open){.conn = 11, .peer = address("198.18.0.1"), .port = 8080};
	open[1] = (struct gl_open){.conn = 12, .peer = address("198.18.0.2"), .port = 8080};
	open[2] = (struct gl_open){.conn = 13, .peer = address("198.18.0.1"), .port = 9999};
	keeper.kern->n_opens = 3;
	keeper.kern->control.ban_mode = GL_MODE_MONITOR;
	refuse("198.18.0.1", 50, 0);
	assert_int_equal(keeper.kern->n_cuts, 0);
	keeper.kern->control.mode = keeper.kern->control.ban_mode = GL_MODE_ENFORCE;
	refuse("198.18.0.2", 50, 0);
	assert_int_equal(keeper.kern->n_cuts, 1);
	assert_int_equal(keeper.kern->cuts[0], 12);
	assert_int_equal(keeper.open_cuts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_fiftieth_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(the_protected_are_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(an_office_is_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(an_office_without_credentials_is_spared, setup,
						teardown),
		cmocka_unit_test_setup_teardown(monitor_bans_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(open_connections_are_cut, setup, teardown),
	};

	log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR); /* changes are told on stderr */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
