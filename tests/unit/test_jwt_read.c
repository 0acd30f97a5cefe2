/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_jwt_read.c - tokens made of the two JSON texts by an encoder of this test, read back: every
 * byte through the alphabet, every member, and what is said of parts that are longer than is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/detect/jwt_read.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static size_t encode(const char *text, size_t n, char *out)
{
	char *to = out;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = 0;
		size_t some = n - i < 3 ? n - i : 3;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < some ? (uint8_t)text[i + k] : 0);
		for (size_t k = 0; k <= some; k++)
			*to++ = ALPHABET[bits >> (18 - 6 * k) & 63];
	}
	return (size_t)(to - out);
}

static int read_of(const char *header, const char *claims, struct jwt *ret_jwt)
{
	size_t size = 2 * (strlen(header) + strlen(claims)) + 16, n;
	char *token = malloc(size), *exact;
	int r;

	assert_non_null(token);
	n = encode(header, strlen(header), token);
	token[n++] = '.';
	n += encode(claims, strlen(claims), token + n);
	n += (size_t)snprintf(token + n, 8, ".c2ln");
	exact = malloc(n); /* a byte read too far is seen */
	assert_non_null(exact);
	memcpy(exact, token, n);
	r = jwt_read((struct raw){exact, n}, ret_jwt);
	free(exact);
	free(token);
	return r;
}

/* Every byte that can stand in a string goes through each of the four places of the alphabet. */
static void test_bytes(void **state)
{
	char header[1024] = "{\"alg\":\"HS256\",\"x\":\"", pad[8] = "";
	struct jwt jwt;

	(void)state;
	for (int place = 0; place < 3; place++) {
		size_t n = strlen(header);

		for (int c = 0x20; c < 0x100; c++)
			if (c != '"' && c != '\\')
				header[n++] = (char)c;
		snprintf(header + n, sizeof(header) - n, "\",\"kid\":\"end\"}");
		assert_int_equal(read_of(header, "{}", &jwt), 0);
		assert_string_equal(jwt.alg, "HS256");
		assert_true(jwt.has_kid && !jwt.cut && jwt.kid == JWT_KID_PLAIN);
		pad[place] = ' ';
		snprintf(header, sizeof(header), "{%s\"alg\":\"HS256\",\"x\":\"", pad);
	}
}

static void test_members(void **state)
{
	struct jwt jwt;

	(void)state;
	assert_int_equal(
		read_of("{\"alg\":\"ES\\u0032\",\"x5u\":\"https://b\",\"jku\":\"https://a\","
			"\"in\":{\"kid\":\"../\",\"jwk\":{}}}",
			"{\"exp\":1764000000.9,\"iat\":-5,\"nbf\":1e300,"
			"\"in\":{\"typ\":\"Refresh\"}}",
			&jwt),
		0);
	assert_string_equal(jwt.alg, "ES2");
	assert_string_equal(jwt.key_url, "https://a");
	assert_true(jwt.has_jku && jwt.has_x5u && !jwt.has_kid && !jwt.has_jwk);
	assert_true(jwt.has_exp && jwt.has_iat && jwt.has_nbf && !jwt.refresh);
	assert_int_equal(jwt.exp_s, 1764000000);
	assert_int_equal(jwt.iat_s, -5);
	assert_int_equal(jwt.nbf_s, JWT_TIME_MAX);

	assert_int_equal(read_of("{\"alg\":\"a\"}", "{\"exp\":5,\"exp\":\"x\"}", &jwt), 0);
	assert_true(!jwt.has_exp && jwt.exp_s == 0);

	assert_int_equal(
		read_of("{\"alg\":\"a\"}", "{\"exp\":\"1764000000\",\"token_use\":\"id\"}", &jwt),
		0);
	assert_true(!jwt.has_exp && jwt.refresh);
}

