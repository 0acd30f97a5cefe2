/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/names.h"
#include "user/base/version.h"
#include "user/keeper/counters.h"
#include "user/keeper/exports.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keeper.h"

/* ---------------------------------------------------------------------------------------------
 * Families and samples
 */
static json_t *family(json_t *families, const char *name, const char *type, const char *unit,
		      const char *help)
{
	json_t *samples = json_array();

	json_array_append_new(families,
			      json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", name, "type", type,
					"unit", unit, "help", help, "samples", samples));
	return samples; /* borrowed from the family */
}

/* Takes labels (NULL: none) and value. */
static void sample(json_t *samples, json_t *labels, json_t *value)
{
	json_array_append_new(samples, json_pack("{s:o, s:o}", "labels",
						 labels ? labels : json_object(), "value", value));
}

static json_t *label(const char *name, const char *value)
{
	return json_pack("{s:s}", name, value);
}

static json_t *count(uint64_t value)
{
	return json_integer((json_int_t)(value & INT64_MAX));
}

static void one(json_t *families, const char *name, const char *type, const char *unit,
		const char *help, json_t *value)
{
	sample(family(families, name, type, unit, help), NULL, value);
}

/* "glacis_heads_rewound_total" of "heads-rewound". */
static void counter_name(const char *text, const char *suffix, char out[96])
{
	snprintf(out, 96, "glacis_%s%s", text, suffix);
	for (char *p = out; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* ---------------------------------------------------------------------------------------------
 * Counters: of the kernel's programs and of the keeper's own
 */
static const struct group {
	const char *prefix, *name, *label, *help;
} groups[] = {
	{"verdict-", "glacis_verdicts_total", "verdict",
	 "Requests by verdict that was carried out."},
	{"would-", "glacis_would_verdicts_total", "verdict",
	 "Requests by verdict that enforce would have carried out (monitor)."},
	{"delivery-", "glacis_deliveries_total", "delivery",
	 "Verdicts by the way they reached the client."},
	{"lost-", "glacis_lost_total", "kind", "What was lost, by kind."},
	{"unjudged-", "glacis_unjudged_total", "kind",
	 "Traffic that passed without a verdict, by reason."},
};

static const struct group *group_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		size_t n = strlen(groups[i].prefix);

		if (strncmp(name, groups[i].prefix, n) != 0)
			continue;
		/* "would-refuse-quic" is no verdict */
		if (strcmp(groups[i].label, "verdict") == 0 && name_find_verdict(name + n) < 0)
			return NULL;
		return &groups[i];
	}
	return NULL;
}

struct counters {
	json_t *families;
	json_t *grouped[ARRAY_SIZE(groups)];
};

static void add_counter(struct counters *c, const char *name, uint64_t value)
{
	const struct group *group = group_of(name);
	char text[96], help[128];

	if (group) {
		sample(c->grouped[group - groups],
		       label(group->label, name + strlen(group->prefix)), count(value));
		return;
	}
	counter_name(name, "_total", text);
	snprintf(help, sizeof(help), "Counter '%s' of glacisctl counters.", name);
	one(c->families, text, "counter", "1", help, count(value));
}

static void add_counters(struct keeper *keeper, json_t *families)
{
	struct counters c = {.families = families};
	json_t *own = counters_own(keeper), *value;
	const char *name;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		c.grouped[i] = family(families, groups[i].name, "counter", "1", groups[i].help);
	for (unsigned i = 0; i < GL_CTR_MAX; i++)
		add_counter(&c, name_counter(i), keeper->counters.values[i]);
	json_object_foreach(own, name, value)
	{
		/* the one that goes down again */
		if (strcmp(name, "audit-waiting") == 0)
			one(families, "glacis_audit_waiting", "gauge", "1",
			    "Audit records that wait for the store.", json_incref(value));
		else
			add_counter(&c, name, (uint64_t)json_integer_value(value));
	}
	json_decref(own);
}

