/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_build.h - makes small ELF libraries in memory: functions with given code, their dynamic
 * symbols, a build id. For tests of what reads such files, and for the seeds of their fuzz corpus.
 */
#pragma once

#include <elf.h>
#include <stdint.h>
#include <string.h>

#define BUILD_SIZE   8192
#define BUILD_TEXT   0x1000 /* offset of .text in the file */
#define BUILD_VADDR  0x401000 /* its address: not the offset */
#define BUILD_PLT    0x1800 /* the second half of the code segment is .plt */
#define BUILD_NAMES  0x800
#define BUILD_SYMS   0x400
#define BUILD_RODATA 0xc00
#define BUILD_RELA   0xe00
#define BUILD_SLOT   0x402800 /* the address of what an import is called through */

struct elf_build {
	uint8_t bytes[BUILD_SIZE];
	size_t n_syms, names, text, plt, n_imports;
};

static inline void build_begin(struct elf_build *b, uint16_t machine)
{
	memset(b, 0, sizeof(*b));
	memset(b->bytes + BUILD_TEXT, 0xcc, 0x1000);
	b->n_syms = 1;
	b->names = 1;
	*(Elf64_Ehdr *)b->bytes = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		.e_type = ET_DYN,
		.e_machine = machine,
		.e_phoff = 64,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
		.e_shoff = 0x100,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 7,
		.e_shstrndx = 5,
	};
}

/* Puts code at the next place (a multiple of 64) and gives its address; name NULL: no symbol. */
static inline uint64_t build_function(struct elf_build *b, const char *name, const void *code,
				      size_t n)
{
	uint64_t vaddr = BUILD_VADDR + b->text;

	memcpy(b->bytes + BUILD_TEXT + b->text, code, n);
	if (name) {
		Elf64_Sym *sym = (Elf64_Sym *)(b->bytes + BUILD_SYMS) + b->n_syms++;

		sym->st_name = (uint32_t)b->names;
		sym->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
		sym->st_shndx = 1;
		sym->st_value = vaddr;
		sym->st_size = n;
		memcpy(b->bytes + BUILD_NAMES + b->names, name, strlen(name) + 1);
		b->names += strlen(name) + 1;
	}
	b->text += (n + 63) / 64 * 64;
	return vaddr;
}

/*
 * An imported function: its symbol, the relocation of its slot, and a stub of the .plt that ends in
 * the distance to the slot. Gives the stub's address.
 */
static inline uint64_t build_import(struct elf_build *b, const char *name, const char *stub,
				    size_t stub_n)
{
	Elf64_Sym *sym = (Elf64_Sym *)(b->bytes + BUILD_SYMS) + b->n_syms;
	Elf64_Rela *rela = (Elf64_Rela *)(b->bytes + BUILD_RELA) + b->n_imports;
	uint64_t slot = BUILD_SLOT + 8 * b->n_imports++;
	uint64_t vaddr = BUILD_VADDR + BUILD_PLT - BUILD_TEXT + b->plt;
	int32_t distance = (int32_t)(slot - (vaddr + stub_n));

	sym->st_name = (uint32_t)b->names;
	sym->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	memcpy(b->bytes + BUILD_NAMES + b->names, name, strlen(name) + 1);
	b->names += strlen(name) + 1;
	rela->r_offset = slot;
	rela->r_info = ELF64_R_INFO(b->n_syms++, R_X86_64_JUMP_SLOT);
	memcpy(b->bytes + BUILD_PLT + b->plt, stub, stub_n);
	memcpy(b->bytes + BUILD_PLT + b->plt + stub_n - 4, &distance, 4);
	b->plt += 16;
	return vaddr;
}

/* Sets the distance of the call or jump that is `at` bytes into the function at vaddr. */
static inline void build_branch(struct elf_build *b, uint64_t vaddr, size_t at, uint64_t target)
{
	int32_t distance = (int32_t)(target - (vaddr + at + 5));

	memcpy(b->bytes + BUILD_TEXT + (vaddr - BUILD_VADDR) + at + 1, &distance, 4);
}

static inline void build_end(struct elf_build *b)
{
	static const char names[] = "\0.text\0.dynsym\0.dynstr\0.plt\0.shstrtab\0.rela.plt";
	Elf64_Phdr *segments = (Elf64_Phdr *)(b->bytes + 64);
	Elf64_Shdr *sections = (Elf64_Shdr *)(b->bytes + 0x100);
	uint8_t *note = b->bytes + BUILD_RODATA;

	segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_flags = PF_R | PF_X,
				   .p_offset = BUILD_TEXT,
				   .p_vaddr = BUILD_VADDR,
				   .p_filesz = 0x1000,
				   .p_memsz = 0x1000};
	segments[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_flags = PF_R, .p_offset = BUILD_RODATA, .p_filesz = 20};
	memcpy(note, "\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\xde\xad\xbe\xef", 20);
	sections[1] = (Elf64_Shdr){.sh_name = 1,
				   .sh_type = SHT_PROGBITS,
				   .sh_addr = BUILD_VADDR,
				   .sh_offset = BUILD_TEXT,
				   .sh_size = BUILD_PLT - BUILD_TEXT};
	sections[2] = (Elf64_Shdr){.sh_name = 7,
				   .sh_type = SHT_DYNSYM,
				   .sh_offset = BUILD_SYMS,
				   .sh_size = b->n_syms * sizeof(Elf64_Sym),
				   .sh_entsize = sizeof(Elf64_Sym),
				   .sh_link = 3};
	sections[3] = (Elf64_Shdr){.sh_name = 15,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = BUILD_NAMES,
				   .sh_size = b->names};
	sections[4] = (Elf64_Shdr){.sh_name = 23,
				   .sh_type = SHT_PROGBITS,
				   .sh_addr = BUILD_VADDR + BUILD_PLT - BUILD_TEXT,
				   .sh_offset = BUILD_PLT,
				   .sh_size = 0x800};
	sections[5] = (Elf64_Shdr){
		.sh_name = 28, .sh_type = SHT_STRTAB, .sh_offset = 0xd00, .sh_size = sizeof(names)};
	sections[6] = (Elf64_Shdr){.sh_name = 38,
				   .sh_type = SHT_RELA,
				   .sh_offset = BUILD_RELA,
				   .sh_size = b->n_imports * sizeof(Elf64_Rela),
				   .sh_entsize = sizeof(Elf64_Rela),
				   .sh_link = 2};
	memcpy(b->bytes + 0xd00, names, sizeof(names));
}
