/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ciphers.h - TLS cipher suites by name: what denyCiphers may say, and what people are shown.
 *
 * Names are IANA's; OpenSSL's are understood as well. Called by the policy reader, the keeper and
 * glacisctl.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IANA's name, or NULL for a value that is not in the table. */
const char *cipher_name(uint16_t value);

/* The table, ascending by value: for tests and suggestions. */
size_t ciphers_count(void);
uint16_t cipher_at(size_t i);

/*
 * No forward secrecy, CBC with SHA-1, or a broken part: NULL, EXPORT, anonymous, RC4, RC2, DES and
 * 3DES, IDEA, SEED, MD5 (TLS-02; RFC 9325 section 4.2). No suite of TLS 1.3 is. A value that is not
 * in the table is not known to be weak.
 */
bool cipher_is_weak(uint16_t value);

/*
 * What an entry of denyCiphers means: a name, "0x002F", a pattern with '*' over IANA's names, or
 * "weak". Returns how many values were put into `values`, ascending; 0: nothing has that name;
 * -ENOSPC: more than max.
 */
int ciphers_match(const char *text, uint16_t *values, size_t max);
