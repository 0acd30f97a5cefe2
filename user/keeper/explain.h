/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain.h - what would be decided about a request, and why: the doors' own parser (http.h) and
 * judge (admit.h) run over it, on a copy of the window lines they touch. Counts nothing, knows no
 * rule of its own.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "user/kern/kern.h"
#include "user/policy/compile.h"
#include "user/policy/model.h"

struct explain_ask {
	const struct gl_policy *image; /* the ruling one */
	const struct policy *policy; /* its model */
	const struct intern *intern;
	struct kern *kern;
	const char *request; /* "POST /api/v1/x": method and target */
	const char *const *headers; /* "Name: value" */
	size_t n_headers;
	const char *service; /* NULL: by port, else found by the request */
	uint16_t port; /* 0: not given */
	const struct gl_addr *source; /* NULL: somebody new */
	uint64_t now_ns; /* CLOCK_BOOTTIME */
};

#define EXPLAIN_WRONG 160

/*
 * *ret_json is the Explanation of openapi.yaml. -EINVAL: the question does not fit, `wrong` says
 * how; -ENOENT: no such service.
 */
int explain(const struct explain_ask *ask, char wrong[EXPLAIN_WRONG], json_t **ret_json);
