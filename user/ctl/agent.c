/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.c - glacisctl status, doctor: what the agent is and holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/detach.h"
#include "user/ctl/out.h"
#include "user/ctl/wait.h"

/* --- status ------------------------------------------------------------------------------------
 */

static const char *join_ports(const json_t *ports, char *text, size_t size)
{
	const json_t *port;
	size_t i, n = 0;

	text[0] = 0;
	for (i = 0; (port = json_array_get(ports, i)); i++)
		if (n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%" JSON_INTEGER_FORMAT,
					      i ? "," : "", json_integer_value(port));
	return text;
}

static const char *join_listeners(const json_t *listeners, char *text, size_t size)
{
	const json_t *one;
	size_t i, n = 0;

	text[0] = 0;
	for (i = 0; (one = json_array_get(listeners, i)); i++)
		if (n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s (%s:%s)", i ? ", " : "",
					      out_member(one, "executable"),
					      out_member(one, "address"), out_member(one, "port"));
	return text;
}

static void print_services(const struct ctl *ctl, const json_t *services)
{
	static const char *const titles[] = {"SERVICE", "MODE", "PORTS", "LISTENING"};
	struct out_table *table = out_table_new(titles, 4);
	char ports[256], listeners[1024];
	const json_t *service;
	size_t i;

	for (i = 0; (service = json_array_get(services, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(service, "name"), out_member(service, "mode"),
			join_ports(json_object_get(service, "ports"), ports, sizeof(ports)),
			join_listeners(json_object_get(service, "listening"), listeners,
				       sizeof(listeners)));
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "no services: the policy names none");
}

static void print_doors(const struct ctl *ctl, const json_t *doors)
{
	static const char *const titles[] = {"DOOR", "DEVICE", "NETNS", "HOW"};
	struct out_table *table = out_table_new(titles, 4);
	const json_t *door;
	size_t i;

	for (i = 0; (door = json_array_get(doors, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(door, "door"), out_member(door, "device"),
			out_member(door, "netns"), out_member(door, "how"));
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "no doors: nothing is guarded");
}

static void print_inspectors(const struct ctl *ctl, const json_t *inspectors)
{
	static const char *const titles[] = {"INSPECTOR", ">PID",      "STATE", ">RESTARTS",
					     ">SENT",     ">RECEIVED", ">LOST", ">REPORTS LOST"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *one;
	size_t i;

	for (i = 0; (one = json_array_get(inspectors, i)); i++)
		OUT_ROW(table,
			strcmp(out_member(one, "state"), "ready") == 0 ? OUT_PLAIN : OUT_YELLOW,
			out_member(one, "number"), out_member(one, "pid"), out_member(one, "state"),
			out_member(one, "restarts"), out_member(one, "sent"),
			out_member(one, "received"), out_member(one, "lost"),
			out_member(one, "reportsLost"));
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "no inspectors: content is not looked into");
}

static void print_state(const struct ctl *ctl, const json_t *status)
{
	const char *state = out_member(status, "state"), *since = out_member(status, "since");
	const json_t *policy = json_object_get(status, "policy");
	const json_t *windows = json_object_get(status, "windows");
	bool ready = strcmp(state, "ready") == 0;
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s (pid %s, version %s%s%s%s)",
		 out_color(ctl, ready ? OUT_GREEN : OUT_YELLOW), out_clean(state),
		 out_color(ctl, OUT_PLAIN), out_member(status, "pid"),
		 out_clean(out_member(status, "version")), *since ? ", since " : "",
		 *since ? out_time(since) : "",
		 json_is_true(json_object_get(status, "adopted")) ? ", adopted" : "");
	out_pair(ctl, "agent", text);
	out_pair(ctl, "trouble", out_clean(out_member(status, "trouble")));
	out_pair(ctl, "mode", out_clean(out_member(status, "mode")));
	if (json_is_object(policy))
		snprintf(text, sizeof(text), "%s (generation %s, loaded %s)",
			 out_clean(out_member(policy, "name")), out_member(policy, "generation"),
			 out_time(out_member(policy, "loadedAt")));
	else
		snprintf(text, sizeof(text), "none");
	out_pair(ctl, "policy", text);
	out_pair(ctl, "decisions", out_member(status, "decisions"));
	if (json_is_object(windows))
		snprintf(text, sizeof(text), "%s of %s", out_member(windows, "used"),
			 out_member(windows, "capacity"));
	out_pair(ctl, "windows", json_is_object(windows) ? text : "");
}

static void print_status(const struct ctl *ctl, const json_t *status)
{
	const json_t *unwatched = json_object_get(status, "unwatched");
	char text[1024];

	print_state(ctl, status);
	print_services(ctl, json_object_get(status, "services"));
	print_doors(ctl, json_object_get(status, "doors"));
	if (json_is_array(json_object_get(status, "inspectors")))
		print_inspectors(ctl, json_object_get(status, "inspectors"));
	if (json_array_size(unwatched) > 0)
		fprintf(ctl->out, "\n%sunwatched%s: %s\n", out_color(ctl, OUT_YELLOW),
			out_color(ctl, OUT_PLAIN),
			out_clean(join_listeners(unwatched, text, sizeof(text))));
}

static int run_status(struct ctl *ctl)
{
	const char *wait = ctl_option(ctl, "wait");
	json_t *status = NULL;
	uint32_t seconds = 0;
	int r;

	if (wait && duration_parse(wait, &seconds) < 0)
		return ctl_usage(ctl, "--wait %s: a number and a unit, such as 10s", wait);
	r = wait_ready(ctl, seconds, &status);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, status))
		print_status(ctl, status);
	if (strcmp(out_member(status, "state"), "ready") != 0)
		r = CTL_REFUSED;
	json_decref(status);
	return r;
}

