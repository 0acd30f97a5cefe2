/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit.c - glacisctl audit, audit verify: who changed what, and whether that is all of it. */
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define PAGE_MAX 100

static void print_audit(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {"TIME", "WHO", ">UID", ">PID", "WHAT", "AFTER"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		_cleanup_free_ char *after =
			json_dumps(json_object_get(item, "after"), JSON_COMPACT | JSON_ENCODE_ANY);

		OUT_ROW(table, OUT_PLAIN, out_time(out_member(item, "time")),
			out_member(item, "origin"), out_member(item, "uid"),
			out_member(item, "pid"), out_member(item, "what"), after ?: "");
	}
	out_table_print(ctl, table, "nothing was changed");
}

static int run_audit(struct ctl *ctl)
{
	unsigned max = PAGE_MAX;
	json_t *audit = NULL;
	int r = numbers_option(ctl, "limit", 1, 100000, &max);

	if (r >= 0)
		return r;
	r = api_collect(ctl, "/v1/audit", max, &audit);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, audit))
		print_audit(ctl, json_object_get(audit, "items"));
	json_decref(audit);
	return CTL_OK;
}

static int run_verify(struct ctl *ctl)
{
	json_t *check = NULL;
	bool ok;
	int r = api_call(ctl, "GET", "/v1/audit/verify", NULL, &check);

	if (r != CTL_OK)
		return r;
	ok = json_is_true(json_object_get(check, "ok"));
	if (!api_print_json(ctl, check)) {
		const char *record = out_member(check, "record");

		fprintf(ctl->out, "%s%s%s%s%s: %s records, %s to %s, %s after the signed end\n",
			out_color(ctl, ok ? OUT_GREEN : OUT_RED),
			ok ? "whole" : out_clean(out_member(check, "problem")),
			*record ? ", record " : "", record, out_color(ctl, OUT_PLAIN),
			out_member(check, "records"), out_member(check, "first"),
			out_member(check, "last"), out_member(check, "unsigned"));
		if (*out_member(check, "hash"))
			fprintf(ctl->out, "signed: %s\n", out_clean(out_member(check, "hash")));
	}
	json_decref(check);
	return ok ? CTL_OK : CTL_REFUSED;
}

const struct ctl_command ctl_audit_commands[] = {
	{
		.name = "audit",
		.arguments = "",
		.summary = "Who changed what, newest first",
		.example = "glacisctl audit --limit 20",
		.options = {{"limit", "N", "at most so many (default 100)"}},
		.run = run_audit,
	},
	{
		.name = "audit verify",
		.arguments = "",
		.summary = "Is the audit whole? Exit 1 if a record was changed, removed or put in",
		.details = "Each record holds the hash of the one before it; the end is signed\n"
			   "(Ed25519). Keep the hash elsewhere to find a state directory put back\n"
			   "as a whole.",
		.example = "glacisctl audit verify",
		.run = run_verify,
	},
	{.name = NULL},
};
