/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_alert_rules.c - rules of alerts with a clock of their own: lines of the table found with and
 * without a record, one case one alert, patterns of exceeded limits, stuffing, spraying, walks,
 * findings, losses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/respond/alert_findings.h"
#include "user/respond/alert_requests.h"
#include "user/respond/alert_watch.h"

#define S 1000000000ull

static struct alert_scene *scene;
static struct alert_watch *watch;
static uint64_t crossings; /* as a door counts them */
static struct gl_watch *table;
static struct gl_policy *image;
static struct policy policy;
static struct intern *intern;
static uint16_t shop, get_user, login, small;

static void at(uint64_t s)
{
	scene->now = (struct clock_now){.boot_ns = s * S, .wall_ns = (int64_t)((1000000 + s) * S)};
}

static int setup(void **state)
{
	static const struct gl_watch_rule rule = {
		.sub_ns = (60 * S + 8) / 9, .window_s = 60, .at_least = {5, 5, 10}};

	(void)state;
	scene = calloc(1, sizeof(*scene));
	table = calloc(GL_WATCH_LINES, sizeof(*table));
	image = calloc(1, sizeof(*image));
	for (size_t i = 0; i < GL_WATCH_MAX; i++)
		image->watch[i] = rule;
	/* as user/policy compiles them */
	memset(image->watch[GL_WATCH_LIMIT].at_least, 0, sizeof(rule.at_least));
	memset(image->watch[GL_WATCH_ERROR].at_least, 0, sizeof(rule.at_least));
	image->watch[GL_WATCH_LIMIT].at_least[GL_WATCH_BY_SOURCE] = 1;
	image->watch[GL_WATCH_ERROR].at_least[GL_WATCH_BY_OPERATION] = 1;
	policy = (struct policy){
		.credential_stuffing = {true, 4, 60, 0},
		.password_spraying = {true, 3, 60, 0},
		.enumeration = {true, 10, 60, 0},
		.loss = {true, 100, 10, 0},
	};
	intern_new(&intern);
	shop = (uint16_t)intern_id(intern, INTERN_SERVICE, "shop");
	get_user = (uint16_t)intern_id(intern, INTERN_OPERATION, "shop GET /users/{id}");
	login = (uint16_t)intern_id(intern, INTERN_OPERATION, "shop POST /login");
	small = (uint16_t)intern_id(intern, INTERN_CLASS, "small");
	scene->intern = intern;
	scene->policy = image;
	at(1000);
	return alerts_new(&scene->alerts) < 0 ? -1 : alert_watch_new(table, &watch);
}

static int teardown(void **state)
{
	(void)state;
	alert_watch_free(watch);
	alerts_free(scene->alerts);
	intern_free(intern);
	free(image);
	free(table);
	free(scene);
	return 0;
}

static struct gl_addr address(unsigned n)
{
	struct gl_addr a = {};

	a.w[2] = __builtin_bswap32(0xffff);
	a.w[3] = __builtin_bswap32(0xc6120000 + n); /* 198.18.0.0/15 */
	return a;
}

/* As a door counts: one event in all its lines; returns the line that crossed last, or -1. */
static int counted(unsigned source, uint16_t status, enum gl_watch_rule_id rule, uint16_t op)
{
	struct watch_ask ask = {.table = table,
				.source = address(source),
				.service = shop,
				.op = op,
				.cls = small,
				.status = status,
				.rule = rule};
	int crossed = -1;

	for (unsigned by = 0; by < GL_WATCH_BY_MAX; by++) {
		ask.by = (uint8_t)by;
		if (watch_name(&ask, &image->watch[rule], &image->subject_key) &&
		    watch_once(&ask, scene->now.boot_ns) == WATCH_CROSSED) {
			crossed = (int)ask.index;
			crossings++;
		}
	}
	return crossed;
}

static unsigned poll_lines(void)
{
	return alert_watch_poll(watch, scene, crossings);
}

static const struct alert *only(enum alert_kind kind)
{
	const struct alert *found = NULL;

	for (size_t i = 0; i < alerts_count(scene->alerts); i++) {
		if (alerts_at(scene->alerts, i)->kind != kind)
			continue;
		assert_null(found);
		found = alerts_at(scene->alerts, i);
	}
	return found;
}

