/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl.h - glacisctl: what a command is and what it is given. One table per group of commands drives
 * parsing, help and completion; nothing here knows the agent but by its API (api.h).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Exit codes, told by --help. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1, /* refused by the agent, or findings */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3,
};

#define CTL_OPTIONS_MAX 8
#define CTL_REPEATS_MAX 32

struct ctl_option {
	const char *name; /* "ttl": --ttl; NULL ends the list */
	const char *value; /* "DURATION"; NULL: a flag */
	const char *help;
};

struct ctl;

struct ctl_command {
	const char *name; /* "policy apply"; NULL ends the list */
	const char *arguments; /* "FILE", as help shows it */
	unsigned min, max; /* arguments */
	const char *summary; /* one line, no full stop */
	const char *details; /* more lines for its --help, or NULL */
	const char *example; /* "glacisctl policy apply shop.yaml" */
	struct ctl_option options[CTL_OPTIONS_MAX + 1];
	bool formats; /* -o table, markdown and html as well */
	int (*run)(struct ctl *ctl); /* an exit code */
};

struct ctl_group {
	const char *title; /* NULL ends the list */
	const struct ctl_command *commands;
};
extern const struct ctl_group ctl_groups[];

extern const struct ctl_command ctl_agent_commands[], ctl_policy_commands[],
	ctl_decision_commands[], ctl_contain_commands[], ctl_limit_commands[],
	ctl_explain_commands[], ctl_event_commands[], ctl_tls_commands[], ctl_sight_commands[],
	ctl_audit_commands[], ctl_control_commands[], ctl_coverage_commands[], ctl_alert_commands[],
	ctl_incident_commands[], ctl_approval_commands[], ctl_scan_commands[], ctl_shell_commands[],
	ctl_export_commands[];

struct ctl_value {
	const char *items[CTL_REPEATS_MAX];
	unsigned n;
};

/* One invocation. Strings are borrowed from argv and the environment. */
struct ctl {
	const struct ctl_command *command;
	const char *socket;
	bool json;
	const char *format; /* "table", "markdown", "html"; NULL: human or json */
	bool color;
	struct ctl_value options[CTL_OPTIONS_MAX]; /* by index in command->options */
	char **arguments;
	unsigned n_arguments;
	const char *file; /* what the problems of an answer are about, or NULL */
	FILE *out, *err;
};

/* The whole program but main(): parses, runs, returns the exit code. */
int ctl_run(int argc, char **argv, FILE *out, FILE *err);

/* The last value of an option of this command; NULL = not given; "" for a flag. */
const char *ctl_option(const struct ctl *ctl, const char *name);
const struct ctl_value *ctl_values(const struct ctl *ctl, const char *name);

/* "glacisctl: <message>" on err; returns CTL_USAGE after naming the command's help. */
__attribute__((format(printf, 2, 3))) int ctl_usage(const struct ctl *ctl, const char *fmt, ...);
/* The same, but returns `code` and names no help. */
__attribute__((format(printf, 3, 4))) int ctl_fail(const struct ctl *ctl, int code, const char *fmt,
						   ...);
