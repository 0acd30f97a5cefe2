/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ja4.h - JA4, the fingerprint of a TLS client (TLS-06), exactly as FoxIO published it under the
 * BSD 3-Clause licence; of that family only JA4 itself.
 *
 * "t13d1516h2_8daaf6152771_b186095e22b6": transport, highest version offered, server name (d) or
 * none (i), numbers of cipher suites and extensions, first ALPN value's ends; a hash of the sorted
 * suites; a hash of the sorted extensions and of the signature algorithms as sent.
 */
#pragma once

#include <stdbool.h>

#include "include/glacis/abi.h"

#define JA4_TEXT 37 /* with the NUL */

/* -ENODATA: it cannot be told (a list was longer than its room, or the hello is one of SSL 2.0). */
int ja4_text(const struct gl_hello *hello, char ret_text[JA4_TEXT]);

/* Can it be told? */
bool ja4_possible(const struct gl_hello *hello);

/* Is it written as one? */
bool ja4_is(const char *text);
