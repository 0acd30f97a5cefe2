/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.c - glacisctl policy validate|show|apply, mode, panic: what rules. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/ctl/api.h"
#include "user/ctl/backtest_log.h"
#include "user/ctl/ctl.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

/* --- validate: here, without an agent ----------------------------------------------------------
 */

static json_t *problem_json(const struct problem *problem)
{
	return json_pack("{s:s,s:i,s:i,s:s,s:s,s:s?}", "severity",
			 problem->severity == PROBLEM_ERROR ? "error" : "warning", "line",
			 (int)problem->line, "column", (int)problem->column, "path",
			 problem->path ? problem->path : "", "message", problem->message, "hint",
			 problem->hint);
}

/* Compiling finds what reading cannot: unreachable operations, automata that are too large. */
static int compile(const struct policy *policy, struct problems *problems)
{
	static const struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	_cleanup_free_ struct gl_policy *image = malloc(sizeof(*image));
	struct intern *intern = NULL;
	int r = image ? intern_new(&intern) : -ENOMEM;

	if (r == 0)
		r = policy_compile(policy, &keys, 1, intern, problems, image);
	intern_free(intern);
	return r;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_valid(const struct ctl *ctl, const char *file, const struct policy *policy)
{
	size_t operations = 0;

	for (size_t i = 0; i < policy->n_services; i++)
		operations += policy->services[i].n_operations;
	fprintf(ctl->out, "%s: valid: policy %s, %zu service%s, %zu operation%s, %zu class%s\n",
		file, policy->name, policy->n_services, plural(policy->n_services), operations,
		plural(operations), policy->n_classes, policy->n_classes == 1 ? "" : "es");
}

static void print_validation(const struct ctl *ctl, const char *file, const struct policy *policy,
			     const struct problems *problems, bool valid)
{
	json_t *list, *body;

	problems_print(problems, ctl->err);
	if (!ctl->json) {
		if (valid)
			print_valid(ctl, file, policy);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < problems->n; i++)
		json_array_append_new(list, problem_json(&problems->items[i]));
	body = json_pack("{s:b,s:o}", "valid", valid, "problems", list);
	api_print_json(ctl, body);
	json_decref(body);
}

static int run_validate(struct ctl *ctl)
{
	const char *file = ctl->arguments[0];
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(problems_clear) struct problems problems = {0};
	int r = problems_init(&problems, file);

	if (r == 0)
		r = policy_read_file(file, &problems, &policy);
	if (r == 0)
		r = compile(policy, &problems);
	print_validation(ctl, file, policy, &problems, r == 0);
	if (r < 0 && problems.errors == 0)
		ctl_fail(ctl, CTL_REFUSED, "%s: %s", file, strerror(-r));
	/* a file that cannot be read is a wrong argument, not a wrong policy */
	return r == 0 ? CTL_OK : r == -EINVAL ? CTL_REFUSED : CTL_USAGE;
}

/* --- show, apply -------------------------------------------------------------------------------
 */

static int run_show(struct ctl *ctl)
{
	json_t *policy = NULL;
	const char *text;
	size_t size;
	int r = api_call(ctl, "GET", "/v1/policy", NULL, &policy);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, policy)) {
		text = out_member(policy, "text");
		size = strlen(text);
		/* as it was given, so that it can be edited and applied again */
		fwrite(text, 1, size, ctl->out);
		if (size > 0 && text[size - 1] != '\n')
			fputc('\n', ctl->out);
	}
	json_decref(policy);
	return CTL_OK;
}

static void print_applied(const struct ctl *ctl, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes"), *change;
	bool dry_run = ctl_option(ctl, "dry-run");
	size_t i;

	for (i = 0; (change = json_array_get(changes, i)); i++)
		fprintf(ctl->out, "  %s\n", out_clean(json_string_value(change) ?: ""));
	if (dry_run)
		fprintf(ctl->out, "%s: would rule as generation %s; nothing changed\n", ctl->file,
			out_member(answer, "generation"));
	else
		fprintf(ctl->out, "%s: rules as generation %s\n", ctl->file,
			out_member(answer, "generation"));
}

