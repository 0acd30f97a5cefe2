/* SPDX-License-Identifier: GPL-2.0-or-later */
/* args.c - see args.h. */
#include "user/ctl/args.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_OPTIONS ":o:h"
#define GLOBALS       3
#define OPTION_BASE   256 /* getopt's value of the command's first option */

enum { OPT_SOCKET = 'S', OPT_OUTPUT = 'o', OPT_HELP = 'h' };

static const struct option globals[GLOBALS] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"output", required_argument, NULL, OPT_OUTPUT},
	{"help", no_argument, NULL, OPT_HELP},
};

const char args_globals_help[] =
	"      --socket PATH        the agent's socket (default " CTL_SOCKET_DEFAULT ",\n"
	"                           or the environment's GLACIS_SOCKET)\n"
	"  -o, --output human|json  json is what the agent's API says\n"
	"  -h, --help               also of one command: glacisctl COMMAND --help\n";

const char args_exits_help[] = "Exit status: 0 done, 1 refused or findings, 2 wrong usage, "
			       "3 the agent cannot be reached.\n";

void args_help(const struct ctl *ctl)
{
	fprintf(ctl->out, "Usage: glacisctl [options] COMMAND [arguments]\n"
			  "Talks to glacisd, which guards the HTTP APIs of this host.\n");
	for (const struct ctl_group *group = ctl_groups; group->title; group++) {
		fprintf(ctl->out, "\n%s:\n", group->title);
		for (const struct ctl_command *c = group->commands; c->name; c++)
			fprintf(ctl->out, "  %-16s %s\n", c->name, c->summary);
	}
	fprintf(ctl->out, "\nOptions:\n%s\n%s\nExample:\n  glacisctl status --wait 10s\n",
		args_globals_help, args_exits_help);
}

