/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_masked.c - what may be shown: never five characters in a row of a secret, never anything but
 * printable ASCII, and still enough to tell what it was.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/masked.h"

#define UNUSED __attribute__((unused))

static struct raw raw_of(const char *text)
{
	return (struct raw){text, strlen(text)};
}

static uint64_t chance = 88172645463325252ull;
static unsigned draw(unsigned below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)(chance % below);
}

static void assert_shown(const struct masked *masked)
{
	size_t n = strnlen(masked->text, MASKED_TEXT);

	assert_true(n < MASKED_TEXT);
	for (size_t i = 0; i < n; i++)
		assert_true(masked->text[i] >= 0x20 && masked->text[i] < 0x7f);
	for (size_t i = n; i < MASKED_TEXT; i++)
		assert_int_equal(masked->text[i], 0);
}

static void assert_hidden(const struct masked *masked, const char *secret, size_t n)
{
	assert_shown(masked);
	for (size_t i = 0; i + 5 <= n; i++)
		assert_null(memmem(masked->text, strlen(masked->text), secret + i, 5));
}

static void test_values(void **state UNUSED)
{
	assert_string_equal(masked_value(RAW("AKIAIOSFODNN7EXAMPLE"), 4).text, "AKIA...(20)");
	assert_string_equal(masked_value(RAW("AKIAIOSFODNN7EXAMPLE"), 99).text, "AKIA...(20)");
	assert_string_equal(masked_value(RAW("AKIAIOSFODNN7EXAMPLE"), 0).text, "...(20)");
	assert_string_equal(masked_value(RAW("hunter2hunter"), 4).text, "hu...(13)");
	assert_string_equal(masked_value(RAW("pass"), 4).text, "...(4)");
	assert_string_equal(masked_value((struct raw){NULL, 0}, 4).text, "...(0)");
	assert_string_equal(masked_value(RAW("\x1b[31mABCDEFGHIJKLMNOP"), 2).text, "?[...(21)");
}

static void test_mail_and_digits(void **state UNUSED)
{
	assert_string_equal(masked_email(RAW("jane@example.com")).text, "j...@example.com");
	assert_string_equal(masked_email(RAW("jo@example.com")).text, "...@example.com");
	assert_string_equal(masked_email(RAW("no address")).text, "...(10)");
	assert_string_equal(masked_email(RAW("@example.com")).text, "...(12)");
	assert_string_equal(masked_email(RAW("jane@\xe2\x80\xae.com")).text, "...(12)");
	assert_string_equal(masked_email((struct raw){NULL, 0}).text, "...(0)");
	assert_string_equal(masked_digits(RAW("4111 1111-1111 1234")).text, "************1234");
	assert_string_equal(masked_digits(RAW("123-45-6789")).text, "*****6789");
	assert_string_equal(masked_digits(RAW("1234567")).text, "*******");
	assert_string_equal(masked_digits(RAW("none")).text, "");
}

static const struct {
	const char *target, *shown;
} paths[] = {
	{"/", "/"},
	{"", ""},
	{"*", "*"},
	{"/api/v1/users", "/api/v1/users"},
	{"/api/v2.1/oauth2/token", "/api/v2.1/oauth2/token"},
	{"/api/1.2.3/getUserProfileById", "/api/1.2.3/getUserProfileById"},
	{"/.well-known/openid-configuration", "/.well-known/openid-configuration"},
	{"/api//users/", "/api//users/"},
	{"/api/messages:send", "/api/messages:send"},
	{"/static/app.min.js", "/static/app.min.js"},
	{"/users/4711", "/users/{id}"},
	{"/users/4711/orders/9", "/users/{id}/orders/{id}"},
	{"/users/123-45-6789", "/users/{id}"},
	{"/hosts/10.0.0.1", "/hosts/{id}"},
	{"/u/6fa459ea-ee8a-3ca4-894e-db77e160355e/x", "/u/{id}/x"},
	{"/users/jane@example.com", "/users/{...}"},
	{"/users/jane%40example.com", "/users/{...}"},
	{"/reset/3f9b1c0e7d", "/reset/{...}"},
	{"/reset/hXkQzLpWvBnRtY", "/reset/{...}"},
	{"/reset/xkcvbnmwrtpl", "/reset/{...}"},
	{"/t/AKIAIOSFODNN7EXAMPLE", "/t/{...}"},
	{"/a?page=2&token=abc", "/a?page=...&token=..."},
	{"/a?s3cr3tvalue", "/a?{...}"},
	{"/a?hunter", "/a?{...}"},
	{"/a?sk_live_9aB8cD7eF6=1&b=2#frag", "/a?{...}=...&b=..."},
	{"/a#frag", "/a"},
	{"/a?", "/a?"},
	{"http://shop.test/users/1?q=x", "http://shop.test/users/{id}?q=..."},
	{"http://user:pass@shop.test/users", "http://{...}/users"},
	{"shop.test:443", "{...}"},
	{"/\x1b[2J/\xe2\x80\xae", "/{...}/{...}"},
};

