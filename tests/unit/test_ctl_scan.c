/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ctl_scan.c - glacisctl scan and rules, as they are called: files made here, what is printed,
 * and the exit codes. No agent, no privileges.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/ctl/ctl.h"

#define UNUSED __attribute__((unused))

#define KEY                                                                                        \
	"AKIA"                                                                                     \
	"QYLPMN5HFIQR7XYA"
#define WINDOW (4u << 20)

static char folder[] = "/tmp/glacis-scan.XXXXXX";
static char path[256], printed[1 << 20], said[65536];

static int run(unsigned n, ...)
{
	char *argv[16] = {"glacisctl"}, *out = NULL, *err = NULL;
	size_t out_n = 0, err_n = 0;
	FILE *to = open_memstream(&out, &out_n), *to_err = open_memstream(&err, &err_n);
	va_list ap;
	int r;

	va_start(ap, n);
	for (unsigned i = 0; i < n; i++)
		argv[i + 1] = va_arg(ap, char *);
	va_end(ap);
	r = ctl_run((int)n + 1, argv, to, to_err);
	fclose(to);
	fclose(to_err);
	snprintf(printed, sizeof(printed), "%s", out);
	snprintf(said, sizeof(said), "%s", err);
	free(out);
	free(err);
	return r;
}

static const char *at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make(const char *name, const void *bytes, size_t n)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	fclose(file);
}

static int setup(void **state UNUSED)
{
	static const char binary[] = "\x7f"
				     "ELF\0\0 k=" KEY " ";

	if (!mkdtemp(folder))
		return -1;
	file_mkdirs(at("a/.git"), 0700);
	make("a/one.env", "x=1\nk=" KEY "\n", 27);
	make("a/none.txt", "nothing of it\n", 14);
	make("a/.git/config", "k=" KEY "\n", 23);
	make("a/program", binary, sizeof(binary) - 1);
	assert_int_equal(symlink("one.env", at("a/link")), 0);
	return 0;
}

static int drop(const char *name, const struct stat *st UNUSED, int kind UNUSED,
		struct FTW *ftw UNUSED)
{
	return remove(name);
}

