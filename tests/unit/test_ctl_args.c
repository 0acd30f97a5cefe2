/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ctl_args.c - glacisctl's command line: every wrong use is exit 2 with a message that says
 * what, every command has a help with an example, completion knows every command. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>

#include "tests/unit/fake_agent.h"
#include "user/base/version.h"

static const char nowhere[] = "/nonexistent/glacis.sock";

static void test_usage_errors(void **state)
{
	static const struct {
		const char *words, *message;
	} rows[] = {
		{"", "Usage: glacisctl"},
		{"frobnicate", "there is no command 'frobnicate'"},
		{"policy", "'policy' needs one of: validate, show, apply"},
		{"policy --help", "'policy' needs one of: validate, show, apply"},
		{"policy drop", "there is no command 'policy drop'; policy has: validate, show, "
				"apply"},
		{"endpoint", "'endpoint' needs one of: suspend, resume"},
		{"status now", "status takes no arguments, but there is 'now'"},
		{"status --no", "there is no option '--no'"},
		{"status -x", "there is no option '-x'"},
		{"-z status", "there is no option '-z'"},
		{"--dry-run status", "there is no option '--dry-run'"},
		{"status --wait", "option '--wait' needs a value"},
		{"status --socket", "option '--socket' needs a value"},
		{"--socket", "option '--socket' needs a value"},
		{"status -o", "option '-o' needs a value"},
		{"status -o xml", "-o xml: use human or json"},
		{"--output=xml status", "-o xml: use human or json"},
		{"status --help=1", "option '--help=1': it takes no value"},
		{"detach --dry-run=yes", "option '--dry-run=yes': it takes no value"},
		{"status --wait 10", "--wait 10: a number and a unit"},
		{"status --wait -1s", "--wait -1s: a number and a unit"},
		{"mode", "mode: monitor|enforce|policy is missing"},
		{"mode off", "mode off: use monitor, enforce or policy"},
		{"mode enforce now", "mode: 'now' is one argument too many"},
		{"policy apply", "policy apply: FILE is missing"},
		{"policy apply /nonexistent", "cannot read /nonexistent: No such file"},
		{"policy validate a b", "policy validate: 'b' is one argument too many"},
		{"block", "either SOURCE or --ja4 says whom"},
		{"block 1.2.3", "1.2.3 is not an address or a network"},
		{"block 1.2.3.4/33", "1.2.3.4/33 is not an address or a network"},
		{"block example.org", "example.org is not an address or a network"},
		{"block 1.2.3.4 --ttl forever", "--ttl forever: a number and a unit"},
		{"unblock x", "x is not an address or a network"},
		{"allow x", "x is not an address or a network"},
		{"decisions list --limit 0", "--limit 0: a number from 1 to"},
		{"limits show --limit 101", "--limit 101: a number from 1 to 100"},
		{"limits show --limit 1x", "--limit 1x: a number from 1 to 100"},
		{"limits show --limit -1", "--limit -1: a number from 1 to 100"},
		{"limits show --source me", "--source me is not an address"},
		{"sources top --limit x", "--limit x: a number from 1 to 100"},
		{"events --limit 1000", "--limit 1000: a number from 1 to 100"},
		{"explain", "explain: 'METHOD /path'|ID is missing"},
		{"explain /x", "'/x' is neither a request"},
		{"explain GET_", "'GET ' is neither a request"},
		{"explain 00c0ffee00c0ffe", "'00c0ffee00c0ffe' is neither a request"},
		{"explain GET_/x --header Accept", "--header 'Accept': use 'Name: value'"},
		{"explain GET_/x --source me", "--source me is not an address"},
		{"explain GET_/x --port 65536", "--port 65536: a number from 1 to 65535"},
		{"completion zsh", "completion zsh: bash and man are known"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(ctl_result_clear) struct ctl_result result =
			run_ctl(nowhere, rows[i].words);

		if (result.code != CTL_USAGE || !strstr(result.err, rows[i].message) || *result.out)
			fail_msg("\"%s\": exit %d, out \"%s\", err \"%s\"", rows[i].words,
				 result.code, result.out, result.err);
	}
}

/* Right use of every command gets as far as the agent that is not there, and says what to do. */
static void test_right_use(void **state)
{
	static const char *const rows[] = {
		"status",
		"-o json status",
		"status -o json --wait 1s --socket /nonexistent/other.sock",
		"doctor",
		"policy show",
		"policy apply /etc/hostname",
		"mode enforce",
		"mode policy --service shop --dry-run",
		"panic",
		"block 192.0.2.7",
		"block 2001:db8::/48 --ttl 4h --reason some_words --force --dry-run",
		"--socket=/nonexistent/other.sock block --ttl=4h 192.0.2.0/24",
		"unblock 192.0.2.7",
		"allow 192.0.2.7 --ttl 7d",
		"unallow 192.0.2.7",
		"decisions list",
		"limits show --source 192.0.2.7 --limit 100",
		"sources top",
		"counters --all",
		"explain GET_/x --source ::1 --header A:_b --header C:_d --service s --port 80",
		"explain 00c0ffee00c0ffee",
		"explain urn:glacis:verdict:00C0FFEE00c0ffee",
		"events",
		"events --follow",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(ctl_result_clear) struct ctl_result result = run_ctl(nowhere, rows[i]);

		if (result.code != CTL_UNREACHABLE ||
		    !strstr(result.err, "no agent: /nonexistent/") ||
		    !strstr(result.err, "hint: ") || *result.out)
			fail_msg("\"%s\": exit %d, out \"%s\", err \"%s\"", rows[i], result.code,
				 result.out, result.err);
	}
}

/* Nobody listens on a socket that is there: another message, the same code. */
static void test_dead_agent(void **state)
{
	struct fake_agent agent = {0};
	struct ctl_result result;
	int fd;

	(void)state;
	fake_start(&agent);
	assert_int_equal(socket_listen_unix(agent.path, 0600, SOCKET_NO_GROUP, 1, &fd), 0);
	close(fd);
	result = run_ctl(agent.path, "status");
	assert_int_equal(result.code, CTL_UNREACHABLE);
	assert_non_null(strstr(result.err, "no agent listens on /tmp/test-ctl."));
	ctl_result_clear(&result);
	fake_stop(&agent);
}

static void test_help_of_everything(void **state)
{
	(void)state;
	for (const struct ctl_group *group = ctl_groups; group->title; group++) {
		for (const struct ctl_command *c = group->commands; c->name; c++) {
			_cleanup_(ctl_result_clear) struct ctl_result result = {0};
			_cleanup_free_ char *words = NULL;

			assert_true(asprintf(&words, "%s --help", c->name) > 0);
			result = run_ctl(nowhere, words);
			assert_int_equal(result.code, CTL_OK);
			assert_string_equal(result.err, "");
			assert_non_null(strstr(result.out, c->summary));
			assert_non_null(strstr(result.out, "\nExample:\n  "));
			assert_non_null(strstr(result.out, c->example));
			assert_non_null(strstr(c->example, c->name));
			assert_non_null(strstr(result.out, "Exit status: "));
			for (const struct ctl_option *o = c->options; o->name; o++)
				assert_non_null(strstr(result.out, o->help));
		}
	}
}

static void test_help(void **state)
{
	_cleanup_(ctl_result_clear) struct ctl_result result = run_ctl(nowhere, "--help");

	(void)state;
	assert_int_equal(result.code, CTL_OK);
	for (const struct ctl_group *group = ctl_groups; group->title; group++) {
		assert_non_null(strstr(result.out, group->title));
		for (const struct ctl_command *c = group->commands; c->name; c++) {
			assert_non_null(strstr(result.out, c->name));
			assert_non_null(strstr(result.out, c->summary));
		}
	}
}

/* Bash itself reads the script, and offers what the tables have. */
static void test_completion(void **state)
{
	static const struct {
		const char *words, *offers;
	} rows[] = {
		{"glacisctl '' ",
		 "status doctor detach policy mode panic block unblock allow "
		 "unallow decisions endpoint key principal ja4 service kill unkill grant ungrant "
		 "incident approvals approve "
		 "limits sources counters explain events alerts "
		 "transactions findings coverage controls scan rules tls audit exports completion "
		 "version "
		 "--socket --output --help"},
		{"glacisctl policy ''", "validate show apply history past rollback backtest"},
		{"glacisctl policy a", "apply"},
		{"glacisctl findings ''", "list show --follow --control --service --limit"},
		{"glacisctl findings list --c", "--control"},
		{"glacisctl findings --c", "--control"},
		{"glacisctl -o json --socket /x mode e", "enforce"},
		{"glacisctl block 192.0.2.7 --t", "--ttl"},
		{"glacisctl block --ttl 4h 192.0.2.7 --r", "--reason"},
		{"glacisctl policy apply /etc/hostn", "/etc/hostname"},
		{"glacisctl policy show /etc/hostn", ""},
	};
	_cleanup_(ctl_result_clear) struct ctl_result result = run_ctl(nowhere, "completion bash");

	(void)state;
	assert_int_equal(result.code, CTL_OK);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[1024] = "";
		int in[2], out[2];
		FILE *script, *offers;
		pid_t pid;

		assert_int_equal(pipe2(in, O_CLOEXEC), 0);
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0) {
			dup2(in[0], 0);
			dup2(out[1], 1);
			execlp("bash", "bash", "--norc", NULL);
			_exit(127);
		}
		close(in[0]);
		close(out[1]);
		script = fdopen(in[1], "w");
		offers = fdopen(out[0], "r");
		fprintf(script,
			"%s\nCOMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _glacisctl; "
			"echo \"${COMPREPLY[*]}\"\n",
			result.out, rows[i].words);
		fclose(script);
		assert_non_null(fgets(line, sizeof(line), offers));
		fclose(offers);
		line[strcspn(line, "\n")] = 0;
		if (strcmp(line, rows[i].offers) != 0)
			fail_msg("%s: \"%s\"", rows[i].words, line);
	}
}

static void test_version(void **state)
{
	_cleanup_(ctl_result_clear) struct ctl_result human = run_ctl(nowhere, "version");
	_cleanup_(ctl_result_clear) struct ctl_result json = run_ctl(nowhere, "version -o json");
	char wanted[256];

	(void)state;
	assert_int_equal(human.code, CTL_OK);
	snprintf(wanted, sizeof(wanted), "glacisctl %s\n", glacis_version);
	assert_string_equal(human.out, wanted);
	assert_int_equal(json.code, CTL_OK);
	snprintf(wanted, sizeof(wanted), "{\n  \"version\": \"%s\"\n}\n", glacis_version);
	assert_string_equal(json.out, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage_errors), cmocka_unit_test(test_right_use),
		cmocka_unit_test(test_dead_agent),   cmocka_unit_test(test_help_of_everything),
		cmocka_unit_test(test_help),         cmocka_unit_test(test_completion),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
