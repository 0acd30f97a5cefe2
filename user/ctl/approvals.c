/* SPDX-License-Identifier: GPL-2.0-or-later */
/* approvals.c - glacisctl approvals, incident undo: what playbooks proposed and did. */
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/incident.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define LIST_MAX 1024

static enum out_color color_of(const char *state)
{
	if (strcmp(state, "proposed") == 0)
		return OUT_YELLOW;
	if (strcmp(state, "done") == 0)
		return OUT_RED;
	return OUT_PLAIN;
}

static void print_list(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {">ID",        "INCIDENT", "STATE",   "DO",  "TARGET",
					     ">WOULD HIT", "OF",       "EXPIRES", "WHO", "WHY"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *a;
	size_t i;

	for (i = 0; (a = json_array_get(items, i)); i++) {
		const json_t *blast = json_object_get(a, "blast");
		bool waits = strcmp(out_member(a, "state"), "proposed") == 0;

		OUT_ROW(table, color_of(out_member(a, "state")), out_member(a, "id"),
			out_member(a, "incident"), out_member(a, "state"), out_member(a, "do"),
			out_member(a, "target"), out_member(blast, "hit"),
			out_member(blast, "good"),
			waits ? out_time(out_member(a, "expiresAt")) : "", out_member(a, "who"),
			out_member(a, "why"));
	}
	out_table_print(ctl, table, "nothing waits for approval");
}

static int run_list(struct ctl *ctl)
{
	const char *incident = ctl_option(ctl, "incident"), *state = ctl_option(ctl, "state");
	_cleanup_free_ char *path = NULL, *encoded = NULL, *of = NULL;
	bool all = ctl_option(ctl, "all") != NULL;
	json_t *actions = NULL;
	int r;

	if (all && state)
		return ctl_usage(ctl, "either --all or --state");
	encoded = http_encode(state ? state : "proposed");
	of = http_encode(incident ? incident : "");
	if (!encoded || !of ||
	    asprintf(&path, "/v1/approvals%s%s%s%s%s", all && !incident ? "" : "?",
		     all ? "" : "state=", all ? "" : encoded,
		     incident ? (all ? "incident=" : "&incident=") : "", of) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_collect(ctl, path, LIST_MAX, &actions);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, actions))
		print_list(ctl, json_object_get(actions, "items"));
	json_decref(actions);
	return CTL_OK;
}

static void print_done(const struct ctl *ctl, const json_t *a)
{
	const json_t *blast = json_object_get(a, "blast");

	fprintf(ctl->out, "%s%s %s: %s; it hits %s of %s sources served in the last %s minutes\n",
		json_is_true(json_object_get(a, "dryRun")) ? "nothing was changed: " : "",
		out_member(a, "do"), out_clean(out_member(a, "target")), out_member(a, "state"),
		out_member(blast, "hit"), out_member(blast, "good"), out_member(blast, "minutes"));
}

static int decide(struct ctl *ctl, const char *what, json_t *body)
{
	const char *id = ctl->arguments[0];
	_cleanup_free_ char *path = NULL;
	json_t *action = NULL;
	int r;

	if (!*id || strspn(id, "0123456789") != strlen(id)) {
		json_decref(body);
		return ctl_usage(ctl, "%s is not the number of an action", id);
	}
	if (!body || asprintf(&path, "/v1/approvals/%s/%s", id, what) < 0) {
		json_decref(body);
		return ctl_fail(ctl, CTL_REFUSED, "out of memory, or not UTF-8");
	}
	json_object_set_new(body, "dryRun", json_boolean(ctl_option(ctl, "dry-run") != NULL));
	r = api_call(ctl, "POST", path, body, &action);
	if (r == CTL_OK && !api_print_json(ctl, action))
		print_done(ctl, action);
	json_decref(action);
	return r;
}

static int run_approve(struct ctl *ctl)
{
	return decide(ctl, "approve", json_object());
}

static int run_deny(struct ctl *ctl)
{
	return decide(ctl, "deny", json_pack("{s:s*}", "reason", ctl_option(ctl, "reason")));
}

int incident_undo(struct ctl *ctl)
{
	_cleanup_free_ char *path = NULL;
	json_t *undone = NULL, *a;
	int r = CTL_OK;
	size_t i;

	path = incident_path(ctl, "/undo", &r);
	if (!path)
		return r;
	r = api_call(ctl, "POST", path,
		     json_pack("{s:s*, s:b}", "action", ctl_option(ctl, "action"), "dryRun",
			       ctl_option(ctl, "dry-run") != NULL),
		     &undone);
	if (r == CTL_OK && !api_print_json(ctl, undone))
		for (i = 0; (a = json_array_get(json_object_get(undone, "items"), i)); i++)
			fprintf(ctl->out, "%s %s: %s\n", out_member(a, "do"),
				out_clean(out_member(a, "target")),
				ctl_option(ctl, "dry-run") ? "would be undone"
							   : out_member(a, "state"));
	json_decref(undone);
	return r;
}

const struct ctl_command ctl_approval_commands[] = {
	{
		.name = "approvals list",
		.arguments = "",
		.summary = "What playbooks propose, with whom it would hit",
		.details =
			"WOULD HIT n OF m: of m sources that were served in the last 10 minutes.",
		.example = "glacisctl approvals list",
		.options = {{"all", NULL, "whatever became of them"},
			    {"state", "STATE", "proposed, done, denied, expired, undone, refused"},
			    {"incident", "ID", "of this incident"}},
		.run = run_list,
	},
	{
		.name = "approvals approve",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Do it; who it would hit is counted anew",
		.example = "glacisctl approvals approve 3 --dry-run",
		.options = {{"dry-run", NULL, "only say whom it would hit"}},
		.run = run_approve,
	},
	{
		.name = "approvals deny",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Do not do it",
		.example = "glacisctl approvals deny 3 --reason 'our own scanner'",
		.options = {{"reason", "TEXT", "kept with it"},
			    {"dry-run", NULL, "only check whether it would be accepted"}},
		.run = run_deny,
	},
	{
		.name = "approve",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Do what a playbook proposes; as approvals approve",
		.example = "glacisctl approve 3",
		.options = {{"dry-run", NULL, "only say whom it would hit"}},
		.run = run_approve,
	},
	{.name = NULL},
};
