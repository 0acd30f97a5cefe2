/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_libs_certificates.c - where a handshake's certificate is looked for: in libssl's own code if
 * that is understood, else in libcrypto, which is probed while such a library is in use.
 *
 *   test_libs_certificates FOLDER    the folder of uprobe.bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/kernel/libs_agent.h"

/* A copy whose code behind i2d_X509() does the same in another way: nobody's comparison. */
static void write_odd_copy(char *ret_path, size_t size)
{
	struct probe_set set;
	struct elf *elf = NULL;
	uint8_t op = 0x29; /* sub, which sets the flags as cmp does */
	char command[1600];
	int fd;

	snprintf(command, sizeof(command), "mkdir %s/odd && cp %s %s/odd/libssl.so.3", work, libssl,
		 work);
	shell(command);
	snprintf(ret_path, size, "%s/odd/libssl.so.3", work);
	fd = open(ret_path, O_RDWR | O_CLOEXEC);
	assert_int_equal(elf_open_fd(fd, &elf), 0);
	assert_int_equal(probe_points_choose(elf, &set), 0);
	elf_free(elf);
	for (size_t i = 0; i < set.n; i++) {
		uint8_t was = 0;

		if (set.points[i].role != PROBE_ENCODED)
			continue;
		assert_int_equal(pread(fd, &was, 1, (off_t)set.points[i].offset - 2), 1);
		assert_int_equal(was, 0x39); /* cmp %reg,%reg */
		assert_int_equal(pwrite(fd, &op, 1, (off_t)set.points[i].offset - 2), 1);
	}
	close(fd);
}

/* libcrypto is probed for certificates while a library is there that needs it, and only then. */
static void test_odd_library(void **state)
{
	struct process plain, odd;
	struct agent agent;
	const struct library *crypto = NULL;
	char path[600];
	uint64_t before;
	size_t n;

	(void)state;
	write_odd_copy(path, sizeof(path));
	libcrypto_too = true;
	process_start(&plain, "beside", PLACE_PLAIN);
	agent_start(&agent, -1);
	for (size_t i = 0; i < LIBS_MAX; i++)
		if (libs_slots(agent.libs, &n)[i].set.library == PROBE_CRYPTO)
			crypto = &libs_slots(agent.libs, &n)[i];
	assert_non_null(crypto);
	assert_true(crypto->attached);
	assert_false(crypto->held[LIBS_ENCODE_ENTER]);
	process_go(&plain, 3);
	assert_exact(&agent, &plain);
	assert_int_equal(hits_of(&agent, plain.pid, LIBS_ENCODE_ENTER), 0);

	copied = path;
	process_start(&odd, "oddly", PLACE_PLAIN);
	copied = libssl;
	assert_true(await_attached(&agent, odd.library) >= 0);
	assert_true(libs_needs_encode(library_at(&agent, odd.library)));
	assert_false(libs_needs_encode(library_at(&agent, plain.library)));
	assert_true(crypto->held[LIBS_ENCODE_ENTER] && crypto->held[LIBS_ENCODE_LEAVE]);
	process_go(&odd, 3);
	assert_int_equal(hits_of(&agent, odd.pid, LIBS_ENCODED), 0);
	/* for the length, and for the bytes */
	assert_int_equal(hits_of(&agent, odd.pid, LIBS_ENCODE_ENTER), 2);
	assert_int_equal(hits_of(&agent, odd.pid, LIBS_ENCODE_LEAVE), 2);

	process_end(&odd);
	await_gone(&agent, odd.library);
	assert_false(crypto->held[LIBS_ENCODE_ENTER] || crypto->held[LIBS_ENCODE_LEAVE]);
	before = hits_of(&agent, plain.pid, LIBS_ENCODE_ENTER);
	process_go(&plain, 3);
	assert_exact(&agent, &plain);
	assert_int_equal(hits_of(&agent, plain.pid, LIBS_ENCODE_ENTER), before);
	process_end(&plain);
	await_gone(&agent, plain.library);
	libs_detach(agent.libs);
	assert_int_equal(links_pinned(), 0);
	agent_end(&agent);
	libcrypto_too = false;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_odd_library),
	};

	folder = argc > 1 ? argv[1] : "build/kernel";
	return cmocka_run_group_tests(tests, setup, teardown);
}
