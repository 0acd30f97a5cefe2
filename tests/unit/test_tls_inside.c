/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tls_inside.c - which TLS a program brings with it, by what stands in it: programs made here
 * with the marks each implementation leaves, and this machine's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/unit/elf_build.h"
#include "tests/unit/node_inside.h"
#include "user/base/cleanup.h"
#include "user/kern/tls_inside.h"

static struct elf_build b;

/* A program with that text among its constants; `section` is the name of the fourth section. */
static uint32_t inside(const char *section, const char *text, char version[48])
{
	static const char shaped[] = "\0.text\0.dynsym\0.dynstr\0.plt";
	struct elf *elf = NULL;
	uint32_t kinds = 0xdead;

	build_begin(&b, EM_X86_64);
	build_function(&b, "main", "\x55\xc3", 2);
	build_end(&b);
	memcpy(b.bytes + 0xd00 + sizeof(shaped) - 5, section, strlen(section) + 1);
	memset(b.bytes + BUILD_PLT, 0, 0x800);
	memcpy(b.bytes + BUILD_PLT + 100, text, strlen(text));
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), 0);
	assert_true(elf_has_section(elf, section));
	assert_int_equal(tls_inside(elf, &kinds, version, 48), 0);
	elf_free(elf);
	return kinds;
}

static void test_marks(void **state)
{
	static const struct {
		const char *section, *text, *version;
		uint32_t kinds;
	} rows[] = {
		{".rodata", "nothing of the kind", "", 0},
		{".rodata", "../ssl/ssl_lib.c", "", 1u << TLS_OPENSSL_STATIC},
		{".rodata", "OpenSSL 3.0.2 15 Mar 2022\n..ssl/ssl_lib.c",
		 "OpenSSL 3.0.2 15 Mar 2022", 1u << TLS_OPENSSL_STATIC},
		/* written down by whoever was built against it, which says nothing */
		{".rodata", "built with OpenSSL 3.0.2 15 Mar 2022", "", 0},
		{".rodata", "external/ssl/ssl_lib.cc", "", 1u << TLS_BORINGSSL},
		{".rodata", "OpenSSL 1.1.1 (compatible; BoringSSL)", "", 1u << TLS_BORINGSSL},
		{".rodata", "/registry/src/x/rustls-0.21.7/src/conn.rs", "", 1u << TLS_RUSTLS},
		{".rodata", "/rustls/src/conn.rs ... ssl/ssl_lib.c", "",
		 1u << TLS_RUSTLS | 1u << TLS_OPENSSL_STATIC},
		{".gopclntab", "crypto/tls.(*Conn).Read go1.21.3", "go1.21.3", 1u << TLS_GO},
		{".gopclntab", "net/http.(*Server).Serve", "", 0},
		{".rodata", "crypto/tls.(*Conn).Read", "", 0}, /* no Go program without the table */
	};
	char version[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(inside(rows[i].section, rows[i].text, version), rows[i].kinds);
		assert_string_equal(version, rows[i].version);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(tls_make_of_library("/usr/lib/jvm/17/lib/server/libjvm.so"), TLS_JAVA);
	assert_int_equal(tls_make_of_library("/usr/lib/libssl3.so"), TLS_NSS);
	assert_int_equal(tls_make_of_library("/tmp/libnetty_tcnative_linux_x86_64.so"),
			 TLS_BORINGSSL);
	assert_int_equal(tls_make_of_library("/usr/lib/libssl.so.3"), TLS_NONE);
	assert_int_equal(tls_make_of_library("libc.so.6"), TLS_NONE);
}

/* Every kind has a name of its own, and one that cannot be probed says why. */
static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < TLS_KINDS; i++) {
		bool seen = i == TLS_NONE || i == TLS_OPENSSL_DYNAMIC || i == TLS_GNUTLS;

		assert_true(strlen(tls_make_name(i)) > 0);
		assert_int_equal(strlen(tls_make_blind(i)) == 0, seen);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(tls_make_name(i), tls_make_name(k));
	}
	assert_string_equal(tls_make_name(TLS_KINDS), "unknown");
}

static void test_real(void **state)
{
	const struct {
		const char *path;
		uint32_t kinds;
	} rows[] = {
		{"/usr/bin/node", node_has_openssl_inside() ? 1u << TLS_OPENSSL_STATIC : 0},
		{"/usr/sbin/nginx", 0},
		{"/usr/bin/python3", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = open(rows[i].path, O_RDONLY | O_CLOEXEC);
		struct elf *elf = NULL;
		char version[48];
		uint32_t kinds = 0xdead;

		assert_true(fd >= 0);
		assert_int_equal(elf_open_fd(fd, &elf), 0);
		assert_int_equal(tls_inside(elf, &kinds, version, sizeof(version)), 0);
		assert_int_equal(kinds, rows[i].kinds);
		elf_free(elf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
