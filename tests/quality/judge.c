/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.c - what the detectors say of cases: one JSON object a line on standard input, one line of
 * JSON for each on standard output. A case is a text ({"text", "where"}), answered with the matches
 * of the text rules, or a transaction ({"request", "response"} as in tx_build.h, "secure", "auth",
 * "limited", "forbidden"), answered with the statements of all detectors. Called by report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/unit/tx_build.h"
#include "user/detect/detector.h"
#include "user/detect/text.h"

#define FORBIDDEN_MAX 16

static void on_match(const struct text_match *match, void *userdata)
{
	json_array_append_new(userdata,
			      json_pack("{s:s,s:s,s:I,s:I,s:s}", "rule", match->rule->id, "family",
					rule_family_name(match->rule->family), "begin",
					(json_int_t)match->begin, "end", (json_int_t)match->end,
					"about", match->rule->about));
}

static void on_statement(const struct detection *detection, void *userdata)
{
	json_array_append_new(userdata, json_pack("{s:s,s:s,s:s}", "control", detection->control,
						  "rule", detection->rule, "severity",
						  finding_severity_name(detection->severity)));
}

static const char *string_of(const json_t *one, const char *name)
{
	return json_string_value(json_object_get(one, name)) ?: "";
}

static void judge_text(struct text *text, const json_t *one, json_t *said)
{
	static const char *const places[] = {"url", "request", "response", "file"};
	const json_t *bytes = json_object_get(one, "text");
	struct raw raw = {json_string_value(bytes), json_string_length(bytes)};

	for (int where = 0; where < WHERE_MAX; where++)
		if (strcmp(places[where], string_of(one, "where")) == 0)
			text_each(text, raw, (enum rule_where)where, ~0u, 0, on_match, said);
}

static void judge_transaction(const json_t *one, json_t *said)
{
	struct transaction *tx = tx_build(string_of(one, "request"), string_of(one, "response"));
	const json_t *list = json_object_get(one, "forbidden");
	const char *forbidden[FORBIDDEN_MAX];
	const struct detect_out out = {.emit = on_statement, .userdata = said};
	struct detect_policy policy = {
		.auth_required = json_is_true(json_object_get(one, "auth")),
		.deprecated = json_is_true(json_object_get(one, "deprecated")),
		.limited = json_is_true(json_object_get(one, "limited")),
		.forbidden_fields = forbidden,
	};

	for (size_t i = 0; i < json_array_size(list) && i < FORBIDDEN_MAX; i++)
		forbidden[policy.n_forbidden_fields++] = json_string_value(json_array_get(list, i));
	if (json_is_true(json_object_get(one, "secure")))
		tx->flags |= TX_SECURE;
	detect_transaction(tx, &policy, &out);
	free(tx);
}

int main(int argc, char **argv)
{
	struct rules *rules;
	struct text *text;
	char *line = NULL;
	size_t size = 0;

	if (rules_load(argc > 1 ? argv[1] : "deploy/rules", NULL, NULL, &rules) < 0 ||
	    text_new(rules, &text) < 0) {
		fputs("judge: the rules cannot be read\n", stderr);
		return 2;
	}
	text_detector_use(text);
	while (getline(&line, &size, stdin) > 0) {
		json_t *one = json_loads(line, 0, NULL), *said = json_array();

		if (!one) {
			fputs("judge: a line that is no JSON\n", stderr);
			return 2;
		}
		if (json_object_get(one, "text"))
			judge_text(text, one, said);
		else
			judge_transaction(one, said);
		json_dumpf(said, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(said);
		json_decref(one);
	}
	free(line);
	text_detector_use(NULL);
	text_free(text);
	rules_free(rules);
	return 0;
}