static int run_apply(struct ctl *ctl)
{
	const char *file = ctl->arguments[0];
	const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;
	_cleanup_free_ char *text = NULL;
	json_t *body, *answer = NULL;
	size_t size = 0;
	int r = file_read(path, POLICY_SOURCE_MAX, &text, &size);

	ctl->file = file;
	if (r < 0)
		return ctl_fail(ctl, CTL_USAGE, "cannot read %s: %s", file, strerror(-r));
	body = json_pack("{s:s%,s:s,s:b}", "text", text, size, "name", file, "dryRun",
			 ctl_option(ctl, "dry-run") != NULL);
	if (!body)
		return ctl_fail(ctl, CTL_USAGE, "%s is not text in UTF-8", file);
	r = api_call(ctl, "POST", "/v1/policy", body, &answer);
	if (r != CTL_OK)
		return r;
	out_problems(ctl, json_object_get(answer, "warnings"));
	if (!api_print_json(ctl, answer))
		print_applied(ctl, answer);
	json_decref(answer);
	return CTL_OK;
}

/* --- history -----------------------------------------------------------------------------------
 */
#define HISTORY_MAX 500
#define HASH_SHOWN  12

static void print_history(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {">ID",      ">GENERATION", "SINCE", "WHO", ">UID",
					     ">CHANGES", "SHA-256",     "NAME",  "FILE"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		char hash[HASH_SHOWN + 1];

		snprintf(hash, sizeof(hash), "%s", out_member(item, "sha256"));
		OUT_ROW(table, OUT_PLAIN, out_member(item, "id"), out_member(item, "generation"),
			out_time(out_member(item, "time")), out_member(item, "origin"),
			out_member(item, "uid"), out_member(item, "changes"), hash,
			out_member(item, "name"), out_member(item, "file"));
	}
	out_table_print(ctl, table, "no policy ruled yet");
}

static int run_history(struct ctl *ctl)
{
	unsigned max = 100;
	json_t *policies = NULL;
	int r = numbers_option(ctl, "limit", 1, HISTORY_MAX, &max);

	if (r >= 0)
		return r;
	r = api_collect(ctl, "/v1/policies", max, &policies);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, policies))
		print_history(ctl, json_object_get(policies, "items"));
	json_decref(policies);
	return CTL_OK;
}

/* The one of the history with that number. */
static int fetch_past(const struct ctl *ctl, const char *id, json_t **ret_policy)
{
	char path[64];

	if (!*id || strspn(id, "0123456789") != strlen(id) || strlen(id) > 18)
		return ctl_usage(ctl, "'%s' is not a number of glacisctl policy history", id);
	snprintf(path, sizeof(path), "/v1/policies/%s", id);
	return api_call(ctl, "GET", path, NULL, ret_policy);
}

static int run_past(struct ctl *ctl)
{
	json_t *policy = NULL;
	int r = fetch_past(ctl, ctl->arguments[0], &policy);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, policy))
		fputs(out_member(policy, "text"), ctl->out);
	json_decref(policy);
	return CTL_OK;
}

static int run_rollback(struct ctl *ctl)
{
	json_t *policy = NULL, *answer = NULL, *body;
	int r = fetch_past(ctl, ctl->arguments[0], &policy);

	if (r != CTL_OK)
		return r;
	body = json_pack("{s:O,s:O,s:b}", "text", json_object_get(policy, "text"), "name",
			 json_object_get(policy, "file"), "dryRun",
			 ctl_option(ctl, "dry-run") != NULL);
	json_decref(policy);
	r = api_call(ctl, "POST", "/v1/policy", body, &answer);
	if (r != CTL_OK)
		return r;
	out_problems(ctl, json_object_get(answer, "warnings"));
	if (!api_print_json(ctl, answer))
		print_applied(ctl, answer);
	json_decref(answer);
	return CTL_OK;
}

/* --- mode, panic -------------------------------------------------------------------------------
 */

/* What is in force now, for a dry run. */
static int show_modes(const struct ctl *ctl, const char *service, const char *mode)
{
	json_t *status = NULL;
	const json_t *one;
	size_t i;
	int r = api_call(ctl, "GET", "/v1/status", NULL, &status);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, status)) {
		if (!service)
			fprintf(ctl->out, "host: now %s, would be %s\n",
				out_clean(out_member(status, "mode")), mode);
		for (i = 0; (one = json_array_get(json_object_get(status, "services"), i)); i++)
			if (!service || strcmp(service, out_member(one, "name")) == 0)
				fprintf(ctl->out, "service %s: now %s%s%s\n",
					out_clean(out_member(one, "name")),
					out_clean(out_member(one, "mode")),
					service ? ", would be " : "", service ? mode : "");
		fputs("nothing changed\n", ctl->out);
	}
	json_decref(status);
	return CTL_OK;
}

static int change_mode(const struct ctl *ctl, const char *method, const char *path, json_t *body,
		       const char *what)
{
	json_t *answer = NULL;
	int r = api_call(ctl, method, path, body, &answer);

	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		fprintf(ctl->out, "%s\n", what);
	json_decref(answer);
	return CTL_OK;
}

