/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_events.c - the rings of events, their texts, and the table of sources: bounds, eviction,
 * lookup, exact numbers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "user/base/clock.h"
#include "user/keeper/event_text.h"
#include "user/keeper/sources.h"

#define NOW 1767225600123000000ll

static struct gl_addr address(const char *text)
{
	struct gl_addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

static struct gl_rec_verdict verdict(uint64_t instance)
{
	return (struct gl_rec_verdict){
		.rec = {.kind = GL_REC_VERDICT, .ts_ns = 1000},
		.instance = instance,
		.source = address("203.0.113.9"),
		.peer = address("203.0.113.9"),
		.peer_port = 40000,
		.port = 8080,
		.limit = 5,
		.window_s = 900,
		.retry_s = 874,
		.generation = 3,
		.status = 429,
		.verdict = GL_VERDICT_LIMIT,
		.reason = GL_REASON_LIMIT_SOURCE,
		.delivery = GL_DELIVERY_ANSWER,
		.door = GL_DOOR_WIRE,
		.mode = GL_MODE_ENFORCE,
	};
}

static void the_oldest_is_overwritten(void **state)
{
	struct events *events;

	(void)state;
	assert_int_equal(events_new(8, 4, &events), 0);
	assert_null(events_at(events, EVENTS_VERDICTS, 0));
	for (uint64_t i = 1; i <= 20; i++) {
		struct gl_rec_verdict v = verdict(i);

		assert_int_equal(events_add_verdict(events, &v, NOW)->id, i);
	}
	assert_int_equal(events_count(events, EVENTS_VERDICTS), 8);
	assert_int_equal(events_overwritten(events, EVENTS_VERDICTS), 12);
	assert_int_equal(events_at(events, EVENTS_VERDICTS, 0)->id, 13);
	assert_int_equal(events_at(events, EVENTS_VERDICTS, 7)->id, 20);
	assert_null(events_at(events, EVENTS_VERDICTS, 8));
	assert_null(events_find_instance(events, 12));
	assert_int_equal(events_find_instance(events, 13)->id, 13);
	assert_int_equal(events_find_instance(events, 20)->id, 20);
	events_free(events);
}

static void traffic_does_not_push_verdicts_out(void **state)
{
	struct gl_rec_response r = {.status = 200};
	struct gl_rec_verdict v = verdict(7);
	struct events *events;

	(void)state;
	assert_int_equal(events_new(8, 4, &events), 0);
	events_add_verdict(events, &v, NOW);
	for (int i = 0; i < 1000; i++)
		events_add_response(events, &r, NOW);
	events_add_note(events, EVENT_MODE, "uid 0", NOW, "mode %s", "monitor");
	assert_int_equal(events_find_instance(events, 7)->id, 1);
	assert_int_equal(events_count(events, EVENTS_VERDICTS), 2);
	assert_int_equal(events_count(events, EVENTS_RESPONSES), 4);
	assert_int_equal(events_overwritten(events, EVENTS_RESPONSES), 996);
	/* ids run over both rings, so pages of one skip the other's */
	assert_int_equal(events_after(events, EVENTS_VERDICTS, 0), 0);
	assert_int_equal(events_after(events, EVENTS_VERDICTS, 1), 1);
	assert_int_equal(events_after(events, EVENTS_VERDICTS, 1001), 1);
	assert_int_equal(events_after(events, EVENTS_VERDICTS, 1002), 2);
	events_free(events);
}

static struct intern *names(void)
{
	struct intern *intern;

	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(intern_id(intern, INTERN_SERVICE, "shop"), 1);
	assert_int_equal(intern_id(intern, INTERN_CLASS, "auth"), 1);
	assert_int_equal(intern_id(intern, INTERN_OPERATION, "shop POST /api/v1/auth/**"), 1);
	return intern;
}

static void a_verdict_is_one_line(void **state)
{
	struct intern *intern = names();
	struct event event = {.id = 1, .wall_ns = NOW, .kind = EVENT_VERDICT};
	char line[EVENT_LINE];

	(void)state;
	event.verdict = verdict(0xc0ffee00c0ffee);
	event.verdict.service = event.verdict.op = event.verdict.cls = 1;
	event_line(&event, intern, false, line);
	assert_string_equal(line + 9,
			    "LIMIT  203.0.113.9 POST /api/v1/auth/** auth 5/15m  429 answered "
			    "(retry in 874 s)  [00c0ffee00c0ffee]");
	event.verdict.flags = GL_RECF_WOULD;
	event.verdict.delivery = GL_DELIVERY_NONE;
	event.verdict.status = 0;
	event_line(&event, intern, false, line);
	assert_string_equal(line + 9,
			    "would LIMIT  203.0.113.9 POST /api/v1/auth/** auth 5/15m  not stopped "
			    "(monitor) (retry in 874 s)  [00c0ffee00c0ffee]");
	event.verdict.cls = 0xffff;
	event.verdict.op = 99; /* a name lost with its table is still a line */
	event.verdict.retry_s = 0;
	event.verdict.flags = 0;
	event.verdict.verdict = GL_VERDICT_REFUSE;
	event.verdict.reason = GL_REASON_MALFORMED;
	event.verdict.delivery = GL_DELIVERY_RESET;
	event_line(&event, intern, false, line);
	assert_string_equal(line + 9, "REFUSE 203.0.113.9 #99 malformed-head  connection reset  "
				      "[00c0ffee00c0ffee]");
	intern_free(intern);
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (!text)
		fail_msg("no text '%s'", key);
	return text;
}

static void a_verdict_is_json(void **state)
{
	struct intern *intern = names();
	struct event event = {.id = 42, .wall_ns = NOW, .kind = EVENT_VERDICT};
	const json_t *attributes;
	json_t *o;

	(void)state;
	event.verdict = verdict(0xc0ffee00c0ffee);
	event.verdict.service = event.verdict.op = event.verdict.cls = 1;
	o = event_json(&event, intern);
	assert_string_equal(text_at(o, "id"), "42");
	assert_string_equal(text_at(o, "time"), "2026-01-01T00:00:00.123Z");
	assert_string_equal(text_at(o, "kind"), "verdict");
	assert_string_equal(text_at(o, "instance"), "urn:glacis:verdict:00c0ffee00c0ffee");
	assert_string_equal(text_at(o, "verdict"), "limit");
	assert_string_equal(text_at(o, "service"), "shop");
	assert_string_equal(text_at(o, "operation"), "POST /api/v1/auth/**");
	assert_string_equal(text_at(o, "class"), "auth");
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 429);
	attributes = json_object_get(o, "attributes");
	assert_string_equal(text_at(attributes, "http.request.method"), "POST");
	assert_string_equal(text_at(attributes, "http.route"), "/api/v1/auth/**");
	assert_string_equal(text_at(attributes, "client.address"), "203.0.113.9");
	assert_int_equal(
		json_integer_value(json_object_get(attributes, "http.response.status_code")), 429);
	json_decref(o);
	intern_free(intern);
}

