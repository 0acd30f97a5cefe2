/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.c - glacisctl scan: the text rules over files and standard input (REV-17, AI-20), without an
 * agent. Values are shown masked, as everywhere.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/version.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/out.h"
#include "user/ctl/rules.h"
#include "user/ctl/scan_files.h"

#define PATHS_MAX 4096

struct telling {
	const struct ctl *ctl;
	enum finding_severity least;
	json_t *findings; /* NULL: told as they are found */
	uint64_t n;
};

static json_t *name_json(const char *file)
{
	/* a name that is no UTF-8 is shown as it would be on a terminal */
	return json_string(file) ?: json_string(out_clean(file));
}

static json_t *finding_json(const struct scan_finding *finding)
{
	const struct rule *rule = finding->match->rule;

	return json_pack("{s:o,s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s}", "file",
			 name_json(finding->file), "line", (json_int_t)finding->line, "column",
			 (json_int_t)finding->column, "columnChars",
			 (json_int_t)finding->column_chars, "rule", rule->id, "family",
			 rule_family_name(rule->family), "control", rule->control, "severity",
			 finding_severity_name(rule->severity), "about", rule->about, "evidence",
			 finding->match->evidence.text);
}

static void on_found(const struct scan_finding *finding, void *userdata)
{
	struct telling *report = userdata;
	const struct rule *rule = finding->match->rule;
	const struct ctl *ctl = report->ctl;

	if (rule->severity < report->least)
		return;
	report->n++;
	if (report->findings) {
		json_array_append_new(report->findings, finding_json(finding));
		return;
	}
	fprintf(ctl->out, "%s:%llu:%llu: %s%s%s: %s %s (%s, %s)\n", out_clean(finding->file),
		(unsigned long long)finding->line, (unsigned long long)finding->column,
		out_color(ctl, rule->severity >= FINDING_HIGH ? OUT_RED : OUT_YELLOW),
		finding_severity_name(rule->severity), out_color(ctl, OUT_PLAIN), rule->about,
		finding->match->evidence.text, rule->id, rule->control);
}

static void on_unreadable(const char *file, int error, void *userdata)
{
	struct telling *report = userdata;

	fprintf(report->ctl->err, "glacisctl: %s: %s\n", out_clean(file), strerror(error));
}

/* --- SARIF 2.1.0 (OASIS) ---------------------------------------------------------------------- */

static const char *sarif_level(const char *severity)
{
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return "error";
	return strcmp(severity, "medium") == 0 ? "warning" : "note";
}

/* A reference (RFC 3986): what a path has beside its unreserved characters is encoded. */
static json_t *sarif_uri(const char *file)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/";
	char uri[3 * PATH_MAX + 16] = "";
	size_t at = 0;

	if (file[0] == '/')
		at = (size_t)snprintf(uri, sizeof(uri), "file://");
	for (; *file && at + 4 < sizeof(uri); file++) {
		if (strchr(plain, *file))
			uri[at++] = *file;
		else
			at += (size_t)snprintf(uri + at, 4, "%%%02X", (unsigned char)*file);
	}
	uri[at] = 0;
	return json_string(uri);
}

static json_t *sarif_result(const json_t *finding)
{
	json_t *where = json_pack("{s:{s:{s:o},s:{s:O,s:O}}}", "physicalLocation",
				  "artifactLocation", "uri", sarif_uri(out_member(finding, "file")),
				  "region", "startLine", json_object_get(finding, "line"),
				  "startColumn", json_object_get(finding, "columnChars"));

	return json_pack("{s:O,s:s,s:{s:s+++},s:[o],s:{s:O,s:O,s:O}}", "ruleId",
			 json_object_get(finding, "rule"), "level",
			 sarif_level(out_member(finding, "severity")), "message", "text",
			 out_member(finding, "about"), ": ", out_member(finding, "evidence"), "",
			 "locations", where, "properties", "control",
			 json_object_get(finding, "control"), "severity",
			 json_object_get(finding, "severity"), "evidence",
			 json_object_get(finding, "evidence"));
}