/* ---------------------------------------------------------------------------------------------
 * State
 */
static void add_policy(const struct keeper *keeper, json_t *families)
{
	const struct ruling *ruling = apply_ruling(keeper->apply);

	one(families, "glacis_policy_generation", "gauge", "1",
	    "Generation of the policy that rules.", count(ruling->generation));
	one(families, "glacis_policy_loaded_timestamp_seconds", "gauge", "s",
	    "When the policy that rules was loaded.",
	    json_real((double)ruling->loaded_wall_ns / (double)CLOCK_NS_PER_S));
	one(families, "glacis_enforcing", "gauge", "1", "1 in enforce, 0 in monitor.",
	    json_integer(mode_of_host(kern_control(keeper->kern), ruling->policy,
				      apply_intern(keeper->apply)) == GL_MODE_ENFORCE));
	one(families, "glacis_ready", "gauge", "1", "1 when ready, 0 when starting or degraded.",
	    json_integer(keeper->state == KEEPER_READY));
	one(families, "glacis_start_time_seconds", "gauge", "s", "When the agent started.",
	    json_real((double)keeper->since_wall_ns / (double)CLOCK_NS_PER_S));
}

static void add_doors(const struct keeper *keeper, json_t *families)
{
	json_t *samples = family(families, "glacis_doors", "gauge", "1", "Doors that are held.");
	const struct kern_door *doors;
	size_t n = kern_doors(keeper->kern, &doors);
	unsigned held[GL_DOOR_MAX] = {0};

	for (size_t i = 0; i < n; i++)
		if (doors[i].door < GL_DOOR_MAX)
			held[doors[i].door]++;
	for (unsigned i = 0; i < GL_DOOR_MAX; i++)
		sample(samples, label("door", name_door(i)), json_integer(held[i]));
}

static void add_tables(const struct keeper *keeper, json_t *families)
{
	json_t *entries = family(families, "glacis_table_entries", "gauge", "1",
				 "Entries in use of the tables that can fill.");
	json_t *capacity = family(families, "glacis_table_capacity", "gauge", "1",
				  "Entries those tables have room for.");
	json_t *bytes = family(families, "glacis_kernel_map_bytes", "gauge", "By",
			       "Kernel memory of the agent's maps.");
	const struct kern_map_use *uses;
	size_t n = kern_map_uses(keeper->kern, &uses);
	uint32_t used, lines, slots = 0;

	used = health_windows_used(keeper, &lines);
	sample(entries, label("table", "windows"), json_integer(used));
	sample(capacity, label("table", "windows"), json_integer(lines));
	(void)kern_bans(keeper->kern, &slots);
	sample(entries, label("table", "decisions"),
	       json_integer((json_int_t)decisions_count(keeper->decisions)));
	sample(capacity, label("table", "decisions"), json_integer(slots));
	for (size_t i = 0; i < n; i++)
		sample(bytes, label("map", uses[i].name), count(uses[i].bytes));
}

static void add_findings(const struct keeper *keeper, json_t *families)
{
	json_t *samples = family(families, "glacis_findings", "gauge", "1",
				 "Findings that are remembered, by severity.");
	const struct finding *f;
	unsigned n[FINDING_CRITICAL + 1] = {0};

	for (size_t i = 0; (f = findings_at(keeper->findings, i)); i++)
		if (f->severity <= FINDING_CRITICAL)
			n[f->severity]++;
	for (unsigned i = 0; i <= FINDING_CRITICAL; i++)
		sample(samples, label("severity", finding_severity_name(i)), json_integer(n[i]));
	one(families, "glacis_decisions", "gauge", "1", "Decisions in force.",
	    json_integer((json_int_t)decisions_count(keeper->decisions)));
}

/* ---------------------------------------------------------------------------------------------
 * What the agent costs
 */
struct cost {
	double cpu_s;
	uint64_t resident;
	unsigned processes;
};

