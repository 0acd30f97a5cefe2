/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_probe_point.c - where the probes go: on libraries made here, one for each way OpenSSL,
 * LibreSSL and GnuTLS are built, and on this machine's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/elf_build.h"
#include "tests/unit/node_inside.h"
#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/probe_point.h"

/* sub $8,%rsp; call; xor %edx,%edx; ... */
static const char wrapper[] = "\x48\x83\xec\x08\xe8\0\0\0\0\x31\xd2\x85\xc0\x0f\x48\xc2\xc3";
#define WRAPPER_CALL 4
/* push %rbp; mov %rsp,%rbp; push %rbx; call */
static const char framed[] = "\x55\x48\x89\xe5\x53\xe8\0\0\0\0\x5b\x5d\xc3";
#define FRAMED_CALL 5
/* endbr64; sub $8,%rsp; mov %rcx,%r8; xor %ecx,%ecx; call */
static const char flags[] = "\xf3\x0f\x1e\xfa\x48\x83\xec\x08\x49\x89\xc8\x31\xc9\xe8\0\0\0\0\xc3";
#define FLAGS_CALL 13
/* the plain one: int to size_t, a place for the result, later a call */
static const char plain[] = "\x48\x83\xec\x18\x85\xd2\x78\x10\x48\x63\xd2\xe8\0\0\0\0\xc3";
#define PLAIN_CALL 11
static const char pushes[] = "\x41\x57\x41\x56\x55\x53\x48\x83\xec\x38\xc3";
static const char endbr_pushes[] = "\xf3\x0f\x1e\xfa\x41\x57\x41\x56\x55\x53\xc3";
#define CODE(c) c, sizeof(c) - 1

static struct elf_build b;

static uint64_t offset_of(uint64_t vaddr)
{
	return vaddr - BUILD_VADDR + BUILD_TEXT;
}

static int choose(struct probe_set *ret_set)
{
	struct elf *elf = NULL;
	int r;

	build_end(&b);
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), 0);
	r = probe_points_choose(elf, ret_set);
	elf_free(elf);
	return r;
}

/* The one point of that role; how many there are. */
static size_t points(const struct probe_set *set, enum probe_role role, struct probe_point *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (set->points[i].role != role)
			continue;
		if (ret)
			ret[n] = set->points[i];
		n++;
	}
	return n;
}

static void call(const char *name, const char *code, size_t n, size_t at, uint64_t target)
{
	build_branch(&b, build_function(&b, name, code, n), at, target);
}

/* Adds what every OpenSSL has. */
static void add_rest(void)
{
	build_function(&b, "SSL_do_handshake", CODE(pushes));
	build_function(&b, "SSL_accept", CODE(pushes));
	build_function(&b, "SSL_connect", CODE(pushes));
	build_function(&b, "SSL_free", CODE(wrapper));
}

static void test_openssl_3_0(void **state)
{
	struct probe_point p[4];
	struct probe_set set;
	uint64_t reads, writes;

	(void)state;
	build_begin(&b, EM_X86_64);
	reads = build_function(&b, NULL, CODE(pushes));
	writes = build_function(&b, NULL, CODE(pushes));
	call("SSL_read_ex", CODE(wrapper), WRAPPER_CALL, reads);
	call("SSL_write_ex", CODE(framed), FRAMED_CALL, writes);
	call("SSL_read", CODE(plain), PLAIN_CALL, reads);
	call("SSL_write", CODE(plain), PLAIN_CALL, writes);
	add_rest();
	assert_int_equal(choose(&set), 0);
	assert_int_equal(set.library, PROBE_OPENSSL);
	assert_true(set.internals);
	assert_int_equal(set.cost, PROBE_EMULATED);
	assert_int_equal(points(&set, PROBE_READ, p), 1);
	assert_int_equal(p[0].offset, offset_of(reads));
	assert_int_equal(p[0].shape, GL_PROBE_EX);
	assert_int_equal(points(&set, PROBE_WRITE, p), 1);
	assert_int_equal(p[0].offset, offset_of(writes));
	assert_int_equal(p[0].shape, GL_PROBE_EX);
	assert_int_equal(points(&set, PROBE_HANDSHAKE, p), 1); /* accept and connect end in it */
	assert_int_equal(points(&set, PROBE_FREE, p), 1);
	assert_int_equal(p[0].cost, PROBE_STEPPED);
	assert_int_equal(set.n, 4);
}

