/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * credential.h - a credential as a person has it, to the keyed hashes the doors would make of a
 * request that bears it: as an API key or cookie, as a bearer token, with another scheme. The
 * credential itself is kept nowhere.
 */
#pragma once

#include "include/glacis/abi.h"

#define CREDENTIAL_MIN 4
#define CREDENTIAL_MAX 8192

/*
 * ret_first: the hash of it as it is, 16 hex digits; ret_others: those of its other shapes, apart
 * by spaces, or "". Both have room for SUBJECT_TEXT (subjects.h) bytes. "Bearer abc" (a whole
 * Authorization value) is taken as that one shape. -EINVAL: too short or long, not one line.
 */
int credential_hashes(const char *credential, const struct gl_key *key, char *ret_first,
		      char *ret_others);