static void test_kid(void **state)
{
	static const struct {
		const char *kid;
		enum jwt_kid kind;
	} cases[] = {
		{"2024-key", JWT_KID_PLAIN},     {"did:web:shop.test#key 1", JWT_KID_PLAIN},
		{"a/b/c", JWT_KID_PLAIN},        {"x../y", JWT_KID_PATH},
		{"..\\\\..\\\\x", JWT_KID_PATH}, {"/dev/null", JWT_KID_PATH},
		{"a/dev/null", JWT_KID_PLAIN},   {"file:///x", JWT_KID_PATH},
		{"a\\u0000", JWT_KID_CONTROL},   {"a\\u007f", JWT_KID_CONTROL},
		{"a|b", JWT_KID_QUERY},          {"a`b`", JWT_KID_QUERY},
		{"a$(b)", JWT_KID_QUERY},        {"a$b", JWT_KID_PLAIN},
		{"x' or '1", JWT_KID_QUERY},     {"a;b", JWT_KID_QUERY},
		{"a\\\"b", JWT_KID_QUERY},
	};
	char header[128];
	struct jwt jwt;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(header, sizeof(header), "{\"alg\":\"a\",\"kid\":\"%s\"}", cases[i].kid);
		assert_int_equal(read_of(header, "{}", &jwt), 0);
		if (!jwt.has_kid || jwt.kid != cases[i].kind)
			fail_msg("%s: %d", cases[i].kid, jwt.kid);
	}
}

/* What lies behind the end of what is read is not called missing, and not called there. */
static void test_long(void **state)
{
	static char claims[3 * JWT_CLAIMS_MAX], header[3 * JWT_HEADER_MAX];
	struct jwt jwt;

	(void)state;
	for (int over = 0; over < 2; over++) {
		int fill = JWT_CLAIMS_MAX - 17 + over;

		snprintf(claims, sizeof(claims), "{\"x\":\"%0*d\",\"exp\":7}", fill, 0);
		assert_int_equal(strlen(claims), JWT_CLAIMS_MAX - 1 + over);
		assert_int_equal(read_of("{\"alg\":\"a\"}", claims, &jwt), 0);
		assert_true(jwt.has_exp && !jwt.cut);
	}
	snprintf(claims, sizeof(claims), "{\"exp\":8,\"x\":\"%0*d\",\"iat\":7}", JWT_CLAIMS_MAX, 0);
	assert_int_equal(read_of("{\"alg\":\"a\"}", claims, &jwt), 0);
	assert_true(jwt.cut && jwt.has_exp && !jwt.has_iat);
	snprintf(header, sizeof(header), "{\"x\":\"%0*d\",\"alg\":\"a\"}", JWT_HEADER_MAX, 0);
	assert_int_equal(read_of(header, "{}", &jwt), 0);
	assert_true(jwt.cut && !jwt.alg[0]);
}

static void test_none(void **state)
{
	static const struct raw tokens[] = {
		{NULL, 0},
		{"e30.e30", 7}, /* one dot */
		{"e30.e30.x.y", 11}, /* three */
		{"e30.e30.x", 9}, /* no alg */
		{"eyJhbGciOjF9.e30.x", 18}, /* alg is 1 */
		{"eyJhbGciOiJhIn0.W10.x", 21}, /* claims are [] */
		{"eyJhbGciOiJhIn0.e3.x", 20}, /* claims are { */
		{"eyJhbGciOiJhIn0.e30=.x", 22}, /* padding */
		{"eyJhbGciOiJhIn0.e30+.x", 22}, /* the other alphabet */
		{"eyJhbGciOiJhIn0x.e30.x", 22}, /* four sextets: a byte behind the object */
		{"eyJhbGciOiJhIn0xx.e30.x", 23}, /* no length base64 has */
	};
	struct jwt jwt = {.exp_s = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (jwt_read(tokens[i], &jwt) != -EINVAL)
			fail_msg("%zu is none", i);
	assert_int_equal(jwt.exp_s, 7);
	assert_int_equal(jwt_read((struct raw){"eyJhbGciOiJhIn0.e30.", 20}, &jwt), 0);
	assert_true(jwt.signed_by_nobody);
	assert_int_equal(jwt_read((struct raw){"eyJhbGciOiJhIn0.e30.x", 21}, &jwt), 0);
	assert_false(jwt.signed_by_nobody);
	assert_int_equal(jwt_read((struct raw){"eyJhbGciOiJhIn0.!.!.!.!", 23}, &jwt), 0);
	assert_true(jwt.encrypted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_members),
		cmocka_unit_test(test_kid),   cmocka_unit_test(test_long),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