static void add_cost(pid_t pid, struct cost *cost)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long user, system;
	char path[64], line[1024];
	const char *after;
	long pages;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return;
	/* the name may hold blanks and brackets */
	after = strrchr(line, ')');
	if (!after || sscanf(after + 1,
			     " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d "
			     "%*d %*d %*u %*u %ld",
			     &user, &system, &pages) != 3)
		return;
	cost->cpu_s += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	cost->resident += (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	cost->processes++;
}

static void add_costs(const struct keeper *keeper, json_t *families)
{
	static const char *const names[] = {"keeper", "courier", "inspector"};
	json_t *cpu = family(families, "glacis_process_cpu_seconds_total", "counter", "s",
			     "CPU time of the agent's processes that live.");
	json_t *memory = family(families, "glacis_process_resident_memory_bytes", "gauge", "By",
				"Resident memory of the agent's processes.");
	json_t *n = family(families, "glacis_processes", "gauge", "1", "The agent's processes.");
	pid_t courier = keeper->courier ? courier_pid(keeper->courier) : 0;
	struct cost costs[ARRAY_SIZE(names)] = {};
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	int pid;

	add_cost(getpid(), &costs[0]);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		add_cost(pid, &costs[pid == courier ? 1 : 2]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		sample(cpu, label("process", names[i]), json_real(costs[i].cpu_s));
		sample(memory, label("process", names[i]), count(costs[i].resident));
		sample(n, label("process", names[i]), json_integer(costs[i].processes));
	}
}

/* ---------------------------------------------------------------------------------------------
 * Exports
 */
static void add_exports(const struct keeper *keeper, json_t *families)
{
	static const struct {
		const char *member, *name, *type, *help;
	} rows[] = {
		{"queued", "glacis_export_queued", "gauge", "Records that are not sent yet."},
		{"spoolBytes", "glacis_export_spool_bytes", "gauge", "Bytes of the spool on disk."},
		{"sent", "glacis_export_sent_total", "counter", "Records that were taken."},
		{"refused", "glacis_export_refused_total", "counter",
		 "Records that the receiver refused for good."},
		{"dropped", "glacis_export_dropped_total", "counter",
		 "Records that found no room in the spool."},
		{"failures", "glacis_export_failures_total", "counter", "Attempts that failed."},
	};
	struct exports_counts counts = exports_counts(keeper->exports);
	const json_t *states = exports_states(keeper->exports), *state;

	one(families, "glacis_export_records_total", "counter", "1", "Records made for export.",
	    count(counts.taken));
	one(families, "glacis_export_lost_total", "counter", "1",
	    "Records that never reached a spool.", count(counts.dropped));
	for (size_t i = 0; states && i < ARRAY_SIZE(rows); i++) {
		json_t *samples = family(families, rows[i].name, rows[i].type,
					 strstr(rows[i].name, "bytes") ? "By" : "1", rows[i].help);

		for (size_t k = 0; (state = json_array_get(states, k)); k++)
			sample(samples, json_pack("{s:O}", "sink", json_object_get(state, "name")),
			       json_incref(json_object_get(state, rows[i].member)));
	}
}

json_t *metrics_json(struct keeper *keeper)
{
	json_t *families = json_array();
	char abi[16];

	health_read_counters(keeper);
	snprintf(abi, sizeof(abi), "%d.%d", GL_ABI_MAJOR, GL_ABI_MINOR);
	sample(family(families, "glacis_build_info", "gauge", "1",
		      "The version that runs; always 1."),
	       json_pack("{s:s, s:s}", "version", glacis_version, "abi", abi), json_integer(1));
	add_policy(keeper, families);
	add_doors(keeper, families);
	add_counters(keeper, families);
	add_tables(keeper, families);
	add_findings(keeper, families);
	add_costs(keeper, families);
	add_exports(keeper, families);
	return json_pack("{s:I, s:I, s:o}", "startNs", (json_int_t)keeper->since_wall_ns, "timeNs",
			 (json_int_t)clock_wall_ns(), "families", families);
}
