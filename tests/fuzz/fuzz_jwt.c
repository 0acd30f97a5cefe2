/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_jwt.c - any bytes as a token. Beyond not crashing: what is said of it stays inside its
 * bounds, a token that is one is none with a byte of its header outside the alphabet, and what the
 * JSON reader takes is what the library takes.
 */
#include <jansson.h>

#include "tests/fuzz/fuzz.h"
#include "user/detect/json_walk.h"
#include "user/detect/jwt_read.h"
#include "user/detect/raws.h"

static void check_token(const uint8_t *data, size_t size)
{
	struct raw token = {(const char *)data, size};
	struct jwt jwt, again;
	char *copy;

	memset(&jwt, 0xa5, sizeof(jwt));
	if (jwt_read(token, &jwt) < 0) {
		for (size_t i = 0; i < sizeof(jwt); i++)
			CHECK(((const uint8_t *)&jwt)[i] == 0xa5); /* untouched on failure */
		return;
	}
	CHECK(memchr(jwt.alg, 0, sizeof(jwt.alg)));
	CHECK(memchr(jwt.key_url, 0, sizeof(jwt.key_url)));
	CHECK(jwt.kid <= JWT_KID_CONTROL);
	CHECK(jwt.has_kid || jwt.kid == JWT_KID_PLAIN);
	CHECK(jwt.has_exp || jwt.exp_s == 0);
	CHECK(jwt.exp_s <= JWT_TIME_MAX && jwt.exp_s >= -JWT_TIME_MAX);
	CHECK(jwt.iat_s <= JWT_TIME_MAX && jwt.iat_s >= -JWT_TIME_MAX);
	copy = malloc(size);
	CHECK(copy);
	memcpy(copy, data, size);
	copy[0] = '=';
	CHECK(jwt_read((struct raw){copy, size}, &again) < 0);
	free(copy);
}

/* Skipping the value ends where walking it does. */
static void check_skip(const uint8_t *data, size_t size)
{
	struct raw bytes = {(const char *)data, size};
	struct json_walk walked, skipped;
	enum json_token token;

	json_begin(&walked, bytes);
	json_begin(&skipped, bytes);
	token = json_next(&walked);
	if (token != WALK_OBJECT && token != WALK_ARRAY)
		return;
	json_next(&skipped);
	while (walked.depth && (token = json_next(&walked)) >= WALK_OBJECT)
		;
	if (token == WALK_BAD)
		return; /* skipping does not see it */
	CHECK(json_skip(&skipped) == token);
	CHECK(token == WALK_CUT || (skipped.p == walked.p && skipped.depth == 0));
	if (token != WALK_CUT)
		CHECK(json_next(&skipped) == json_next(&walked));
}

/* The library is stricter: UTF-8, numbers in range, no lone surrogates, no NUL, other depths. */
static void check_json(const uint8_t *data, size_t size)
{
	struct json_walk w;
	enum json_token token;
	size_t tokens = 0;
	json_error_t error;
	json_t *theirs;

	json_begin(&w, (struct raw){(const char *)data, size});
	while ((token = json_next(&w)) >= WALK_OBJECT) {
		CHECK(w.depth <= JSON_DEPTH);
		CHECK(++tokens <= size);
	}
	check_skip(data, size);
	if (memchr(data, 0, size))
		return; /* ends the text, for the library */
	theirs = json_loadb((const char *)data, size,
			    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
	if (theirs)
		CHECK(token == WALK_END || (token == WALK_BAD && w.depth == JSON_DEPTH));
	json_decref(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	check_token(data, size);
	check_json(data, size);
	return 0;
}
