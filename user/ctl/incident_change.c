/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incident_change.c - glacisctl incident: the commands that change one. */
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/incident.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define TASKS_MAX 64

/* Takes body, adds dryRun, prints the incident as it is then. */
static int send_to(struct ctl *ctl, const char *method, const char *path, json_t *body)
{
	bool dry_run = ctl_option(ctl, "dry-run") != NULL;
	json_t *incident = NULL;
	int r;

	if (!body)
		return ctl_usage(ctl, "an argument is not UTF-8");
	if (dry_run)
		json_object_set_new(body, "dryRun", json_true());
	r = api_call(ctl, method, path, body, &incident);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, incident)) {
		if (dry_run)
			fputs("accepted; nothing was changed\n", ctl->out);
		else
			incident_print(ctl, incident);
	}
	json_decref(incident);
	return CTL_OK;
}

static int change(struct ctl *ctl, const char *method, const char *rest, json_t *body)
{
	_cleanup_free_ char *path = NULL;
	int r = CTL_OK;

	path = incident_path(ctl, rest, &r);
	if (!path) {
		json_decref(body);
		return r;
	}
	return send_to(ctl, method, path, body);
}

int incident_open(struct ctl *ctl)
{
	const char *priority = ctl_option(ctl, "priority");

	return send_to(ctl, "POST", "/v1/incidents",
		       json_pack("{s:s, s:s, s:s*}", "title", ctl->arguments[0], "priority",
				 priority ? priority : "P3", "service",
				 ctl_option(ctl, "service")));
}

int incident_assign(struct ctl *ctl)
{
	const char *name = ctl->n_arguments > 1 ? ctl->arguments[1] : "";

	return change(ctl, "PUT", "/assignee", json_pack("{s:s}", "assignee", name));
}

int incident_priority(struct ctl *ctl)
{
	return change(ctl, "PUT", "/priority", json_pack("{s:s}", "priority", ctl->arguments[1]));
}

int incident_note(struct ctl *ctl)
{
	return change(ctl, "POST", "/notes",
		      json_pack("{s:s, s:b}", "text", ctl->arguments[1], "rootCause",
				ctl_option(ctl, "root-cause") != NULL));
}

int incident_phase(struct ctl *ctl)
{
	return change(ctl, "PUT", "/phase",
		      json_pack("{s:s, s:s*}", "status", ctl->arguments[1], "reason",
				ctl_option(ctl, "reason")));
}

int incident_close(struct ctl *ctl)
{
	const char *resolution = ctl_option(ctl, "resolution"), *reason = ctl_option(ctl, "reason");

	if (!resolution || !reason)
		return ctl_usage(ctl, "--resolution and --reason say how it ended");
	return change(ctl, "POST", "/close",
		      json_pack("{s:s, s:s}", "resolution", resolution, "reason", reason));
}

int incident_reopen(struct ctl *ctl)
{
	const char *reason = ctl_option(ctl, "reason");

	if (!reason)
		return ctl_usage(ctl, "--reason says why it goes on");
	return change(ctl, "POST", "/reopen", json_pack("{s:s}", "reason", reason));
}

int incident_merge(struct ctl *ctl)
{
	return change(ctl, "POST", "/merge", json_pack("{s:s}", "other", ctl->arguments[1]));
}

int incident_split(struct ctl *ctl)
{
	const struct ctl_value *alerts = ctl_values(ctl, "alert");
	json_t *list = json_array();

	for (unsigned i = 0; i < alerts->n; i++)
		json_array_append_new(list, json_string(alerts->items[i]));
	if (alerts->n)
		return change(ctl, "POST", "/split", json_pack("{s:o}", "alerts", list));
	json_decref(list);
	return ctl_usage(ctl, "--alert says which of its alerts");
}

static int end_task(struct ctl *ctl, const char *option, const char *state)
{
	unsigned number = 0;
	int r = numbers_option(ctl, option, 1, TASKS_MAX, &number);

	if (r >= 0)
		return r;
	return change(ctl, "PUT", "/tasks",
		      json_pack("{s:i, s:s, s:s*}", "task", (int)number, "state", state, "reason",
				ctl_option(ctl, "reason")));
}

int incident_task(struct ctl *ctl)
{
	bool add = ctl->n_arguments > 1, done = ctl_option(ctl, "done") != NULL,
	     drop = ctl_option(ctl, "drop") != NULL;

	if (add + done + drop != 1)
		return ctl_usage(ctl, "either TEXT, --done N or --drop N");
	if (!add)
		return end_task(ctl, done ? "done" : "drop", done ? "done" : "dropped");
	return change(ctl, "POST", "/tasks",
		      json_pack("{s:s, s:s*, s:s*}", "text", ctl->arguments[1], "owner",
				ctl_option(ctl, "owner"), "due", ctl_option(ctl, "due")));
}
