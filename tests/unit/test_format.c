/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_format.c - records as syslog, OCSF and OTLP, metrics as Prometheus reads them: escaping,
 * limits, and the members each standard asks for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "user/base/cleanup.h"
#include "user/courier/format.h"

static json_t *record(const char *kind, const char *severity, const char *message, json_t *data)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "id", "abc-1", "time",
			 "2026-01-31T14:03:07.123Z", "kind", kind, "severity", severity, "host",
			 "web1", "message", message, "data", data);
}

static void test_syslog(void **state)
{
	char out[FORMAT_SYSLOG_MAX + 1];
	json_t *r = record("alert", "high", "two words",
			   json_pack("{s:s, s:i, s:b, s:{s:s}}", "text", "a\"b\\c]d", "n", 3, "yes",
				     1, "attributes", "http.route", "/x"));
	size_t n = format_syslog(r, 19, "1.0", out, sizeof(out) - 1);

	(void)state;
	out[n] = '\0';
	/* local3 (19) * 8 + error (3) */
	assert_string_equal(out, "<155>1 2026-01-31T14:03:07.123Z web1 glacis - alert "
				 "[origin software=\"glacis\" swVersion=\"1.0\"]"
				 "[glacis@32473 id=\"abc-1\" severity=\"high\" "
				 "http.route=\"/x\" text=\"a\\\"b\\\\c\\]d\" n=\"3\" "
				 "yes=\"true\"] two words");
	json_decref(r);
}

static void test_syslog_bom(void **state)
{
	char out[FORMAT_SYSLOG_MAX + 1];
	json_t *r = record("agent", "info", "gr\xc3\xbc\xc3\x9f\x65\n", json_object());
	size_t n = format_syslog(r, 3, "1.0", out, sizeof(out) - 1);

	(void)state;
	out[n] = '\0';
	/* what is more than ASCII begins with a BOM, and no control character goes out */
	assert_non_null(strstr(out, "] \xef\xbb\xbfgr\xc3\xbc\xc3\x9f\x65 "));
	json_decref(r);
}

/* At every size the message is whole: brackets closed, no half of a character. */
static void test_syslog_limits(void **state)
{
	char out[FORMAT_SYSLOG_MAX + 1], name[32], message[1024] = "";
	json_t *data = json_object(), *r;

	(void)state;
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		json_object_set_new(data, name, json_string("a value of some length \xc3\xbc"));
	}
	for (int i = 0; i < 200; i++)
		memcpy(message + 3 * i, "\xe2\x82\xac", 4);
	r = record("alert", "info", message, data);
	for (size_t max = 480; max < 4096; max += 7) {
		size_t n = format_syslog(r, 3, "1.0", out, max);
		const char *bracket;
		json_t *text;

		assert_true(n > 0 && n <= max);
		out[n] = '\0';
		bracket = strstr(out, "\"]");
		assert_non_null(bracket);
		text = json_stringn(out, n); /* refuses what is not UTF-8 */
		assert_non_null(text);
		json_decref(text);
	}
	json_decref(r);
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void test_ocsf(void **state)
{
	static const struct {
		const char *kind, *severity, *data;
		json_int_t class_uid, activity, severity_id;
	} rows[] = {
		{"verdict", "low",
		 "{\"verdict\":\"limit\",\"attributes\":{\"http.request.method\":\"POST\"}}", 4002,
		 6, 2},
		{"verdict", "info", "{\"verdict\":\"limit\",\"would\":true}", 4002, 0, 1},
		{"finding", "medium", "{\"control\":\"REV-13\",\"rule\":\"nosniff-missing\"}", 2004,
		 1, 3},
		{"finding", "critical", "{\"control\":\"LOG-08\",\"rule\":\"aws-key\",\"count\":4}",
		 2006, 2, 5},
		{"alert", "high",
		 "{\"rule\":\"forbidden\",\"control\":\"ALR-02\",\"state\":\"open\"}", 2004, 1, 4},
		{"incident", "critical", "{\"priority\":\"P1\",\"status\":\"closed\"}", 2005, 3, 5},
		{"policy", "low", "{}", 0, 99, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *r = record(rows[i].kind, rows[i].severity, "x",
				   json_loads(rows[i].data, 0, NULL));
		json_t *o = format_ocsf(r, "1.0");

		assert_int_equal(number(o, "class_uid"), rows[i].class_uid);
		assert_int_equal(number(o, "category_uid"), rows[i].class_uid / 1000);
		assert_int_equal(number(o, "activity_id"), rows[i].activity);
		assert_int_equal(number(o, "type_uid"), rows[i].class_uid * 100 + rows[i].activity);
		assert_int_equal(number(o, "severity_id"), rows[i].severity_id);
		assert_int_equal(number(o, "time"), 1769868187123);
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(o, "metadata"), "version")),
				    "1.4.0");
		if (rows[i].class_uid == 4002)
			assert_int_equal(number(o, "action_id"), i == 0 ? 2 : 1);
		if (rows[i].class_uid == 2004 || rows[i].class_uid == 2006)
			assert_non_null(json_object_get(json_object_get(o, "finding_info"), "uid"));
		if (rows[i].class_uid == 2005)
			assert_int_equal(number(o, "priority_id"), 4);
		json_decref(o);
		json_decref(r);
	}
}

