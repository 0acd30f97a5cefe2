/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_elf.c - reading ELF files: what is asked of a good one, on files made here and on this
 * machine's; and broken ones, every field in turn.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/elf_build.h"
#include "user/base/cleanup.h"
#include "user/kern/elf.h"

static const char *const wanted[] = {"SSL_read", "SSL_write", "SSL_free", "gnutls_deinit"};

static void build_two(struct elf_build *b)
{
	build_begin(b, EM_X86_64);
	build_function(b, "SSL_read", "\x55\xc3", 2);
	build_function(b, "SSL_write", "\x48\x83\xec\x08\xc3", 5);
	build_end(b);
}

static void test_symbols(void **state)
{
	struct elf_symbol symbols[4] = {{7, 7}, {7, 7}, {7, 7}, {7, 7}};
	struct elf_build b;
	struct elf *elf = NULL;
	char name[16], id[ELF_BUILD_ID_TEXT];
	uint8_t code[8];
	uint64_t offset;

	(void)state;
	build_two(&b);
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), 0);
	assert_int_equal(elf_machine(elf), EM_X86_64);
	assert_int_equal(elf_symbols(elf, wanted, 4, symbols), 2);
	assert_int_equal(symbols[0].vaddr, BUILD_VADDR);
	assert_int_equal(symbols[0].size, 2);
	assert_int_equal(symbols[1].vaddr, BUILD_VADDR + 64);
	assert_int_equal(symbols[2].vaddr, 0);
	assert_int_equal(symbols[3].vaddr, 0);
	assert_int_equal(elf_code_offset(elf, symbols[1].vaddr, &offset), 0);
	assert_int_equal(offset, BUILD_TEXT + 64);
	assert_int_equal(elf_code(elf, symbols[1].vaddr, code, 5), 5);
	assert_memory_equal(code, "\x48\x83\xec\x08\xc3", 5);
	assert_int_equal(elf_name_at(elf, BUILD_VADDR + 64, name, sizeof(name)), 0);
	assert_string_equal(name, "SSL_write");
	assert_int_equal(elf_name_at(elf, BUILD_VADDR + 65, name, sizeof(name)), -ENOENT);
	elf_build_id(elf, id);
	assert_string_equal(id, "deadbeef");
	assert_true(elf_in_section(elf, ".text", BUILD_VADDR));
	assert_true(elf_in_section(elf, ".text", BUILD_VADDR + 0x7ff));
	assert_false(elf_in_section(elf, ".text", BUILD_VADDR + 0x800));
	assert_false(elf_in_section(elf, ".text", BUILD_VADDR - 1));
	assert_false(elf_has_section(elf, ".gopclntab"));
	/* the edges of the segment */
	assert_int_equal(elf_code(elf, BUILD_VADDR + 0xffe, code, 8), 2);
	assert_int_equal(elf_code(elf, BUILD_VADDR + 0x1000, code, 8), -ENOENT);
	assert_int_equal(elf_code(elf, BUILD_VADDR - 1, code, 8), -ENOENT);
	elf_free(elf);
}

/* Nothing is said about what is not an ELF file, and the output is untouched. */
static void test_refused(void **state)
{
	struct elf_build b;
	struct elf *elf = (struct elf *)&b;

	(void)state;
	build_two(&b);
	assert_int_equal(elf_open_memory(b.bytes, 63, &elf), -ENOEXEC);
	assert_int_equal(elf_open_memory(b.bytes, 65, &elf), -EBADMSG);
	assert_int_equal(elf_open_memory("", 0, &elf), -ENOEXEC);
	b.bytes[0] = 0;
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), -ENOEXEC);
	b.bytes[0] = ELFMAG0;
	b.bytes[EI_CLASS] = ELFCLASS32;
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), -ENOTSUP);
	b.bytes[EI_CLASS] = ELFCLASS64;
	b.bytes[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(elf_open_memory(b.bytes, sizeof(b.bytes), &elf), -ENOTSUP);
	assert_ptr_equal(elf, &b);
}

