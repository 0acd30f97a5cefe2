/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_apply.c - a policy becomes a generation, all or nothing; names and texts outlive the keeper;
 * and the modes that lie over it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/fake_kern.c"
#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/keeper/modes.h"
#include "user/policy/apply.h"
#include "user/policy/diff.h"

#define HEAD "apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: shop}\nspec:\n"
#define SHOP                                                                                       \
	HEAD "  mode: enforce\n"                                                                   \
	     "  classes: {auth: {limit: 5/15m}, general: {limit: 100/15m}}\n"                      \
	     "  services:\n"                                                                       \
	     "    - {name: shop, ports: [8080], operations: [{match: \"POST /login\", class: "     \
	     "auth}]}\n"

static const struct compile_keys keys = {{1, 2}, {3, 4}};
static char dir[] = "/tmp/glacis-test-apply-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static void remove_files(void)
{
	static const char *const names[] = {"intern.json", "policy.yaml", "policy.file.yaml",
					    "policy.json", "mode.json"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
}

static int remove_dir(void **state)
{
	(void)state;
	remove_files();
	return rmdir(dir);
}

static int clean(void **state)
{
	(void)state;
	remove_files();
	return 0;
}

/* Prepares and installs; the results as apply.h has them. */
static int rule(struct apply *apply, const char *text, const char *origin, size_t *ret_errors)
{
	struct candidate *candidate;
	struct problems problems;
	int r;

	assert_int_equal(problems_init(&problems, "test.yaml"), 0);
	r = apply_prepare(apply, text, strlen(text), "test.yaml", &problems, &candidate);
	*ret_errors = problems.errors;
	if (r == 0) {
		r = apply_install(apply, candidate, origin);
		if (r < 0)
			candidate_free(candidate);
	}
	problems_clear(&problems);
	return r;
}

static void a_policy_rules_once(void **state)
{
	struct kern *kern = fake_kern_new();
	const struct ruling *ruling;
	struct apply *apply;
	size_t errors;

	(void)state;
	assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
	ruling = apply_ruling(apply);
	assert_null(ruling->policy);
	assert_int_equal(ruling->generation, 0);
	assert_int_equal(rule(apply, SHOP, "file", &errors), 1);
	assert_int_equal(ruling->generation, 1);
	assert_string_equal(ruling->name, "shop");
	assert_string_equal(ruling->file, "test.yaml");
	assert_string_equal(ruling->text, SHOP);
	/* the same again, differently written: it ruled already */
	assert_int_equal(rule(apply, SHOP "# a comment\n", "file", &errors), 0);
	assert_int_equal(kern->installs, 1);
	assert_int_equal(ruling->generation, 1);
	assert_string_equal(ruling->text, SHOP "# a comment\n");
	apply_free(apply);
	kern_free(kern);
}

static void a_faulty_policy_changes_nothing(void **state)
{
	struct kern *kern = fake_kern_new();
	struct apply *apply;
	size_t errors;

	(void)state;
	assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
	assert_int_equal(rule(apply, SHOP, "file", &errors), 1);
	assert_int_equal(
		rule(apply, HEAD "  services: [{name: new, ports: [99999, x]}]\n", "api", &errors),
		-EINVAL);
	assert_true(errors >= 2); /* every one of them */
	assert_string_equal(apply_ruling(apply)->text, SHOP);
	assert_int_equal(kern->installs, 1);
	assert_int_equal(kern->generation, 1);
	apply_free(apply);
	kern_free(kern);
}

static void a_tried_policy_gives_out_no_name(void **state)
{
	struct kern *kern = fake_kern_new();
	struct candidate *candidate;
	struct problems problems;
	struct apply *apply;
	size_t errors;
	int shop;

	(void)state;
	assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
	assert_int_equal(rule(apply, SHOP, "file", &errors), 1);
	shop = intern_id(apply_intern(apply), INTERN_SERVICE, "shop");
	for (int i = 0; i < 3; i++) {
		char text[512];
		int n = snprintf(text, sizeof(text),
				 HEAD "  classes: {general: {limit: 1/1m}}\n"
				      "  services: [{name: tried-%d, ports: [1]}]\n",
				 i);

		assert_int_equal(problems_init(&problems, "tried.yaml"), 0);
		assert_int_equal(
			apply_prepare(apply, text, (size_t)n, "tried.yaml", &problems, &candidate),
			0);
		candidate_free(candidate);
		problems_clear(&problems);
	}
	assert_int_equal(intern_id(apply_intern(apply), INTERN_SERVICE, "next"), shop + 1);
	apply_free(apply);
	kern_free(kern);
}

static void a_busy_kernel_keeps_the_old_one(void **state)
{
	struct kern *kern = fake_kern_new();
	struct apply *apply;
	size_t errors;

	(void)state;
	assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
	assert_int_equal(rule(apply, SHOP, "file", &errors), 1);
	kern->install_result = -EAGAIN;
	assert_int_equal(rule(apply,
			      HEAD "  classes: {general: {limit: 1/1m}}\n"
				   "  services: [{name: shop, ports: [1]}]\n",
			      "file", &errors),
			 -EAGAIN);
	assert_string_equal(apply_ruling(apply)->text, SHOP);
	apply_free(apply);
	kern_free(kern);
}

static void the_next_keeper_goes_on(void **state)
{
	struct kern *kern = fake_kern_new();
	char *text, *file, *origin;
	struct apply *apply;
	size_t errors, size;
	int auth;

	(void)state;
	assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
	assert_int_equal(rule(apply, SHOP, "file", &errors), 1);
	auth = intern_id(apply_intern(apply), INTERN_CLASS, "auth");
	assert_int_equal(rule(apply,
			      HEAD "  classes: {new: {limit: 1/1m}, auth: {limit: 5/15m}}\n"
				   "  services: [{name: shop, ports: [1], defaultClass: new}]\n",
			      "api", &errors),
			 1);
	apply_free(apply);

	/* killed; the kernel side is as it was */
	assert_int_equal(apply_new(kern, dir, &keys, true, &apply), 0);
	assert_int_equal(apply_ruling(apply)->generation, 2);
	assert_int_equal(intern_id(apply_intern(apply), INTERN_CLASS, "auth"), auth);
	assert_int_equal(apply_stored(dir, &text, &size, &file, &origin), 0);
	assert_string_equal(origin, "api");
	assert_string_equal(file, "test.yaml");
	assert_int_equal(rule(apply, text, origin, &errors), 0); /* not installed again */
	assert_int_equal(kern->installs, 2);
	free(text);
	free(file);
	free(origin);
	assert_int_equal(apply_stored_file_text(dir, &text, &size), 0);
	assert_string_equal(text, SHOP);
	free(text);
	apply_free(apply);
	kern_free(kern);
}

/* ---------------------------------------------------------------------------------------------
 * Modes
 */
static enum gl_mode in_force(struct kern *kern, struct apply *apply)
{
	const struct policy_service *service = &apply_ruling(apply)->policy->services[0];

	return mode_in_force(
		&kern->control, service,
		(unsigned)intern_id(apply_intern(apply), INTERN_SERVICE, service->name));
}

static void ask_for(struct modes *modes, struct apply *apply, struct kern *kern,
		    const char *service, enum mode_ask ask)
{
	assert_int_equal(modes_ask(modes, service, ask), 0);
	modes_apply(modes, apply_ruling(apply)->policy, apply_intern(apply), &kern->control);
}

static void modes_lie_over_the_policy(void **state)
{
	static const struct {
		const char *policy_mode, *service_mode;
		enum mode_ask host, service;
		enum gl_mode result;
	} cases[] = {
		{"enforce", "", MODE_ASK_POLICY, MODE_ASK_POLICY, GL_MODE_ENFORCE},
		{"monitor", "", MODE_ASK_POLICY, MODE_ASK_POLICY, GL_MODE_MONITOR},
		{"enforce", ", mode: monitor", MODE_ASK_POLICY, MODE_ASK_POLICY, GL_MODE_MONITOR},
		/* the host's monitor is a ceiling over everything */
		{"enforce", "", MODE_ASK_MONITOR, MODE_ASK_POLICY, GL_MODE_MONITOR},
		{"enforce", "", MODE_ASK_MONITOR, MODE_ASK_ENFORCE, GL_MODE_MONITOR},
		/* the host's enforce raises what spec.mode says, not a service that lowers itself
		 */
		{"monitor", "", MODE_ASK_ENFORCE, MODE_ASK_POLICY, GL_MODE_ENFORCE},
		{"enforce", ", mode: monitor", MODE_ASK_ENFORCE, MODE_ASK_POLICY, GL_MODE_MONITOR},
		/* a word for the service wins over both */
		{"enforce", ", mode: monitor", MODE_ASK_POLICY, MODE_ASK_ENFORCE, GL_MODE_ENFORCE},
		{"monitor", "", MODE_ASK_ENFORCE, MODE_ASK_MONITOR, GL_MODE_MONITOR},
		{"enforce", "", MODE_ASK_POLICY, MODE_ASK_MONITOR, GL_MODE_MONITOR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kern *kern = fake_kern_new();
		struct modes *modes;
		struct apply *apply;
		char text[512];
		size_t errors;

		snprintf(text, sizeof(text),
			 HEAD "  mode: %s\n  classes: {general: {limit: 1/1m}}\n"
			      "  services: [{name: shop, ports: [1]%s}]\n",
			 cases[i].policy_mode, cases[i].service_mode);
		assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
		assert_int_equal(rule(apply, text, "file", &errors), 1);
		assert_int_equal(modes_new(dir, MODE_ASK_POLICY, &modes), 0);
		ask_for(modes, apply, kern, NULL, cases[i].host);
		ask_for(modes, apply, kern, "shop", cases[i].service);
		if (in_force(kern, apply) != cases[i].result)
			fail_msg("case %zu", i);
		modes_free(modes);

		/* asked for once, it outlives the keeper */
		memset(kern->control.service_mode, 0, sizeof(kern->control.service_mode));
		assert_int_equal(modes_new(dir, MODE_ASK_POLICY, &modes), 0);
		modes_apply(modes, apply_ruling(apply)->policy, apply_intern(apply),
			    &kern->control);
		assert_int_equal(in_force(kern, apply), cases[i].result);
		modes_free(modes);
		apply_free(apply);
		kern_free(kern);
	}
}

/* What is asked for holds over a restart with the same flag, and not against another one. */
static void the_flag_and_what_was_asked(void **state)
{
	static const struct {
		enum mode_ask flag, asked, next_flag, result;
	} cases[] = {
		{MODE_ASK_ENFORCE, MODE_ASK_MONITOR, MODE_ASK_ENFORCE, MODE_ASK_MONITOR},
		{MODE_ASK_MONITOR, MODE_ASK_ENFORCE, MODE_ASK_MONITOR, MODE_ASK_ENFORCE},
		{MODE_ASK_MONITOR, MODE_ASK_POLICY, MODE_ASK_MONITOR, MODE_ASK_POLICY},
		{MODE_ASK_POLICY, MODE_ASK_MONITOR, MODE_ASK_POLICY, MODE_ASK_MONITOR},
		{MODE_ASK_MONITOR, MODE_ASK_ENFORCE, MODE_ASK_ENFORCE, MODE_ASK_ENFORCE},
		{MODE_ASK_ENFORCE, MODE_ASK_POLICY, MODE_ASK_MONITOR, MODE_ASK_MONITOR},
		{MODE_ASK_ENFORCE, MODE_ASK_MONITOR, MODE_ASK_POLICY, MODE_ASK_POLICY},
	};
	struct modes *modes;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(modes_new(dir, cases[i].flag, &modes), 0);
		assert_int_equal(modes_asked(modes, NULL), cases[i].flag);
		assert_int_equal(modes_ask(modes, NULL, cases[i].asked), 0);
		assert_int_equal(modes_ask(modes, "shop", MODE_ASK_MONITOR), 0);
		assert_int_equal(modes_asked(modes, NULL), cases[i].asked);
		modes_free(modes);
		assert_int_equal(modes_new(dir, cases[i].next_flag, &modes), 0);
		assert_int_equal(modes_asked(modes, NULL), cases[i].result);
		assert_int_equal(modes_asked(modes, "shop"), MODE_ASK_MONITOR);
		/* a detach ends it */
		assert_int_equal(modes_forget(modes), 0);
		assert_int_equal(modes_asked(modes, NULL), cases[i].next_flag);
		modes_free(modes);
		assert_int_equal(modes_new(dir, cases[i].flag, &modes), 0);
		assert_int_equal(modes_asked(modes, NULL), cases[i].flag);
		assert_int_equal(modes_asked(modes, "shop"), MODE_ASK_POLICY);
		modes_free(modes);
	}
}

/* ---------------------------------------------------------------------------------------------
 * Diff
 */
static void collect(const char *line, void *userdata)
{
	char *all = userdata;

	strncat(all, line, 4000 - strlen(all));
	strncat(all, "\n", 4000 - strlen(all));
}

static void differences_are_named(void **state)
{
	struct kern *kern = fake_kern_new();
	struct candidate *candidate;
	struct problems problems;
	struct apply *apply;
	char all[4096] = "";
	size_t errors;
	static const char changed[] = HEAD
		"  mode: monitor\n"
		"  outgoing: record\n"
		"  classes: {auth: {limit: 9/15m}, general: {limit: 100/1m}, x: {limit: 1/1s}}\n"
		"  services:\n"
		"    - {name: shop, ports: [8080, 81], operations: [{match: \"POST /login\", "
		"class: general}, {match: \"GET /x\", class: x}]}\n"
		"  alerts: {forbidden: {atLeast: 10, per: 1m}, coolDown: 1h}\n";

	(void)state;
	assert_int_equal(apply_new(kern, dir, &keys, false, &apply), 0);
	assert_int_equal(rule(apply, SHOP, "file", &errors), 1);
	assert_int_equal(problems_init(&problems, "changed.yaml"), 0);
	assert_int_equal(apply_prepare(apply, changed, strlen(changed), "changed.yaml", &problems,
				       &candidate),
			 0);
	assert_int_equal(
		policy_diff(apply_ruling(apply)->policy, candidate_policy(candidate), collect, all),
		11);
	assert_string_equal(
		all, "mode enforce -> monitor\n"
		     "service shop: other ports (1 -> 2)\n"
		     "service shop: mode enforce -> monitor\n"
		     "service shop: operation POST /login: class auth -> general\n"
		     "service shop: operation GET /x: new, class x\n"
		     "class auth: limit 5/15m -> 9/15m (counts are kept)\n"
		     "class general: limit 100/15m -> 100/1m (another window: its counts begin "
		     "anew)\n"
		     "class x: new, 1/1s\n"
		     "outgoing: ignore -> record\n"
		     "alerts.forbidden: on\n"
		     "alerts.coolDown: 10m -> 1h\n");
	assert_int_equal(
		policy_diff(candidate_policy(candidate), candidate_policy(candidate), collect, all),
		0);
	candidate_free(candidate);
	problems_clear(&problems);
	apply_free(apply);
	kern_free(kern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_policy_rules_once, clean),
		cmocka_unit_test_setup(a_faulty_policy_changes_nothing, clean),
		cmocka_unit_test_setup(a_tried_policy_gives_out_no_name, clean),
		cmocka_unit_test_setup(a_busy_kernel_keeps_the_old_one, clean),
		cmocka_unit_test_setup(the_next_keeper_goes_on, clean),
		cmocka_unit_test_setup(modes_lie_over_the_policy, clean),
		cmocka_unit_test_setup(the_flag_and_what_was_asked, clean),
		cmocka_unit_test_setup(differences_are_named, clean),
	};

	log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
