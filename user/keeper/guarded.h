/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guarded.h - what the response guard stopped, as findings: which text it was by its name, in which
 * operation's response. The text itself never comes here.
 */
#pragma once

#include "user/keeper/keeper.h"

/* Verdicts with another reason, and those that ended nothing (the inspectors tell them), are
 * ignored. */
void guarded_take_verdict(struct keeper *keeper, const struct gl_rec_verdict *verdict,
			  int64_t wall_ns);
