/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * heads.h - the fields of a head that detectors ask for, found in one pass: most detectors look for
 * several fields of every message, and a message has a dozen. Only the first of a name is here; the
 * others follow by heads_next().
 */
#pragma once

#include "user/inspect/transaction.h"

/* ascending by length, which heads.c relies on and a test asserts */
#define HEAD_LIST(X)                                                                               \
	X(HEAD_TE, "te")                                                                           \
	X(HEAD_VARY, "vary")                                                                       \
	X(HEAD_DPOP, "dpop")                                                                       \
	X(HEAD_ALLOW, "allow")                                                                     \
	X(HEAD_ORIGIN, "origin")                                                                   \
	X(HEAD_ACCEPT, "accept")                                                                   \
	X(HEAD_COOKIE, "cookie")                                                                   \
	X(HEAD_SERVER, "server")                                                                   \
	X(HEAD_SUNSET, "sunset")                                                                   \
	X(HEAD_LOCATION, "location")                                                               \
	X(HEAD_FORWARDED, "forwarded")                                                             \
	X(HEAD_X_API_KEY, "x-api-key")                                                             \
	X(HEAD_RATELIMIT, "ratelimit")                                                             \
	X(HEAD_SET_COOKIE, "set-cookie")                                                           \
	X(HEAD_RETRY_AFTER, "retry-after")                                                         \
	X(HEAD_DEPRECATION, "deprecation")                                                         \
	X(HEAD_CONTENT_TYPE, "content-type")                                                       \
	X(HEAD_X_POWERED_BY, "x-powered-by")                                                       \
	X(HEAD_AUTHORIZATION, "authorization")                                                     \
	X(HEAD_CONTENT_LENGTH, "content-length")                                                   \
	X(HEAD_RATELIMIT_LIMIT, "ratelimit-limit")                                                 \
	X(HEAD_RATELIMIT_POLICY, "ratelimit-policy")                                               \
	X(HEAD_WWW_AUTHENTICATE, "www-authenticate")                                               \
	X(HEAD_X_ASPNET_VERSION, "x-aspnet-version")                                               \
	X(HEAD_X_FORWARDED_PROTO, "x-forwarded-proto")                                             \
	X(HEAD_X_RATELIMIT_LIMIT, "x-ratelimit-limit")                                             \
	X(HEAD_CONTENT_DISPOSITION, "content-disposition")                                         \
	X(HEAD_RATELIMIT_REMAINING, "ratelimit-remaining")                                         \
	X(HEAD_X_RATELIMIT_REMAINING, "x-ratelimit-remaining")                                     \
	X(HEAD_X_CONTENT_TYPE_OPTIONS, "x-content-type-options")                                   \
	X(HEAD_STRICT_TRANSPORT_SECURITY, "strict-transport-security")                             \
	X(HEAD_ACCESS_CONTROL_ALLOW_ORIGIN, "access-control-allow-origin")                         \
	X(HEAD_ACCESS_CONTROL_ALLOW_CREDENTIALS, "access-control-allow-credentials")
#define HEAD_VALUE(name, text) name,
enum head { HEAD_LIST(HEAD_VALUE) HEAD_MAX };

struct heads {
	const struct field *first[HEAD_MAX]; /* NULL: none of that name */
};

void heads_read(struct heads *heads, const struct fields *fields);
/* The next one of that name after `field`; NULL: none. */
const struct field *heads_next(const struct fields *fields, const struct field *field,
			       enum head name);
/* Its lower-case name. */
struct raw heads_name(enum head name);

/* The first one's value; nothing if there is none. */
static inline struct raw heads_value(const struct heads *heads, enum head name)
{
	return heads->first[name] ? heads->first[name]->value : (struct raw){0};
}
