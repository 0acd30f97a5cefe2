/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_inside.h - how this machine's node got its OpenSSL: Debian's links the system's, by way of
 * libnode; the one its makers build has it inside. For tests that ask the real node.
 */
#pragma once

#include <glob.h>
#include <stdbool.h>

static inline bool node_has_openssl_inside(void)
{
	glob_t found;
	bool linked = glob("/usr/lib/*/libnode.so*", 0, NULL, &found) == 0;

	globfree(&found);
	return !linked;
}
