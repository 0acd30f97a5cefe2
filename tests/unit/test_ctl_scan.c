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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/ctl/ctl.h"
#include "user/ctl/scan_files.h"

#define UNUSED __attribute__((unused))

#define KEY                                                                                        \
	"AKIA"                                                                                     \
	"QYLPMN5HFIQR7XYA"

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
	file_mkdirs(at("s"), 0700);
	file_mkdirs(at("big"), 0700);
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

/* Members an object of SARIF 2.1.0 (OASIS) must have, and those of its other ones that we use: the
 * schema allows no others. */
static void assert_members(const json_t *object, const char *required, const char *optional)
{
	const json_t *value;
	const char *key;
	char all[256];

	assert_true(json_is_object(object));
	snprintf(all, sizeof(all), " %s %s ", required, optional);
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char word[64];

		snprintf(word, sizeof(word), " %s ", key);
		if (!strstr(all, word))
			fail_msg("SARIF has no member %s here", key);
	}
	snprintf(all, sizeof(all), "%s", required);
	for (char *rest = NULL, *word = strtok_r(all, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		if (!json_object_get(object, word))
			fail_msg("the member %s is missing", word);
}

static void assert_level(const json_t *level)
{
	const char *text = json_string_value(level);

	assert_non_null(text);
	assert_true(strcmp(text, "error") == 0 || strcmp(text, "warning") == 0 ||
		    strcmp(text, "note") == 0);
}

/* RFC 3986: nothing that would have to be encoded, and a scheme if it is absolute. */
static void assert_uri(const json_t *uri)
{
	const char *text = json_string_value(uri);

	assert_non_null(text);
	assert_true(text[0] && text[0] != '/');
	assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~:/?#[]@!$&'()*+,;=%"),
			 strlen(text));
}

static bool has_rule(const json_t *rules, const json_t *id)
{
	const json_t *rule;
	size_t i;

	for (i = 0; (rule = json_array_get(rules, i)); i++)
		if (json_equal(json_object_get(rule, "id"), id))
			return true;
	return false;
}

static void assert_result(const json_t *result, const json_t *rules)
{
	const json_t *where = json_array_get(json_object_get(result, "locations"), 0), *at, *file;

	assert_members(result, "message", "ruleId level locations properties");
	assert_true(has_rule(rules, json_object_get(result, "ruleId")));
	assert_level(json_object_get(result, "level"));
	assert_members(json_object_get(result, "message"), "text", "");
	assert_members(where, "physicalLocation", "");
	where = json_object_get(where, "physicalLocation");
	assert_members(where, "artifactLocation region", "");
	file = json_object_get(where, "artifactLocation");
	assert_members(file, "uri", "");
	assert_uri(json_object_get(file, "uri"));
	at = json_object_get(where, "region");
	assert_members(at, "startLine startColumn", "");
	assert_true(json_integer_value(json_object_get(at, "startLine")) >= 1);
	assert_true(json_integer_value(json_object_get(at, "startColumn")) >= 1);
}

/* A whole log; returns its results, and whether its run was successful. */
static const json_t *assert_sarif(const json_t *log, bool *ret_successful)
{
	const json_t *run = json_array_get(json_object_get(log, "runs"), 0), *driver, *rules,
		     *results;
	const json_t *invocation;
	size_t i;

	assert_members(log, "version runs", "$schema");
	assert_string_equal(json_string_value(json_object_get(log, "version")), "2.1.0");
	assert_int_equal(json_array_size(json_object_get(log, "runs")), 1);
	assert_members(run, "tool results", "invocations columnKind");
	assert_string_equal(json_string_value(json_object_get(run, "columnKind")),
			    "unicodeCodePoints");
	assert_members(json_object_get(run, "tool"), "driver", "");
	driver = json_object_get(json_object_get(run, "tool"), "driver");
	assert_members(driver, "name", "version rules");
	rules = json_object_get(driver, "rules");
	assert_true(json_array_size(rules) > 150);
	for (i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);

		assert_members(rule, "id", "shortDescription defaultConfiguration properties");
		assert_members(json_object_get(rule, "shortDescription"), "text", "");
		assert_level(
			json_object_get(json_object_get(rule, "defaultConfiguration"), "level"));
	}
	invocation = json_array_get(json_object_get(run, "invocations"), 0);
	assert_members(invocation, "executionSuccessful", "");
	*ret_successful = json_is_true(json_object_get(invocation, "executionSuccessful"));
	results = json_object_get(run, "results");
	assert_true(json_is_array(results));
	for (i = 0; i < json_array_size(results); i++)
		assert_result(json_array_get(results, i), rules);
	return results;
}

