/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply_store.h - the ruling policy's text and origin in the state directory. Called by apply.c,
 * read at start (apply.h).
 */
#pragma once

#include "user/policy/apply.h"

int apply_store(const char *state_dir, const struct ruling *ruling);