static json_t *sarif_rules(const struct rules *rules)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->items[i];

		json_array_append_new(list,
				      json_pack("{s:s,s:{s:s},s:{s:s},s:{s:s}}", "id", rule->id,
						"shortDescription", "text", rule->about,
						"defaultConfiguration", "level",
						sarif_level(finding_severity_name(rule->severity)),
						"properties", "control", rule->control));
	}
	return list;
}

/* What could not be read is no result: a run that was not successful says so. */
static json_t *sarif(const struct rules *rules, const json_t *findings,
		     const struct scan_counts *counts)
{
	json_t *results = json_array();
	const json_t *finding;
	size_t i;

	for (i = 0; (finding = json_array_get(findings, i)); i++)
		json_array_append_new(results, sarif_result(finding));
	return json_pack("{s:s,s:s,s:[{s:{s:{s:s,s:s,s:o}},s:[{s:b}],s:o,s:s}]}", "$schema",
			 "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
			 "runs", "tool", "driver", "name", "glacis", "version", glacis_version,
			 "rules", sarif_rules(rules), "invocations", "executionSuccessful",
			 counts->unreadable == 0, "results", results, "columnKind",
			 "unicodeCodePoints");
}

/* --- the command ------------------------------------------------------------------------------ */

static int read_families(const struct ctl *ctl, unsigned *ret_families)
{
	const struct ctl_value *values = ctl_values(ctl, "family");
	unsigned families = 0;

	for (unsigned i = 0; i < values->n; i++) {
		int family = rule_family_find(values->items[i]);

		if (family < 0)
			return ctl_usage(ctl, "--family %s: use secret, personal, hash or trace",
					 values->items[i]);
		families |= 1u << family;
	}
	*ret_families = families ? families : ~0u;
	return CTL_OK;
}

static int read_severity(const struct ctl *ctl, enum finding_severity *ret_least)
{
	const char *given = ctl_option(ctl, "severity");

	for (int i = FINDING_INFO; given && i <= FINDING_CRITICAL; i++) {
		if (strcmp(finding_severity_name((enum finding_severity)i), given) == 0) {
			*ret_least = (enum finding_severity)i;
			return CTL_OK;
		}
	}
	if (given)
		return ctl_usage(ctl, "--severity %s: use info, low, medium, high or critical",
				 given);
	*ret_least = FINDING_LOW;
	return CTL_OK;
}

static void print_summary(const struct ctl *ctl, const struct scan_counts *counts, uint64_t n)
{
	fprintf(ctl->err, "%llu finding%s in %llu file%s, %s", (unsigned long long)n,
		n == 1 ? "" : "s", (unsigned long long)counts->files, counts->files == 1 ? "" : "s",
		out_bytes((json_int_t)counts->bytes));
	if (counts->binary)
		fprintf(ctl->err, "; %llu binary left out (--binary)",
			(unsigned long long)counts->binary);
	if (counts->large)
		fprintf(ctl->err, "; %llu above 1 GiB left out", (unsigned long long)counts->large);
	if (counts->unreadable)
		fprintf(ctl->err, "; %llu unreadable", (unsigned long long)counts->unreadable);
	fputc('\n', ctl->err);
}

static void print_report(const struct ctl *ctl, const struct rules *rules,
			 const struct scan_counts *counts, json_t *findings)
{
	json_t *body;

	if (ctl_option(ctl, "sarif"))
		body = sarif(rules, findings, counts);
	else
		body = json_pack("{s:O,s:I,s:I,s:{s:I,s:I,s:I}}", "findings", findings, "files",
				 (json_int_t)counts->files, "bytes", (json_int_t)counts->bytes,
				 "skipped", "binary", (json_int_t)counts->binary, "large",
				 (json_int_t)counts->large, "unreadable",
				 (json_int_t)counts->unreadable);
	json_dumpf(body, ctl->out, JSON_INDENT(2));
	fputc('\n', ctl->out);
	json_decref(body);
}

