/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.c - policy, mode and panic over the API.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/base/clock.h"
#include "user/policy/diff.h"

void api_policy_get(struct api_request *rq)
{
	static const char *const none[] = {NULL};
	const struct ruling *ruling = apply_ruling(rq->keeper->apply);

	if (!api_query_has_only(rq, none))
		return;
	if (!ruling->policy) {
		api_problem(rq, 404, "no-policy", NULL, "no policy rules");
		return;
	}
	api_reply(rq, 200,
		  json_pack("{s:s, s:I, s:s%, s:s}", "name", ruling->name, "generation",
			    (json_int_t)ruling->generation, "text", ruling->text, ruling->size,
			    "file", ruling->file));
}

static json_t *findings_json(const struct problems *problems)
{
	json_t *list = json_array();

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->items[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:i, s:s, s:s, s:s?}", "severity",
						p->severity == PROBLEM_ERROR ? "error" : "warning",
						"line", (int)p->line, "column", (int)p->column,
						"path", p->path ? p->path : "", "message",
						p->message, "hint", p->hint));
	}
	return list;
}

static void append_line(const char *line, void *userdata)
{
	json_array_append_new(userdata, json_string(line));
}

static json_t *applied_json(uint64_t generation, bool dry_run, const struct problems *problems,
			    json_t *changes)
{
	return json_pack("{s:I, s:b, s:o, s:O}", "generation", (json_int_t)generation, "dryRun",
			 dry_run, "warnings", findings_json(problems), "changes", changes);
}

/* The candidate passed; make it rule and answer. Takes candidate and, for the call, changes. */
static void install(struct api_request *rq, struct candidate *candidate,
		    const struct problems *problems, json_t *changes)
{
	struct keeper *keeper = rq->keeper;
	const struct ruling *ruling = apply_ruling(keeper->apply);
	json_t *before = json_pack("{s:s?, s:I}", "name", ruling->name, "generation",
				   (json_int_t)ruling->generation);
	const struct audit_actor who = {.origin = "api", .uid = rq->uid, .pid = rq->pid};
	int r = reload_install(keeper, candidate, "api", &who);

	if (r < 0) {
		candidate_free(candidate);
		json_decref(before);
		if (r == -EAGAIN)
			api_problem(rq, 503, "generation-in-use", NULL,
				    "the policies of the last minute may still be in use by "
				    "requests under way; nothing changed, try again");
		else
			api_problem(rq, 500, "not-installed", NULL,
				    "the kernel did not take the policy: %s; the old one rules on",
				    strerror(-r));
		return;
	}
	ruling = apply_ruling(keeper->apply);
	api_changed(rq, EVENT_POLICY, "policy apply", before,
		    json_pack("{s:s, s:I, s:O}", "name", ruling->name, "generation",
			      (json_int_t)ruling->generation, "changes", changes),
		    "policy %s rules (generation %llu, %zu changes)", ruling->name,
		    (unsigned long long)ruling->generation, json_array_size(changes));
	api_reply(rq, 200, applied_json(ruling->generation, false, problems, changes));
}

static void prepare(struct api_request *rq, const char *text, size_t size, const char *name,
		    bool dry_run, struct problems *problems)
{
	struct keeper *keeper = rq->keeper;
	struct candidate *candidate = NULL;
	json_t *changes;
	int r = apply_prepare(keeper->apply, text, size, name, problems, &candidate);

	if (r == -EINVAL) {
		api_problem(rq, 422, "policy-invalid",
			    json_pack("{s:o}", "problems", findings_json(problems)),
			    "the policy has %zu error%s; nothing was loaded", problems->errors,
			    problems->errors == 1 ? "" : "s");
		return;
	}
	if (r < 0) {
		api_problem(rq, 500, "not-read", NULL, "the policy cannot be read: %s",
			    strerror(-r));
		return;
	}
	changes = json_array();
	policy_diff(apply_ruling(keeper->apply)->policy, candidate_policy(candidate), append_line,
		    changes);
	if (dry_run) {
		api_reply(rq, 200,
			  applied_json(kern_generation(keeper->kern) + 1, true, problems, changes));
		candidate_free(candidate);
	} else {
		install(rq, candidate, problems, changes);
	}
	json_decref(changes);
}

void api_policy_post(struct api_request *rq)
{
	static const char *const members[] = {"text", "name", "dryRun", NULL};
	const char *text, *name;
	struct problems problems;
	bool dry_run;

	if (!api_body_has_only(rq, members) || !api_body_string(rq, "text", true, &text) ||
	    !api_body_string(rq, "name", false, &name) || !api_body_bool(rq, "dryRun", &dry_run))
		return;
	if (!name)
		name = "policy";
	if (problems_init(&problems, name) < 0) {
		api_problem(rq, 500, "no-memory", NULL, "out of memory");
		return;
	}
	prepare(rq, text, json_string_length(json_object_get(rq->body, "text")), name, dry_run,
		&problems);
	problems_clear(&problems);
}