void args_help_command(const struct ctl *ctl, const struct ctl_command *command)
{
	char option[64];

	fprintf(ctl->out, "Usage: glacisctl %s%s%s%s\n%s.\n", command->name,
		command->options[0].name ? " [options]" : "", *command->arguments ? " " : "",
		command->arguments, command->summary);
	if (command->details)
		fprintf(ctl->out, "\n%s\n", command->details);
	fprintf(ctl->out, "\nOptions:\n");
	for (const struct ctl_option *o = command->options; o->name; o++) {
		snprintf(option, sizeof(option), "--%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		fprintf(ctl->out, "      %-20s %s\n", option, o->help);
	}
	fprintf(ctl->out, "%s\n%s\nExample:\n  %s\n", args_globals_help, args_exits_help,
		command->example);
}

static int set_global(struct ctl *ctl, int option, const char *value)
{
	if (option == OPT_SOCKET) {
		ctl->socket = value;
	} else if (strcmp(value, "json") == 0) {
		ctl->json = true;
		ctl->format = NULL;
	} else if (strcmp(value, "human") == 0) {
		ctl->json = false;
		ctl->format = NULL;
	} else if (strcmp(value, "table") == 0 || strcmp(value, "markdown") == 0 ||
		   strcmp(value, "html") == 0) {
		ctl->json = false;
		ctl->format = value;
	} else {
		return ctl_usage(ctl, "-o %s: use human or json", value);
	}
	return -1;
}

/* What getopt found wrong: ':' a missing value; '?' with optopt 0 an unknown long option, with one
 * of ours a flag that was given a value, else an unknown letter. */
static int wrong_option(const struct ctl *ctl, int c, char **argv)
{
	const char *given = argv[optind - 1];

	if (c == ':')
		return ctl_usage(ctl, "option '%s' needs a value", given);
	if (optopt == OPT_HELP || optopt >= OPTION_BASE)
		return ctl_usage(ctl, "option '%s': it takes no value", given);
	if (optopt)
		return ctl_usage(ctl, "there is no option '-%c'", optopt);
	return ctl_usage(ctl, "there is no option '%s'", given);
}

static int set_option(struct ctl *ctl, int index, const char *value)
{
	struct ctl_value *values = &ctl->options[index];

	if (values->n == CTL_REPEATS_MAX)
		return ctl_usage(ctl, "option '--%s' is there more than %d times",
				 ctl->command->options[index].name, CTL_REPEATS_MAX);
	values->items[values->n++] = value ? value : "";
	return -1;
}

/* One pass of getopt over argv: -1, or an exit code. */
static int parse_options(struct ctl *ctl, int argc, char **argv, const struct option *options,
			 const char *letters)
{
	int c, r = -1;

	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while (r < 0 && (c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (c == ':' || c == '?')
			return wrong_option(ctl, c, argv);
		if (c >= OPTION_BASE) {
			r = set_option(ctl, c - OPTION_BASE, optarg);
		} else if (c != OPT_HELP) {
			r = set_global(ctl, c, optarg);
		} else {
			if (ctl->command)
				args_help_command(ctl, ctl->command);
			else
				args_help(ctl);
			r = CTL_OK;
		}
	}
	return r;
}

/* The command "a" or "a b" whose words begin `words`; *ret_used is how many they were. */
static const struct ctl_command *find_command(char **words, int n, int *ret_used)
{
	const struct ctl_command *found = NULL;

	for (const struct ctl_group *group = ctl_groups; group->title; group++) {
		for (const struct ctl_command *c = group->commands; c->name; c++) {
			const char *space = strchr(c->name, ' ');
			size_t first = space ? (size_t)(space - c->name) : strlen(c->name);

			if (strlen(words[0]) != first || strncmp(words[0], c->name, first) != 0)
				continue;
			if (space && (n < 2 || strcmp(words[1], space + 1) != 0))
				continue;
			/* "tls handshakes" goes before "tls" */
			if (!found || space) {
				found = c;
				*ret_used = space ? 2 : 1;
			}
		}
	}
	return found;
}

/* "policy" alone, or with a word it does not have: say what it has. */
static int unknown_command(struct ctl *ctl, char **words, int n)
{
	size_t size = strlen(words[0]);
	char known[256] = "";

	for (const struct ctl_group *group = ctl_groups; group->title; group++)
		for (const struct ctl_command *c = group->commands; c->name; c++)
			if (strncmp(c->name, words[0], size) == 0 && c->name[size] == ' ')
				snprintf(known + strlen(known), sizeof(known) - strlen(known),
					 "%s%s", *known ? ", " : "", c->name + size + 1);
	if (!*known)
		return ctl_usage(ctl, "there is no command '%s'", words[0]);
	if (n < 2 || words[1][0] == '-')
		return ctl_usage(ctl, "'%s' needs one of: %s", words[0], known);
	return ctl_usage(ctl, "there is no command '%s %s'; %s has: %s", words[0], words[1],
			 words[0], known);
}

static int parse_globals(struct ctl *ctl, int argc, char **argv)
{
	struct option options[GLOBALS + 1] = {0};

	memcpy(options, globals, sizeof(globals));
	return parse_options(ctl, argc, argv, options, "+" SHORT_OPTIONS);
}

static int parse_command(struct ctl *ctl, int argc, char **argv)
{
	struct option options[GLOBALS + CTL_OPTIONS_MAX + 1] = {0};
	int i;

	memcpy(options, globals, sizeof(globals));
	for (i = 0; ctl->command->options[i].name; i++)
		options[GLOBALS + i] = (struct option){
			.name = ctl->command->options[i].name,
			.has_arg = ctl->command->options[i].value ? required_argument : no_argument,
			.val = OPTION_BASE + i,
		};
	return parse_options(ctl, argc, argv, options, SHORT_OPTIONS);
}

static int check_arguments(const struct ctl *ctl)
{
	const struct ctl_command *command = ctl->command;

	if (ctl->n_arguments < command->min)
		return ctl_usage(ctl, "%s: %s is missing", command->name, command->arguments);
	if (ctl->n_arguments > command->max && command->max == 0)
		return ctl_usage(ctl, "%s takes no arguments, but there is '%s'", command->name,
				 ctl->arguments[0]);
	if (ctl->n_arguments > command->max)
		return ctl_usage(ctl, "%s: '%s' is one argument too many", command->name,
				 ctl->arguments[command->max]);
	return -1;
}

int args_parse(struct ctl *ctl, int argc, char **argv)
{
	int used = 0;
	int r = parse_globals(ctl, argc, argv);

	if (r >= 0)
		return r;
	argc -= optind;
	argv += optind;
	if (argc == 0) {
		struct ctl on_err = *ctl;

		on_err.out = ctl->err;
		args_help(&on_err);
		return CTL_USAGE;
	}
	ctl->command = find_command(argv, argc, &used);
	if (!ctl->command)
		return unknown_command(ctl, argv, argc);
	/* the last word of the command stands for argv[0] */
	argc -= used - 1;
	argv += used - 1;
	r = parse_command(ctl, argc, argv);
	if (r >= 0)
		return r;
	if (ctl->format && !ctl->command->formats)
		return ctl_usage(ctl, "-o %s: use human or json", ctl->format);
	ctl->arguments = argv + optind;
	ctl->n_arguments = argc - optind;
	return check_arguments(ctl);
}
