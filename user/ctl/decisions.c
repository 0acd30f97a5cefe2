/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decisions.c - glacisctl block, unblock, allow, unallow, decisions list: containment. */
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define LIST_MAX 100000

/* -1: it is one; else the exit code. A typing error shall not travel. */
static int check_source(const struct ctl *ctl, const char *source)
{
	struct addr_prefix prefix;

	if (prefix_parse(source, &prefix) == 0)
		return -1;
	return ctl_usage(ctl,
			 "%s is not an address or a network, such as 192.0.2.7 or 2001:db8::/48",
			 source);
}

static const char *subject_of(const json_t *decision)
{
	const char *ja4 = out_member(decision, "ja4"), *subject = out_member(decision, "subject");

	if (*subject)
		return subject;
	return *ja4 ? ja4 : out_member(decision, "source");
}

static void print_decision(const struct ctl *ctl, const json_t *decision, const char *verdict)
{
	const char *expires = out_member(decision, "expiresAt");
	bool ban = strcmp(verdict, "ban") == 0;

	fprintf(ctl->out, "%s%s %s%s%s\n", ctl_option(ctl, "dry-run") ? "would have " : "",
		ban ? "banned" : "allowed", out_clean(subject_of(decision)),
		*expires ? " until " : " for good", *expires ? out_time(expires) : "");
	if (json_integer_value(json_object_get(decision, "connectionsCut")) > 0)
		fprintf(ctl->out, "%" JSON_INTEGER_FORMAT " open connections cut\n",
			json_integer_value(json_object_get(decision, "connectionsCut")));
}

/* What it is about: the argument, or --ja4. -1, or an exit code. */
static int read_subject(struct ctl *ctl, const char **ret_source, const char **ret_ja4)
{
	*ret_ja4 = NULL;
	*ret_source = ctl->n_arguments ? ctl->arguments[0] : NULL;
	for (unsigned i = 0; ctl->command->options[i].name; i++)
		if (strcmp(ctl->command->options[i].name, "ja4") == 0)
			*ret_ja4 = ctl_option(ctl, "ja4");
	if (!*ret_source == !*ret_ja4)
		return ctl_usage(ctl, "either SOURCE or --ja4 says whom");
	return *ret_source ? check_source(ctl, *ret_source) : -1;
}

static int decide(struct ctl *ctl, const char *verdict)
{
	const char *source, *ja4, *ttl = ctl_option(ctl, "ttl");
	json_t *decision = NULL, *body;
	uint32_t seconds;
	int r = read_subject(ctl, &source, &ja4);

	if (r >= 0)
		return r;
	if (ttl && duration_parse(ttl, &seconds) < 0)
		return ctl_usage(ctl, "--ttl %s: a number and a unit, such as 90s, 15m, 4h or 7d",
				 ttl);
	body = json_pack("{s:s*,s:s*,s:s,s:s*,s:s*,s:b,s:b,s:b}", "source", source, "ja4", ja4,
			 "verdict", verdict, "ttl", ttl, "reason", ctl_option(ctl, "reason"),
			 "force", ctl_option(ctl, "force") != NULL, "dryRun",
			 ctl_option(ctl, "dry-run") != NULL, "keepOpen",
			 *verdict == 'b' && ctl_option(ctl, "keep-open"));
	if (!body)
		return ctl_usage(ctl, "--reason is not UTF-8");
	r = api_call(ctl, "POST", "/v1/decisions", body, &decision);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, decision))
		print_decision(ctl, decision, verdict);
	json_decref(decision);
	return CTL_OK;
}

static int withdraw(struct ctl *ctl, const char *verdict, const char *noun)
{
	_cleanup_free_ char *encoded = NULL, *path = NULL;
	const char *source, *ja4, *subject;
	json_t *answer = NULL;
	json_int_t removed;
	int r = read_subject(ctl, &source, &ja4);

	if (r >= 0)
		return r;
	subject = ja4 ? ja4 : source;
	encoded = http_encode(subject);
	if (!encoded || asprintf(&path, "/v1/decisions?%s=%s&verdict=%s", ja4 ? "ja4" : "source",
				 encoded, verdict) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "DELETE", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	removed = json_integer_value(json_object_get(answer, "removed"));
	if (!api_print_json(ctl, answer) && removed > 0)
		fprintf(ctl->out, "withdrawn: %s of %s\n", noun, subject);
	json_decref(answer);
	if (removed > 0)
		return CTL_OK;
	return ctl_fail(ctl, CTL_REFUSED,
			"there is no %s of exactly %s\n    hint: glacisctl decisions list", noun,
			subject);
}

static int run_block(struct ctl *ctl)
{
	return decide(ctl, "ban");
}

static int run_allow(struct ctl *ctl)
{
	return decide(ctl, "allow");
}

static int run_unblock(struct ctl *ctl)
{
	return withdraw(ctl, "ban", "ban");
}

static int run_unallow(struct ctl *ctl)
{
	return withdraw(ctl, "allow", "allowance");
}

static void print_list(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {"ID",    "SUBJECT", "VERDICT", "EXPIRES",
					     ">HITS", "ORIGIN",  "REASON"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		const char *expires = out_member(item, "expiresAt");

		OUT_ROW(table, OUT_PLAIN, out_member(item, "id"), subject_of(item),
			out_member(item, "verdict"), *expires ? out_time(expires) : "never",
			out_member(item, "hits"), out_member(item, "origin"),
			out_member(item, "reason"));
	}
	out_table_print(ctl, table, "no decisions");
}

static int run_list(struct ctl *ctl)
{
	unsigned max = LIST_MAX;
	json_t *decisions = NULL;
	int r = numbers_option(ctl, "limit", 1, LIST_MAX, &max);

	if (r >= 0)
		return r;
	r = api_collect(ctl, "/v1/decisions", max, &decisions);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, decisions))
		print_list(ctl, json_object_get(decisions, "items"));
	json_decref(decisions);
	return CTL_OK;
}

