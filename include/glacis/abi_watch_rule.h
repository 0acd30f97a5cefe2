/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_watch_rule.h - the part of abi.h that is about alert thresholds in a policy: what is counted
 * in the kernel, and for whom. Included by abi.h; its rules hold. The counts are in abi_watch.h.
 */
#pragma once

#include <linux/types.h>

#include "include/glacis/abi_names.h"

/* rule: what is counted. Answers are the application's: the agent's own never come here. */
#define GL_WATCH_LIST(X)                                                                           \
	X(GL_WATCH_AUTH, "auth-failures") /* 401 */                                                \
	X(GL_WATCH_FORBIDDEN, "forbidden") /* 403 */                                               \
	X(GL_WATCH_ERROR, "server-errors") /* 5xx */                                               \
	X(GL_WATCH_LIMIT, "limit-exceeded") /* a request over its limit, refused or would be */
enum gl_watch_rule_id { GL_WATCH_LIST(GL_ENUM_VALUE) GL_WATCH_MAX };

/* For whom a line counts. */
enum gl_watch_by {
	GL_WATCH_BY_SOURCE, /* (service, source); of limits (service, class, source) */
	GL_WATCH_BY_PRINCIPAL, /* (service, principal) */
	GL_WATCH_BY_OPERATION, /* (service, operation) */
	GL_WATCH_BY_MAX
};

struct gl_watch_rule {
	__u64 sub_ns; /* one sub-window: ceil(window / 9) */
	__u32 window_s;
	__u32 at_least[GL_WATCH_BY_MAX]; /* 0 = not counted */
};
_Static_assert(sizeof(struct gl_watch_rule) == 24, "no padding");