static void test_with_and_without_a_record(void **state)
{
	const struct alert *a;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(counted(1, 401, GL_WATCH_AUTH, login), -1);
	assert_int_equal(poll_lines(), 0);
	assert_int_equal(alerts_count(scene->alerts), 0);
	alert_watch_look(watch, scene, (uint32_t)counted(1, 401, GL_WATCH_AUTH, login));
	a = only(ALERT_AUTH_FAILURES);
	assert_non_null(a);
	assert_int_equal(a->count, 5);
	assert_string_equal(a->subject, "source 198.18.0.1");
	assert_int_equal(poll_lines(), 0); /* a record had told it */
	for (unsigned i = 0; i < 5; i++)
		counted(2, 401, GL_WATCH_AUTH, login);
	assert_int_equal(poll_lines(), 2); /* no record had: source, operation */
	assert_int_equal(alerts_count(scene->alerts), 2); /* the sources explain the operation */
	counted(1, 401, GL_WATCH_AUTH, login);
	poll_lines();
	assert_int_equal(alerts_get(scene->alerts, 1)->count, 6);
	alert_watch_look(watch, scene, GL_WATCH_LINES); /* a record may say anything */
}

/* What is not counted has not crossed: no look at sixteen thousand lines each second. */
static void test_looks_when_counted(void **state)
{
	uint64_t counted_before;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		counted(1, 403, GL_WATCH_FORBIDDEN, login);
	assert_int_equal(poll_lines(), 1);
	counted_before = crossings;
	for (unsigned i = 0; i < 5; i++)
		counted(2, 403, GL_WATCH_FORBIDDEN, login);
	assert_int_equal(crossings, counted_before + 2); /* source and operation */
	counted(1, 403, GL_WATCH_FORBIDDEN, login);
	/* what had crossed goes on being counted, the rest is not looked at */
	assert_int_equal(alert_watch_poll(watch, scene, counted_before), 0);
	assert_int_equal(alerts_get(scene->alerts, 1)->count, 6);
	assert_int_equal(alerts_count(scene->alerts), 1);
	assert_int_equal(poll_lines(), 2); /* sources explain the operation */
	assert_int_equal(alerts_count(scene->alerts), 2);
	assert_int_equal(poll_lines(), 0);
}

static void test_operation(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		counted(10 + i, 401, GL_WATCH_AUTH, login);
		alert_share_add(scene, login, i % 2 ? 401 : 200);
	}
	poll_lines();
	assert_non_null(only(ALERT_AUTH_FAILURES));
	assert_string_equal(only(ALERT_AUTH_FAILURES)->operation, "POST /login");
	assert_false(only(ALERT_AUTH_FAILURES)->have_source);
}

static void test_busy_operation(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		counted(10 + i, 401, GL_WATCH_AUTH, login);
	for (unsigned i = 0; i < 100; i++)
		alert_share_add(scene, login, i < 10 ? 401 : 200);
	poll_lines();
	assert_int_equal(alerts_count(scene->alerts), 0);
}

static void test_restart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 7; i++)
		counted(1, 403, GL_WATCH_FORBIDDEN, login);
	poll_lines();
	assert_int_equal(only(ALERT_FORBIDDEN)->count, 7);
	alert_watch_free(watch);
	assert_int_equal(alert_watch_new(table, &watch), 0);
	poll_lines();
	assert_int_equal(only(ALERT_FORBIDDEN)->count, 7);
	at(1010);
	counted(1, 403, GL_WATCH_FORBIDDEN, login);
	poll_lines();
	assert_int_equal(only(ALERT_FORBIDDEN)->count, 8);
}

static void exceed(unsigned source, unsigned times, uint16_t op)
{
	struct alert_event e = {.source = address(source),
				.service = shop,
				.op = op,
				.cls = small,
				.rule = GL_WATCH_LIMIT,
				.wall_ns = scene->now.wall_ns};

	for (unsigned i = 0; i < times; i++) {
		counted(source, 0, GL_WATCH_LIMIT, op);
		alert_watch_event(scene, &e);
	}
	scene->now.boot_ns++; /* time never stands between two looks */
	poll_lines();
}

