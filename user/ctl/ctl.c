/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.c - one invocation: surroundings, command, messages. See ctl.h. */
#include "user/ctl/ctl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/ctl/args.h"

const struct ctl_group ctl_groups[] = {
	{"Agent", ctl_agent_commands},
	{"Policy and mode", ctl_policy_commands},
	{"Containment", ctl_decision_commands},
	{"Containment beyond sources", ctl_contain_commands},
	{"Incidents", ctl_incident_commands},
	{"What playbooks propose", ctl_approval_commands},
	{"Limits and sources", ctl_limit_commands},
	{"Explanations", ctl_explain_commands},
	{"Events", ctl_event_commands},
	{"Alerts", ctl_alert_commands},
	{"What is inside", ctl_sight_commands},
	{"Coverage", ctl_coverage_commands},
	{"The standard", ctl_control_commands},
	{"Text", ctl_scan_commands},
	{"TLS", ctl_tls_commands},
	{"Audit", ctl_audit_commands},
	{"Exports", ctl_export_commands},
	{"This program", ctl_shell_commands},
	{NULL, NULL},
};

static bool wants_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

int ctl_run(int argc, char **argv, FILE *out, FILE *err)
{
	const char *socket = getenv("GLACIS_SOCKET");
	struct ctl ctl = {
		.socket = socket && *socket ? socket : CTL_SOCKET_DEFAULT,
		.color = wants_color(out),
		.out = out,
		.err = err,
	};
	int r = args_parse(&ctl, argc, argv);

	if (r < 0)
		r = ctl.command->run(&ctl);
	/* a full disk or a closed pipe is not a success */
	if (fflush(out) != 0 && r == CTL_OK)
		r = ctl_fail(&ctl, CTL_REFUSED, "cannot write the output");
	return r;
}

const struct ctl_value *ctl_values(const struct ctl *ctl, const char *name)
{
	static const struct ctl_value none;

	for (unsigned i = 0; ctl->command->options[i].name; i++)
		if (strcmp(ctl->command->options[i].name, name) == 0)
			return &ctl->options[i];
	return &none;
}

const char *ctl_option(const struct ctl *ctl, const char *name)
{
	const struct ctl_value *values = ctl_values(ctl, name);

	return values->n > 0 ? values->items[values->n - 1] : NULL;
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	fputs("glacisctl: ", ctl->err);
	va_start(ap, fmt);
	vfprintf(ctl->err, fmt, ap);
	va_end(ap);
	fprintf(ctl->err, "\nTry 'glacisctl %s%s--help'.\n", ctl->command ? ctl->command->name : "",
		ctl->command ? " " : "");
	return CTL_USAGE;
}

int ctl_fail(const struct ctl *ctl, int code, const char *fmt, ...)
{
	va_list ap;

	fputs("glacisctl: ", ctl->err);
	va_start(ap, fmt);
	vfprintf(ctl->err, fmt, ap);
	va_end(ap);
	fputc('\n', ctl->err);
	return code;
}
