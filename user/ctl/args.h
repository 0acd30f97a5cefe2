/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * args.h - argv to a command with its options and arguments, by the tables of ctl.h; and the help
 * that the same tables give.
 */
#pragma once

#include "user/ctl/ctl.h"

#define CTL_SOCKET_DEFAULT "/run/glacis/glacis.sock"

/* -1: run ctl->command; otherwise an exit code: help was printed, or the error was. */
int args_parse(struct ctl *ctl, int argc, char **argv);

void args_help(const struct ctl *ctl); /* of the program */
void args_help_command(const struct ctl *ctl, const struct ctl_command *command);

/* What every help says of the options of all commands, and of exit codes. */
extern const char args_globals_help[], args_exits_help[];
/* manual.c: the manual page, in roff. */
void manual_print(const struct ctl *ctl);
