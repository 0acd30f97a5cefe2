/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/elf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/kern/elf_private.h"

#define SECTIONS_MAX 4096 /* a library has about 30; with -ffunction-sections, objects only */
#define SEGMENTS_MAX 128
#define STRINGS_MAX  (64u << 20) /* of one string table */
#define SYMBOLS_MAX  (4u << 20) /* of one symbol table: node has 200,000 */
#define NAMES_MAX    64 /* asked for at once */

bool elf_within(uint64_t offset, uint64_t n, uint64_t size)
{
	return offset <= size && n <= size - offset;
}

int elf_get(const struct elf *elf, uint64_t offset, void *ret, size_t n)
{
	size_t done = 0;

	if (!elf_within(offset, n, elf->size))
		return -EBADMSG;
	if (elf->fd < 0) {
		if (n)
			memcpy(ret, elf->data + offset, n);
		return 0;
	}
	while (done < n) {
		ssize_t r = pread(elf->fd, (char *)ret + done, n - done, (off_t)(offset + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EBADMSG; /* it shrank */
		done += (size_t)r;
	}
	return 0;
}

int elf_get_table(const struct elf *elf, uint64_t offset, uint64_t n, uint64_t max,
		  void **ret_table)
{
	_cleanup_free_ char *table = NULL;
	int r;

	if (n > max)
		return -EFBIG;
	if (!elf_within(offset, n, elf->size))
		return -EBADMSG;
	table = malloc(n + 1);
	if (!table)
		return -ENOMEM;
	r = elf_get(elf, offset, table, n);
	if (r < 0)
		return r;
	table[n] = '\0';
	*ret_table = TAKE_PTR(table);
	return 0;
}

static int read_header(struct elf *elf)
{
	const unsigned char *id = elf->header.e_ident;
	int r;

	if (elf->size < sizeof(elf->header))
		return -ENOEXEC;
	r = elf_get(elf, 0, &elf->header, sizeof(elf->header));
	if (r < 0)
		return r;
	if (memcmp(id, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	if (elf->header.e_type != ET_DYN && elf->header.e_type != ET_EXEC)
		return -ENOEXEC;
	return 0;
}

static int read_segments(struct elf *elf)
{
	void *table = NULL;
	size_t n = elf->header.e_phnum;
	int r;

	if (n == 0 || n > SEGMENTS_MAX || elf->header.e_phentsize != sizeof(Elf64_Phdr))
		return -EBADMSG;
	r = elf_get_table(elf, elf->header.e_phoff, n * sizeof(Elf64_Phdr), UINT32_MAX, &table);
	if (r < 0)
		return r;
	elf->segments = table;
	elf->n_segments = n;
	return 0;
}

/* A file without section headers has no symbols we could use: that is not an error. */
static int read_sections(struct elf *elf)
{
	size_t n = elf->header.e_shnum, names = elf->header.e_shstrndx;
	const Elf64_Shdr *section;
	void *table = NULL;
	int r;

	if (n == 0 || elf->header.e_shoff == 0)
		return 0;
	if (n > SECTIONS_MAX || elf->header.e_shentsize != sizeof(Elf64_Shdr) || names >= n)
		return -EBADMSG;
	r = elf_get_table(elf, elf->header.e_shoff, n * sizeof(Elf64_Shdr), UINT32_MAX, &table);
	if (r < 0)
		return r;
	elf->sections = table;
	elf->n_sections = n;
	section = &elf->sections[names];
	r = elf_get_table(elf, section->sh_offset, section->sh_size, 1u << 20, &table);
	if (r < 0)
		return r;
	elf->section_names = table;
	elf->section_names_size = section->sh_size;
	return 0;
}

static void elf_freep(struct elf **elf)
{
	elf_free(*elf);
}

static int open_any(int fd, const void *data, uint64_t size, struct elf **ret_elf)
{
	_cleanup_(elf_freep) struct elf *elf = calloc(1, sizeof(*elf));
	int r;

	if (!elf)
		return -ENOMEM;
	elf->fd = fd;
	elf->data = data;
	elf->size = size;
	r = read_header(elf);
	if (r == 0)
		r = read_segments(elf);
	if (r == 0)
		r = read_sections(elf);
	if (r < 0)
		return r;
	*ret_elf = TAKE_PTR(elf);
	return 0;
}

int elf_open_fd(int fd, struct elf **ret_elf)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < 0)
		return -errno;
	return open_any(fd, NULL, (uint64_t)size, ret_elf);
}

int elf_open_memory(const void *data, size_t size, struct elf **ret_elf)
{
	return open_any(-1, data, size, ret_elf);
}

void elf_free(struct elf *elf)
{
	if (!elf)
		return;
	free(elf->segments);
	free(elf->sections);
	free(elf->section_names);
	free(elf);
}

uint16_t elf_machine(const struct elf *elf)
{
	return elf->header.e_machine;
}

/* ---------------------------------------------------------------------------------------------
 * Sections and segments
 */
const Elf64_Shdr *elf_section(const struct elf *elf, const char *name)
{
	for (size_t i = 0; i < elf->n_sections; i++) {
		uint64_t at = elf->sections[i].sh_name;

		if (at < elf->section_names_size && strcmp(elf->section_names + at, name) == 0)
			return &elf->sections[i];
	}
	return NULL;
}

bool elf_has_section(struct elf *elf, const char *name)
{
	return elf_section(elf, name) != NULL;
}

bool elf_in_section(struct elf *elf, const char *name, uint64_t vaddr)
{
	const Elf64_Shdr *section = elf_section(elf, name);

	return section && vaddr >= section->sh_addr && vaddr - section->sh_addr < section->sh_size;
}

static const Elf64_Phdr *code_segment(const struct elf *elf, uint64_t vaddr)
{
	for (size_t i = 0; i < elf->n_segments; i++) {
		const Elf64_Phdr *p = &elf->segments[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && vaddr >= p->p_vaddr &&
		    vaddr - p->p_vaddr < p->p_filesz)
			return p;
	}
	return NULL;
}

int elf_code_offset(const struct elf *elf, uint64_t vaddr, uint64_t *ret_offset)
{
	const Elf64_Phdr *p = code_segment(elf, vaddr);
	uint64_t offset;

	if (!p || __builtin_add_overflow(vaddr - p->p_vaddr, p->p_offset, &offset) ||
	    offset >= elf->size)
		return -ENOENT;
	*ret_offset = offset;
	return 0;
}

int elf_code(struct elf *elf, uint64_t vaddr, void *ret_bytes, size_t n)
{
	const Elf64_Phdr *p = code_segment(elf, vaddr);
	uint64_t offset = 0, left;
	int r = elf_code_offset(elf, vaddr, &offset);

	if (r < 0)
		return r;
	left = p->p_filesz - (vaddr - p->p_vaddr);
	if (left > elf->size - offset)
		left = elf->size - offset;
	if (n > left)
		n = left;
	if (n > INT32_MAX)
		n = INT32_MAX;
	r = elf_get(elf, offset, ret_bytes, n);
	return r < 0 ? r : (int)n;
}

/* ---------------------------------------------------------------------------------------------
 * Symbols
 */

/* What a walk over symbols looks for; false ends the walk. */
typedef bool (*symbol_fn)(const Elf64_Sym *symbol, const char *name, void *userdata);

static int walk_table(struct elf *elf, const Elf64_Shdr *section, symbol_fn fn, void *userdata)
{
	_cleanup_free_ Elf64_Sym *piece = NULL;
	_cleanup_free_ void *strings = NULL;
	const Elf64_Shdr *linked;
	uint64_t n = section->sh_size / sizeof(Elf64_Sym);
	int r;

	if (section->sh_entsize != sizeof(Elf64_Sym) || section->sh_link >= elf->n_sections)
		return -EBADMSG;
	if (n > SYMBOLS_MAX)
		return -EFBIG;
	linked = &elf->sections[section->sh_link];
	r = elf_get_table(elf, linked->sh_offset, linked->sh_size, STRINGS_MAX, &strings);
	if (r < 0)
		return r;
	piece = malloc(PIECE);
	if (!piece)
		return -ENOMEM;
	for (uint64_t done = 0; done < n;) {
		size_t now = PIECE / sizeof(Elf64_Sym);
		uint64_t offset;

		if (now > n - done)
			now = n - done;
		if (__builtin_add_overflow(section->sh_offset, done * sizeof(Elf64_Sym), &offset))
			return -EBADMSG;
		r = elf_get(elf, offset, piece, now * sizeof(Elf64_Sym));
		if (r < 0)
			return r;
		for (size_t i = 0; i < now; i++) {
			if (piece[i].st_name >= linked->sh_size)
				continue;
			if (!fn(&piece[i], (char *)strings + piece[i].st_name, userdata))
				return 1;
		}
		done += now;
	}
	return 0;
}

/* 1: the function ended it. A table that cannot be read is as if it were not there. */
static int walk_symbols(struct elf *elf, uint32_t type, symbol_fn fn, void *userdata)
{
	for (size_t i = 0; i < elf->n_sections; i++) {
		int r = elf->sections[i].sh_type == type
				? walk_table(elf, &elf->sections[i], fn, userdata)
				: 0;

		if (r != 0)
			return r;
	}
	return 0;
}

static bool is_function(const Elf64_Sym *symbol)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
	       symbol->st_value != 0;
}

struct wanted {
	const struct elf *elf;
	const char *const *names;
	size_t n, found;
	struct elf_symbol *symbols;
	bool first[256]; /* letters the names begin with */
};

static bool take_wanted(const Elf64_Sym *symbol, const char *name, void *userdata)
{
	struct wanted *wanted = userdata;

	/* of two hundred thousand names most end here */
	if (!wanted->first[(unsigned char)name[0]] || !is_function(symbol))
		return true;
	for (size_t i = 0; i < wanted->n; i++) {
		if (wanted->symbols[i].vaddr || strcmp(name, wanted->names[i]) != 0)
			continue;
		if (!code_segment(wanted->elf, symbol->st_value))
			break;
		wanted->symbols[i] =
			(struct elf_symbol){.vaddr = symbol->st_value, .size = symbol->st_size};
		wanted->found++;
		break;
	}
	return wanted->found < wanted->n;
}

int elf_symbols(struct elf *elf, const char *const *names, size_t n, struct elf_symbol *ret_symbols)
{
	struct elf_symbol symbols[NAMES_MAX] = {};
	struct wanted wanted = {.elf = elf, .names = names, .n = n, .symbols = symbols};
	int dynamic, full = 0;

	if (n > NAMES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		wanted.first[(unsigned char)names[i][0]] = true;
	dynamic = walk_symbols(elf, SHT_DYNSYM, take_wanted, &wanted);
	if (wanted.found == 0)
		full = walk_symbols(elf, SHT_SYMTAB, take_wanted, &wanted);
	if (wanted.found == 0 && (dynamic < 0 || full < 0))
		return dynamic < 0 ? dynamic : full;
	memcpy(ret_symbols, symbols, n * sizeof(*symbols));
	return (int)wanted.found;
}

struct named {
	uint64_t vaddr;
	char *name;
	size_t size;
	bool found;
};

static bool take_named(const Elf64_Sym *symbol, const char *name, void *userdata)
{
	struct named *named = userdata;

	if (symbol->st_value != named->vaddr || !is_function(symbol) || !name[0])
		return true;
	snprintf(named->name, named->size, "%s", name);
	named->found = true;
	return false;
}

int elf_name_at(struct elf *elf, uint64_t vaddr, char *ret_name, size_t size)
{
	struct named named = {.vaddr = vaddr, .name = ret_name, .size = size};

	walk_symbols(elf, SHT_DYNSYM, take_named, &named);
	if (!named.found)
		walk_symbols(elf, SHT_SYMTAB, take_named, &named);
	return named.found ? 0 : -ENOENT;
}
