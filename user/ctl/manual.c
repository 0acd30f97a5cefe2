/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manual.c - the manual page glacisctl(1), of the tables that parsing and --help use. */
#include <string.h>

#include "user/ctl/args.h"
#include "user/ctl/ctl.h"

/* A line that begins with '.' or ''' would be a request, a backslash an escape. */
static void put(const struct ctl *ctl, const char *text)
{
	bool begins = true;

	for (; *text; text++) {
		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", ctl->out);
		begins = *text == '\n';
		if (*text == '\\')
			fputs("\\e", ctl->out);
		else if (*text == '-')
			fputs("\\-", ctl->out);
		else
			fputc(*text, ctl->out);
	}
}

static void put_command(const struct ctl *ctl, const struct ctl_command *c)
{
	fputs(".SS ", ctl->out);
	put(ctl, c->name);
	fputs("\n.B glacisctl ", ctl->out);
	put(ctl, c->name);
	if (c->options[0].name)
		fputs(" [options]", ctl->out);
	if (*c->arguments) {
		fputc(' ', ctl->out);
		put(ctl, c->arguments);
	}
	fputs("\n.PP\n", ctl->out);
	put(ctl, c->summary);
	fputs(".\n", ctl->out);
	if (c->details) {
		put(ctl, c->details);
		fputc('\n', ctl->out);
	}
	for (const struct ctl_option *o = c->options; o->name; o++) {
		fputs(".TP\n.B \\-\\-", ctl->out);
		put(ctl, o->name);
		if (o->value) {
			fputs(" \\fI", ctl->out);
			put(ctl, o->value);
			fputs("\\fR", ctl->out);
		}
		fputc('\n', ctl->out);
		put(ctl, o->help);
		fputc('\n', ctl->out);
	}
	fputs(".PP\nExample:\n.PP\n.EX\n", ctl->out);
	put(ctl, c->example);
	fputs("\n.EE\n", ctl->out);
}

void manual_print(const struct ctl *ctl)
{
	fputs(".\\\" Made by `glacisctl completion man`: do not edit.\n"
	      ".TH GLACISCTL 1 \"\" \"glacis\" \"User Commands\"\n"
	      ".SH NAME\nglacisctl \\- talks to glacisd, which guards the HTTP APIs of this host\n"
	      ".SH SYNOPSIS\n.B glacisctl\n[options] \\fICOMMAND\\fR [arguments]\n"
	      ".SH OPTIONS\n.nf\n",
	      ctl->out);
	put(ctl, args_globals_help);
	fputs(".fi\n.SH EXIT STATUS\n", ctl->out);
	put(ctl, args_exits_help);
	for (const struct ctl_group *group = ctl_groups; group->title; group++) {
		fputs(".SH \"", ctl->out);
		for (const char *c = group->title; *c; c++)
			fputc(*c >= 'a' && *c <= 'z' ? *c - 32 : *c, ctl->out);
		fputs("\"\n", ctl->out);
		for (const struct ctl_command *c = group->commands; c->name; c++)
			put_command(ctl, c);
	}
	fputs(".SH SEE ALSO\n.BR glacisd (8)\n", ctl->out);
}
