/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_calls.c - which code of a file calls a function, be it the file's own or imported: a call of
 * the function, of a stub of the procedure linkage table that jumps there (endbr64 and bnd before
 * the jump or not), or through the function's slot in the global offset table. x86-64.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/elf_private.h"

#define RELOCATIONS_MAX (8u << 20) /* bytes of one table */
#define SYMBOLS_MAX     (16u << 20) /* bytes of the dynamic ones and of their names */
#define STUBS_MAX       (1u << 20) /* bytes of one .plt */
#define STUB_STARTS     8

struct callee {
	uint64_t own; /* 0: not defined here */
	uint64_t slot; /* 0: not imported */
	uint64_t stubs[STUB_STARTS];
	size_t n_stubs;
};

static int32_t distance_at(const uint8_t *code)
{
	int32_t distance;

	memcpy(&distance, code, sizeof(distance));
	return distance;
}

/* ---------------------------------------------------------------------------------------------
 * Imported: its slot, and the stubs that jump through it
 */
static int find_symbol(struct elf *elf, const Elf64_Shdr *dynamic, const char *name,
		       uint64_t *ret_index)
{
	_cleanup_free_ void *symbols = NULL, *strings = NULL;
	const Elf64_Sym *symbol;
	const Elf64_Shdr *names;
	int r;

	if (dynamic->sh_link >= elf->n_sections)
		return -EBADMSG;
	names = &elf->sections[dynamic->sh_link];
	r = elf_get_table(elf, dynamic->sh_offset, dynamic->sh_size, SYMBOLS_MAX, &symbols);
	if (r == 0)
		r = elf_get_table(elf, names->sh_offset, names->sh_size, SYMBOLS_MAX, &strings);
	if (r < 0)
		return r;
	symbol = symbols;
	for (uint64_t i = 0; i < dynamic->sh_size / sizeof(*symbol); i++)
		if (symbol[i].st_name < names->sh_size &&
		    strcmp((const char *)strings + symbol[i].st_name, name) == 0) {
			*ret_index = i;
			return 0;
		}
	return -ENOENT;
}

static int find_slot(struct elf *elf, uint64_t index, uint64_t *ret_slot)
{
	for (size_t i = 0; i < elf->n_sections; i++) {
		const Elf64_Shdr *section = &elf->sections[i];
		_cleanup_free_ void *table = NULL;
		const Elf64_Rela *rela;

		if (section->sh_type != SHT_RELA ||
		    elf_get_table(elf, section->sh_offset, section->sh_size, RELOCATIONS_MAX,
				  &table) < 0)
			continue;
		rela = table;
		for (uint64_t k = 0; k < section->sh_size / sizeof(*rela); k++) {
			uint64_t type = ELF64_R_TYPE(rela[k].r_info);

			if (ELF64_R_SYM(rela[k].r_info) == index &&
			    (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)) {
				*ret_slot = rela[k].r_offset;
				return 0;
			}
		}
	}
	return -ENOENT;
}

static void add_stub(struct callee *callee, uint64_t vaddr)
{
	if (callee->n_stubs < STUB_STARTS)
		callee->stubs[callee->n_stubs++] = vaddr;
}

/* jmp *slot(%rip), and where a call of it may come in. */
static void find_stubs(struct elf *elf, const char *name, struct callee *callee)
{
	const Elf64_Shdr *section = elf_section(elf, name);
	_cleanup_free_ void *table = NULL;
	const uint8_t *code;

	if (!section || section->sh_type != SHT_PROGBITS ||
	    elf_get_table(elf, section->sh_offset, section->sh_size, STUBS_MAX, &table) < 0)
		return;
	code = table;
	for (uint64_t i = 0; i + 6 <= section->sh_size; i++) {
		uint64_t at = section->sh_addr + i, start = i;

		if (code[i] != 0xff || code[i + 1] != 0x25 ||
		    at + 6 + (uint64_t)(int64_t)distance_at(code + i + 2) != callee->slot)
			continue;
		add_stub(callee, at);
		if (start >= 1 && code[start - 1] == 0xf2) /* bnd */
			add_stub(callee, section->sh_addr + --start);
		if (start >= 4 && memcmp(code + start - 4, "\xf3\x0f\x1e\xfa", 4) == 0)
			add_stub(callee, section->sh_addr + start - 4);
	}
}

static void find_import(struct elf *elf, const char *name, struct callee *callee)
{
	uint64_t index = 0;

	for (size_t i = 0; i < elf->n_sections; i++) {
		if (elf->sections[i].sh_type != SHT_DYNSYM)
			continue;
		if (find_symbol(elf, &elf->sections[i], name, &index) == 0 &&
		    find_slot(elf, index, &callee->slot) == 0)
			break;
	}
	if (!callee->slot)
		return;
	find_stubs(elf, ".plt", callee);
	find_stubs(elf, ".plt.sec", callee);
	find_stubs(elf, ".plt.got", callee);
}

/* ---------------------------------------------------------------------------------------------
 * Calls
 */
static bool is_callee(const struct callee *callee, uint64_t target)
{
	if (callee->own && target == callee->own)
		return true;
	for (size_t i = 0; i < callee->n_stubs; i++)
		if (callee->stubs[i] == target)
			return true;
	return false;
}

/* A distance of four bytes does not match by chance: no need to know where instructions begin. */
static size_t call_bytes(const struct callee *callee, const uint8_t *code, size_t n, uint64_t vaddr)
{
	if (n >= 5 && code[0] == 0xe8 &&
	    is_callee(callee, vaddr + 5 + (uint64_t)(int64_t)distance_at(code + 1)))
		return 5;
	if (n >= 6 && code[0] == 0xff && code[1] == 0x15 && callee->slot &&
	    vaddr + 6 + (uint64_t)(int64_t)distance_at(code + 2) == callee->slot)
		return 6;
	return 0;
}

int elf_calls(struct elf *elf, const char *name, uint64_t own, uint64_t limit,
	      struct elf_call *ret_calls, size_t n)
{
	const Elf64_Shdr *text = elf_section(elf, ".text");
	struct callee callee = {.own = own};
	_cleanup_free_ uint8_t *piece = NULL;
	size_t found = 0;

	if (elf->header.e_machine != EM_X86_64)
		return -ENOTSUP;
	if (!text || text->sh_type != SHT_PROGBITS)
		return -ENOENT;
	if (text->sh_size > limit)
		return -EFBIG;
	find_import(elf, name, &callee);
	piece = malloc(PIECE);
	if (!piece)
		return -ENOMEM;
	/* pieces overlap by a call less one byte */
	for (uint64_t done = 0, step; done < text->sh_size; done += step) {
		uint64_t left = text->sh_size - done;
		size_t now = left < PIECE ? left : PIECE;
		int r;

		if (!elf_within(text->sh_offset, text->sh_size, elf->size))
			return -EBADMSG;
		r = elf_get(elf, text->sh_offset + done, piece, now);
		if (r < 0)
			return r;
		step = now < left ? now - 5 : now;
		for (size_t i = 0; i < step; i++) {
			uint64_t vaddr = text->sh_addr + done + i;
			size_t bytes = call_bytes(&callee, piece + i, now - i, vaddr);

			if (!bytes)
				continue;
			if (found < n)
				ret_calls[found] =
					(struct elf_call){.vaddr = vaddr, .bytes = (uint8_t)bytes};
			found++;
		}
	}
	return (int)(found > INT32_MAX ? INT32_MAX : found);
}
