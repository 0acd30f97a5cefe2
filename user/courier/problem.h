/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * problem.h - problem details (RFC 9457), the one error format of the API; made by the courier for
 * what it refuses itself and by the link for the keeper.
 */
#pragma once

#include <jansson.h>

/* "Not Found" for 404; RFC 9110 section 15 and RFC 6585. */
const char *problem_title(int status);

/* {"type":"urn:glacis:problem:<kind>","title","status","detail"}; NULL without memory. */
json_t *problem_new(int status, const char *kind, const char *detail);
