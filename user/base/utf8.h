/* SPDX-License-Identifier: GPL-2.0-or-later */
/* utf8.h - texts from outside, made UTF-8: what is not cannot be said in JSON. */
#pragma once

#include <stddef.h>

/* In place: a '?' for every byte that belongs to no character (RFC 3629). */
void utf8_mend(char *text);
/* Copies as much as fits, never half a character, mended. */
void utf8_copy(char *to, size_t size, const char *from);