/* --- doctor ------------------------------------------------------------------------------------
 */

static void print_features(const struct ctl *ctl, const json_t *features)
{
	static const char *const titles[] = {"FEATURE", "AVAILABLE", "DETAIL"};
	struct out_table *table = out_table_new(titles, 3);
	const json_t *feature;
	size_t i;

	for (i = 0; (feature = json_array_get(features, i)); i++)
		OUT_ROW(table,
			json_is_true(json_object_get(feature, "available")) ? OUT_PLAIN
									    : OUT_YELLOW,
			out_member(feature, "name"), out_member(feature, "available"),
			out_member(feature, "detail"));
	out_table_print(ctl, table, "no features examined");
}

static void print_memory(const struct ctl *ctl, const json_t *memory)
{
	static const char *const titles[] = {"MAP", ">MEMORY", ">ENTRIES"};
	struct out_table *table = out_table_new(titles, 3);
	json_int_t total = 0;
	const json_t *map;
	size_t i;

	for (i = 0; (map = json_array_get(memory, i)); i++) {
		json_int_t bytes = json_integer_value(json_object_get(map, "bytes"));

		total += bytes;
		OUT_ROW(table, OUT_PLAIN, out_member(map, "map"), out_bytes(bytes),
			out_member(map, "entries"));
	}
	OUT_ROW(table, OUT_BOLD, "total", out_bytes(total), "");
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "");
}

static void print_checks(const struct ctl *ctl, const json_t *checks)
{
	static const char *const titles[] = {"CHECK", "OK", "DETAIL"};
	struct out_table *table = out_table_new(titles, 3);
	const json_t *check;
	size_t i;

	for (i = 0; (check = json_array_get(checks, i)); i++)
		OUT_ROW(table, json_is_true(json_object_get(check, "ok")) ? OUT_PLAIN : OUT_RED,
			out_member(check, "name"), out_member(check, "ok"),
			out_member(check, "detail"));
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "no checks made");
}

static int run_doctor(struct ctl *ctl)
{
	json_t *report = NULL;
	unsigned findings = 0;
	const json_t *check;
	size_t i;
	int r = api_call(ctl, "GET", "/v1/doctor", NULL, &report);

	if (r != CTL_OK)
		return r;
	for (i = 0; (check = json_array_get(json_object_get(report, "checks"), i)); i++)
		findings += !json_is_true(json_object_get(check, "ok"));
	if (!api_print_json(ctl, report)) {
		print_features(ctl, json_object_get(report, "features"));
		print_memory(ctl, json_object_get(report, "memory"));
		print_checks(ctl, json_object_get(report, "checks"));
	}
	json_decref(report);
	return findings ? CTL_REFUSED : CTL_OK;
}

const struct ctl_command ctl_agent_commands[] = {
	{
		.name = "status",
		.arguments = "",
		.summary = "What the agent guards, and whether it is ready",
		.details = "Exit status 1: an agent is there but not ready.",
		.example = "glacisctl status --wait 10s",
		.options = {{"wait", "DURATION", "wait until there is an agent and it is ready"}},
		.run = run_status,
	},
	{
		.name = "doctor",
		.arguments = "",
		.summary = "What this kernel can do, what the maps cost, what is wrong",
		.details = "Exit status 1: a check found something.",
		.example = "glacisctl doctor",
		.run = run_doctor,
	},
	{
		.name = "detach",
		.arguments = "",
		.summary = "Remove everything from the kernel and end the agent",
		.details = "Works also when the agent is dead: what it left is removed below "
			   "--pin-dir.\nGuarding ends; nothing is limited or banned any more.",
		.example = "glacisctl detach",
		.options = {{"pin-dir", "DIR", "of a dead agent (default /sys/fs/bpf/glacis)"},
			    {"dry-run", NULL, "say what would be removed"}},
		.run = detach_run,
	},
	{.name = NULL},
};
