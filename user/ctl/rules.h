/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h - the text rules a command works with, and the commands about them (table: scan.c). */
#pragma once

#include "user/ctl/ctl.h"
#include "user/detect/text.h"

/* From `path`, NULL: the installed ones. CTL_OK, or the exit code after the message is out. */
int rules_of_ctl(const struct ctl *ctl, const char *path, struct rules **ret_rules,
		 struct text **ret_text);

int ctl_rules_list(struct ctl *ctl);
int ctl_rules_test(struct ctl *ctl);
