/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - glacisctl rules list|test. */
#include "user/ctl/rules.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/ctl/api.h"
#include "user/ctl/out.h"

#define SAMPLES    20 /* values made from a pattern */
#define SAMPLE_MAX 16384

struct loading {
	const struct ctl *ctl;
	json_t *problems; /* NULL: only errors are printed */
	bool warnings;
};

static void on_problems(const struct problems *problems, void *userdata)
{
	struct loading *loading = userdata;

	if (loading->warnings || problems->errors > 0)
		problems_print(problems, loading->ctl->err);
	for (size_t i = 0; loading->problems && i < problems->n; i++) {
		const struct problem *problem = &problems->items[i];

		json_array_append_new(
			loading->problems,
			json_pack("{s:s,s:s,s:i,s:i,s:s,s:s,s:s?}", "file", problems->file,
				  "severity",
				  problem->severity == PROBLEM_ERROR ? "error" : "warning", "line",
				  (int)problem->line, "column", (int)problem->column, "path",
				  problem->path ?: "", "message", problem->message, "hint",
				  problem->hint));
	}
}

static int load(struct loading *loading, const char *path, struct rules **ret_rules,
		struct text **ret_text)
{
	_cleanup_(rules_freep) struct rules *rules = NULL;
	int r = rules_load(path, on_problems, loading, &rules);

	if (r == -EINVAL)
		return CTL_REFUSED;
	if (r < 0)
		return ctl_fail(loading->ctl, CTL_USAGE, "cannot read the rules in %s: %s", path,
				r == -ENOENT ? "there are none" : strerror(-r));
	r = text_new(rules, ret_text);
	if (r < 0)
		return ctl_fail(loading->ctl, CTL_REFUSED, "cannot compile the rules in %s: %s",
				path, r == -EINVAL ? "too large or refused" : strerror(-r));
	*ret_rules = TAKE_PTR(rules);
	return CTL_OK;
}

int rules_of_ctl(const struct ctl *ctl, const char *path, struct rules **ret_rules,
		 struct text **ret_text)
{
	struct loading loading = {.ctl = ctl};
	char buffer[PATH_MAX];

	if (!path)
		path = rules_default_path(buffer, sizeof(buffer));
	if (!path)
		return ctl_fail(ctl, CTL_USAGE, "there are no rules in %s; give some with --rules",
				RULES_DEFAULT_PATH);
	return load(&loading, path, ret_rules, ret_text);
}

/* --- list ------------------------------------------------------------------------------------- */

static bool listed(const struct ctl_value *families, const struct rule *rule)
{
	for (unsigned i = 0; i < families->n; i++)
		if (strcmp(families->items[i], rule_family_name(rule->family)) == 0)
			return true;
	return families->n == 0;
}

static json_t *rule_json(const struct rule *rule)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "id", rule->id, "family",
			 rule_family_name(rule->family), "control", rule->control, "severity",
			 finding_severity_name(rule->severity), "about", rule->about, "source",
			 rule->source);
}

static void list_json(const struct ctl *ctl, const struct rules *rules,
		      const struct ctl_value *families)
{
	json_t *list = json_array(), *body;

	for (size_t i = 0; i < rules->n; i++)
		if (listed(families, &rules->items[i]))
			json_array_append_new(list, rule_json(&rules->items[i]));
	body = json_pack("{s:o}", "items", list);
	api_print_json(ctl, body);
	json_decref(body);
}

static void list_table(const struct ctl *ctl, const struct rules *rules,
		       const struct ctl_value *families)
{
	static const char *const titles[] = {"RULE", "FAMILY", "CONTROL", "SEVERITY", "FINDS"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->items[i];

		if (listed(families, rule))
			OUT_ROW(table, OUT_PLAIN, rule->id, rule_family_name(rule->family),
				rule->control, finding_severity_name(rule->severity), rule->about);
	}
	out_table_print(ctl, table, "no rules");
}

int ctl_rules_list(struct ctl *ctl)
{
	const struct ctl_value *families = ctl_values(ctl, "family");
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_(text_freep) struct text *text = NULL;
	int r;

	for (unsigned i = 0; i < families->n; i++)
		if (rule_family_find(families->items[i]) < 0)
			return ctl_usage(ctl, "--family %s: use secret, personal, hash or trace",
					 families->items[i]);
	r = rules_of_ctl(ctl, ctl_option(ctl, "rules"), &rules, &text);
	if (r != CTL_OK)
		return r;
	if (ctl->json)
		list_json(ctl, rules, families);
	else
		list_table(ctl, rules, families);
	return CTL_OK;
}

/* --- test ------------------------------------------------------------------------------------- */

struct samples {
	const struct rule *rule;
	size_t begin, end;
	bool found;
};