static void test_otlp_logs(void **state)
{
	json_t *list = json_pack("[o]", record("alert", "high", "x", json_pack("{s:i}", "n", 7)));
	json_t *o = format_otlp_logs(list, "web1", "1.0");
	_cleanup_free_ char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	(void)state;
	/* 64-bit integers are strings, enums are numbers */
	assert_non_null(strstr(text, "\"timeUnixNano\":\"1769868187123000000\""));
	assert_non_null(strstr(text, "\"severityNumber\":17,\"severityText\":\"high\""));
	assert_non_null(strstr(text, "{\"key\":\"glacis.n\",\"value\":{\"intValue\":\"7\"}}"));
	assert_non_null(strstr(text, "{\"key\":\"service.name\",\"value\":{\"stringValue\":"
				     "\"glacis\"}}"));
	json_decref(o);
	json_decref(list);
}

static json_t *metrics(void)
{
	return json_loads(
		"{\"startNs\":1,\"timeNs\":2,\"families\":[{\"name\":\"a_total\",\"type\":"
		"\"counter\",\"unit\":\"1\",\"help\":\"A \\\\ and\\na line.\",\"samples\":[{"
		"\"labels\":{\"k\":\"v\\\"w\\\\\"},\"value\":3}]},{\"name\":\"b_seconds\","
		"\"type\":\"gauge\",\"unit\":\"s\",\"help\":\"B.\",\"samples\":[{\"labels\":{}"
		",\"value\":1.5}]}]}",
		0, NULL);
}

static void test_prometheus(void **state)
{
	json_t *m = metrics();
	size_t size;
	_cleanup_free_ char *text = format_prometheus(m, &size);

	(void)state;
	assert_string_equal(text, "# HELP a_total A \\\\ and\\na line.\n# TYPE a_total counter\n"
				  "a_total{k=\"v\\\"w\\\\\"} 3\n"
				  "# HELP b_seconds B.\n# TYPE b_seconds gauge\nb_seconds 1.5\n");
	json_decref(m);
}

static void test_otlp_metrics(void **state)
{
	json_t *m = metrics(), *o = format_otlp_metrics(m, "web1", "1.0");
	_cleanup_free_ char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	(void)state;
	assert_non_null(strstr(text,
			       "\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"asInt\":"
			       "\"3\""));
	assert_non_null(strstr(text, "\"isMonotonic\":true"));
	assert_non_null(strstr(text, "\"gauge\":{\"dataPoints\":[{\"asDouble\":1.5"));
	json_decref(o);
	json_decref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syslog),        cmocka_unit_test(test_syslog_bom),
		cmocka_unit_test(test_syslog_limits), cmocka_unit_test(test_ocsf),
		cmocka_unit_test(test_otlp_logs),     cmocka_unit_test(test_prometheus),
		cmocka_unit_test(test_otlp_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
