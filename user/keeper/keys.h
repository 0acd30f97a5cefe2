/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keys.h - the installation's two secret keys: route hashing, and subjects (principals, window
 * tags). Made once, 0600 in the state directory; losing the file loses counts, not enforcement.
 */
#pragma once

#include "user/policy/compile.h"

/* Reads <state_dir>/keys, or creates it from getrandom(2). -EBADMSG: not a key file; -EPERM: others
 * can read it. */
int keys_load(const char *state_dir, struct compile_keys *ret_keys);
