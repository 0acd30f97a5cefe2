/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - what an inspector keeps once it parses: the channel to the keeper, the ring, memory
 * up to its limit, time, and standard error (user/sandbox takes the rest). Called once by child.c,
 * after everything that needs a file is loaded and every shared memory is mapped.
 */
#pragma once

#include "user/inspector/child.h"

/* -ESRCH: the parent is gone already. Any failure: do not go on. */
int sandbox_inspector(const struct inspector_arguments *arguments);
