/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attest.h - what a person signed for, because no program can see it: the attestation file.
 *
 *	attestations:
 *	  - control: PRE-14
 *	    owner: Jane Doe, platform team
 *	    evidence: https://wiki.example/disk-encryption
 *	    expires: 2027-03-31
 *
 * All of it or nothing. Only rows that the standard lets be attested (mode A) can be, and only
 *until they expire: at most two years ahead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/policy/problems.h"

#define ATTEST_MAX      256
#define ATTEST_OWNER    96
#define ATTEST_EVIDENCE 200
#define ATTEST_WARN_S   (30 * 86400ll) /* an alert so long before the end */

struct attestation {
	char control[12], owner[ATTEST_OWNER], evidence[ATTEST_EVIDENCE];
	char expires[12]; /* as it was written */
	int64_t expires_s; /* the end of that day, UTC */
};

struct attestations {
	struct attestation items[ATTEST_MAX];
	size_t n;
};

/* -ENOENT: the catalogue has no such control; -EPERM: it cannot be attested. */
typedef int (*attest_known_fn)(const char *control, void *userdata);

/* Reads a text. -EINVAL with every problem at its line and column, and *ret untouched. */
int attest_read(const char *text, size_t size, int64_t now_s, attest_known_fn known, void *userdata,
		struct problems *problems, struct attestations *ret);

const struct attestation *attest_find(const struct attestations *attestations,
				      const char *control); /* NULL: none */
