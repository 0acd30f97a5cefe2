/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - what every target begins with: its entry, and a check that says no by aborting. The
 * same targets are replayed over the corpus by make check and searched by libFuzzer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "broken: %s\n", #what);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* No control character: it may be printed to a terminal. */
static inline void check_line(const char *text)
{
	for (; text && *text; text++)
		CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
}