static unsigned chance(unsigned below)
{
	static uint64_t state = 88172645463325252ull; /* the same values every time */

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % below);
}

static void on_sample(const struct text_match *match, void *userdata)
{
	struct samples *samples = userdata;

	if (match->begin < samples->end && samples->begin < match->end)
		samples->found = true;
}

static enum rule_where a_place(const struct rule *rule)
{
	return (enum rule_where)__builtin_ctz(rule->where);
}

/* How many of the values made from a pattern its rule, or a better one, finds. */
static unsigned try_pattern(struct text *text, const struct rule *rule, size_t pattern)
{
	_cleanup_free_ char *bytes = malloc(SAMPLE_MAX + 512);
	unsigned found = 0;

	for (unsigned i = 0; bytes && i < SAMPLES; i++) {
		struct samples samples = {.rule = rule};
		const char *word = rule->near.n       ? rule->near.items[0]
				   : rule->keywords.n ? rule->keywords.items[0]
						      : "";
		int n = snprintf(bytes, 512, rule->near.n ? "%s: \"" : "%s \"", word);

		samples.begin = (size_t)n;
		samples.end = samples.begin + token_pattern_sample(&rule->patterns[pattern], chance,
								   bytes + n, SAMPLE_MAX);
		bytes[samples.end] = '"';
		text_each(text, (struct raw){bytes, samples.end + 1}, a_place(rule), ~0u, 0,
			  on_sample, &samples);
		found += samples.found;
	}
	return found;
}

/* Those of chance only: a checksum is not made by it. Returns how many find too little. */
static size_t try_rules(const struct ctl *ctl, const struct rules *rules, struct text *text,
			json_t *weak)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->items[i];

		if (rule->family != FAMILY_SECRET ||
		    (rule->check != CHECK_NONE && rule->check != CHECK_LETTERS_AND_DIGITS))
			continue;
		for (size_t j = 0; j < rule->n_patterns; j++) {
			unsigned found = try_pattern(text, rule, j);

			if (found * 4 >= SAMPLES * 3)
				continue;
			n++;
			json_array_append_new(weak, json_pack("{s:s,s:s,s:i,s:i}", "rule", rule->id,
							      "pattern", rule->pattern_texts[j],
							      "found", (int)found, "of", SAMPLES));
			if (!ctl->json)
				fprintf(ctl->err,
					"%s: warning: %s finds %u of %d values made from its "
					"pattern\n    hint: lower its entropy, or look at its "
					"keywords and allow list\n",
					rule->source, rule->id, found, SAMPLES);
		}
	}
	return n;
}

static void on_match(const struct text_match *match, void *userdata)
{
	const struct ctl *ctl = userdata;

	fprintf(ctl->out, "%zu-%zu: %s %s\n", match->begin, match->end, match->rule->id,
		match->evidence.text);
}

/* Wherever a rule speaks: what does it find in this? */
static int try_text(const struct ctl *ctl, struct text *text, const char *file)
{
	static const char *const places[] = {"url", "request", "response", "file"};
	const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;
	_cleanup_free_ char *bytes = NULL;
	size_t n = 0;
	int r = file_read(path, TEXT_WINDOW_MAX, &bytes, &n);

	if (r < 0)
		return ctl_fail(ctl, CTL_USAGE, "cannot read %s: %s", file, strerror(-r));
	for (int where = 0; where < WHERE_MAX; where++) {
		fprintf(ctl->out, "as %s:\n", places[where]);
		text_each(text, (struct raw){bytes, n}, (enum rule_where)where, ~0u, 0, on_match,
			  (void *)ctl);
	}
	return CTL_OK;
}

int ctl_rules_test(struct ctl *ctl)
{
	struct loading loading = {.ctl = ctl, .problems = json_array(), .warnings = true};
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_(text_freep) struct text *text = NULL;
	json_t *weak = json_array(), *body;
	int r = load(&loading, ctl->arguments[0], &rules, &text);
	size_t n = r == CTL_OK ? try_rules(ctl, rules, text, weak) : 0;

	body = json_pack("{s:b,s:i,s:o,s:o}", "valid", r == CTL_OK, "rules",
			 r == CTL_OK ? (int)rules->n : 0, "problems", loading.problems, "weak",
			 weak);
	if (r != CTL_USAGE && !api_print_json(ctl, body) && r == CTL_OK)
		fprintf(ctl->out, "%s: valid: %zu rules, %zu pattern%s too strict\n",
			ctl->arguments[0], rules->n, n, n == 1 ? "" : "s");
	json_decref(body);
	if (r == CTL_OK && ctl->n_arguments > 1)
		r = try_text(ctl, text, ctl->arguments[1]);
	return r;
}
