/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_known.h - what a connection remembers of the window its last request was counted in. Apart
 * from window.h, for who only keeps it.
 */
#pragma once

#include "include/glacis/abi.h"

/* A window's name and its hash: who asks by the same name again hashes nothing. */
struct window_known {
	__u64 name[4]; /* [0] is 0: nothing known */
	struct gl_key key;
	__u64 hash;
};