/* Of any kind: contain.c's as well. */
static int run_remove(struct ctl *ctl)
{
	_cleanup_free_ char *path = NULL;
	const char *id = ctl->arguments[0];
	json_t *answer = NULL;
	int r;

	if (!*id || strspn(id, "0123456789") != strlen(id))
		return ctl_usage(ctl, "%s: a decision's number, as 'glacisctl decisions' shows it",
				 id);
	if (asprintf(&path, "/v1/decisions?id=%s", id) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "DELETE", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		fprintf(ctl->out, "withdrawn: decision %s\n", id);
	json_decref(answer);
	return CTL_OK;
}

#define DECIDE_OPTIONS                                                                             \
	{                                                                                          \
		{"ttl", "DURATION", "how long (default 4h)"},                                      \
			{"reason", "TEXT", "kept with it and in the audit log"},                   \
			{"force", NULL, "also a protected source: this host, gateways, you"},      \
			{"dry-run", NULL, "only check whether it would be accepted"},              \
	}

const struct ctl_command ctl_decision_commands[] = {
	{
		.name = "block",
		.arguments = "[SOURCE]",
		.min = 0,
		.max = 1,
		.summary = "Ban an address, a network or a TLS client's fingerprint for a while",
		.details = "The kernel drops or resets whatever it sends, and its open connections "
			   "are cut; the ban ends by itself, with or without an agent.",
		.example = "glacisctl block 192.0.2.7 --ttl 1h --reason 'ticket 4711'",
		.options = {{"ja4", "JA4", "clients with this fingerprint, instead of SOURCE"},
			    {"ttl", "DURATION", "how long (default 4h)"},
			    {"reason", "TEXT", "kept with it and in the audit log"},
			    {"force", NULL, "also a protected source: this host, gateways, you"},
			    {"keep-open", NULL, "what is open already ends by itself"},
			    {"dry-run", NULL, "only check whether it would be accepted"}},
		.run = run_block,
	},
	{
		.name = "unblock",
		.arguments = "[SOURCE]",
		.min = 0,
		.max = 1,
		.summary = "Withdraw a ban",
		.example = "glacisctl unblock 192.0.2.7",
		.options = {{"ja4", "JA4", "of this fingerprint, instead of SOURCE"}},
		.run = run_unblock,
	},
	{
		.name = "allow",
		.arguments = "SOURCE",
		.min = 1,
		.max = 1,
		.summary = "Exempt an address or a network from bans for a while",
		.example = "glacisctl allow 198.51.100.0/24 --ttl 1d",
		.options = DECIDE_OPTIONS,
		.run = run_allow,
	},
	{
		.name = "unallow",
		.arguments = "SOURCE",
		.min = 1,
		.max = 1,
		.summary = "Withdraw an allowance",
		.example = "glacisctl unallow 198.51.100.0/24",
		.run = run_unallow,
	},
	{
		.name = "decisions",
		.arguments = "",
		.summary = "What is decided and in force, with undo by number",
		.example = "glacisctl decisions",
		.options = {{"limit", "N", "at most so many"}},
		.run = run_list,
	},
	{
		.name = "decisions list",
		.arguments = "",
		.summary = "The same",
		.example = "glacisctl decisions list",
		.options = {{"limit", "N", "at most so many"}},
		.run = run_list,
	},
	{
		.name = "decisions remove",
		.arguments = "ID",
		.min = 1,
		.max = 1,
		.summary = "Undo a decision of any kind by its number",
		.example = "glacisctl decisions remove 42",
		.run = run_remove,
	},
	{.name = NULL},
};