static int run_mode(struct ctl *ctl)
{
	const char *mode = ctl->arguments[0], *service = ctl_option(ctl, "service");
	char what[256];

	if (strcmp(mode, "monitor") != 0 && strcmp(mode, "enforce") != 0 &&
	    strcmp(mode, "policy") != 0)
		return ctl_usage(ctl, "mode %s: use monitor, enforce or policy", mode);
	if (ctl_option(ctl, "dry-run"))
		return show_modes(ctl, service, mode);
	snprintf(what, sizeof(what), "%s%s: %s", service ? "service " : "host",
		 service ? service : "", strcmp(mode, "policy") == 0 ? "as the policy says" : mode);
	return change_mode(ctl, "PUT", "/v1/mode",
			   json_pack("{s:s,s:s?}", "mode", mode, "service", service), what);
}

static int run_panic(struct ctl *ctl)
{
	if (ctl_option(ctl, "dry-run"))
		return show_modes(ctl, NULL, "monitor");
	return change_mode(ctl, "POST", "/v1/panic", json_object(),
			   "everything is in monitor: nothing is refused any more\n"
			   "back with: glacisctl mode policy");
}

const struct ctl_command ctl_policy_commands[] = {
	{
		.name = "policy validate",
		.arguments = "FILE",
		.min = 1,
		.max = 1,
		.summary = "Read and compile a policy here, without an agent",
		.details = "Every problem is printed with line, column and a hint; '-' is standard "
			   "input.\nExit status 1: the policy has errors.",
		.example = "glacisctl policy validate shop.yaml",
		.run = run_validate,
	},
	{
		.name = "policy show",
		.arguments = "",
		.summary = "The text of the policy that rules",
		.example = "glacisctl policy show > now.yaml",
		.run = run_show,
	},
	{
		.name = "policy apply",
		.arguments = "FILE",
		.min = 1,
		.max = 1,
		.summary = "Let a policy rule: all of it, or nothing on any error",
		.details = "'-' is standard input. Counts and decisions go on.",
		.example = "glacisctl policy apply shop.yaml --dry-run",
		.options = {{"dry-run", NULL, "say what would change"}},
		.run = run_apply,
	},
	{
		.name = "policy history",
		.arguments = "",
		.summary = "Which policies ruled: since when, by whom, from where",
		.details = "Newest first. The texts are kept, the newest 500.",
		.example = "glacisctl policy history --limit 5",
		.options = {{"limit", "N", "at most so many (default 100)"}},
		.run = run_history,
	},
	{
		.name = "policy past",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "The text of one of the history",
		.example = "glacisctl policy past 12 > before.yaml",
		.run = run_past,
	},
	{
		.name = "policy rollback",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Let one of the history rule again",
		.details =
			"It is read and compiled anew, as policy apply does: all of it, or nothing "
			"on any error. --dry-run\nshows what differs from the one that rules.",
		.example = "glacisctl policy rollback 12 --dry-run",
		.options = {{"dry-run", NULL, "say what would change"}},
		.run = run_rollback,
	},
	{
		.name = "policy backtest",
		.arguments = "FILE",
		.min = 1,
		.max = 1,
		.summary = "What a policy would have done with the requests that have been",
		.details =
			"The access log's requests go through the same judge and the same alert "
			"thresholds, here; no traffic\nis touched. Newly: not refused by the "
			"ruling "
			"policy; without an agent, not refused in the log. Bans,\nsuspensions and "
			"other decisions are not replayed. A credential counts as of any kind.",
		.example = "glacisctl policy backtest shop.yaml --last 1h",
		.options = {{"last", "DURATION", "only requests of this time (default: all)"},
			    {"from", "FILE",
			     "the access log, and FILE.1 before it (default " BACKTEST_LOG ")"}},
		.run = backtest_run,
	},
	{
		.name = "mode",
		.arguments = "monitor|enforce|policy",
		.min = 1,
		.max = 1,
		.summary = "Override the policy's mode; 'policy' ends the override",
		.example = "glacisctl mode enforce --service shop",
		.options = {{"service", "NAME", "only this one (default: the host)"},
			    {"dry-run", NULL, "show what is in force"}},
		.run = run_mode,
	},
	{
		.name = "panic",
		.arguments = "",
		.summary = "Everything to monitor, now: nothing is refused any more",
		.example = "glacisctl panic",
		.options = {{"dry-run", NULL, "show what is in force"}},
		.run = run_panic,
	},
	{.name = NULL},
};
