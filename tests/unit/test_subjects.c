/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_subjects.c - whom and what a request is about: the same, and not the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tx_build.h"
#include "user/detect/subjects.h"

static const struct gl_key key = {21, 22};

static struct subjects of(const char *request)
{
	struct transaction *tx = tx_build(request, "");
	struct subjects s;

	subjects_read(tx, &key, &s);
	free(tx);
	return s;
}

#define JSON(body) "POST /login HTTP/1.1\nContent-Type: application/json\n\n" body
#define FORM(body) "POST /login HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n" body

static void test_logins(void **state)
{
	struct subjects a = of(JSON("{\"username\":\"ann\",\"password\":\"s3cret\"}"));
	struct subjects same[] = {
		of(JSON("{\"password\":\"s3cret\",\"login\":\" ANN \"}")),
		of(FORM("user=ann&pwd=s3cret")),
		of(FORM("user=%61nn&pass=s3cr%65t")),
		of("GET /x HTTP/1.1\nAuthorization: Basic YW5uOnMzY3JldA==\n\n"),
	};
	struct subjects b = of(JSON("{\"username\":\"bob\",\"password\":\"s3cret\"}"));
	struct subjects c = of(JSON("{\"username\":\"ann\",\"password\":\"S3cret\"}"));

	(void)state;
	assert_true(a.account && a.password && a.account != a.password);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(same[i].account, a.account);
		assert_int_equal(same[i].password, a.password);
	}
	assert_true(b.account != a.account && b.password == a.password);
	assert_true(c.account == a.account && c.password != a.password);
	/* a name that is the other's password is not the same */
	a = of(FORM("user=x&pass=x"));
	assert_true(a.account != a.password);
}

static void test_no_logins(void **state)
{
	static const char *const rows[] = {
		JSON("{\"username\":\"ann\"}"),
		JSON("{\"password\":\"s3cret\"}"),
		JSON("{\"username\":7,\"password\":\"s3cret\"}"),
		FORM("user=&pass=x"),
		"POST /login HTTP/1.1\nContent-Type: text/plain\n\nuser=ann&pass=x",
		"GET /x HTTP/1.1\nAuthorization: Bearer YW5uOnMzY3JldA==\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subjects s = of(rows[i]);

		assert_int_equal(s.account, 0);
		assert_int_equal(s.password, 0);
	}
}

static void test_objects(void **state)
{
	struct subjects a = of("GET /users/17/orders HTTP/1.1\n\n");
	struct subjects b = of("GET /users/18/orders HTTP/1.1\n\n");
	struct subjects q = of("GET /order?id=17 HTTP/1.1\n\n"),
			r = of("GET /order?id=19 HTTP/1.1\n\n");
	struct subjects plain = of("GET /list?page=2 HTTP/1.1\n\n");
	struct subjects same = of("GET /list?page=3 HTTP/1.1\n\n");

	(void)state;
	assert_true(a.object && b.object && a.object != b.object);
	assert_int_equal(b.number - a.number, 1);
	assert_int_not_equal(a.number, 17); /* only differences mean something */
	assert_int_equal(r.number - q.number, 2);
	assert_true(q.object != r.object);
	assert_int_equal(plain.object, same.object);
	assert_int_equal(plain.number, 0);
	assert_int_equal(of("GET /x/1234567890123456789012 HTTP/1.1\n\n").number, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logins),
		cmocka_unit_test(test_no_logins),
		cmocka_unit_test(test_objects),
	};

	return cmocka_run_group_tests_name("subjects", tests, NULL, NULL);
}
