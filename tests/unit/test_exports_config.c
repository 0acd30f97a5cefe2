/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_exports_config.c - the section `exports` of the configuration: what is wrong with a sink is
 * said with its place, and nothing of a section with an error is taken; what is right is, with its
 * defaults.
 */
#include "tests/unit/policy_text.h"

#include <stdio.h>

#include "user/keeper/exports_config.h"

static int read_text_of(const char *text, char **ret_said, json_t **ret_config)
{
	struct document *document = NULL;
	struct problems problems;
	int r;

	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(document_parse(text, strlen(text), &problems, &document), 0);
	r = exports_config_read(document_root(document), &problems, ret_config);
	*ret_said = policy_problems_text(&problems);
	assert_int_equal(r == 0, problems.errors == 0);
	document_free(document);
	problems_clear(&problems);
	return r;
}

#define HOOK "name: h, type: webhook, url: 'https://siem.example/x'"

static const struct {
	const char *sink, *said;
} wrong[] = {
	{"name: h, type: webhook", "url"},
	{"name: h, type: webhook, url: 'ftp://x/'", "not an http or https URL"},
	{"name: h, type: webhook, url: 'https://u:p@siem.example/'", "tokenFile"},
	{"name: h, type: webhook, url: 7", "not an http or https URL"},
	{HOOK ", spool: 1KiB", "out of range"},
	{HOOK ", spool: lots", "p:2:"},
	{HOOK ", backoff: {first: 10m, max: 1s}", "p:2:"},
	{HOOK ", backoff: 5s", "backoff: {first: 1s, max: 5m}"},
	{HOOK ", breaker: {fails: 3}", "there is no such setting"},
	{HOOK ", keyFile: /none/such", "No such file or directory"},
	{HOOK ", keyFile: /dev/null", "p:2:"},
	{HOOK ", kinds: [alarm]", "there is no such kind of record"},
	{HOOK ", minSeverity: loud", "not a severity"},
	{HOOK ", format: xml", "not a format"},
	{HOOK ", colour: red", "p:2:"},
	{"name: h, type: webhook, url: 'http://siem.example/', tokenFile: /none", "p:2:"},
	{"name: H!, type: webhook, url: 'https://siem.example/x'", "not a name of a sink"},
	{"name: h, type: pigeon", "there is no such type of sink"},
	{"name: h", "a sink needs a 'type'"},
	{"name: s, type: syslog, to: 'quic://127.0.0.1:1'", "not a receiver of syslog"},
	{"name: j, type: jsonl, path: events.jsonl", "not an absolute path"},
	{HOOK "}, {" HOOK, "another sink has this name"},
};

static void test_wrong(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		_cleanup_free_ char *said = NULL;
		json_t *config = NULL;
		char text[512];
		int r;

		snprintf(text, sizeof(text), "sinks:\n  - {%s}\n", wrong[i].sink);
		if (strstr(wrong[i].sink, "}, {"))
			snprintf(text, sizeof(text), "sinks: [{%s}]\n", wrong[i].sink);
		r = read_text_of(text, &said, &config);
		if (r != -EINVAL || config || !strstr(said, wrong[i].said)) {
			print_error("%s: %d\n%s--- expected %s\n", wrong[i].sink, r, said,
				    wrong[i].said);
			bad++;
		}
		json_decref(config);
	}
	assert_int_equal(bad, 0);
}

/* A good sink beside a bad one is not taken either, and every error is said. */
static void test_all_or_nothing(void **state)
{
	_cleanup_free_ char *said = NULL;
	json_t *config = NULL;

	(void)state;
	assert_int_equal(read_text_of("sinks: [{" HOOK "}, {name: a, type: x}, {name: b, type: "
				      "y}]\nmetrics: {listen: '0.0.0.0:1'}\n",
				      &said, &config),
			 -EINVAL);
	assert_null(config);
	assert_non_null(strstr(said, "p:1:"));
	assert_non_null(strstr(said, "loopback address"));
	assert_non_null(strstr(strstr(said, "no such type") + 1, "no such type"));
}

static void test_right(void **state)
{
	_cleanup_free_ char *said = NULL;
	json_t *config = NULL, *sink;

	(void)state;
	assert_int_equal(read_text_of("sinks: [{" HOOK "}]\n", &said, &config), 0);
	assert_string_equal(said, "");
	assert_int_equal(json_array_size(json_object_get(config, "sinks")), 1);
	sink = json_array_get(json_object_get(config, "sinks"), 0);
	assert_string_equal(json_string_value(json_object_get(sink, "name")), "h");
	assert_true(json_integer_value(json_object_get(sink, "backoffFirstMs")) > 0);
	json_decref(config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
