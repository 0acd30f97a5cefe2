/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detach.h - glacisctl detach: with a live agent by asking it, with a dead one by its pins. */
#pragma once

#include "user/ctl/ctl.h"

int detach_run(struct ctl *ctl);