/* Beside what writes, of a shape of its own; what it costs is no matter of reading and writing. */
static void test_sendfile(void **state)
{
	struct probe_point p[4];
	struct probe_set set;
	uint64_t sends;

	(void)state;
	build_begin(&b, EM_X86_64);
	build_function(&b, "SSL_read", CODE(pushes));
	build_function(&b, "SSL_write", CODE(pushes));
	sends = build_function(&b, "SSL_sendfile", CODE(wrapper));
	add_rest();
	assert_int_equal(choose(&set), 0);
	assert_int_equal(set.cost, PROBE_EMULATED);
	assert_int_equal(points(&set, PROBE_WRITE, p), 2);
	assert_int_equal(p[0].shape, GL_PROBE_PLAIN);
	assert_int_equal(p[1].offset, offset_of(sends));
	assert_int_equal(p[1].shape, GL_PROBE_FILE);
	assert_int_equal(p[1].cost, PROBE_STEPPED);
	/* one that reads and does not write is no library, though it sends files */
	build_begin(&b, EM_X86_64);
	build_function(&b, "SSL_read", CODE(pushes));
	build_function(&b, "SSL_sendfile", CODE(pushes));
	add_rest();
	assert_int_equal(choose(&set), -ENODATA);
}

/* endbr64 everywhere, SSL_write_ex over SSL_write_ex2: directly, and through the PLT. */
static void flags_case(bool through_plt)
{
	struct probe_point p[4];
	struct probe_set set;
	uint64_t reads, writes, ex2;

	build_begin(&b, EM_X86_64);
	reads = build_function(&b, NULL, CODE(endbr_pushes));
	writes = build_function(&b, NULL, CODE(endbr_pushes));
	ex2 = build_function(&b, "SSL_write_ex2", CODE(wrapper));
	build_branch(&b, ex2, WRAPPER_CALL, writes);
	call("SSL_read_ex", CODE(wrapper), WRAPPER_CALL, reads);
	call("SSL_write_ex", CODE(flags), FLAGS_CALL,
	     through_plt ? BUILD_VADDR + BUILD_PLT - BUILD_TEXT + 32 : ex2);
	call("SSL_read", CODE(plain), PLAIN_CALL, reads);
	call("SSL_write", CODE(plain), PLAIN_CALL, writes);
	add_rest();
	assert_int_equal(choose(&set), 0);
	assert_true(set.internals);
	assert_int_equal(set.cost, PROBE_EMULATED);
	assert_int_equal(points(&set, PROBE_READ, p), 1);
	assert_int_equal(p[0].offset, offset_of(reads) + 4); /* past the endbr64 */
	assert_int_equal(points(&set, PROBE_WRITE, p), 1);
	assert_int_equal(p[0].offset, offset_of(writes) + 4);
	assert_int_equal(p[0].shape, GL_PROBE_EX_FLAGS);
}

/* What leaves arguments and stack alone is passed over if a cheap instruction follows. */
static void test_entry(void **state)
{
	static const struct {
		const char *code;
		size_t n, past;
		enum probe_cost cost;
	} rows[] = {
		{CODE("\x48\x85\xff\x0f\x84\x97\x03\0\0\x41\x55"), 3, PROBE_EMULATED},
		{CODE("\x48\x85\xff\x74\x16\xb8\xff\xff\xff\xff"), 3, PROBE_EMULATED},
		{CODE("\xf3\x0f\x1e\xfa\x48\x85\xff\x74\x16\xc3"), 7, PROBE_EMULATED},
		{CODE("\x85\xd2\x78\x10\xc3"), 2, PROBE_EMULATED}, /* test %edx,%edx; js */
		{CODE("\x4d\x85\xc0\x55\xc3"), 3, PROBE_EMULATED}, /* test %r8,%r8; push */
		{CODE("\x48\x85\xff\x48\x83\xec\x08\xc3"), 0, PROBE_STEPPED}, /* test; sub */
		{CODE("\x48\x85\x3f\x74\x16\xc3"), 0, PROBE_STEPPED}, /* test of memory */
		{CODE("\x48\x83\xec\x08\x55\xc3"), 0, PROBE_STEPPED}, /* the stack has moved */
		{CODE("\x48\x89\xf7\x55\xc3"), 0, PROBE_STEPPED}, /* the argument is another */
	};
	struct probe_point p[4];
	struct probe_set set;
	uint64_t reads, writes, entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		build_begin(&b, EM_X86_64);
		reads = build_function(&b, NULL, CODE(pushes));
		writes = build_function(&b, NULL, CODE(pushes));
		call("SSL_read_ex", CODE(wrapper), WRAPPER_CALL, reads);
		call("SSL_write_ex", CODE(framed), FRAMED_CALL, writes);
		call("SSL_read", CODE(plain), PLAIN_CALL, reads);
		call("SSL_write", CODE(plain), PLAIN_CALL, writes);
		build_function(&b, "SSL_do_handshake", CODE(pushes));
		entry = build_function(&b, "SSL_free", rows[i].code, rows[i].n);
		assert_int_equal(choose(&set), 0);
		assert_int_equal(points(&set, PROBE_FREE, p), 1);
		assert_int_equal(p[0].offset, offset_of(entry) + rows[i].past);
		assert_int_equal(p[0].cost, rows[i].cost);
	}
}