static int teardown(void **state UNUSED)
{
	return nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_lines(void **state UNUSED)
{
	char expected[600];

	assert_int_equal(run(2, "scan", at("a")), CTL_REFUSED);
	snprintf(expected, sizeof(expected),
		 "%s/one.env:2:3: critical: AWS access key id AKIA...(20) (aws-access-key, "
		 "REV-17)\n",
		 at("a"));
	assert_string_equal(printed, expected);
	assert_string_equal(said, "1 finding in 2 files, 41 B; 1 binary left out (--binary)\n");
	assert_int_equal(run(2, "scan", at("a/none.txt")), CTL_OK);
	assert_string_equal(printed, "");
	assert_int_equal(run(3, "scan", at("a"), "--binary"), CTL_REFUSED);
	assert_non_null(strstr(said, "2 findings in 3 files"));
	assert_int_equal(run(2, "scan", at("missing")), CTL_USAGE);
	assert_int_equal(run(1, "scan"), CTL_USAGE);
	assert_int_equal(run(4, "scan", at("a"), "--family", "hash"), CTL_OK);
	assert_int_equal(run(4, "scan", at("a"), "--family", "hsah"), CTL_USAGE);
	assert_int_equal(run(4, "scan", at("a"), "--severity", "very"), CTL_USAGE);
	assert_null(strstr(printed, KEY));
}

static void test_json(void **state UNUSED)
{
	json_t *body, *one;

	assert_int_equal(run(4, "scan", "-o", "json", at("a")), CTL_REFUSED);
	body = json_loads(printed, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(body, "findings")), 1);
	one = json_array_get(json_object_get(body, "findings"), 0);
	assert_int_equal(json_integer_value(json_object_get(one, "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(one, "column")), 3);
	assert_string_equal(json_string_value(json_object_get(one, "rule")), "aws-access-key");
	assert_string_equal(json_string_value(json_object_get(one, "evidence")), "AKIA...(20)");
	assert_int_equal(json_integer_value(json_object_get(body, "files")), 2);
	json_decref(body);
}

static void test_sarif(void **state UNUSED)
{
	json_t *body, *driver, *result;
	const char *uri, *id, *version;
	json_int_t line;

	assert_int_equal(run(3, "scan", "--sarif", at("a")), CTL_REFUSED);
	body = json_loads(printed, 0, NULL);
	assert_int_equal(json_unpack(body, "{s:s,s:[{s:{s:o},s:[o]}]}", "version", &version, "runs",
				     "tool", "driver", &driver, "results", &result),
			 0);
	assert_string_equal(version, "2.1.0");
	assert_true(json_array_size(json_object_get(driver, "rules")) > 150);
	assert_int_equal(json_unpack(result, "{s:s,s:[{s:{s:{s:s},s:{s:I}}}]}", "ruleId", &id,
				     "locations", "physicalLocation", "artifactLocation", "uri",
				     &uri, "region", "startLine", &line),
			 0);
	assert_string_equal(id, "aws-access-key");
	assert_non_null(strstr(uri, "a/one.env"));
	assert_int_equal(line, 2);
	json_decref(body);
}

/* A value over the edge of a window is found once, with its line, wherever it stands. */
static void test_windows(void **state UNUSED)
{
	_cleanup_free_ char *bytes = malloc(2 * WINDOW);
	char expected[64];

	assert_non_null(bytes);
	for (unsigned i = 0; i < 40; i++) {
		size_t begin = WINDOW - 4096 - 10 + (i < 20 ? i : 4096 + i - 40);

		memset(bytes, ' ', 2 * WINDOW);
		for (size_t line = 0; line < begin; line += 1000)
			bytes[line] = '\n';
		bytes[begin - 1] = '\n';
		memcpy(bytes + begin, KEY, 20);
		memcpy(bytes + begin + 20, "\n\n" KEY " ", 23);
		make("edge", bytes, 2 * WINDOW - 7);
		run(2, "scan", at("edge"));
		assert_non_null(strstr(said, "2 findings in 1 file, 8.0 MiB"));
		snprintf(expected, sizeof(expected),
			 "edge:%zu:1: ", (begin + 999) / 1000 + 1 + ((begin - 1) % 1000 != 0));
		assert_non_null(strstr(printed, expected));
		snprintf(expected, sizeof(expected),
			 "edge:%zu:1: ", (begin + 999) / 1000 + 3 + ((begin - 1) % 1000 != 0));
		assert_non_null(strstr(printed, expected));
	}
	unlink(at("edge"));
}

static void test_rules(void **state UNUSED)
{
	static const char good[] = "rules:\n  - {id: mine, about: my key, control: REV-17, "
				   "where: [file], pattern: 'mykey-[0-9]{8}'}\n";
	json_t *body;

	make("good.yaml", good, sizeof(good) - 1);
	make("bad.yaml", "rules: [{id: X}]\n", 17);
	make("some", "k = mykey-12345678\n", 19);
	assert_int_equal(run(3, "rules", "test", at("bad.yaml")), CTL_REFUSED);
	assert_non_null(strstr(said, "bad.yaml:1:14: error: \"X\" is no id"));
	assert_int_equal(run(3, "rules", "test", at("missing.yaml")), CTL_USAGE);
	assert_int_equal(run(3, "rules", "test", at("good.yaml")), CTL_OK);
	assert_non_null(strstr(printed, "valid: 1 rules, 0 patterns too strict"));
	assert_int_equal(run(3, "rules", "test", "deploy/rules"), CTL_OK);
	assert_non_null(strstr(printed, " 0 patterns too strict"));
	assert_string_equal(said, "");
	{
		char rules_path[256];

		snprintf(rules_path, sizeof(rules_path), "%s", at("good.yaml"));
		assert_int_equal(run(4, "scan", "--rules", rules_path, at("some")), CTL_REFUSED);
		assert_non_null(strstr(printed, "some:1:5: medium: my key my...(14) (mine"));
		assert_int_equal(run(4, "rules", "test", rules_path, at("some")), CTL_OK);
		assert_non_null(strstr(printed, "as file:\n4-18: mine"));
	}
	assert_int_equal(run(4, "rules", "list", "-o", "json"), CTL_OK);
	body = json_loads(printed, 0, NULL);
	assert_true(json_array_size(json_object_get(body, "items")) > 250);
	json_decref(body);
	assert_int_equal(run(4, "rules", "list", "--family", "hash"), CTL_OK);
	assert_non_null(strstr(printed, "bcrypt-hash"));
	assert_null(strstr(printed, "aws-access-key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_json),
		cmocka_unit_test(test_sarif), cmocka_unit_test(test_windows),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
