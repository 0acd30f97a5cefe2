/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_options.c - flags and the configuration file: defaults, precedence, and that what is wrong
 * stops the start with the right status.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/keeper/options.h"

static char path[] = "/tmp/glacis-test-options-XXXXXX";
static char errors[4096];

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Parses with what is printed on stderr in `errors`. */
static enum options_action parse(struct options *options, int *status, int n, const char **args)
{
	char *argv[16] = {(char *)"glacisd"};
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	enum options_action action;
	size_t size;

	assert_true(n < 15);
	for (int i = 0; i < n; i++)
		argv[i + 1] = (char *)args[i];
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	action = options_parse(n + 1, argv, options, status);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	size = fread(errors, 1, sizeof(errors) - 1, f);
	errors[size] = '\0';
	fclose(f);
	return action;
}

#define PARSE(options, status, ...)                                                                \
	parse(options, status, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),             \
	      (const char *[]){__VA_ARGS__})

static void expect_refused(int want_status, const char *want_text, int n, const char **args)
{
	struct options options;
	int status = -1;

	assert_int_equal(parse(&options, &status, n, args), OPTIONS_EXIT);
	assert_int_equal(status, want_status);
	if (!strstr(errors, want_text))
		fail_msg("'%s' is not in: %s", want_text, errors);
	options_clear(&options);
}

#define REFUSED(text, ...)                                                                         \
	expect_refused(2, text, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),            \
		       (const char *[]){__VA_ARGS__})

static void defaults(void **state)
{
	struct options options;
	int status;

	(void)state;
	assert_int_equal(parse(&options, &status, 0, NULL), OPTIONS_RUN);
	assert_string_equal(options.state_dir, "/var/lib/glacis");
	assert_string_equal(options.run_dir, "/run/glacis");
	assert_string_equal(options.pin_dir, "/sys/fs/bpf/glacis");
	assert_null(options.policy);
	assert_int_equal(options.mode, OPTIONS_MODE_POLICY);
	assert_int_equal(options.n_devices, 0);
	assert_false(options.foreground || options.detach || options.all_netns);
	options_clear(&options);
}

static void flags(void **state)
{
	struct options options;
	int status;

	(void)state;
	assert_int_equal(PARSE(&options, &status, "--policy=p.yaml", "--mode", "enforce",
			       "--device", "eth0", "--device", "eth1:xdp", "--netns", "all",
			       "--window-lines", "4096", "--foreground", "--log-format", "json"),
			 OPTIONS_RUN);
	assert_string_equal(options.policy, "p.yaml");
	assert_int_equal(options.mode, GL_MODE_ENFORCE);
	assert_int_equal(options.n_devices, 2);
	assert_string_equal(options.devices[1], "eth1:xdp");
	assert_true(options.all_netns && options.foreground);
	assert_int_equal(options.window_lines, 4096);
	assert_int_equal(options.log_format, LOG_FORMAT_JSON);
	options_clear(&options);
}

static void wrong_flags(void **state)
{
	(void)state;
	REFUSED("monitor or enforce", "--mode", "off");
	REFUSED("self or all", "--netns", "none");
	REFUSED("text or json", "--log-format", "xml");
	REFUSED("power of two", "--window-lines", "5000");
	REFUSED("power of two", "--window-lines", "2048");
	REFUSED("power of two", "--window-lines", "8388608");
	REFUSED("power of two", "--window-lines", "-4096");
	REFUSED("power of two", "--window-lines", "4096x");
	REFUSED("a path", "--policy", "");
	REFUSED("unexpected argument 'now'", "now");
	REFUSED("--help", "--no-such-flag");
	REFUSED("--help", "--policy");
	REFUSED("No such file", "--config", "/nonexistent/glacisd.yaml");
}

static void the_file_fills_what_flags_leave(void **state)
{
	struct options options;
	int status;

	(void)state;
	write_file("policy: /etc/p.yaml\nmode: monitor\ndevice: [eth0, eth1]\nrun-dir: /run/g\n"
		   "window-lines: 8192\nlog-format: json\n");
	assert_int_equal(PARSE(&options, &status, "--config", path, "--mode", "enforce"),
			 OPTIONS_RUN);
	assert_int_equal(options.mode, GL_MODE_ENFORCE);
	assert_string_equal(options.policy, "/etc/p.yaml");
	assert_string_equal(options.run_dir, "/run/g");
	assert_string_equal(options.state_dir, "/var/lib/glacis");
	assert_int_equal(options.n_devices, 2);
	assert_int_equal(options.window_lines, 8192);
	options_clear(&options);

	write_file("device: eth0\n");
	assert_int_equal(PARSE(&options, &status, "--config", path, "--device", "lo"), OPTIONS_RUN);
	assert_int_equal(options.n_devices, 1); /* not added to the flag's */
	assert_string_equal(options.devices[0], "lo");
	options_clear(&options);

	write_file("");
	assert_int_equal(PARSE(&options, &status, "--config", path), OPTIONS_RUN);
	options_clear(&options);
	write_file("# policy: p\n\n   # mode: enforce\n");
	assert_int_equal(PARSE(&options, &status, "--config", path), OPTIONS_RUN);
	options_clear(&options);
}

static void wrong_files(void **state)
{
	char at[64];

	(void)state;
	snprintf(at, sizeof(at), "%s:2:1: error: unknown key 'modes'", path);
	write_file("policy: p\nmodes: enforce\nnetns: some\n");
	REFUSED(at, "--config", path);
	assert_non_null(strstr(errors, ":3:8: error: 'some' is not a value of netns"));
	write_file("policy: p\npolicy: q\n");
	REFUSED(":2:1: error", "--config", path);
	write_file("policy:\n  file: p\n");
	REFUSED("policy needs a value", "--config", path);
	write_file("- policy\n");
	REFUSED("not a map", "--config", path);
	write_file("policy: [\n");
	REFUSED("error", "--config", path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),    cmocka_unit_test(flags),
		cmocka_unit_test(wrong_flags), cmocka_unit_test(the_file_fills_what_flags_leave),
		cmocka_unit_test(wrong_files),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