static void test_paths(void **state UNUSED)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct masked masked = masked_path(raw_of(paths[i].target));

		assert_shown(&masked);
		assert_string_equal(masked.text, paths[i].shown);
	}
}

static void test_long_paths(void **state UNUSED)
{
	char target[4096] = "";
	struct masked masked;

	for (size_t i = 0; i + 6 < sizeof(target); i += 6)
		memcpy(target + i, "/users", 7);
	masked = masked_path(raw_of(target));
	assert_shown(&masked);
	assert_int_equal(strlen(masked.text) < MASKED_TEXT, 1);
	assert_string_equal(masked.text + strlen(masked.text) - 3, "...");
	assert_true(strlen(masked.text) > MASKED_TEXT - 16);
}

static void test_tokens(void **state UNUSED)
{
	assert_string_equal(masked_token(RAW("application/json;charset=utf-8"), 64).text,
			    "application/json;charset=utf-8");
	assert_string_equal(masked_token(RAW("shop.test:8443"), 64).text, "shop.test:8443");
	assert_string_equal(masked_token(RAW("GET"), 3).text, "GET");
	assert_string_equal(masked_token(RAW("GETS"), 3).text, "...(4)");
	assert_string_equal(masked_token(RAW("a b"), 64).text, "...(3)");
	assert_string_equal(masked_token(RAW("a\0b"), 64).text, "...(3)");
	assert_string_equal(masked_token(RAW("a\r\nb"), 64).text, "...(4)");
	assert_string_equal(masked_token(RAW(""), 64).text, "");
}

static void test_own(void **state UNUSED)
{
	char longer[2 * MASKED_TEXT];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	assert_string_equal(masked_own("a\x7f\n\xe2\x80\xae").text, "a?????");
	assert_string_equal(masked_own(NULL).text, "");
	assert_int_equal(strlen(masked_own(longer).text), MASKED_TEXT - 1);
	assert_string_equal(masked_format("%d of %s", 3, "x\ty").text, "3 of x?y");
	assert_int_equal(strlen(masked_format("%s", longer).text), MASKED_TEXT - 1);
}

static void test_equal(void **state UNUSED)
{
	assert_true(raw_equal(RAW("abc"), RAW("abc")));
	assert_false(raw_equal(RAW("abc"), RAW("abC")));
	assert_false(raw_equal(RAW("abc"), RAW("ab")));
	assert_true(raw_equal((struct raw){NULL, 0}, RAW("")));
	assert_true(raw_equal_nocase(RAW("aBc-1"), RAW("AbC-1")));
	assert_false(raw_equal_nocase(RAW("a@"), RAW("a`"))); /* 0x20 apart, no letters */
	assert_false(raw_equal_nocase(RAW("abc"), RAW("abcd")));
}

/* Secrets as generators make them, in every place a secret can come to stand. */
static void test_secrets_stay(void **state UNUSED)
{
	static const char *const alphabets[] = {
		"0123456789abcdef",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
	};
	char secret[128], target[700];

	for (unsigned round = 0; round < 20000; round++) {
		const char *alphabet = alphabets[draw(4)];
		size_t n = 16 + draw(48);
		struct masked masked;

		for (size_t i = 0; i < n; i++)
			secret[i] = alphabet[draw((unsigned)strlen(alphabet))];
		secret[n] = 0;
		masked = masked_value((struct raw){secret, n}, draw(64));
		assert_hidden(&masked, secret, n);
		masked = masked_email((struct raw){secret, n});
		assert_hidden(&masked, secret, n);
		masked = masked_digits((struct raw){secret, n});
		assert_hidden(&masked, secret, n);
		masked = masked_token((struct raw){secret, n}, 15);
		assert_hidden(&masked, secret, n);
		snprintf(target, sizeof(target), "/reset/%s/now?%s&token=%s&%s=1#%s", secret,
			 secret, secret, secret, secret);
		masked = masked_path(raw_of(target));
		assert_hidden(&masked, secret, n);
		assert_string_equal(masked.text + strlen(masked.text) - 4, "=...");
	}
}

static void test_any_bytes(void **state UNUSED)
{
	char bytes[600];

	for (unsigned round = 0; round < 20000; round++) {
		struct raw any = {bytes, draw(sizeof(bytes))};
		struct masked masked;

		for (size_t i = 0; i < any.n; i++)
			bytes[i] = (char)(draw(4) ? draw(256) : (unsigned)"/?&=@.#"[draw(7)]);
		masked = masked_path(any);
		assert_shown(&masked);
		masked = masked_value(any, 4);
		assert_shown(&masked);
		masked = masked_email(any);
		assert_shown(&masked);
		masked = masked_digits(any);
		assert_shown(&masked);
		masked = masked_token(any, 600);
		assert_shown(&masked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),    cmocka_unit_test(test_mail_and_digits),
		cmocka_unit_test(test_paths),     cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_tokens),    cmocka_unit_test(test_own),
		cmocka_unit_test(test_equal),     cmocka_unit_test(test_secrets_stay),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
