/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_playbooks.c - from alerts to what playbooks do: done at once, asked for, never done; nobody
 * is locked out; everything is undone by one command, and what nobody decides expires.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "include/glacis/prefix.h"
#define POLICY                                                                                     \
	"apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: shop}\nspec:\n"        \
	"  mode: enforce\n"                                                                        \
	"  classes:\n"                                                                             \
	"    auth: {limit: 5/15m}\n"                                                               \
	"    health: {exempt: true, match: [\"GET /healthz\"]}\n"                                  \
	"  services:\n"                                                                            \
	"    - name: shop\n"                                                                       \
	"      ports: [8080]\n"                                                                    \
	"      trustedProxies: [10.9.0.0/16]\n"                                                    \
	"      operations:\n"                                                                      \
	"        - {match: \"POST /api/v1/login\", class: auth, auth: none}\n"                     \
	"        - {match: \"GET /probe\", class: health, auth: none}\n"                           \
	"  protect: {never: [198.51.100.7]}\n"                                                     \
	"  containment: {auto: [P2], maxBansPerMinute: 4, ttl: 2h}\n"                              \
	"  playbooks:\n"                                                                           \
	"    - name: guessing\n"                                                                   \
	"      alerts: [auth-failures, credential-stuffing]\n"                                     \
	"      actions: [{do: block, run: auto}, {do: suspend}, {do: revoke, ttl: 1h}]\n"
#include "tests/unit/fake_keeper.h"
#include "user/keeper/incidents.h"
#include "user/keeper/playbooks.h"
#include "user/policy/reader.h"

#define SECOND 1000000000ll

static int begin(void **state)
{
	int r = setup(state);

	if (r == 0)
		r = keeper_incidents_new(&keeper);
	reload_follow(&keeper);
	return r;
}

static int end(void **state)
{
	incidents_free(keeper.incidents);
	actions_free(keeper.actions);
	return teardown(state);
}

static struct gl_addr address(const char *text)
{
	struct gl_addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

/* Somebody guesses passwords: P2. */
static void attack(const char *source, enum alert_kind kind, uint64_t principal)
{
	struct gl_addr addr = address(source);
	char subject[64];
	const struct alert_report report = {
		.kind = kind,
		.severity = -1,
		.service = "shop",
		.operation = "POST /api/v1/login",
		.subject = subject,
		.source = &addr,
		.principal = principal,
		.count = 5,
		.last_ns = clock_wall_ns(),
	};

	snprintf(subject, sizeof(subject), "source %s", source);
	assert_int_equal(alerts_raise(keeper.alerts, &report, clock_wall_ns(), NULL), 1);
	keeper_incidents_tick(&keeper);
}

static bool is_banned(const char *source)
{
	struct gl_addr addr = address(source);

	return prefix_match(keeper.kern->bans, FAKE_BAN_SLOTS,
			    &keeper.kern->control.decision_lens[GL_SET_BAN], GL_SET_BAN, &addr,
			    clock_boot_ns()) != 0;
}

static void serve(const char *source, uint64_t principal)
{
	struct gl_rec_response good = {
		.rec = {.kind = GL_REC_RESPONSE, .ts_ns = clock_boot_ns()},
		.source = address(source),
		.principal = principal,
		.status = 200,
		.flags = principal ? GL_RECF_PROVEN : 0,
	};

	sources_response(keeper.sources, &good);
}

static void serve_others(void)
{
	serve("198.18.9.1", 0);
	serve("198.18.9.2", 0);
	serve("198.18.9.3", 0);
}

static struct action *action_of(unsigned verb, const char *target)
{
	struct action *found = NULL;

