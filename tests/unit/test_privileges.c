/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_privileges.c - the keeper's memory stays its own: after privileges_hide() both walls stand,
 * the flag and the limit. What that does to a crash: tests/e2e/35-not-dumped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/keeper/privileges.h"

/* A child that does it and tells by its status: bits of what is not as it must be. */
static int hidden(void)
{
	const struct rlimit some = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	struct rlimit limit;
	int wrong = 0;

	setrlimit(RLIMIT_CORE, &some);
	prctl(PR_SET_DUMPABLE, 1);
	if (privileges_hide() < 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE) != 0)
		wrong |= 2;
	if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur || limit.rlim_max)
		wrong |= 4;
	return wrong;
}

static void test_hide(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child)
		_exit(hidden());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 1); /* the parent is as it was */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hide)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
