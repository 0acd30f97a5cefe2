/* SPDX-License-Identifier: GPL-2.0-or-later */
/* numbers.h - numeric options. */
#pragma once

#include "user/ctl/ctl.h"

/* Leaves *number when the option is not given. -1: fine; else the exit code, after the message. */
int numbers_option(const struct ctl *ctl, const char *name, unsigned min, unsigned max,
		   unsigned *number);
