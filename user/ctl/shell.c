/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shell.c - glacisctl completion, version: about this program itself. */
#include <string.h>

#include <jansson.h>

#include "user/base/version.h"
#include "user/ctl/api.h"
#include "user/ctl/args.h"
#include "user/ctl/ctl.h"

static int run_version(struct ctl *ctl)
{
	json_t *body = json_pack("{s:s}", "version", glacis_version);

	if (!api_print_json(ctl, body))
		fprintf(ctl->out, "glacisctl %s\n", glacis_version);
	json_decref(body);
	return CTL_OK;
}

/* --- bash --------------------------------------------------------------------------------------
 */

/* Length of "policy" in "policy apply" and of "status". */
static int first_word(const struct ctl_command *command)
{
	return (int)strcspn(command->name, " ");
}

/* Commands that share their first word stand together in their table. */
static bool begins_group(const struct ctl_group *group, const struct ctl_command *command)
{
	int size = first_word(command);

	return command == group->commands || first_word(command - 1) != size ||
	       strncmp(command[-1].name, command->name, (size_t)size) != 0;
}

static void print_first_words(const struct ctl *ctl)
{
	fputs("\t\"\") words=\"", ctl->out);
	for (const struct ctl_group *group = ctl_groups; group->title; group++)
		for (const struct ctl_command *c = group->commands; c->name; c++)
			if (begins_group(group, c))
				fprintf(ctl->out, "%.*s ", first_word(c), c->name);
	fputs("--socket --output --help\" ;;\n", ctl->out);
}

static bool is_second(const struct ctl_command *command, const struct ctl_command *first)
{
	int size = first_word(first);

	return first_word(command) == size && command->name[size] == ' ' &&
	       strncmp(command->name, first->name, (size_t)size) == 0;
}

static bool has_second(const struct ctl_command *first)
{
	for (const struct ctl_command *c = first; c->name; c++)
		if (is_second(c, first))
			return true;
	return false;
}

static void print_second_words(const struct ctl *ctl, const struct ctl_command *first)
{
	int size = first_word(first);

	fprintf(ctl->out, "\t\"%.*s\") words=\"", size, first->name);
	for (const struct ctl_command *c = first; c->name; c++)
		if (is_second(c, first))
			fprintf(ctl->out, "%s ", c->name + size + 1);
	/* the first word may be a command of its own */
	if (!strchr(first->name, ' '))
		for (const struct ctl_option *o = first->options; o->name; o++)
			fprintf(ctl->out, "--%s ", o->name);
	fputs("\" ;;\n", ctl->out);
}

/* Options, and the arguments where they are words ("monitor|enforce") or a file. */
static void print_command_words(const struct ctl *ctl, const struct ctl_command *command)
{
	bool choice = strchr(command->arguments, '|') && !strchr(command->arguments, '\'');

	fprintf(ctl->out, "\t\"%s\"*) words=\"", command->name);
	for (const char *c = choice ? command->arguments : ""; *c; c++)
		fputc(*c == '|' ? ' ' : *c, ctl->out);
	for (const struct ctl_option *o = command->options; o->name; o++)
		fprintf(ctl->out, " --%s", o->name);
	fprintf(ctl->out, " --socket --output --help\"%s ;;\n",
		strcmp(command->arguments, "FILE") == 0 ? " files=-f" : "");
}

/* Options whose next word is their value, not a command's. */
static void print_value_options(const struct ctl *ctl)
{
	fputs("\t\t-o|--output|--socket", ctl->out);
	for (const struct ctl_group *group = ctl_groups; group->title; group++)
		for (const struct ctl_command *c = group->commands; c->name; c++)
			for (const struct ctl_option *o = c->options; o->name; o++)
				if (o->value)
					fprintf(ctl->out, "|--%s", o->name);
	fputs(") ((i++)) ;;\n", ctl->out);
}

static int run_completion(struct ctl *ctl)
{
	if (strcmp(ctl->arguments[0], "man") == 0) {
		manual_print(ctl);
		return CTL_OK;
	}
	if (strcmp(ctl->arguments[0], "bash") != 0)
		return ctl_usage(ctl, "completion %s: bash and man are known", ctl->arguments[0]);
	fputs("# bash completion; load it with: source <(glacisctl completion bash)\n"
	      "_glacisctl() {\n"
	      "\tlocal command= words= files= i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n",
	      ctl->out);
	print_value_options(ctl);
	fputs("\t\t-*) ;;\n"
	      "\t\t*) command+=\"${command:+ }${COMP_WORDS[i]}\" ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase $command in\n",
	      ctl->out);
	print_first_words(ctl);
	for (const struct ctl_group *group = ctl_groups; group->title; group++) {
		for (const struct ctl_command *c = group->commands; c->name; c++) {
			bool first = begins_group(group, c) && has_second(c);

			if (first)
				print_second_words(ctl, c);
			if (!first || strchr(c->name, ' '))
				print_command_words(ctl, c);
		}
	}
	fputs("\tesac\n"
	      "\tmapfile -t COMPREPLY < <(compgen $files -W \"$words\" -- "
	      "\"${COMP_WORDS[COMP_CWORD]}\")\n"
	      "}\n"
	      "complete -o filenames -F _glacisctl glacisctl\n",
	      ctl->out);
	return CTL_OK;
}

const struct ctl_command ctl_shell_commands[] = {
	{
		.name = "completion",
		.arguments = "bash|man",
		.min = 1,
		.max = 1,
		.summary = "Print the shell's completion of this program, or its manual page",
		.example = "source <(glacisctl completion bash)",
		.run = run_completion,
	},
	{
		.name = "version",
		.arguments = "",
		.summary = "Print the version of this program",
		.example = "glacisctl version",
		.run = run_version,
	},
	{.name = NULL},
};
