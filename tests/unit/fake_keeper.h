/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_keeper.h - a keeper as keeper.c makes it, on the kernel side in memory and with what the
 * courier would have been told. Included once by a test; setup and teardown are cmocka's.
 *
 * Addresses of tests are of 198.18.0.0/15: no host has them (RFC 2544), and a host's own are
 * protected.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/fake_kern.c"
#include "user/base/cleanup.h"
#include "user/keeper/access_log.h"
#include "user/keeper/alerting.h"
#include "user/keeper/controls.h"
#include "user/keeper/keeper.h"
#include "user/keeper/transactions.h"
#include "user/respond/h2_requests.h"

#ifndef POLICY /* of a test of its own */
#define POLICY                                                                                     \
	"apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: shop}\nspec:\n"        \
	"  mode: enforce\n"                                                                        \
	"  classes:\n"                                                                             \
	"    auth: {limit: 5/15m}\n"                                                               \
	"    general: {limit: 100/15m}\n"                                                          \
	"    health: {exempt: true, match: [\"GET /healthz\"]}\n"                                  \
	"  services:\n"                                                                            \
	"    - name: shop\n"                                                                       \
	"      ports: [8080]\n"                                                                    \
	"      trustedProxies: [10.9.0.0/16]\n"                                                    \
	"      operations:\n"                                                                      \
	"        - {match: \"POST /api/v1/auth/**\", class: auth, auth: none}\n"                   \
	"        - {match: \"GET /api/v1/private\", class: general, auth: required}\n"             \
	"        - {match: \"* /api/v1/admin/**\", class: general, sources: [10.1.0.0/16]}\n"      \
	"  protect: {never: [198.51.100.7]}\n"                                                     \
	"  escalate: {refusals: 50, per: 1m, ban: 1m, growth: 2, max: 1h}\n"
#endif

static char dir[] = "/tmp/glacis-test-api-XXXXXX";
static struct options options;
static struct keeper keeper;

/* --- the courier -------------------------------------------------------------------------------
 */
static struct {
	int status;
	json_t *body;
	char allow[64];
	char kind[64];
	unsigned replies;
} got;

void courier_reply_header(struct courier_reply *reply, const char *name, const char *value)
{
	(void)reply;
	if (strcmp(name, "Allow") == 0)
		snprintf(got.allow, sizeof(got.allow), "%s", value);
}

void courier_reply(struct courier_reply *reply, int status, json_t *body)
{
	(void)reply;
	got.status = status;
	json_decref(got.body);
	got.body = body;
	got.replies++;
}

void courier_reply_problem(struct courier_reply *reply, int status, const char *kind, json_t *extra,
			   const char *detail, ...)
{
	(void)detail;
	snprintf(got.kind, sizeof(got.kind), "%s", kind);
	courier_reply(reply, status, extra ? extra : json_object());
}

void courier_broadcast(struct courier_link *link, json_t *event)
{
	(void)link;
	json_decref(event);
}

size_t courier_followers(const struct courier_link *link)
{
	(void)link;
	return 0;
}

void courier_link_watch(struct courier_link *link, courier_frame_fn fn, void *userdata)
{
	(void)link;
	(void)fn;
	(void)userdata;
}

int courier_link_send(struct courier_link *link, json_t *frame)
{
	(void)link;
	json_decref(frame);
	return -ENOTCONN;
}

int courier_link_give(struct courier_link *link, const char *name, int fd)
{
	(void)link;
	(void)name;
	(void)fd;
	return -ENOTCONN;
}

static struct intern *names_of_keeper(void *userdata)
{
	(void)userdata;
	return apply_intern(keeper.apply);
}

static int subjects_of_keeper(void)
{
	const struct subjects_parts parts = {
		.slots = keeper.kern->subjects,
		.control = &keeper.kern->control,
		.decisions = keeper.decisions,
		.store = keeper.store,
		.names = names_of_keeper,
	};

	return subjects_new(&parts, &keeper.subjects);
}

/* --- the keeper --------------------------------------------------------------------------------
 */
static int setup(void **state)
{
	static const struct compile_keys keys = {{1, 2}, {3, 4}};
	static const struct gl_key key = {5, 6};
	struct candidate *candidate;
	struct prefix_table *table;
	struct problems problems;
	char path[128];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	memset(&keeper, 0, sizeof(keeper));
	options.state_dir = dir;
	keeper.options = &options;
	keeper.lock_fd = -1;
	keeper.state = KEEPER_READY;
	keeper.kern = fake_kern_new();
	snprintf(path, sizeof(path), "%s/decisions.json", dir);
	if (prefix_table_new(keeper.kern->bans, FAKE_BAN_SLOTS, keeper.kern->control.decision_lens,
			     GL_DECISION_SETS, &key, &table) < 0 ||
	    store_open(dir, &keeper.store) < 0 ||
	    decisions_new(table, keeper.store, path, &keeper.decisions) < 0 ||
	    alerts_new(&keeper.alerts) < 0 || certificates_new(&keeper.certificates) < 0 ||
	    subjects_of_keeper() < 0 || h2_requests_new(1024, &keeper.h2_requests) < 0 ||
	    tls_history_new(&keeper.tls_history) < 0 || findings_new(&keeper.findings) < 0 ||
	    transactions_new(&keeper.transactions) < 0 || controls_new(&keeper.controls) < 0 ||
	    access_log_open(NULL, 0, &keeper.access_log) < 0 ||
	    events_new(256, 64, &keeper.events) < 0 || sources_new(64, &key, &keeper.sources) < 0 ||
	    escalate_new(64, &key, &keeper.escalate) < 0 || protect_new(&keeper.protect) < 0 ||
	    modes_new(dir, MODE_ASK_POLICY, &keeper.modes) < 0 ||
	    audit_open(keeper.store, dir, &keeper.audit) < 0 ||
	    apply_new(keeper.kern, dir, &keys, false, &keeper.apply) < 0 ||
	    problems_init(&problems, "shop.yaml") < 0 ||
	    apply_prepare(keeper.apply, POLICY, strlen(POLICY), "shop.yaml", &problems,
			  &candidate) < 0 ||
	    reload_install(&keeper, candidate, "file", &(struct audit_actor){.origin = "start"}) <
		    0)
		return -1;
	problems_clear(&problems);
	return alerting_new(&keeper, &keeper.alerting);
}

static int teardown(void **state)
{
	static const char *const names[] = {"intern.json",   "policy.yaml",   "policy.file.yaml",
					    "policy.json",   "mode.json",     "glacis.db",
					    "glacis.db-wal", "glacis.db-shm", "audit.key",
					    "audit.pub",     "audit.head"};
	char path[128];

	(void)state;
	store_close(keeper.store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	json_decref(got.body);
	got.body = NULL;
	subjects_free(keeper.subjects);
	h2_requests_free(keeper.h2_requests);
	decisions_free(keeper.decisions);
	apply_free(keeper.apply);
	modes_free(keeper.modes);
	audit_close(keeper.audit);
	tls_history_free(keeper.tls_history);
	certificates_free(keeper.certificates);
	findings_free(keeper.findings);
	alerting_free(keeper.alerting);
	alerts_free(keeper.alerts);
	keeper.alerting = NULL;
	transactions_free(keeper.transactions);
	controls_free(keeper.controls);
	access_log_close(keeper.access_log);
	protect_free(keeper.protect);
	escalate_free(keeper.escalate);
	sources_free(keeper.sources);
	events_free(keeper.events);
	kern_free(keeper.kern);
	free(keeper.listeners);
	return 0;
}
