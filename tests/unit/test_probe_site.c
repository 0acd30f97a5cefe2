/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_probe_site.c - where a library has just encoded a certificate: the code of OpenSSL as
 * compilers make it, code that only looks like it, and this machine's own.
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
#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/probe_point.h"
#include "user/kern/probe_site.h"

#define CODE(c) c, sizeof(c) - 1
#define CALL    "\xe8\0\0\0\0"
/* the first call and what is made of its result: the same everywhere */
#define LENGTH CALL "\x85\xc0\x0f\x88\xc4\0\0\0\x48\x63\xf0\x89\xc3" CALL "\x85\xc0\x74\x48"

struct row {
	const char *what;
	const char *code;
	size_t n;
	int at; /* of the branch, behind the second call; -1: not understood */
	uint32_t operand;
};

static const struct row rows[] = {
	{"Debian 12: mov %rsp,%r15 .. mov %r15,%rsi; cmp; jne",
	 CODE("\x49\x89\xe7" LENGTH "\x4c\x89\xfe\x48\x89\xef" CALL "\x39\xd8\x75\x39\xc3"), 2,
	 GL_PROBE_OPERAND(0, 0)},
	{"lea 8(%rsp),%rsi", CODE(LENGTH "\x48\x8d\x74\x24\x08" CALL "\x39\xd8\x75\x39\xc3"), 2,
	 GL_PROBE_OPERAND(0, 8)},
	{"frame pointers: lea -0x40(%rbp),%rsi; jne far",
	 CODE(LENGTH "\x48\x8d\x75\xc0" CALL "\x44\x39\xe8\x0f\x85\x39\0\0\0"), 3,
	 GL_PROBE_OPERAND(1, -0x40)},
	{"lea 0x120(%rsp),%r12 .. mov %r12,%rsi",
	 CODE("\x4c\x8d\xa4\x24\x20\x01\0\0" LENGTH "\x4c\x89\xe6" CALL "\x3b\xc3\x75\x39\xc3"), 2,
	 GL_PROBE_OPERAND(0, 0x120)},
	{"lea -8(%rbp),%r13 .. mov %r13,%rsi; cltq; cmp with a variable",
	 CODE("\x4c\x8d\x6d\xf8" LENGTH "\x4c\x89\xee" CALL "\x48\x98\x48\x3b\x45\xf0\x75\x39\xc3"),
	 6, GL_PROBE_OPERAND(1, -8)},
	{"mov %eax,%edx first; the variable beside the stack pointer",
	 CODE(LENGTH "\x48\x89\xe6" CALL "\x48\x89\xc2\x3b\x54\x24\x0c\x74\x39\xc3"), 7,
	 GL_PROBE_OPERAND(0, 0)},
	{"the last one set before the call counts",
	 CODE("\x4c\x8d\x7c\x24\x10" LENGTH "\x4c\x8d\x7c\x24\x18\x4c\x89\xfe" CALL
	      "\x39\xd8\x75\x39\xc3"),
	 2, GL_PROBE_OPERAND(0, 0x18)},
	{"no branch behind it",
	 CODE(LENGTH "\x48\x89\xe6" CALL "\x39\xd8\x39\xd8\x39\xd8\x39\xd8\x39\xd8"), -1, 0},
	{"a branch on nothing", CODE(LENGTH "\x48\x89\xe6" CALL "\x75\x39\xc3\x90\x90\x90"), -1, 0},
	{"the result is gone: mov %rbx,%rax",
	 CODE(LENGTH "\x48\x89\xe6" CALL "\x48\x89\xd8\x39\xd8\x75\x39"), -1, 0},
	{"the stack has moved: mov %rbx,%rsp",
	 CODE(LENGTH "\x48\x89\xe6" CALL "\x48\x89\xdc\x39\xd8\x75\x39"), -1, 0},
	{"sub, not cmp", CODE(LENGTH "\x48\x89\xe6" CALL "\x29\xd8\x75\x39\xc3\x90\x90"), -1, 0},
	{"the pointer is in another structure: lea 8(%rbx),%rsi",
	 CODE(LENGTH "\x48\x8d\x73\x08" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"from a register nobody gave a place",
	 CODE(LENGTH "\x4c\x89\xfe" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"from a register that is another's",
	 CODE("\x49\x89\xdf" LENGTH "\x4c\x89\xfe" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"too far into the frame",
	 CODE(LENGTH "\x48\x8d\xb4\x24\0\0\x01\0" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"OpenSSL 3.5: lea 0x10(%rsp),%rdx, spilled to 8(%rsp) over the call; cmp %eax,%r15d; jne "
	 "far",
	 CODE(CALL "\x41\x89\xc7\x85\xc0\x0f\x88\xe7\0\0\0\x48\x8d\x54\x24\x10\x48\x63\xf0"
		   "\xb9\x03\0\0\0\x4c\x89\xe7\x48\x89\x54\x24\x08" CALL
		   "\x85\xc0\x0f\x84\xfd\0\0\0\x48\x8b\x74\x24\x08\x48\x89\xdf" CALL
		   "\x41\x39\xc7\x0f\x85\xe7\0\0\0"),
	 3, GL_PROBE_OPERAND(0, 16)},
	{"the same with frame pointers: spilled to -0x48(%rbp), the length beside it; cmp with "
	 "that",
	 CODE(CALL "\x85\xc0\x78\x70\x48\x8d\x55\xc0\x48\x63\xf0\x48\x89\x55\xb8\x89\x45\xb4" CALL
		   "\x85\xc0\x74\x60\x48\x8b\x75\xb8\x48\x89\xdf" CALL "\x39\x45\xb4\x75\x51"),
	 3, GL_PROBE_OPERAND(1, -0x40)},
	{"the second call is behind a jump: jne +3; ret; two others' bytes",
	 CODE(CALL "\x85\xc0\x78\x70\x48\x8d\x54\x24\x10\x48\x89\x54\x24\x08" CALL
		   "\x85\xc0\x75\x06\xc3\x48\x8d\x74\x24\x20\x48\x8b\x74\x24\x08" CALL
		   "\x39\xd8\x75\x51"),
	 2, GL_PROBE_OPERAND(0, 16)},
	{"what was spilled is overwritten: mov %eax,0xc(%rsp)",
	 CODE(CALL "\x85\xc0\x78\x70\x48\x8d\x54\x24\x10\x48\x89\x54\x24\x08\x89\x44\x24\x0c" CALL
		   "\x48\x8b\x74\x24\x08" CALL "\x39\xd8\x75\x51"),
	 -1, 0},
	{"%rdx does not outlive the call between: mov %rdx,%rsi",
	 CODE(CALL "\x85\xc0\x78\x70\x48\x8d\x54\x24\x10" CALL "\x48\x89\xd6" CALL
		   "\x39\xd8\x75\x51"),
	 -1, 0},
	{"two ways, two places: je over lea 0x20(%rsp),%rdx",
	 CODE(CALL "\x85\xc0\x48\x8d\x5c\x24\x10\x74\x05\x48\x8d\x5c\x24\x20\x48\x89\xde" CALL
		   "\x39\xd8\x75\x51"),
	 -1, 0},
	{"the stack moves between: sub $16,%rsp",
	 CODE(LENGTH "\x48\x83\xec\x10\x48\x8d\x74\x24\x08" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"a place above the frame pointer is none of a variable: lea 8(%rbp),%rsi",
	 CODE(LENGTH "\x48\x8d\x75\x08" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"the frame pointer is another: mov %rax,%rbp",
	 CODE(LENGTH "\x48\x8d\x75\xc0\x48\x89\xc5" CALL "\x39\xd8\x75\x39\xc3"), -1, 0},
	{"cut", CODE(LENGTH "\x48\x89\xe6" CALL "\x39"), -1, 0},
};

/* Places of the first and the last call in a row's code. */
static void calls_of(const struct row *row, size_t *ret_first, size_t *ret_second)
{
	const uint8_t *code = (const uint8_t *)row->code;

	*ret_first = SIZE_MAX;
	for (size_t i = 0; i + 5 <= row->n; i++) {
		if (memcmp(code + i, CODE(CALL)) != 0)
			continue;
		*ret_first = *ret_first == SIZE_MAX ? i : *ret_first;
		*ret_second = i;
	}
}

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_site_found found[PROBE_SITES_MAX] = {};
		uint8_t code[384];
		size_t first, second = 0;
		int n;

		print_message("%s\n", rows[i].what);
		memset(code, 0x90, sizeof(code));
		memcpy(code, rows[i].code, rows[i].n);
		calls_of(&rows[i], &first, &second);
		/* some room behind, as there is in a library; none where it is cut */
		n = probe_site_decode(code, rows[i].n + (strcmp(rows[i].what, "cut") ? 8 : 0),
				      &second, 1, first, found);
		assert_true(rows[i].at < 0 ? n < 1 : n == 1);
		assert_int_equal(found[0].second, n < 1 ? 0 : second);
		assert_int_equal(found[0].at, n < 1 ? 0 : second + 5 + (size_t)rows[i].at);
		assert_int_equal(found[0].operand, rows[i].operand);
	}
}

/* Every byte of the good ones changed to every value: understood or not, never out of bounds. */
static void test_changed(void **state)
{
	unsigned same = 0, refused = 0, other = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t first, second = 0, n = rows[i].n + 8;

		calls_of(&rows[i], &first, &second);
		for (size_t k = 0; k < rows[i].n && rows[i].at >= 0; k++)
			for (unsigned v = 0; v < 256; v++) {
				struct probe_site_found found[PROBE_SITES_MAX];
				_cleanup_free_ uint8_t *code = malloc(n);
				int r;

				assert_non_null(code);
				memset(code, 0x90, n);
				memcpy(code, rows[i].code, rows[i].n);
				code[k] = (uint8_t)v;
				r = probe_site_decode(code, n, &second, 1, first, found);
				assert_true(r <= 1);
				if (r < 1)
					refused++;
				else if (found[0].operand == rows[i].operand)
					same++;
				else
					other++;
				assert_true(r < 1 || (found[0].at > second && found[0].at < n));
			}
	}
	assert_true(same > 0 && refused > 0 && other > 0);
	print_message("%u say the same, %u nothing, %u another place\n", same, refused, other);
}

/* Two first calls and two second ones in one function, as OpenSSL 3.5 has them. */
static void test_two(void **state)
{
	/* both end in the ret that is behind the first pair */
	static const char code[] =
		"\x75\x2c" CALL "\x85\xc0\x78\x1f\x48\x8d\x54\x24\x10\x48\x89\x54\x24\x08" CALL
		"\x48\x8b\x74\x24\x08" CALL "\x39\xd8\x75\x02\xeb\x00\xc3\xcc\xcc\xcc" CALL
		"\x85\xc0\x78\xf3\xeb\x02\xc3\xcc\x48\x8d\x54\x24\x10\x48\x89\x54\x24\x08" CALL
		"\x48\x8b\x74\x24\x08" CALL "\x39\xd8\x75\xd2\xc3\x90\x90\x90\x90\x90\x90";
	size_t calls[6], n = 0;
	struct probe_site_found found[PROBE_SITES_MAX];

	(void)state;
	for (size_t i = 0; i + 5 <= sizeof(code); i++)
		if (memcmp(code + i, CODE(CALL)) == 0)
			calls[n++] = i;
	assert_int_equal(n, 6);
	{
		const size_t wanted[] = {calls[0], calls[2], calls[3], calls[5]};

		for (size_t i = 0; i < 4; i++) {
			int r = probe_site_decode((const uint8_t *)code, sizeof(code) - 1, wanted,
						  4, wanted[i], found);

			assert_int_equal(r, i % 2 ? 0 : 1);
			if (r < 1)
				continue;
			assert_int_equal(found[0].second, wanted[i + 1]);
			assert_int_equal(found[0].operand, GL_PROBE_OPERAND(0, 16));
		}
	}
}

/* ---------------------------------------------------------------------------------------------
 * In a file
 */
static struct elf_build b;
static const char function[] =
	"\x53" LENGTH "\x48\x8d\x74\x24\x08" CALL "\x39\xd8\x75\x39\xc3\x90\x90\x90\x90\x90\x90";
#define FIRST  1
#define SECOND (FIRST + 32)

static int find(uint64_t own, struct probe_site *ret_sites)
{
	struct elf *elf = NULL;
	int n;

	build_end(&b);
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), 0);
	n = probe_sites_find(elf, own, ret_sites);
	elf_free(elf);
	return n;
}

static uint64_t add_function(uint64_t callee)
{
	uint64_t vaddr = build_function(&b, NULL, CODE(function));

	build_branch(&b, vaddr, FIRST, callee);
	build_branch(&b, vaddr, SECOND, callee);
	return vaddr;
}

static void test_imported(void **state)
{
	static const struct {
		const char *stub;
		size_t n, enter; /* where calls come in */
	} stubs[] = {
		{CODE("\xff\x25\0\0\0\0"), 0}, /* jmp *slot(%rip) */
		{CODE("\xf3\x0f\x1e\xfa\xff\x25\0\0\0\0"), 0}, /* endbr64; jmp */
		{CODE("\xf3\x0f\x1e\xfa\xf2\xff\x25\0\0\0\0"), 0}, /* endbr64; bnd jmp */
		{CODE("\xf3\x0f\x1e\xfa\xf2\xff\x25\0\0\0\0"), 4}, /* behind the endbr64 */
	};
	struct probe_site sites[PROBE_SITES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stubs); i++) {
		uint64_t stub, one, two;

		build_begin(&b, EM_X86_64);
		build_import(&b, "i2d_X509_NAME", CODE("\xff\x25\0\0\0\0"));
		stub = build_import(&b, "i2d_X509", stubs[i].stub, stubs[i].n) + stubs[i].enter;
		one = add_function(stub);
		assert_int_equal(find(0, sites), 1);
		assert_int_equal(sites[0].vaddr, one + SECOND + 5 + 2);
		assert_int_equal(sites[0].operand, GL_PROBE_OPERAND(0, 8));
		/* inlined twice; calls of another function are none of ours */
		two = add_function(stub);
		add_function(stub - stubs[i].enter - 16);
		assert_int_equal(find(0, sites), 2);
		assert_int_equal(sites[0].vaddr, one + SECOND + 5 + 2);
		assert_int_equal(sites[1].vaddr, two + SECOND + 5 + 2);
		/* one call that is not understood: none of them is all */
		build_branch(&b, build_function(&b, NULL, CODE(function)), FIRST, stub);
		assert_int_equal(find(0, sites), -ENOENT);
	}
}