/* ---------------------------------------------------------------------------------------------
 * Mode
 */
static bool service_exists(const struct keeper *keeper, const char *name)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;

	for (size_t i = 0; policy && i < policy->n_services; i++)
		if (strcmp(policy->services[i].name, name) == 0)
			return true;
	return false;
}

/* Puts it in force; the kernel's value is set even when remembering it failed. */
static bool change_mode(struct api_request *rq, const char *service, enum mode_ask ask,
			const char *what)
{
	struct keeper *keeper = rq->keeper;
	json_t *before = modes_json(keeper->modes);
	int r;

	/* what modes_json() shares would change under us */
	json_object_set_new(before, "services",
			    json_deep_copy(json_object_get(before, "services")));
	r = modes_ask(keeper->modes, service, ask);
	modes_apply(keeper->modes, apply_ruling(keeper->apply)->policy, apply_intern(keeper->apply),
		    kern_control(keeper->kern));
	api_changed(rq, EVENT_MODE, what, before, modes_json(keeper->modes), "mode %s for %s%s",
		    mode_ask_name(ask), service ? "service " : "the host", service ? service : "");
	if (r < 0)
		api_problem(rq, 500, "not-remembered", NULL,
			    "it is in force, but will not outlive a reboot: %s", strerror(-r));
	return r == 0;
}

void api_mode_put(struct api_request *rq)
{
	static const char *const members[] = {"mode", "service", NULL};
	const char *mode, *service;

	if (!api_body_has_only(rq, members) || !api_body_string(rq, "mode", true, &mode) ||
	    !api_body_string(rq, "service", false, &service))
		return;
	if (mode_ask_find(mode) < 0) {
		api_problem(rq, 422, "bad-mode", NULL,
			    "'%s' is not a mode: monitor, enforce or policy", mode);
		return;
	}
	if (service && !service_exists(rq->keeper, service)) {
		api_problem(rq, 404, "no-such-service", NULL, "the policy has no service '%s'",
			    service);
		return;
	}
	if (change_mode(rq, service, (enum mode_ask)mode_ask_find(mode), "mode"))
		api_reply(rq, 200, json_pack("{s:s, s:s?}", "mode", mode, "service", service));
}

void api_panic(struct api_request *rq)
{
	static const char *const members[] = {NULL};

	if (!api_body_has_only(rq, members))
		return;
	if (change_mode(rq, NULL, MODE_ASK_MONITOR, "panic"))
		api_reply(rq, 200, json_pack("{s:s, s:n}", "mode", "monitor", "service"));
}

/* ---------------------------------------------------------------------------------------------
 * History
 */
static json_t *past_json(const struct store_policy *p)
{
	char id[24], time[CLOCK_TEXT];

	snprintf(id, sizeof(id), "%" PRId64, p->id);
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:I, s:s*}", "id", id,
			 "generation", (json_int_t)p->generation, "name", p->name, "file", p->file,
			 "origin", p->origin, "sha256", p->hash, "uid", (json_int_t)p->uid, "pid",
			 (int)p->pid, "time", clock_format(p->time_ns, time), "changes",
			 (json_int_t)p->changes, "text", p->text);
}

static void add_past(const struct store_policy *policy, void *userdata)
{
	json_array_append_new(userdata, past_json(policy));
}

static void unreadable(struct api_request *rq, int r)
{
	api_problem(rq, 503, "store-unreadable", NULL, "the history cannot be read: %s",
		    store_trouble(rq->keeper->store) ?: strerror(-r));
}

/* Newest first. */
void api_policies_list(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", NULL};
	json_t *items, *next = json_null();
	uint64_t after;
	size_t limit;
	int r;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after))
		return;
	items = json_array();
	r = store_each_policy(rq->keeper->store, (int64_t)after, limit + 1, add_past, items);
	if (r < 0) {
		json_decref(items);
		unreadable(rq, r);
		return;
	}
	if (json_array_size(items) > limit) {
		json_array_remove(items, limit);
		next = json_incref(json_object_get(json_array_get(items, limit - 1), "id"));
	}
	api_reply(rq, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

void api_policies_get(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};
	json_t *found;
	char *end;
	unsigned long long id = strtoull(rq->parameter, &end, 10);
	int r;

	if (!api_query_has_only(rq, parameters))
		return;
	if (*end || rq->parameter[0] < '0' || rq->parameter[0] > '9' || id > INT64_MAX) {
		api_problem(rq, 400, "bad-id", NULL,
			    "'%.32s' is not the number of a policy of the history", rq->parameter);
		return;
	}
	found = json_array();
	r = store_get_policy(rq->keeper->store, (int64_t)id, add_past, found);
	if (r < 0)
		unreadable(rq, r);
	else if (!json_array_size(found))
		api_problem(rq, 404, "no-such-policy", NULL, "the history has no policy %llu", id);
	else
		api_reply(rq, 200, json_incref(json_array_get(found, 0)));
	json_decref(found);
}