static void test_sarif(void **state UNUSED)
{
	static const char text[] = "x = \xc3\xa4\xe2\x82\xac k=" KEY "\n";
	const char *id, *uri;
	json_int_t line, column;
	const json_t *results;
	bool successful;
	json_t *body;

	make("s/a b%\xc3\xa4.txt", text, sizeof(text) - 1);
	assert_int_equal(run(3, "scan", "--sarif", at("s")), CTL_REFUSED);
	body = json_loads(printed, 0, NULL);
	results = assert_sarif(body, &successful);
	assert_true(successful);
	assert_int_equal(json_array_size(results), 1);
	assert_int_equal(json_unpack((json_t *)(uintptr_t)results,
				     "[{s:s,s:[{s:{s:{s:s},s:{s:I,s:I}}}]}]", "ruleId", &id,
				     "locations", "physicalLocation", "artifactLocation", "uri",
				     &uri, "region", "startLine", &line, "startColumn", &column),
			 0);
	assert_string_equal(id, "aws-access-key");
	assert_memory_equal(uri, "file:///tmp/", 12);
	assert_non_null(strstr(uri, "/s/a%20b%25%C3%A4.txt"));
	assert_int_equal(line, 1);
	assert_int_equal(column, 10); /* characters, not bytes */
	assert_null(strstr(printed, "QYLP"));
	json_decref(body);
	/* nothing found is a log, too */
	assert_int_equal(run(3, "scan", "--sarif", at("a/none.txt")), CTL_OK);
	body = json_loads(printed, 0, NULL);
	assert_int_equal(json_array_size(assert_sarif(body, &successful)), 0);
	json_decref(body);
}

/* --- what is scanned -------------------------------------------------------------------------- */

static int run_with_input(const char *bytes, const char *argument)
{
	int fds[2], keep = dup(STDIN_FILENO), r;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], bytes, strlen(bytes)), strlen(bytes));
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	r = run(2, "scan", argument);
	dup2(keep, STDIN_FILENO);
	close(keep);
	return r;
}

static void test_inputs(void **state UNUSED)
{
	char deep[2048];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	assert_int_equal(run_with_input("k=" KEY "\n", "-"), CTL_REFUSED);
	assert_string_equal(printed,
			    "-:1:3: critical: AWS access key id AKIA...(20) (aws-access-key, "
			    "REV-17)\n");
	assert_int_equal(run_with_input("nothing\n", "-"), CTL_OK);
	/* "<(command)": a pipe that has a name */
	assert_int_equal(run_with_input("k=" KEY "\n", "/dev/stdin"), CTL_REFUSED);
	assert_string_equal(said, "1 finding in 1 file, 23 B\n");
	assert_int_equal(run_with_input("", "-"), CTL_OK);
	assert_string_equal(said, "0 findings in 1 file, 0 B\n");

	/* too deep: told, counted, and no clean bill */
	snprintf(deep, sizeof(deep), "%s", at("deep"));
	for (unsigned i = 0; i < 70; i++)
		snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "/d");
	assert_int_equal(file_mkdirs(deep, 0700), 0);
	assert_int_equal(run(2, "scan", at("deep")), CTL_USAGE);
	assert_non_null(strstr(said, "d/d: Too many levels of symbolic links\n"));
	assert_non_null(strstr(said, "; 1 unreadable\n"));

	/* a socket */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at("socket"));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(run(2, "scan", at("socket")), CTL_USAGE);
	assert_non_null(strstr(said, "socket: Operation not supported"));

	/* above 1 GiB: left out of a folder, and said so; asked for by name it is read */
	make("big/file", "text\n", 5);
	assert_int_equal(truncate(at("big/file"), (1ll << 30) + 1), 0);
	assert_int_equal(run(2, "scan", at("big")), CTL_OK);
	assert_string_equal(said, "0 findings in 0 files, 0 B; 1 above 1 GiB left out\n");
	assert_int_equal(run(2, "scan", at("big/file")), CTL_OK);
	assert_string_equal(said, "0 findings in 0 files, 0 B; 1 binary left out (--binary)\n");
}

