/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.h - what of the ruling policy's image detectors need of one operation. What the image does
 * not carry (deprecation, page sizes, lists of names) stays at its default.
 */
#pragma once

#include "user/detect/detector.h"

/*
 * `op` is an index in ops[]; one that is out of range, or 0, is no operation. *ret_policy is valid
 * as long as its own lists are: none comes from the image.
 */
void detect_policy_read(const struct gl_policy *policy, uint32_t op,
			struct detect_policy *ret_policy);
