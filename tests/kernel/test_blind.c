/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_blind.c - what is said of processes that listen: real servers with OpenSSL, GnuTLS, node's
 * own OpenSSL, Java and no TLS at all, in a network namespace of their own. No program is attached.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/node_inside.h"
#include "user/base/cleanup.h"
#include "user/kern/blind.h"
#include "user/kern/libs.h"

#define PIN_DIR "/sys/fs/bpf/glacis-test-blind"
#define WAIT_S  60

static char work[] = "/tmp/glacis-test-blind.XXXXXX";
static struct gl_policy policy;

static const struct server {
	uint16_t port;
	const char *command; /* in the work folder */
	const char *comm, *kind;
	bool hooked;
} servers[] = {
	{9001, "exec openssl s_server -accept 9001 -cert crt -key key -quiet", "openssl",
	 "openssl-dynamic", true},
	{9002, "exec gnutls-serv -q -p 9002 --x509certfile crt --x509keyfile key", "gnutls-serv",
	 "gnutls", true},
	{9003,
	 "exec node -e 'const f=require(\"fs\");require(\"https\").createServer("
	 "{key:f.readFileSync(\"key\"),cert:f.readFileSync(\"crt\")}).listen(9003)'",
	 "node", "openssl-static", true},
	{9004,
	 "exec /usr/bin/python3 -S -c 'import socket;s=socket.socket();"
	 "s.bind((\"\",9004));s.listen();s.accept()'",
	 "python3", "none", false},
	{9005, "exec java -Xshare:off -XX:TieredStopAtLevel=1 Serve.java", "java", "java", false},
};

static pid_t started[ARRAY_SIZE(servers)];
static size_t n_servers = ARRAY_SIZE(servers); /* without Java where there is no compiler */

static void shell(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (chdir(work) == 0)
			execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const struct kern_tls_view *view_of(const struct kern_tls_view *views, size_t n,
					   uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (views[i].port == port)
			return &views[i];
	return NULL;
}

static void test_views(void **state)
{
	struct libs_options options = {.pin_dir = PIN_DIR,
				       .programs = {[0 ... LIBS_PROGRAMS - 1] = -1},
				       .account_fd = -1,
				       .netns = procmaps_netns(getpid())};
	_cleanup_free_ struct kern_tls_view *views = NULL;
	struct blind *blind = NULL;
	struct libs *libs = NULL;
	time_t begun = time(NULL);
	size_t n = 0;

	(void)state;
	assert_int_equal(blind_new(&blind), 0);
	/* what is awaited is that each listens */
	while (n < n_servers && time(NULL) - begun < WAIT_S) {
		free(views);
		views = NULL;
		assert_int_equal(blind_look(blind, NULL, &policy, options.netns, &views, &n), 0);
		poll(NULL, 0, 50);
	}
	assert_int_equal(n, n_servers);
	for (size_t i = 0; i < n; i++)
		assert_false(views[i].hooked);

	assert_int_equal(libs_new(&options, &libs), 0);
	free(views);
	views = NULL;
	assert_int_equal(blind_look(blind, libs, &policy, options.netns, &views, &n), 0);
	assert_int_equal(n, n_servers);
	for (size_t i = 0; i < n_servers; i++) {
		const struct kern_tls_view *view = view_of(views, n, servers[i].port);

		assert_non_null(view);
		print_message("# %u %s: %s %s %s %s\n", view->port, view->comm, view->kind,
			      view->hooked ? "hooked" : "blind", view->version, view->reason);
		assert_int_equal(view->pid, started[i]);
		assert_string_equal(view->comm, servers[i].comm);
		if (strcmp(view->comm, "node") == 0 && !node_has_openssl_inside())
			assert_string_equal(view->kind, "openssl-dynamic");
		else
			assert_string_equal(view->kind, servers[i].kind);
		assert_int_equal(view->hooked, servers[i].hooked);
		assert_int_equal(view->processes, 1);
		/* blind without a reason would be silence */
		assert_int_equal(view->reason[0] != '\0',
				 !view->hooked && strcmp(view->kind, "none") != 0);
	}
	assert_memory_equal(view_of(views, n, 9001)->version, "OpenSSL 3.", 10);
	assert_memory_equal(view_of(views, n, 9003)->version, "OpenSSL 3.", 10);
	assert_non_null(strpbrk(view_of(views, n, 9003)->version + 11, "."));

	/* a port that is no service's is nobody's business */
	policy.port_service[9001] = 0;
	free(views);
	views = NULL;
	assert_int_equal(blind_look(blind, libs, &policy, options.netns, &views, &n), 0);
	assert_int_equal(n, n_servers - 1);
	assert_null(view_of(views, n, 9001));
	/* nor is another namespace */
	free(views);
	views = NULL;
	assert_int_equal(blind_look(blind, libs, &policy, 1, &views, &n), 0);
	assert_int_equal(n, 0);
	libs_free(libs);
	blind_free(blind);
}

static int setup(void **state)
{
	(void)state;
	n_servers -= access("/usr/bin/javac", X_OK) != 0;
	assert_non_null(mkdtemp(work));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	shell("ip link set lo up && openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=t "
	      "-keyout key -out crt 2>log && echo 'public class Serve { public static void "
	      "main(String[] a) throws Exception { new java.net.ServerSocket(9005).accept(); } }' "
	      ">Serve.java");
	for (size_t i = 0; i < n_servers; i++) {
		policy.port_service[servers[i].port] = 1;
		started[i] = fork();
		if (started[i] == 0) {
			if (chdir(work) == 0 && freopen("log", "a", stdout) &&
			    freopen("log", "a", stderr))
				execl("/bin/sh", "sh", "-c", servers[i].command, NULL);
			_exit(1);
		}
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_servers; i++) {
		kill(started[i], SIGKILL);
		waitpid(started[i], NULL, 0);
	}
	if (fork() == 0) {
		execl("/bin/rm", "rm", "-rf", work, PIN_DIR, NULL);
		_exit(1);
	}
	wait(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_views)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
