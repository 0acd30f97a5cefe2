/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_protect.c - whom a ban must not hit, and who listens: both read from files in the kernel's
 * and the resolver's formats.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/keeper/listeners.h"
#include "user/respond/protect.h"

static char path[] = "/tmp/glacis-test-protect-XXXXXX";

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

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

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void expect_hit(const struct protect *protect, const char *text, const char *why)
{
	struct addr_prefix p = prefix(text);
	char said[PROTECT_WHY] = "";

	assert_true(protect_hit(protect, &p, said));
	assert_string_equal(said, why);
}

static void expect_free(const struct protect *protect, const char *text)
{
	struct addr_prefix p = prefix(text);
	char said[PROTECT_WHY];

	assert_false(protect_hit(protect, &p, said));
}

static void loopback_always(void **state)
{
	struct protect *protect;

	(void)state;
	assert_int_equal(protect_new(&protect), 0);
	expect_hit(protect, "127.0.0.1", "it lies in 127.0.0.0/8, loopback");
	expect_hit(protect, "::1", "it is ::1, loopback");
	expect_hit(protect, "0.0.0.0/0", "it contains 127.0.0.0/8, loopback");
	expect_hit(protect, "::/0", "it contains ::1, loopback");
	expect_free(protect, "203.0.113.9");
	expect_free(protect, "2001:db8::/32");
	protect_free(protect);
}

static void gateways_and_resolvers(void **state)
{
	struct protect *protect;

	(void)state;
	assert_int_equal(protect_new(&protect), 0);
	write_file("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\t"
		   "IRTT\n"
		   "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
		   "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
		   "eth1\t000000AC\t0202A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n");
	assert_int_equal(protect_add_routes(protect, path), 0);
	write_file(
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
		"20010db8000000000000000000000000 40 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n");
	assert_int_equal(protect_add_routes6(protect, path), 0);
	write_file("# nameserver 198.51.100.1\nsearch example\nnameserver 192.0.2.53\n"
		   "nameserver fe80::53%eth0\nnameserver nonsense\n");
	assert_int_equal(protect_add_resolvers(protect, path), 0);
	assert_int_equal(protect_count(protect), 2 + 1 + 1 + 2);
	expect_hit(protect, "192.168.1.1", "it is 192.168.1.1, the default gateway on eth0");
	expect_hit(protect, "192.168.0.0/16",
		   "it contains 192.168.1.1, the default gateway on eth0");
	expect_free(protect, "192.168.2.2"); /* the gateway of a network is no default gateway */
	expect_hit(protect, "fe80::1", "it is fe80::1, the default gateway on eth0");
	expect_free(protect, "2001:db8::1");
	expect_hit(protect, "fe80::/64", "it contains fe80::1, the default gateway on eth0");
	expect_free(protect, "198.51.100.1");
	assert_true(protect_hit(
		protect, &(struct addr_prefix){.addr = prefix("192.0.2.53").addr, .len = 128},
		(char[PROTECT_WHY]){}));
	protect_free(protect);
}

static void proxies_and_never(void **state)
{
	struct policy_cidr proxy = {.addr = prefix("10.0.0.0/8").addr, .len = 104};
	struct policy_cidr never = {.addr = prefix("198.51.100.7").addr, .len = 128};
	char name[] = "shop";
	struct policy_service service = {.name = name, .trusted_proxies = {&proxy, 1}};
	struct policy policy = {
		.services = &service, .n_services = 1, .protect_never = {&never, 1}};
	struct protect *protect;

	(void)state;
	assert_int_equal(protect_new(&protect), 0);
	assert_int_equal(protect_add_policy(protect, &policy), 0);
	expect_hit(protect, "10.1.2.3", "it lies in 10.0.0.0/8, a trusted proxy of service shop");
	expect_hit(protect, "198.51.100.7", "it is 198.51.100.7, in protect.never of the policy");
	expect_free(protect, "198.51.100.8");
	/* asked anew, the old answers are gone and this host's are there */
	assert_int_equal(protect_refresh(protect, NULL), 0);
	expect_free(protect, "198.51.100.7");
	expect_hit(protect, "127.0.0.1", "it lies in 127.0.0.0/8, loopback");
	protect_free(protect);
}

/* A process, and its child, of a session that came over ssh. */
static void the_session_of_a_process(void **state)
{
	char *const argv[] = {(char *)"cat", NULL};
	char *const environment[] = {(char *)"A=b",
				     (char *)"SSH_CONNECTION=198.18.0.5 50000 198.18.0.1 22", NULL};
	struct addr_prefix from, client;
	int to[2], back[2];
	char byte = 'x';
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(back, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (dup2(to[0], 0) == 0 && dup2(back[1], 1) == 1)
			execve("/bin/cat", argv, environment);
		_exit(1);
	}
	/* what answers has its environment: exec closes descriptors before it sets that up */
	assert_int_equal(write(to[1], &byte, 1), 1);
	assert_int_equal(read(back[0], &byte, 1), 1);
	from = prefix("203.0.113.1");
	assert_int_equal(protect_session_of(pid, &from.addr), 0);
	client = prefix("198.18.0.5");
	assert_true(addr_equal(&from.addr, &client.addr));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(back[i]);
	}
	assert_int_equal(protect_session_of(pid, &from.addr), -ENOENT);
	assert_int_equal(protect_session_of(1, &from.addr), -ENOENT);
}

static void listeners_of_the_kernels_file(void **state)
{
	struct listener *listeners = NULL;
	char text[ADDR_TEXT];
	size_t n = 0;

	(void)state;
	write_file(
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		"uid  timeout inode\n"
		"   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
		"0        0 4711 1 0000000000000000 100 0 0 10 0\n"
		"   1: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
		"0        0 4712 1 0000000000000000 100 0 0 10 0\n"
		"   2: 0100007F:0016 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     "
		"0        0 4713 1 0000000000000000 100 0 0 10 0\n"
		"   3: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
		"0        0 4714 1 0000000000000000 100 0 0 10 0\n");
	assert_int_equal(listeners_parse(path, &listeners, &n), 0);
	write_file(
		"  sl  local_address                         remote_address                     "
		"   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
		"   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 "
		"0A 00000000:00000000 00:00000000 00000000     0        0 4715 1 "
		"0000000000000000 100 0 0 10 0\n");
	assert_int_equal(listeners_parse(path, &listeners, &n), 0);
	assert_int_equal(n, 3); /* established ones and further workers are none */
	assert_int_equal(listeners[0].port, 8080);
	assert_string_equal(listener_address(&listeners[0], text), "*");
	assert_int_equal(listeners[0].inode, 4711);
	assert_int_equal(listeners[1].port, 22);
	assert_string_equal(listener_address(&listeners[1], text), "127.0.0.1");
	assert_int_equal(listeners[2].port, 80);
	assert_string_equal(listener_address(&listeners[2], text), "::1");
	free(listeners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_always),
		cmocka_unit_test(gateways_and_resolvers),
		cmocka_unit_test(proxies_and_never),
		cmocka_unit_test(the_session_of_a_process),
		cmocka_unit_test(listeners_of_the_kernels_file),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