static void test_openssl_3_3(void **state)
{
	(void)state;
	flags_case(false);
	flags_case(true);
}

/* The internals are inlined: the first call of both is an error routine. */
static void test_inlined(void **state)
{
	struct probe_point p[4];
	struct probe_set set;
	uint64_t error;

	(void)state;
	for (int named = 0; named <= 1; named++) {
		build_begin(&b, EM_X86_64);
		error = build_function(&b, named ? "ERR_new" : NULL, CODE(pushes));
		/* cmpq $0,0x30(%rdi) before the call: more than a wrapper does */
		call("SSL_read_ex", CODE("\x55\x48\x83\x7f\x30\x00\x74\x05\xe8\0\0\0\0\xc3"), 8,
		     error);
		call("SSL_write_ex", CODE(wrapper), WRAPPER_CALL, error);
		call("SSL_read", CODE(plain), PLAIN_CALL, error);
		call("SSL_write", CODE(plain), PLAIN_CALL, named ? error : error + 64);
		add_rest();
		assert_int_equal(choose(&set), 0);
		assert_false(set.internals);
		assert_int_equal(points(&set, PROBE_READ, p), 2);
		assert_int_equal(p[0].shape, GL_PROBE_PLAIN);
		assert_int_equal(p[1].shape, GL_PROBE_EX);
		assert_int_equal(points(&set, PROBE_WRITE, NULL), named ? 1 : 2);
		assert_int_equal(set.cost, PROBE_STEPPED);
	}
}

/* LibreSSL: the _ex functions call the plain ones, so one probe sees both. */
static void test_libressl(void **state)
{
	struct probe_point p[4];
	struct probe_set set;

	(void)state;
	build_begin(&b, EM_X86_64);
	call("SSL_read_ex", CODE(wrapper), WRAPPER_CALL, BUILD_VADDR + BUILD_PLT - BUILD_TEXT);
	call("SSL_write_ex", CODE(wrapper), WRAPPER_CALL,
	     build_function(&b, "SSL_write", CODE(pushes)));
	build_function(&b, "SSL_read", CODE(pushes));
	add_rest();
	assert_int_equal(choose(&set), 0);
	assert_false(set.internals);
	assert_int_equal(points(&set, PROBE_READ, p), 1);
	assert_int_equal(p[0].shape, GL_PROBE_PLAIN);
	assert_int_equal(points(&set, PROBE_WRITE, p), 1);
	assert_int_equal(p[0].shape, GL_PROBE_PLAIN);
	assert_int_equal(set.cost, PROBE_EMULATED);
}

/* Without SSL_do_handshake its callers are what is left; without reading, nothing is. */
static void test_partial(void **state)
{
	struct probe_set set = {.n = 77};

	(void)state;
	build_begin(&b, EM_X86_64);
	build_function(&b, "SSL_write", CODE(pushes));
	assert_int_equal(choose(&set), -ENODATA);
	build_begin(&b, EM_X86_64);
	build_function(&b, "SSL_new", CODE(pushes));
	assert_int_equal(choose(&set), -ENOENT);
	assert_int_equal(set.n, 77);
	build_begin(&b, EM_X86_64);
	build_function(&b, "SSL_write", CODE(pushes));
	build_function(&b, "SSL_read", CODE(pushes));
	build_function(&b, "SSL_accept", CODE(pushes));
	build_function(&b, "SSL_connect", CODE(pushes));
	assert_int_equal(choose(&set), 0);
	assert_int_equal(points(&set, PROBE_HANDSHAKE, NULL), 2);
	assert_int_equal(points(&set, PROBE_FREE, NULL), 0);
}

