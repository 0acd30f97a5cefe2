/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_private.h - what the parts of the ELF reader share: the open file and reads that are checked
 * against its size.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE 65536 /* bytes read at once */

struct elf {
	int fd; /* borrowed; -1: memory */
	const uint8_t *data;
	uint64_t size;
	Elf64_Ehdr header;
	Elf64_Phdr *segments;
	Elf64_Shdr *sections;
	size_t n_segments, n_sections;
	char *section_names; /* NUL-terminated */
	uint64_t section_names_size;
};

bool elf_within(uint64_t offset, uint64_t n, uint64_t size);
/* All n bytes or an error. */
int elf_get(const struct elf *elf, uint64_t offset, void *ret, size_t n);
/* A table of the file, with a NUL behind it; the caller frees it. -EFBIG: more than max. */
int elf_get_table(const struct elf *elf, uint64_t offset, uint64_t n, uint64_t max,
		  void **ret_table);
/* Borrowed; NULL. */
const Elf64_Shdr *elf_section(const struct elf *elf, const char *name);