static void ask_everything(const uint8_t *bytes, size_t n)
{
	static const char *const needles[] = {"OpenSSL ", "Go build"};
	struct elf_symbol symbols[4];
	char text[ELF_BUILD_ID_TEXT];
	struct elf *elf = NULL;
	uint8_t code[32];

	if (elf_open_memory(bytes, n, &elf) < 0)
		return;
	if (elf_symbols(elf, wanted, 4, symbols) > 0)
		for (size_t i = 0; i < 4; i++)
			elf_code(elf, symbols[i].vaddr, code, sizeof(code));
	elf_name_at(elf, BUILD_VADDR + 64, text, sizeof(text));
	elf_build_id(elf, text);
	elf_in_section(elf, ".text", BUILD_VADDR);
	elf_find_text(elf, needles, 2, 1u << 20, text, sizeof(text));
	elf_free(elf);
}

/* Every byte of every header set to values that break sums and limits; every length. */
static void test_broken(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct elf_build b;
	_cleanup_free_ uint8_t *copy = NULL;
	size_t tried = 0;

	(void)state;
	build_two(&b);
	copy = malloc(sizeof(b.bytes));
	for (size_t at = 0; at < BUILD_RODATA + 20; at++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			memcpy(copy, b.bytes, sizeof(b.bytes));
			copy[at] = values[v];
			ask_everything(copy, sizeof(b.bytes));
			tried++;
		}
	}
	for (size_t n = 0; n < sizeof(b.bytes); n += 7) {
		uint8_t *exact = malloc(n ?: 1);

		memcpy(exact, b.bytes, n);
		ask_everything(exact, n);
		free(exact);
		tried++;
	}
	assert_true(tried > 15000);
}

/* A file that shrinks while it is read is an error, not a signal. */
static void test_shrinks(void **state)
{
	char path[] = "/tmp/glacis-test-elf.XXXXXX";
	struct elf_symbol symbols[4] = {{7, 7}};
	_cleanup_close_ int fd = mkstemp(path);
	struct elf_build b;
	struct elf *elf = NULL;

	(void)state;
	build_two(&b);
	unlink(path);
	assert_int_equal(write(fd, b.bytes, sizeof(b.bytes)), sizeof(b.bytes));
	assert_int_equal(elf_open_fd(fd, &elf), 0);
	assert_int_equal(ftruncate(fd, BUILD_SYMS), 0);
	assert_int_equal(elf_symbols(elf, wanted, 4, symbols), -EBADMSG);
	assert_int_equal(symbols[0].vaddr, 7);
	elf_free(elf);
}

static void test_text(void **state)
{
	static const char *const needles[] = {"BoringSSL", "OpenSSL 3."};
	static uint8_t file[400000];
	struct elf_build b;
	struct elf *elf = NULL;
	char text[32] = "untouched";

	(void)state;
	build_two(&b);
	memcpy(file, b.bytes, sizeof(b.bytes));
	assert_int_equal(elf_open_memory(file, sizeof(file), &elf), 0);
	assert_int_equal(elf_find_text(elf, needles, 2, UINT64_MAX, text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "untouched");
	/* across the end of a piece */
	memcpy(file + 65536 - 4, "OpenSSL 3.0.19 27 Jan\n2026", 26);
	assert_int_equal(elf_find_text(elf, needles, 2, UINT64_MAX, text, sizeof(text)), 1);
	assert_string_equal(text, "OpenSSL 3.0.19 27 Jan");
	assert_int_equal(elf_find_text(elf, needles, 2, 65536, text, sizeof(text)), -ENOENT);
	memset(file + 65536 - 4, 0, 26);
	memcpy(file + sizeof(file) - 9, "BoringSSL", 9); /* the last bytes of the file */
	assert_int_equal(elf_find_text(elf, needles, 2, UINT64_MAX, text, sizeof(text)), 0);
	elf_free(elf);
}

static void test_own(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char id[ELF_BUILD_ID_TEXT];
	struct elf *elf = NULL;

	(void)state;
	assert_int_equal(elf_open_fd(fd, &elf), 0);
	elf_build_id(elf, id);
	assert_int_equal(strlen(id), 40);
	assert_true(elf_has_section(elf, ".text"));
	elf_free(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_broken),  cmocka_unit_test(test_shrinks),
		cmocka_unit_test(test_text),    cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