static void test_patterns(void **state)
{
	char name[64];

	(void)state;
	exceed(1, 3, login);
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->pattern, ALERT_BURST);
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->severity, ALERT_LOW);
	for (unsigned i = 1; i <= 7; i++) {
		at(1000 + i * 9);
		exceed(1, 3, login);
	}
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->pattern, ALERT_SUSTAINED);
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->count, 24);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "shop GET /%u", i);
		exceed(1, 1, (uint16_t)intern_id(intern, INTERN_OPERATION, name));
	}
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->pattern, ALERT_ENUMERATING);
	for (unsigned i = 2; i < 8; i++)
		exceed(i, 20, login);
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->pattern, ALERT_DISTRIBUTED);
	assert_int_equal(only(ALERT_LIMIT_EXCEEDED)->severity, ALERT_HIGH);
}

/* A little, three times a day: each time a new alert, the third one says what it is. */
static void test_slow(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		at(1000 + i * 3600);
		exceed(1, 2, login);
		assert_int_equal(alerts_count(scene->alerts), i + 1);
		assert_int_equal(alerts_at(scene->alerts, i)->pattern,
				 i < 2 ? ALERT_BURST : ALERT_SLOW);
	}
}

static struct alert_request a_request(unsigned source, uint16_t op, uint16_t status)
{
	return (struct alert_request){.event = {.source = address(source),
						.service = shop,
						.op = op,
						.status = status,
						.wall_ns = scene->now.wall_ns}};
}

static void test_logins(void **state)
{
	struct alert_requests *requests;
	struct alert_request r;

	(void)state;
	assert_int_equal(alert_requests_new(&requests), 0);
	for (unsigned i = 1; i <= 4; i++) {
		r = a_request(1, login, 401);
		r.account = i < 4 ? i : 1; /* one of them again */
		r.password = 100 + i;
		alert_requests_take(requests, scene, &policy, &r);
	}
	assert_int_equal(alerts_count(scene->alerts), 0);
	r.account = 4;
	alert_requests_take(requests, scene, &policy, &r);
	assert_int_equal(only(ALERT_CREDENTIAL_STUFFING)->count, 4);
	r.event.status = 200;
	r.account = 5;
	alert_requests_take(requests, scene, &policy, &r);
	assert_int_equal(only(ALERT_CREDENTIAL_STUFFING)->severity, ALERT_CRITICAL);
	for (unsigned i = 1; i <= 3; i++) {
		at(1100 + i * 25); /* within the window, from three sources */
		r = a_request(10 + i, login, 401);
		r.account = 1000 + i;
		r.password = 7;
		alert_requests_take(requests, scene, &policy, &r);
		assert_true((only(ALERT_PASSWORD_SPRAYING) != NULL) == (i == 3));
	}
	assert_int_equal(only(ALERT_PASSWORD_SPRAYING)->severity, ALERT_HIGH);
	for (unsigned i = 1; i <= 6; i++) { /* slower than the window */
		at(2000 + i * 40);
		r.password = 8;
		r.account = 2000 + i;
		alert_requests_take(requests, scene, &policy, &r);
	}
	assert_int_equal(only(ALERT_PASSWORD_SPRAYING)->count, 3);
	alert_requests_free(requests);
}

static unsigned walk(unsigned source, uint16_t op, unsigned n, unsigned step, unsigned denied)
{
	struct alert_requests *requests;
	size_t before = alerts_count(scene->alerts);

	assert_int_equal(alert_requests_new(&requests), 0);
	for (unsigned i = 0; i < n; i++) {
		struct alert_request r = a_request(source, op, i < denied ? 404 : 200);

		r.object = 1 + i;
		r.number = 1000000 + (step ? i * step : i * 7919 % 9973 * 17);
		alert_requests_take(requests, scene, &policy, &r);
	}
	alert_requests_free(requests);
	return (unsigned)(alerts_count(scene->alerts) - before);
}

