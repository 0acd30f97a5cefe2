/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reload.c - which policy text rules: at start, on SIGHUP, after the API installed one; and what
 * follows from a policy besides its image.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keeper.h"
#include "user/keeper/notify.h"
#include "user/policy/diff.h"

#define DEFAULT_POLICY "/etc/glacis/policy.yaml"

void policy_source_clear(struct policy_source *source)
{
	free(source->text);
	free(source->file);
	free(source->origin);
	*source = (struct policy_source){};
}

static int read_source(const char *path, struct policy_source *ret_source)
{
	struct policy_source source = {};
	int r = file_read(path, POLICY_SOURCE_MAX, &source.text, &source.size);

	if (r < 0)
		return r;
	source.file = strdup(path);
	source.origin = strdup("file");
	if (!source.file || !source.origin) {
		policy_source_clear(&source);
		return -ENOMEM;
	}
	*ret_source = source;
	return 0;
}

static int read_stored(const char *state_dir, struct policy_source *ret_source)
{
	return apply_stored(state_dir, &ret_source->text, &ret_source->size, &ret_source->file,
			    &ret_source->origin);
}

/* Whether this is the text that was last installed from a file. */
static bool is_known_file(const char *state_dir, const struct policy_source *source)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return apply_stored_file_text(state_dir, &text, &size) == 0 && size == source->size &&
	       memcmp(text, source->text, size) == 0;
}

/*
 * The file that was named, unless it is what it was when a policy was applied over the API
 * afterwards: a restart must not undo what an administrator did in an incident.
 */
static int choose_named(const struct options *options, struct policy_source *ret_source)
{
	struct policy_source named = {}, stored = {};
	int r = read_source(options->policy, &named);

	if (r < 0)
		return log_err(r, "policy %s", options->policy);
	if (is_known_file(options->state_dir, &named) &&
	    read_stored(options->state_dir, &stored) == 0 && strcmp(stored.origin, "api") == 0) {
		log_info("%s is unchanged since the policy %s was applied over it: that one rules "
			 "on (SIGHUP or an edit brings the file back)",
			 options->policy, stored.file);
		policy_source_clear(&named);
		*ret_source = stored;
		return 0;
	}
	policy_source_clear(&stored);
	*ret_source = named;
	return 0;
}

int reload_choose(const struct options *options, struct policy_source *ret_source)
{
	int r;

	if (options->policy)
		return choose_named(options, ret_source);
	r = read_stored(options->state_dir, ret_source);
	if (r < 0)
		r = read_source(DEFAULT_POLICY, ret_source);
	if (r < 0)
		log_error("no policy: give --policy FILE, or write %s", DEFAULT_POLICY);
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * Installing
 */
void reload_follow(struct keeper *keeper)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;

	if (policy && keeper->alerts)
		alerts_set_cool_down(keeper->alerts, policy->alert_cool_down_s);
	modes_apply(keeper->modes, policy, apply_intern(keeper->apply), kern_control(keeper->kern));
	inspectors_policy(keeper->inspectors);
	incidents_set_rules(keeper->incidents, policy ? &policy->incidents : NULL);
	if (!policy)
		return;
	escalate_set_rules(keeper->escalate, &policy->escalate,
			   policy->containment_max_bans_per_minute);
	keeper->protect_ns = 0; /* trusted proxies and protect.never may have changed */
}

static void count_line(const char *line, void *userdata)
{
	size_t *n = userdata;

	(void)line;
	*n += 1;
}

/* What rules from now on, for the history; a store that cannot take it costs the history a row. */
static void record(struct keeper *keeper, const struct audit_actor *actor, size_t changes)
{
	const struct ruling *ruling = apply_ruling(keeper->apply);
	const struct store_policy row = {
		.time_ns = clock_wall_ns(),
		.generation = ruling->generation,
		.changes = changes,
		.name = ruling->name,
		.file = ruling->file,
		.origin = actor->origin,
		.text = ruling->text,
		.uid = actor->uid,
		.pid = actor->pid,
	};
	int r = store_begin(keeper->store);

	if (r == 0)
		r = store_put_policy(keeper->store, &row);
	if (r == 0)
		r = store_commit(keeper->store);
	if (r < 0)
		log_err(r, "the history has not the policy %s", ruling->name);
}

int reload_install(struct keeper *keeper, struct candidate *candidate, const char *origin,
		   const struct audit_actor *actor)
{
	const struct policy *before = apply_ruling(keeper->apply)->policy;
	size_t changes = 0;
	int r;

	if (before)
		policy_diff(before, candidate_policy(candidate), count_line, &changes);
	r = apply_install(keeper->apply, candidate, origin);
	if (r >= 0)
		reload_follow(keeper);
	if (r > 0)
		record(keeper, actor, changes);
	return r;
}

static int install_source(struct keeper *keeper, const struct policy_source *source,
			  const char *actor, struct problems *problems)
{
	_cleanup_(candidate_freep) struct candidate *candidate = NULL;
	const struct ruling *ruling;
	const struct audit_actor who = {.origin = "signal", .pid = getpid()};
	size_t changes = 0;
	int r = apply_prepare(keeper->apply, source->text, source->size, source->file, problems,
			      &candidate);

	problems_print(problems, stderr);
	if (r < 0)
		return r;
	policy_diff(apply_ruling(keeper->apply)->policy, candidate_policy(candidate), count_line,
		    &changes);
	r = reload_install(keeper, candidate, "file", &who);
	if (r < 0)
		return r;
	TAKE_PTR(candidate);
	ruling = apply_ruling(keeper->apply);
	audit_write(keeper->audit, &who, "policy reload", NULL,
		    json_pack("{s:s, s:s, s:I}", "name", ruling->name, "file", ruling->file,
			      "generation", (json_int_t)ruling->generation));
	records_note(keeper, EVENT_POLICY, actor, "policy %s %s (generation %llu, %zu changes)",
		     ruling->name, r ? "rules" : "ruled already",
		     (unsigned long long)ruling->generation, changes);
	return r;
}

int reload_file(struct keeper *keeper, const char *actor)
{
	const char *path = keeper->options->policy ? keeper->options->policy : DEFAULT_POLICY;
	struct policy_source source = {};
	struct problems problems;
	int r = read_source(path, &source);

	if (r < 0) {
		records_note(keeper, EVENT_POLICY, actor,
			     "policy file cannot be read, the old one rules on: %s", strerror(-r));
		return r;
	}
	r = problems_init(&problems, path);
	if (r == 0) {
		r = install_source(keeper, &source, actor, &problems);
		problems_clear(&problems);
	}
	policy_source_clear(&source);
	if (r == -EAGAIN)
		log_info("the policies of the last minute may still be in use; trying again");
	else if (r < 0)
		records_note(keeper, EVENT_POLICY, actor,
			     "policy %.32s is faulty: the old one rules on",
			     strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return r;
}
