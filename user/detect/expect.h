/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * expect.h - what the policy expects of answers and requests (expect, deprecated, forbiddenFields),
 * on its way to the inspectors: the keeper packs it behind the copy of the kernel's image, which
 * does not hold it, and an inspector opens it. By interned id, as transactions carry them.
 *
 * The bytes come from the keeper; they are checked all the same, once, when they are opened.
 */
#pragma once

#include "user/detect/detector.h"
#include "user/policy/compile.h"

/* The caller's to free; *ret_bytes NULL and 0 bytes if the policy expects nothing. -ENOMEM. */
int expect_pack(const struct policy *policy, struct intern *intern, uint8_t **ret_bytes,
		size_t *ret_size);

struct expect;
/* Copies what it needs. -EINVAL: these bytes are none; -ENOMEM. */
int expect_open(const uint8_t *bytes, size_t size, struct expect **ret_expect);
void expect_free(struct expect *expect); /* NULL-safe */

/* Fills in what is expected of an operation of a service (ids; unknown ones are of none); the lists
 * are borrowed. expect may be NULL. */
void expect_read(const struct expect *expect, uint16_t service, uint16_t op,
		 struct detect_policy *policy);
