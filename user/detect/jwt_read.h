/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jwt_read.h - what a JSON Web Token says of itself (RFC 7519, 7515), read and forgotten: never
 * verified, for the keys are not here, and never kept. Bounded: a part longer than its buffer is
 * read as far as it fits, and what was not found in a part cut so is not called missing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/base/masked.h"

#define JWT_HEADER_MAX 1024 /* bytes of a part that are decoded */
#define JWT_CLAIMS_MAX 4096
/* Times saturate here, where numbers of JSON end to be exact (RFC 8259, 6): two of them can be
 * added. */
#define JWT_TIME_MAX (INT64_C(1) << 53)
#define JWT_TEXT     128

enum jwt_kid {
	JWT_KID_PLAIN,
	JWT_KID_PATH, /* leads out of a folder, or to a file of the system */
	JWT_KID_QUERY, /* ends a string of SQL, or a command */
	JWT_KID_CONTROL, /* control characters */
};

struct jwt {
	bool cut; /* a part was longer than its buffer */
	bool signed_by_nobody; /* the third part is empty */
	bool encrypted; /* five parts: only the header is read */
	bool has_jwk, has_jku, has_x5u, has_kid;
	bool has_exp, has_iat, has_nbf;
	bool proof; /* typ dpop+jwt: carries its own key by design */
	bool refresh; /* says it is a refresh token, or an ID token: no access token */
	uint8_t kid; /* enum jwt_kid */
	char alg[24]; /* "" = none given; cut */
	char key_url[JWT_TEXT]; /* jku, else x5u; cut */
	int64_t exp_s, iat_s, nbf_s; /* within +-JWT_TIME_MAX */
};

/*
 * The token and nothing else: 0, or -EINVAL if this is no JWT (two dots or four, a header that is a
 * JSON object and has "alg"). A payload that is no JSON object is none either.
 */
int jwt_read(struct raw token, struct jwt *ret_jwt);
