/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf.h - reads what a uprobe needs from an ELF file: symbols, build id, code, strings. Not a
 * linker's view: 64-bit, little-endian files with section headers only.
 *
 * The files are strangers' (any container's): every offset is checked, every table is bounded, and
 * bytes are copied with pread(2), never mapped: a file that shrinks under a mapping would kill the
 * reader with SIGBUS. Called by probe_point.c and tls_inside.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_BUILD_ID_TEXT 65 /* 32 bytes in hex and a NUL */

struct elf;

struct elf_symbol {
	uint64_t vaddr; /* 0: not found */
	uint64_t size;
};

/*
 * -ENOEXEC: not an ELF file; -ENOTSUP: one of another width or byte order; -EBADMSG: broken. The
 * descriptor or the memory is borrowed until elf_free().
 */
int elf_open_fd(int fd, struct elf **ret_elf);
int elf_open_memory(const void *data, size_t size, struct elf **ret_elf);
void elf_free(struct elf *elf); /* NULL-safe */

uint16_t elf_machine(const struct elf *elf); /* EM_X86_64 ... */

/*
 * Looks up defined functions by name: the dynamic symbols; the full table when they have none.
 * Entries of ret_symbols that are not found have vaddr 0. Returns how many were found or -errno.
 */
int elf_symbols(struct elf *elf, const char *const *names, size_t n,
		struct elf_symbol *ret_symbols);
/* Is there a symbol of that address, and which: up to size - 1 bytes of its name. -ENOENT. */
int elf_name_at(struct elf *elf, uint64_t vaddr, char *ret_name, size_t size);

/* Hex, "" when there is none. */
void elf_build_id(struct elf *elf, char ret_text[ELF_BUILD_ID_TEXT]);

bool elf_has_section(struct elf *elf, const char *name);
/* Is the address inside the section of that name? */
bool elf_in_section(struct elf *elf, const char *name, uint64_t vaddr);

/* File offset of an address in an executable segment; -ENOENT. */
int elf_code_offset(const struct elf *elf, uint64_t vaddr, uint64_t *ret_offset);
/* Code from an address on: up to n bytes, never past its segment. Returns how many, or -errno. */
int elf_code(struct elf *elf, uint64_t vaddr, void *ret_bytes, size_t n);

struct elf_call {
	uint64_t vaddr; /* of the call instruction */
	uint8_t bytes; /* its length */
};

/*
 * Calls of a function in .text, in order: of its address (own; 0: not defined here), or as an
 * import of that name. x86-64; at most `limit` bytes of code are looked at: -EFBIG beyond. Returns
 * how many there are, of which the first n are in ret_calls, or -errno.
 */
int elf_calls(struct elf *elf, const char *name, uint64_t own, uint64_t limit,
	      struct elf_call *ret_calls, size_t n);

/*
 * Text in the constants of a file: .rodata, .gopclntab and .go.buildinfo, or, without any of them,
 * the whole file; at most `limit` bytes of each. Up to 32 needles.
 *
 * elf_find_text: the first of the needles that is met: its index, -ENOENT, or -errno. ret_text gets
 * what stands there, up to the first byte that is not printable.
 * elf_scan_text: which of them are there at all, a bit each. 0 or -errno.
 */
int elf_find_text(struct elf *elf, const char *const *needles, size_t n, uint64_t limit,
		  char *ret_text, size_t size);
int elf_scan_text(struct elf *elf, const char *const *needles, size_t n, uint64_t limit,
		  uint32_t *ret_found);
