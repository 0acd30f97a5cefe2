/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answers.h - the HTTP answers the kernel sends in the server's place, prepared: every byte but the
 * numbers in the holes (struct gl_answer). Called by the policy compiler.
 *
 * Sources: RFC 9110 and 9112, RFC 9457 (problem details), RFC 6585 section 4 (429),
 * draft-ietf-httpapi-ratelimit-headers-11 (RateLimit fields, quota-exceeded).
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/policy/model.h"

/* The answers below GL_ANSWER_CLASS. */
int answers_common(struct gl_policy *image);

/* A class's 429. -ENAMETOOLONG: does not fit GL_ANSWER_TEXT. */
int answers_class(const struct policy_class *cls, struct gl_answer *ret_answer);