/* --- windows ---------------------------------------------------------------------------------- */

#define SMALL 16384

struct places {
	char text[512];
	size_t n;
};

static void on_found(const struct scan_finding *finding, void *userdata)
{
	struct places *places = userdata;

	snprintf(places->text + strlen(places->text), sizeof(places->text) - strlen(places->text),
		 "%llu:%llu ", (unsigned long long)finding->line,
		 (unsigned long long)finding->column);
	places->n++;
}

static void on_unreadable(const char *file UNUSED, int error UNUSED, void *userdata UNUSED)
{
	fail();
}

/* Lines of 1000 bytes up to a line of its own at `begin`, and one more behind an empty line. */
static void make_edge(char *bytes, size_t size, size_t begin)
{
	memset(bytes, ' ', size);
	for (size_t line = 0; line < begin; line += 1000)
		bytes[line] = '\n';
	bytes[begin - 1] = '\n';
	memcpy(bytes + begin, KEY, 20);
	memcpy(bytes + begin + 20, "\n\n" KEY " ", 23);
	make("edge", bytes, size);
}

static void expect_edge(size_t begin, char *expected, size_t size)
{
	size_t line = (begin + 999) / 1000 + 1 + ((begin - 1) % 1000 != 0);

	snprintf(expected, size, "%zu:1 %zu:1 ", line, line + 2);
}

/* A value over the edge of a window is found once, with its line, wherever it stands. */
static void test_windows(void **state UNUSED)
{
	_cleanup_free_ char *bytes = malloc(4 * SMALL);
	struct rules *rules = NULL;
	struct text *text = NULL;
	unsigned offsets = 0;

	assert_non_null(bytes);
	assert_int_equal(rules_load("deploy/rules", NULL, NULL, &rules), 0);
	assert_int_equal(text_new(rules, &text), 0);
	for (size_t begin = SMALL - TEXT_OVERLAP - 80; begin < SMALL + 40; begin += 3, offsets++) {
		struct places places = {0};
		struct scan_files scan = {
			.text = text,
			.families = ~0u,
			.window = SMALL,
			.found = on_found,
			.unreadable = on_unreadable,
			.userdata = &places,
		};
		char expected[64];

		make_edge(bytes, 4 * SMALL - 7, begin);
		assert_int_equal(scan_path(&scan, at("edge")), 0);
		expect_edge(begin, expected, sizeof(expected));
		assert_string_equal(places.text, expected);
		assert_int_equal(scan.counts.bytes, 4 * SMALL - 7);
	}
	assert_true(offsets > 1300);
	text_free(text);
	rules_free(rules);
	unlink(at("edge"));
}

/* The windows that are really used. */
static void test_large(void **state UNUSED)
{
	_cleanup_free_ char *bytes = malloc(SCAN_WINDOW + 4096);
	char expected[64];
	size_t line;

	assert_non_null(bytes);
	make_edge(bytes, SCAN_WINDOW + 4096, SCAN_WINDOW - 10);
	assert_int_equal(run(2, "scan", at("edge")), CTL_REFUSED);
	assert_string_equal(said, "2 findings in 1 file, 4.0 MiB\n");
	line = (SCAN_WINDOW - 10 + 999) / 1000 + 2;
	snprintf(expected, sizeof(expected), "edge:%zu:1: ", line);
	assert_non_null(strstr(printed, expected));
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
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_json),
		cmocka_unit_test(test_sarif),   cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_windows), cmocka_unit_test(test_large),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