static struct sources *make_sources(size_t size)
{
	static const struct gl_key key = {3, 4};
	struct sources *s;

	assert_int_equal(sources_new(size, &key, &s), 0);
	return s;
}

static void sources_count_exactly(void **state)
{
	struct sources *s = make_sources(0);
	struct gl_rec_response r = {.rec.ts_ns = 5000, .status = 200};
	struct gl_rec_verdict v = verdict(1);
	struct source_use top[4];

	(void)state;
	r.source = address("203.0.113.9");
	for (int i = 0; i < 5; i++)
		sources_response(s, &r);
	for (int i = 0; i < 7; i++)
		sources_verdict(s, &v);
	v.verdict = GL_VERDICT_REFUSE;
	sources_verdict(s, &v);
	/* monitor: the application answers it too, it is one request */
	v.flags = GL_RECF_WOULD | GL_RECF_APP_SAW;
	sources_verdict(s, &v);
	sources_response(s, &r);
	r.source = address("198.51.100.1");
	for (int i = 0; i < 100; i++)
		sources_response(s, &r);
	assert_int_equal(sources_top(s, top, 4), 2);
	assert_true(addr_equal(&top[0].addr, &v.source)); /* the limited before the busy */
	assert_int_equal(top[0].requests, 5 + 7 + 1 + 1);
	assert_int_equal(top[0].limited, 7);
	assert_int_equal(top[0].refused, 2);
	assert_int_equal(top[0].last_ns, 5000);
	assert_int_equal(top[1].requests, 100);
	assert_int_equal(sources_top(s, top, 1), 1);
	assert_true(addr_equal(&top[0].addr, &v.source));
	sources_free(s);
}

static void a_flood_of_sources_is_evicted(void **state)
{
	struct sources *s = make_sources(64);
	struct gl_rec_response r = {.status = 200};
	struct source_use top[100];

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		r.rec.ts_ns = i;
		r.source = address("10.0.0.0");
		r.source.w[3] |= __builtin_bswap32(i);
		sources_response(s, &r);
	}
	assert_true(sources_top(s, top, 100) <= 64);
	assert_int_equal(sources_top(s, top, 100) + sources_evicted(s), 1000);
	sources_free(s);
}

static void principals_behind_a_source(void **state)
{
	struct sources *s = make_sources(0);
	struct gl_rec_response r = {.rec.ts_ns = CLOCK_NS_PER_S, .flags = GL_RECF_PROVEN};
	struct gl_addr other = address("198.51.100.1");
	uint64_t now = CLOCK_NS_PER_S;

	(void)state;
	r.source = address("203.0.113.9");
	r.status = 403;
	r.principal = 9;
	sources_response(s, &r); /* refused by the application: no good client */
	assert_int_equal(sources_principals(s, &r.source, now), 0);
	r.status = 200;
	for (unsigned i = 0; i < 50; i++) {
		r.principal = 1 + i % 5;
		sources_response(s, &r);
	}
	assert_int_equal(sources_principals(s, &r.source, now), 5);
	assert_int_equal(sources_principals(s, &other, now), 0);
	r.flags = 0; /* unproven: an invented token is nobody */
	r.principal = 7;
	sources_response(s, &r);
	assert_int_equal(sources_principals(s, &r.source, now), 5);
	/* forgotten when none of them was seen for long */
	assert_int_equal(sources_principals(s, &r.source, now + 1300 * CLOCK_NS_PER_S), 0);
	sources_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_is_overwritten),
		cmocka_unit_test(traffic_does_not_push_verdicts_out),
		cmocka_unit_test(a_verdict_is_one_line),
		cmocka_unit_test(a_verdict_is_json),
		cmocka_unit_test(sources_count_exactly),
		cmocka_unit_test(a_flood_of_sources_is_evicted),
		cmocka_unit_test(principals_behind_a_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