static void test_own(void **state)
{
	struct probe_site sites[PROBE_SITES_MAX];
	uint64_t own, site;

	(void)state;
	build_begin(&b, EM_X86_64);
	own = build_function(&b, "i2d_X509", CODE("\x55\xc3"));
	site = add_function(own);
	assert_int_equal(find(own, sites), 1);
	assert_int_equal(sites[0].vaddr, site + SECOND + 5 + 2);
	assert_int_equal(find(0, sites), -ENOENT);
	build_begin(&b, EM_AARCH64);
	add_function(build_function(&b, "i2d_X509", CODE("\x55\xc3")));
	assert_int_equal(find(own, sites), -ENOTSUP);
}

/* What this machine runs (deploy/deps installs it): one site, and libcrypto is left alone. */
static void test_real(void **state)
{
	_cleanup_close_ int fd = -1;
	struct probe_set set;
	struct elf *elf = NULL;
	glob_t found;
	size_t encoded = 0, encode = 0;

	(void)state;
	assert_int_equal(glob("/usr/lib/*/libssl.so.3", 0, NULL, &found), 0);
	fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&found);
	assert_int_equal(elf_open_fd(fd, &elf), 0);
	assert_int_equal(probe_points_choose(elf, &set), 0);
	elf_free(elf);
	for (size_t i = 0; i < set.n; i++) {
		encoded += set.points[i].role == PROBE_ENCODED;
		encode += set.points[i].role == PROBE_ENCODE;
	}
	assert_int_equal(encode, 0);
#ifdef __x86_64__
	assert_int_equal(encoded, 1);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_two),    cmocka_unit_test(test_imported),
		cmocka_unit_test(test_own),    cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