static void test_walks(void **state)
{
	(void)state;
	assert_int_equal(walk(1, get_user, 9, 1, 0), 0);
	assert_int_equal(walk(2, get_user, 12, 1, 0), 1);
	assert_int_equal(walk(3, get_user, 12, 5, 0), 1);
	assert_int_equal(walk(4, get_user, 60, 0, 0), 0); /* many, in no order */
	assert_int_equal(walk(5, get_user, 12, 0, 6), 1); /* half of them not there */
	assert_int_equal(walk(6, login, 60, 1, 0), 0); /* no parameter: no objects */
}

static struct alert_statement stated(const char *control, const char *rule, enum alert_severity s)
{
	return (struct alert_statement){.control = control,
					.rule = rule,
					.service = "shop",
					.subject = "GET /x",
					.evidence = "AKIA...(20)",
					.request = "r1",
					.severity = s,
					.wall_ns = scene->now.wall_ns};
}

static void test_findings(void **state)
{
	struct alert_statement s = stated("REV-17", "aws", ALERT_HIGH);

	(void)state;
	alert_statement_take(scene, &s); /* in a request: the client's matter */
	s = stated("REV-13", "nosniff", ALERT_LOW);
	alert_statement_take(scene, &s);
	s = stated("TLS-03", "fallback", ALERT_LOW);
	alert_statement_take(scene, &s);
	assert_int_equal(alerts_count(scene->alerts), 0);
	s = stated("REV-17", "aws", ALERT_HIGH);
	s.in_response = true;
	alert_statement_take(scene, &s);
	alert_statement_take(scene, &s);
	assert_int_equal(only(ALERT_SECRET_IN_RESPONSE)->count, 2);
	assert_int_equal(only(ALERT_SECRET_IN_RESPONSE)->severity, ALERT_CRITICAL);
	assert_string_equal(only(ALERT_SECRET_IN_RESPONSE)->operation, "GET /x");
	s = stated("TLS-03", "sentinel", ALERT_CRITICAL);
	alert_statement_take(scene, &s);
	assert_int_equal(only(ALERT_TLS_DOWNGRADE)->severity, ALERT_CRITICAL);
	s = stated("TLS-05", "expires-within-30-days", ALERT_MEDIUM);
	alert_statement_take(scene, &s);
	assert_non_null(only(ALERT_CERTIFICATE));
	s = stated("REV-04", "alg-none", ALERT_CRITICAL);
	alert_statement_take(scene, &s);
	assert_string_equal(only(ALERT_FINDING)->control, "REV-04");
	alert_store_look(scene, NULL);
	assert_null(only(ALERT_STORE));
	alert_store_look(scene, "no space");
	alert_store_look(scene, "no space");
	assert_int_equal(only(ALERT_STORE)->count, 1);
}

static void test_losses(void **state)
{
	uint64_t counters[GL_CTR_MAX] = {};
	struct alert_losses *losses;

	(void)state;
	assert_int_equal(alert_losses_new(&losses), 0);
	for (unsigned i = 0; i < 40; i++) { /* 9 a second: 90 in ten */
		at(1000 + i);
		counters[GL_CTR_LOST_CHUNK] += 9;
		counters[GL_CTR_UNJUDGED_TLS] += 1000; /* the other door looks into it */
		counters[GL_CTR_REQUESTS] += 1000;
		alert_losses_look(losses, scene, &policy.loss, counters);
	}
	assert_int_equal(alerts_count(scene->alerts), 0);
	counters[GL_CTR_LOST_CHUNK] += 40;
	at(1040);
	alert_losses_look(losses, scene, &policy.loss, counters);
	assert_string_equal(only(ALERT_LOSS)->subject, "counter lost-chunks");
	counters[GL_CTR_LOST_CHUNK] += 500;
	at(1041);
	alert_losses_look(losses, scene, &policy.loss, counters);
	assert_int_equal(only(ALERT_LOSS)->count, 121 + 500);
	alert_losses_free(losses);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_with_and_without_a_record),
		TEST(test_looks_when_counted),
		TEST(test_operation),
		TEST(test_busy_operation),
		TEST(test_restart),
		TEST(test_patterns),
		TEST(test_slow),
		TEST(test_logins),
		TEST(test_walks),
		TEST(test_findings),
		TEST(test_losses),
	};

	return cmocka_run_group_tests_name("alert rules", tests, NULL, NULL);
}