static int scan_all(const struct ctl *ctl, struct scan_files *scan)
{
	for (unsigned i = 0; i < ctl->n_arguments; i++) {
		int r = scan_path(scan, ctl->arguments[i]);

		if (r < 0) {
			scan_end(scan);
			return ctl_fail(ctl, CTL_USAGE, "%s: %s", out_clean(ctl->arguments[i]),
					strerror(-r));
		}
	}
	scan_end(scan);
	return CTL_OK;
}

static int run_scan(struct ctl *ctl)
{
	struct telling report = {.ctl = ctl};
	struct scan_files scan = {
		.binary = ctl_option(ctl, "binary"),
		.progress = isatty(STDERR_FILENO) && isatty(fileno(ctl->out)) == 0,
		.found = on_found,
		.unreadable = on_unreadable,
		.userdata = &report,
	};
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_(text_freep) struct text *text = NULL;
	bool structured = ctl->json || ctl_option(ctl, "sarif");
	int r = read_families(ctl, &scan.families);

	if (r == CTL_OK)
		r = read_severity(ctl, &report.least);
	if (r == CTL_OK)
		r = rules_of_ctl(ctl, ctl_option(ctl, "rules"), &rules, &text);
	if (r != CTL_OK)
		return r;
	scan.text = text;
	report.findings = structured ? json_array() : NULL;
	r = scan_all(ctl, &scan);
	if (structured && r == CTL_OK)
		print_report(ctl, rules, &scan.counts, report.findings);
	else if (r == CTL_OK)
		print_summary(ctl, &scan.counts, report.n);
	json_decref(report.findings);
	if (r != CTL_OK)
		return r;
	return report.n > 0 ? CTL_REFUSED : scan.counts.unreadable ? CTL_USAGE : CTL_OK;
}

const struct ctl_command ctl_scan_commands[] = {
	{
		.name = "scan",
		.arguments = "PATH...|-",
		.min = 1,
		.max = PATHS_MAX,
		.summary = "Look for secrets, personal data and hashes in files, here, without an "
			   "agent",
		.details = "Folders with all below them, but for .git, links and files above 1 "
			   "GiB; '-' is "
			   "standard input. "
			   "Values are "
			   "shown masked.\nExit status 1: something was found; 2: something could "
			   "not be "
			   "read.",
		.example = "glacisctl scan --severity high src/ config/",
		.options = {{"rules", "PATH", "rule file or folder (default: the installed ones)"},
			    {"family", "NAME",
			     "secret, personal, hash; may be repeated (default: all)"},
			    {"severity", "LEVEL", "from this one on (default low)"},
			    {"binary", NULL, "executables and other files that are no text, too"},
			    {"sarif", NULL, "SARIF 2.1.0 instead of lines"}},
		.run = run_scan,
	},
	{
		.name = "rules list",
		.arguments = "",
		.summary = "What is looked for in text",
		.example = "glacisctl rules list --family secret",
		.options = {{"rules", "PATH", "rule file or folder (default: the installed ones)"},
			    {"family", "NAME", "only this one; may be repeated"}},
		.run = ctl_rules_list,
	},
	{
		.name = "rules test",
		.arguments = "FILE [TEXT]",
		.min = 1,
		.max = 2,
		.summary =
			"Check a rule file or folder; with TEXT, what its rules find in that file",
		.details =
			"Every problem is printed with line, column and a hint, patterns that slow "
			"a scan too.\nFrom each pattern of a secret values are made, and it is "
			"said "
			"if its rule does not find\nthem. '-' is standard input. Exit status 1: "
			"the "
			"file has errors.",
		.example = "glacisctl rules test mine.yaml sample.json",
		.run = ctl_rules_test,
	},
	{.name = NULL},
};