	for (size_t i = 0; i < actions_count(keeper.actions); i++)
		if (actions_at(keeper.actions, i)->verb == verb &&
		    (!target || !strcmp(actions_at(keeper.actions, i)->target, target)))
			found = actions_at(keeper.actions, i);
	assert_non_null(found);
	return found;
}

static void assert_state(unsigned verb, const char *target, enum action_state state,
			 const char *why)
{
	const struct action *a = action_of(verb, target);

	if (a->state != state || !strstr(a->why, why))
		fail_msg("%s %s is %s: %s", playbook_verb_name(verb), a->target,
			 action_state_name(a->state), a->why);
}

static void an_attacker_is_blocked_at_once(void **state)
{
	char why[PLAYBOOK_WHY];
	const struct decision *d;
	struct action *a;

	(void)state;
	serve_others();
	attack("198.18.0.1", ALERT_CREDENTIAL_STUFFING, 0);
	assert_true(is_banned("198.18.0.1"));
	assert_false(is_banned("198.18.0.2"));
	a = action_of(POLICY_VERB_BLOCK, "198.18.0.1");
	assert_int_equal(a->state, ACTION_DONE);
	assert_true(a->automatic);
	assert_int_equal(a->incident, 1);
	assert_int_equal(a->ttl_s, 7200);
	d = decisions_find(keeper.decisions, GL_SET_BAN,
			   &(struct addr_prefix){address("198.18.0.1"), 128});
	assert_string_equal(d->origin, "playbook");
	assert_string_equal(d->reason, "incident 1, playbook guessing");
	/* what asks waits */
	assert_state(POLICY_VERB_SUSPEND, "shop POST /api/v1/login", ACTION_PROPOSED,
		     "the playbook asks");
	/* once a target */
	keeper_incidents_tick(&keeper);
	assert_int_equal(actions_count(keeper.actions), 2);
	/* one command takes it back */
	assert_int_equal(playbooks_undo(&keeper, a, "uid 0", true, why), 0);
	assert_true(is_banned("198.18.0.1"));
	assert_int_equal(playbooks_undo(&keeper, a, "uid 0", false, why), 0);
	assert_false(is_banned("198.18.0.1"));
	assert_int_equal(playbooks_undo(&keeper, a, "uid 0", false, why), -EALREADY);
	/* and it is not done again for the same incident */
	attack("198.18.0.1", ALERT_AUTH_FAILURES, 0);
	assert_false(is_banned("198.18.0.1"));
}

/* No automatic action, and no approval, reaches these. */
static void the_protected_are_never_blocked(void **state)
{
	static const struct {
		const char *source, *what;
	} cases[] = {
		{"127.0.0.1", "loopback"},
		{"::1", "loopback"},
		{"10.9.8.7", "a trusted proxy of service shop"},
		{"198.51.100.7", "in protect.never"},
		{"198.18.1.1", "the default gateway on eth9"},
		{"198.18.1.2", "a resolver"},
		{"198.18.1.3", "the login session on pts/9"},
	};
	char why[PLAYBOOK_WHY];

	(void)state;
	serve_others();
	assert_int_equal(contain_refresh_protected(&keeper, 0), 0);
	for (size_t i = 4; i < ARRAY_SIZE(cases); i++) {
		struct addr_prefix prefix = {address(cases[i].source), 128};

		assert_int_equal(protect_add(keeper.protect, &prefix, "%s", cases[i].what), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		attack(cases[i].source, ALERT_CREDENTIAL_STUFFING, 0);
		assert_false(is_banned(cases[i].source));
		assert_int_equal(decisions_count(keeper.decisions), 0);
	}
	for (size_t i = 0; i < actions_count(keeper.actions); i++) {
		struct action *a = actions_at(keeper.actions, i);

		if (a->verb != POLICY_VERB_BLOCK)
			continue;
		assert_int_equal(a->state, ACTION_REFUSED);
		/* also not as a proposal somebody approves by mistake */
		a->state = ACTION_PROPOSED;
		assert_int_equal(playbooks_approve(&keeper, a, "uid 0", false, why), -EPERM);
		assert_non_null(strstr(why, "is protected"));
	}
	assert_int_equal(decisions_count(keeper.decisions), 0);
}

/* Everybody behind one address: many principals, or many TLS clients. */
static void an_office_is_not_blocked_at_once(void **state)
{
	struct gl_addr nat = address("198.18.0.2");

	(void)state;
	serve_others();
	for (uint64_t i = 1; i <= 3; i++)
		serve("198.18.0.1", i);
	attack("198.18.0.1", ALERT_CREDENTIAL_STUFFING, 0);
	assert_false(is_banned("198.18.0.1"));
	assert_state(POLICY_VERB_BLOCK, "198.18.0.1", ACTION_PROPOSED, "3 clients share it");
	serve("198.18.0.2", 0);
	for (uint64_t key = 1; key <= 3; key++)
		sources_hello(keeper.sources, &nat, key, clock_boot_ns());
	attack("198.18.0.2", ALERT_CREDENTIAL_STUFFING, 0);
	assert_false(is_banned("198.18.0.2"));
	assert_state(POLICY_VERB_BLOCK, "198.18.0.2", ACTION_PROPOSED, "3 clients share it");
	/* fingerprints cost nothing: where nobody was served they protect nobody */
	nat = address("198.18.0.3");
	for (uint64_t key = 1; key <= 9; key++)
		sources_hello(keeper.sources, &nat, key, clock_boot_ns());
	attack("198.18.0.3", ALERT_CREDENTIAL_STUFFING, 0);
	assert_true(is_banned("198.18.0.3"));
}

/* All of those who are served come from one address: nobody else is left. */
static void all_good_sources_are_not_blocked_at_once(void **state)
{
	(void)state;
	serve("198.18.0.1", 0);
	attack("198.18.0.1", ALERT_CREDENTIAL_STUFFING, 0);
	assert_false(is_banned("198.18.0.1"));
	assert_state(POLICY_VERB_BLOCK, "198.18.0.1", ACTION_PROPOSED,
		     "it would hit 1 of 1 sources that were served lately");
	/* half of them is too many, a quarter is not */
	serve("198.18.0.2", 0);
	attack("198.18.0.2", ALERT_CREDENTIAL_STUFFING, 0);
	assert_false(is_banned("198.18.0.2"));
	serve_others();
	serve("198.18.0.3", 0);
	attack("198.18.0.3", ALERT_CREDENTIAL_STUFFING, 0);
	assert_true(is_banned("198.18.0.3"));
	assert_int_equal(action_of(POLICY_VERB_BLOCK, "198.18.0.3")->hit, 1);
	assert_int_equal(action_of(POLICY_VERB_BLOCK, "198.18.0.3")->good, 6);
}

static void a_minute_has_its_ceiling(void **state)
{
	char source[ADDR_TEXT];
	unsigned banned = 0;

	(void)state;
	for (int i = 1; i <= 9; i++) {
		snprintf(source, sizeof(source), "198.18.0.%d", i);
		attack(source, ALERT_CREDENTIAL_STUFFING, 0);
		banned += is_banned(source);
	}
	assert_int_equal(banned, 4);
	assert_state(POLICY_VERB_BLOCK, "198.18.0.9", ACTION_PROPOSED, "maxBansPerMinute");
}

static void monitor_and_other_priorities_ask(void **state)
{
	(void)state;
	attack("198.18.0.1", ALERT_AUTH_FAILURES, 0); /* P3 */
	assert_false(is_banned("198.18.0.1"));
	assert_state(POLICY_VERB_BLOCK, "198.18.0.1", ACTION_PROPOSED, "containment.auto");
	keeper.kern->control.mode = GL_MODE_MONITOR;
	attack("198.18.0.2", ALERT_CREDENTIAL_STUFFING, 0);
	assert_false(is_banned("198.18.0.2"));
	assert_state(POLICY_VERB_BLOCK, "198.18.0.2", ACTION_PROPOSED, "the agent monitors");
}

static void people_decide(void **state)
{
	struct action *suspend, *revoke;
	char why[PLAYBOOK_WHY];

	(void)state;
	attack("198.18.0.1", ALERT_CREDENTIAL_STUFFING, 0xabcdef);
	suspend = action_of(POLICY_VERB_SUSPEND, NULL);
	revoke = action_of(POLICY_VERB_REVOKE, "0000000000abcdef");
	assert_int_equal(playbooks_approve(&keeper, suspend, "uid 0", true, why), 0);
	assert_int_equal(subjects_count(keeper.subjects), 0);
	assert_int_equal(playbooks_approve(&keeper, suspend, "uid 0", false, why), 0);
	assert_int_equal(subjects_count(keeper.subjects), 1);
	assert_string_equal(subjects_at(keeper.subjects, 0)->text, "shop POST /api/v1/login");
	assert_false(suspend->automatic);
	assert_int_equal(playbooks_deny(&keeper, revoke, "uid 0", "our own", false, why), 0);
	assert_int_equal(playbooks_approve(&keeper, revoke, "uid 0", false, why), -EALREADY);
	assert_string_equal(why, "action 3 is denied already");
	assert_int_equal(playbooks_undo(&keeper, suspend, "uid 0", false, why), 0);
	assert_int_equal(subjects_count(keeper.subjects), 0);
}

static void what_nobody_decides_expires(void **state)
{
	struct action *suspend;
	char why[PLAYBOOK_WHY];

	(void)state;
	attack("198.18.0.1", ALERT_CREDENTIAL_STUFFING, 0);
	suspend = action_of(POLICY_VERB_SUSPEND, NULL);
	assert_int_equal(suspend->expires_ns - suspend->created_ns, 3600 * SECOND);
	suspend->expires_ns = clock_wall_ns() + 3600 * SECOND;
	playbooks_tick(&keeper);
	assert_int_equal(suspend->state, ACTION_PROPOSED);
	suspend->expires_ns = clock_wall_ns();
	playbooks_tick(&keeper);
	assert_int_equal(suspend->state, ACTION_EXPIRED);
	assert_int_equal(playbooks_approve(&keeper, suspend, "uid 0", false, why), -ETIME);
	assert_non_null(strstr(why, "expired at"));
	assert_int_equal(subjects_count(keeper.subjects), 0);
}

static void they_outlive_a_restart(void **state)
{
	struct action before;
	uint32_t id;

	(void)state;
	attack("198.18.0.1", ALERT_CREDENTIAL_STUFFING, 0);
	before = *action_of(POLICY_VERB_BLOCK, "198.18.0.1");
	id = before.id;
	assert_false(before.dirty);
	actions_free(keeper.actions);
	keeper.actions = NULL;
	assert_int_equal(actions_new(keeper.store, &keeper.actions), 0);
	assert_true(actions_load(keeper.actions));
	assert_memory_equal(actions_get(keeper.actions, id), &before, sizeof(before));
}

/* The policy's words are the kinds of alerts: neither list has what the other has not. */
static void words_and_kinds(void **state)
{
	(void)state;
	assert_int_equal(policy_alert_words_n, ALERT_KIND_MAX);
	for (size_t i = 0; i < policy_alert_words_n; i++)
		assert_string_equal(policy_alert_words[i].text,
				    alert_kind_name(policy_alert_words[i].value));
	for (unsigned i = 0; i < ACTION_STATE_MAX; i++)
		assert_int_equal(action_state_find(action_state_name(i)), i);
	for (unsigned i = 0; i < POLICY_VERBS; i++)
		assert_string_not_equal(playbook_verb_name(i), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_attacker_is_blocked_at_once, begin, end),
		cmocka_unit_test_setup_teardown(the_protected_are_never_blocked, begin, end),
		cmocka_unit_test_setup_teardown(an_office_is_not_blocked_at_once, begin, end),
		cmocka_unit_test_setup_teardown(all_good_sources_are_not_blocked_at_once, begin,
						end),
		cmocka_unit_test_setup_teardown(a_minute_has_its_ceiling, begin, end),
		cmocka_unit_test_setup_teardown(monitor_and_other_priorities_ask, begin, end),
		cmocka_unit_test_setup_teardown(people_decide, begin, end),
		cmocka_unit_test_setup_teardown(what_nobody_decides_expires, begin, end),
		cmocka_unit_test_setup_teardown(they_outlive_a_restart, begin, end),
		cmocka_unit_test(words_and_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