static void test_other_machine(void **state)
{
	struct probe_point p[4];
	struct probe_set set;
	uint64_t reads;

	(void)state;
	build_begin(&b, EM_AARCH64);
	reads = build_function(&b, NULL, CODE(pushes));
	call("SSL_read_ex", CODE(wrapper), WRAPPER_CALL, reads);
	call("SSL_read", CODE(plain), PLAIN_CALL, reads);
	build_function(&b, "SSL_write", CODE(pushes));
	add_rest();
	assert_int_equal(choose(&set), 0);
	assert_false(set.internals);
	assert_int_equal(points(&set, PROBE_READ, p), 2);
	assert_int_equal(points(&set, PROBE_WRITE, p), 1);
	assert_int_equal(p[0].cost, PROBE_STEPPED);
}

static void test_gnutls(void **state)
{
	/* xor %r8d,%r8d; xor %ecx,%ecx; jmp gnutls_record_send2@plt */
	static const char send[] = "\x45\x31\xc0\x31\xc9\xe9\0\0\0\0";
	struct probe_point p[4];
	struct probe_set set;

	(void)state;
	for (int wraps = 0; wraps <= 1; wraps++) {
		uint64_t send2, plain_send;

		build_begin(&b, EM_X86_64);
		build_function(&b, "gnutls_record_recv", CODE(wrapper));
		if (wraps)
			plain_send = build_function(&b, "gnutls_record_send", CODE(send));
		else
			plain_send = build_function(&b, "gnutls_record_send", CODE(pushes));
		send2 = build_function(&b, "gnutls_record_send2", CODE(pushes));
		build_function(&b, "gnutls_handshake", CODE(pushes));
		build_function(&b, "gnutls_deinit", CODE(pushes));
		assert_int_equal(choose(&set), 0);
		assert_int_equal(set.library, PROBE_GNUTLS);
		assert_int_equal(points(&set, PROBE_WRITE, p), 1);
		assert_int_equal(p[0].offset, offset_of(wraps ? send2 : plain_send));
		assert_int_equal(p[0].shape, GL_PROBE_GNUTLS);
		assert_int_equal(points(&set, PROBE_READ, NULL), 1);
		assert_int_equal(points(&set, PROBE_HANDSHAKE, NULL), 1);
		assert_int_equal(points(&set, PROBE_FREE, NULL), 1);
	}
}

