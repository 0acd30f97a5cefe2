/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header_automaton.h - names of header fields and cookies to the byte automaton of the head parser
 * (http_fields.h). Called by the policy compiler.
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/policy/model.h"

/*
 * Fills *automaton (zeroed here): the fields of GL_HEADER_LIST, the API-key headers, and, from
 * cookie_start, the session cookies. Names are matched without case. -EINVAL: *ret_name is not a
 * token (RFC 9110 section 5.6.2); -EEXIST: it names a field the agent reads itself; -E2BIG: more
 * than GL_HEADER_STATES - 1 states. *ret_name is borrowed from the arguments.
 */
int header_automaton_build(const struct policy_strings *api_key_headers,
			   const struct policy_strings *session_cookies,
			   struct gl_header_automaton *automaton, const char **ret_name);
