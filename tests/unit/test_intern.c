/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_intern.c - ids are given once, kept over save and load, and a damaged file is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/policy/compile.h"

#define UNUSED __attribute__((unused))

static void test_ids_are_stable(void **state UNUSED)
{
	struct intern *intern;
	char name[32];

	assert_int_equal(intern_new(&intern), 0);
	assert_null(intern_name(intern, INTERN_CLASS, 1));
	assert_int_equal(intern_id(intern, INTERN_CLASS, "auth"), 1);
	assert_int_equal(intern_id(intern, INTERN_CLASS, "general"), 2);
	assert_int_equal(intern_id(intern, INTERN_CLASS, "auth"), 1);
	assert_int_equal(intern_id(intern, INTERN_OPERATION, "auth"), 1); /* spaces are apart */
	for (int i = 3; i <= 5000; i++) {
		snprintf(name, sizeof(name), "class-%d", i);
		assert_int_equal(intern_id(intern, INTERN_CLASS, name), i);
	}
	assert_int_equal(intern_id(intern, INTERN_CLASS, "general"), 2);
	assert_int_equal(intern_id(intern, INTERN_CLASS, "class-77"), 77);
	assert_string_equal(intern_name(intern, INTERN_CLASS, 5000), "class-5000");
	assert_null(intern_name(intern, INTERN_CLASS, 0));
	assert_null(intern_name(intern, INTERN_CLASS, 5001));
	intern_free(intern);
	intern_free(NULL);
}

static void test_space_ends(void **state UNUSED)
{
	struct intern *intern;
	char name[32];

	assert_int_equal(intern_new(&intern), 0);
	for (int i = 1; i < GL_SERVICE_IDS; i++) {
		snprintf(name, sizeof(name), "service-%d", i);
		assert_int_equal(intern_id(intern, INTERN_SERVICE, name), i);
	}
	assert_int_equal(intern_id(intern, INTERN_SERVICE, "one-more"), -ENOSPC);
	assert_int_equal(intern_id(intern, INTERN_SERVICE, "service-3"), 3);
	assert_int_equal(intern_id(intern, INTERN_CLASS, "one-more"), 1);
	intern_free(intern);
}

static void temporary(char path[64])
{
	int fd;

	snprintf(path, 64, "/tmp/glacis-test-intern-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static void test_save_and_load(void **state UNUSED)
{
	struct intern *intern, *again;
	char path[64];

	temporary(path);
	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(intern_id(intern, INTERN_SERVICE, "shop"), 1);
	assert_int_equal(intern_id(intern, INTERN_OPERATION, "shop GET /\"{id}\""), 1);
	assert_int_equal(intern_id(intern, INTERN_OPERATION, "shop *"), 2);
	assert_int_equal(intern_save(intern, path), 0);
	assert_int_equal(intern_load(path, &again), 0);
	assert_string_equal(intern_name(again, INTERN_OPERATION, 1), "shop GET /\"{id}\"");
	assert_int_equal(intern_id(again, INTERN_OPERATION, "shop *"), 2);
	assert_int_equal(intern_id(again, INTERN_OPERATION, "shop POST /"), 3);
	assert_int_equal(intern_id(again, INTERN_CLASS, "auth"), 1);
	intern_free(again);
	intern_free(intern);
	unlink(path);
	assert_int_equal(intern_load(path, &again), -ENOENT);
}

static void test_damaged_files(void **state UNUSED)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"version\": 2, \"services\": [], \"classes\": [], \"operations\": []}",
		"{\"version\": 1, \"services\": [], \"classes\": []}",
		"{\"version\": 1, \"services\": [\"a\", \"a\"], \"classes\": [], \"operations\": "
		"[]}",
		"{\"version\": 1, \"services\": [\"a\", 7], \"classes\": [], \"operations\": []}",
		"{\"version\": 1, \"services\": {}, \"classes\": [], \"operations\": []}",
		"{\"version\": 1, \"services\": [\"a\\u0000b\"], \"classes\": [], \"operations\": "
		"[]}",
	};
	struct intern *intern = NULL;
	char path[64];

	temporary(path);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(texts[i], f);
		fclose(f);
		if (intern_load(path, &intern) != -EBADMSG)
			fail_msg("accepted: %s", texts[i]);
		assert_null(intern); /* untouched */
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_are_stable),
		cmocka_unit_test(test_space_ends),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_damaged_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