static void test_cost(void **state)
{
	static const struct {
		const char *code;
		size_t n;
		enum probe_cost cost;
	} rows[] = {
		{CODE("\x55\x48"), PROBE_EMULATED}, /* push %rbp */
		{CODE("\x41\x57"), PROBE_EMULATED}, /* push %r15 */
		{CODE("\x90\x90"), PROBE_EMULATED}, /* nop */
		{CODE("\xe9\x01"), PROBE_EMULATED}, /* jmp */
		{CODE("\xeb\x01"), PROBE_EMULATED}, /* jmp */
		{CODE("\xe8\x01"), PROBE_EMULATED}, /* call */
		{CODE("\x0f\x84"), PROBE_EMULATED}, /* je */
		{CODE("\x74\x05"), PROBE_EMULATED}, /* je */
		{CODE("\x48\x83"), PROBE_STEPPED}, /* sub */
		{CODE("\xf3\x0f"), PROBE_STEPPED}, /* endbr64 */
		{CODE("\x41\x89"), PROBE_STEPPED}, /* mov */
		{CODE("\x0f\x1f"), PROBE_STEPPED}, /* a long nop */
		{CODE("\x41"), PROBE_STEPPED},      {CODE(""), PROBE_STEPPED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(probe_point_cost((const uint8_t *)rows[i].code, rows[i].n),
				 rows[i].cost);
}

/* A wrapper must hand its arguments on as they are. */
static void test_follow(void **state)
{
	static const struct {
		const char *code;
		size_t n;
		int r;
		enum gl_probe_shape shape;
	} rows[] = {
		{CODE("\xe8\x10\0\0\0"), 0, GL_PROBE_EX},
		{CODE("\x48\x89\xcb\xe8\x10\0\0\0"), 0, GL_PROBE_EX}, /* mov %rcx,%rbx */
		{CODE("\x4c\x8b\xc1\x33\xc9\xe9\x10\0\0\0"), 0, GL_PROBE_EX_FLAGS},
		{CODE("\x48\x89\xfe\xe8\x10\0\0\0"), -ENOENT, 0}, /* mov %rdi,%rsi */
		{CODE("\x89\xd2\xe8\x10\0\0\0"), -ENOENT, 0}, /* mov %edx,%edx: 32 bits of it */
		{CODE("\x31\xc9\xe8\x10\0\0\0"), -ENOENT, 0}, /* xor %ecx,%ecx only */
		{CODE("\x49\x89\xc8\xe8\x10\0\0\0"), -ENOENT, 0}, /* mov %rcx,%r8 only */
		{CODE("\x48\x8b\x7f\x08\xe8\x10\0\0\0"), -ENOENT, 0}, /* mov 8(%rdi),%rdi */
		{CODE("\x31\xc8\xe8\x10\0\0\0"), -ENOENT, 0}, /* xor %ecx,%eax */
		{CODE("\xe8\x10\0\0"), -ENOENT, 0}, /* cut */
		{CODE("\x48"), -ENOENT, 0},
		{CODE(""), -ENOENT, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum gl_probe_shape shape = GL_PROBE_SHAPES;
		uint64_t target = 1;

		assert_int_equal(probe_point_follow((const uint8_t *)rows[i].code, rows[i].n,
						    0x1000, &shape, &target),
				 rows[i].r);
		assert_int_equal(shape, rows[i].r ? GL_PROBE_SHAPES : rows[i].shape);
		assert_int_equal(target, rows[i].r ? 1 : 0x1000 + rows[i].n + 0x10);
	}
}

static int choose_file(const char *pattern, struct probe_set *ret_set)
{
	_cleanup_close_ int fd = -1;
	struct elf *elf = NULL;
	glob_t found;
	int r;

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&found);
	assert_true(fd >= 0);
	r = elf_open_fd(fd, &elf);
	assert_int_equal(r, 0);
	r = probe_points_choose(elf, ret_set);
	elf_free(elf);
	return r;
}

/* What this machine runs (deploy/deps installs it). */
static void test_real(void **state)
{
	struct probe_set set;

	(void)state;
	assert_int_equal(choose_file("/usr/lib/*/libssl.so.3", &set), 0);
	assert_int_equal(set.library, PROBE_OPENSSL);
	assert_int_equal(points(&set, PROBE_READ, NULL), set.internals ? 1 : 2);
	assert_int_equal(points(&set, PROBE_HANDSHAKE, NULL), 1);
	assert_int_equal(points(&set, PROBE_FREE, NULL), 1);
#ifdef __x86_64__
	assert_true(set.internals);
	assert_int_equal(set.cost, PROBE_EMULATED);
#endif
	/* its internals are inlined: exported functions, each of them */
	if (node_has_openssl_inside()) {
		assert_int_equal(choose_file("/usr/bin/node", &set), 0);
		assert_int_equal(set.library, PROBE_OPENSSL);
		assert_int_equal(points(&set, PROBE_FREE, NULL), 1);
	} else {
		assert_int_equal(choose_file("/usr/bin/node", &set), -ENOENT);
	}
	assert_int_equal(choose_file("/usr/lib/*/libgnutls.so.30", &set), 0);
	assert_int_equal(set.library, PROBE_GNUTLS);
	assert_int_equal(set.n, 4);
	/* for certificates only */
	assert_int_equal(choose_file("/usr/lib/*/libcrypto.so.3", &set), 0);
	assert_int_equal(set.library, PROBE_CRYPTO);
	assert_int_equal(points(&set, PROBE_ENCODE, NULL), 1);
	assert_int_equal(points(&set, PROBE_DECODE, NULL), 1);
	assert_int_equal(set.n, 2);
	assert_int_equal(choose_file("/usr/sbin/nginx", &set), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sendfile), cmocka_unit_test(test_openssl_3_0),
		cmocka_unit_test(test_entry),    cmocka_unit_test(test_openssl_3_3),
		cmocka_unit_test(test_inlined),  cmocka_unit_test(test_libressl),
		cmocka_unit_test(test_partial),  cmocka_unit_test(test_other_machine),
		cmocka_unit_test(test_gnutls),   cmocka_unit_test(test_cost),
		cmocka_unit_test(test_follow),   cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
